"""A server that dies, or only seems to, in the middle of a job: another takes the job over when the lease has run out,
and what comes of it is what would have come without."""
import signal
import subprocess
import time

import pytest

from harness import postgres
from harness.faults import DELAY, Board
from harness.lab import Lab, fresh_name
from harness.manifests import image_entry, many_lines
from harness.server import environment

LINES = 30_000
LEASE_SECONDS, ALLOWED_SECONDS = 10, 120  # the rest is the job itself, with sanitizers, on a busy machine
pytestmark = pytest.mark.slow


@pytest.fixture
def slow_node(start_node, tmp_path):
    """A server that takes its time over each block, and its board."""
    board = Board(tmp_path / fresh_name("board"))
    node = start_node(env=board.env, binary=board.binary)
    board.plan(DELAY, "step", what="INSERT INTO block", lasting=True, delay_ms=100)
    return node, board


def begin(lab, board):
    """A dataset whose ingest is in the middle."""
    dataset = lab.begin(many_lines("s3://images/", LINES))
    while board.fired < 20:
        time.sleep(0.05)
    return dataset


def check(node, lab, dataset):
    assert lab.stats(dataset) == (LINES, LINES, 2, 0)
    sources = lab.sources(dataset)
    assert len(sources) == LINES == len(set(sources))
    assert "0 jobs: all agrees" in node.placard("fsck").stdout


def test_killed_in_the_middle_of_an_ingest(start_node, slow_node):
    node, board = slow_node
    dataset = begin(Lab(node), board)
    other = start_node()
    node.kill()
    killed = time.monotonic()
    lab = Lab(other, dataset.split(":")[3])
    assert lab.status(dataset) == "CREATE_IN_PROGRESS"
    assert lab.stats(dataset)[0] == 0  # nothing half done is seen
    lab.wait_created(dataset)
    took = time.monotonic() - killed
    assert took < ALLOWED_SECONDS
    print(f"taken over and done {took:.1f} s after the kill; a lease is {LEASE_SECONDS} s")
    check(other, lab, dataset)


def test_stopped_and_awake_again_writes_nothing(start_node, slow_node):
    """To the others it was dead. When it wakes its claim is gone, and so is what it had not committed."""
    node, board = slow_node
    dataset = begin(Lab(node), board)
    other = start_node()
    lab = Lab(other, dataset.split(":")[3])
    node.signal(signal.SIGSTOP)
    try:
        lab.wait_created(dataset)
    finally:
        node.signal(signal.SIGCONT)
    board.clear()
    time.sleep(2)
    check(other, lab, dataset)
    lab.update(dataset, [image_entry("s3://images/0.jpg", "emu")])
    assert Lab(node, lab.region).describe(dataset) == lab.describe(dataset)
    assert "all agrees" in other.placard("fsck").stdout


def test_what_stands_still_in_a_copy_is_ended(start_node, slow_node):
    """A server that is stopped there holds its job's row, and the engine would wait for it for ever."""
    node, board = slow_node
    dataset = begin(Lab(node), board)
    node.kill()
    stuck = subprocess.Popen([postgres.programs() / "psql", node.store, "-X", "-q"], stdin=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env=environment(PGAPPNAME="placard"), text=True)
    try:
        stuck.stdin.write("BEGIN;\nUPDATE job SET cursor = cursor;\nCOPY rejected FROM STDIN;\n")
        stuck.stdin.flush()
        other = start_node()
        lab = Lab(other, dataset.split(":")[3])
        lab.wait_created(dataset)
        check(other, lab, dataset)
    finally:
        stuck.stdin.close()
        stuck.wait()


def test_a_slow_job_keeps_its_lease(start_node, slow_node):
    """It takes longer than a lease, and the other server never gets it."""
    node, board = slow_node
    board.plan(DELAY, "step", what="INSERT INTO block", lasting=True, delay_ms=12_000)
    lab = Lab(node)
    dataset = lab.begin([image_entry("s3://images/1.png", "cat")])
    while board.fired == 0:  # a server that is there already may be the one that claims it
        time.sleep(0.05)
    other = start_node()
    lab.wait_created(dataset)
    deadline = time.monotonic() + ALLOWED_SECONDS
    while "create-manifest" not in node.log():  # a line is written behind the commit
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "create-manifest" not in other.log()


@pytest.mark.parametrize("kind", ["update", "delete", "distribute", "copy"])
def test_killed_in_the_middle_of_another_job(start_node, tmp_path, kind):
    board = Board(tmp_path / "board")
    node = start_node(env=board.env, binary=board.binary)
    lab = Lab(node)
    train = lab.create(many_lines("s3://images/", 3000))
    project = train.split("/dataset/")[0].rsplit(":", 1)[0]
    assert project
    board.plan(DELAY, "step", what={"update": "UPDATE block", "delete": "DELETE FROM block", "copy": "INSERT INTO block",
                                    "distribute": "UPDATE block"}[kind], lasting=True, delay_ms=500)
    made = None
    if kind == "update":
        lab.begin_update(train, [image_entry(f"s3://images/{number}.jpg", "emu") for number in range(0, 3000, 7)])
    elif kind == "delete":
        lab.api.delete_dataset(DatasetArn=train)
    elif kind == "copy":
        made = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN",
                                      DatasetSource={"DatasetArn": train})["DatasetArn"]
    else:
        owner = next(each for each in lab.api.describe_projects()["ProjectDescriptions"]
                     if train in [one["DatasetArn"] for one in each["Datasets"]])["ProjectArn"]
        made = lab.create(project=owner, kind="TEST")
        lab.api.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": made}])
    while board.fired < 2:
        time.sleep(0.02)
    other = start_node()
    node.kill()
    lab = Lab(other, lab.region)
    if kind == "update":
        lab.wait_updated(train)
        assert lab.stats(train)[:2] == (3000, 3000)
        assert lab.labels(train)["emu"][0] == len(range(0, 3000, 7))
    elif kind == "delete":
        lab.wait_deleted(train)
    elif kind == "copy":
        lab.wait_created(made)
        assert sorted(lab.lines(made)) == sorted(lab.lines(train))
    else:
        lab.wait_updated(train)
        assert sorted(lab.sources(train) + lab.sources(made)) == sorted(f"s3://images/{n}.jpg" for n in range(3000))
    deadline = time.monotonic() + ALLOWED_SECONDS
    while "0 jobs: all agrees" not in other.placard("fsck").stdout:
        assert time.monotonic() < deadline
        time.sleep(0.2)
