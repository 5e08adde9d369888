"""The torture, as much of it as a test run has time for: 65 kills, on both sides of every commit point.

The seed is the day's, so that each day kills elsewhere; TORTURE_SEED names another. The long run: tests/crash/torture.
"""
import os
import time

import pytest

from harness.faults import commit_points
from crash.torture_epoch import AT_START, NOT_ON_THE_WAY, Epoch, targets_of

SEED = int(os.environ.get("TORTURE_SEED", time.time() // 86400))
EPOCHS = 5
TARGETS = targets_of(SEED)


def test_every_commit_point_is_a_target():
    aimed = {target for target in TARGETS if target}
    assert {point for point, _ in aimed} == set(commit_points()) - set(NOT_ON_THE_WAY)
    assert set(AT_START) <= set(commit_points()) and len(aimed) == 2 * len({point for point, _ in aimed})


@pytest.mark.slow
@pytest.mark.parametrize("number", range(EPOCHS))
def test_killed_again_and_again(number, tmp_path, capsys):
    epoch = Epoch(SEED + number, tmp_path, TARGETS[number::EPOCHS], print)
    epoch.run()
    assert not epoch.missed, f"seed {SEED}: no kill fell on {epoch.missed}"
