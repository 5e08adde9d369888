#!/usr/bin/python3
"""Mixed calls at the highest rate that the server gives, with jobs running all the time: errors, memory, descriptors.

    bench/soak.py [--seconds 600] [--warmup 60] [--accounts 10] [--projects 100] [--connections 32] [--job-clients 2]

Each of --accounts accounts has --projects projects with a dataset each (10 x 100: a thousand datasets; a project holds
one dataset for training and one for testing at the most). bench/mix sends eight kinds of call, signed with all accounts'
keys, in a closed loop. Beside it clients create, update, distribute and delete datasets and projects without a pause.
Memory and descriptors are looked at every second; what counts begins after --warmup seconds. In the end the database is
recounted by fsck.
"""
import argparse
import base64
import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from measure import BINARY, Report, memory_mib, serving
from harness.clients import Wire
from harness.manifests import Bucket, image_entry, manifest, many_lines
from harness.users import ALLOW_ALL, Users

MIX = os.environ.get("PLACARD_MIX", BINARY.parent / "bench" / "mix")
REGION = "us-east-1"
LABELS = ("cat", "dog", "bird")
SMALL_LINES, JOB_LINES, UPDATE_LINES = 60, 500, 50
RENEW_SECONDS = 240  # signatures are good for 900
SCRIPT_CALLS = 4000
POLL_SECONDS, WAIT_SECONDS = 0.02, 120
GROWTH_BAR_MIB = 8
# How often of a hundred, and of what.
MIX_OF_CALLS = {"DescribeDataset": 55, "ListDatasetEntries": 12, "ListDatasetEntries filtered": 5, "ListDatasetLabels": 8,
                "DescribeProjects": 8, "ListTagsForResource": 6, "TagResource": 4, "UntagResource": 2}


class Account:
    """One account's administrator, with what it has."""

    def __init__(self, server, number, projects):
        account = f"{number + 1:012d}"
        self.key = Users(server).key(ALLOW_ALL, account=account)
        self.wire = Wire(server, REGION, self.key)
        self.bucket = Bucket(server.bucket_folder(f"bucket-{number}"))
        server.placard("buckets", "assign", self.bucket.name, account)
        source = self.bucket.put("small.manifest", many_lines(f"s3://{self.bucket.name}/", SMALL_LINES, LABELS))
        self.job_source = self.bucket.put("job.manifest", many_lines(f"s3://{self.bucket.name}/", JOB_LINES, LABELS))
        self.projects, self.datasets = [], []
        for place in range(projects):
            self.projects.append(self.wire.ask("CreateProject", {"ProjectName": f"kept-{place}"})["ProjectArn"])
            self.datasets.append(self.create(self.projects[-1], source))
        for arn in self.datasets:
            self.wait(arn, "CREATE_IN_PROGRESS", "CREATE_COMPLETE")

    def create(self, project, source=None, kind="TRAIN"):
        wish = {"ProjectArn": project, "DatasetType": kind}
        if source:
            wish["DatasetSource"] = {"GroundTruthManifest": {"S3Object": source}}
        return self.wire.ask("CreateDataset", wish)["DatasetArn"]

    def wait(self, arn, busy, expected):
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            answer = self.wire.post("DescribeDataset", {"DatasetArn": arn})
            if answer.status != 200:
                assert expected is None and answer.type == "ResourceNotFoundException", answer
                return
            status = answer.json["DatasetDescription"]["Status"]
            if status != busy:
                assert status == expected, answer.json
                return
            assert time.monotonic() < deadline, f"{arn} is still {status}"
            time.sleep(POLL_SECONDS)

    def call(self, kind, dice):
        """(operation, members) of a call that changes nothing for the others."""
        arn = {"DatasetArn": dice.choice(self.datasets)}
        tagged = {"ResourceArn": dice.choice(self.projects)}
        return {
            "DescribeDataset": ("DescribeDataset", arn),
            "ListDatasetEntries": ("ListDatasetEntries", {**arn, "MaxResults": 20}),
            "ListDatasetEntries filtered": ("ListDatasetEntries", {**arn, "ContainsLabels": ["cat"], "MaxResults": 10}),
            "ListDatasetLabels": ("ListDatasetLabels", arn),
            "DescribeProjects": ("DescribeProjects", {"MaxResults": 10}),
            "ListTagsForResource": ("ListTagsForResource", tagged),
            "TagResource": ("TagResource", {**tagged, "Tags": {"soak": "yes"}}),
            "UntagResource": ("UntagResource", {**tagged, "TagKeys": ["soak"]}),
        }[kind]


