"""Holds tools/verify.py to the published vectors, and both verifiers to one another over what a gateway answers.

    vectors.py files tests/vectors                     each vector through tools/verify.py
    vectors.py live target/release/lienthong grpcurl   starts a gateway, fetches whole and partial records, verifies them with
                                                       both, then spoils them byte by byte: both must say the same
"""

import json
import pathlib
import sys

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
        verify.verify_file(vector["name"], file.encode(), anchor, verify.milliseconds(vector["at"]), printer)
        code = printer.finish()
    except verify.Refused:
        code = verify.EXIT_FILE
    return {"exit_code": code, "records": [
        {"verdict": item["verdict"], "code": item["code"],
         "fails": [check["name"] for check in item["checks"] if check["outcome"] == "fail"]}
        for item in printer.items if "verdict" in item]}


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


def files(folder):
    wrong, count = 0, 0
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        vector, count = json.loads(path.read_text(encoding="utf-8")), count + 1
        is_tree = vector["format"] == "lienthong/tree-vector/v1"
        said, expected = (judge_tree(vector), True) if is_tree else (judge_vector(vector), vector["expected"])
        if said != expected:
            wrong += 1
            print(f"{path.name}: expected {expected}, found {said}")
    print(f"{count} vectors, {wrong} judged otherwise by tools/verify.py")
    return wrong == 0 and count > 200


if __name__ == "__main__":
    sys.exit(0 if {"files": files}[sys.argv[1]](*sys.argv[2:]) else 1)
