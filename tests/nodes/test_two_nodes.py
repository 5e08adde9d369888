"""Two servers on one PostgreSQL: what one has said the other knows, and what both do at once comes out as one after the
other."""
import re
import threading
import time
import urllib.request

import pytest

from harness.clients import boto_client
from harness.lab import Lab, error_of, fresh_name
from harness.manifests import image_entry
from harness.users import parse_key

HEARD_SECONDS = 5  # a pulse is a second; the rest is for a busy machine


@pytest.fixture
def nodes(start_node):
    return start_node(), start_node()


@pytest.fixture
def labs(nodes):
    a = Lab(nodes[0])
    return a, Lab(nodes[1], a.region)


def at_once(*works):
    """Runs them on threads that begin together; the outcomes, or what they raised."""
    outcomes = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(number, work):
        start.wait()
        try:
            outcomes[number] = work()
        except Exception as error:  # pylint: disable=broad-except
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def soon(question):
    """Until it is so, for as long as news may take."""
    deadline = time.monotonic() + HEARD_SECONDS
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_one_says_the_other_knows_at_once(labs):
    a, b = labs
    for round_ in range(10):
        project = a.project()
        assert project in [each["ProjectArn"] for each in b.api.describe_projects()["ProjectDescriptions"]]
        dataset = a.create([image_entry(a.bucket.image(number), "cat") for number in range(round_ * 30 + 1)],
                           project=project)
        assert b.describe(dataset) == a.describe(dataset)
        assert b.lines(dataset) == a.lines(dataset)
        b.update(dataset, [image_entry(a.bucket.image(9999), "emu")])
        assert a.stats(dataset)[0] == round_ * 30 + 2
        b.api.tag_resource(ResourceArn=dataset, Tags={"round": str(round_)})
        assert a.api.list_tags_for_resource(ResourceArn=dataset)["Tags"] == {"round": str(round_)}
        a.api.delete_dataset(DatasetArn=dataset)
        assert error_of(b.api.update_dataset_entries, DatasetArn=dataset,
                        Changes={"GroundTruth": b"{}"})[0] in ("ResourceInUseException", "ResourceNotFoundException")
        a.wait_deleted(dataset)
        assert error_of(b.describe, dataset)[0] == "ResourceNotFoundException"


def test_a_page_token_holds_everywhere(labs):
    a, b = labs
    dataset = a.create([image_entry(a.bucket.image(number), "cat") for number in range(25)])
    seen, token, turn = [], None, 0
    while True:
        more = {"NextToken": token} if token else {}
        page = (a, b)[turn % 2].api.list_dataset_entries(DatasetArn=dataset, MaxResults=4, **more)
        seen += page["DatasetEntries"]
        token, turn = page.get("NextToken"), turn + 1
        if not token:
            break
    assert seen == a.lines(dataset) and turn > 4


def accepted(node, region, key):
    try:
        boto_client(node, region, key).describe_projects()
        return True
    except Exception as error:  # pylint: disable=broad-except
        assert "UnrecognizedClient" in str(error) or "security token" in str(error), error
        return False


def test_keys_and_sessions_reach_the_other(nodes, labs):
    region = labs[0].region
    key = parse_key(nodes[0].admin("keys", "create", "--account", "000000000042").stdout, "000000000042")
    soon(lambda: accepted(nodes[1], region, key))
    session = parse_key(nodes[1].admin("keys", "session", key.access).stdout, "000000000042")
    soon(lambda: accepted(nodes[0], region, session))
    nodes[0].admin("keys", "disable", key.access)
    assert not accepted(nodes[0], region, key)
    soon(lambda: not accepted(nodes[1], region, key) and not accepted(nodes[1], region, session))
    nodes[1].admin("buckets", "assign", "photos", "000000000042")
    assert "photos" in nodes[0].admin("buckets", "list").stdout


def test_they_have_one_root_key(start_node):
    a, b = start_node(root_key=None), start_node(root_key=None)
    texts = [(node.data / "credentials").read_text(encoding="utf-8") for node in (a, b)]
    assert texts[0] == texts[1] and "aws_secret_access_key" in texts[0]
    b.stop()
    (b.data / "credentials").write_text(re.sub("AKIA....", "AKIAAAAA", texts[1]), encoding="utf-8")
    with pytest.raises(AssertionError, match="another root key than the servers that share"):
        b.start()


