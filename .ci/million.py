#!/usr/bin/env python3
"""Holds a release build against the targets for large worlds, as ratios taken in one run: reads of random citizens beside the bare
service, worlds beside each other, latency beside the disk's sync. Beside each figure stands the processor time of a call, which other
work on the machine changes less than throughput.

    python3 .ci/million.py --binary target/release/lienthong --worlds FOLDER [--sizes 10000,1000000] [--memory SIZE] [--seconds 20]

Worlds are generated in FOLDER if they are not there (a million citizens take 8 GB and some minutes) and are kept for the next run. Not a
part of the gate: it needs the machine to itself. Exit code 1 when a target is missed.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A gateway over one world, and how it started."""

    def __init__(self, binary, world, memory):
        folder = tempfile.mkdtemp()
        ready = Path(folder, "ready.json")
        command = [binary, "serve", "--data-dir", world, "--listen", "127.0.0.1:0", "--console", "off"]
        command += ["--ready-file", str(ready)] + (["--memory", memory] if memory else [])
        begun = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not ready.exists():
            if self.process.poll() is not None:
                sys.exit(f"the server of {world} ended with exit code {self.process.returncode}")
            time.sleep(0.005)
        self.start = time.monotonic() - begun
        self.start_processor = self.processor()
        self.resident_mib = self.resident()
        self.address = json.loads(ready.read_text())["grpc"]

    def processor(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) // 1024

    def end(self):
        self.process.terminate()
        self.process.wait()


def load(binary, server, scenario, citizens, seconds, warm_up, *more):
    """A load: its report, and the processor time of a call in microseconds, of the server and of the generator."""
    before, own = server.processor(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [binary, "load", "--address", server.address, "--scenario", scenario, "--citizens", citizens]
    command += ["--duration", f"{seconds}s", "--warm-up", f"{int(1000 * warm_up)}ms", "--output", "json", *more]
    report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime
    return report, server.processor() - before, spent


def costs(binary, server, scenario, citizens, seconds):
    """Processor time of a call: the difference of two loads, so that what a load does once is in neither."""
    points = [load(binary, server, scenario, citizens, length, 0.1) for length in (max(1, seconds // 4), seconds)]
    (few, server_few, own_few), (many, server_many, own_many) = points
    calls = max(1, many["gateway"]["answered"] - few["gateway"]["answered"])
    return 1e6 * (server_many - server_few) / calls, 1e6 * (own_many - own_few) / calls


def sync_ms(folder):
    """The median time that the disk takes to sync 32 KiB."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(200):
            file.write(os.urandom(32 * 1024))
            file.flush()
            begun = time.monotonic()
            os.fdatasync(file.fileno())
            times.append(1000 * (time.monotonic() - begun))
    return statistics.median(times)


def generate(binary, folder, size):
    world = folder / f"{size}"
    if not (world / "store").exists():
        begun = time.monotonic()
        command = [binary, "population", "generate", "--population", str(size), "--data-dir", str(world), "--output", "json"]
        made = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        seconds, entries = time.monotonic() - begun, made["ledger_entries"]
        size_bytes = sum(path.stat().st_size for path in world.rglob("*") if path.is_file())
        print(f"generated {size}: {entries / seconds:,.0f} entries/s, {size_bytes / entries:,.0f} bytes an entry")
        if size >= 100_000:
            CHECKS.append((f"entries/s, {size}", entries / seconds, ">=", 20_000))
            CHECKS.append((f"bytes an entry, {size}", size_bytes / entries, "<=", 1_500))
    return str(world)


CHECKS = []


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", required=True)
    arguments.add_argument("--worlds", required=True, type=Path)
    arguments.add_argument("--sizes", default="10000,100000,1000000")
    arguments.add_argument("--memory")
    arguments.add_argument("--seconds", type=int, default=20)
    arguments.add_argument("--warm-up", type=int, default=10)
    given = arguments.parse_args()
    given.worlds.mkdir(parents=True, exist_ok=True)
    sizes = [int(size) for size in given.sizes.split(",")]
    worlds = {size: generate(given.binary, given.worlds, size) for size in sizes}
    sync = sync_ms(given.worlds)
    print(f"a sync of 32 KiB takes {sync:.2f} ms")
    rates, medians = {}, {}
    for size in sizes:
        server = Server(given.binary, worlds[size], given.memory)
        print(f"{size}: ready after {server.start:.2f} s ({server.start_processor:.2f} s of a processor), {server.resident_mib} MiB")
        CHECKS.append((f"start in s, {size}", server.start, "<=", 1.0))
        runs = [("fetch", "random"), ("person", "random")] + ([("fetch", "personas")] if size == sizes[0] else [])
        for scenario, citizens in runs:
            compare = ("--compare-bare", "--turns", "2")
            report, _, _ = load(given.binary, server, scenario, citizens, given.seconds, given.warm_up, *compare)
            gateway, bare = report["gateway"], report["comparison"]["bare"]
            at_server, at_generator = costs(given.binary, server, scenario, citizens, given.seconds // 2)
            few = load(given.binary, server, scenario, citizens, max(2, given.seconds // 4), 1, "--concurrency", "4")[0]
            median = few["gateway"]["p50_ms"]
            rates[scenario, citizens, size], medians[scenario, citizens, size] = gateway["calls_per_second"], median
            ratio = report["comparison"]["throughput_ratio"]
            print(
                f"{size} {scenario} {citizens}: {gateway['calls_per_second']:,.0f} calls/s of {bare['calls_per_second']:,.0f} "
                f"({ratio:.2f}), p50 {gateway['p50_ms']:.1f} ms, p99 {gateway['p99_ms']:.1f} ms; a call {at_server:.0f} + "
                f"{at_generator:.0f} µs of a processor; with 4 under way p50 {median:.2f} ms; {gateway['failed']} failed"
            )
            wanted = {("fetch", "random"): 0.25, ("fetch", "personas"): 0.55, ("person", "random"): 0.20}
            CHECKS.append((f"{scenario} {citizens} of bare, {size}", ratio, ">=", wanted[scenario, citizens]))
        print(f"{size}: {server.resident()} MiB at the end")
        server.end()
    small, large = sizes[0], sizes[-1]
    median = medians["fetch", "random", large]
    CHECKS.append((f"median at low load in ms, {large}", median, "<=", 2 * sync + 0.2))
    if small != large:
        rate = rates["fetch", "random", large] / rates["fetch", "random", small]
        CHECKS.append((f"throughput at {large} beside {small}", rate, ">=", 0.4))
        CHECKS.append((f"median at {large} beside {small}", median / medians["fetch", "random", small], "<=", 1.5))
    missed = 0
    for what, found, relation, wanted in CHECKS:
        holds = found >= wanted if relation == ">=" else found <= wanted
        missed += not holds
        print(f"{'holds ' if holds else 'MISSED'} {what}: {found:,.2f}, wanted {relation} {wanted:,.2f}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
