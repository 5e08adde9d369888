"""CopyProjectVersion (spec B.6, B.7): states, errors, and who may copy from whom."""
import json

import pytest

from harness.lab import error_of, fresh_name
from harness.models import ModelLab
from harness.users import ALLOW_ALL

OTHER = "210987654321"
DENIED = "AccessDeniedException"
pytestmark = pytest.mark.slow  # it takes a trained model


@pytest.fixture
def other(models, model_server, model_users):
    """Another account's administrator, with a bucket of that account."""
    lab = ModelLab(model_server, models.region, model_users.key(ALLOW_ALL, account=OTHER, user=fresh_name("admin")))
    model_server.placard("buckets", "assign", lab.bucket.name, OTHER)
    return lab


def attach(lab, project, *statements, name="copy"):
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return lab.api.put_project_policy(ProjectArn=project, PolicyName=name,
                                      PolicyDocument=document)["PolicyRevisionId"]


def allow(principal=OTHER, resource="*", **more):
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "rekognition:CopyProjectVersion",
            "Resource": resource, **more}


def begin(lab, source, source_project, project=None, **more):
    """CopyProjectVersion of a version that the lab cannot look up."""
    return lab.api.copy_project_version(
        SourceProjectArn=source_project, SourceProjectVersionArn=source, VersionName=fresh_name("copy"),
        DestinationProjectArn=project or lab.project(), **{"OutputConfig": lab.output(), **more})["ProjectVersionArn"]


def refused(lab, source, source_project):
    project = lab.project()
    code, message = error_of(begin, lab, source, source_project, project)
    assert lab.versions(project) == []
    return code, message


@pytest.fixture
def theirs(models, model):
    """A copy in a project of its own of the first account, which policies are attached to: (version, project)."""
    version = models.copy_version(model)
    return version, models.project_of(version)


# --- within an account ---------------------------------------------------------------------------------------------


def test_the_way_of_a_copy(models, model):
    project = models.project()
    arn = models.begin_copy(model, project, "mine", KmsKeyId="alias/k", Tags={"a": "b"},
                            OutputConfig=models.output("copied"))
    assert arn.split(":", 5)[5].startswith(f"project/{project.split('/')[1]}/version/mine/")
    (seen,) = models.versions(project)
    assert (seen["Status"], seen["StatusMessage"]) == ("COPYING_IN_PROGRESS", "The model copy is in progress.")
    assert seen["SourceProjectVersionArn"] == model
    assert seen["KmsKeyId"] == "alias/k" and seen["OutputConfig"] == models.output("copied")
    assert models.api.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"a": "b"}
    done, source = models.wait_version(arn, "COPYING_IN_PROGRESS"), models.version(model)
    assert (done["Status"], done["StatusMessage"]) == ("COPYING_COMPLETED", "The model copy is complete.")
    assert done["EvaluationResult"]["F1Score"] == source["EvaluationResult"]["F1Score"]
    assert done["TrainingEndTimestamp"] == source["TrainingEndTimestamp"]
    assert "BillableTrainingTimeInSeconds" not in done
    assert done["EvaluationResult"]["Summary"]["S3Object"]["Name"] \
        == f"copied/EvaluationResultSummary-{project.split('/')[1]}-mine.json"


def test_a_copy_runs_and_is_copied(models, own_model):
    models.start(own_model)
    again = models.copy_version(own_model)  # also while it runs
    assert models.version(again)["SourceProjectVersionArn"] == own_model
    models.start(again)
    assert models.detect(again, MinConfidence=0) == models.detect(own_model, MinConfidence=0)
    models.stop(own_model)
    models.delete_version(own_model)
    assert models.detect(again, MinConfidence=0)
    models.stop(again)
    models.delete_version(again)


def test_while_copying(models, model):
    """Two are copied at a time; the last of many waits."""
    project = models.project()
    copies = [models.begin_copy(model, project) for _ in range(12)]
    last = copies[-1]
    codes = {error_of(call)[0] for call in (
        lambda: models.begin_start(last), lambda: models.api.stop_project_version(ProjectVersionArn=last),
        lambda: models.api.delete_project_version(ProjectVersionArn=last), lambda: models.begin_copy(last, project))}
    assert codes == {"ResourceInUseException"}
    for arn in copies:
        assert models.wait_version(arn, "COPYING_IN_PROGRESS")["Status"] == "COPYING_COMPLETED"


