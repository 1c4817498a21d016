"""Holds both verifiers to one another over mutants: published vectors with something in them changed at random.

    mutants.py target/release/lienthong tests/vectors SEED COUNT

Answers, trust anchors and status lists are changed as JSON (fields gone, doubled, moved, of another type), as text, and in
the bits behind their base64. `lienthong verify` and tools/verify.py must give the same exit code, and the same verdict,
code and failed checks for each record. The typed form is left out: only one of the two knows the protos. The first mutant that they
judge differently is written to mutant.json, as a vector.
"""

import base64
import binascii
import copy
import json
import pathlib
import random
import re
import sys
import tempfile

import vectors

VALUES = [None, 0, 1, -1, "0", "1", "", [], {}, "00", " 1", 1.0, "1e3", 2**53, str(2**53), 2**64 - 1, str(2**64), "-0", True, "AAAA",
          "====", "é", "\u0000", "0x1", "１"]
NAMES = ["x", "statement", "ledger_proof", "ledgerProof", "index", "recordType", "record", "signed", "partial", "whole", "root", "eventsFrom"]
MUTATED_MAX = 2


def nodes(value, path=()):
    """All values in a JSON value, with their paths."""
    yield path, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        yield from nodes(inner, (*path, step))


def put(root, path, value):
    """The JSON with another value at the path."""
    if not path:
        return value
    inner = root
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return root


def other_text(rnd, text):
    """A text that is almost this one: by a character, in its base64 form, or by a bit behind it."""
    if not text:
        return rnd.choice(["a", "A=", "AA"])
    at = rnd.randrange(len(text))
    changes = [
        lambda: text[:at] + rnd.choice("ABab01+/-_=\n ") + text[at + 1:],
        lambda: text[:at] + text[at + 1:],
        lambda: text[:at] + rnd.choice("Aa0+=\n ") + text[at:],
        lambda: text.rstrip("="),
        lambda: text.replace("+", "-").replace("/", "_"),
        lambda: text + rnd.choice("= "),
        lambda: text + text,
        lambda: other_bit(rnd, text),
        lambda: int(text) if text.isascii() and text.isdigit() else text.upper(),
    ]
    return rnd.choice(changes)()


def other_bit(rnd, text):
    try:
        raw = bytearray(base64.b64decode(text))
        raw[rnd.randrange(len(raw))] ^= 1 << rnd.randrange(8)
        return base64.b64encode(raw).decode()
    except (binascii.Error, ValueError):
        return text.lower()


def mutate(rnd, root):
    """The JSON with one thing changed in it."""
    all_nodes = list(nodes(root))
    path, value = rnd.choice(all_nodes)
    choice = rnd.randrange(10)
    if choice < 4 and isinstance(value, str):
        return put(root, path, other_text(rnd, value))
    if choice == 4 and path:
        put(root, path[:-1], without(dict(all_nodes)[path[:-1]], path[-1]))
        return root if len(path) > 1 else without(root, path[-1])
    if choice == 5:
        return put(root, path, copy.deepcopy(rnd.choice(VALUES)))
    if choice == 6:
        return put(root, path, copy.deepcopy(rnd.choice(all_nodes)[1]))
    if choice == 7 and isinstance(value, dict):
        return put(root, path, {**value, rnd.choice(NAMES): copy.deepcopy(rnd.choice(VALUES))})
    if choice == 8 and isinstance(value, list) and value:
        return put(root, path, rnd.choice([value + [copy.deepcopy(rnd.choice(value))], value[::-1], value[:-1]]))
    if type(value) is int:
        return put(root, path, value + rnd.choice([-1, 1, 2**31, 2**53]))
    return root


def without(value, step):
    if isinstance(value, dict):
        return {name: inner for name, inner in value.items() if name != step}
    return value[:step] + value[step + 1:]


def hostile(rnd, text):
    """The text with a number, a name or a value in a form that readers differ about."""
    places = [match.start() for match in re.finditer(r"(?<=[:,\[] )[\"0-9\[{]|(?<=[:,\[])[\"0-9\[{]", text)]
    if not places:
        return text
    at = rnd.choice(places)
    value = rnd.choice(["-0", "0.0", "1e2", "1" * 400, '"\\ud800"', "[" * 70 + "]" * 70, "NaN", "1.", "01", '"\U00010d69\u0323"', '"\u0378"', '"\U0001f600"', '{"a":1,"a":2}', "null", '""'])
    member = rnd.choice([f'"requestId":{value},', f'"request_id":{value},', f'"missing":[{value}],', f'"person":{value},', f'"x":{value},',
                         '"records":[],', '"found":{},', f'"index":{value},', f'"events_from":{value},', f'"signatures":{value},'])
    brace = rnd.choice([match.end() for match in re.finditer("{", text)] or [0])
    end = re.match(r'"[^"]*"|[0-9]+|', text[at:]).end()
    return rnd.choice([text[:at] + value + text[at + end:], text[:brace] + member + text[brace:]])


