"""A `placard serve` process over a data directory, as tests start, ask, stop and kill it.

The program is $PLACARD_BINARY, else build-test/placard. A server listens on a free port of 127.0.0.1. It must end well:
`stop` fails the test when the exit status is not 0 or a sanitizer spoke. A system call that is not on the server's list
kills it (--seccomp kill); the kernel's log then names the number of the call.

With PLACARD_TEST_STORE=postgres the rows of every data directory lie in a database of its own, in a PostgreSQL server of
this process (harness.postgres); a test of what only a file can do is marked `sqlite`.
"""
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple, Optional

from harness import postgres

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = Path(os.environ.get("PLACARD_BINARY", ROOT / "build-test" / "placard"))
FAULTY_BINARY = BINARY.parent / "tests" / "faults" / "placard-faults"
ACCOUNT = "123456789012"
READY_SECONDS = 30
STOP_SECONDS = 30
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehavior|runtime error:")


class Key(NamedTuple):
    access: str
    secret: str
    token: Optional[str] = None
    account: str = ACCOUNT


ROOT_KEY = Key("AKIDROOTOFTHETESTS00", "root-secret-of-the-tests/0123456789abcdef")


def environment(**more):
    """Nothing of the caller's AWS or PLACARD settings reaches a program under test."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PLACARD_")) and not name.lower().endswith("_proxy")}
    return {**kept, **more}


_databases = {}


def store_environment(data):
    """Where the rows of that data directory lie; empty: in it."""
    if os.environ.get("PLACARD_TEST_STORE") != "postgres":
        return {}
    if data not in _databases:
        _databases[data] = postgres.shared().database()
    return {"PLACARD_STORE": _databases[data]}


class NotReady(AssertionError):
    """The server ended, or was silent for too long; `status` is its exit status."""

    def __init__(self, status, log):
        super().__init__(f"the server did not become ready (exit status {status}):\n{log}")
        self.status = status


class Server:
    """Not started yet; `start` may be called again after `stop` or `kill`, on the same data."""

    def __init__(self, data, flags=(), root_key=ROOT_KEY, env=None, binary=BINARY, logs=None):
        self.data = Path(data)
        self.logs = logs or self.data.parent
        self.binary = binary
        self.flags = list(flags)
        self.env = environment(**{"PLACARD_SECCOMP": "kill", **store_environment(self.data), **(env or {})})
        if root_key:
            self.env.update(PLACARD_ACCESS_KEY_ID=root_key.access, PLACARD_SECRET_ACCESS_KEY=root_key.secret)
        self.root_key = root_key
        self.process = None
        self.url = None
        self.starts = 0

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    @property
    def log_path(self):
        return self.logs / f"{self.data.name}-{self.starts}.log"

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def command(self):
        return [self.binary, "serve", "--data", self.data, "--listen", "127.0.0.1:0", *self.flags]

    def start(self):
        assert self.process is None, "the server runs already"
        self.starts += 1
        self.data.mkdir(parents=True, exist_ok=True)
        said = self.log_path.with_suffix(".out")
        with open(said, "wb") as out, open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                                            env=self.env)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            match = re.search(r"^placard is ready on (\S+)\n", said.read_text(), re.M)
            if match:
                self.url = match.group(1)
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                status = self.kill()
                raise NotReady(status, self.log())
            time.sleep(0.005)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """SIGKILL, as a crash of the machine would; returns the exit status."""
        self.process.kill()
        status = self.process.wait()
        self.process = None
        return status

    def stop(self):
        """SIGTERM, and the server must end well."""
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop within {STOP_SECONDS} s of SIGTERM:\n{self.log()}") from None
        self.process = None
        log = self.log()
        assert status == 0, f"the server ended with status {status}:\n{log[-8000:]}"
        assert not SANITIZER.search(log), f"a sanitizer spoke:\n{log[-8000:]}"

    def restart(self):
        self.stop()
        return self.start()

    def ensure_stopped(self):
        if self.process is not None:
            self.stop()

    def placard(self, *arguments, check=True, env=None):
        """Runs another subcommand of the program over the same data directory."""
        env = {**(env or environment()), **store_environment(self.data)}
        return run_placard(*arguments, "--data", self.data, check=check, env=env)

    def bucket_folder(self, name):
        return self.data / "buckets" / name


def run_placard(*arguments, check=True, env=None, timeout=60):
    """Runs the program; with `check` it must exit 0."""
    run = subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         env=env or environment(), timeout=timeout, check=False)
    assert not SANITIZER.search(run.stderr), run.stderr
    if check:
        assert run.returncode == 0, f"placard {' '.join(map(str, arguments))}: {run.stdout}{run.stderr}"
    return run