def test_a_source_that_is_deleted_meanwhile_is_read_to_its_end(models, own_model):
    copy = models.begin_copy(own_model)
    models.api.delete_project_version(ProjectVersionArn=own_model)
    assert models.wait_version(copy, "COPYING_IN_PROGRESS")["Status"] == "COPYING_COMPLETED"
    assert models.wait_version(own_model, "DELETING") is None


def test_what_has_no_model(models):
    project = models.trainable()
    arn = models.begin_training(project)
    code = error_of(models.begin_copy, arn)[0]
    assert models.version(arn)["Status"] == "TRAINING_IN_PROGRESS", "the training is too short for this test"
    assert code == "ResourceInUseException"
    models.wait_version(arn, "TRAINING_IN_PROGRESS")


def test_names_that_do_not_fit_together(models, model, own_model):
    source = models.project_of(model)
    assert error_of(begin, models, model, models.project_of(own_model))[0] == "InvalidParameterException"
    nowhere = source.rsplit("/", 1)[0] + "/1690000000000"
    assert error_of(begin, models, model, nowhere)[0] == "ResourceNotFoundException"
    gone = model.rsplit("/", 1)[0] + "/1690000000000"
    assert error_of(begin, models, gone, source)[0] == "ResourceNotFoundException"
    assert error_of(begin, models, model, source,
                    models.arn("project/nowhere/1690000000000"))[0] == "ResourceNotFoundException"


def test_a_name_that_is_taken(models, own_model):
    project, name = models.project_of(own_model), own_model.split("/")[3]
    assert error_of(models.begin_copy, own_model, project, name)[0] == "ResourceInUseException"
    copy = models.copy_version(own_model, project)
    assert copy.split("/")[1] == own_model.split("/")[1]


def test_an_output_that_cannot_be_written(models, model):
    assert error_of(models.begin_copy, model, OutputConfig={"S3KeyPrefix": "x"})[0] == "InvalidParameterException"
    arn = models.begin_copy(model, OutputConfig={"S3Bucket": fresh_name("nowhere")})
    done = models.wait_version(arn, "COPYING_IN_PROGRESS")
    assert (done["Status"], done["StatusMessage"]) == ("COPYING_FAILED", "Unable to write to output S3 bucket.")
    assert error_of(models.begin_start, arn)[0] == "ResourceInUseException"
    models.delete_version(arn)


def test_another_region(models, model):
    elsewhere = ModelLab(models.server)
    code = error_of(begin, elsewhere, model, models.project_of(model))[0]
    assert code == "ResourceNotFoundException"


def test_needs_both_sides(models, model, model_users):
    project = models.project()
    action = "rekognition:CopyProjectVersion"
    s3 = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}

    def user(*resources):
        return ModelLab(models.server, models.region, model_users.key(
            s3, {"Effect": "Allow", "Action": action, "Resource": list(resources)}))

    source = models.project_of(model)
    code, message = error_of(begin, user(model), model, source, project, OutputConfig=models.output())
    assert code == DENIED and message.endswith(f"on resource: {project}")
    code, message = error_of(begin, user(project), model, source, project, OutputConfig=models.output())
    assert code == DENIED and message.endswith(f"on resource: {model}")
    begin(user(project, model), model, source, project, OutputConfig=models.output())
    code, message = error_of(begin, user(project, model), model, source, project, OutputConfig=models.output(),
                             Tags={"a": "b"})
    assert code == DENIED and "TagResource" in message


def test_a_policy_that_denies_counts_within_the_account(models, theirs):
    version, project = theirs
    attach(models, project, allow(models.key.account, Effect="Deny"))
    assert refused(models, version, project)[0] == DENIED


def test_a_policy_for_others_changes_nothing_within_the_account(models, theirs):
    version, project = theirs
    attach(models, project, allow(OTHER))
    models.copy_version(version)


# --- across accounts -----------------------------------------------------------------------------------------------


def test_without_a_policy(other, theirs):
    version, project = theirs
    code, message = refused(other, version, project)
    assert code == DENIED
    assert message.endswith(f"is not authorized to perform: rekognition:CopyProjectVersion on resource: {version}")


def test_nobody_learns_what_is_there(other, theirs):
    version, project = theirs
    gone = version.rsplit("/", 1)[0] + "/1690000000000"
    nowhere = project.rsplit("/", 1)[0] + "/1690000000000"
    assert {refused(other, source, of)[0] for source, of in ((version, project), (gone, project), (version, nowhere))} \
        == {DENIED}


