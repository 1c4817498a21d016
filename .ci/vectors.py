"""Holds tools/verify.py to the published vectors, and both verifiers to one another over what a gateway answers.

    vectors.py files tests/vectors                     each vector through tools/verify.py
    vectors.py live target/release/lienthong grpcurl   starts a gateway, fetches whole and partial records, verifies them with
                                                       both, then spoils them byte by byte: both must say the same
"""

import base64
import copy
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import verify  # noqa: E402


def judge_vector(vector):
    """What the verifier says of a vector, in the form of its `expected`."""
    file = vector["file"] if "file" in vector else json.dumps(vector["records"], ensure_ascii=False)
    printer = verify.Printer("none", False)
    try:
        anchor = verify.Anchor(json.dumps(vector["trust_anchor"]).encode())
    except verify.Refused:
        return {"exit_code": verify.EXIT_ANCHOR, "records": []}
    try:
        now = verify.milliseconds(vector["at"])
        lists = [found for found in (read_list(text, anchor) for text in vector.get("status_lists", [])) if found]

        def further(report, record):
            if "status_lists" in vector:
                verify.verify_status(report, record, lists, now)

        verify.verify_file(vector["name"], file.encode(), anchor, now, printer, further)
        code = printer.finish()
    except verify.Refused:
        code = verify.EXIT_FILE
    return {"exit_code": code, "records": [
        {"verdict": item["verdict"], "code": item["code"],
         "fails": [check["name"] for check in item["checks"] if check["outcome"] == "fail"]}
        for item in printer.items if "verdict" in item]}


def read_list(text, anchor):
    try:
        return verify.StatusList(text, anchor)
    except verify.Refused:
        return None


def holds(check, *arguments):
    try:
        check(*arguments)
        return True
    except verify.Refused:
        return False


def judge_tree(vector):
    """Whether the verifier agrees with everything that a tree vector says."""
    def hashes(texts):
        return [bytes.fromhex(text) for text in texts]

    def consistent(proof):
        old_root = bytes.fromhex(proof["old_root"])
        return holds(verify.check_consistency, proof["old_size"], old_root, size, root, hashes(proof["path"]))

    size, root = vector["size"], bytes.fromhex(vector["root"])
    leaves = [verify.hash_leaf(number.to_bytes(2, "big")) for number in range(size)]
    included = all(holds(verify.check_inclusion, leaves[proof["index"]], proof["index"], size, hashes(proof["path"]), root)
                   for proof in vector["inclusion"])
    return (verify.tree_root(leaves) == root and included and all(map(consistent, vector["consistency"]))
            and not any(map(consistent, vector["refused_consistency"])))


def judge_policy(vector):
    try:
        policy = verify.Policy(vector["policy"].encode())
    except verify.Refused:
        return {"readable": False}
    (verdict, code), _ = policy.judge(vector["checkpoint"].encode(), verify.milliseconds(vector["at"]), vector["age_max_ms"])
    return {"readable": True, "verdict": verdict, "code": code}


# What tools/verify.py does not read: whole logs, wallets' presentations, and how one anchor follows another.
PASSED_OVER = {f"lienthong/{what}-vector/v1" for what in ("log", "presentation", "succession")}


def files(folder):
    wrong, count = 0, 0
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        vector = json.loads(path.read_text(encoding="utf-8"))
        if vector["format"] in PASSED_OVER:
            continue
        judge, expected = {
            "lienthong/vector/v1": (judge_vector, vector.get("expected")),
            "lienthong/policy-vector/v1": (judge_policy, vector.get("expected")),
            "lienthong/tree-vector/v1": (judge_tree, True),
        }[vector["format"]]
        count += 1
        said = judge(vector)
        if said != expected:
            wrong += 1
            print(f"{path.name}: expected {expected}, found {said}")
    print(f"{count} vectors, {wrong} judged otherwise by tools/verify.py")
    return wrong == 0 and count > 200


# Two citizens of the tour, asked for by agencies whose rights let them see whole records, and parts of records.
FETCHES = [
    ("one-stop", "042090990001", ["resident.person.v1", "land.certificate.v1", "vehicle.registration.v1"], "one_stop.verify_documents"),
    ("one-stop", "042185990002", ["resident.person.v1"], "one_stop.verify_documents"),
]
READY_SECONDS_MAX = 60
PROCESS_SECONDS_MAX = 300


def changed_bytes(raw):
    """Each byte changed, in two ways."""
    for at in range(len(raw)):
        for change in (0x01, 0x80):
            yield raw[:at] + bytes([raw[at] ^ change]) + raw[at + 1:]


