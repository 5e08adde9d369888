"""Model versions and the server around them: quotas, trainings in a row, cancelling, restarts, metrics."""
import json
import time
import urllib.request

import pytest

from harness.lab import error_of, fresh_region
from harness.models import ModelLab, model_flags

pytestmark = [pytest.mark.slow, pytest.mark.trains]


@pytest.fixture
def own_lab(start_server):
    """A lab on a server of the test's own."""
    return lambda *flags: ModelLab(start_server(*model_flags(), *flags), fresh_region())


def again(lab):
    """The same lab after a restart: the port is another."""
    return ModelLab(lab.server, lab.region)


# --- quotas --------------------------------------------------------------------------------------------------------


def test_quotas_of_running(own_lab):
    lab = own_lab("--limit", "running-versions=1", "--limit", "inference-units=2")
    one = lab.train()
    two = lab.copy_version(one)
    code, message = error_of(lab.begin_start, one, 3)
    assert code == "LimitExceededException" and "2" in message
    assert error_of(lab.begin_start, one, 1, MaxInferenceUnits=3)[0] == "LimitExceededException"
    lab.start(one, 1, MaxInferenceUnits=2)
    code, message = error_of(lab.begin_start, two)
    assert code == "LimitExceededException" and "1 models" in message
    lab.stop(one)
    lab.start(two)


def test_quotas_of_trainings(own_lab):
    lab = own_lab("--limit", "trainings=1", "--limit", "project-versions=2")
    project, other = lab.trainable(), lab.trainable()
    arn = lab.begin_training(project)
    code, message = error_of(lab.begin_training, other)
    assert lab.version(arn)["Status"] == "TRAINING_IN_PROGRESS", "the training is too short for this test"
    assert code == "LimitExceededException" and "1 models" in message
    lab.wait_version(arn, "TRAINING_IN_PROGRESS")
    lab.copy_version(arn, project)
    code, message = error_of(lab.begin_training, project)
    assert code == "ServiceQuotaExceededException" and "2" in message
    assert error_of(lab.begin_copy, arn, project)[0] == "ServiceQuotaExceededException"
    lab.train(other)


# --- trainings in a row, and cancelling ------------------------------------------------------------------------------


def trainings(lab):
    lines = lab.server.placard("jobs", "--json").stdout.splitlines()
    return [job for job in map(json.loads, lines) if job["kind"] == "train"]


def test_a_training_that_waits_is_cancelled(own_lab):
    lab = own_lab()
    first, second = (lab.begin_training(lab.trainable(each=12)) for _ in range(2))
    running, waiting = trainings(lab)
    assert (running["version"], running["running"]) == (first, True)
    assert (waiting["version"], waiting["running"]) == (second, False)
    assert "will be given up" in lab.server.placard("jobs", "cancel", str(waiting["id"])).stdout
    done = lab.wait_version(second, "TRAINING_IN_PROGRESS")
    assert lab.version(first)["Status"] == "TRAINING_IN_PROGRESS", "it should not wait for the other's end"
    assert (done["Status"], done["StatusMessage"]) == ("TRAINING_FAILED",
                                                       "The training was cancelled by an operator of this server.")
    assert lab.wait_version(first, "TRAINING_IN_PROGRESS")["Status"] == "TRAINING_COMPLETED"
    assert trainings(lab) == []
    lab.delete_version(second)


def test_a_training_under_way_is_cancelled(own_lab):
    lab = own_lab()
    arn = lab.begin_training(lab.trainable(each=30))
    (job,) = trainings(lab)
    lab.server.placard("jobs", "cancel", str(job["id"]))
    done = lab.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert done["Status"] == "TRAINING_FAILED" and "cancelled" in done["StatusMessage"]


def test_a_training_is_cancelled_while_no_server_runs(own_lab):
    lab = own_lab()
    arn = lab.begin_training(lab.trainable(each=30))
    lab.server.stop()
    (job,) = trainings(lab)
    lab.server.placard("jobs", "cancel", str(job["id"]))
    lab.server.start()
    assert again(lab).wait_version(arn, "TRAINING_IN_PROGRESS")["Status"] == "TRAINING_FAILED"


def test_what_cannot_be_cancelled(own_lab):
    lab = own_lab()
    for words, status, said in ((("cancel", "99999"), 1, "no job 99999"), (("cancel", "x"), 2, "not the number"),
                                (("cancel",), 2, "jobs cancel"), (("stop", "1"), 2, "jobs cancel")):
        run = lab.server.placard("jobs", *words, check=False)
        assert run.returncode == status and said in run.stderr


# --- restarts ------------------------------------------------------------------------------------------------------


def test_running_models_run_again(own_lab):
    lab = own_lab()
    arn = lab.train()
    copy = lab.copy_version(arn)
    lab.start(arn, 1, MaxInferenceUnits=2)
    before = lab.detect(arn, MinConfidence=0)
    lab.server.restart()
    lab = again(lab)
    assert lab.version(arn)["Status"] in ("STARTING", "RUNNING")
    description = lab.wait_version(arn, "STARTING")
    assert description["Status"] == "RUNNING"
    assert (description["MinInferenceUnits"], description["MaxInferenceUnits"]) == (1, 2)
    assert lab.detect(arn, MinConfidence=0) == before
    assert lab.version(copy)["Status"] == "COPYING_COMPLETED"
    lab.stop(arn)
    lab.server.restart()
    assert again(lab).version(arn)["Status"] == "STOPPED"


def test_a_training_goes_on_after_a_restart(own_lab):
    lab = own_lab()
    arn = lab.begin_training(lab.trainable())
    lab.server.restart()
    lab = again(lab)
    assert lab.wait_version(arn, "TRAINING_IN_PROGRESS")["Status"] == "TRAINING_COMPLETED"
    lab.start(arn)
    assert lab.detect(arn, MinConfidence=0)
    lab.server.placard("fsck")


# --- metrics -------------------------------------------------------------------------------------------------------


def metrics(lab):
    with urllib.request.urlopen(lab.server.url + "/metrics", timeout=30) as answer:
        return answer.read().decode()


def test_progress_is_seen(own_lab):
    lab = own_lab()
    arn = lab.begin_training(lab.trainable(each=30))
    seen = ""
    while not seen and lab.version(arn)["Status"] == "TRAINING_IN_PROGRESS":
        seen = next((line for line in metrics(lab).splitlines() if line.startswith("placard_training_share{")), "")
        time.sleep(0.01)
    assert 'phase="' in seen and 0 <= float(seen.split()[-1]) <= 1
    lab.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert 'placard_jobs_total{kind="train",outcome="done"} 1' in metrics(lab)
    assert "placard_training_share{" not in metrics(lab)