@pytest.mark.parametrize("principal", [OTHER, f"arn:aws:iam::{OTHER}:root", ["111111111111", OTHER]], ids=str)
@pytest.mark.parametrize("resource", ["*", "exact", "wild"])
def test_with_a_policy(models, other, theirs, principal, resource):
    version, project = theirs
    attach(models, project, allow(principal, {"*": "*", "exact": version, "wild": version.rsplit("/", 2)[0] + "/*"}[
        resource]))
    arn = begin(other, version, project)
    done = other.wait_version(arn, "COPYING_IN_PROGRESS")
    assert done["Status"] == "COPYING_COMPLETED" and done["SourceProjectVersionArn"] == version
    assert f":{OTHER}:" in arn


def test_a_copy_of_another_account_runs_there_alone(models, other, theirs):
    version, project = theirs
    attach(models, project, allow())
    arn = begin(other, version, project)
    other.wait_version(arn, "COPYING_IN_PROGRESS")
    other.start(arn)
    assert other.detect(arn, MinConfidence=0)
    assert error_of(models.detect, arn)[0] == "ResourceNotFoundException"
    assert error_of(other.detect, version)[0] == "ResourceNotFoundException"
    other.stop(arn)


@pytest.mark.parametrize("statement", [
    allow("111111111111"), allow(f"arn:aws:iam::{OTHER}:user/nobody"), allow(f"arn:aws:iam::{OTHER}:role/copier"),
    allow(resource="arn:aws:rekognition:*:*:project/*/version/another/*"), allow(Effect="Deny"),
    allow(Condition={"StringEquals": {"aws:ResourceTag/stage": "prod"}})], ids=json.dumps)
def test_policies_that_do_not_fit(models, other, theirs, statement):
    version, project = theirs
    attach(models, project, statement)
    assert refused(other, version, project)[0] == DENIED


def test_a_user_of_the_other_account(models, model_users, other, theirs):
    version, project = theirs
    name = fresh_name("anna")
    anna = ModelLab(models.server, models.region, model_users.key(ALLOW_ALL, account=OTHER, user=name))
    attach(models, project, allow(f"arn:aws:iam::{OTHER}:user/{name}"))
    assert refused(other, version, project)[0] == DENIED
    begin(anna, version, project, OutputConfig=other.output())


def test_leave_of_both_is_needed(models, model_users, other, theirs):
    version, project = theirs
    attach(models, project, allow())
    user = ModelLab(models.server, models.region, model_users.key(
        ALLOW_ALL, {"Effect": "Deny", "Action": "rekognition:CopyProjectVersion", "Resource": version}, account=OTHER))
    assert error_of(begin, user, version, project, OutputConfig=other.output())[0] == DENIED


def test_a_denial_wins_over_another_policy(models, other, theirs):
    version, project = theirs
    attach(models, project, allow(), name="yes")
    attach(models, project, allow(Effect="Deny"), name="no")
    assert refused(other, version, project)[0] == DENIED
    models.api.delete_project_policy(ProjectArn=project, PolicyName="no")
    begin(other, version, project)


def test_conditions_on_the_versions_tags(models, other, theirs):
    version, project = theirs
    attach(models, project, allow(Condition={"StringEquals": {"aws:ResourceTag/stage": "prod"}}))
    models.api.tag_resource(ResourceArn=version, Tags={"stage": "test"})
    assert refused(other, version, project)[0] == DENIED
    models.api.tag_resource(ResourceArn=version, Tags={"stage": "prod"})
    begin(other, version, project)


def test_a_withdrawn_policy(models, other, theirs):
    version, project = theirs
    revision = attach(models, project, allow())
    models.api.delete_project_policy(ProjectArn=project, PolicyName="copy", PolicyRevisionId=revision)
    assert refused(other, version, project)[0] == DENIED


def test_with_leave_what_is_not_there_is_said(models, other, theirs):
    version, project = theirs
    attach(models, project, allow())
    gone = version.rsplit("/", 1)[0] + "/1690000000000"
    assert refused(other, gone, project)[0] == "ResourceNotFoundException"


def test_the_output_is_the_callers(models, other, theirs):
    version, project = theirs
    attach(models, project, allow())
    code, message = error_of(begin, other, version, project, OutputConfig=models.output())
    assert code == DENIED and "s3:PutObject" in message


def test_another_accounts_destination(models, other, theirs):
    version, project = theirs
    attach(models, project, allow())
    assert error_of(begin, other, version, project, models.project())[0] == "ResourceNotFoundException"
    elsewhere = ModelLab(models.server, key=other.key)
    assert error_of(begin, elsewhere, version, project)[0] == "InvalidParameterException"
