"""Fixtures: `tool` runs object_tool, `fake` is a fake S3 server, `real_s3` a real one: s3rver, or Swift by REAL_S3=swift."""
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.fake_s3 import ACCESS, SECRET, FakeS3
from harness.s3 import s3_server
from harness.server import BINARY, SANITIZER, environment

TOOL = BINARY.parent / "tests" / "object" / "object_tool"
KEYS = {"PLACARD_S3_ACCESS_KEY_ID": ACCESS, "PLACARD_S3_SECRET_ACCESS_KEY": SECRET}
SECONDS = 60


class Outcome(NamedTuple):
    status: int
    out: bytes
    log: str

    @property
    def error(self):
        """The code and the sentence of a failure."""
        assert self.status == 1
        return tuple(self.log.splitlines()[-1].split(" ", 1))


class Tool:
    def __init__(self, place, env=None):
        self.place = place
        self.env = environment(**(KEYS if env is None else env))

    def command(self, *words):
        return [str(TOOL), self.place, *[str(word) for word in words]]

    def __call__(self, *words, stdin=b""):
        run = subprocess.run(self.command(*words), input=stdin, capture_output=True, env=self.env, timeout=SECONDS)
        log = run.stderr.decode()
        assert not SANITIZER.search(log), log
        assert run.returncode in (0, 1), log
        assert SECRET not in log
        return Outcome(run.returncode, run.stdout, log)

    def done(self, *words, stdin=b""):
        outcome = self(*words, stdin=stdin)
        assert outcome.status == 0, outcome.log
        return outcome.out

    def get(self, bucket, key, *more):
        return self.done("get", bucket, key, *(more or (0, "")))


@pytest.fixture
def fake():
    with FakeS3() as server:
        yield server
        assert not server.refused, "a signature was wrong"


@pytest.fixture
def make_tool():
    return Tool


@pytest.fixture
def tool(fake):
    return Tool(fake.place(attempts=3, idle_s=1))


@pytest.fixture(scope="session")
def real_s3(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server
