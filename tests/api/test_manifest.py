"""Manifests end to end: the file errors and dropped lines of spec D.5, through CreateDataset."""
import gzip
import json

import pytest

from harness.lab import Lab
from harness.manifests import compact, image_entry, manifest

SUCCESS = ("CREATE_COMPLETE", "The dataset was successfully created from the manifest file.", "SUCCESS")
EMPTY = "The manifest file is empty."
INVALID = "The manifest file extension or contents are invalid."
TOO_MANY_ERRORS = "The manifest file has too many terminal errors."


def outcome(lab, data):
    arn = lab.begin(data)
    description = lab.wait_while(arn, "CREATE_IN_PROGRESS")
    return arn, (description["Status"], description["StatusMessage"], description["StatusMessageCode"])


def failed(lab, data):
    """The message of a creation that fails by the client's fault."""
    arn, (status, message, code) = outcome(lab, data)
    assert (status, code) == ("CREATE_FAILED", "CLIENT_ERROR")
    assert lab.stats(arn) == (0, 0, 0, 0)
    return message


def numbered(lab, count, first=0):
    return [image_entry(lab.bucket.image(number), "cat") for number in range(first, first + count)]


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\t\r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_empty(lab, data):
    assert failed(lab, data) == EMPTY


@pytest.mark.parametrize("data", [
    b"hello\nworld\n", b"[1,2]\n", b'"x"\n', b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"\0" * 1000,
    b'{"source-ref":"s3://bucket/k"', b"<html>\n</html>\n",
], ids=["text", "list", "string", "png", "zeros", "cut", "html"])
def test_no_line_parses(lab, data):
    assert failed(lab, data) == INVALID


def test_gzip(lab):
    assert failed(lab, gzip.compress(manifest(numbered(lab, 100)))) == INVALID


@pytest.mark.parametrize("dropped, kept", [(1, 4), (1, 5), (20, 80)])
def test_up_to_a_fifth_dropped(lab, dropped, kept):
    arn, result = outcome(lab, numbered(lab, kept) + ["{"] * dropped)
    assert result == SUCCESS
    assert lab.stats(arn) == (kept, kept, 1, 0)


@pytest.mark.parametrize("dropped, kept", [(1, 3), (2, 7), (21, 79), (4, 0)])
def test_more_than_a_fifth_dropped(lab, dropped, kept):
    message = failed(lab, numbered(lab, kept) + ['{"no":"source"}'] * dropped)
    assert message == TOO_MANY_ERRORS


def test_blank_lines_are_in_neither_share(lab):
    arn, result = outcome(lab, [b""] * 100 + numbered(lab, 4) + ["x"] + [b"   "] * 100)
    assert result == SUCCESS
    assert lab.stats(arn) == (4, 4, 1, 0)
    assert failed(lab, [b""] * 100 + numbered(lab, 3) + ["x"]) == TOO_MANY_ERRORS


DROPPED = {
    "not json": "{not json}",
    "no object": "[]",
    "cut": '{"source-ref":"s3://bucket/k"',
    "two objects": '{"source-ref":"s3://bucket/k"}{"source-ref":"s3://bucket/l"}',
    "no source-ref": '{"cat":1}',
    "source-ref a number": '{"source-ref":1}',
    "source-ref null": '{"source-ref":null}',
    "source-ref empty": '{"source-ref":""}',
    "http": '{"source-ref":"https://b/k.jpg"}',
    "no key": '{"source-ref":"s3://bucket"}',
    "empty key": '{"source-ref":"s3://bucket/"}',
    "no bucket": '{"source-ref":"s3:///k"}',
    "upper scheme": '{"source-ref":"S3://b/k"}',
    "bad utf-8": b'{"source-ref":"s3://bucket/\xff.jpg"}',
    "lone surrogate": '{"source-ref":"s3://bucket/k","x":"\\ud800"}',
    "control character": '{"source-ref":"s3://bucket/k","x":"\t"}',
    "nul": b'{"source-ref":"s3://bucket/k","x":"\0"}',
    "trailing comma": '{"source-ref":"s3://bucket/k",}',
    "comment": '{"source-ref":"s3://bucket/k"} // x',
    "nan": '{"source-ref":"s3://bucket/k","x":NaN}',
    "octal": '{"source-ref":"s3://bucket/k","x":017}',
    "too long": compact({"source-ref": "s3://bucket/k", "x": "y" * 100_000}),
    "very deep": '{"source-ref":"s3://bucket/k","x":' + "[" * 10_000 + "]" * 10_000 + "}",
}


