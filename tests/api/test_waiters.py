"""Waiters: botocore's own two, and the Describe of a waiter that is kept until there is news (docs/api.md)."""
import json
import threading
import time
import types

import pytest
from botocore.exceptions import WaiterError

from harness.lab import fresh_region
from harness.models import ModelLab, model_flags

pytestmark = pytest.mark.slow  # it takes a trained model
# What the waiters of today's boto3, the AWS CLI 2 of two ages and the JavaScript SDK say of themselves.
WAITERS = [
    "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6 md/arch#x86_64 lang/python#3.11 m/D,Z,b,B cfg/retry-mode#legacy",
    "aws-cli/2.9.19 Python/3.11.2 Linux/6 source/x86_64.debian.12 prompt/off command/rekognition.wait.project-version-running",
    "aws-cli/2.22.1 md/awscrt#0.23 ua/2.0 os/linux#6 md/prompt#off md/command#rekognition.wait.project-version-running",
    "aws-sdk-js/3.700.0 ua/2.1 os/linux#6 lang/js md/nodejs#20 m/B,E api/rekognition#3.700.0",
]
OTHERS = [
    "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6 lang/python#3.11 m/D,Z,b cfg/retry-mode#legacy",
    "aws-cli/2.9.19 Python/3.11.2 Linux/6 command/rekognition.describe-project-versions",
    "m/Bb,BB", "B", "m/", "",
]
SOON = 5


def ask(lab, project, agent):
    """DescribeProjectVersions: (the states, seconds it took)."""
    began = time.monotonic()
    answer = lab.wire.post("DescribeProjectVersions", {"ProjectArn": project}, headers={"User-Agent": agent})
    assert answer.status == 200, answer
    states = [version["Status"] for version in answer.json["ProjectVersionDescriptions"]]
    return states, time.monotonic() - began


class Asking(threading.Thread):
    """Such a call beside the test."""

    def __init__(self, lab, project, agent=WAITERS[0]):
        super().__init__()
        self.call = lambda: ask(lab, project, agent)
        self.states = self.took = None
        self.start()

    def run(self):
        self.states, self.took = self.call()

    def end(self):
        self.join(60)
        return self.states, self.took


@pytest.fixture
def busy(start_server):
    """A lab whose only training thread is taken, so that a second training stays as it is: (lab, its project)."""
    def start(*flags):
        lab = ModelLab(start_server(*model_flags(), *flags), fresh_region())
        lab.begin_training(lab.trainable(each=30))
        project = lab.trainable()
        lab.begin_training(project)
        return lab, project
    return start


@pytest.mark.parametrize("agent", WAITERS)
def test_a_waiter_hears_of_the_end_of_a_training(models, agent):
    project = models.trainable()
    arn = models.begin_training(project)
    (states, took) = ask(models, project, agent)
    assert states == ["TRAINING_COMPLETED"] and took < 50
    assert models.version(arn)["Status"] == "TRAINING_COMPLETED"


def test_a_waiter_hears_of_a_running_model(models, own_model):
    project = models.project_of(own_model)
    assert models.begin_start(own_model) == "STARTING"
    assert ask(models, project, WAITERS[1])[0] == ["RUNNING"]
    models.stop(own_model)


@pytest.mark.parametrize("agent", OTHERS)
def test_others_are_answered_at_once(busy, agent):
    lab, project = busy()
    states, took = ask(lab, project, agent)
    assert states == ["TRAINING_IN_PROGRESS"] and took < SOON


def test_nothing_to_wait_for(models, own_model):
    for project in (models.project_of(own_model), models.project()):
        assert ask(models, project, WAITERS[0])[1] < SOON


def test_a_failure_is_news(models):
    failed = models.project()
    models.create([{"source-ref": "s3://images/1.jpg"}], project=failed)
    models.train(failed, expected="TRAINING_FAILED")
    assert ask(models, failed, WAITERS[0])[1] < SOON


