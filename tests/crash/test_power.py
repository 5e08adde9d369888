"""The power fails: what was not synced is lost, reordered or torn, and everything acknowledged stands.

The disk is tests/faults/power.c; what it may keep of the unsynced writes is drawn anew at each loss. The clients, their
model and the checks are the torture's.
"""
import os
import time

import pytest

from crash.torture_epoch import Epoch, cuts_of
from harness.faults import Board
from harness.lab import Lab, fresh_region
from harness.server import Server

SEED = int(os.environ.get("TORTURE_SEED", time.time() // 86400))
EPOCHS, CUTS = 3, 8


@pytest.mark.slow
@pytest.mark.parametrize("number", range(EPOCHS))
def test_acknowledged_data_stands(number, tmp_path):
    epoch = Epoch(SEED + number, tmp_path, cuts_of(SEED + number, CUTS), print, power=True)
    epoch.run()
    assert sum(1 for _, kind in epoch.killed_at if kind and kind.startswith("disk")) >= CUTS // 2


@pytest.mark.parametrize("lies", [False, True], ids=["honest disk", "lying disk"])
def test_what_is_acknowledged_is_synced(tmp_path, lies):
    """The same in small: the power fails right behind the answer. A disk whose syncs do nothing shows that the check can
    fail: there it is lost."""
    board = Board(tmp_path / "board")
    server = Server(tmp_path / "data", binary=board.binary, env={**board.env, "FAULT_POWER": "1"}).start()
    region = fresh_region()
    names = []
    for number in range(4):
        lab = Lab(server, region)
        names.append(lab.project(f"project-{number}"))
        server.kill()
        server.start()
    board.lie_about_syncs(lies)
    last = Lab(server, region).project("last")
    server.kill()
    board.lie_about_syncs(False)
    server.start()
    listed = Lab(server, region).api.describe_projects()["ProjectDescriptions"]
    assert [row["ProjectArn"] for row in listed] == ([] if lies else [last]) + names[::-1]
    server.stop()
    server.placard("fsck")
