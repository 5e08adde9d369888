"""kill -9 of the trainer or of the server during a training, its cancelling, and the server's end in the middle of it.

Whatever is killed, the training goes on and comes to the very model that an undisturbed one comes to.
"""
import os
import signal
import time
from pathlib import Path

import pytest

from harness.images import COLOURS, disc
from harness.manifests import box_entry
from harness.models import ModelLab, model_flags

pytestmark = pytest.mark.fast_build
SECONDS = 120


def trainers(pid):
    """The processes that train for a server."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except FileNotFoundError:
                continue
            if command[1:2] == [b"train"]:
                found.append(int(child))
    return found


def await_trainer(server, other_than=()):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = [pid for pid in trainers(server.process.pid) if pid not in other_than]
        if found:
            return found[0]
        time.sleep(0.002)
    raise AssertionError("no training began:\n" + server.log())


def is_gone(pid):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


def labelled(lab):
    return lab.trainable(labels=tuple(COLOURS), each=10)


def boxed(lab):
    """Few images: a detector's batches are as small as that, and it takes a quarter of the time."""
    project = lab.project()
    for kind, count in (("TRAIN", 2), ("TEST", 1)):
        entries = []
        for number in range(count):
            image, (left, top, side) = disc("red", f"{kind} {number}")
            where = lab.bucket.put(f"{kind}/{number}.png", image)
            entries.append(box_entry(f"s3://{where['Bucket']}/{where['Name']}", ["red"], [
                {"class_id": 0, "left": left, "top": top, "width": side, "height": side}], size=(96, 96)))
        lab.create(entries, project=project, kind=kind)
    return project


class Stage:
    """A server with a project to train on; the same images each time."""

    def __init__(self, server, make_project=labelled):
        self.server = server
        self.lab = ModelLab(server)
        self.project = make_project(self.lab)

    def begin(self, name="v1"):
        return self.lab.begin_training(self.project, name)

    def again(self):
        """After a start of the server."""
        self.lab = ModelLab(self.server, self.lab.region)

    def await_checkpoint(self, later_than=0):
        """When the newest training has written one; a number that grows from one to the next."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            written = [file.stat().st_mtime_ns for file in (self.server.data / "models").glob("*/checkpoint")]
            if written and max(written) > later_than:
                return max(written)
            time.sleep(0.01)
        raise AssertionError("no checkpoint was written:\n" + self.server.log())

    def finish(self, arn):
        description = self.lab.wait_version(arn, "TRAINING_IN_PROGRESS")
        assert description["Status"] == "TRAINING_COMPLETED", (description, self.server.log())

    def models(self):
        """The bytes of every model there is, by the number of its version."""
        return {int(path.parent.name): path.read_bytes() for path in (self.server.data / "models").glob("*/model")}


@pytest.fixture
def stage(start_server):
    return Stage(start_server(*model_flags(), "--features-bytes", "0"))


def test_the_trainer_is_killed(stage):
    arn = stage.begin("undisturbed")
    stage.finish(arn)
    arn = stage.begin("killed")
    killed = []
    for wait in (0, 0.2, 0.6, 1.2):
        pid = await_trainer(stage.server, killed)
        time.sleep(wait)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            break
        killed.append(pid)
    stage.finish(arn)
    files = list(stage.models().values())
    assert len(files) == 2 and files[0] == files[1]
    assert "ended by signal 9" in stage.server.log()


def test_the_server_is_killed(stage):
    arn = stage.begin("undisturbed")
    stage.finish(arn)
    arn = stage.begin("killed")
    for wait in (0, 0.4, 1.0):
        pid = await_trainer(stage.server)
        time.sleep(wait)
        stage.server.kill()
        stage.server.start()
        stage.again()
        assert is_gone(pid), "a trainer whose server is gone ends by itself"
        if stage.lab.version(arn)["Status"] != "TRAINING_IN_PROGRESS":
            break
    stage.finish(arn)
    files = list(stage.models().values())
    assert len(files) == 2 and files[0] == files[1]
    stage.server.placard("fsck")


def test_a_detector_is_killed_with_its_trainer_and_with_the_server(start_server):
    """Behind a checkpoint each time, from which it goes on."""
    stage = Stage(start_server(*model_flags(), "--features-bytes", "0"), boxed)
    stage.finish(stage.begin("undisturbed"))
    begun = time.time_ns()
    arn = stage.begin("killed")
    first = stage.await_checkpoint(begun)
    pid = await_trainer(stage.server)
    os.kill(pid, signal.SIGKILL)
    again = await_trainer(stage.server, [pid])
    stage.await_checkpoint(first)
    stage.server.kill()
    stage.server.start()
    stage.again()
    assert is_gone(again)
    assert stage.lab.version(arn)["Status"] == "TRAINING_IN_PROGRESS", "it was killed in the middle"
    stage.finish(arn)
    files = list(stage.models().values())
    assert len(files) == 2 and files[0] == files[1]
    assert stage.lab.version(arn)["EvaluationResult"]
    stage.server.placard("fsck")


def test_the_server_ends_and_goes_on(stage):
    arn = stage.begin()
    pid = await_trainer(stage.server)
    begun = time.monotonic()
    stage.server.stop()
    assert time.monotonic() - begun < 20 and is_gone(pid)
    stage.server.start()
    stage.again()
    stage.finish(arn)


def test_a_training_is_cancelled(stage):
    arn = stage.begin()
    pid = await_trainer(stage.server)
    row, = [line for line in stage.server.placard("jobs").stdout.splitlines() if " train " in line]
    stage.server.placard("jobs", "cancel", row.split()[0])
    description = stage.lab.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert description["Status"] == "TRAINING_FAILED" and "cancelled" in description["StatusMessage"]
    assert is_gone(pid)
    assert not list((stage.server.data / "models").glob("*/*"))
    stage.lab.delete_version(arn)
    stage.finish(stage.begin())


def test_running_versions_run_again(stage):
    arn = stage.begin()
    stage.finish(arn)
    stage.lab.start(arn)
    before = stage.lab.detect(arn, MinConfidence=0)
    stage.server.kill()
    stage.server.start()
    stage.again()
    assert stage.lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert stage.lab.detect(arn, MinConfidence=0) == before