def test_one_name_is_given_once(labs):
    for _ in range(10):
        name = fresh_name("same")
        outcomes = at_once(*[lambda lab=lab: lab.project(name) for lab in labs * 2])
        won = [each for each in outcomes if isinstance(each, str)]
        assert len(won) == 1, outcomes
        assert all("ResourceInUseException" in str(each) for each in outcomes if not isinstance(each, str)), outcomes


def test_many_creations_at_once_all_succeed(labs):
    """All of them draw their number from one row: those that meet are done again, and no client sees it."""
    def some(lab):
        return [lab.project() for _ in range(25)]
    outcomes = at_once(*[lambda lab=lab: some(lab) for lab in labs * 2])
    assert all(isinstance(each, list) for each in outcomes), outcomes
    arns = sum(outcomes, [])
    assert len({arn.rsplit("/", 1)[1] for arn in arns}) == 100


def test_a_quota_holds_against_both(labs):
    """Each call reads how many tags there are and writes more: on their own both would find room."""
    project = labs[0].project()

    def tag(lab, prefix):
        for number in range(40):
            lab.api.tag_resource(ResourceArn=project, Tags={f"{prefix}{number}": "x"})

    outcomes = at_once(lambda: tag(labs[0], "a"), lambda: tag(labs[1], "b"))
    tags = labs[0].api.list_tags_for_resource(ResourceArn=project)["Tags"]
    assert len(tags) == 50
    assert all("ServiceQuotaExceededException" in str(each) or each is None for each in outcomes), outcomes


def test_a_project_is_deleted_or_gets_a_dataset(labs):
    for _ in range(10):
        project = labs[0].project()
        outcomes = at_once(lambda p=project: labs[0].api.delete_project(ProjectArn=p),
                           lambda p=project: labs[1].api.create_dataset(ProjectArn=p, DatasetType="TRAIN"))
        failed = [each for each in outcomes if isinstance(each, Exception)]
        assert len(failed) == 1, outcomes
        assert "ResourceInUse" in str(failed[0]) or "ResourceNotFound" in str(failed[0]), failed


def test_jobs_of_both_and_all_agrees(nodes, labs):
    """Datasets are made, changed, copied and deleted through both while both do the jobs."""
    def some(lab, other):
        for number in range(6):
            dataset = lab.create([image_entry(f"s3://images/{each}.png", "cat") for each in range(200)])
            other.update(dataset, [image_entry(f"s3://images/{number}.png", "dog")])
            copy = other.copy(dataset)
            lab.api.delete_dataset(DatasetArn=dataset)
            other.wait_created(copy)
            assert lab.stats(copy) == (200, 200, 2, 0)
            lab.wait_deleted(dataset)
    outcomes = at_once(*[lambda pair=pair: some(*pair) for pair in [labs, labs[::-1]] * 2])
    assert outcomes == [None] * 4
    assert "all agrees" in nodes[0].placard("fsck").stdout


def status_of(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_roles(start_node):
    """A server without ingest promises and does not do; one without api does and does not promise."""
    api = start_node("--roles", "api")
    lab = Lab(api)
    dataset = lab.begin([image_entry("s3://images/1.png", "cat")])
    time.sleep(2)
    assert lab.status(dataset) == "CREATE_IN_PROGRESS"
    worker = start_node("--roles", "ingest")
    lab.wait_created(dataset)
    assert status_of(worker.url + "/healthz") == 200
    assert Lab(worker).wire.post("DescribeProjects", {}).status == 404


def test_a_role_that_is_none(start_node):
    with pytest.raises(AssertionError, match="none of api, ingest, train, detect"):
        start_node("--roles", "api,everything")


def test_backup_names_the_engine_s_tool(start_node, tmp_path):
    node = start_node()
    refused = node.placard("backup", tmp_path / "copy", check=False)
    assert refused.returncode != 0 and "pg_dump" in refused.stderr
    refused = node.placard("restore", tmp_path / "conftest.py", check=False)
    assert refused.returncode != 0
