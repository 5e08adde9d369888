"""Every constraint of spec M on every member of every operation, with the texts of spec A.8; and A.7's wrong types.

A row is an operation, the change to a valid body, and the violations expected. Bodies are sent raw, for boto3 itself
refuses some of them.
"""
import base64

import pytest

P_ARN = "arn:aws:rekognition:us-east-1:123456789012:project/p/1690476084535"
D_ARN = "arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1690476084535"
P_PATTERN = r"(^arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project\/[a-zA-Z0-9_.\-]{1,255}\/[0-9]+$)"
D_PATTERN = (r"(^arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project\/[a-zA-Z0-9_.\-]{1,255}"
             r"\/dataset\/(train|test)\/[0-9]+$)")
NAME_PATTERN = r"[a-zA-Z0-9_.\-]+"
NULL = "Member must not be null"
LINE = base64.b64encode(b'{"source-ref":"s3://bucket/k"}').decode()

VALID = {
    "CreateProject": {"ProjectName": "p"},
    "DescribeProjects": {},
    "DeleteProject": {"ProjectArn": P_ARN},
    "CreateDataset": {"ProjectArn": P_ARN, "DatasetType": "TRAIN"},
    "DescribeDataset": {"DatasetArn": D_ARN},
    "ListDatasetEntries": {"DatasetArn": D_ARN},
    "ListDatasetLabels": {"DatasetArn": D_ARN},
    "UpdateDatasetEntries": {"DatasetArn": D_ARN, "Changes": {"GroundTruth": LINE}},
    "DistributeDatasetEntries": {"Datasets": [{"Arn": D_ARN}, {"Arn": D_ARN.replace("train", "test")}]},
    "DeleteDataset": {"DatasetArn": D_ARN},
    "TagResource": {"ResourceArn": P_ARN, "Tags": {}},
    "UntagResource": {"ResourceArn": P_ARN, "TagKeys": []},
    "ListTagsForResource": {"ResourceArn": P_ARN},
}


def at_least(bound):
    return f"Member must have length greater than or equal to {bound}"


def at_most(bound):
    return f"Member must have length less than or equal to {bound}"


def pattern(text):
    return f"Member must satisfy regular expression pattern: {text}"


def one(value, path, constraint):
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def source(**changes):
    return {"DatasetSource": {"GroundTruthManifest": {"S3Object": {"Bucket": "bucket", "Name": "k", **changes}}}}


def long_arn(arn, length):
    """Well-formed but for its length."""
    return arn[:-len("1690476084535")] + "1" * (length - len(arn) + len("1690476084535"))


