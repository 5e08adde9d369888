#!/usr/bin/python3
"""How long trainings and detections take through a real server, how much memory they take, and beside what.

    bench/models.py BACKBONE [PART ...]

BACKBONE is the folder of the default backbone (placard backbone install). Parts, all by default:

    classification   10 labels x 50 images (Fashion-MNIST) from CreateProjectVersion to TRAINING_COMPLETED
    detection        200 composites of 640 x 480 with boxes, likewise
    answers          DetectCustomLabels on a JPEG of 640 x 480 in the call, one client, of both models; then two
                     inference units beside two loops of the trunk alone
    engine           the trunk in the built-in engine beside ONNX Runtime, which is fetched from npm

`answers` needs what the first two have trained, and trains it where they are not asked for. The client is this program:
one thread a connection, each request signed beforehand. While the loops of the trunk run, it sends as many of the same
requests a second to bench/bare as the server answered, so that both have the same client beside them. Needs
python3-boto3, python3-pil, dataset-fashion-mnist, the packages that composites.py names, and
`ninja -C build bench/trunk bench/bare`. Listens on free ports of 127.0.0.1.
"""
import base64
import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import classify
import composites
import detect
from measure import FOLDER, LOAD, Report, bare, memory_mib, serving

from harness.backbone import fetched, package_file
from harness.manifests import box_entry, image_entry
from harness.models import ModelLab
from harness.onnx_model import SIDECAR, write_model
from harness.server import run_placard

TRUNK = LOAD.with_name("trunk")
FASHION_TESTS, DETECTION_TESTS = 200, 50
CALLS, WARM_CALLS, LOAD_SECONDS, TRUNK_RUNS = 300, 20, 8.0, 400
UNITS, CONNECTIONS = 2, 4
MEMORY_BAR_MB = 600
RUNTIME, RUNTIME_VERSION = "onnxruntime-node", "1.17.3"


# --- trainings -------------------------------------------------------------------------------------------------------

def fashion_entries(bucket):
    """{"train"/"test": entries}"""
    folder, entries = classify.fashion(1, 50), {"train": [], "test": []}
    for line in (folder / "list").read_text().splitlines()[1:]:
        part, file, _, label = line.split()
        if part == "train" or len(entries[part]) < FASHION_TESTS:
            bucket.put(file, (folder / file).read_bytes())
            entries[part].append(image_entry(f"s3://{bucket.name}/{file}", f"label-{label}"))
    return entries


def boxed_entries(bucket):
    folder = detect.composed("products200", 1, detect.products, 200)
    lines, entries = iter((folder / "list").read_text().splitlines()), {"train": [], "test": []}
    labels = [f"product-{number}" for number in range(int(next(lines).split()[1]))]
    for line in lines:
        part, file, width, height, count = line.split()
        boxes = []
        for _ in range(int(count)):
            label, *ratios = next(lines).split()
            left, top, wide, tall = (round(float(ratio) * int(side))
                                     for ratio, side in zip(ratios, (width, height, width, height)))
            boxes.append({"class_id": int(label), "left": left, "top": top, "width": max(1, wide), "height": max(1, tall)})
        if part == "train" or len(entries[part]) < DETECTION_TESTS:
            bucket.put(file, (folder / file).read_bytes())
            entries[part].append(box_entry(f"s3://{bucket.name}/{file}", labels, boxes, (int(width), int(height))))
    return entries


def children(pid):
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, task.read_text().split())


def trained(lab, entries):
    """(ARN, seconds from the call to TRAINING_COMPLETED, most MB of a trainer, F1)"""
    project, most = lab.project(), 0
    lab.create(entries["train"], project=project)
    lab.create(entries["test"], project=project, kind="TEST")
    begun = time.monotonic()
    arn = lab.begin_training(project)
    while True:
        found = lab.version(arn)
        if found["Status"] != "TRAINING_IN_PROGRESS":
            break
        for child in children(lab.server.process.pid):
            with contextlib.suppress(OSError, KeyError):
                most = max(most, memory_mib(child, "VmHWM") * 1.048576)
        time.sleep(0.05)
    seconds = time.monotonic() - begun
    assert found["Status"] == "TRAINING_COMPLETED", found
    return arn, seconds, most, found["EvaluationResult"]["F1Score"]


def report_training(report, title, bar, arn_and_more):
    arn, seconds, memory, f1 = arn_and_more
    report.bar(f"{title}: trained and evaluated", f"{seconds:.1f} s (F1 {f1:.3f})", seconds, bar)
    report.bar("  most memory of the trainer", f"{memory:.0f} MB", memory, MEMORY_BAR_MB)
    return arn


# --- the client ------------------------------------------------------------------------------------------------------

def photograph(folder_of):
    """The first test image of 640 x 480."""
    return sorted(folder_of.glob("test-*.jpg"))[0].read_bytes()


def request_for(lab, arn, image):
    body = json.dumps({"ProjectVersionArn": arn, "MinConfidence": 0,
                       "Image": {"Bytes": base64.b64encode(image).decode()}}).encode()
    return body, dict(lab.wire.signed("DetectCustomLabels", body).headers.items())


