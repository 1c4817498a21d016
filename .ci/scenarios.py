"""Runs the scenarios, then each expectation of each of them the other way round: that must fail, at its step and by its name.

scenarios.py PROGRAM ADDRESS FOLDER WORK; needs PyYAML.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys

import yaml


class Loader(yaml.SafeLoader):
    """YAML 1.2's scalars: no dates, and no words for truth but true and false."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))


def calls(steps):
    """Every step with expectations: its name, and the mapping that holds `expect`."""
    for step in steps:
        if "parallel" in step:
            yield from calls(step["parallel"])
        else:
            yield step["step"], step.get("eventually", step)


def flipped(matcher):
    if isinstance(matcher, dict):
        return {"is": "present"} if matcher == {"is": "absent"} else {"is": "absent"}
    return {"not": matcher}


def flips(scenario):
    """Each expectation as (step, name, scenario with this one the other way round)."""
    count = len(list(calls(scenario["steps"])))
    for at in range(count):
        def other(change):
            whole = copy.deepcopy(scenario)
            step, call = list(calls(whole["steps"]))[at]
            name = change(call)
            if "within" in call:
                # Asked for again and again, it may fail in another way in the end.
                call["within"], name = "500ms", None
            return step, name, whole

        expect = list(calls(scenario["steps"]))[at][1].get("expect", {})
        for path in expect.get("fields", {}):
            def field(call):
                call["expect"]["fields"][path] = flipped(call["expect"]["fields"][path])
                return f"fields.{path}"
            yield other(field)
        if "reason" in expect:
            def reason(call):
                call["expect"]["reason"] = "SHUTTING_DOWN"
                return "reason"
            yield other(reason)
        for number in range(len(expect.get("violations", []))):
            def violation(call):
                call["expect"]["violations"][number] = {"field": "no.such.field"}
                return f"violations[{number}]"
            yield other(violation)
        if "verifies" in expect:
            def verifies(call):
                call["expect"]["verifies"] = not call["expect"]["verifies"]
                return "verifies"
            yield other(verifies)

        def code(call):
            expect = call.setdefault("expect", {})
            expect["code"] = "DATA_LOSS" if expect.get("code", "OK") == "OK" else "OK"
            return "code"
        if any(name in list(calls(scenario["steps"]))[at][1] for name in ("call", "clock", "journal")):
            yield other(code)


def run(program, address, files):
    command = [program, "scenario", "run", "--output", "json", "--address", address, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"scenario run: {done.stderr}")
    return done.returncode, json.loads(done.stdout)["scenarios"]


def main():
    program, address, folder, work = sys.argv[1:]
    files = sorted(pathlib.Path(folder).glob("*.yaml"))
    code, outcomes = run(program, address, files)
    failed = [outcome for outcome in outcomes if outcome["failed"]]
    if code or failed or len(outcomes) != len(files):
        sys.exit(f"scenarios are not as told: {json.dumps(failed, ensure_ascii=False, indent=1)}")
    print(f"{len(outcomes)} scenarios are as told, the longest in {max(outcome['seconds'] for outcome in outcomes):.1f} s")
    wanted = []
    for file in files:
        scenario = yaml.load(file.read_text(), Loader)
        for number, (step, name, whole) in enumerate(flips(scenario)):
            path = pathlib.Path(work) / f"{file.stem}-{number}.yaml"
            path.write_text(json.dumps(whole, ensure_ascii=False))
            wanted.append((path, step, name))
    code, outcomes = run(program, address, [path for path, _, _ in wanted])
    if code != 1:
        sys.exit(f"scenario run ended with {code} though expectations were the other way round")
    for (path, step, name), outcome in zip(wanted, outcomes):
        failed = outcome["failed"]
        if not failed or failed["step"] != step or name not in [None, *(unmet["what"] for unmet in failed["unmet"])]:
            sys.exit(f"{path.name}: {name} of {step!r} is the other way round, and what failed is {failed}")
    print(f"{len(wanted)} expectations the other way round failed, each by its name")


main()
