"""The wall clock is set back and forward by nearly a day while the server runs: nothing hangs, nothing runs backwards.

The clock is tests/faults/wall_clock.c's; a day less ten minutes, for a signature may be a day off at most.
"""
import time

import pytest

from harness.faults import FAIL, Board
from harness.lab import Lab
from harness.manifests import image_entry, many_lines
from harness.server import Server
from harness.users import Users

DAY_MS = 86_400_000 - 600_000
LINES = 30_000
ENTRIES = [image_entry(f"s3://images/{number}.jpg", "cat") for number in range(20)]


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path / "board")


@pytest.fixture
def lab(board, tmp_path):
    server = Server(tmp_path / "data", ["--clock-skew-ms", "86400000"], binary=board.binary, env=board.env).start()
    yield Lab(server)
    server.ensure_stopped()


@pytest.mark.slow
@pytest.mark.parametrize("steps", [(-DAY_MS, 0), (DAY_MS, 0), (DAY_MS, -DAY_MS, 0)],
                         ids=["back and forth", "forth and back", "all over"])
def test_jobs_and_calls_go_on(lab, board, steps):
    arn = lab.begin(many_lines("s3://images/", LINES))
    for step in steps:
        time.sleep(0.1)
        board.set_clock(step)
        began = time.monotonic()
        lab.create(ENTRIES)
        lab.update(lab.create(ENTRIES), ENTRIES[:3])
        assert time.monotonic() - began < 30
    lab.wait_created(arn)
    assert lab.stats(arn) == (LINES, LINES, 2, 0)
    lab.server.placard("fsck")


@pytest.mark.slow
def test_a_postponed_job_does_not_wait_for_the_old_time(lab, board):
    """It failed and was put off by a second or two; then the clock goes back, and that moment is a day away."""
    board.plan(FAIL, "read", lasting=True)
    arn = lab.begin(ENTRIES)
    while board.fired < 3:
        time.sleep(0.01)
    board.set_clock(-DAY_MS)
    board.clear()
    began = time.monotonic()
    lab.wait_created(arn)
    assert time.monotonic() - began < 15


@pytest.mark.slow
def test_names_never_repeat_and_times_never_cross(lab, board):
    """ARNs hold the time of their making: rising ones, whatever the clock says. Nothing is changed before it is made."""
    arns, numbers = [], []
    for number, step in enumerate([0, -DAY_MS, 0, DAY_MS, 0]):
        board.set_clock(step)
        arns.append(lab.project(f"project-{number}"))
        dataset = lab.create(ENTRIES, project=arns[-1])
        numbers += [int(arns[-1].rsplit("/", 1)[1]), int(dataset.rsplit("/", 1)[1])]
        board.set_clock(step - 60_000)
        lab.update(dataset, ENTRIES[:2])
        description = lab.describe(dataset)
        assert description["LastUpdatedTimestamp"] >= description["CreationTimestamp"]
    assert numbers == sorted(set(numbers))
    listed = [row["ProjectArn"] for row in lab.api.describe_projects()["ProjectDescriptions"]]
    assert listed == arns[::-1]


def test_tokens_and_the_log_go_on(lab, board):
    arn = lab.create(ENTRIES)
    page = lab.api.list_dataset_entries(DatasetArn=arn, MaxResults=5)
    board.set_clock(-DAY_MS)
    assert len(lab.api.list_dataset_entries(DatasetArn=arn, NextToken=page["NextToken"])["DatasetEntries"]) == 15
    lab.api.describe_projects()
    deadline = time.monotonic() + 5
    while "operation=DescribeProjects" not in lab.server.log():
        assert time.monotonic() < deadline, "the log has fallen silent"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_session_ends_by_the_clock_that_is(lab, board):
    """Set forward, temporary credentials are over; set back, they are good again until their time has come."""
    users = Users(lab.server)
    session = users.session(users.key({"Effect": "Allow", "Action": "*", "Resource": "*"}), 3600)
    guest = Lab(lab.server, lab.region, session)
    guest.api.describe_projects()
    board.set_clock(DAY_MS)
    assert guest.wire.post("DescribeProjects", {}).type == "ExpiredTokenException"
    board.set_clock(0)
    guest.api.describe_projects()


def test_a_clock_too_far_off_is_said(board, tmp_path):
    """At the usual tolerance a client hears that the times differ, and nothing else breaks."""
    server = Server(tmp_path / "data", binary=board.binary, env=board.env).start()
    lab = Lab(server)
    board.set_clock(-DAY_MS)
    answer = lab.wire.post("DescribeProjects", {})
    assert answer.status == 400 and answer.type == "InvalidSignatureException" and "not yet current" in answer.message
    board.set_clock(0)
    assert lab.wire.post("DescribeProjects", {}).status == 200
    server.stop()