S3 = "datasetSource.groundTruthManifest.s3Object"
SCALAR_ROWS = [
    ("CreateProject", {"ProjectName": None}, one(None, "projectName", NULL)),
    ("CreateProject", {"ProjectName": "x" * 256}, one("x" * 256, "projectName", at_most(255))),
    ("CreateProject", {"ProjectName": "a b"}, one("a b", "projectName", pattern(NAME_PATTERN))),
    ("CreateProject", {"ProjectName": "größe"}, one("größe", "projectName", pattern(NAME_PATTERN))),
    ("CreateProject", {"ProjectName": "a\n"}, one("a\n", "projectName", pattern(NAME_PATTERN))),
    ("DescribeProjects", {"MaxResults": 0},
     one(0, "maxResults", "Member must have value greater than or equal to 1")),
    ("DescribeProjects", {"MaxResults": 101},
     one(101, "maxResults", "Member must have value less than or equal to 100")),
    ("DescribeProjects", {"NextToken": "t" * 1025}, one("t" * 1025, "nextToken", at_most(1024))),
    ("DeleteProject", {"ProjectArn": None}, one(None, "projectArn", NULL)),
    ("DeleteProject", {"ProjectArn": D_ARN}, one(D_ARN, "projectArn", pattern(P_PATTERN))),
    ("DeleteProject", {"ProjectArn": long_arn(P_ARN, 2049)},
     one(long_arn(P_ARN, 2049), "projectArn", at_most(2048))),
    ("CreateDataset", {"ProjectArn": None}, one(None, "projectArn", NULL)),
    ("CreateDataset", {"ProjectArn": D_ARN}, one(D_ARN, "projectArn", pattern(P_PATTERN))),
    ("CreateDataset", {"DatasetType": None}, one(None, "datasetType", NULL)),
    ("CreateDataset", {"DatasetSource": {"DatasetArn": P_ARN}},
     one(P_ARN, "datasetSource.datasetArn", pattern(D_PATTERN))),
    ("CreateDataset", source(Bucket="ab"), one("ab", f"{S3}.bucket", at_least(3))),
    ("CreateDataset", source(Bucket="b" * 256), one("b" * 256, f"{S3}.bucket", at_most(255))),
    ("CreateDataset", source(Bucket="a/b/c"), one("a/b/c", f"{S3}.bucket", pattern(r"[0-9A-Za-z\.\-_]*"))),
    ("CreateDataset", source(Name=""), one("", f"{S3}.name", at_least(1))),
    ("CreateDataset", source(Name="n" * 1025), one("n" * 1025, f"{S3}.name", at_most(1024))),
    ("CreateDataset", source(Version=""), one("", f"{S3}.version", at_least(1))),
    ("CreateDataset", source(Version="v" * 1025), one("v" * 1025, f"{S3}.version", at_most(1024))),
    ("DescribeDataset", {"DatasetArn": None}, one(None, "datasetArn", NULL)),
    ("DescribeDataset", {"DatasetArn": P_ARN}, one(P_ARN, "datasetArn", pattern(D_PATTERN))),
    ("DescribeDataset", {"DatasetArn": long_arn(D_ARN, 2049)},
     one(long_arn(D_ARN, 2049), "datasetArn", at_most(2048))),
    ("ListDatasetEntries", {"DatasetArn": None}, one(None, "datasetArn", NULL)),
    ("ListDatasetEntries", {"DatasetArn": P_ARN}, one(P_ARN, "datasetArn", pattern(D_PATTERN))),
    ("ListDatasetEntries", {"SourceRefContains": "  "}, one("  ", "sourceRefContains", pattern(r".*\S.*"))),
    ("ListDatasetEntries", {"SourceRefContains": "s" * 2049}, one("s" * 2049, "sourceRefContains", at_most(2048))),
    ("ListDatasetEntries", {"NextToken": "t" * 1025}, one("t" * 1025, "nextToken", at_most(1024))),
    ("ListDatasetEntries", {"MaxResults": 0},
     one(0, "maxResults", "Member must have value greater than or equal to 1")),
    ("ListDatasetEntries", {"MaxResults": 101},
     one(101, "maxResults", "Member must have value less than or equal to 100")),
    ("ListDatasetLabels", {"DatasetArn": None}, one(None, "datasetArn", NULL)),
    ("ListDatasetLabels", {"DatasetArn": "x" * 20}, one("x" * 20, "datasetArn", pattern(D_PATTERN))),
    ("ListDatasetLabels", {"NextToken": "t" * 1025}, one("t" * 1025, "nextToken", at_most(1024))),
    ("ListDatasetLabels", {"MaxResults": -1},
     one(-1, "maxResults", "Member must have value greater than or equal to 1")),
    ("ListDatasetLabels", {"MaxResults": 101},
     one(101, "maxResults", "Member must have value less than or equal to 100")),
    ("UpdateDatasetEntries", {"DatasetArn": None}, one(None, "datasetArn", NULL)),
    ("UpdateDatasetEntries", {"DatasetArn": P_ARN}, one(P_ARN, "datasetArn", pattern(D_PATTERN))),
    ("UpdateDatasetEntries", {"Changes": None}, one(None, "changes", NULL)),
    ("UpdateDatasetEntries", {"Changes": {}}, one(None, "changes.groundTruth", NULL)),
    ("UpdateDatasetEntries", {"Changes": {"GroundTruth": ""}},
     one("java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]", "changes.groundTruth", at_least(1))),
    ("UpdateDatasetEntries", {"Changes": {"GroundTruth": base64.b64encode(b" " * 5242881).decode()}},
     one("java.nio.HeapByteBuffer[pos=0 lim=5242881 cap=5242881]", "changes.groundTruth", at_most(5242880))),
    ("DistributeDatasetEntries", {"Datasets": None}, one(None, "datasets", NULL)),
    ("DistributeDatasetEntries", {"Datasets": [{}, {"Arn": D_ARN}]}, one(None, "datasets.1.member.arn", NULL)),
    ("DistributeDatasetEntries", {"Datasets": [{"Arn": D_ARN}, {"Arn": P_ARN}]},
     one(P_ARN, "datasets.2.member.arn", pattern(D_PATTERN))),
    ("DeleteDataset", {"DatasetArn": None}, one(None, "datasetArn", NULL)),
    ("DeleteDataset", {"DatasetArn": P_ARN}, one(P_ARN, "datasetArn", pattern(D_PATTERN))),
    ("TagResource", {"ResourceArn": None}, one(None, "resourceArn", NULL)),
    ("TagResource", {"ResourceArn": "x" * 19}, one("x" * 19, "resourceArn", at_least(20))),
    ("TagResource", {"ResourceArn": "x" * 2049}, one("x" * 2049, "resourceArn", at_most(2048))),
    ("TagResource", {"Tags": None}, one(None, "tags", NULL)),
    ("UntagResource", {"ResourceArn": None}, one(None, "resourceArn", NULL)),
    ("UntagResource", {"ResourceArn": "x" * 2049}, one("x" * 2049, "resourceArn", at_most(2048))),
    ("UntagResource", {"TagKeys": None}, one(None, "tagKeys", NULL)),
    ("ListTagsForResource", {"ResourceArn": None}, one(None, "resourceArn", NULL)),
    ("ListTagsForResource", {"ResourceArn": "x" * 19}, one("x" * 19, "resourceArn", at_least(20))),
    ("ListTagsForResource", {"ResourceArn": "x" * 2049}, one("x" * 2049, "resourceArn", at_most(2048))),
]


