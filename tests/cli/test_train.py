"""`placard train`: a request folder to a result, stopped and gone on with, and what it refuses. Servers run it so."""
import json
import signal
import subprocess
import time

import pytest

from harness.backbone import BACKBONE, backbones
from harness.images import picture
from harness.manifests import image_entry, manifest
from harness.server import ACCOUNT, BINARY, SANITIZER, environment, run_placard

SECONDS = 300
OUTPUTS = ["EvaluationResultSummary", "ManifestSummary", "TrainingGroundTruth", "TestingGroundTruth",
           "TrainingManifestWithValidation", "TestingManifestWithValidation"]


def lines(bucket, folder, each, labels=("red", "blue")):
    entries = []
    for label in labels:
        for number in range(each):
            path = bucket / folder / f"{label}-{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(label, f"{folder} {number}"))
            entries.append(image_entry(f"s3://{bucket.name}/{folder}/{path.name}", label))
    return manifest(entries)


@pytest.fixture(name="request_folder")
def fixture_request_folder(tmp_path):
    """Makes folders with a request each, on the same images; `changes` are members of the request."""
    bucket = tmp_path / "buckets" / "images"
    train, test = lines(bucket, "train", 8), lines(bucket, "test", 3)

    def make(name, **changes):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "train.lines").write_bytes(train)
        (folder / "test.lines").write_bytes(test)
        request = {
            "version": f"arn:aws:rekognition:us-east-1:{ACCOUNT}:project/p/version/v/1", "account": ACCOUNT,
            "default-account": ACCOUNT, "objects": f"dir:{tmp_path}/buckets", "output-bucket": "images",
            "backbone": str(backbones() / BACKBONE), "features": "", "features-bytes": 0, "threads": 2, "split": False,
            "manifest-bytes": 0, "manifest-lines": 0, "labels": 250, "line-chars": 100000, "label-chars": 256,
            "labels-per-image": 50, "boxes-per-image": 50, "image-bytes": 0, "side-min-px": 64, "side-max-px": 4096,
            "dropped-percent": 20, "log-json": False, "log-level": 1, "output-keys": [f"{name}/{stem}.json" for stem in OUTPUTS],
            "buckets": [], "training": [], "testing": [], **changes}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        return folder

    return make


def start(folder):
    return subprocess.Popen([BINARY, "train", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment())


def finish(process):
    """Exit status and what it said; standard input stays open meanwhile."""
    said = process.stdout.read()
    errors = process.stderr.read()
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()
    assert not SANITIZER.search(errors), errors
    return process.wait(SECONDS), said


def result(folder):
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def test_a_training(request_folder, tmp_path):
    folder = request_folder("one")
    status, said = finish(start(folder))
    assert status == 0 and "progress evaluation " in said
    got = result(folder)
    assert got["trained"] and got["outputs"] == 63 and got["f1"] > 0.9 and got["billable-seconds"] >= 1
    there = tmp_path / "buckets" / "images" / "one"
    assert sorted(path.stem for path in there.iterdir()) == sorted(OUTPUTS)
    for path in there.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes(), "kept for copies"
    assert (folder / "model").read_bytes().startswith(b"placard model 1\n")


def test_stopped_and_gone_on_with(request_folder):
    """By SIGTERM, by SIGKILL, and by the end of who started it; the model is the same as without."""
    whole, cut = request_folder("whole", threads=1), request_folder("cut")
    assert finish(start(whole))[0] == 0
    for end in ("term", "kill", "input"):
        process = start(cut)
        assert process.stdout.readline().startswith("progress ")
        time.sleep(0.1)
        if end == "input":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM if end == "term" else signal.SIGKILL)
        said = process.stdout.read()
        process.stdout.close()
        process.stderr.close()
        process.stdin.close()
        status = process.wait(SECONDS)
        if status == 0:
            break  # it was done before it could be stopped
        assert status == (-signal.SIGKILL if end == "kill" else 1), said
        assert not (cut / "result.json").exists()
    assert finish(start(cut))[0] == 0
    assert (cut / "model").read_bytes() == (whole / "model").read_bytes()


def test_without_the_backbone(request_folder, tmp_path):
    folder = request_folder("none", backbone=str(tmp_path / "nowhere" / BACKBONE))
    assert finish(start(folder))[0] == 0
    got = result(folder)
    assert not got["trained"] and got["outputs"] == 0
    assert got["message"] == f"The backbone {BACKBONE} is not installed; `placard backbone install` installs it."


def test_a_bucket_that_takes_nothing(request_folder):
    folder = request_folder("refused", **{"output-bucket": "not-there"})
    assert finish(start(folder))[0] == 0
    assert result(folder)["message"] == "Unable to write to output S3 bucket."
    assert not (folder / "model").exists(), "it shows before the work"


def test_asked_wrongly(request_folder, tmp_path):
    assert run_placard("train", check=False).returncode == 2
    assert run_placard("train", tmp_path / "nowhere", check=False).returncode == 1
    folder = request_folder("bad")
    (folder / "request.json").write_text("{}", encoding="utf-8")
    run = run_placard("train", folder, check=False)
    assert run.returncode == 1 and run.stdout.startswith("failed ")
