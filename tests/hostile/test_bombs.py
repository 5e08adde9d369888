"""Small inputs that want to become large ones: JSON and manifests built to take memory, time or stack.

Each is answered rightly and soon, and the server's largest size so far (VmHWM) grows by no more than stated. Under a
sanitizer every byte costs several; the bounds hold there.
"""
import base64
import gzip
import json
import os
import threading
import time
from pathlib import Path

import pytest

from harness.lab import Lab
from harness.manifests import class_metadata, compact, image_entry
from hostile.test_signatures import signed
from hostile.wire import Line, name_of

MIB = 1 << 20
BODY_MOST = 8 * MIB
ANSWER_MOST = 64 * 1024
SECONDS_MOST = 20
TOGETHER = 6  # their bodies are within one address's budget
INVALID_FILE = "The manifest file extension or contents are invalid."
TOO_MANY_ERRORS = "The manifest file has too many terminal errors."
TOO_MANY_ROWS = "The manifest file has too many rows."
TOO_LARGE = "The manifest file size exceeds the maximum supported size."


def grown(server, name="VmHWM"):
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(name)


@pytest.fixture
def own(start_server):
    """A server of which the sanitizer, where there is one, gives freed memory back."""
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:allocator_release_to_os_interval_ms=50"
    return start_server("--request-ms", "120000", env={"ASAN_OPTIONS": options})


