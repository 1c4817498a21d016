"""Holds tools/verify.py to the published vectors, and both verifiers to one another over what a gateway answers.

    vectors.py files tests/vectors                     each vector through tools/verify.py
    vectors.py live target/release/lienthong grpcurl   starts witnesses and a gateway, fetches whole and partial records, verifies
                                                       them with both, then spoils them byte by byte; and holds records
                                                       against status lists and witness policies: both must say the same
"""

import base64
import contextlib
import copy
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import verify  # noqa: E402


def anchor_text(vector):
    """The anchor's file; a mutant can have one that is no JSON."""
    return vector.get("anchor_text") or json.dumps(vector["trust_anchor"])


def judge_vector(vector):
    """What the verifier says of a vector, in the form of its `expected`."""
    file = vector["file"] if "file" in vector else json.dumps(vector["records"], ensure_ascii=False)
    printer = verify.Printer("none", False)
    try:
        anchor = verify.Anchor(anchor_text(vector).encode())
    except verify.Refused:
        return {"exit_code": verify.EXIT_ANCHOR, "records": []}
    try:
        now = verify.milliseconds(vector["at"])
        lists = [found for found in (read_list(text, anchor) for text in vector.get("status_lists", [])) if found]

        def further(report, record):
            if "status_lists" in vector:
                verify.verify_status(report, record, lists, now)

        verify.verify_file(vector["name"], file.encode(), anchor, now, printer, further)
        code = printer.finish() or (0 if printer.sum["records"] else verify.EXIT_NO_RECORDS)
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


def signed_parts(checkpoint):
    """What the log signed with its own signature, and the cosignatures behind it, which only a policy asks for."""
    own = checkpoint.index("\n", checkpoint.index("\n— ") + 1) + 1
    return checkpoint[:own], checkpoint[own:]


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
    elif path[-1] == "checkpoint":
        own, witnesses = signed_parts(value)
        yield from ((path, text + witnesses) for text in changed_text(own))
    elif path[-1] == "name":
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


def both(program, folder, name, *more):
    """What both verifiers say of a file: exit code and, of each record, verdict, code and checks."""
    said = []
    for command in ([program, "verify"], [sys.executable, verify.__file__]):
        done = run([*command, name, "--trust", "anchor.json", "--output", "json", *more], folder)
        if not done.stdout:
            raise SystemExit(f"{command} said nothing of {name}: {done.stderr.decode()}")
        items = json.loads(done.stdout)["records"]
        # the typed form next to the signed bytes needs the record types' protos, which only one of the two knows
        said.append((done.returncode, [
            (item["verdict"], item["code"], [(check["name"], check["outcome"]) for check in item["checks"] if check["name"] != "typed_form"])
            if "verdict" in item else ("evidence", item["evidence"]["outcome"]) for item in items]))
    return said


def compare(program, folder, name, records, *more):
    """Both must say the same of the records; gives what they said."""
    pathlib.Path(folder, name).write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    ours, theirs = both(program, folder, name, *more)
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


def started(stack, folder, ready, command):
    """Starts a process that ends with the stack; returns the content of its ready file, or its first line of output."""
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def end():
        process.send_signal(signal.SIGINT)
        process.wait(10)

    stack.callback(end)
    if ready is None:
        return json.loads(process.stdout.readline())
    path, began = pathlib.Path(folder, ready), time.monotonic()
    while not path.exists():
        if process.poll() is not None or time.monotonic() - began > READY_SECONDS_MAX:
            raise SystemExit(f"{command[1]} did not get ready")
        time.sleep(0.02)
    return json.loads(path.read_text())


