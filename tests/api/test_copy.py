"""CreateDataset from another dataset (spec B.3)."""
import json

import pytest

from harness.lab import Lab, error_of
from harness.manifests import box, box_entry, image_entry, many_lines


@pytest.fixture
def source(lab):
    """Three entries: labelled, boxed with an error, unlabelled."""
    return lab.create([
        image_entry(lab.bucket.image(1), "cat"),
        box_entry(lab.bucket.image(2), ["dog", "emu"], [box(0), box(0, left=-1)]),
        image_entry(lab.bucket.image(3)),
    ])


def test_copy_is_equal(lab, source):
    copy = lab.copy(source)
    assert lab.lines(copy) == lab.lines(source)
    assert lab.stats(copy) == lab.stats(source) == (3, 2, 3, 1)
    assert lab.labels(copy) == lab.labels(source)
    assert lab.describe(copy)["StatusMessage"] == "The dataset was successfully created."


def test_copy_as_the_other_type_of_the_same_project(lab):
    project = lab.project()
    train = lab.create([image_entry(lab.bucket.image(1), "cat")], project=project)
    test = lab.copy(train, project=project, kind="TEST")
    assert lab.lines(test) == lab.lines(train)


def test_copy_of_an_empty_dataset(lab):
    assert lab.stats(lab.copy(lab.create())) == (0, 0, 0, 0)


def test_copies_live_apart(lab, source):
    copy = lab.copy(source)
    lab.update(source, [image_entry(lab.bucket.image(3), "fox")])
    lab.update(copy, [image_entry(lab.bucket.image(4), "gnu")])
    assert lab.stats(source) == (3, 3, 4, 1)
    assert lab.stats(copy) == (4, 3, 4, 1)
    assert set(lab.labels(source)) - set(lab.labels(copy)) == {"fox"}
    assert set(lab.labels(copy)) - set(lab.labels(source)) == {"gnu"}


def test_copy_survives_its_source(lab, source):
    lines = lab.lines(source)
    copy = lab.copy(source)
    lab.api.delete_dataset(DatasetArn=source)
    lab.wait_deleted(source)
    assert lab.lines(copy) == lines


def test_copy_of_a_copy_of_an_updated_dataset(lab, source):
    lab.update(source, [image_entry(lab.bucket.image(1), "hen"), image_entry(lab.bucket.image(9), "hen")])
    copy = lab.copy(lab.copy(source))
    assert lab.lines(copy) == lab.lines(source)
    assert lab.labels(copy)["hen"] == (2, None)


def test_copy_after_a_failed_update(lab, source):
    lab.update(source, [image_entry("s3://elsewhere/1.jpg", "cat")], "UPDATE_FAILED")
    assert lab.lines(lab.copy(source)) == lab.lines(source)


@pytest.mark.slow
def test_copy_pins_the_content_it_was_promised(lab):
    """An update of the source after CreateDataset answered does not reach the copy."""
    source = lab.create(many_lines(f"s3://{lab.bucket.name}/", 30_000))
    copy = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN",
                                  DatasetSource={"DatasetArn": source})["DatasetArn"]
    lab.update(source, [image_entry(f"s3://{lab.bucket.name}/{number}.jpg", "fox") for number in range(0, 30_000, 10)])
    lab.wait_created(copy)
    assert lab.stats(copy) == (30_000, 30_000, 2, 0)
    assert lab.labels(copy) == {"cat": (15_000, None), "dog": (15_000, None)}
    assert lab.labels(source)["fox"] == (3_000, None)


@pytest.mark.slow
def test_source_deleted_while_it_is_copied(lab):
    source = lab.create(many_lines(f"s3://{lab.bucket.name}/", 30_000))
    copy = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN",
                                  DatasetSource={"DatasetArn": source})["DatasetArn"]
    lab.api.delete_dataset(DatasetArn=source)
    lab.wait_created(copy)
    lab.wait_deleted(source)
    assert lab.stats(copy) == (30_000, 30_000, 2, 0)
    assert len(lab.lines(copy, SourceRefContains="9999.jpg")) == 3


def refused(lab, source):
    return error_of(lab.api.create_dataset, ProjectArn=lab.project(), DatasetType="TRAIN",
                    DatasetSource={"DatasetArn": source})[0]


def test_source_in_a_state_that_cannot_be_copied(lab):
    failed = lab.begin(b"")
    lab.wait_created(failed, "CREATE_FAILED")
    assert refused(lab, failed) == "InvalidParameterException"
    busy = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 20_000))
    assert refused(lab, busy) == "InvalidParameterException"
    lab.wait_created(busy)
    lab.api.delete_dataset(DatasetArn=busy)
    assert refused(lab, busy) == "InvalidParameterException"
    lab.wait_deleted(busy)
    assert refused(lab, busy) == "ResourceNotFoundException"


def test_source_that_is_not_there(lab, server):
    assert refused(lab, lab.arn("project/p/dataset/train/1690476084535")) == "ResourceNotFoundException"
    assert refused(lab, Lab(server).create()) == "ResourceNotFoundException"


def test_source_of_another_partition(lab, source):
    assert refused(lab, source.replace("arn:aws:", "arn:aws-cn:")) == "InvalidParameterException"


def test_tags_are_not_copied(lab, source):
    lab.api.tag_resource(ResourceArn=source, Tags={"team": "north"})
    assert lab.api.list_tags_for_resource(ResourceArn=lab.copy(source))["Tags"] == {}


def test_lines_keep_their_bytes(lab):
    line = b'{ "source-ref" : "s3://bucket/k" , "note": 1.50, "z": [1, {"y":"\\u00e9"}] }'
    source = lab.create(line + b"\n")
    assert lab.lines(lab.copy(source)) == lab.lines(source)
    assert json.loads(lab.lines(source)[0])["z"] == [1, {"y": "é"}]
