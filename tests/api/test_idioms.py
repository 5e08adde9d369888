"""The checklist of client idioms that break naive servers (spec H): one test each, by its number there.

What concerns models and training (parts of 3 and 5, all of 9, 10 and 16) has no operation to be tested with.
"""
import http.client
import json
import re

import pytest

from harness.clients import boto_client
from harness.lab import error_of
from harness.manifests import compact, image_entry, many_lines


@pytest.fixture
def arn(lab):
    return lab.create([image_entry(lab.bucket.image(number), "cat") for number in range(3)])


def test_1_empty_token_begins_and_absence_ends(lab, arn):
    first = lab.api.list_dataset_entries(DatasetArn=arn, NextToken="", MaxResults=2)
    assert len(first["DatasetEntries"]) == 2
    last = lab.api.list_dataset_entries(DatasetArn=arn, NextToken=first["NextToken"], MaxResults=2)
    assert len(last["DatasetEntries"]) == 1
    assert "NextToken" not in last


def test_2_has_errors_false_is_no_filter(lab):
    broken = image_entry(lab.bucket.image(1), "cat")
    broken["attribute-0-metadata"]["type"] = "groundtruth/wrongtype"
    arn = lab.create([broken, image_entry(lab.bucket.image(2), "cat")])
    assert len(lab.lines(arn, HasErrors=False)) == len(lab.lines(arn)) == 2


def test_3_members_that_samples_index_are_always_there(lab):
    assert lab.wire.ask("DescribeProjects", {})["ProjectDescriptions"] == []
    project = lab.project()
    assert lab.wire.ask("DescribeProjects", {})["ProjectDescriptions"][0]["Datasets"] == []
    assert lab.wire.ask("ListTagsForResource", {"ResourceArn": project})["Tags"] == {}
    arn = lab.begin(many_lines(f"s3://{lab.bucket.name}/", 1_000), project=project)
    for _ in range(20):
        description = lab.wire.ask("DescribeDataset", {"DatasetArn": arn})["DatasetDescription"]
        assert description["StatusMessage"] and description["StatusMessageCode"]
        assert len(description["DatasetStats"]) == 4
    lab.wait_created(arn)
    assert lab.wire.ask("ListDatasetEntries", {"DatasetArn": arn, "HasErrors": True})["DatasetEntries"] == []


def test_4_progress_shows_before_the_answer(lab, arn):
    """A sample takes CREATE_COMPLETE right after an update for a failure."""
    for _ in range(10):
        lab.begin_update(arn, [image_entry(lab.bucket.image(1), "dog")])
        assert lab.status(arn) in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
        lab.wait_updated(arn)


def test_5_deleted_dataset_is_not_found_and_deleted_project_an_empty_list(lab):
    project = lab.project("birds")
    arn = lab.create(project=project)
    lab.api.delete_dataset(DatasetArn=arn)
    lab.wait_deleted(arn)
    lab.api.delete_project(ProjectArn=project)
    lab.wait_project_gone("birds")
    with pytest.raises(lab.api.exceptions.ResourceNotFoundException):
        lab.describe(arn)
    assert lab.api.describe_projects(ProjectNames=["birds"])["ProjectDescriptions"] == []


def test_6_the_code_is_in_the_body(lab):
    answer = lab.wire.post("DescribeDataset", {"DatasetArn": lab.arn("project/p/dataset/train/1690476084535")})
    assert answer.type == "ResourceNotFoundException"
    with pytest.raises(lab.api.exceptions.ResourceNotFoundException):
        lab.describe(lab.arn("project/p/dataset/train/1690476084535"))


def test_7_forms_of_an_arn(lab):
    project = lab.project("birds")
    for kind in ("TRAIN", "TEST"):
        arn = lab.create(project=project, kind=kind)
        assert re.fullmatch(rf"arn:aws:rekognition:{lab.region}:{lab.key.account}:project/birds/dataset/"
                            rf"{kind.lower()}/[0-9]+", arn)
    [described] = lab.api.describe_projects()["ProjectDescriptions"]
    assert {row["DatasetType"] for row in described["Datasets"]} == {"TRAIN", "TEST"}
    assert project.split("/")[1] == "birds", "samples cut the name out of the ARN"


def test_8_no_retried_code_for_a_permanent_condition(lab):
    """A client in standard mode gives up at once on what will not change."""
    client = boto_client(lab.server, lab.region, retries={"mode": "standard", "max_attempts": 3})
    name = "birds"
    client.create_project(ProjectName=name)
    for call, arguments in (
            (client.create_project, {"ProjectName": name}),
            (client.describe_dataset, {"DatasetArn": lab.arn("project/p/dataset/train/1690476084535")}),
            (client.create_project, {"ProjectName": "a b"})):
        with pytest.raises(client.exceptions.ClientError) as caught:
            call(**arguments)
        assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_11_long_work_is_never_inside_the_request(lab):
    client = boto_client(lab.server, lab.region, read_timeout=5)
    source = lab.source(many_lines(f"s3://{lab.bucket.name}/", 30_000))
    arn = client.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    assert lab.status(arn) == "CREATE_IN_PROGRESS"
    lab.wait_created(arn)


def test_13_connections_are_reused_and_stay_in_step(lab):
    """An error answered early leaves none of the refused body in the next request's way."""
    connection = http.client.HTTPConnection("127.0.0.1", lab.server.port, timeout=30)
    for number in range(6):
        body = json.dumps({"ProjectNames": ["x" * 200_000]} if number % 2 else {}).encode()
        request = lab.wire.signed("DescribeProjects", body)
        connection.request("POST", "/", body, dict(request.headers.items()))
        response = connection.getresponse()
        assert response.status == (400 if number % 2 else 200)
        response.read()
    assert connection.sock is not None
    connection.close()


def test_14_numbers_parse_everywhere(lab, arn):
    body = lab.wire.post("DescribeDataset", {"DatasetArn": arn}).body.decode()
    numbers = re.findall(r":\s*([-+.\w]+)(?=[,}])", body)
    assert len(numbers) == 6
    for number in numbers:
        assert re.fullmatch(r"\d+(\.\d+)?", number), number


def test_15_pages_of_one(lab, arn):
    answers = list(lab.api.get_paginator("list_dataset_entries").paginate(
        DatasetArn=arn, PaginationConfig={"PageSize": 1}))
    assert [len(answer["DatasetEntries"]) for answer in answers] == [1, 1, 1]


def test_entries_fit_the_pattern_of_the_model(lab):
    """`^\\{.*\\}$`, where the dot takes no newline."""
    entry = image_entry(lab.bucket.image(1), "cat")
    arn = lab.create(b"  " + compact(entry).encode() + b"\t\r\n")
    [line] = lab.lines(arn)
    assert re.fullmatch(r"\{.*\}", line)


def test_unknown_dataset_in_every_operation_is_not_found(lab):
    arn = lab.arn("project/p/dataset/train/1690476084535")
    for call in (lab.describe, lab.lines, lab.labels):
        assert error_of(call, arn)[0] == "ResourceNotFoundException"
