"""ListDatasetLabels (spec B.4, C.1)."""
import pytest

from harness.lab import error_of
from harness.manifests import box, box_entry, image_entry, many_lines


def test_members(lab):
    arn = lab.create([image_entry(lab.bucket.image(1), "cat"), box_entry(lab.bucket.image(2), ["dog"], [box()])])
    answer = lab.wire.ask("ListDatasetLabels", {"DatasetArn": arn})
    assert answer == {"DatasetLabelDescriptions": [
        {"LabelName": "cat", "LabelStats": {"EntryCount": 1}},
        {"LabelName": "dog", "LabelStats": {"EntryCount": 1, "BoundingBoxCount": 1}},
    ]}


def test_empty_dataset(lab):
    assert lab.wire.ask("ListDatasetLabels", {"DatasetArn": lab.create()}) == {"DatasetLabelDescriptions": []}


def test_first_seen_order(lab):
    names = ["zebra", "ant", "Mole", "bee"]
    arn = lab.create([image_entry(lab.bucket.image(n), name) for n, name in enumerate(names + names)])
    assert lab.labels(arn) == {name: (2, None) for name in names}


def test_counts_are_images_not_annotations(lab):
    arn = lab.create([
        box_entry(lab.bucket.image(1), ["cat", "dog"], [box(0), box(0), box(1)]),
        box_entry(lab.bucket.image(2), ["cat"], [box()]),
        image_entry(lab.bucket.image(3), "cat", "cat"),
        {**image_entry(lab.bucket.image(4), "cat"), **box_entry(lab.bucket.image(4), ["cat"], [box()])},
    ])
    assert lab.labels(arn) == {"cat": (4, 3), "dog": (1, 1)}


def test_declared_but_unused(lab):
    arn = lab.create([box_entry(lab.bucket.image(1), ["cat", "fox"], [box(0)])])
    labels = lab.labels(arn)
    assert labels["cat"] == (1, 1)
    assert labels["fox"][0] == 0
    assert lab.stats(arn)[2] == 2


def test_bad_boxes_do_not_count(lab):
    arn = lab.create([box_entry(lab.bucket.image(1), ["cat", "dog"], [box(0), box(1, left=-1)])])
    assert lab.labels(arn)["cat"] == (1, 1)
    assert lab.labels(arn)["dog"][0] == 0


def test_a_label_goes_with_its_last_use_and_comes_back(lab):
    arn = lab.create([image_entry(lab.bucket.image(1), "cat"), image_entry(lab.bucket.image(2), "dog")])
    lab.update(arn, [image_entry(lab.bucket.image(1), "emu")])
    assert lab.labels(arn) == {"dog": (1, None), "emu": (1, None)}
    lab.update(arn, [image_entry(lab.bucket.image(3), "cat")])
    assert lab.labels(arn) == {"dog": (1, None), "emu": (1, None), "cat": (1, None)}
    assert lab.stats(arn)[2] == 3


def test_names_at_their_longest(lab):
    names = ["x" * 255, "ü" * 255, "😀" * 255]
    arn = lab.create([image_entry(lab.bucket.image(n), name) for n, name in enumerate(names)])
    assert list(lab.labels(arn)) == names


def test_names_differing_in_case_or_space_are_two(lab):
    names = ["cat", "Cat", "cat "]
    arn = lab.create([image_entry(lab.bucket.image(n), name) for n, name in enumerate(names)])
    assert list(lab.labels(arn)) == names


def test_states(lab):
    arn = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 20_000))
    assert error_of(lab.labels, arn)[0] == "ResourceNotReadyException"
    lab.wait_created(arn)
    assert lab.labels(arn) == {"cat": (10_000, None), "dog": (10_000, None)}
    failed = lab.begin(b"")
    lab.wait_created(failed, "CREATE_FAILED")
    assert error_of(lab.labels, failed)[0] == "ResourceNotReadyException"


@pytest.mark.slow
def test_while_it_is_deleted(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 100_000))
    lab.api.delete_dataset(DatasetArn=arn)
    assert error_of(lab.labels, arn)[0] == "ResourceInUseException"
    lab.wait_deleted(arn)
    assert error_of(lab.labels, arn)[0] == "ResourceNotFoundException"


def test_unknown_dataset(lab):
    assert error_of(lab.labels, lab.arn("project/p/dataset/train/1690476084535"))[0] == "ResourceNotFoundException"


def test_another_partition(lab):
    assert error_of(lab.labels, lab.create().replace("arn:aws:", "arn:aws-cn:"))[0] == "InvalidParameterException"