class Jobs:
    """`with Jobs(accounts) as jobs`: each account given makes and unmakes projects and datasets without a pause."""

    def __init__(self, accounts):
        self.ending = threading.Event()
        self.rounds = 0
        self.failure = None
        self.took = {}
        self.threads = [threading.Thread(target=self._run, args=(account,)) for account in accounts]

    def _timed(self, kind, act):
        begun = time.perf_counter()
        act()
        self.took.setdefault(kind, []).append((time.perf_counter() - begun) * 1000)

    def _round(self, account, number):
        project = account.wire.ask("CreateProject", {"ProjectName": f"passing-{number}"})["ProjectArn"]
        train = account.create(project, account.job_source)
        self._timed("create", lambda: account.wait(train, "CREATE_IN_PROGRESS", "CREATE_COMPLETE"))
        test = account.create(project, kind="TEST")
        account.wait(test, "CREATE_IN_PROGRESS", "CREATE_COMPLETE")
        changes = manifest([image_entry(account.bucket.image(n), "new") for n in range(UPDATE_LINES)])
        account.wire.ask("UpdateDatasetEntries", {"DatasetArn": train, "Changes": {"GroundTruth": base64.b64encode(changes).decode()}})
        self._timed("update", lambda: account.wait(train, "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"))
        account.wire.ask("DistributeDatasetEntries", {"Datasets": [{"Arn": train}, {"Arn": test}]})
        self._timed("distribute", lambda: account.wait(train, "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"))
        for arn in (train, test):
            account.wire.ask("DeleteDataset", {"DatasetArn": arn})
            self._timed("delete", lambda: account.wait(arn, "DELETE_IN_PROGRESS", None))
        account.wire.ask("DeleteProject", {"ProjectArn": project})

    def _run(self, account):
        number = 0
        try:
            while not self.ending.is_set():
                self._round(account, number)
                number += 1
                self.rounds += 1
        except Exception as failure:  # told by __exit__, in the thread that asked
            self.failure = self.failure or failure

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure


def write_script(path, server, accounts, seed):
    """The calls of bench/mix, freshly signed; renamed into place."""
    dice = random.Random(seed)
    kinds = [kind for kind, share in MIX_OF_CALLS.items() for _ in range(share)]
    fresh = path.with_suffix(".new")
    with open(fresh, "wb") as file:
        for _ in range(SCRIPT_CALLS):
            account, kind = dice.choice(accounts), dice.choice(kinds)
            operation, members = account.call(kind, dice)
            body = json.dumps(members).encode()
            headers = account.wire.signed(operation, body).headers.items()
            lines = ["POST / HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *(f"{name}: {value}" for name, value in headers),
                     f"Content-Length: {len(body)}", "", ""]
            request = "\r\n".join(lines).encode() + body
            file.write(f"{kind.replace(' ', '-')} {len(request)}\n".encode() + request)
    fresh.rename(path)


def watch(pid, process, renew, seconds):
    """[(second, VmRSS in MiB, descriptors, threads)] while the process runs."""
    seen, begun, renewed = [], time.monotonic(), time.monotonic()
    while process.poll() is None:
        now = time.monotonic()
        assert now < begun + seconds + 60, "the generator does not end"
        seen.append((now - begun, memory_mib(pid, "VmRSS"), len(os.listdir(f"/proc/{pid}/fd")),
                     len(os.listdir(f"/proc/{pid}/task"))))
        if now - renewed > RENEW_SECONDS:
            renew(len(seen))
            renewed = now
        time.sleep(1)
    return seen


