"""DescribeDataset, the heart (spec C): every member, status, message and counter. Its errors: test_describe_errors.py."""
import time

import pytest

from harness.lab import error_of
from harness.manifests import box, box_entry, image_entry, many_lines

ZEROS = (0, 0, 0, 0)
MEMBERS = {"CreationTimestamp", "LastUpdatedTimestamp", "Status", "StatusMessage", "StatusMessageCode", "DatasetStats"}
STATS = {"LabeledEntries", "TotalEntries", "TotalLabels", "ErrorEntries"}


def test_members_are_all_there(lab):
    answer = lab.wire.ask("DescribeDataset", {"DatasetArn": lab.create()})
    assert set(answer) == {"DatasetDescription"}
    assert set(answer["DatasetDescription"]) == MEMBERS
    assert set(answer["DatasetDescription"]["DatasetStats"]) == STATS


def test_timestamps_are_seconds_with_milliseconds(lab):
    before = time.time()
    arn = lab.create()
    description = lab.wire.ask("DescribeDataset", {"DatasetArn": arn})["DatasetDescription"]
    for member in ("CreationTimestamp", "LastUpdatedTimestamp"):
        value = description[member]
        assert isinstance(value, (int, float))
        assert before - 1 <= value <= time.time() + 1
        assert round(value * 1000) == pytest.approx(value * 1000, abs=1e-3)
    assert description["CreationTimestamp"] <= description["LastUpdatedTimestamp"]
    # The identifier in the ARN is never later than the creation (spec B.0.1).
    assert int(arn.rsplit("/", 1)[1]) <= description["CreationTimestamp"] * 1000 + 1


def test_creation_is_constant_and_update_moves(lab):
    arn = lab.create([image_entry(lab.bucket.image(1), "cat")])
    created = lab.describe(arn)
    time.sleep(0.01)
    updated = lab.update(arn, [image_entry(lab.bucket.image(2), "cat")])
    time.sleep(0.01)
    failed = lab.update(arn, [image_entry("s3://elsewhere/1.jpg", "cat")], "UPDATE_FAILED")
    assert created["CreationTimestamp"] == updated["CreationTimestamp"] == failed["CreationTimestamp"]
    assert created["LastUpdatedTimestamp"] < updated["LastUpdatedTimestamp"] < failed["LastUpdatedTimestamp"]


def test_reading_does_not_count_as_change(lab):
    arn = lab.create([image_entry(lab.bucket.image(1), "cat")])
    before = lab.describe(arn)
    time.sleep(0.01)
    lab.lines(arn)
    lab.labels(arn)
    lab.copy(arn)
    lab.api.tag_resource(ResourceArn=arn, Tags={"team": "north"})
    assert lab.describe(arn) == before


def outcome(description):
    return description["Status"], description["StatusMessage"], description["StatusMessageCode"]


def stats_of(description):
    stats = description["DatasetStats"]
    return stats["TotalEntries"], stats["LabeledEntries"], stats["TotalLabels"], stats["ErrorEntries"]


@pytest.mark.slow
def test_all_seven_statuses(lab):
    """One dataset through success; another through failure. Zeros while creating, old content while updating."""
    arn = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 40_000))
    creating = lab.describe(arn)
    assert outcome(creating) == ("CREATE_IN_PROGRESS", "The dataset is being created.", "SUCCESS")
    assert stats_of(creating) == ZEROS
    created = lab.wait_created(arn)
    assert outcome(created) == (
        "CREATE_COMPLETE", "The dataset was successfully created from the manifest file.", "SUCCESS")
    assert stats_of(created) == (40_000, 40_000, 2, 0)

    # Every tenth line, so that every block is rewritten.
    lab.begin_update(arn, [image_entry(f"s3://{lab.bucket.name}/{n}.jpg", "emu") for n in range(0, 40_000, 10)])
    updating = lab.describe(arn)
    assert outcome(updating) == ("UPDATE_IN_PROGRESS", "The dataset is being updated.", "SUCCESS")
    assert stats_of(updating) == (40_000, 40_000, 2, 0)
    updated = lab.wait_updated(arn)
    assert outcome(updated) == ("UPDATE_COMPLETE", "The dataset was successfully updated.", "SUCCESS")
    assert stats_of(updated) == (40_000, 40_000, 3, 0)

    failed = lab.update(arn, [image_entry("s3://elsewhere/1.jpg", "cat")], "UPDATE_FAILED")
    assert outcome(failed) == (
        "UPDATE_FAILED", "The manifest file contains images from multiple S3 buckets.", "CLIENT_ERROR")
    assert stats_of(failed) == (40_000, 40_000, 3, 0)

    lab.api.delete_dataset(DatasetArn=arn)
    deleting = lab.describe(arn)
    assert outcome(deleting) == ("DELETE_IN_PROGRESS", "The dataset is being deleted.", "SUCCESS")
    lab.wait_deleted(arn)
    assert error_of(lab.describe, arn)[0] == "ResourceNotFoundException"


def test_create_failed(lab):
    arn = lab.begin(b"")
    description = lab.wait_created(arn, "CREATE_FAILED")
    assert outcome(description) == ("CREATE_FAILED", "The manifest file is empty.", "CLIENT_ERROR")
    assert stats_of(description) == ZEROS


