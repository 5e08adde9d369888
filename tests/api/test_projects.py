"""CreateProject, DescribeProjects, DeleteProject (spec B.1.1, B.2)."""
import re
import time

import pytest

from harness.lab import Lab, error_of, fresh_name

ARN = re.compile(r"arn:aws:rekognition:([a-z\d-]+):(\d{12}):project/([a-zA-Z0-9_.\-]{1,255})/([0-9]+)")


def described(lab, **filters):
    return lab.api.describe_projects(**filters)["ProjectDescriptions"]


def names(descriptions):
    return [ARN.fullmatch(description["ProjectArn"]).group(3) for description in descriptions]


def test_arn_names_region_account_project_and_moment(lab):
    before = time.time()
    arn = lab.project("birds.of_the-North")
    region, account, name, moment = ARN.fullmatch(arn).groups()
    assert (region, account, name) == (lab.region, lab.key.account, "birds.of_the-North")
    assert before - 1 <= int(moment) / 1000 <= time.time() + 1
    created = described(lab)[0]["CreationTimestamp"].timestamp()
    assert round(created * 1000) == int(moment)


def test_created_project_is_described_whole(lab):
    arn = lab.project("birds")
    answer = lab.wire.ask("DescribeProjects", {})
    [project] = answer["ProjectDescriptions"]
    assert set(answer) == {"ProjectDescriptions"}
    assert set(project) == {"ProjectArn", "CreationTimestamp", "Status", "Datasets", "Feature"}
    assert (project["ProjectArn"], project["Status"], project["Datasets"]) == (arn, "CREATED", [])
    assert project["Feature"] == "CUSTOM_LABELS"


@pytest.mark.parametrize("name", ["a", "x" * 255, "A-Z_a.z-0.9"])
def test_names_at_the_bounds(lab, name):
    assert ARN.fullmatch(lab.project(name)).group(3) == name


def test_name_taken(lab):
    lab.project("birds")
    code, _ = error_of(lab.project, "birds")
    assert code == "ResourceInUseException"
    assert names(described(lab)) == ["birds"]


def test_name_differing_in_case_is_free(lab):
    lab.project("birds")
    lab.project("Birds")
    assert sorted(names(described(lab))) == ["Birds", "birds"]


def test_same_name_in_another_region(lab, server):
    other = Lab(server)
    assert lab.project("birds") != other.project("birds")
    assert len(described(lab)) == len(described(other)) == 1


def test_identifiers_are_unique_when_made_at_once(lab):
    moments = [ARN.fullmatch(lab.project()).group(4) for _ in range(10)]
    assert len(set(moments)) == 10
    assert [int(moment) for moment in moments] == sorted(int(moment) for moment in moments)


def test_feature_custom_labels_is_the_default_said_aloud(lab):
    lab.wire.ask("CreateProject", {"ProjectName": "birds", "Feature": "CUSTOM_LABELS"})
    assert names(described(lab)) == ["birds"]


@pytest.mark.parametrize("more", [
    {"Feature": "CONTENT_MODERATION", "AutoUpdate": "ENABLED"},
    {"Feature": "CONTENT_MODERATION"},
    {"AutoUpdate": "DISABLED"},
    {"Feature": "CUSTOM_LABELS", "AutoUpdate": "ENABLED"},
])
def test_adapters_are_not_served(lab, more):
    answer = lab.wire.post("CreateProject", {"ProjectName": "birds", **more})
    assert (answer.status, answer.type) == (400, "InvalidParameterException")
    assert described(lab) == []


def test_tags_at_creation(lab):
    arn = lab.wire.ask("CreateProject", {"ProjectName": "birds", "Tags": {"team": "north", "empty": ""}})["ProjectArn"]
    assert lab.api.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "north", "empty": ""}


def test_no_projects(lab):
    assert lab.wire.ask("DescribeProjects", {}) == {"ProjectDescriptions": []}


def test_newest_first(lab):
    made = [lab.project() for _ in range(4)]
    assert [project["ProjectArn"] for project in described(lab)] == made[::-1]


def test_select_by_name(lab):
    for name in ("ants", "bees", "cats"):
        lab.project(name)
    assert names(described(lab, ProjectNames=["ants", "cats"])) == ["cats", "ants"]
    assert names(described(lab, ProjectNames=["bees", "unknown"])) == ["bees"]
    assert names(described(lab, ProjectNames=["bees", "bees"])) == ["bees"]
    assert described(lab, ProjectNames=["unknown"]) == []
    assert names(described(lab, ProjectNames=["BEES"])) == []