def other_file(rnd, text):
    """The text of a file with one character changed, gone, added, or written as an escape; or something hostile in it."""
    if rnd.random() < 0.5:
        return hostile(rnd, text)
    at = rnd.randrange(len(text))
    escape = f"\\u{ord(text[at]):04x}" if ord(text[at]) < 0x10000 else text[at]
    added = rnd.choice(["/**/", " ", "\ufeff", "\u00a0", "\f", "null", "{}", "x"])
    return rnd.choice([text[:at] + rnd.choice("{}[]\",:0 \n\\a") + text[at + 1:], text[:at] + text[at + 1:],
                       text[:at] + escape + text[at + 1:], text[:at] + added + text[at:], text + added])


def mutant(rnd, seeds):
    """A vector that was changed; its expectation no longer applies."""
    vector = copy.deepcopy(rnd.choice(seeds))
    text = vector["file"] if "file" in vector else json.dumps(vector["records"], ensure_ascii=False)
    what = rnd.choice(["records"] * 4 + ["file"] * 3 + ["anchor"] * 3 + ["anchor file"] + ["status", "stranger"])
    if what == "records":
        try:
            records = json.loads(text)
            for _ in range(rnd.randint(1, MUTATED_MAX)):
                records = mutate(rnd, records)
            text = json.dumps(records, ensure_ascii=rnd.random() < 0.3)
        except ValueError:
            what = "file"
    if what == "file":
        text = other_file(rnd, text)
    elif what == "anchor file":
        vector["anchor_text"] = other_file(rnd, json.dumps(vector["trust_anchor"]))
    elif what == "anchor":
        for _ in range(rnd.randint(1, MUTATED_MAX)):
            vector["trust_anchor"] = mutate(rnd, vector["trust_anchor"])
    elif what == "stranger":
        vector["trust_anchor"] = rnd.choice(seeds)["trust_anchor"]
    elif what == "status" and vector.get("status_lists"):
        at = rnd.randrange(len(vector["status_lists"]))
        vector["status_lists"][at] = other_text(rnd, vector["status_lists"][at])
    kept = {name: vector[name] for name in ("format", "name", "at", "trust_anchor", "anchor_text", "status_lists") if name in vector}
    return {**kept, "file": text}


def ours(program, folder, vector):
    """What `lienthong verify` says of a vector, in the form of its `expected`."""
    command = [program, "verify", "records.json", "--trust", "anchor.json", "--at", vector["at"], "--output", "json"]
    files = {"records.json": vector["file"], "anchor.json": vectors.anchor_text(vector)}
    for number, status in enumerate(vector.get("status_lists", [])):
        files[f"{number}.jwt"] = status
        command += ["--status", f"{number}.jwt"]
    for name, text in files.items():
        pathlib.Path(folder, name).write_text(text, encoding="utf-8", newline="")
    done = vectors.run(command, folder)
    items = json.loads(done.stdout)["records"] if done.stdout else []
    return {"exit_code": done.returncode, "records": [
        {"verdict": item["verdict"], "code": item["code"],
         "fails": [check["name"] for check in item["checks"] if check["outcome"] == "fail" and check["name"] != "typed_form"]}
        for item in items if "verdict" in item]}


def main(program, folder, seed, count):
    program, rnd = str(pathlib.Path(program).resolve()), random.Random(int(seed))
    seeds = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(pathlib.Path(folder).glob("*.json"))]
    seeds = [vector for vector in seeds if vector["format"] == "lienthong/vector/v1" and vector.get("status_lists") != []]
    codes = {}
    with tempfile.TemporaryDirectory(prefix="lienthong-mutants-") as place:
        for number in range(int(count)):
            vector = mutant(rnd, seeds)
            try:
                vector["file"].encode()
            except UnicodeEncodeError:
                continue
            said, theirs = ours(program, place, vector), vectors.judge_vector(vector)
            for record in theirs["records"]:
                record["fails"] = [name for name in record["fails"] if name != "typed_form"]
            # a file that breaks off in the middle was judged up to there, or not at all: only its refusal counts
            if said["exit_code"] in (3, 5) or theirs["exit_code"] in (3, 5):
                same = said["exit_code"] == theirs["exit_code"]
            else:
                same = said == theirs
            if not same:
                pathlib.Path("mutant.json").write_text(json.dumps(vector, ensure_ascii=False, indent=2), encoding="utf-8")
                print(f"mutant {number} of {vector['name']} (seed {seed}): lienthong says {said}, tools/verify.py {theirs}; see mutant.json")
                return False
            codes[said["exit_code"]] = codes.get(said["exit_code"], 0) + 1
    print(f"mutants: {sum(codes.values())} judged alike, by exit code {dict(sorted(codes.items()))}")
    return len(codes) > 12


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 1)