def test_zeros_until_the_whole_manifest_is_in(lab):
    """Never a part: the counters jump from zeros to the end."""
    arn = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 20_000))
    seen = set()
    while True:
        description = lab.describe(arn)
        seen.add((description["Status"], stats_of(description)))
        if description["Status"] != "CREATE_IN_PROGRESS":
            break
    assert seen <= {("CREATE_IN_PROGRESS", ZEROS), ("CREATE_COMPLETE", (20_000, 20_000, 2, 0))}


def test_a_failed_creation_shows_nothing_of_its_content(lab):
    lines = many_lines(f"s3://{lab.bucket.name}/", 5_000) + many_lines("s3://another-bucket/", 1)
    arn = lab.begin(lines)
    lab.wait_created(arn, "CREATE_FAILED")
    assert lab.stats(arn) == ZEROS


def entries_of(lab, *names):
    """Entries by what they show, for the table below."""
    number = iter(range(1000))

    def ref():
        return lab.bucket.image(next(number))

    kinds = {
        "labelled": lambda: image_entry(ref(), "cat"),
        "other label": lambda: image_entry(ref(), "dog"),
        "two labels": lambda: image_entry(ref(), "cat", "dog"),
        "same label twice": lambda: image_entry(ref(), "cat", "cat"),
        "unlabelled": lambda: image_entry(ref()),
        "boxed": lambda: box_entry(ref(), ["dog"], [box()]),
        "boxed thrice": lambda: box_entry(ref(), ["dog", "emu"], [box(0), box(0), box(1)]),
        "declared": lambda: box_entry(ref(), ["dog", "fox"], [box()]),
        "no boxes": lambda: box_entry(ref(), ["emu"], []),
        "one bad box": lambda: box_entry(ref(), ["dog"], [box(), box(left=-1)]),
        "all boxes bad": lambda: box_entry(ref(), ["dog"], [box(left=-1)]),
        "both kinds": lambda: {**image_entry(ref(), "cat"), **box_entry(ref(), ["dog"], [box()])},
        "wrong type": lambda: box_entry_of_wrong_type(ref()),
        "half wrong": lambda: {**box_entry_of_wrong_type(ref()), **image_entry(ref(), "cat")},
    }
    return [kinds[name]() for name in names]


def box_entry_of_wrong_type(ref):
    entry = box_entry(ref, ["dog"], [box()])
    entry["boxes-metadata"]["type"] = "groundtruth/wrongtype"
    return entry


@pytest.mark.parametrize("kinds, expected", [
    (["labelled"], (1, 1, 1, 0)),
    (["labelled", "labelled", "other label"], (3, 3, 2, 0)),
    (["two labels", "unlabelled"], (2, 1, 2, 0)),
    (["same label twice"], (1, 1, 1, 0)),
    (["unlabelled", "unlabelled"], (2, 0, 0, 0)),
    (["boxed"], (1, 1, 1, 0)),
    (["boxed thrice"], (1, 1, 2, 0)),
    (["declared"], (1, 1, 2, 0)),
    (["no boxes"], (1, 0, 1, 0)),
    (["one bad box"], (1, 1, 1, 1)),
    (["both kinds"], (1, 1, 2, 0)),
    (["half wrong", "labelled"], (2, 2, 1, 1)),
    (["labelled", "unlabelled", "boxed", "boxed thrice", "one bad box", "no boxes"], (6, 4, 3, 1)),
], ids=lambda value: "+".join(value) if isinstance(value, list) else "")
def test_counters(lab, kinds, expected):
    arn = lab.create(entries_of(lab, *kinds))
    assert lab.stats(arn) == expected
    assert len(lab.lines(arn)) == expected[0]
    assert len(lab.lines(arn, Labeled=True)) == expected[1]
    assert len(lab.labels(arn)) == expected[2]
    assert len(lab.lines(arn, HasErrors=True)) == expected[3]


@pytest.mark.parametrize("kind", ["all boxes bad", "wrong type"])
def test_entries_without_one_valid_annotation_are_errors(lab, kind):
    total, _, _, errors = lab.stats(lab.create(entries_of(lab, kind, "labelled")))
    assert (total, errors) == (2, 1)


def test_counters_follow_updates(lab):
    arn = lab.create([image_entry(lab.bucket.image(number), "cat") for number in range(4)])
    steps = [
        ([image_entry(lab.bucket.image(0))], (4, 3, 1, 0)),
        ([image_entry(lab.bucket.image(0), "dog")], (4, 4, 2, 0)),
        ([box_entry(lab.bucket.image(1), ["dog"], [box(), box(left=-1)])], (4, 4, 2, 1)),
        ([image_entry(lab.bucket.image(9), "fox")], (5, 5, 3, 1)),
        ([image_entry(lab.bucket.image(number)) for number in (0, 1, 2, 3, 9)], (5, 0, 0, 0)),
    ]
    for changes, expected in steps:
        lab.update(arn, changes)
        assert lab.stats(arn) == expected


def test_dropped_lines_are_in_no_counter(lab):
    entries = [image_entry(lab.bucket.image(number), "cat") for number in range(9)]
    arn = lab.create(entries + ["not json"])
    assert lab.stats(arn) == (9, 9, 1, 0)


def test_a_missing_image_is_no_error_yet(lab):
    """Dataset operations do not open images (spec C.1)."""
    assert lab.stats(lab.create([image_entry(lab.bucket.image("absent"), "cat")])) == (1, 1, 1, 0)