def tell_memory(report, seen, warmup, bar_mib):
    """Growth: the median of the last fifth against that of the first fifth after the warm-up."""
    counted = [row for row in seen if row[0] >= warmup]
    fifth = max(1, len(counted) // 5)
    first, last = (statistics.median(row[1] for row in rows) for rows in (counted[:fifth], counted[-fifth:]))
    report.note("VmRSS after the warm-up and in the end, MiB", f"{first:.1f}, {last:.1f}")
    report.bar("growth of VmRSS after the warm-up, MiB", f"{last - first:+.1f}", last - first, bar_mib)
    report.note("VmRSS at the most, MiB", f"{max(row[1] for row in seen):.1f}")
    spans = [statistics.median(row[column] for row in counted[-fifth:]) - statistics.median(
        row[column] for row in counted[:fifth]) for column in (2, 3)]
    report.bar("growth of descriptors after the warm-up", f"{spans[0]:+.0f}", spans[0], 2)
    report.bar("growth of threads after the warm-up", f"{spans[1]:+.0f}", spans[1], 0)


def tell_calls(report, result, seconds):
    total = sum(kind["requests"] for kind in result.values())
    report.note("calls; a second", f"{total}; {total / seconds:.0f}")
    for name, kind in result.items():
        report.note(f"{name}: calls; p50, p99, p99.9, max ms", f"{kind['requests']}; " + ", ".join(
            f"{kind[column] / 1000:.2f}" for column in ("p50_us", "p99_us", "p999_us", "max_us")))
    report.bar("errors", str(sum(kind["errors"] for kind in result.values())),
               sum(kind["errors"] for kind in result.values()), 0)


def tell_server(report, server):
    """What the server itself has counted, and what fsck counts."""
    answer = Wire(server, REGION).send("GET", "/metrics", {}, b"")
    metrics = [line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if not line.startswith("#")]
    bad = sum(float(value) for name, value in metrics if name.startswith("placard_requests_total{")
              and 'code="OK"' not in name and 'code="ResourceNotFoundException"' not in name)
    retried = sum(float(value) for name, value in metrics if 'outcome="retried"' in name)
    report.bar("exceptions that the server counted, but for asking after what is deleted", f"{bad:.0f}", bad, 0)
    report.bar("jobs tried again", f"{retried:.0f}", retried, 0)
    waits = [float(value) for name, value in metrics if name == "placard_store_api_wait_seconds_max"]
    report.note("longest wait of a writing call for the writer, ms", f"{max(waits) * 1000:.1f}")
    check = server.placard("fsck", check=False)
    report.bar("exit status of fsck", str(check.returncode), check.returncode, 0)


def soak(report, given, server):
    pid, calm = server.process.pid, len(os.listdir(f"/proc/{server.process.pid}/fd"))
    accounts = [Account(server, number, given.projects) for number in range(given.accounts)]
    script = server.data.parent / "calls"
    write_script(script, server, accounts, 0)
    command = [MIX, "--port", server.port, "--script", script, "--connections", given.connections, "--seconds", given.seconds]
    with Jobs(accounts[:given.job_clients]) as jobs:
        with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE) as process:
            seen = watch(pid, process, lambda seed: write_script(script, server, accounts, seed), given.seconds)
            result = json.loads(process.stdout.read())
    report.note("accounts, projects, datasets", f"{given.accounts}, {given.accounts * given.projects}, "
                f"{sum(len(account.datasets) for account in accounts)}")
    tell_calls(report, result, given.seconds)
    report.note("rounds of create, update, distribute, delete beside them", str(jobs.rounds))
    for kind, took in jobs.took.items():
        took.sort()
        report.note(f"{kind}: p50, p99, max ms", f"{statistics.median(took):.0f}, {took[int(len(took) * 0.99)]:.0f}, "
                    f"{took[-1]:.0f}")
    report.bar("rounds missing of the least one", str(max(0, 1 - jobs.rounds)), max(0, 1 - jobs.rounds), 0)
    tell_memory(report, seen, given.warmup, given.growth_bar_mib)
    tell_server(report, server)
    time.sleep(1)
    left = len(os.listdir(f"/proc/{pid}/fd")) - calm
    report.bar("descriptors more than before the first call", str(left), left, 0)
    wal = Path(f"{server.data}/placard.db-wal")
    report.note("write-ahead log in the end, MiB", f"{wal.stat().st_size / 2**20:.1f}" if wal.exists() else "none")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--warmup", type=float, default=60)
    parser.add_argument("--accounts", type=int, default=10)
    parser.add_argument("--projects", type=int, default=100, help="of each account")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--job-clients", type=int, default=2)
    parser.add_argument("--growth-bar-mib", type=int, default=GROWTH_BAR_MIB, help="a sanitizer needs more")
    given = parser.parse_args()
    report = Report(f"A soak of {given.seconds:.0f} seconds")
    with serving("--log-level", "warn") as server:
        soak(report, given, server)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
