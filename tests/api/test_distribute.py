"""DistributeDatasetEntries (spec B.3)."""
import collections

import pytest

from harness.lab import error_of
from harness.manifests import box, box_entry, image_entry, many_lines

TOO_FEW = "The manifest file doesn't have enough labeled images to distribute the dataset."


@pytest.fixture
def pair(lab):
    """Makes a TRAIN dataset of the given entries and an empty TEST dataset in one project."""
    def make(data):
        project = lab.project()
        return lab.create(data, project=project), lab.create(project=project, kind="TEST")
    return make


def labelled(lab, **counts):
    return [image_entry(lab.bucket.image(f"{name}-{number}"), name)
            for name, count in counts.items() for number in range(count)]


def test_a_fifth_moves(lab, pair):
    train, test = pair(labelled(lab, cat=70))
    before = lab.lines(train)
    for description in lab.distribute(train, test):
        assert description["StatusMessage"] == "The dataset was successfully updated."
        assert description["StatusMessageCode"] == "SUCCESS"
    assert (lab.stats(train), lab.stats(test)) == ((56, 56, 1, 0), (14, 14, 1, 0))
    left, moved = lab.lines(train), lab.lines(test)
    assert sorted(left + moved) == sorted(before)
    assert [line for line in before if line in set(left)] == left, "the rest keeps its order"
    assert [line for line in before if line in set(moved)] == moved, "what moved keeps the order of the source"


def test_stratified_by_label(lab, pair):
    counts = {"cat": 100, "dog": 40, "emu": 10, "fox": 5, "gnu": 2}
    train, test = pair(labelled(lab, **counts))
    lab.distribute(train, test)
    left, moved = lab.labels(train), lab.labels(test)
    for name, count in counts.items():
        assert left[name][0] + moved[name][0] == count
        assert moved[name][0] >= 1 and left[name][0] >= 1
        assert abs(moved[name][0] - count / 5) <= 1, name
    total = sum(counts.values())
    assert abs(lab.stats(test)[0] - total / 5) <= len(counts) / 2


def test_entries_with_several_labels(lab, pair):
    entries = [image_entry(lab.bucket.image(n), "even" if n % 2 == 0 else "odd", f"mod-{n % 5}") for n in range(100)]
    train, test = pair(entries)
    lab.distribute(train, test)
    assert lab.stats(train)[0] + lab.stats(test)[0] == 100
    assert 15 <= lab.stats(test)[0] <= 25
    assert set(lab.labels(train)) == set(lab.labels(test)) == {"even", "odd"} | {f"mod-{n}" for n in range(5)}


def test_boxes(lab, pair):
    entries = [box_entry(lab.bucket.image(n), ["cat", "dog"], [box(n % 2)]) for n in range(20)]
    train, test = pair(entries)
    lab.distribute(train, test)
    assert lab.stats(train)[0] + lab.stats(test)[0] == 20
    for arn in (train, test):
        assert all(boxed >= 1 for _, boxed in lab.labels(arn).values())


def test_order_of_the_two_does_not_matter(lab, pair):
    train, test = pair(labelled(lab, cat=10))
    lab.api.distribute_dataset_entries(Datasets=[{"Arn": test}, {"Arn": train}])
    lab.wait_updated(train)
    lab.wait_updated(test)
    assert (lab.stats(train)[0], lab.stats(test)[0]) == (8, 2)


def test_unlabelled_entries_stay_a_part(lab, pair):
    """Whatever is chosen, nothing is lost and nothing is in both."""
    entries = labelled(lab, cat=10, dog=10) + [image_entry(lab.bucket.image(f"bare-{n}")) for n in range(10)]
    train, test = pair(entries)
    lab.distribute(train, test)
    left, moved = lab.sources(train), lab.sources(test)
    assert sorted(left + moved) == sorted(entry["source-ref"] for entry in entries)
    assert not set(left) & set(moved)


def test_deterministic_for_a_dataset(lab, pair):
    entries = labelled(lab, cat=30, dog=30)
    train, test = pair(entries)
    again = lab.project()
    train_again = lab.copy(train, project=again)
    test_again = lab.create(project=again, kind="TEST")
    lab.distribute(train, test)
    lab.distribute(train_again, test_again)
    assert lab.lines(test) == lab.lines(test_again)


