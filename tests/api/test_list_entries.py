"""ListDatasetEntries: order, bytes, filters (spec B.4). Its pages and tokens: test_pages.py."""
import json

import pytest

from harness.lab import error_of
from harness.manifests import box, box_entry, compact, image_entry, many_lines


@pytest.fixture
def zoo(lab):
    """Eight entries that differ in label, state and place; .arn and their numbers by source-ref."""
    ref = "s3://zoo-images/{}".format
    return lab.create([
        image_entry(ref("house/1.jpg"), "cat"),
        image_entry(ref("house/2.jpg"), "dog"),
        image_entry(ref("house/3.jpg"), "cat", "dog"),
        image_entry(ref("field/4.jpg")),
        box_entry(ref("field/5.jpg"), ["cow", "cat"], [box(0)]),
        box_entry(ref("field/6.jpg"), ["cow"], [box(), box(left=-1)]),
        box_entry(ref("FIELD/7.jpg"), ["cow"], []),
        {**image_entry(ref("sky/8.jpg"), "bird"), "orphan-metadata": {}},
    ])


def numbers(lab, arn, **filters):
    return [int(source.rsplit("/", 1)[1].split(".")[0]) for source in lab.sources(arn, **filters)]


def test_manifest_order(lab):
    order = [7, 3, 9, 1, 8]
    arn = lab.create([image_entry(lab.bucket.image(number), "cat") for number in order])
    assert lab.sources(arn) == [lab.bucket.image(number) for number in order]


def test_order_over_many_blocks(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 1_000))
    assert numbers(lab, arn) == list(range(1_000))


def test_entry_is_its_line_with_cl_metadata_last(lab):
    labelled, bare = image_entry(lab.bucket.image(1), "cat"), image_entry(lab.bucket.image(2))
    lines = lab.lines(lab.create([labelled, bare]))
    assert lines == [compact({**labelled, "cl-metadata": {"is_labeled": True}}),
                     compact({**bare, "cl-metadata": {"is_labeled": False}})]


def test_lines_keep_bytes_and_key_order(lab):
    """A pair that makes no attribute (`a` without metadata) leaves an error; the rest is as it came."""
    line = '{"z":1.50,"source-ref":"s3://bucket/\\u006bey","ünï":"\\u00fc\\/","x":[ 1 , 2],"n":12345678901234567890}'
    [listed] = lab.lines(lab.create([line]))
    assert listed.startswith(line[:-1] + ",")
    added = json.loads("{" + listed[len(line):])
    assert list(added) == ["cl-errors", "cl-metadata"]
    assert [error["code"] for error in added["cl-errors"]] == ["ERROR_NO_LABEL_ATTRIBUTES"]


