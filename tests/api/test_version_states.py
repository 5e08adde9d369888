"""StartProjectVersion, StopProjectVersion, DeleteProjectVersion: states (spec B.1.3), and who may do what to a version."""
import pytest

from harness.lab import error_of
from harness.models import ModelLab, training_entries

pytestmark = pytest.mark.slow  # it takes a trained model
NOWHERE = "project/nowhere/version/v/1690000000000"


@pytest.fixture
def lab(model_server):
    """A region of its own: nothing is trained in it."""
    return ModelLab(model_server)


# --- starting, stopping, deleting ----------------------------------------------------------------------------------


def test_the_way_of_a_running_model(models, own_model):
    assert models.begin_start(own_model, 1, MaxInferenceUnits=2) == "STARTING"
    seen = models.wait_version(own_model, "STARTING")
    assert (seen["Status"], seen["StatusMessage"]) == ("RUNNING", "The model is running.")
    assert (seen["MinInferenceUnits"], seen["MaxInferenceUnits"]) == (1, 2)
    assert isinstance(models.detect(own_model), list)
    assert models.api.stop_project_version(ProjectVersionArn=own_model)["Status"] == "STOPPING"
    stopped = models.wait_version(own_model, "STOPPING")
    assert (stopped["Status"], stopped["StatusMessage"]) == ("STOPPED", "The model is stopped.")
    assert error_of(models.detect, own_model)[0] == "ResourceNotReadyException"
    # other units the next time
    again = models.start(own_model)
    assert again["MinInferenceUnits"] == 1 and "MaxInferenceUnits" not in again
    models.stop(own_model)
    assert models.api.delete_project_version(ProjectVersionArn=own_model)["Status"] == "DELETING"
    assert models.wait_version(own_model, "DELETING") is None


def calls_on(models, arn):
    return {"start": lambda: models.begin_start(arn),
            "stop": lambda: models.api.stop_project_version(ProjectVersionArn=arn),
            "delete": lambda: models.api.delete_project_version(ProjectVersionArn=arn),
            "detect": lambda: models.detect(arn)}


def refusals(models, arn, *names):
    calls = calls_on(models, arn)
    return {name: error_of(calls[name])[0] for name in names}


IN_USE, NOT_READY = "ResourceInUseException", "ResourceNotReadyException"


def test_while_training(models):
    arn = models.begin_training(models.trainable(each=12))
    answers = refusals(models, arn, "start", "stop", "delete", "detect")
    assert models.version(arn)["Status"] == "TRAINING_IN_PROGRESS", "the training is too short for this test"
    assert answers == {"start": IN_USE, "stop": IN_USE, "delete": IN_USE, "detect": NOT_READY}
    models.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert refusals(models, arn, "stop", "detect") == {"stop": IN_USE, "detect": NOT_READY}
    models.delete_version(arn)


def test_while_running(models, own_model):
    models.start(own_model)
    code, message = error_of(models.begin_start, own_model)
    assert code == IN_USE and "RUNNING" in message
    assert refusals(models, own_model, "delete") == {"delete": IN_USE}
    models.stop(own_model)
    assert refusals(models, own_model, "stop", "detect") == {"stop": IN_USE, "detect": NOT_READY}
    models.delete_version(own_model)


def test_a_failed_training_can_only_be_deleted(models):
    project = models.project()
    models.create(training_entries(models.bucket, each=1), project=project)
    arn = models.train(project, expected="TRAINING_FAILED")
    assert refusals(models, arn, "start", "stop", "detect") == {"start": IN_USE, "stop": IN_USE, "detect": NOT_READY}
    models.delete_version(arn)
    assert models.versions(project) == []


def test_a_deleted_version(models, own_model):
    project = models.project_of(own_model)
    models.api.tag_resource(ResourceArn=own_model, Tags={"a": "b"})
    models.delete_version(own_model)
    assert models.versions(project, own_model.split("/")[3]) == []
    calls = calls_on(models, own_model)
    assert {error_of(call)[0] for call in calls.values()} == {"ResourceNotFoundException"}
    assert error_of(models.api.list_tags_for_resource, ResourceArn=own_model)[0] == "ResourceNotFoundException"
    models.api.delete_project(ProjectArn=project)


def test_versions_of_nowhere(lab):
    calls = calls_on(lab, lab.arn(NOWHERE))
    assert {error_of(call)[0] for call in calls.values()} == {"ResourceNotFoundException"}


def test_units(models, own_model):
    code, message = error_of(models.begin_start, own_model, 2, MaxInferenceUnits=1)
    assert code == "InvalidParameterException" and "MaxInferenceUnits" in message
    for wish, constraint in (({"MinInferenceUnits": 0}, "value greater"), ({}, "null"),
                             ({"MinInferenceUnits": 1, "MaxInferenceUnits": 0}, "value greater")):
        answer = models.wire.post("StartProjectVersion", {"ProjectVersionArn": own_model, **wish})
        assert answer.type == "ValidationException" and constraint in answer.message
    assert models.wire.post("StartProjectVersion", {"ProjectVersionArn": own_model,
                                                    "MinInferenceUnits": 2 ** 31}).type == "InvalidParameterException"
    for wish in ({"MinInferenceUnits": 17}, {"MinInferenceUnits": 1, "MaxInferenceUnits": 1000}):
        answer = models.wire.post("StartProjectVersion", {"ProjectVersionArn": own_model, **wish})
        assert answer.type == "LimitExceededException", "the quota of inference units, by default 16"
    assert models.version(own_model)["Status"] == "COPYING_COMPLETED"


