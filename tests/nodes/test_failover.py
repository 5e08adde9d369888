"""The database of several servers fails over to a streaming replica: what was answered is there, for a commit is answered
when the replica has it, and servers find by themselves the one that takes writes."""
import time

import pytest

from harness import postgres
from harness.faults import DELAY, Board
from harness.lab import Lab
from harness.manifests import image_entry
from nodes.test_database_faults import LINES, Callers

pytestmark = pytest.mark.slow
BACK_SECONDS = 30


class Pair:
    """A primary and its standby, as servers are told of them: one place with two hosts."""

    def __init__(self, primary, standby):
        self.primary, self.standby = primary, standby
        self.name = None

    def database(self):
        self.name = self.primary.database().rsplit("/", 1)[1]
        hosts = ",".join(f"{cluster.host}:{cluster.port}" for cluster in (self.primary, self.standby))
        return f"postgres://placard@{hosts}/{self.name}?target_session_attrs=read-write"

    def sql(self, text):
        return self.primary.sql(self.primary.place(self.name), text)


@pytest.fixture
def pair(durable):
    with postgres.Standby(durable) as standby:
        both = Pair(durable, standby)
        both.database()
        # behind the copy, so that the standby does not wait for one of its own when it is promoted
        both.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        both.sql("SELECT pg_reload_conf()")
        deadline = time.monotonic() + BACK_SECONDS
        while both.sql("SELECT sync_state FROM pg_stat_replication") != [["sync"]]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield both


def test_a_replica_takes_over(start_node, pair, tmp_path):
    board = Board(tmp_path / "board")
    board.plan(DELAY, "step", what="INSERT INTO block", lasting=True, delay_ms=20)
    nodes = [start_node(cluster=pair, env=board.env, binary=board.binary) for _ in range(2)]
    labs = [Lab(nodes[0])]
    labs.append(Lab(nodes[1], labs[0].region))
    with Callers(labs * 2) as callers:
        dataset = callers.begin(LINES)
        while board.fired < 20:
            time.sleep(0.02)
        before = len(callers.made)
        assert labs[0].status(dataset) == "CREATE_IN_PROGRESS"
        pair.primary.crash()
        lost = time.monotonic()
        pair.standby.promote()
        promoted = time.monotonic()
        kept = len(callers.made)
        while len(callers.made) < kept + 20:
            assert time.monotonic() < promoted + BACK_SECONDS
            time.sleep(0.01)
        back = time.monotonic()
    print(f"promoted {promoted - lost:.1f} s after the loss, calls went on {back - promoted:.1f} s later; "
          f"{len(callers.made)} answered, {len(callers.refused)} refused")
    assert before > 0
    labs[1].wait_created(dataset)
    assert labs[1].stats(dataset) == (LINES, LINES, 2, 0)
    sources = labs[1].sources(dataset)
    assert len(sources) == len(set(sources)) == LINES
    callers.check()
    labs[0].update(dataset, [image_entry("s3://images/1.jpg", "emu")])
    assert labs[1].stats(dataset)[0] == LINES
    for node in nodes:
        assert "0 jobs: all agrees" in node.placard("fsck").stdout