@pytest.mark.slow
def test_progress_is_visible_and_both_flip_at_once(lab, pair):
    train, test = pair(many_lines(f"s3://{lab.bucket.name}/", 40_000))
    lab.api.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
    assert lab.status(train) == lab.status(test) == "UPDATE_IN_PROGRESS"
    assert (lab.stats(train)[0], lab.stats(test)[0]) in ((40_000, 0), (32_000, 8_000))
    # One call that shows both: DescribeProjects. Never one of them alone is done.
    seen = set()
    while "UPDATE_IN_PROGRESS" in {status for statuses in seen for status in statuses} or not seen:
        for project in lab.api.describe_projects()["ProjectDescriptions"]:
            seen.add(tuple(dataset["Status"] for dataset in project["Datasets"]))
        if ("UPDATE_COMPLETE", "UPDATE_COMPLETE") in seen:
            break
    assert seen <= {("UPDATE_IN_PROGRESS",) * 2, ("UPDATE_COMPLETE",) * 2}
    assert (lab.stats(train), lab.stats(test)) == ((32_000, 32_000, 2, 0), (8_000, 8_000, 2, 0))
    counts = collections.Counter(lab.sources(train) + lab.sources(test))
    assert len(counts) == 40_000 and set(counts.values()) == {1}


def test_too_few_for_one_label_on_both_sides(lab, pair):
    train, test = pair(labelled(lab, cat=10, dog=1))
    lab.api.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
    for arn in (train, test):
        description = lab.wait_updated(arn, "UPDATE_FAILED")
        assert (description["StatusMessage"], description["StatusMessageCode"]) == (TOO_FEW, "CLIENT_ERROR")
    assert (lab.stats(train)[0], lab.stats(test)[0]) == (11, 0)


def test_after_a_failed_one_it_can_be_tried_again(lab, pair):
    train, test = pair(labelled(lab, cat=10, dog=1))
    lab.api.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
    lab.wait_updated(train, "UPDATE_FAILED")
    lab.wait_updated(test, "UPDATE_FAILED")
    lab.update(train, labelled(lab, dog=5))
    lab.distribute(train, test)
    assert lab.stats(train)[0] + lab.stats(test)[0] == 15


def test_both_can_be_updated_afterwards(lab, pair):
    train, test = pair(labelled(lab, cat=10))
    lab.distribute(train, test)
    [moved, *_] = lab.entries(test)
    moved["note"] = "moved"
    lab.update(test, [moved])
    assert lab.entries(test)[0]["note"] == "moved"
    lab.update(train, [image_entry(lab.bucket.image("new"), "cat")])
    assert (lab.stats(train)[0], lab.stats(test)[0]) == (9, 2)


def refused(lab, *arns):
    return error_of(lab.api.distribute_dataset_entries, Datasets=[{"Arn": arn} for arn in arns])[0]


def test_pairs_that_make_no_sense(lab, pair):
    train, test = pair(labelled(lab, cat=10))
    other_train, other_test = pair(labelled(lab, cat=10))
    assert refused(lab, train, other_test) == "InvalidParameterException"
    assert refused(lab, train, other_train) == "InvalidParameterException"
    assert refused(lab, test, other_test) == "InvalidParameterException"
    assert refused(lab, train, train) == "InvalidParameterException"
    assert refused(lab, train, test.replace("arn:aws:", "arn:aws-cn:")) == "InvalidParameterException"
    assert lab.status(train) == "CREATE_COMPLETE"


def test_test_dataset_must_be_empty_and_train_must_not(lab, pair):
    train, test = pair(labelled(lab, cat=10))
    lab.distribute(train, test)
    assert refused(lab, train, test) == "InvalidParameterException"
    project = lab.project()
    assert refused(lab, lab.create(project=project), lab.create(project=project, kind="TEST")) \
        == "InvalidParameterException"


def test_unknown(lab, pair):
    train, test = pair(labelled(lab, cat=10))
    assert refused(lab, train, lab.arn("project/p/dataset/test/1690476084535")) == "ResourceNotFoundException"
    assert refused(lab, lab.arn("project/p/dataset/train/1690476084535"), test) == "ResourceNotFoundException"


def test_not_ready(lab):
    project = lab.project()
    test = lab.create(project=project, kind="TEST")
    train = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 20_000), project=project)
    assert refused(lab, train, test) == "ResourceNotReadyException"
    lab.wait_created(train)
    lab.begin_update(train, [image_entry(f"s3://{lab.bucket.name}/{n}.jpg", "emu") for n in range(0, 20_000, 10)])
    assert refused(lab, train, test) == "ResourceNotReadyException"
    lab.wait_updated(train)


def test_failed_dataset_is_not_ready(lab):
    project = lab.project()
    train = lab.begin(b"", project=project)
    lab.wait_created(train, "CREATE_FAILED")
    assert refused(lab, train, lab.create(project=project, kind="TEST")) == "ResourceNotReadyException"