@pytest.mark.parametrize("features, count", [
    (["CUSTOM_LABELS"], 1), (["CONTENT_MODERATION"], 0), (["CONTENT_MODERATION", "CUSTOM_LABELS"], 1),
])
def test_select_by_feature(lab, features, count):
    lab.project()
    assert len(lab.wire.ask("DescribeProjects", {"Features": features})["ProjectDescriptions"]) == count


def test_datasets_of_a_project_in_creation_order(lab):
    project = lab.project("birds")
    test = lab.create(project=project, kind="TEST")
    train = lab.create([{"source-ref": lab.bucket.image(1)}], project=project)
    [description] = lab.wire.ask("DescribeProjects", {})["ProjectDescriptions"]
    assert [dataset["DatasetArn"] for dataset in description["Datasets"]] == [test, train]
    for dataset, kind, message in zip(
            description["Datasets"], ("TEST", "TRAIN"),
            ("The dataset was successfully created.",
             "The dataset was successfully created from the manifest file.")):
        assert set(dataset) == {"CreationTimestamp", "DatasetType", "DatasetArn", "Status", "StatusMessage",
                                "StatusMessageCode"}
        assert (dataset["DatasetType"], dataset["Status"]) == (kind, "CREATE_COMPLETE")
        assert (dataset["StatusMessage"], dataset["StatusMessageCode"]) == (message, "SUCCESS")


def test_pages(lab):
    made = [lab.project() for _ in range(5)]
    seen, tokens, token = [], set(), None
    while True:
        more = {"NextToken": token} if token else {}
        answer = lab.api.describe_projects(MaxResults=2, **more)
        seen.append([project["ProjectArn"] for project in answer["ProjectDescriptions"]])
        if "NextToken" not in answer:
            break
        token = answer["NextToken"]
        assert token not in tokens and len(token) <= 1024
        tokens.add(token)
    assert [len(page) for page in seen] == [2, 2, 1]
    assert sum(seen, []) == made[::-1]


def test_no_token_when_the_last_page_is_full(lab):
    for _ in range(2):
        lab.project()
    assert "NextToken" not in lab.api.describe_projects(MaxResults=2)


def test_paging_is_steady_while_projects_come_and_go(lab):
    made = [lab.project(f"p{number}") for number in range(4)]
    first = lab.api.describe_projects(MaxResults=2)
    lab.project("late")
    lab.api.delete_project(ProjectArn=made[3])
    lab.wait_project_gone("p3")
    rest = lab.api.describe_projects(MaxResults=100, NextToken=first["NextToken"])
    assert names(rest["ProjectDescriptions"]) == ["p1", "p0"]


def test_delete(lab):
    arn = lab.project("birds")
    assert lab.api.delete_project(ProjectArn=arn)["Status"] == "DELETING"
    lab.wait_project_gone("birds")
    assert error_of(lab.api.delete_project, ProjectArn=arn)[0] == "ResourceNotFoundException"
    assert error_of(lab.begin, project=arn)[0] == "ResourceNotFoundException"
    assert lab.project("birds") != arn


def test_delete_unknown(lab):
    arn = lab.arn("project/nobody/1690476084535")
    assert error_of(lab.api.delete_project, ProjectArn=arn)[0] == "ResourceNotFoundException"


def test_delete_needs_the_right_number(lab):
    arn = lab.project("birds")
    wrong = re.sub(r"\d+$", lambda match: str(int(match.group()) + 1), arn)
    assert error_of(lab.api.delete_project, ProjectArn=wrong)[0] == "ResourceNotFoundException"
    assert names(described(lab)) == ["birds"]


def test_delete_with_datasets(lab):
    project = lab.project("birds")
    dataset = lab.create(project=project)
    assert error_of(lab.api.delete_project, ProjectArn=project)[0] == "ResourceInUseException"
    lab.api.delete_dataset(DatasetArn=dataset)
    lab.wait_deleted(dataset)
    lab.api.delete_project(ProjectArn=project)
    lab.wait_project_gone("birds")


@pytest.mark.parametrize("operation, body", [
    ("DeleteProject", {}),
    ("CreateDataset", {"DatasetType": "TRAIN"}),
])
def test_arn_of_another_partition(lab, operation, body):
    name = fresh_name("birds")
    arn = lab.project(name).replace("arn:aws:", "arn:aws-cn:")
    answer = lab.wire.post(operation, {"ProjectArn": arn, **body})
    assert (answer.status, answer.type) == (400, "InvalidParameterException")
    assert "aws-cn" in answer.message
    assert names(described(lab)) == [name]


@pytest.mark.parametrize("place", ["region", "account"])
def test_arn_of_another_place(lab, place):
    arn = lab.project("birds")
    other = {"region": arn.replace(lab.region, "eu-west-1"), "account": arn.replace(lab.key.account, "999999999999")}
    assert error_of(lab.api.delete_project, ProjectArn=other[place])[0] == "ResourceNotFoundException"
