"""The envelope: AWS JSON 1.1 over HTTP (spec A.2 to A.9), byte by byte where clients depend on it."""
import email.utils
import http.client
import json
import re
import time
import uuid

import boto3
import pytest

from harness.clients import CONTENT_TYPE

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OURS = {"CreateProject", "DescribeProjects", "DeleteProject", "CreateDataset", "DescribeDataset", "ListDatasetEntries",
        "ListDatasetLabels", "UpdateDatasetEntries", "DistributeDatasetEntries", "DeleteDataset", "TagResource",
        "UntagResource", "ListTagsForResource", "DescribeProjectVersions", "PutProjectPolicy", "ListProjectPolicies",
        "DeleteProjectPolicy", "CreateProjectVersion", "StartProjectVersion", "StopProjectVersion",
        "DeleteProjectVersion", "CopyProjectVersion", "DetectCustomLabels"}


def all_operations():
    session = boto3.session.Session()
    return sorted(session.client("rekognition", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
                  .meta.service_model.operation_names)


def test_headers_of_a_success(lab):
    answer = lab.wire.post("DescribeProjects", {})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    assert UUID.fullmatch(answer.headers["x-amzn-RequestId"])
    assert answer.headers["Content-Length"] == str(len(answer.body))
    sent = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(sent - time.time()) < 5


def test_boto3_sees_the_request_id(lab):
    answer = lab.api.describe_projects()
    assert UUID.fullmatch(answer["ResponseMetadata"]["RequestId"])


def test_request_ids_differ(lab):
    assert len({lab.wire.post("DescribeProjects", {}).headers["x-amzn-RequestId"] for _ in range(5)}) == 5


def test_body_of_a_modelled_error(lab):
    answer = lab.wire.post("DescribeDataset", {"DatasetArn": lab.arn("project/p/dataset/train/1690476084535")})
    assert answer.status == 400
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    assert UUID.fullmatch(answer.headers["x-amzn-RequestId"])
    assert list(answer.json) == ["__type", "Code", "Logref", "Message"]
    assert answer.json["__type"] == answer.json["Code"] == "ResourceNotFoundException"
    uuid.UUID(answer.json["Logref"])
    assert answer.json["Message"]


def test_body_of_a_front_end_error(lab):
    answer = lab.wire.post("CreateProject", {})
    assert list(answer.json) == ["__type", "message"]


@pytest.mark.parametrize("target", [
    "RekognitionService.Nonsense", "RekognitionService.describeprojects", "RekognitionService.DescribeProjects ",
    "rekognitionservice.DescribeProjects", "DescribeProjects", "RekognitionService.", "", "x" * 2000,
    "RekognitionService.DescribeProjectsX", "DynamoDB_20120810.ListTables", "RekognitionService.<script>",
])
def test_unknown_targets(lab, target):
    answer = lab.wire.post(None, {}, headers={"X-Amz-Target": target})
    if target.endswith(" "):
        assert answer.status == 200, "the space is not part of the header's value"
        return
    assert (answer.status, answer.body) == (400, b'{"__type":"UnknownOperationException"}')
    assert answer.headers["Content-Type"] == CONTENT_TYPE


def test_no_target(lab):
    answer = lab.wire.post(None, {})
    assert (answer.status, answer.body) == (400, b'{"__type":"UnknownOperationException"}')


def test_other_operations_of_rekognition(lab):
    """They are unknown for now, as JSON and never as HTML."""
    others = [name for name in all_operations() if name not in OURS]
    assert len(others) > 30
    for name in others:
        answer = lab.wire.post(name, {})
        assert (answer.status, answer.body) == (400, b'{"__type":"UnknownOperationException"}'), name


def test_boto3_meets_an_unserved_operation(lab):
    with pytest.raises(lab.api.exceptions.ClientError) as caught:
        lab.api.detect_labels(Image={"Bytes": b"x"})
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize("body", [
    b"{", b"null", b'"x"', b"1", b"true", b'{"a":1,}', b"{'a':1}", b'{"a":NaN}', b'{"a":1}{"b":2}', b"\xff\xfe", b"{}x",
    b'{"a":"\xff"}', b'{"a":"\t"}', b'{"a":01}', b'{"a":"\\ud800"}', b" ", b"\0", b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
], ids=lambda body: body[:12].decode("latin-1"))
def test_bodies_that_are_no_json_object(lab, body):
    answer = lab.wire.post("DescribeProjects", body)
    if body == b" ":
        assert answer.type == "SerializationException" or answer.status == 200
        return
    assert (answer.status, answer.body) == (400, b'{"__type":"SerializationException"}')


def test_body_that_is_a_list(lab):
    answer = lab.wire.post("DescribeProjects", b"[]")
    assert (answer.status, answer.json) == (400, {"__type": "SerializationException",
                                                  "Message": "Start of list found where not expected"})


def test_empty_body_is_an_empty_object(lab):
    assert lab.wire.post("DescribeProjects", b"").json == {"ProjectDescriptions": []}
    assert lab.wire.post("CreateProject", b"").type == "ValidationException"


def test_white_space_and_byte_order(lab):
    assert lab.wire.post("DescribeProjects", b' \r\n\t{ "MaxResults" :\n1 } \n').status == 200


def test_the_last_of_two_equal_members_wins(lab):
    answer = lab.wire.post("CreateProject", b'{"ProjectName":"a b","ProjectName":"fine"}')
    assert answer.status == 200
    assert "/fine/" in answer.json["ProjectArn"]


@pytest.mark.parametrize("content_type", [None, "application/x-amz-json-1.0", "text/plain", "text/html",
                                          "application/json", "application/x-www-form-urlencoded"])
def test_other_content_types(lab, content_type):
    request = lab.wire.signed("DescribeProjects", b"{}")
    headers = dict(request.headers.items())
    del headers["Content-Type"]
    if content_type:
        headers["Content-Type"] = content_type
    answer = lab.wire.send("POST", "/", headers, b"{}")
    assert answer.status in (400, 404)
    assert b"<html" not in answer.body.lower()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_other_methods(lab, method):
    request = lab.wire.signed("DescribeProjects", b"")
    answer = lab.wire.send(method, "/", dict(request.headers.items()), b"")
    assert answer.status in (400, 404, 405)
    assert b"<html" not in answer.body.lower()


def test_endpoint_with_a_path(lab):
    assert lab.wire.post("DescribeProjects", {}, path="/some/prefix").status == 200
    assert lab.wire.post("DescribeProjects", {}, path="/sp%20ace/%C3%A4/").status == 200


def persistent(lab):
    return http.client.HTTPConnection("127.0.0.1", lab.server.port, timeout=30)


def ask_on(connection, lab, operation, body):
    request = lab.wire.signed(operation, body)
    connection.request("POST", "/", body, dict(request.headers.items()))
    response = connection.getresponse()
    return response.status, response.read()


def test_connection_stays_usable_after_errors(lab):
    connection = persistent(lab)
    statuses = [ask_on(connection, lab, operation, body)[0] for operation, body in (
        ("DescribeProjects", b"{}"), ("DescribeProjects", b"{"), ("Nonsense", b"{}"), ("CreateProject", b"{}"),
        ("DescribeProjects", b'{"MaxResults":"x"}'), ("DescribeProjects", b"{}"))]
    assert statuses == [200, 400, 400, 400, 400, 200]
    assert connection.sock is not None, "the same connection all the while"
    connection.close()


def test_a_large_body_refused_early_leaves_the_connection_in_step(lab):
    connection = persistent(lab)
    status, body = ask_on(connection, lab, "Nonsense", b" " * 3_000_000)
    assert (status, json.loads(body)["__type"]) == (400, "UnknownOperationException")
    assert ask_on(connection, lab, "DescribeProjects", b"{}")[0] == 200
    connection.close()


def test_body_of_eight_mebibytes_and_more(lab):
    padded = b'{"MaxResults":1' + b" " * (8 * 1024 * 1024 - 16) + b"}"
    assert len(padded) == 8 * 1024 * 1024
    assert lab.wire.post("DescribeProjects", padded).status == 200
    connection = persistent(lab)
    request = lab.wire.signed("DescribeProjects", padded + b" ")
    try:
        connection.request("POST", "/", padded + b" ", dict(request.headers.items()))
    except (BrokenPipeError, ConnectionResetError):
        pass  # the answer was sent while we were still writing
    response = connection.getresponse()
    assert (response.status, response.read()) == (413, b"")
    connection.close()


def test_chunked_body(lab):
    request = lab.wire.signed("DescribeProjects", b'{"MaxResults":1}')
    connection = persistent(lab)
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    connection.request("POST", "/", iter([b'{"Max', b'Results":1}']), headers, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


def test_expect_continue(lab):
    headers = {"Expect": "100-continue"}
    assert lab.wire.post("DescribeProjects", {}, headers=headers).status == 200
