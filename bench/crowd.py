#!/usr/bin/python3
"""A good client beside a crowd of hostile ones: its latency, alone and in the crowd, and what the server grows to.

    bench/crowd.py [--idle 2000] [--drip 500] [--flood 1000] [--rate 1000] [--seconds 16] [--rounds 3]

The good client is bench/load: signed DescribeDataset calls in an open loop at --rate a second over 16 connections. The
crowd is bench/crowd: connections that do nothing, connections that send a byte every 200 ms, half of them in the head
and half in the body, and --flood connections a second with one bad head each. Alone and in the crowd alternate; the
median of the rounds' ratios of the 99th percentiles is held to the bar. With the default times the drips are 20 s old,
and cut, in the midst of each measurement; the good client's own connections, of which most are never used, must not get
that old. After the last round the crowd goes, and
memory and descriptors are looked at once more.
"""
import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time

from measure import BINARY, Caller, Report, load, manifest, memory_mib, serving, spread, undisturbed

CROWD = os.environ.get("PLACARD_CROWD", BINARY.parent / "bench" / "crowd")
CONNECTIONS = 16
P99_BAR = 3
MEMORY_BAR_MIB = 192
FLOOD_MOST = 5000
TAIL_SECONDS = 2
SETTLE_SECONDS = 3


@contextlib.contextmanager
def crowd(port, seconds, idle, drip, flood):
    """The crowd is there while the body runs; the dict given is filled with its report afterwards."""
    report = {}
    ours, theirs = os.pipe()
    command = [CROWD, "--port", port, "--seconds", seconds, "--idle", idle, "--drip", drip, "--flood", flood,
               "--ready", theirs]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, pass_fds=[theirs]) as process:
        os.close(theirs)
        try:
            assert os.read(ours, 1) == b"r", "the crowd did not gather"
            yield report
            report.update(json.loads(process.communicate(timeout=seconds + 30)[0]))
        finally:
            os.close(ours)
            if process.poll() is None:
                process.kill()
    assert process.returncode == 0, report


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def measure(server, body, given):
    """(alone, crowded, the crowd's reports, the largest memory seen in MiB)"""
    pid = server.process.pid

    def good():
        return load(server.port, server.root_key, "DescribeDataset", body, connections=CONNECTIONS,
                    seconds=given.seconds, rate=given.rate)

    def among():
        lead = given.seconds / 2
        with crowd(server.port, lead + given.seconds + TAIL_SECONDS, given.idle, given.drip, given.flood) as report:
            time.sleep(lead)
            result = good()
            result["memory"] = memory_mib(pid, "VmRSS")
        return {**result, "crowd": report}

    alone, crowded = [], []
    for _ in range(given.rounds):
        alone.append(undisturbed(good))
        crowded.append(undisturbed(among))
        time.sleep(SETTLE_SECONDS)
    return alone, crowded


def tell(report, alone, crowded, given):
    for name in ("p50", "p99", "p999", "max", "send_lag_p99"):
        values = [[run[f"{name}_us"] for run in runs] for runs in (alone, crowded)]
        report.note(f"{name} at {given.rate}/s alone, us", spread(values[0], "{:.0f}"))
        report.note(f"{name} at {given.rate}/s in the crowd, us", spread(values[1], "{:.0f}"))
    ratios = [run["p99_us"] / calm["p99_us"] for run, calm in zip(crowded, alone)]
    report.bar("p99 in the crowd / p99 alone", spread(ratios), statistics.median(ratios), P99_BAR)
    crowds = [run["crowd"] for run in crowded]
    wanted = given.idle + given.drip
    report.bar(f"hostile connections missing of {wanted}", str(max(wanted - one["standing"] for one in crowds)),
               max(wanted - one["standing"] for one in crowds), wanted * 0.05)
    for name in ("flooded", "flood_answered", "flood_silent", "flood_overdue", "flood_skipped", "idle_ended",
                 "drips_ended", "bytes_dripped"):
        report.note(f"crowd: {name}", spread([one[name] for one in crowds], "{:.0f}"))
    report.bar("bad heads neither answered nor closed", str(max(one["flood_overdue"] for one in crowds)),
               max(one["flood_overdue"] for one in crowds), 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--idle", type=int, default=2000)
    parser.add_argument("--drip", type=int, default=500)
    parser.add_argument("--flood", type=int, default=1000, help=f"bad heads a second, at most {FLOOD_MOST}")
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=16, help="of each measurement, less than 19; the crowd comes half of it earlier")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-bar-mib", type=int, default=MEMORY_BAR_MIB, help="a sanitizer needs more")
    given = parser.parse_args()
    given.flood = min(given.flood, FLOOD_MOST)
    report = Report("A good client in a hostile crowd")
    with serving("--connections-per-address", "0") as server:
        pid = server.process.pid
        caller = Caller(server)
        arn = caller.create(caller.project("described"), manifest(1000))
        caller.finish(arn)
        before, files = memory_mib(pid, "VmRSS"), descriptors(pid)
        alone, crowded = measure(server, {"DatasetArn": arn}, given)
        time.sleep(SETTLE_SECONDS)
        after, files_after = memory_mib(pid, "VmRSS"), descriptors(pid)
    tell(report, alone, crowded, given)
    report.note("VmRSS before, MiB", f"{before:.1f}")
    most = max(run["memory"] for run in crowded)
    report.bar("VmRSS in the crowd, MiB", f"{most:.1f}", most, given.memory_bar_mib)
    report.note("VmRSS after, MiB", f"{after:.1f}")
    report.bar("descriptors left behind", str(files_after - files), files_after - files, 0)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
