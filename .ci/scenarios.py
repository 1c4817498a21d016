"""Runs the scenarios, then each expectation of each of them the other way round: that must fail, at its step and by its name.

scenarios.py PROGRAM ADDRESS FOLDER WORK; needs PyYAML.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import time

import yaml


# How long all stories may take together, each in its own session and all at the same time.
SECONDS_MAX = 10


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


def verdicts_in(expect):
    """Where verdicts are expected: of which record type, or None; and which one of a list, or None."""
    verdicts = expect.get("verdicts", {})
    for of, wanted in verdicts.items() if isinstance(verdicts, dict) else [(None, verdicts)]:
        yield from ((of, at) for at in range(len(wanted))) if isinstance(wanted, list) else [(of, None)]


def other_verdict(expect, place):
    """Expects another verdict there; the name of that expectation."""
    of, at = place
    holder, key = (expect["verdicts"], of) if of else (expect, "verdicts")
    if at is not None:
        holder, key = holder[key], at
    holder[key] = "INCLUSION" if holder[key] != "INCLUSION" else "VALID"
    return f"verdicts.{of}" if of else "verdicts"


def flips(scenario):
    """Each expectation as (step, name, scenario with this one the other way round)."""
    count = len(list(calls(scenario["steps"])))
    for at in range(count):
        def other(change):
            whole = copy.deepcopy(scenario)
            step, call = list(calls(whole["steps"]))[at]
            name = change(call)
            if "within" in call:
                # It is asked for again and again: not for as long as in the story.
                call["within"] = "500ms"
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
        for place in verdicts_in(expect):
            def verdict(call):
                return other_verdict(call["expect"], place)
            yield other(verdict)

        def code(call):
            expect = call.setdefault("expect", {})
            expect["code"] = "DATA_LOSS" if expect.get("code", "OK") == "OK" else "OK"
            return "code"
        step = list(calls(scenario["steps"]))[at][1]
        if any(name in step for name in ("call", "clock", "journal")):
            yield other(code)
        for bound in ("exactly", "at_least", "at_most"):
            if bound in step.get("journal", {}):
                def counted(call):
                    journal = call["journal"]
                    # One more than there were; more than any story has; none at all.
                    journal[bound] = {"exactly": journal[bound] + 1, "at_least": 10_000, "at_most": 0}[bound]
                    if bound == "at_most":
                        journal.pop("at_least", None)
                    return "fields.holds"
                yield other(counted)


def run(program, address, files):
    command = [program, "scenario", "run", "--output", "json", "--address", address, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        sys.exit(f"scenario run: {done.stderr}")
    return done.returncode, json.loads(done.stdout)["scenarios"]


def main():
    program, address, folder, work = sys.argv[1:]
    files = sorted(pathlib.Path(folder).glob("*.yaml"))
    began = time.monotonic()
    code, outcomes = run(program, address, files)
    took = time.monotonic() - began
    failed = [outcome for outcome in outcomes if outcome["failed"]]
    if code or failed or len(outcomes) != len(files):
        sys.exit(f"scenarios are not as told: {json.dumps(failed, ensure_ascii=False, indent=1)}")
    if took >= SECONDS_MAX:
        sys.exit(f"the scenarios take {took:.1f} s together: they run at the same time, and have to end within {SECONDS_MAX} s")
    print(f"{len(outcomes)} scenarios are as told, all in {took:.1f} s, the longest in {max(outcome['seconds'] for outcome in outcomes):.1f} s")
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
        if not failed or failed["step"] != step or name not in [unmet["what"] for unmet in failed["unmet"]]:
            sys.exit(f"{path.name}: {name} of {step!r} is the other way round, and what failed is {failed}")
    print(f"{len(wanted)} expectations the other way round failed, each by its name")


main()