@pytest.mark.parametrize("kind", DROPPED)
def test_dropped_lines(lab, kind):
    """Among five good lines it is dropped silently; alone it is a failure."""
    good = [image_entry(f"s3://bucket/{number}.jpg", "cat") for number in range(5)]
    arn, result = outcome(lab, good[:3] + [DROPPED[kind]] + good[3:])
    assert result == SUCCESS
    assert lab.sources(arn) == [entry["source-ref"] for entry in good]
    assert lab.stats(arn) == (5, 5, 1, 0)
    assert failed(lab, [DROPPED[kind]]) in (INVALID, TOO_MANY_ERRORS)


def test_duplicate_source_the_first_stays(lab):
    entries = [image_entry(lab.bucket.image(number), name)
               for number, name in ((1, "cat"), (2, "dog"), (3, "emu"), (1, "fox"), (4, "gnu"))]
    arn, result = outcome(lab, entries)
    assert result == SUCCESS
    assert lab.sources(arn) == [lab.bucket.image(number) for number in (1, 2, 3, 4)]
    assert list(lab.labels(arn)) == ["cat", "dog", "emu", "gnu"]
    assert lab.stats(arn) == (4, 4, 4, 0)


def test_duplicates_far_apart_and_too_many(lab):
    entries = numbered(lab, 1_000)
    arn, result = outcome(lab, entries + entries[:200])
    assert result == SUCCESS and lab.stats(arn)[0] == 1_000
    assert failed(lab, entries + entries[:300]) == TOO_MANY_ERRORS


def test_labels_of_duplicates_do_not_count_to_the_limit(lab):
    entries = [image_entry(lab.bucket.image(number), f"label {number}") for number in range(250)]
    again = image_entry(lab.bucket.image(0), "one more")
    arn, result = outcome(lab, entries + [again])
    assert result == SUCCESS
    assert lab.stats(arn) == (250, 250, 250, 0)


def test_duplicate_keys_the_last_wins(lab):
    line = '{"source-ref":"s3://bucket/first","source-ref":"s3://bucket/last"}'
    arn, _ = outcome(lab, [line])
    assert json.loads(lab.lines(arn)[0])["source-ref"] == "s3://bucket/last"
    assert len(lab.lines(arn, SourceRefContains="last")) == 1


def test_several_buckets(lab):
    entries = [image_entry("s3://bucket-a/1.jpg", "cat"), image_entry("s3://bucket-b/1.jpg", "cat")]
    assert failed(lab, entries) == "The manifest file contains images from multiple S3 buckets."


def test_labels_at_the_limit(lab):
    entries = [image_entry(lab.bucket.image(number), f"label {number}") for number in range(251)]
    arn, result = outcome(lab, entries[:250])
    assert result == SUCCESS and lab.stats(arn)[2] == 250
    assert failed(lab, entries) == "The manifest file has too many labels."


def test_declared_labels_count_to_the_limit(lab):
    from_map = {str(number): f"label {number}" for number in range(251)}
    entry = {"source-ref": lab.bucket.image(1),
             "b": {"image_size": [{"width": 640, "height": 480, "depth": 3}],
                   "annotations": [{"class_id": 0, "top": 1, "left": 1, "width": 9, "height": 9}]},
             "b-metadata": {"objects": [{"confidence": 1}], "class-map": from_map, "human-annotated": "yes",
                            "type": "groundtruth/object-detection", "creation-date": "2023-02-03T04:05:06"}}
    assert failed(lab, [entry]) == "The manifest file has too many labels."


