#!/usr/bin/python3
"""How long writing calls wait while an ingest runs: CreateProject at a fixed rate, idle and during ingests.

    bench/writes.py [--rate 50] [--seconds 10] [--rounds 3] [--lines 1000000]

The client's times are counted from when each call was due. The server's own account of the wait for its one writer is
placard_store_api_wait_seconds in /metrics, over all rounds. A call also waits for the disk: a commit of this file
system, measured with a file of one page and fsync, stands beside it.
"""
import argparse
import contextlib
import os
import sys
import time

from measure import FOLDER, Caller, Ingest, Report, load, manifest, serving, spread, undisturbed

MAX_BAR_MS = 100
WAITS = "placard_store_api_wait_seconds"


def write_projects(server, prefix, given):
    return load(server.port, server.root_key, "CreateProject", f'{{"ProjectName":"{prefix}-{{n}}"}}', connections=16,
                rate=given.rate, seconds=given.seconds, warmup_seconds=1)


def waited_p99_ms(waited):
    """The least bound of the histogram that 99 % of the waits keep; beyond the last one, the longest wait."""
    bounds = {float(name.split('"')[1]): value for name, value in waited.items() if name.startswith("_bucket")}
    bound = min(bound for bound, count in bounds.items() if count >= 0.99 * waited["_count"])
    return min(bound, waited["_max"]) * 1000


def round_of(given, prefix, ingest):
    """The client's times, and the server's account of waits, in seconds."""
    with serving("--limits", "none") as server:
        with ingest(server):
            result = write_projects(server, prefix, given)
        result["waited"] = {name.removeprefix(WAITS): value for name, value in Caller(server).metrics().items()
                            if name.startswith(WAITS)}
    return result


def fsync_ms(count=100):
    """Sorted milliseconds of a write of one page and its fsync."""
    path = FOLDER / "fsync"
    took = []
    with open(path, "wb", buffering=0) as out:
        for _ in range(count):
            begun = time.perf_counter()
            out.write(bytes(4096))
            os.fsync(out.fileno())
            took.append((time.perf_counter() - begun) * 1000)
    os.unlink(path)
    return sorted(took)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", type=int, default=1000000, help="of each ingest")
    given = parser.parse_args()
    path = manifest(given.lines)
    disk = fsync_ms()
    idle, busy = [], []
    for number in range(given.rounds):
        idle.append(undisturbed(lambda: round_of(given, f"idle-{number}", contextlib.nullcontext)))
        busy.append(undisturbed(lambda: round_of(given, f"busy-{number}", lambda server: Ingest(server, path))))
    report = Report(f"CreateProject, {given.rate:g} a second for {given.seconds:g} s, {given.rounds} rounds")
    for what, runs in (("idle", idle), ("with an ingest", busy)):
        for name in ("p50", "p99"):
            report.note(f"{name}, {what}, ms", spread([run[f"{name}_us"] / 1000 for run in runs]))
    report.note("longest, idle, ms", spread([run["max_us"] / 1000 for run in idle]))
    longest = [run["max_us"] / 1000 for run in busy]
    report.bar("longest, with an ingest, ms", spread(longest), max(longest), MAX_BAR_MS)
    waited = [run["waited"]["_max"] * 1000 for run in busy]
    report.bar("longest wait for the writer, ms", spread(waited), max(waited), MAX_BAR_MS)
    report.note("the same, idle, ms", spread([run["waited"]["_max"] * 1000 for run in idle]))
    report.note("p99 of that wait, with an ingest, at most ms", spread([waited_p99_ms(run["waited"]) for run in busy]))
    report.note("mean of that wait, ms",
                spread([run["waited"]["_sum"] / run["waited"]["_count"] * 1000 for run in busy]))
    report.note("fsync of a page: median, longest of 100, ms", f"{disk[50]:.2f}, {disk[-1]:.2f}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