def answer_times(port, request, count, pause=0.0):
    """Seconds of each of `count` calls, one behind the other on one connection."""
    body, headers = request
    took = []
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for _ in range(count):
            begun = time.perf_counter()
            connection.request("POST", "/", body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            took.append(time.perf_counter() - begun)
            time.sleep(pause)
    return took


class Clients:
    """`with Clients(...) as clients`: CONNECTIONS at work until the end; then `rate` is calls a second."""

    def __init__(self, port, request, rate_most=None):
        self.port, self.request = port, request
        self.gap = CONNECTIONS / rate_most if rate_most else 0
        self.ending = threading.Event()
        self.counts = []
        self.threads = [threading.Thread(target=self._run) for _ in range(CONNECTIONS)]

    def _run(self):
        count, body, headers = 0, *self.request
        due = time.monotonic()
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            while not self.ending.is_set():
                connection.request("POST", "/", body=body, headers=headers)
                answer = connection.getresponse()
                answer.read()
                count += answer.status == 200
                due += self.gap
                time.sleep(max(0, due - time.monotonic()))
        self.counts.append(count)

    def __enter__(self):
        self.begun = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        self.rate = sum(self.counts) / (time.monotonic() - self.begun)


def trunk_loops(backbone):
    """Images a second that two loops of the trunk get done, each a process of one thread."""
    command = [TRUNK, backbone, "--runs", str(TRUNK_RUNS)]
    loops = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(UNITS)]
    outputs = [loop.communicate()[0] for loop in loops]
    return sum(1000 / float(re.search(r"mean ([\d.]+) ms", output).group(1)) for output in outputs)


# --- parts -----------------------------------------------------------------------------------------------------------

class Bench:
    def __init__(self, backbone, report, server):
        self.backbone, self.report, self.server = backbone, report, server
        self.lab = ModelLab(server)
        self.arns = {}

    def classification(self):
        self.arns["classification"] = report_training(
            self.report, "10 labels x 50 images", 30, trained(self.lab, fashion_entries(self.lab.bucket)))

    def detection(self):
        self.arns["detection"] = report_training(
            self.report, "200 images with boxes", 90, trained(self.lab, boxed_entries(self.lab.bucket)))

    def answers(self):
        image = photograph(detect.composed("products200", 1, detect.products, 200))
        for kind, bar in (("classification", 25), ("detection", 50)):
            if kind not in self.arns:
                getattr(self, kind)()
            arn = self.arns[kind]
            self.lab.start(arn)
            request = request_for(self.lab, arn, image)
            answer_times(self.server.port, request, WARM_CALLS)
            took = sorted(answer_times(self.server.port, request, CALLS))
            p50, p99 = took[len(took) // 2] * 1e3, took[len(took) * 99 // 100] * 1e3
            self.report.bar(f"DetectCustomLabels, {kind}, one client, p50", f"{p50:.1f} ms (p99 {p99:.1f})", p50, bar)
            self.lab.stop(arn)
        self.two_units(self.arns["classification"], image)

    def two_units(self, arn, image):
        self.lab.start(arn, UNITS)
        request = request_for(self.lab, arn, image)
        shares, alone = [], []
        for _ in range(3):
            with Clients(self.server.port, request) as clients:
                time.sleep(LOAD_SECONDS)
            with bare(300, 1 << 20) as (port, _), Clients(port, request, clients.rate):
                loops = trunk_loops(self.backbone)
            alone.append(loops)
            shares.append(clients.rate / loops)
        self.lab.stop(arn)
        share = statistics.median(shares)
        self.report.at_least(f"{UNITS} inference units beside {UNITS} loops of the trunk",
                             f"{share:.2f} of {statistics.median(alone):.0f} images/s", share, 0.9)

    def engine(self):
        try:
            folder = onnx_backbone()
        except (OSError, subprocess.SubprocessError) as failure:
            self.report.note("the trunk beside ONNX Runtime", f"not measured: {failure}")
            return
        output = subprocess.run([TRUNK, self.backbone, folder, "--runs", "300"], capture_output=True, text=True,
                                check=True).stdout
        ours, theirs = (float(number) for number in re.findall(r"median ([\d.]+) ms", output))
        apart = float(re.search(r"largest difference (\S+)", output).group(1))
        self.report.note("the trunk at 224, one thread", f"{ours:.2f} ms; ONNX Runtime {theirs:.2f} ms, "
                                                         f"{ours / theirs:.2f} of it")
        self.report.bar("  the largest difference of a feature", f"{apart:.2g}", apart, 1e-4)


def onnx_backbone():
    """The default network as a backbone of ONNX Runtime's, in a folder that is kept."""
    folder = FOLDER / "onnx"
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / f"libonnxruntime.so.{RUNTIME_VERSION}"
    if not library.exists():
        machine = {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
        with tarfile.open(fetched(RUNTIME, RUNTIME_VERSION)) as files:
            library.write_bytes(files.extractfile(f"package/bin/napi-v3/linux/{machine}/{library.name}").read())
    if not (folder / "backbones" / "onnx").exists():
        write_model(package_file(), folder / "trunk.onnx")
        (folder / "sidecar.txt").write_text(SIDECAR.format(library=library), encoding="utf-8")
        run_placard("backbone", "add", "onnx", folder / "trunk.onnx", folder / "sidecar.txt", "--backbones",
                    folder / "backbones")
    return folder / "backbones" / "onnx"


PARTS = ("classification", "detection", "answers", "engine")


def main():
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(PARTS):
        raise SystemExit(__doc__)
    composites.need_packages()
    backbone = Path(sys.argv[1]).resolve()
    report = Report("Models through a server")
    with serving("--backbones", backbone.parent) as server:
        bench = Bench(backbone, report, server)
        for part in PARTS:
            if not sys.argv[2:] or part in sys.argv[2:]:
                getattr(bench, part)()
    report.note("load of the machine at the end (1, 5, 15 minutes)", "%.1f %.1f %.1f" % os.getloadavg())
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
