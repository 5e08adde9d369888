#!/usr/bin/python3
"""DescribeDataset beside nginx, and while an ingest runs.

    bench/describe.py [--seconds 8] [--pairs 3] [--rounds 3] [--lines 1000000]

1. Closed loop, 64 kept-alive connections, every request signed: CPU per request (user and system time of the process
   and its children) beside nginx `return 200` with a body of the same length, asked with the very same requests. The
   two alternate. Both have two threads. nginx writes no access log; the server is measured both as it comes, which
   writes a line for each request to a file, and with --log-level warn, which does not.
2. Open loop at 30 % of what the closed loop reached: the 99th percentile, idle and with an ingest running all the time,
   alternating.
"""
import argparse
import statistics
import sys

from measure import ROOT_KEY, Caller, Ingest, Report, bare, load, manifest, nginx, serving, spread, undisturbed

CONNECTIONS = 64
SHARE = 0.30
CPU_BAR, P99_BAR = 1.3, 5


def ready_dataset(server, lines=1000):
    caller = Caller(server)
    arn = caller.create(caller.project("described"), manifest(lines))
    caller.finish(arn)
    return {"DatasetArn": arn}


def cpu(port, pid, key, body, seconds, length):
    return load(port, key, "DescribeDataset", body, connections=CONNECTIONS, seconds=seconds, pid=pid, length=length)


def beside_nginx(report, given, *flags):
    """Alternates the two; the median of the pairs' ratios is held to the bar. Gives the requests a second."""
    shown = " ".join(flags) or "as it comes"
    with serving("--http-threads", "2", *flags) as server:
        body = ready_dataset(server)
        length = load(server.port, server.root_key, "DescribeDataset", body, connections=1, seconds=0.2,
                      warmup_seconds=0)["length"]
        ours, theirs = [], []
        with nginx(length) as (port, pid):
            for _ in range(given.pairs):
                for runs, at, who in ((ours, server.port, server.process.pid), (theirs, port, pid)):
                    runs.append(undisturbed(lambda: cpu(at, who, server.root_key, body, given.seconds, length)))
    mine, other = ([run["cpu_us_per_request"] for run in runs] for runs in (ours, theirs))
    ratios = [left / right for left, right in zip(mine, other)]
    report.note(f"CPU per request, {shown}, us", spread(mine))
    report.note(f"the same of nginx, {length} bytes, us", spread(other))
    report.bar(f"ratio, {shown}", spread(ratios), statistics.median(ratios), CPU_BAR)
    report.note("requests a second; nginx",
                f"{statistics.median(run['rps'] for run in ours):.0f}; {statistics.median(run['rps'] for run in theirs):.0f}")
    report.note("closed-loop p50, p99; nginx, us", "; ".join(
        ", ".join(f"{statistics.median(run[name] for run in runs):.0f}" for name in ("p50_us", "p99_us"))
        for runs in (ours, theirs)))
    return statistics.median(run["rps"] for run in ours)


def floor(report, given):
    """What the HTTP library takes for itself, beside nginx."""
    length = 326
    for pool in (40 * 1024, 8 * 1024):
        ours, theirs = [], []
        with bare(length, pool) as (low, low_pid), nginx(length) as (port, pid):
            for _ in range(given.pairs):
                for runs, at, who in ((ours, low, low_pid), (theirs, port, pid)):
                    runs.append(undisturbed(lambda: cpu(at, who, ROOT_KEY, {}, given.seconds, length)))
        ratios = [left["cpu_us_per_request"] / right["cpu_us_per_request"] for left, right in zip(ours, theirs)]
        report.note(f"libmicrohttpd alone, {pool // 1024} KiB a connection, us",
                    spread([run["cpu_us_per_request"] for run in ours]))
        report.note("its ratio", spread(ratios))


def during_ingest(report, given, rate):
    idle, busy = [], []
    path = manifest(given.lines)
    with serving("--limits", "none") as server:
        body = ready_dataset(server)

        def at_rate():
            return load(server.port, server.root_key, "DescribeDataset", body, connections=CONNECTIONS,
                        seconds=given.seconds, rate=rate)

        def beside_ingest():
            with Ingest(server, path) as ingest:
                result = at_rate()
            Caller(server).drain()
            return {**result, "finished": ingest.finished}

        for _ in range(given.rounds):
            idle.append(undisturbed(at_rate))
            busy.append(undisturbed(beside_ingest))
    for name in ("p50", "p99", "p999", "max", "send_lag_p99"):
        values = [[run[f"{name}_us"] for run in runs] for runs in (idle, busy)]
        report.note(f"{name} at {rate:.0f}/s, idle, us", spread(values[0], "{:.0f}"))
        report.note(f"{name} at {rate:.0f}/s, with an ingest, us", spread(values[1], "{:.0f}"))
    ratios = [run["p99_us"] / calm["p99_us"] for run, calm in zip(busy, idle)]
    report.bar("p99 with an ingest / p99 idle", spread(ratios), statistics.median(ratios), P99_BAR)
    report.note("datasets finished meanwhile", str(sum(run["finished"] for run in busy)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", type=int, default=1000000, help="of each ingest")
    given = parser.parse_args()
    report = Report("DescribeDataset")
    capacity = beside_nginx(report, given)
    beside_nginx(report, given, "--log-level", "warn")
    floor(report, given)
    during_ingest(report, given, SHARE * capacity)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
