#!/usr/bin/python3
"""Servers on PostgreSQL: an ingest beside COPY of the rows that it makes, DescribeDataset with one server and with two and
what PostgreSQL has to bear of it, its latency while an ingest runs, and how long the job of a killed server lies.

    bench/postgres.py [--lines 2500000] [--runs 3] [--seconds 8] [--rounds 3] [--kills 3]

The PostgreSQL is the tests' own: a cluster in the folder for temporary files, its commits on the disk, with 512 MB of
shared buffers and a log that may grow to 4 GB between checkpoints.

1. CreateDataset from so many lines, from the request to CREATE_COMPLETE, in a new database; then psql dumps the rows of
   the dataset, and COPY from these files into empty tables that are defined alike is timed, by psql too. The two
   alternate. COPY's rows are packed and sorted already: what the ratio leaves over is reading, judging and packing lines.
2. Closed loop, 32 connections to each server: calls a second, and the CPU time of PostgreSQL's processes as a share of
   theirs and the servers' together. The load generators are on the same cores.
3. Open loop at 30 % of what one server reached: the 99th percentile idle and with an ingest running, alternating.
4. Two servers; the one that ingests is killed (SIGKILL) when it has read 30 % of the lines, and the job's row is looked
   at until the other has claimed it. A lease is 10 s.
"""
import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from measure import (FOLDER, Caller, Ingest, Report, Server, load, manifest, spread, undisturbed)
from harness.postgres import Postgres

COPY_BAR = 0.5
CONNECTIONS, SHARE = 32, 0.30
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}
TABLES = ("block", "ref_page", "entry_ref", "label")
LOOK_SECONDS = 0.02
MIDDLE = 0.3  # of an ingest: its last part is not reading
DONE_SECONDS = 600


class Node(Server):
    """One of several servers on a store, with buckets that they share."""

    def __init__(self, folder, number, place, *flags):
        self.objects = folder / "buckets"
        super().__init__(folder / f"node-{number}", ["--store", place, "--objects", f"dir:{self.objects}", *flags])

    def bucket_folder(self, name):
        return self.objects / name


@contextlib.contextmanager
def fleet(place, count, *flags):
    """Servers over data directories of their own; those that a run has killed are gone by the end."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=FOLDER))
    nodes = [Node(folder, number, place, *flags) for number in range(count)]
    try:
        for node in nodes:
            node.start()
        yield nodes
        for node in nodes:
            if node.process is not None:
                node.stop()
    finally:
        for node in nodes:
            if node.process is not None:
                node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def cpu_of(pids):
    """User and system seconds of processes, and of their children that have ended."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


def processes_of(cluster):
    """The first and those that it has made."""
    first = cluster.process.pid
    pids = [first]
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == first:
                pids.append(int(path.parent.name))
    return pids


# --- an ingest beside COPY -------------------------------------------------------------------------------------------

def dump(cluster, place, folder):
    """A file for each table that has rows; and an empty table that is defined alike."""
    files = {}
    for table in TABLES:
        if cluster.sql(place, f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1) a") == [["0"]]:
            continue
        files[table] = folder / table
        cluster.sql(place, f"\\copy {table} TO '{files[table]}' (FORMAT binary)")
        cluster.sql(place, f"CREATE TABLE copy_of_{table} (LIKE {table} INCLUDING ALL)")
    return files


def copy_seconds(cluster, place, files):
    """COPY into tables that are empty, all in one psql; what that costs to start is taken off."""
    cluster.sql(place, "TRUNCATE " + ", ".join(f"copy_of_{table}" for table in files))
    begun = time.monotonic()
    cluster.sql(place, "SELECT 1")
    started = time.monotonic() - begun
    words = [word for table, path in files.items() for word in
             ("-c", f"\\copy copy_of_{table} FROM '{path}' (FORMAT binary)")]
    begun = time.monotonic()
    cluster.run("psql", place, "-X", "-q", "-v", "ON_ERROR_STOP=1", *words)
    return time.monotonic() - begun - started


