"""Runs a page's tour against a gateway, and compares the page with the output.

The tour is every fence opened by ```sh tour, in order, run by one bash with errexit and pipefail, so that variables and
files pass from one step to the next. A ```text fence right after a step shows what the reader will see: its lines
must appear in the step's output in that order; `…` stands for any part of a line, and a line of only `…` for any lines.

    tour.py README.md --start 'cargo run --release -- serve'    starts the gateway, runs the tour, ends it by Ctrl-C
    tour.py README.md                                           runs it against whatever listens already
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

GRPC = ("127.0.0.1", 50051)
READY_SECONDS_MAX = 120  # cargo may have to link first; a started binary takes under a second
STOP_SECONDS_MAX = 10
STEP_SECONDS_MAX = 60
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def fail(message):
    print(f"tour: {message}", file=sys.stderr)
    sys.exit(1)


def steps_of(path):
    """The (commands, expected lines) pairs of a page, in order."""
    steps, awaits_output = [], False
    for fence in FENCE.finditer(open(path, encoding="utf-8").read()):
        info, body = fence["info"].strip(), fence["body"]
        if info == "sh tour":
            steps.append((body, []))
            awaits_output = True
        elif info == "text" and awaits_output:
            steps[-1] = (steps[-1][0], [line.strip() for line in body.splitlines() if line.strip()])
            awaits_output = False
        else:
            awaits_output = False
    return steps


def missing_line(expected, output):
    """The first expected line that the output lacks, or None."""
    rest = iter(line.strip() for line in output.splitlines())
    for line in expected:
        if line == "…":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        if not any(pattern.fullmatch(found) for found in rest):
            return line
    return None


def is_open(address):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0


def start(command):
    """Starts the gateway in a process group of its own and waits until it says that it is ready."""
    if is_open(GRPC):
        fail(f"something listens on {GRPC[0]}:{GRPC[1]} already")
    folder = tempfile.mkdtemp(prefix="lienthong-tour-")
    ready = os.path.join(folder, "ready.json")
    log = open(os.path.join(folder, "serve.log"), "w+", encoding="utf-8")
    environment = dict(os.environ, LIENTHONG_READY_FILE=ready)
    began = time.monotonic()
    gateway = subprocess.Popen(["bash", "-c", f"exec {command}"], env=environment, stdin=subprocess.DEVNULL,
                               stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    while not os.path.exists(ready):
        if gateway.poll() is not None or time.monotonic() - began > READY_SECONDS_MAX:
            log.seek(0)
            print(log.read(), file=sys.stderr)
            if gateway.poll() is None:
                os.killpg(gateway.pid, signal.SIGKILL)
            fail(f"'{command}' was not ready within {READY_SECONDS_MAX} s")
        time.sleep(0.02)
    with open(ready, encoding="utf-8") as file:
        print(f"ready after {time.monotonic() - began:.2f} s: {json.load(file)}")
    return gateway, log


def stop(gateway):
    """Ends it as Ctrl-C in a terminal does: the signal goes to the whole group."""
    began = time.monotonic()
    os.killpg(gateway.pid, signal.SIGINT)
    try:
        code = gateway.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(gateway.pid, signal.SIGKILL)
        fail(f"the gateway did not end within {STOP_SECONDS_MAX} s of Ctrl-C")
    print(f"ended by Ctrl-C after {time.monotonic() - began:.2f} s, exit code {code}")
    if code != 0:
        fail(f"the gateway ended with {code} after Ctrl-C, not 0")


def run_steps(steps):
    """Runs all steps in one bash; each step's output goes to a file of its own."""
    with tempfile.TemporaryDirectory(prefix="lienthong-tour-") as folder:
        script = ["set -euo pipefail"]
        for number, (commands, _) in enumerate(steps):
            script.append(f"exec > {folder}/{number}.out 2>&1\n{commands}")
        # Variables of this process's own must not help the tour along; the release folder may be elsewhere, though.
        environment = dict(os.environ)
        if target := os.environ.get("CARGO_TARGET_DIR"):
            environment["PATH"] = f"{target}/release:{environment['PATH']}"
        run = subprocess.run(["bash", "-c", "\n".join(script)], env=environment, stdin=subprocess.DEVNULL,
                             timeout=STEP_SECONDS_MAX * len(steps))
        passed = 0
        for number, (commands, expected) in enumerate(steps):
            path = f"{folder}/{number}.out"
            if not os.path.exists(path):
                break
            output = open(path, encoding="utf-8", errors="replace").read()
            is_last = not os.path.exists(f"{folder}/{number + 1}.out")
            lacks = missing_line(expected, output)
            if lacks is None and not (is_last and run.returncode != 0):
                first = commands.strip().splitlines()[0]
                print(f"ok: {first[:110]}")
                passed += 1
                continue
            reason = f"the output has no line like: {lacks}" if lacks else f"exit code {run.returncode}"
            print(f"--- commands\n{commands}--- output\n{output}---", file=sys.stderr)
            return f"step {number + 1}: {reason}"
        print(f"tour: {passed} steps as the page shows them")
        return None


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("page")
    arguments.add_argument("--start", help="command that starts the gateway")
    chosen = arguments.parse_args()
    steps = steps_of(chosen.page)
    if not steps:
        fail(f"{chosen.page} has no ```sh tour fences")
    if chosen.start and f"\n{chosen.start}\n" not in open(chosen.page, encoding="utf-8").read():
        fail(f"{chosen.page} does not give the command '{chosen.start}' on a line of its own")
    gateway, log = start(chosen.start) if chosen.start else (None, None)
    problem = run_steps(steps)
    if gateway and problem:
        os.killpg(gateway.pid, signal.SIGKILL)
        log.seek(0)
        print(f"--- the gateway said\n{log.read()[-4000:]}---", file=sys.stderr)
    elif gateway:
        stop(gateway)
    if problem:
        fail(problem)


main()
