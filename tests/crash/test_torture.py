"""The torture, as much of it as a test run has time for: 65 kills, on both sides of every commit point.

The seed is the day's, so that each day kills elsewhere; TORTURE_SEED names another. The long run: tests/crash/torture.
"""
import os
import time

import pytest

from harness.faults import commit_points
from crash.torture_epoch import NOT_REACHED, REACHED, Epoch, targets_of

SEED = int(os.environ.get("TORTURE_SEED", time.time() // 86400))
EPOCHS = 5
TARGETS = targets_of(SEED)


def test_every_commit_point_is_a_target():
    """One that is new in the source belongs into REACHED or NOT_REACHED of torture_epoch.py."""
    assert set(commit_points()) == {*REACHED, *NOT_REACHED}
    assert {target for target in TARGETS if target} == {(point, side) for point in REACHED
                                                        for side in ("commit", "committed")}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(EPOCHS))
def test_killed_again_and_again(number, tmp_path, capsys):
    epoch = Epoch(SEED + number, tmp_path, TARGETS[number::EPOCHS], print)
    epoch.run()
    assert not epoch.missed, f"seed {SEED}: no kill fell on {epoch.missed}"
