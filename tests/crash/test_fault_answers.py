"""What a client hears when the engine or the object store fails at the first, second … call of its request.

Each answer is 200 and the effect is whole, or InternalServerError and nothing has changed; and the next try succeeds.
The jobs behind the calls, and kills, are swept by tests/faults/test_sweep.c.
"""
import itertools
import threading
import time

import pytest

from harness.faults import DELAY, FAIL, Board
from harness.lab import Lab
from harness.manifests import image_entry
from harness.server import Server

ENTRIES = [image_entry(f"s3://images/{number}.jpg", "cat" if number % 2 else "dog") for number in range(12)]
KINDS = ["begin", "step", "commit", "stat"]
PLAYS_MOST = 60


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    board = Board(folder / "board")
    server = Server(folder / "data", binary=board.binary, env=board.env).start()
    yield server, board
    server.ensure_stopped()


@pytest.fixture
def stage(faulty):
    return Stage(*faulty)


class Stage:
    def __init__(self, server, board):
        self.board = board
        self.lab = Lab(server)
        self.numbers = itertools.count()
        self.source = self.lab.source(ENTRIES)

    def fresh(self):
        return f"project-{next(self.numbers)}"

    def plan(self, kind, nth):
        """Lays the plan when the runner sleeps, so that the calls counted are the request's."""
        before = None
        while before != (before := [self.board.seen(each) for each in ["begin", "step", "commit", "checkpoint"]]):
            time.sleep(0.03)
        self.board.plan(FAIL, kind, nth)

    def projects(self):
        pages = self.lab.api.get_paginator("describe_projects").paginate()
        return {row["ProjectArn"]: {dataset["DatasetArn"]: dataset["Status"] for dataset in row.get("Datasets", [])}
                for page in pages for row in page["ProjectDescriptions"]}

    def full(self, project=None):
        return self.lab.create(ENTRIES, project=project)


# Each gives the body of a call and a function that sees whether it has had its effect.

def create_project(stage):
    name = stage.fresh()
    return {"ProjectName": name}, lambda: any(f"/{name}/" in arn for arn in stage.projects())


def delete_project(stage):
    arn = stage.lab.project(stage.fresh())
    return {"ProjectArn": arn}, lambda: arn not in stage.projects()


def create_dataset(stage):
    arn = stage.lab.project(stage.fresh())
    return ({"ProjectArn": arn, "DatasetType": "TRAIN", "DatasetSource": stage.source},
            lambda: bool(stage.projects()[arn]))


def update_entries(stage):
    arn = stage.full()

    def changed():
        stage.lab.wait_while(arn, "UPDATE_IN_PROGRESS")
        return stage.lab.stats(arn)[0] == 13
    return {"DatasetArn": arn, "Changes": {"GroundTruth": "eyJzb3VyY2UtcmVmIjoiczM6Ly9pbWFnZXMvbmV3LmpwZyJ9"}}, changed


def distribute(stage):
    project = stage.lab.project(stage.fresh())
    train, test = stage.full(project), stage.lab.create(project=project, kind="TEST")

    def moved():
        stage.lab.wait_while(test, "UPDATE_IN_PROGRESS")
        return stage.lab.stats(train)[0] + stage.lab.stats(test)[0] == 12 and stage.lab.stats(test)[0] > 0
    return {"Datasets": [{"Arn": train}, {"Arn": test}]}, moved


def delete_dataset(stage):
    project = stage.lab.project(stage.fresh())
    arn = stage.lab.create(project=project)
    return {"DatasetArn": arn}, lambda: stage.projects()[project].get(arn, "DELETE_IN_PROGRESS") == "DELETE_IN_PROGRESS"


def tag(stage):
    arn = stage.lab.project(stage.fresh())
    return ({"ResourceArn": arn, "Tags": {"a": "1", "b": "2"}},
            lambda: stage.lab.api.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"a": "1", "b": "2"})


def untag(stage):
    arn = stage.lab.project(stage.fresh())
    stage.lab.api.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    return ({"ResourceArn": arn, "TagKeys": ["a", "b"]},
            lambda: stage.lab.api.list_tags_for_resource(ResourceArn=arn)["Tags"] == {})


WRITES = {"CreateProject": create_project, "DeleteProject": delete_project, "CreateDataset": create_dataset,
          "UpdateDatasetEntries": update_entries, "DistributeDatasetEntries": distribute,
          "DeleteDataset": delete_dataset, "TagResource": tag, "UntagResource": untag}
READS = ["DescribeProjects", "ListDatasetEntries", "ListDatasetLabels", "ListTagsForResource"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", WRITES)
def test_a_write_is_whole_or_refused(stage, operation, kind):
    refused = 0
    for nth in range(1, PLAYS_MOST):
        body, happened = WRITES[operation](stage)
        assert not happened()
        stage.plan(kind, nth)
        answer = stage.lab.wire.post(operation, body)
        fired = stage.board.fired
        stage.board.clear()
        if answer.status == 200:
            assert happened(), (operation, kind, nth)
        else:
            assert (answer.status, answer.type, answer.message) == (500, "InternalServerError", "Internal server error")
            assert fired == 1 and not happened(), (operation, kind, nth)
            refused += 1
            assert stage.lab.wire.post(operation, body).status == 200 and happened()
        if not fired:
            break
    else:
        pytest.fail("the calls do not come to an end")
    assert refused > 0 or (kind == "stat" and operation != "CreateDataset")


@pytest.mark.parametrize("kind", ["begin", "step"])
@pytest.mark.parametrize("operation", READS)
def test_a_read_is_whole_or_refused(stage, operation, kind):
    arn = stage.full()
    body = {"DescribeProjects": {}, "ListTagsForResource": {"ResourceArn": arn}}.get(operation, {"DatasetArn": arn})
    expected = stage.lab.wire.ask(operation, body)
    for nth in range(1, PLAYS_MOST):
        stage.plan(kind, nth)
        answer = stage.lab.wire.post(operation, body)
        fired = stage.board.fired
        stage.board.clear()
        if not fired:
            assert answer.json == expected
            break
        assert (answer.status, answer.type) == (500, "InternalServerError"), (operation, kind, nth)
    assert nth > 1


def test_a_slow_engine_holds_no_other_reader_up(stage):
    """One call that waits inside a commit: descriptions and lists are answered meanwhile."""
    arn = stage.full()
    stage.board.plan(DELAY, "commit", delay_ms=1500, what="project_create")
    slow = threading.Thread(target=stage.lab.wire.post, args=("CreateProject", {"ProjectName": stage.fresh()}))
    slow.start()
    began = time.monotonic()
    while not stage.board.fired and time.monotonic() - began < 5:
        time.sleep(0.01)
    began = time.monotonic()
    for _ in range(3):
        stage.lab.describe(arn)
        assert len(stage.lab.lines(arn)) == 12
    assert slow.is_alive() and time.monotonic() - began < 1.5
    slow.join()
    stage.board.clear()


def test_everything_agrees_afterwards(stage):
    stage.lab.server.placard("fsck")