class Live:
    """A gateway with keys of its own and two of three witnesses, which speaks through grpcurl and HTTP."""

    def __init__(self, stack, program, grpcurl, folder):
        self.folder, self.grpcurl = folder, grpcurl
        secret = pathlib.Path(folder, "passphrase")
        secret.touch(0o600)
        secret.write_text("correct horse battery")
        kept = ["--passphrase-file", "passphrase"]
        for command in (["init", *kept], ["export-anchor"]):
            done = run([program, "keys", *command, "--keys", "keys"], folder)
            if done.returncode:
                raise SystemExit(f"keys {command[0]}: {done.stderr.decode()}")
        pathlib.Path(folder, "anchor.json").write_bytes(done.stdout)
        lines = []
        for name in ("w1", "w2", "w3"):
            witness = started(stack, folder, None, [
                program, "witness", "--key", f"{name}.key", "--name", f"witness.example/{name}", *kept, "--trust", "anchor.json",
                "--state", name, "--listen", "127.0.0.1:0", "--output", "json"])
            # the third one is in the policy, but its address is unknown
            lines.append(f"witness {name} {witness['verifier_key']} {witness['url'] if name != 'w3' else ''}".rstrip())
        pathlib.Path(folder, "policy.txt").write_text("\n".join([*lines, "group two 2 w1 w2 w3", "quorum two", ""]))
        pathlib.Path(folder, "all.txt").write_text("\n".join([*lines, "group three all w1 w2 w3", "quorum three", ""]))
        ready = started(stack, folder, "ready.json", [
            program, "serve", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--population", "50", "--ready-file", "ready.json",
            "--keys", "keys", *kept, "--witness-policy", "policy.txt"])
        self.address, self.console = ready["grpc"], ready["console"]

    def call(self, method, caller, body):
        done = run([self.grpcurl, "-plaintext", "-H", f"authorization: Bearer demo-{caller}", "-d", json.dumps(body), self.address, method],
                   self.folder)
        if done.returncode:
            raise SystemExit(f"{method}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def fetch(self, agency, citizen, types, purpose):
        body = {"personal_id": citizen, "record_types": types, "purpose": purpose}
        return self.call("lienthong.exchange.v1.ExchangeService/FetchRecords", agency, body)

    def cosigned(self):
        """Waits until the record ledger's newest head is cosigned, so that every proof from now on leads to such a head."""
        began = time.monotonic()
        while True:
            newest, published = (self.call("lienthong.trust.v1.LedgerService/GetCheckpoint", "auditor", {"log": "records"})
                                 ["checkpoint"] for _ in range(2))
            if newest == published and published.count("— witness.example/") >= 2:
                return
            if time.monotonic() - began > READY_SECONDS_MAX:
                raise SystemExit(f"no quorum: {published}")
            time.sleep(0.1)

    def status_list(self, schema, name, after=b""):
        """Saves the status list, once it is another than the one before: a list is published at most once a second."""
        url, began = f"http://{self.console.removeprefix('http://')}/status/{schema.partition('.')[0]}/{schema}", time.monotonic()
        while True:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found = answer.read()
            if found != after:
                pathlib.Path(self.folder, name).write_bytes(found)
                return found
            if time.monotonic() - began > READY_SECONDS_MAX:
                raise SystemExit("the status list stays as it was")
            time.sleep(0.1)


def watched(program, gateway):
    """Cosignatures and status lists of a gateway's answers: before and after a version was superseded."""
    schema = "vehicle.registration.v1"
    wanted = ("one-stop", "042090990001", [schema], "one_stop.verify_documents")
    before = gateway.fetch(*wanted)
    old = gateway.status_list(schema, "before.jwt")
    first = before["records"][0]
    payload = json.loads(base64.b64decode(first["signed"]["whole"]["payload"]))
    change = {"record_type": schema, "operation": "OPERATION_UPDATE", "expected_version": 1, "payload": {**payload, "status": "stolen"}}
    gateway.call("lienthong.registry.v1.RegistryService/SubmitChanges", "police",
                 {"registry": "vehicle", "request_id": "vectors-live", "changes": [change]})
    gateway.cosigned()
    after = gateway.fetch(*wanted)
    gateway.status_list(schema, "after.jwt", old)
    expected = [
        (before, "before.jwt", "policy.txt", 0), (before, "after.jwt", "policy.txt", 26), (after, "after.jwt", "policy.txt", 25),
        (after, "before.jwt", "policy.txt", 34), (after, "after.jwt", "all.txt", 25), (before, "before.jwt", "all.txt", 33),
    ]
    for answer, status, policy, code in expected:
        ours = compare(program, gateway.folder, "answer.json", [answer], "--status", status, "--policy", policy)
        if ours[0] != code:
            raise SystemExit(f"with {status} and {policy}: exit code {ours[0]} instead of {code}: {ours[1]}")
    signed = after["records"][1]["signed"]
    own, witnesses = signed_parts(signed["ledgerProof"]["checkpoint"])
    others = [{**signed, "ledgerProof": {**signed["ledgerProof"], "checkpoint": own + text}} for text in changed_text(witnesses)]
    _, said = compare(program, gateway.folder, "spoilt.json", others, "--policy", "policy.txt")
    if any(verdict == "VALID" for verdict, *_ in said):
        raise SystemExit("a changed cosignature counts")
    return len(expected) + len(others)


def live(program, grpcurl):
    program = str(pathlib.Path(program).resolve())
    with tempfile.TemporaryDirectory(prefix="lienthong-vectors-") as folder, contextlib.ExitStack() as stack:
        gateway, totals = Live(stack, program, grpcurl, folder), [0, 0, 0]
        gateway.cosigned()
        for wanted in FETCHES:
            totals = [sum(pair) for pair in zip(totals, examine(program, folder, gateway.fetch(*wanted)))]
        judged = watched(program, gateway)
    whole, partial, spoilt_count = totals
    print(f"live: {whole} whole and {partial} partial records verified by both; {spoilt_count} spoilt ones refused by both alike; "
          f"{judged} answers judged alike with cosignatures and status lists")
    return whole > 0 and partial > 0


if __name__ == "__main__":
    sys.exit(0 if {"files": files, "live": live}[sys.argv[1]](*sys.argv[2:]) else 1)