def test_it_is_kept_for_so_long(busy):
    lab, project = busy("--hold-ms", "700")
    states, took = ask(lab, project, WAITERS[0])
    assert states == ["TRAINING_IN_PROGRESS"] and 0.6 < took < 20


def test_it_can_be_turned_off(busy):
    lab, project = busy("--hold-ms", "0")
    assert ask(lab, project, WAITERS[0])[1] < SOON


def test_only_so_many_are_kept(busy):
    lab, project = busy("--held-calls", "1", "--hold-ms", "8000")
    for _ in range(5):  # until the first one is the one that is kept
        first = Asking(lab, project)
        time.sleep(1)
        states, took = ask(lab, project, WAITERS[0])
        first.end()
        if first.took > 7:
            break
    assert first.took > 7 and first.states == states == ["TRAINING_IN_PROGRESS"] and took < SOON


def test_what_changes_elsewhere_is_no_news(busy):
    lab, project = busy()
    asking = Asking(lab, project)
    time.sleep(0.3)
    lab.project()
    lab.create(project=lab.project())
    time.sleep(0.3)
    assert asking.is_alive()
    lab.server.placard("jobs", "cancel", jobs(lab)[-1])
    assert asking.end()[0] == ["TRAINING_FAILED"]


def jobs(lab):
    """The numbers of trainings, oldest first."""
    lines = lab.server.placard("jobs", "--json").stdout.splitlines()
    return [str(job["id"]) for job in map(json.loads, lines) if job["kind"] == "train"]


def test_the_end_of_the_server_is_not_held_up(busy):
    lab, project = busy()
    asking = [Asking(lab, project) for _ in range(20)]
    time.sleep(0.5)
    began = time.monotonic()
    lab.server.stop()
    assert time.monotonic() - began < 20
    assert {tuple(one.end()[0]) for one in asking} == {("TRAINING_IN_PROGRESS",)}


def test_many_are_kept_and_all_are_answered(busy):
    """Kept calls take no thread: with two of them for sixty calls, others go on."""
    lab, project = busy("--pool-threads", "2", "--pool-queue", "80")
    asking = [Asking(lab, project) for _ in range(60)]
    time.sleep(0.5)
    began = time.monotonic()
    for _ in range(20):
        lab.api.describe_projects()
    assert time.monotonic() - began < SOON
    for number in jobs(lab):
        lab.server.placard("jobs", "cancel", number)
    assert {tuple(one.end()[0]) for one in asking} == {("TRAINING_FAILED",)}


# --- botocore's own ------------------------------------------------------------------------------------------------


@pytest.fixture
def fast_clock(monkeypatch):
    """botocore's waiters sleep 30 or 120 seconds; here they do so in a moment."""
    monkeypatch.setattr("botocore.waiter.time", types.SimpleNamespace(sleep=lambda seconds: time.sleep(0.05)))


def test_training_waiter(models, fast_clock):
    project = models.trainable()
    models.begin_training(project, "v")
    models.api.get_waiter("project_version_training_completed").wait(ProjectArn=project, VersionNames=["v"])
    assert models.versions(project)[0]["Status"] == "TRAINING_COMPLETED"


def test_training_waiter_of_a_failure(models, fast_clock):
    project = models.project()
    models.create([{"source-ref": "s3://images/1.jpg"}], project=project)
    models.begin_training(project, "v")
    with pytest.raises(WaiterError, match="terminal failure"):
        models.api.get_waiter("project_version_training_completed").wait(ProjectArn=project, VersionNames=["v"])


def test_running_waiter(models, own_model, fast_clock):
    project, name = models.project_of(own_model), own_model.split("/")[3]
    models.begin_start(own_model)
    models.api.get_waiter("project_version_running").wait(ProjectArn=project, VersionNames=[name])
    assert models.version(own_model)["Status"] == "RUNNING"
    models.stop(own_model)