def changed(operation, change):
    """None in a change stands for a member left out."""
    body = {**VALID[operation], **change}
    return {name: value for name, value in body.items() if value is not None}


def row_name(value):
    return value if isinstance(value, str) and len(value) < 40 else None


@pytest.mark.parametrize("operation, change, violation", SCALAR_ROWS, ids=row_name)
def test_one_violation(lab, operation, change, violation):
    answer = lab.wire.post(operation, changed(operation, change))
    assert (answer.status, answer.type) == (400, "ValidationException")
    assert set(answer.json) == {"__type", "message"}
    assert answer.message == f"1 validation error detected: {violation}"


# Of lists, maps and enums the printed value or order is nobody's contract: path and constraint are compared.
COLLECTION_ROWS = [
    ("CreateProject", {"Feature": "LABELS"}, "'feature'", "Member must satisfy enum value set: ["),
    ("CreateProject", {"AutoUpdate": "YES"}, "'autoUpdate'", "Member must satisfy enum value set: ["),
    ("CreateProject", {"Tags": {f"k{n}": "" for n in range(201)}}, "'tags'", at_most(200)),
    ("CreateProject", {"Tags": {"k" * 129: ""}}, "'tags", at_most(128)),
    ("CreateProject", {"Tags": {"k": "v" * 257}}, "'tags", at_most(256)),
    ("CreateProject", {"Tags": {"aws:k": "v"}}, "'tags", "Member must satisfy regular expression pattern"),
    ("DescribeProjects", {"ProjectNames": []}, "'projectNames'", at_least(1)),
    ("DescribeProjects", {"ProjectNames": ["p"] * 11}, "'projectNames'", at_most(10)),
    ("DescribeProjects", {"ProjectNames": ["a b"]}, "'projectNames'", pattern(NAME_PATTERN)),
    ("DescribeProjects", {"ProjectNames": ["x" * 256]}, "'projectNames'", at_most(255)),
    ("DescribeProjects", {"ProjectNames": [""]}, "'projectNames'", at_least(1)),
    ("DescribeProjects", {"Features": []}, "'features'", at_least(1)),
    ("DescribeProjects", {"Features": ["CUSTOM_LABELS"] * 3}, "'features'", at_most(2)),
    ("DescribeProjects", {"Features": ["LABELS"]}, "'features'", "Member must satisfy enum value set: ["),
    ("CreateDataset", {"DatasetType": "train"}, "'datasetType'", "Member must satisfy enum value set: ["),
    ("CreateDataset", {"Tags": {"k!": "v"}}, "'tags", "Member must satisfy regular expression pattern"),
    ("ListDatasetEntries", {"ContainsLabels": []}, "'containsLabels'", at_least(1)),
    ("ListDatasetEntries", {"ContainsLabels": ["x"] * 11}, "'containsLabels'", at_most(10)),
    ("ListDatasetEntries", {"ContainsLabels": [""]}, "'containsLabels'", at_least(1)),
    ("ListDatasetEntries", {"ContainsLabels": ["x" * 256]}, "'containsLabels'", at_most(255)),
    ("DistributeDatasetEntries", {"Datasets": []}, "'datasets'", at_least(2)),
    ("DistributeDatasetEntries", {"Datasets": [{"Arn": D_ARN}]}, "'datasets'", at_least(2)),
    ("DistributeDatasetEntries", {"Datasets": [{"Arn": D_ARN}] * 3}, "'datasets'", at_most(2)),
    ("TagResource", {"Tags": {f"k{n}": "" for n in range(201)}}, "'tags'", at_most(200)),
    ("UntagResource", {"TagKeys": [f"k{n}" for n in range(201)]}, "'tagKeys'", at_most(200)),
    ("UntagResource", {"TagKeys": [""]}, "'tagKeys'", at_least(1)),
    ("UntagResource", {"TagKeys": ["k" * 129]}, "'tagKeys'", at_most(128)),
    ("UntagResource", {"TagKeys": ["aws:k"]}, "'tagKeys'", "Member must satisfy regular expression pattern"),
]