def repeated(unit, end=b"", room=BODY_MOST, start=b""):
    return start + unit * ((room - len(start) - len(end)) // len(unit)) + end


ARN = b"arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1690476084535"

BODIES = {
    "open brackets": ("DescribeDataset", repeated(b"[")),
    "open braces": ("DescribeDataset", repeated(b'{"a":')),
    "brackets that close": ("DescribeDataset", b"[" * (BODY_MOST // 2) + b"]" * (BODY_MOST // 2)),
    "deep in an unknown member": (
        "DescribeDataset",
        b'{"DatasetArn":"' + ARN + b'","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ),
    "a million members": ("DescribeDataset", repeated(b'"a":1,', b'"b":1}', start=b"{")),
    "members that differ": ("DescribeDataset", b"{" + b",".join(b'"%d":0' % n for n in range(600_000)) + b"}"),
    "the same member again": ("DescribeDataset", repeated(b'"DatasetArn":"x",', b'"DatasetArn":"x"}', start=b"{")),
    "a long string": ("DescribeDataset", repeated(b"x", b'"}', start=b'{"DatasetArn":"')),
    "escapes": ("DescribeDataset", repeated(b"\\u0041", b'"}', start=b'{"DatasetArn":"')),
    "a long number": ("ListDatasetEntries", repeated(b"9", b"}", start=b'{"DatasetArn":"' + ARN + b'","MaxResults":')),
    "a large exponent": ("ListDatasetEntries", b'{"DatasetArn":"' + ARN + b'","MaxResults":1e' + b"9" * 1000 + b"}"),
    "a list of labels": (
        "ListDatasetEntries",
        repeated(b'"l",', b'"l"]}', start=b'{"DatasetArn":"' + ARN + b'","ContainsLabels":['),
    ),
    "labels against the model": (
        "ListDatasetEntries",
        repeated(b'"",', b'""]}', start=b'{"DatasetArn":"' + ARN + b'","ContainsLabels":['),
    ),
    "project names": ("DescribeProjects", repeated(b'"?",', b'"?"]}', start=b'{"ProjectNames":[')),
    "tags": (
        "TagResource",
        b'{"ResourceArn":"' + ARN + b'","Tags":{' + b",".join(b'"%d":""' % n for n in range(500_000)) + b"}}",
    ),
    "white space": ("DescribeProjects", repeated(b" ", b"}", start=b"{")),
    "zeros": ("DescribeProjects", bytes(BODY_MOST)),
    "bytes of no text": ("DescribeProjects", repeated(b"\xff\xfe\x80")),
    "a pattern's worst": ("DescribeDataset", b'{"DatasetArn":"arn:aws:rekognition:' + b"a-" * 900 + b'"}'),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BODIES)
def test_json(own, name):
    """Alone, then several at once: refused in a short answer, and the server's size is bounded."""
    operation, body = BODIES[name]
    lab = Lab(own)
    with Line(own) as line:
        line.ask(signed(lab), b'{"MaxResults": 7}')
        before = grown(own)
        begun = time.monotonic()
        pairs = signed(lab, body=body, headers={"X-Amz-Target": f"RekognitionService.{operation}"})
        answer = line.ask(pairs, body)
        assert name_of(answer) in (
            "SerializationException",
            "ValidationException",
            "InvalidParameterException",
            "ResourceNotFoundException",
            "OK",
        ), answer.body[:200]
        assert (name_of(answer) == "OK") == (name == "white space")
        assert len(answer.body) < ANSWER_MOST
        assert time.monotonic() - begun < SECONDS_MOST
        alone = grown(own) - before
        assert alone < 24 * BODY_MOST / MIB, f"one request of 8 MiB made the server grow by {alone:.0f} MiB"

    def again():
        with Line(own) as line:
            assert line.ask(pairs, body).status == answer.status

    threads = [threading.Thread(target=again) for _ in range(TOGETHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = grown(own) - before
    assert together < TOGETHER * 24 * BODY_MOST / MIB
    with Line(own) as line:
        assert name_of(line.ask(signed(lab), b'{"MaxResults": 7}')) == "OK"


def sparse(path, size, end=b""):
    """A file of zeros that takes no room, with something at its end."""
    with open(path, "wb") as file:
        file.truncate(size - len(end))
        file.seek(0, os.SEEK_END)
        file.write(end)


def create(lab, key, expected):
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": lab.bucket.name, "Name": key}}}
    arn = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    return lab.wait_created(arn, expected)


def deep(count):
    return b'{"source-ref":"s3://bbb/deep.jpg","x":' + b"[" * count + b"]" * count + b"}\n"


def good_line(number):
    return compact(image_entry(f"s3://bbb/{number}.jpg", "cat")).encode() + b"\n"


def many_labels(number, count):
    """One line of `count` labels of its own."""
    entry = {"source-ref": f"s3://bbb/{number}.jpg"}
    for place in range(count):
        entry[f"a{place}"] = 1
        entry[f"a{place}-metadata"] = class_metadata(f"label-{number}-{place}")
    return compact(entry).encode() + b"\n"


def crowded(boxes):
    """One line with boxes that name classes by the thousand."""
    return (
        compact(
            {
                "source-ref": "s3://bbb/boxes.jpg",
                "b": {
                    "image_size": [{"width": 640, "height": 480, "depth": 3}],
                    "annotations": [
                        {"class_id": n, "top": 0, "left": 0, "width": 9, "height": 9} for n in range(boxes)
                    ],
                },
                "b-metadata": {
                    "objects": [{"confidence": 1}] * boxes,
                    "class-map": {str(n): f"c{n}" for n in range(boxes)},
                    "type": "groundtruth/object-detection",
                    "human-annotated": "yes",
                    "creation-date": "2023-02-03T04:05:06",
                    "job-name": "j",
                },
            }
        ).encode()
        + b"\n"
    )


# name: (bytes, status, message or None); where single lines are dropped, good ones keep the 20 % rule out of the way
MANIFESTS = {
    "one line of brackets": (b"[" * 32 * MIB, "CREATE_FAILED", TOO_MANY_ERRORS),
    "a line without end": (b'{"source-ref":"' + b"x" * 32 * MIB, "CREATE_FAILED", TOO_MANY_ERRORS),
    "blank lines": (b"\n" * 4 * MIB, "CREATE_FAILED", TOO_MANY_ROWS),
    "carriage returns": (b"\r" * 4 * MIB, "CREATE_FAILED", TOO_MANY_ERRORS),
    "gzip": (gzip.compress(b"x" * 64 * MIB), "CREATE_FAILED", INVALID_FILE),
    "noise": (os.urandom(8 * MIB), "CREATE_FAILED", INVALID_FILE),
    "deep lines among good ones": (
        b"".join(good_line(n) if n % 10 else deep(40_000) for n in range(100)),
        "CREATE_COMPLETE",
        None,
    ),
    "a line of the largest size": (
        b'{"source-ref":"s3://bbb/1.jpg","pad":"' + b"x" * (99_999 - 40) + b'"}\n',
        "CREATE_COMPLETE",
        None,
    ),
    "four bytes a character": (
        b'{"source-ref":"s3://bbb/1.jpg","pad":"' + "\U0001f600".encode() * (99_999 - 40) + b'"}\n',
        "CREATE_COMPLETE",
        None,
    ),
    "labels without number": (b"".join(many_labels(n, 50) for n in range(40)), "CREATE_FAILED", None),
    "boxes without number": (b"".join(good_line(n) for n in range(20)) + crowded(600), "CREATE_COMPLETE", None),
    "the same line again": (good_line(1) * 100_000, "CREATE_FAILED", TOO_MANY_ERRORS),
    "keys that repeat": (b"{" + b'"a":1,' * 15_000 + b'"source-ref":"s3://bbb/1.jpg"}\n', "CREATE_COMPLETE", None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest(own, name):
    content, status, message = MANIFESTS[name]
    lab = Lab(own)
    lab.bucket.put("bomb.manifest", content)
    before = grown(own)
    begun = time.monotonic()
    description = create(lab, "bomb.manifest", status)
    assert time.monotonic() - begun < SECONDS_MOST * 3
    assert message is None or description["StatusMessage"] == message
    growth = grown(own) - before
    assert growth < 256, f"{len(content) / MIB:.1f} MiB made the server grow by {growth:.0f} MiB"


@pytest.mark.slow
def test_manifests_of_nothing(own):
    """Files of zeros: one just within the size that is taken, and one beyond it, refused without being read."""
    lab = Lab(own)
    lab.bucket.put("x", b"")
    before = grown(own)
    sparse(lab.bucket.folder / "over.manifest", 1_000_000_001)
    begun = time.monotonic()
    assert create(lab, "over.manifest", "CREATE_FAILED")["StatusMessage"] == TOO_LARGE
    assert time.monotonic() - begun < 5
    sparse(lab.bucket.folder / "huge.manifest", 1 << 43)
    assert create(lab, "huge.manifest", "CREATE_FAILED")["StatusMessage"] == TOO_LARGE
    sparse(lab.bucket.folder / "within.manifest", 200_000_000, b"\n" + good_line(1))
    description = create(lab, "within.manifest", "CREATE_FAILED")
    assert description["StatusMessageCode"] == "CLIENT_ERROR"
    assert grown(own) - before < 256


@pytest.mark.slow
def test_changes_that_expand(own):
    """Base64 of as much as a request may hold: blank lines, one deep line, one line without end."""
    lab = Lab(own)
    arn = lab.create([image_entry(lab.bucket.image(1), "cat")])
    before = grown(own)
    room = 5 * MIB
    for changes in (b"\n" * room, b"x\n" * (room // 2), b"[" * room, b"{" * room, deep(40_000), b"\0" * room, b"x"):
        body = json.dumps({"DatasetArn": arn, "Changes": {"GroundTruth": base64.b64encode(changes).decode()}}).encode()
        answer = lab.wire.post("UpdateDatasetEntries", body)
        assert answer.status in (200, 400) and len(answer.body) < ANSWER_MOST
        begun = time.monotonic()
        lab.wait_while(arn, "UPDATE_IN_PROGRESS")
        assert time.monotonic() - begun < SECONDS_MOST
        assert lab.stats(arn)[0] == 1
    assert grown(own) - before < 256
