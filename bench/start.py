#!/usr/bin/python3
"""From exec to the line `placard is ready on`, over an empty data directory, and the memory of an idle server.

    bench/start.py [--runs 20]

For scale: the same clock around /bin/true, and nginx until its port accepts.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from measure import BINARY, FOLDER, Report, memory_mib, nginx, serving, spread, undisturbed
from harness.server import ROOT_KEY, environment

READY_BAR_MS, MEMORY_BAR_MIB = 100, 30
SETTLE_SECONDS = 1


def start_once():
    """Milliseconds until the ready line."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="start-", dir=FOLDER)
    env = environment(PLACARD_ACCESS_KEY_ID=ROOT_KEY.access, PLACARD_SECRET_ACCESS_KEY=ROOT_KEY.secret)
    command = [BINARY, "serve", "--data", os.path.join(folder, "data"), "--listen", "127.0.0.1:0"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env=env)
    line = process.stdout.readline()
    took = time.perf_counter() - begun
    process.terminate()
    process.stdout.close()
    assert line.startswith(b"placard is ready on "), line
    assert process.wait() == 0
    shutil.rmtree(folder)
    return took * 1000


def true_once():
    begun = time.perf_counter()
    subprocess.run(["/bin/true"], check=True)
    return (time.perf_counter() - begun) * 1000


def nginx_once():
    begun = time.perf_counter()
    with nginx(100):
        return (time.perf_counter() - begun) * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()

    def once():
        return start_once(), nginx_once(), true_once()
    ours, theirs, least = zip(*undisturbed(lambda: [once() for _ in range(given.runs)]))
    with serving() as server:
        time.sleep(SETTLE_SECONDS)
        resident = memory_mib(server.process.pid, "VmRSS")
    report = Report("Start, and memory at rest")
    report.bar(f"empty start to ready, median of {given.runs}, ms", spread(ours), statistics.median(ours), READY_BAR_MS)
    report.bar("the slowest of them, ms", f"{max(ours):.2f}", max(ours), READY_BAR_MS)
    report.note("nginx until its port accepts, ms", spread(theirs))
    report.note("/bin/true, ms", spread(least))
    report.bar("VmRSS of an idle server, MiB", f"{resident:.1f}", resident, MEMORY_BAR_MIB)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