@pytest.mark.parametrize("operation, change, path, constraint", COLLECTION_ROWS, ids=row_name)
def test_one_violation_in_a_collection(lab, operation, change, path, constraint):
    answer = lab.wire.post(operation, changed(operation, change))
    assert (answer.status, answer.type) == (400, "ValidationException")
    assert answer.message.startswith("1 validation error detected: Value ")
    assert f"at {path}" in answer.message
    assert constraint in answer.message


def test_several_violations_are_all_told(lab):
    answer = lab.wire.post("CreateDataset", {"ProjectArn": "x", "DatasetType": "ALL", "DatasetSource": {
        "GroundTruthManifest": {"S3Object": {"Bucket": "b", "Name": "k"}}}})
    assert answer.type == "ValidationException"
    count, text = answer.message.split(" validation errors detected: ")
    assert int(count) == text.count("failed to satisfy constraint") == text.count("; ") + 1 >= 4
    for path in ("'projectArn'", "'datasetType'", f"'{S3}.bucket'"):
        assert path in text


def test_one_value_may_violate_two_constraints(lab):
    answer = lab.wire.post("ListDatasetEntries", changed("ListDatasetEntries", {"SourceRefContains": ""}))
    assert answer.message == ("2 validation errors detected: " + one("", "sourceRefContains", pattern(r".*\S.*")) + "; "
                              + one("", "sourceRefContains", at_least(1)))


@pytest.mark.parametrize("operation", VALID)
def test_valid_bodies_pass(lab, operation):
    """The rows above differ from a body that the validation lets through."""
    answer = lab.wire.post(operation, VALID[operation])
    assert answer.status == 200 or answer.type in ("ResourceNotFoundException", "InvalidParameterException")


TYPE_ROWS = [
    ("DescribeProjects", {"MaxResults": "5"}, "STRING_VALUE can not be converted to an Integer"),
    ("DescribeProjects", {"MaxResults": True}, "TRUE_VALUE can not be converted to an Integer"),
    ("DescribeProjects", {"MaxResults": False}, "FALSE_VALUE can not be converted to an Integer"),
    ("DescribeProjects", {"MaxResults": []}, "Start of list found where not expected"),
    ("DescribeProjects", {"MaxResults": {}}, "Start of structure or map found where not expected."),
    ("DescribeDataset", {"DatasetArn": 5}, "NUMBER_VALUE can not be converted to a String"),
    ("DescribeDataset", {"DatasetArn": 1.5}, "NUMBER_VALUE can not be converted to a String"),
    ("DescribeDataset", {"DatasetArn": True}, "TRUE_VALUE can not be converted to a String"),
    ("DescribeDataset", {"DatasetArn": False}, "FALSE_VALUE can not be converted to a String"),
    ("DescribeDataset", {"DatasetArn": [D_ARN]}, "Start of list found where not expected"),
    ("DescribeDataset", {"DatasetArn": {}}, "Start of structure or map found where not expected."),
    ("DescribeProjects", {"ProjectNames": "p"}, "Expected list or null"),
    ("CreateDataset", {"DatasetSource": "s"}, "Expected null"),
    ("CreateDataset", {"DatasetSource": []}, "Start of list found where not expected"),
]


