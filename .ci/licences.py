"""Checks the licence of every crate that the package can pull in against an allow-list; no network.

Reads `cargo metadata` on standard input and the allow-list's path as its argument. Licence expressions are SPDX: an
`OR` passes if one side does, an `AND` only if both do, and `X WITH Y` is one name. Crates whose manifest says nothing
useful can be named in the list with the reason why they are fine.
"""

import json
import re
import sys


def read_policy(path):
    """The allow-list: `licence NAME  # reason` and `crate NAME  # reason` lines."""
    licences, crates = set(), set()
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        text, _, reason = line.partition("#")
        words = text.split(None, 1)
        if not words:
            continue
        kind, name = words[0], words[1].strip() if len(words) == 2 else ""
        if kind not in ("licence", "crate") or not name or not reason.strip():
            sys.exit(f"{path}:{number}: want 'licence NAME  # reason' or 'crate NAME  # reason'")
        (licences if kind == "licence" else crates).add(name)
    return licences, crates


def allowed(expression, licences, used):
    """Evaluates an SPDX expression; old manifests write `/` for OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    position = 0

    def take():
        nonlocal position
        position += 1
        return tokens[position - 1]

    def peek():
        return tokens[position] if position < len(tokens) else None

    def atom():
        if peek() == "(":
            take()
            result = either()
            take()
            return result
        name = take()
        if peek() == "WITH":
            take()
            name = f"{name} WITH {take()}"
        if name in licences:
            used.add(name)
            return True
        return False

    def both():
        result = atom()
        while peek() == "AND":
            take()
            right = atom()
            result = result and right
        return result

    def either():
        result = both()
        while peek() == "OR":
            take()
            right = both()
            result = result or right
        return result

    return either()


def main():
    licences, crates = read_policy(sys.argv[1])
    metadata = json.load(sys.stdin)
    own = set(metadata["workspace_members"])
    used_licences, used_crates, refused = set(), set(), []
    packages = [package for package in metadata["packages"] if package["id"] not in own]
    for package in packages:
        expression = package["license"]
        if package["name"] in crates:
            used_crates.add(package["name"])
        elif not expression or not allowed(expression, licences, used_licences):
            refused.append(f"{package['name']} {package['version']}: {expression or 'no licence given'}")
    for line in sorted(refused):
        print(f"not allowed: {line}")
    for name in sorted((licences - used_licences) | (crates - used_crates)):
        print(f"no longer needed in the allow-list: {name}")
    if refused or licences - used_licences or crates - used_crates:
        sys.exit(1)
    print(f"{len(packages)} dependencies, all under: {', '.join(sorted(used_licences))}")


main()
