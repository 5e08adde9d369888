"""DeleteDataset (spec B.1.2, B.3)."""
import pytest

from harness.lab import error_of
from harness.manifests import image_entry, many_lines


def refused(lab, arn):
    return error_of(lab.api.delete_dataset, DatasetArn=arn)[0]


def test_the_answer_is_empty(lab):
    arn = lab.create()
    assert lab.wire.ask("DeleteDataset", {"DatasetArn": arn}) == {}
    lab.wait_deleted(arn)


def test_it_is_gone_everywhere(lab):
    project = lab.project()
    arn = lab.create([image_entry(lab.bucket.image(1), "cat")], project=project)
    lab.api.tag_resource(ResourceArn=arn, Tags={"team": "north"})
    lab.api.delete_dataset(DatasetArn=arn)
    lab.wait_deleted(arn)
    for call in (lab.describe, lab.lines, lab.labels):
        assert error_of(call, arn)[0] == "ResourceNotFoundException"
    assert error_of(lab.begin_update, arn, b"{}")[0] == "ResourceNotFoundException"
    assert error_of(lab.api.list_tags_for_resource, ResourceArn=arn)[0] == "ResourceNotFoundException"
    assert refused(lab, arn) == "ResourceNotFoundException"
    assert lab.api.describe_projects()["ProjectDescriptions"][0]["Datasets"] == []


@pytest.mark.slow
def test_while_it_is_deleted(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 100_000))
    lab.api.delete_dataset(DatasetArn=arn)
    assert lab.status(arn) == "DELETE_IN_PROGRESS"
    assert refused(lab, arn) == "ResourceInUseException"
    assert error_of(lab.begin_update, arn, b"{}")[0] == "ResourceInUseException"
    lab.wait_deleted(arn)


def test_refused_while_creating_and_updating(lab):
    arn = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 20_000))
    assert refused(lab, arn) == "ResourceInUseException"
    lab.wait_created(arn)
    lab.begin_update(arn, [image_entry(f"s3://{lab.bucket.name}/{n}.jpg", "emu") for n in range(0, 20_000, 10)])
    assert refused(lab, arn) == "ResourceInUseException"
    lab.wait_updated(arn)
    lab.api.delete_dataset(DatasetArn=arn)
    lab.wait_deleted(arn)


@pytest.mark.parametrize("state", ["CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED"])
def test_allowed_states(lab, state):
    arn = lab.begin(b"" if state == "CREATE_FAILED" else [image_entry(lab.bucket.image(1), "cat")])
    lab.wait_while(arn, "CREATE_IN_PROGRESS")
    if state.startswith("UPDATE"):
        bucket = lab.bucket.name if state == "UPDATE_COMPLETE" else "elsewhere"
        lab.update(arn, [image_entry(f"s3://{bucket}/2.jpg", "cat")], state)
    assert lab.status(arn) == state
    lab.api.delete_dataset(DatasetArn=arn)
    lab.wait_deleted(arn)


def test_unknown(lab):
    assert refused(lab, lab.arn("project/p/dataset/train/1690476084535")) == "ResourceNotFoundException"


def test_another_partition(lab):
    arn = lab.create()
    assert refused(lab, arn.replace("arn:aws:", "arn:aws-cn:")) == "InvalidParameterException"
    assert lab.status(arn) == "CREATE_COMPLETE"


def test_the_other_dataset_of_the_project_stays(lab):
    project = lab.project()
    train = lab.create([image_entry(lab.bucket.image(1), "cat")], project=project)
    test = lab.create([image_entry(lab.bucket.image(2), "cat")], project=project, kind="TEST")
    lab.api.delete_dataset(DatasetArn=train)
    lab.wait_deleted(train)
    assert lab.stats(test) == (1, 1, 1, 0)
    assert len(lab.lines(test)) == 1