class Made:
    """One dataset made in a new database, and COPY of its rows behind it."""

    def __init__(self, cluster, path, lines):
        place = cluster.database()
        with fleet(place, 1, "--limits", "none") as (node,):
            caller = Caller(node)
            project = caller.project("bench")
            caller.lend(path)
            before = cpu_of(processes_of(cluster))
            begun = time.monotonic()
            arn = caller.create(project, path)
            stats = caller.finish(arn)["DatasetStats"]
            self.seconds = time.monotonic() - begun
            assert stats["TotalEntries"] == stats["LabeledEntries"] == lines and stats["ErrorEntries"] == 0, stats
            self.store_cpu = cpu_of(processes_of(cluster)) - before
            self.cpu = caller.cpu_seconds()
        self.copy_seconds, self.bytes, self.copy_cpu = self._copy(cluster, place)
        cluster.sql(cluster.place("postgres"), f"DROP DATABASE {place.rsplit('/', 1)[1]}")

    @staticmethod
    def _copy(cluster, place):
        folder = Path(tempfile.mkdtemp(prefix="rows-", dir=cluster.folder))
        folder.chmod(0o777)  # psql is not who we are
        files = dump(cluster, place, folder)
        size = sum(path.stat().st_size for path in files.values())
        before = cpu_of(processes_of(cluster))
        seconds = copy_seconds(cluster, place, files)
        cpu = cpu_of(processes_of(cluster)) - before
        shutil.rmtree(folder)
        return seconds, size, cpu


def ingest_beside_copy(report, cluster, given):
    path = manifest(given.lines)
    made = [undisturbed(lambda: Made(cluster, path, given.lines)) for _ in range(given.runs)]
    report.note(f"{given.lines} lines, {os.path.getsize(path) / 1e6:.0f} MB: seconds", spread([run.seconds for run in made]))
    report.note("lines a second", spread([given.lines / run.seconds for run in made], "{:.0f}"))
    report.note("CPU seconds of the server; of PostgreSQL", f"{spread([run.cpu for run in made])}; "
                                                             f"{spread([run.store_cpu for run in made])}")
    report.note(f"COPY of its rows, {made[0].bytes / 1e6:.0f} MB, seconds", spread([run.copy_seconds for run in made]))
    report.note("its CPU seconds of PostgreSQL", spread([run.copy_cpu for run in made]))
    ratios = [run.copy_seconds / run.seconds for run in made]
    report.at_least("COPY's time / the ingest's", spread(ratios), statistics.median(ratios), COPY_BAR)


# --- DescribeDataset -------------------------------------------------------------------------------------------------

def described(node):
    caller = Caller(node)
    arn = caller.create(caller.project(f"described-{time.time_ns()}"), manifest(1000))
    caller.finish(arn)
    return {"DatasetArn": arn}


class Loaded:
    """Load on some servers at once: calls a second in all, and PostgreSQL's share of the CPU time."""

    def __init__(self, cluster, nodes, body, seconds):
        results = []

        def run(node):
            results.append(load(node.port, node.root_key, "DescribeDataset", body, connections=CONNECTIONS,
                                seconds=seconds))

        threads = [threading.Thread(target=run, args=(node,)) for node in nodes]
        pids = processes_of(cluster)
        before = cpu_of(pids), cpu_of([node.process.pid for node in nodes])
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == len(nodes)
        store = cpu_of(pids) - before[0]
        servers = cpu_of([node.process.pid for node in nodes]) - before[1]
        self.rps = sum(result["rps"] for result in results)
        self.p99_us = max(result["p99_us"] for result in results)
        self.share = store / (store + servers)


