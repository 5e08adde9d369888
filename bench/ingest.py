#!/usr/bin/python3
"""CreateDataset from a manifest of bounding boxes, from the request to CREATE_COMPLETE.

    bench/ingest.py [--runs 3] [--lines 250000] [--large 2500000]

Beside it, alternating: CPython's json.loads over the same lines from memory, a parse and nothing else. Each run has a
server of its own over an empty data directory; the manifest lies in the page cache for both. Peak memory is VmHWM;
the data directory is counted without its buckets, a second after CREATE_COMPLETE, and while the job runs. --large 0
leaves the large one out.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

from measure import Caller, Report, data_bytes, manifest, memory_mib, serving, spread, undisturbed

TIME_BAR, MEMORY_BAR_MIB, DISK_BAR, GROWTH_BAR = 0.35, 256, 0.25, 11
TINY_LINES = 10
REST_SECONDS = 1
PARSE = """
import json, sys, time
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
loads = json.loads
begun = time.perf_counter()
for line in lines:
    loads(line)
print(time.perf_counter() - begun)
"""


def json_loads(path):
    """Seconds."""
    run = subprocess.run(["/usr/bin/python3", "-c", PARSE, path], check=True, capture_output=True, text=True)
    return float(run.stdout)


class Made:
    """One dataset made: seconds, peak memory, bytes on disk at rest and at the most."""

    def __init__(self, path, lines, *flags):
        with serving(*flags) as server:
            caller = Caller(server)
            project = caller.project("bench")
            looks = [0]
            caller.lend(path)
            begun = time.perf_counter()
            arn = caller.create(project, path)
            stats = caller.finish(arn, each=lambda: looks.append(data_bytes(server)))["DatasetStats"]
            self.seconds = time.perf_counter() - begun
            assert stats["TotalEntries"] == stats["LabeledEntries"] == lines and stats["ErrorEntries"] == 0, stats
            self.memory_mib = memory_mib(server.process.pid, "VmHWM")
            self.cpu_seconds = caller.cpu_seconds()
            self.most_bytes = max(looks + [data_bytes(server)])
            time.sleep(REST_SECONDS)
            self.bytes = data_bytes(server)


def large(report, given, small_seconds):
    path = manifest(given.large)
    size = os.path.getsize(path)
    made = undisturbed(lambda: Made(path, given.large, "--limits", "none"))
    report.note(f"{given.large} lines, {size / 1e6:.0f} MB: seconds", f"{made.seconds:.2f}")
    report.bar(f"as many times the {given.lines} lines", f"{made.seconds / small_seconds:.2f}",
               made.seconds / small_seconds, GROWTH_BAR)
    report.bar("its peak memory, MiB", f"{made.memory_mib:.0f}", made.memory_mib, MEMORY_BAR_MIB)
    report.bar("its data / manifest", f"{made.bytes / size:.3f}", made.bytes / size, DISK_BAR)
    report.note("its data while it ran / manifest, at the most", f"{made.most_bytes / size:.3f}")


def tiny(report):
    """Where the reference wins: the fixed cost of a job and its fsyncs."""
    path = manifest(TINY_LINES)
    report.note(f"{TINY_LINES} lines, ms; json.loads",
                f"{Made(path, TINY_LINES).seconds * 1000:.1f}; {json_loads(path) * 1000:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--lines", type=int, default=250000)
    parser.add_argument("--large", type=int, default=2500000)
    given = parser.parse_args()
    path = manifest(given.lines)
    size = os.path.getsize(path)
    made, parsed = [], []
    for _ in range(given.runs):
        made.append(undisturbed(lambda: Made(path, given.lines)))
        parsed.append(undisturbed(lambda: json_loads(path)))
    ratios = [run.seconds / reference for run, reference in zip(made, parsed)]
    seconds = [run.seconds for run in made]
    report = Report("Creating a dataset from a manifest")
    report.note(f"{given.lines} lines, {size / 1e6:.0f} MB: seconds", spread(seconds))
    report.note("its CPU seconds, all threads", spread([run.cpu_seconds for run in made]))
    report.note("json.loads of the same lines, seconds", spread(parsed))
    report.bar("ratio", spread(ratios), statistics.median(ratios), TIME_BAR)
    memory = [run.memory_mib for run in made]
    report.bar("peak memory, MiB", spread(memory, "{:.0f}"), max(memory), MEMORY_BAR_MIB)
    shares = [run.bytes / size for run in made]
    report.bar("data / manifest", spread(shares, "{:.3f}"), max(shares), DISK_BAR)
    report.note("data while it ran / manifest, at the most", f"{max(run.most_bytes for run in made) / size:.3f}")
    tiny(report)
    if given.large:
        large(report, given, statistics.median(seconds))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