@pytest.mark.parametrize("operation, change, message", TYPE_ROWS, ids=row_name)
def test_wrong_types(lab, operation, change, message):
    answer = lab.wire.post(operation, changed(operation, change))
    assert (answer.status, answer.json) == (400, {"__type": "SerializationException", "Message": message})


@pytest.mark.parametrize("operation, change", [
    ("ListDatasetEntries", {"Labeled": "yes"}), ("ListDatasetEntries", {"Labeled": 1}),
    ("ListDatasetEntries", {"HasErrors": []}), ("ListDatasetEntries", {"ContainsLabels": {"a": "b"}}),
    ("ListDatasetEntries", {"ContainsLabels": [1]}), ("DistributeDatasetEntries", {"Datasets": ["a", "b"]}),
    ("TagResource", {"Tags": "a"}), ("TagResource", {"Tags": []}), ("TagResource", {"Tags": {"a": 1}}),
    ("UpdateDatasetEntries", {"Changes": LINE}), ("UpdateDatasetEntries", {"Changes": {"GroundTruth": 1}}),
    ("UpdateDatasetEntries", {"Changes": {"GroundTruth": "not base64!"}}),
    ("UpdateDatasetEntries", {"Changes": {"GroundTruth": "YQ"}}),
    ("UpdateDatasetEntries", {"Changes": {"GroundTruth": "YQ=="[:3] + "\n="}}),
])
def test_other_wrong_types(lab, operation, change):
    answer = lab.wire.post(operation, changed(operation, change))
    assert (answer.status, answer.type) == (400, "SerializationException")
    assert set(answer.json) <= {"__type", "Message"}


def test_types_come_before_constraints(lab):
    answer = lab.wire.post("CreateProject", {"ProjectName": "a b", "Tags": 5})
    assert answer.type == "SerializationException"


def test_fractions_are_cut_and_null_is_absent(lab):
    for _ in range(2):
        lab.project()
    assert len(lab.wire.ask("DescribeProjects", {"MaxResults": 1.9})["ProjectDescriptions"]) == 1
    assert len(lab.wire.ask("DescribeProjects", {"MaxResults": None, "NextToken": None})["ProjectDescriptions"]) == 2
    assert lab.wire.post("CreateProject", b'{"ProjectName":null}').message \
        == f"1 validation error detected: {one(None, 'projectName', NULL)}"


@pytest.mark.parametrize("number", ["2147483648", "99999999999999999999", "1e10"])
def test_integers_past_32_bits_are_over_the_maximum(lab, number):
    answer = lab.wire.post("DescribeProjects", f'{{"MaxResults":{number}}}'.encode())
    assert (answer.status, answer.type) == (400, "ValidationException")
    assert "Member must have value less than or equal to 100" in answer.message


def test_unknown_members_are_ignored(lab):
    lab.wire.ask("CreateProject", {"ProjectName": "birds", "ClientToken": "x", "Unknown": {"a": [1, None, {}]}})
    assert len(lab.wire.ask("DescribeProjects", {"projectNames": ["other"]})["ProjectDescriptions"]) == 1


def test_lengths_are_code_points(lab):
    """255 four-byte letters are 255 letters."""
    answer = lab.wire.post("ListDatasetEntries", {"DatasetArn": D_ARN, "ContainsLabels": ["😀" * 255]})
    assert answer.type == "ResourceNotFoundException"
    answer = lab.wire.post("ListDatasetEntries", {"DatasetArn": D_ARN, "ContainsLabels": ["😀" * 256]})
    assert answer.type == "ValidationException"