@pytest.mark.parametrize("filters, expected", [
    ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ({"ContainsLabels": ["cat"]}, [1, 3]),
    ({"ContainsLabels": ["dog"]}, [2, 3]),
    ({"ContainsLabels": ["cat", "dog"]}, [1, 2, 3]),
    ({"ContainsLabels": ["cow"]}, [5, 6]),
    ({"ContainsLabels": ["cow", "bird", "unknown"]}, [5, 6, 8]),
    ({"ContainsLabels": ["unknown"]}, []),
    ({"ContainsLabels": ["Cat"]}, []),
    ({"ContainsLabels": ["ca"]}, []),
    ({"Labeled": True}, [1, 2, 3, 5, 6, 8]),
    ({"Labeled": False}, [4, 7]),
    ({"SourceRefContains": "house"}, [1, 2, 3]),
    ({"SourceRefContains": "field"}, [4, 5, 6]),
    ({"SourceRefContains": "FIELD"}, [7]),
    ({"SourceRefContains": "/zoo-images/"}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ({"SourceRefContains": "s3://zoo-images/sky/8.jpg"}, [8]),
    ({"SourceRefContains": "8.jpgx"}, []),
    ({"SourceRefContains": "cat"}, []),
    ({"HasErrors": True}, [6]),
    ({"HasErrors": False}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ({"ContainsLabels": ["cat"], "SourceRefContains": "/3"}, [3]),
    ({"ContainsLabels": ["cow"], "HasErrors": True}, [6]),
    ({"ContainsLabels": ["cow"], "HasErrors": False}, [5, 6]),
    ({"Labeled": False, "SourceRefContains": "field"}, [4]),
    ({"Labeled": False, "ContainsLabels": ["cat"]}, []),
    ({"Labeled": True, "HasErrors": True, "ContainsLabels": ["cow"], "SourceRefContains": "6"}, [6]),
])
def test_filters(lab, zoo, filters, expected):
    assert numbers(lab, zoo, **filters) == expected


def test_filters_over_many_blocks(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 2_000, labels=["rare"] + ["common"] * 499))
    assert numbers(lab, arn, ContainsLabels=["rare"]) == [0, 500, 1000, 1500]
    assert numbers(lab, arn, SourceRefContains="/1999") == [1999]
    assert numbers(lab, arn, ContainsLabels=["rare"], SourceRefContains="00.jpg") == [500, 1000, 1500]


def test_source_contains_unicode_and_escapes(lab):
    entries = [image_entry("s3://bucket/späße.jpg"), '{"source-ref":"s3://bucket/sp\\u00e4t.jpg"}', image_entry('s3://bucket/a"b\\c')]
    arn = lab.create(entries)
    assert len(lab.lines(arn, SourceRefContains="spä")) == 2
    assert lab.sources(arn, SourceRefContains='"b\\') == ['s3://bucket/a"b\\c']
    assert lab.lines(arn, SourceRefContains="u00e4") == []


def test_label_names_with_unusual_letters(lab):
    names = ["größe", 'a"b', "back\\slash", "日本語", "😀", "with space", "a,b"]
    arn = lab.create([image_entry(lab.bucket.image(number), name) for number, name in enumerate(names)])
    for number, name in enumerate(names):
        assert numbers(lab, arn, ContainsLabels=[name]) == [number]
    assert list(lab.labels(arn)) == names


def test_while_it_is_created(lab):
    arn = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 20_000))
    assert error_of(lab.lines, arn)[0] == "ResourceNotReadyException"
    lab.wait_created(arn)
    assert len(lab.api.list_dataset_entries(DatasetArn=arn)["DatasetEntries"]) == 100


def test_after_a_failed_creation(lab):
    arn = lab.begin(b"")
    lab.wait_created(arn, "CREATE_FAILED")
    assert error_of(lab.lines, arn)[0] == "ResourceNotReadyException"


@pytest.mark.slow
def test_old_content_while_it_is_updated(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 40_000))
    lab.begin_update(arn, [image_entry(f"s3://{lab.bucket.name}/{n}.jpg", "emu") for n in range(0, 40_000, 10)])
    seen = []
    while lab.status(arn) == "UPDATE_IN_PROGRESS":
        seen.append(lab.entries(arn, ContainsLabels=["emu"]) if len(seen) < 2 else None)
        page = lab.api.list_dataset_entries(DatasetArn=arn, MaxResults=1)["DatasetEntries"]
        if lab.status(arn) == "UPDATE_IN_PROGRESS":
            assert json.loads(page[0])["animal-metadata"]["class-name"] == "cat"
    assert lab.status(arn) == "UPDATE_COMPLETE"
    assert len(lab.lines(arn, ContainsLabels=["emu"])) == 4_000


@pytest.mark.slow
def test_while_it_is_deleted(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 100_000))
    lab.api.delete_dataset(DatasetArn=arn)
    assert error_of(lab.lines, arn)[0] == "ResourceInUseException"
    lab.wait_deleted(arn)
    assert error_of(lab.lines, arn)[0] == "ResourceNotFoundException"


def test_unknown_dataset(lab):
    assert error_of(lab.lines, lab.arn("project/p/dataset/train/1690476084535"))[0] == "ResourceNotFoundException"


def test_another_partition(lab, zoo):
    assert error_of(lab.lines, zoo.replace("arn:aws:", "arn:aws-cn:"))[0] == "InvalidParameterException"
