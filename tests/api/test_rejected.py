"""Beyond AWS: the lines that a create or update dropped silently, with number, code and offending value.

By the command on the server's own machine, and over HTTP.
"""
import json
import subprocess
import urllib.parse

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness.manifests import image_entry


def rejected(lab, arn):
    return [json.loads(line) for line in lab.server.placard("rejected", arn).stdout.splitlines()]


def good(lab, count, first=0):
    return [image_entry(lab.bucket.image(number), "cat") for number in range(first, first + count)]


def test_each_reason(lab):
    arn = lab.create(good(lab, 30) + [
        "not json",
        '{"no":"source"}',
        '{"source-ref":"https://example.com/x.jpg"}',
        "",
        image_entry(lab.bucket.image(7), "dog"),
        json.dumps({"source-ref": "s3://bucket/k", "note": "x" * 100_000}),
    ])
    rows = rejected(lab, arn)
    assert [(row["line"], row["code"]) for row in rows[:4]] == [
        (31, "ERROR_INVALID_JSON_LINE"), (32, "ERROR_MISSING_SOURCE_REF"), (33, "ERROR_INVALID_SOURCE_REF_FORMAT"),
        (35, "ERROR_DUPLICATE_SOURCE_REF")]
    assert rows[2]["value"] == "https://example.com/x.jpg"
    assert rows[3]["value"] == lab.bucket.image(7)
    assert rows[4]["line"] == 36 and len(rows) == 5
    assert all(set(row) == {"line", "code", "value"} and len(row["value"].encode()) <= 256 for row in rows)


def fetch(lab, query, key=None):
    """The report over HTTP, signed by botocore's own signer."""
    key = key or lab.key
    path = f"/placard/rejected-lines{query}"
    request = AWSRequest("GET", lab.server.url + path)
    SigV4Auth(Credentials(key.access, key.secret, key.token), "rekognition", lab.region).add_auth(request)
    return lab.wire.send("GET", path, dict(request.headers.items()), None)


def test_over_http(lab):
    arn = lab.create(good(lab, 30) + ["not json", '{"no":"source"}'])
    for query in (f"?dataset={arn}", "?dataset=" + urllib.parse.quote(arn, safe="")):
        answer = fetch(lab, query)
        assert answer.status == 200 and answer.headers["x-amzn-RequestId"]
        assert [json.loads(line) for line in answer.body.splitlines()] == rejected(lab, arn)
    assert lab.wire.send("GET", f"/placard/rejected-lines?dataset={arn}", {}, None).type == \
        "MissingAuthenticationTokenException"
    assert fetch(lab, f"?dataset={arn}", lab.key._replace(secret="x")).type == "InvalidSignatureException"


def test_over_http_by_curl(lab):
    arn = lab.create(good(lab, 5) + ["not json"])
    run = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--aws-sigv4", f"aws:amz:{lab.region}:rekognition", "--user",
         f"{lab.key.access}:{lab.key.secret}", f"{lab.server.url}/placard/rejected-lines?dataset={arn}"],
        capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(run.stdout)["line"] == 6, run.stdout


def test_over_http_is_for_those_who_may_list(lab, users):
    arn = lab.create(good(lab, 5) + ["not json"])
    lister = users.key({"Effect": "Allow", "Action": "rekognition:ListDatasetEntries", "Resource": arn})
    describer = users.key({"Effect": "Allow", "Action": "rekognition:DescribeDataset", "Resource": "*"})
    stranger = users.key({"Effect": "Allow", "Action": "*", "Resource": "*"}, account="210987654321")
    assert fetch(lab, f"?dataset={arn}", lister).status == 200
    assert fetch(lab, f"?dataset={arn}", describer).type == "AccessDeniedException"
    assert fetch(lab, f"?dataset={arn}", stranger).type == "ResourceNotFoundException"


@pytest.mark.parametrize("query", ["", "?", "?dataset", "?dataset=", "?dataset=x", "?dataset=%zz", "?arn=x"])
def test_over_http_without_a_dataset(lab, query):
    answer = fetch(lab, query)
    assert (answer.status, answer.type) == (400, "InvalidParameterException")


def test_none(lab):
    assert rejected(lab, lab.create(good(lab, 3))) == []


def test_a_failed_creation_says_what_was_wrong(lab):
    arn = lab.begin(["x", "{}"])
    lab.wait_created(arn, "CREATE_FAILED")
    assert [row["line"] for row in rejected(lab, arn)] == [1, 2]


def test_an_update_brings_its_own(lab):
    arn = lab.create(good(lab, 9) + ["x"])
    assert [row["line"] for row in rejected(lab, arn)] == [10]
    lab.update(arn, good(lab, 4, first=9) + ["{}"])
    assert [(row["line"], row["code"]) for row in rejected(lab, arn)] == [(5, "ERROR_MISSING_SOURCE_REF")]
    lab.update(arn, good(lab, 1, first=20))
    assert rejected(lab, arn) == []


def test_more_than_a_page(lab):
    arn = lab.begin(["x"] * 12_000)
    lab.wait_created(arn, "CREATE_FAILED")
    lines = [row["line"] for row in rejected(lab, arn)]
    assert lines == sorted(set(lines)) and lines[0] == 1


def test_unknown_dataset(lab):
    run = lab.server.placard("rejected", lab.arn("project/p/dataset/train/1690476084535"), check=False)
    assert run.returncode == 1
    assert run.stderr.strip()