def changed_text(text):
    """Each character changed to another of the same kind, so that the file stays readable."""
    for at, old in enumerate(text):
        yield text[:at] + ("1" if old == "0" else "0" if old.isdigit() else "b" if old == "a" else "a") + text[at + 1:]


def changes_of(value, path=()):
    """Every record that differs from this one in one byte of one field, as (path, new value)."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from changes_of(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from changes_of(item, (*path, at))
    elif path[-1] in ("index",):
        yield path, int(value) + 1 if isinstance(value, int) else str(int(value) + 1)
    elif path[-1] in ("checkpoint", "name"):
        yield from ((path, text) for text in changed_text(value))
    else:
        raw = base64.b64decode(value)
        yield from ((path, base64.b64encode(other).decode()) for other in changed_bytes(raw))


def spoilt(record):
    for path, value in changes_of(record):
        other = copy.deepcopy(record)
        inner = other
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        yield other


def run(command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=PROCESS_SECONDS_MAX, check=False)


def both(program, folder, name):
    """What both verifiers say of a file: exit code and, of each record, verdict, code and checks."""
    said = []
    for command in ([program, "verify"], [sys.executable, verify.__file__]):
        done = run([*command, name, "--trust", "anchor.json", "--output", "json"], folder)
        if not done.stdout:
            raise SystemExit(f"{command} said nothing of {name}: {done.stderr.decode()}")
        items = json.loads(done.stdout)["records"]
        # the typed form beside the signed bytes needs the record types' protos, which only one of the two knows
        said.append((done.returncode, [
            (item["verdict"], item["code"], [(check["name"], check["outcome"]) for check in item["checks"] if check["name"] != "typed_form"])
            if "verdict" in item else ("evidence", item["evidence"]["outcome"]) for item in items]))
    return said


def compare(program, folder, name, records):
    """Both must say the same of the records; gives what they said."""
    pathlib.Path(folder, name).write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    ours, theirs = both(program, folder, name)
    for at, (one, other) in enumerate(zip(ours[1], theirs[1], strict=True)):
        if one != other:
            raise SystemExit(f"{name} #{at + 1}: {program} says {one}, tools/verify.py says {other}: {json.dumps(records[at])}")
    if ours[0] != theirs[0]:
        raise SystemExit(f"{name}: exit codes {ours[0]} and {theirs[0]}")
    return ours


def examine(program, folder, answer):
    """One answer: as it is, then each of its records spoilt byte by byte. Gives how many were whole, partial and spoilt."""
    code, said = compare(program, folder, "answer.json", [answer])
    if code != 0 or not answer.get("records"):
        raise SystemExit(f"a gateway's answer does not verify: {said}")
    counts = [0, 0, 0]
    for record in answer["records"]:
        signed = record["signed"]
        counts["partial" in signed] += 1
        others = list(spoilt(signed))
        counts[2] += len(others)
        _, said = compare(program, folder, "spoilt.json", others)
        passed = [other for other, (verdict, *_) in zip(others, said) if verdict == "VALID"]
        if passed:
            raise SystemExit(f"a changed record is called VALID: {json.dumps(passed[0])}")
    return counts


def live(program, grpcurl):
    program = str(pathlib.Path(program).resolve())
    with tempfile.TemporaryDirectory(prefix="lienthong-vectors-") as folder:
        gateway = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--population", "50", "--ready-file", "ready.json"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            ready, began = pathlib.Path(folder, "ready.json"), time.monotonic()
            while not ready.exists():
                if gateway.poll() is not None or time.monotonic() - began > READY_SECONDS_MAX:
                    raise SystemExit("the gateway did not get ready")
                time.sleep(0.02)
            address, totals = json.loads(ready.read_text())["grpc"], [0, 0, 0]
            for agency, citizen, types, purpose in FETCHES:
                body = json.dumps({"personal_id": citizen, "record_types": types, "purpose": purpose})
                done = run([grpcurl, "-plaintext", "-H", f"authorization: Bearer demo-{agency}", "-d", body, address,
                            "lienthong.exchange.v1.ExchangeService/FetchRecords"], folder)
                if done.returncode:
                    raise SystemExit(f"FetchRecords: {done.stderr.decode()}")
                totals = [sum(pair) for pair in zip(totals, examine(program, folder, json.loads(done.stdout)))]
        finally:
            gateway.send_signal(signal.SIGINT)
            gateway.wait(10)
    whole, partial, spoilt_count = totals
    print(f"live: {whole} whole and {partial} partial records verified by both; {spoilt_count} spoilt ones refused by both alike")
    return whole > 0 and partial > 0


if __name__ == "__main__":
    sys.exit(0 if {"files": files, "live": live}[sys.argv[1]](*sys.argv[2:]) else 1)
