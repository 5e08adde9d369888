"""UpdateDatasetEntries (spec B.5)."""
import json

import pytest

from harness.lab import error_of
from harness.manifests import box, box_entry, compact, image_entry, manifest, many_lines


@pytest.fixture
def arn(lab):
    """Three labelled entries, numbered 0 to 2."""
    return lab.create([image_entry(lab.bucket.image(number), "cat") for number in range(3)])


def test_the_answer_is_empty(lab, arn):
    body = {"DatasetArn": arn, "Changes": {"GroundTruth": "eyJzb3VyY2UtcmVmIjoiczM6Ly9iL2sifQ=="}}
    assert lab.wire.ask("UpdateDatasetEntries", body) == {}
    lab.wait_while(arn, "UPDATE_IN_PROGRESS")


def test_known_source_is_replaced_in_its_place(lab, arn):
    changed = image_entry(lab.bucket.image(1), "dog")
    lab.update(arn, [changed])
    assert lab.sources(arn) == [lab.bucket.image(number) for number in range(3)]
    assert lab.lines(arn)[1] == compact({**changed, "cl-metadata": {"is_labeled": True}})
    assert lab.labels(arn) == {"cat": (2, None), "dog": (1, None)}


def test_new_source_is_appended(lab, arn):
    lab.update(arn, [image_entry(lab.bucket.image(9), "dog"), image_entry(lab.bucket.image(8), "emu")])
    assert lab.sources(arn) == [lab.bucket.image(number) for number in (0, 1, 2, 9, 8)]
    assert lab.stats(arn) == (5, 5, 3, 0)


def test_the_whole_line_is_replaced(lab, arn):
    entry = {**image_entry(lab.bucket.image(1), "cat", "dog"), "note": "kept as long as it is sent"}
    lab.update(arn, [entry])
    assert lab.entries(arn)[1]["note"]
    lab.update(arn, [image_entry(lab.bucket.image(1), "dog")])
    assert list(lab.entries(arn)[1]) == ["source-ref", "attribute-0", "attribute-0-metadata", "cl-metadata"]
    assert lab.stats(arn) == (3, 3, 2, 0)


def test_source_alone_takes_the_labels_away(lab, arn):
    lab.update(arn, [{"source-ref": lab.bucket.image(1)}])
    assert lab.stats(arn) == (3, 2, 1, 0)
    assert lab.entries(arn, Labeled=False) == [{"source-ref": lab.bucket.image(1), "cl-metadata": {"is_labeled": False}}]


def test_listed_lines_may_be_sent_back(lab):
    arn = lab.create([
        image_entry(lab.bucket.image(1), "cat"),
        box_entry(lab.bucket.image(2), ["dog"], [box(), box(left=-1)]),
        {"source-ref": lab.bucket.image(3)},
    ])
    before = lab.lines(arn), lab.stats(arn), lab.labels(arn)
    lab.update(arn, lab.lines(arn))
    assert (lab.lines(arn), lab.stats(arn), lab.labels(arn)) == before


def test_the_servers_keys_are_its_own(lab, arn):
    entry = {**image_entry(lab.bucket.image(1), "dog"), "cl-metadata": {"is_labeled": False},
             "cl-errors": [{"code": "ERROR_X", "message": "x"}], "errors": [], "cl": 1}
    lab.update(arn, [entry])
    listed = lab.entries(arn)[1]
    assert listed["cl-metadata"] == {"is_labeled": True}
    assert "cl-errors" not in listed and "errors" not in listed
    assert listed["cl"] == 1
    assert lab.stats(arn) == (3, 3, 2, 0)


def test_an_error_mended(lab):
    broken = box_entry(lab.bucket.image(1), ["cat"], [box(left=-5)])
    arn = lab.create([broken, image_entry(lab.bucket.image(2), "cat")])
    assert lab.stats(arn)[3] == 1
    [entry] = lab.entries(arn, HasErrors=True)
    entry["boxes"]["annotations"][0]["left"] = 5
    lab.update(arn, [entry])
    assert lab.stats(arn) == (2, 2, 1, 0)
    assert "cl-errors" not in json.dumps(lab.entries(arn))


def test_the_last_of_two_changes_to_one_source_wins(lab, arn):
    lab.update(arn, [image_entry(lab.bucket.image(1), "dog"), image_entry(lab.bucket.image(9), "ant"),
                     image_entry(lab.bucket.image(1), "emu"), image_entry(lab.bucket.image(9), "bee")])
    assert lab.sources(arn) == [lab.bucket.image(number) for number in (0, 1, 2, 9)]
    assert lab.labels(arn) == {"cat": (2, None), "emu": (1, None), "bee": (1, None)}


def test_source_is_compared_by_its_letters_not_its_spelling(lab, arn):
    spelt = compact(image_entry(lab.bucket.image(1), "dog")).replace("images", "\\u0069mages")
    lab.update(arn, [spelt])
    assert lab.stats(arn) == (3, 3, 2, 0)


def test_an_update_of_an_empty_dataset(lab):
    arn = lab.create()
    lab.update(arn, [image_entry(lab.bucket.image(1), "cat")])
    assert lab.stats(arn) == (1, 1, 1, 0)