def describe(report, cluster, given):
    """Gives what one server reached."""
    place = cluster.database()
    runs = {1: [], 2: []}
    with fleet(place, 2) as nodes:
        body = described(nodes[0])
        for _ in range(given.rounds):
            for count, loaded in runs.items():
                loaded.append(undisturbed(lambda: Loaded(cluster, nodes[:count], body, given.seconds)))  # pylint: disable=cell-var-from-loop
    for count, loaded in runs.items():
        who = "one server" if count == 1 else f"{count} servers"
        report.note(f"DescribeDataset a second, {who}", spread([run.rps for run in loaded], "{:.0f}"))
        report.note(f"closed-loop p99, {who}, us", spread([run.p99_us for run in loaded], "{:.0f}"))
        report.note(f"PostgreSQL's share of the CPU time, {who}", spread([run.share for run in loaded]))
    gains = [two.rps / one.rps for one, two in zip(runs[1], runs[2])]
    report.note("two servers / one, on the same cores", spread(gains))
    return statistics.median(run.rps for run in runs[1])


def during_ingest(report, cluster, given, rate):
    path = manifest(given.lines)
    idle, busy = [], []
    with fleet(cluster.database(), 1, "--limits", "none") as (node,):
        body = described(node)

        def at_rate():
            return load(node.port, node.root_key, "DescribeDataset", body, connections=CONNECTIONS, seconds=given.seconds,
                        rate=rate)

        def beside_ingest():
            with Ingest(node, path) as ingest:
                result = at_rate()
            Caller(node).drain()
            return {**result, "finished": ingest.finished}

        for _ in range(given.rounds):
            idle.append(undisturbed(at_rate))
            busy.append(undisturbed(beside_ingest))
    for name in ("p50", "p99", "max"):
        for what, runs in (("idle", idle), ("with an ingest", busy)):
            report.note(f"{name} at {rate:.0f}/s, {what}, us", spread([run[f"{name}_us"] for run in runs], "{:.0f}"))
    ratios = [run["p99_us"] / calm["p99_us"] for run, calm in zip(busy, idle)]
    report.note("p99 with an ingest / p99 idle", spread(ratios))


# --- a killed server -------------------------------------------------------------------------------------------------

def job_of(cluster, place):
    """(attempt, cursor), or None when it is done."""
    rows = cluster.sql(place, "SELECT attempt, cursor FROM job")
    return tuple(map(int, rows[0])) if rows else None


def look_until(question):
    deadline = time.monotonic() + DONE_SECONDS
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline
        time.sleep(LOOK_SECONDS)


def at_work(callers, lines):
    """The places of those whose servers have read so many lines."""
    return [place for place, caller in enumerate(callers) if caller.metrics()["placard_ingest_lines_total"] >= lines]


class Killed:
    """The seconds until the job of a killed server is another's, and until it is done."""

    def __init__(self, cluster, path, lines):
        place = cluster.database()
        with fleet(place, 2, "--limits", "none") as nodes:
            callers = [Caller(node) for node in nodes]
            project = callers[0].project("bench")
            callers[0].lend(path)
            arn = callers[0].create(project, path)
            working = look_until(lambda: at_work(callers, MIDDLE * lines))[0]
            self.line = callers[working].metrics()["placard_ingest_lines_total"]
            nodes[working].kill()
            killed = time.monotonic()
            assert job_of(cluster, place), "it was done before it was killed; take more lines"
            look_until(lambda: (job_of(cluster, place) or (2, 0))[0] > 1)
            self.claimed = time.monotonic() - killed
            other = callers[1 - working]
            stats = other.finish(arn)["DatasetStats"]
            self.done = time.monotonic() - killed
            assert stats["TotalEntries"] == stats["LabeledEntries"] == lines and stats["ErrorEntries"] == 0, stats


def kills(report, cluster, given):
    path = manifest(given.lines)
    runs = [Killed(cluster, path, given.lines) for _ in range(given.kills)]
    report.note("killed at line", ", ".join(f"{run.line:.0f}" for run in runs))
    report.note("seconds until another server had the job", spread([run.claimed for run in runs], "{:.1f}"))
    report.note("seconds until it was done", spread([run.done for run in runs], "{:.1f}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=2500000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kills", type=int, default=3)
    given = parser.parse_args()
    report = Report("Servers on PostgreSQL")
    with Postgres(settings=SETTINGS) as cluster:
        ingest_beside_copy(report, cluster, given)
        rate = SHARE * describe(report, cluster, given)
        during_ingest(report, cluster, given, rate)
        kills(report, cluster, given)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