def test_tags_of_versions(models, own_model):
    models.api.tag_resource(ResourceArn=own_model, Tags={"team": "north", "stage": "test"})
    models.api.untag_resource(ResourceArn=own_model, TagKeys=["stage"])
    assert models.api.list_tags_for_resource(ResourceArn=own_model)["Tags"] == {"team": "north"}


# --- authorisation -------------------------------------------------------------------------------------------------


def allow(*actions, resource="*"):
    return {"Effect": "Allow", "Action": [f"rekognition:{action}" for action in actions] + ["s3:*"],
            "Resource": resource}


def lab_of(users, models, *statements):
    return ModelLab(models.server, models.region, users.key(*statements))


def test_creating_needs_project_and_version(models, model_users):
    project = models.trainable()
    name = project.split("/")[1]
    only_project = lab_of(model_users, models, allow("CreateProjectVersion", resource=project),
                          {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    code, message = error_of(only_project.begin_training, project, "v")
    assert code == "AccessDeniedException" and f"project/{name}/version/v/*" in message
    both = lab_of(model_users, models, allow("CreateProjectVersion", resource=[
        project, models.arn(f"project/{name}/version/*")]), {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    tags = {"Tags": {"a": "b"}}
    code, message = error_of(both.begin_training, project, "v", OutputConfig=models.output(), **tags)
    assert code == "AccessDeniedException" and "TagResource" in message
    assert models.versions(project) == []
    both.begin_training(project, "v", OutputConfig=models.output())


def test_output_needs_the_right_to_write(models, model_users):
    project = models.trainable()
    user = lab_of(model_users, models, {"Effect": "Allow", "Action": "rekognition:*", "Resource": "*"},
                  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::*/mine/*"})
    code, message = error_of(user.begin_training, project, OutputConfig=models.output("theirs"))
    assert code == "AccessDeniedException" and "s3:PutObject" in message and "theirs/" in message
    user.begin_training(project, OutputConfig=models.output("mine"))
    models.server.placard("buckets", "assign", "a-bucket-of-others", "210987654321")
    code, message = error_of(models.begin_training, models.trainable(), OutputConfig={"S3Bucket": "a-bucket-of-others"})
    assert code == "AccessDeniedException" and "s3:PutObject" in message


def test_manifests_need_the_right_to_read(models, model_users):
    user = lab_of(model_users, models, {"Effect": "Allow", "Action": ["rekognition:*", "s3:PutObject"],
                                        "Resource": "*"})
    data = {"TrainingData": {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": models.bucket.name, "Name": "train.manifest"}}}]}, "TestingData": {"AutoCreate": True}}
    code, message = error_of(user.begin_training, models.project(), OutputConfig=models.output(), **data)
    assert code == "AccessDeniedException" and "s3:GetObject" in message


@pytest.mark.parametrize("action, name", [("StartProjectVersion", "start"), ("StopProjectVersion", "stop"),
                                          ("DeleteProjectVersion", "delete"), ("DetectCustomLabels", "detect")])
def test_actions_on_versions(models, model, model_users, action, name):
    """Denied without the action or on another version; with it the call gets as far as the state."""
    others = {"StartProjectVersion", "StopProjectVersion", "DeleteProjectVersion", "DetectCustomLabels"} - {action}
    for statement in (allow(*others), allow(action, resource=models.arn("project/*/version/other/*"))):
        code, message = error_of(calls_on(lab_of(model_users, models, statement), model)[name])
        assert code == "AccessDeniedException"
        assert message.endswith(f"is not authorized to perform: rekognition:{action} on resource: {model}")
    arn = models.arn("project/nowhere/version/mine/1690000000000")
    user = lab_of(model_users, models, allow(action, resource=models.arn("project/*/version/mine/*")))
    assert error_of(calls_on(user, arn)[name])[0] == "ResourceNotFoundException"


def test_describing_needs_the_project(models, model, model_users):
    project = models.project_of(model)
    assert error_of(lab_of(model_users, models, allow("DescribeProjectVersions", resource=model)).versions,
                    project)[0] == "AccessDeniedException"
    assert lab_of(model_users, models, allow("DescribeProjectVersions", resource=project)).versions(project)


def test_conditions_on_tags(models, model_users, own_model):
    user = lab_of(model_users, models, {**allow("TagResource", "ListTagsForResource"), "Condition": {
        "StringEquals": {"aws:ResourceTag/team": "north"}}})
    assert error_of(user.api.list_tags_for_resource, ResourceArn=own_model)[0] == "AccessDeniedException"
    models.api.tag_resource(ResourceArn=own_model, Tags={"team": "north"})
    assert user.api.list_tags_for_resource(ResourceArn=own_model)["Tags"] == {"team": "north"}


def test_another_accounts_versions(models, model, model_users):
    other = ModelLab(models.server, models.region, model_users.key(
        {"Effect": "Allow", "Action": "*", "Resource": "*"}, account="210987654321"))
    assert {error_of(call)[0] for call in calls_on(other, model).values()} == {"ResourceNotFoundException"}
    elsewhere = ModelLab(models.server)
    assert {error_of(call)[0] for call in calls_on(elsewhere, model).values()} == {"ResourceNotFoundException"}