def test_no_final_newline_and_blank_lines(lab, arn):
    lab.update(arn, b"\r\n\n" + manifest([image_entry(lab.bucket.image(9), "dog")]).rstrip() + b"\n\n  \n"
               + manifest([image_entry(lab.bucket.image(8), "dog")]).rstrip())
    assert lab.stats(arn) == (5, 5, 2, 0)


@pytest.mark.parametrize("changes, message", [
    (["{}"], "The manifest file has too many terminal errors."),
    (["not json", "x"], "The manifest file extension or contents are invalid."),
    ([b"\x1f\x8b\x08\x00\xff\xfe"], "The manifest file extension or contents are invalid."),
    ([b" \n\n"], "The manifest file is empty."),
    (["elsewhere"], "The manifest file contains images from multiple S3 buckets."),
    (["too many labels"], "The manifest file has too many labels."),
    (["a quarter"], "The manifest file has too many terminal errors."),
], ids=["no source-ref", "no json", "binary", "blank", "another bucket", "too many labels", "a quarter dropped"])
def test_failures_leave_everything_as_it_was(lab, arn, changes, message):
    special = {
        "elsewhere": [image_entry(lab.bucket.image(1), "dog"), image_entry("s3://elsewhere/1.jpg", "dog")],
        "too many labels": [image_entry(lab.bucket.image(number), f"label {number}") for number in range(300)],
        "a quarter": [image_entry(lab.bucket.image(number), "dog") for number in range(3)] + ["{}"],
    }
    before = lab.lines(arn), lab.stats(arn), lab.labels(arn)
    description = lab.update(arn, special.get(changes[0], changes), "UPDATE_FAILED")
    assert (description["StatusMessage"], description["StatusMessageCode"]) == (message, "CLIENT_ERROR")
    assert (lab.lines(arn), lab.stats(arn), lab.labels(arn)) == before
    lab.update(arn, [image_entry(lab.bucket.image(9), "dog")])
    assert lab.stats(arn) == (4, 4, 2, 0)


def test_a_fifth_dropped_is_still_good(lab, arn):
    changes = [image_entry(lab.bucket.image(number), "dog") for number in range(4)]
    lab.update(arn, changes + ["not json"])
    assert lab.stats(arn) == (4, 4, 1, 0)


def test_labels_at_the_limit_through_replacement(lab):
    """250 labels are allowed; an update may pass through none more, by taking one away as it brings another."""
    arn = lab.create([image_entry(lab.bucket.image(number), f"label {number}") for number in range(250)])
    lab.update(arn, [image_entry(lab.bucket.image(0), "label new")])
    assert lab.stats(arn)[2] == 250
    lab.update(arn, [image_entry(lab.bucket.image(250), "one more")], "UPDATE_FAILED")
    assert lab.stats(arn) == (250, 250, 250, 0)


def test_states(lab):
    line = [image_entry(lab.bucket.image(1), "cat")]
    busy = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 20_000))
    assert error_of(lab.begin_update, busy, line)[0] == "ResourceInUseException"
    lab.wait_created(busy)
    lab.begin_update(busy, [image_entry(f"s3://{lab.bucket.name}/{n}.jpg", "emu") for n in range(0, 20_000, 10)])
    assert error_of(lab.begin_update, busy, line)[0] == "ResourceInUseException"
    lab.wait_updated(busy)
    assert len(lab.lines(busy, ContainsLabels=["emu"])) == 2_000
    failed = lab.begin(b"")
    lab.wait_created(failed, "CREATE_FAILED")
    assert error_of(lab.begin_update, failed, line)[0] == "ResourceInUseException"


def test_deleted_and_unknown(lab, arn):
    line = [image_entry(lab.bucket.image(1), "cat")]
    lab.api.delete_dataset(DatasetArn=arn)
    lab.wait_deleted(arn)
    assert error_of(lab.begin_update, arn, line)[0] == "ResourceNotFoundException"
    assert error_of(lab.begin_update, lab.create().replace("arn:aws:", "arn:aws-cn:"), line)[0] \
        == "InvalidParameterException"


@pytest.mark.slow
def test_five_megabytes(lab):
    """The largest Changes that the model allows."""
    arn = lab.create()
    lines = many_lines(f"s3://{lab.bucket.name}/", 40_000)[:5_242_880]
    lines = lines[:lines.rindex(b"\n") + 1]
    lab.update(arn, lines)
    assert lab.stats(arn)[0] == lines.count(b"\n")
    code, message = error_of(lab.begin_update, arn, b" " * 5_242_881)
    assert code == "ValidationException"
    assert "Member must have length less than or equal to 5242880" in message


def test_lines_that_change_their_size_move_no_others(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 600))
    source = f"s3://{lab.bucket.name}/300.jpg"
    lab.update(arn, [{**image_entry(source, "cat"), "note": "x" * 90_000}])
    assert lab.sources(arn) == [f"s3://{lab.bucket.name}/{number}.jpg" for number in range(600)]
    assert len(lab.entries(arn, SourceRefContains="/300.jpg")[0]["note"]) == 90_000


def test_many_updates_one_after_another(lab, arn):
    for number in range(20):
        lab.update(arn, [image_entry(lab.bucket.image(number), f"label {number % 3}")])
    assert lab.stats(arn) == (20, 20, 3, 0)
    assert lab.sources(arn) == [lab.bucket.image(number) for number in range(20)]