def test_longest_line(lab):
    """100,000 characters, whatever their bytes."""
    for letter in ("x", "ü", "😀"):
        frame = compact({"source-ref": f"s3://bucket/{ord(letter)}", "note": ""})
        line = frame[:-2] + letter * (100_000 - len(frame)) + '"}'
        assert len(line) == 100_000
        arn, result = outcome(lab, [line])
        assert result == SUCCESS and lab.stats(arn) == (1, 0, 0, 1)
        longer = line[:-2] + letter + '"}'
        assert failed(lab, [longer]) in (INVALID, TOO_MANY_ERRORS)


@pytest.mark.parametrize("end, final", [(b"\n", b"\n"), (b"\n", b""), (b"\r\n", b"\r\n"), (b"\r\n", b"")])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(lab, start, end, final):
    lines = [compact(entry).encode() for entry in numbered(lab, 3)]
    arn, result = outcome(lab, start + end.join(lines) + final)
    assert result == SUCCESS
    assert lab.lines(arn) == [line.decode()[:-1] + ',"cl-metadata":{"is_labeled":true}}' for line in lines]


def test_white_space_around_a_line(lab):
    line = compact(numbered(lab, 1)[0]).encode()
    arn, result = outcome(lab, b"  \t" + line + b"  \n")
    assert result == SUCCESS
    [listed] = lab.lines(arn)
    assert listed.startswith("{") and listed.endswith("}")


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1E+2", "123456789012345678901234567890", "0.1e-400", "-0"])
def test_numbers_that_nobody_evaluates(lab, number):
    """A number in an ignored key need only be JSON."""
    entry = compact(numbered(lab, 1)[0])
    arn, result = outcome(lab, [entry[:-1] + f',"note":{number}' + "}"])
    assert result == SUCCESS
    assert f'"note":{number}' in lab.lines(arn)[0]


def test_server_keys_are_taken_away_at_every_level(lab):
    entry = numbered(lab, 1)[0]
    entry["attribute-0-metadata"]["cl-errors"] = [{"code": "ERROR_X", "message": "x"}]
    entry["attribute-0-metadata"]["errors"] = []
    entry.update({"cl-metadata": {"is_labeled": False}, "cl-errors": [{"code": "E"}], "errors": [1], "warnings": []})
    arn, result = outcome(lab, [entry])
    assert result == SUCCESS
    [listed] = lab.entries(arn)
    assert list(listed) == ["source-ref", "attribute-0", "attribute-0-metadata", "cl-metadata"]
    assert not {"cl-errors", "errors"} & set(listed["attribute-0-metadata"])
    assert lab.stats(arn) == (1, 1, 1, 0)


def test_rows_at_the_limit(start_server):
    lab = Lab(start_server("--limit", "manifest-lines=10"))
    arn, result = outcome(lab, numbered(lab, 10))
    assert result == SUCCESS and lab.stats(arn)[0] == 10
    assert failed(lab, numbered(lab, 11)) == "The manifest file has too many rows."
    assert failed(lab, numbered(lab, 5) + [b""] * 6) == "The manifest file has too many rows.", "blank lines count"


def test_manifest_over_a_gigabyte(lab):
    """A hole in the file: its size alone decides."""
    source = lab.source(numbered(lab, 1))
    with open(lab.bucket.folder / source["GroundTruthManifest"]["S3Object"]["Name"], "r+b") as file:
        file.truncate(1024 ** 3 + 1)
    arn = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    description = lab.wait_created(arn, "CREATE_FAILED")
    assert description["StatusMessage"] == "The manifest file size exceeds the maximum supported size."
    assert description["StatusMessageCode"] == "CLIENT_ERROR"
