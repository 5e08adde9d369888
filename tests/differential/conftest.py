"""The program that is held against Python's opinion."""
import pytest

from harness.differ import Differ


@pytest.fixture(scope="module")
def differ():
    process = Differ()
    yield process
    process.close()
