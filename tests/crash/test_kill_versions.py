"""kill -9 during each kind of job on model versions: after the next start it ends as if nothing had happened."""
import time

import pytest

from harness.lab import fresh_region
from harness.models import ModelLab, model_flags, training_entries

pytestmark = pytest.mark.fast_build

# Seconds from the call to the kill: near its end, or as it is claimed and twice more while it tries again.
MOMENTS = [(0.7,), (0.0, 0.1, 0.3)]


class Crash:
    def __init__(self, server, moments):
        self.server = server
        self.moments = moments
        self.lab = ModelLab(server, fresh_region())

    def __call__(self):
        for moment in self.moments:
            time.sleep(moment)
            self.server.kill()
            self.server.start()
            self.lab = ModelLab(self.server, self.lab.region)

    def fsck(self):
        self.server.placard("fsck")


@pytest.fixture(params=MOMENTS, ids=lambda moments: "+".join(f"{moment:g}" for moment in moments))
def crash(request, start_server):
    return Crash(start_server(*model_flags()), request.param)


def works(lab, arn):
    """It starts, and sees something."""
    lab.start(arn)
    assert lab.detect(arn, MinConfidence=0)
    lab.stop(arn)


def test_train(crash):
    arn = crash.lab.begin_training(crash.lab.trainable(), "v", Tags={"team": "north"})
    crash()
    done = crash.lab.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert done["Status"] == "TRAINING_COMPLETED", done
    assert crash.lab.api.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "north"}
    works(crash.lab, arn)
    crash.fsck()


def test_train_with_a_split(crash):
    project = crash.lab.project()
    train = crash.lab.create(training_entries(crash.lab.bucket, each=10), project=project)
    arn = crash.lab.begin_training(project)
    crash()
    done = crash.lab.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert done["Status"] == "TRAINING_COMPLETED", done
    datasets = crash.lab.api.describe_projects()["ProjectDescriptions"][0]["Datasets"]
    assert [crash.lab.stats(dataset["DatasetArn"])[0] for dataset in datasets] == [16, 4]
    assert crash.lab.status(train) == "UPDATE_COMPLETE"
    crash.fsck()


def test_train_that_will_fail(crash):
    project = crash.lab.project()
    crash.lab.create(training_entries(crash.lab.bucket, each=1), project=project)
    arn = crash.lab.begin_training(project)
    crash()
    assert crash.lab.wait_version(arn, "TRAINING_IN_PROGRESS")["Status"] == "TRAINING_FAILED"
    crash.lab.delete_version(arn)
    crash.fsck()


def test_copy(crash):
    source = crash.lab.train()
    project = crash.lab.project()
    arn = crash.lab.begin_copy(source, project)
    crash()
    assert crash.lab.wait_version(arn, "COPYING_IN_PROGRESS")["Status"] == "COPYING_COMPLETED"
    assert len(crash.lab.versions(project)) == 1
    works(crash.lab, arn)
    crash.fsck()


def test_start_stop_delete(crash):
    arn = crash.lab.train()
    project = crash.lab.project_of(arn)
    crash.lab.begin_start(arn)
    crash()
    assert crash.lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert crash.lab.detect(arn, MinConfidence=0)
    crash.lab.api.stop_project_version(ProjectVersionArn=arn)
    crash()
    assert crash.lab.wait_version(arn, "STOPPING")["Status"] == "STOPPED"
    crash.lab.api.delete_project_version(ProjectVersionArn=arn)
    crash()
    assert crash.lab.wait_version(arn, "DELETING") is None
    assert crash.lab.versions(project) == []
    crash.fsck()


def test_a_running_model_survives(crash):
    arn = crash.lab.train()
    crash.lab.start(arn)
    before = crash.lab.detect(arn, MinConfidence=0)
    crash()
    assert crash.lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert crash.lab.detect(arn, MinConfidence=0) == before
    crash.fsck()


def test_policies_are_kept(start_server):
    """A kill right after each answer: what was answered stands."""
    server = start_server()
    lab = ModelLab(server, fresh_region())
    project = lab.project()
    document = ('{"Statement":{"Effect":"Allow","Principal":{"AWS":"210987654321"},"Resource":"*",'
                '"Action":"rekognition:CopyProjectVersion"}}')

    def crash():
        server.kill()
        server.start()
        return ModelLab(server, lab.region)

    first = lab.api.put_project_policy(ProjectArn=project, PolicyName="p", PolicyDocument=document)["PolicyRevisionId"]
    lab = crash()
    second = lab.api.put_project_policy(ProjectArn=project, PolicyName="p", PolicyDocument=document,
                                        PolicyRevisionId=first)["PolicyRevisionId"]
    lab = crash()
    (policy,) = lab.api.list_project_policies(ProjectArn=project)["ProjectPolicies"]
    assert policy["PolicyRevisionId"] == second
    lab.api.delete_project_policy(ProjectArn=project, PolicyName="p")
    lab = crash()
    assert lab.api.list_project_policies(ProjectArn=project)["ProjectPolicies"] == []
    server.placard("fsck")
