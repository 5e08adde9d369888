"""A PostgreSQL server of the tests' own: a cluster in a temporary directory, on a free port of 127.0.0.1.

PostgreSQL refuses to run as root, so root hands it to the user that Debian's package made. It comes from Debian's
postgresql-15, is not the system's own server, and ends with whoever started it.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

START_SECONDS = 60
UNPRIVILEGED = "postgres"


def programs():
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    assert found, "PostgreSQL is not installed; ./test installs postgresql-15"
    return found[-1].parent


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """`with Postgres() as postgres:`; `database()` is the place of a new, empty database.

    With `durable` a commit is on the disk when it returns, as in earnest; tests that kill nothing can do without. `host`
    is the address of its own that it is reached at, if not the machine's; `within` the words that put a command there
    where it has it.
    """

    def __init__(self, durable=True, settings=None, host="127.0.0.1", within=()):
        self.host = host
        self.within = list(within)
        self.folder = Path(tempfile.mkdtemp(prefix="placard-postgres-"))
        self.data = self.folder / "data"
        self.port = _free_port()
        self.process = None
        self.settings = {"port": self.port, "listen_addresses": "*" if within else host, "unix_socket_directories": self.folder,
                         "max_connections": 300, "shared_buffers": "64MB", "fsync": "on" if durable else "off",
                         "synchronous_commit": "on", "log_min_messages": "warning", "autovacuum_naptime": "10s",
                         "wal_level": "replica", "max_wal_senders": 4, "hot_standby": "on", **(settings or {})}

    def run(self, program, *arguments, check=True):
        """One of PostgreSQL's programs as the unprivileged user."""
        return subprocess.run(self._command(program, *arguments), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=check, cwd=self.folder, timeout=120)

    def _command(self, program, *arguments):
        command = [programs() / program, *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--init-groups", *command]
        return [str(word) for word in command]

    def _own(self):
        if os.geteuid() == 0:
            shutil.chown(self.folder, UNPRIVILEGED, UNPRIVILEGED)
        os.chmod(self.folder, 0o700)

    def initialise(self):
        self._own()
        sync = [] if self.settings["fsync"] == "on" else ["--no-sync"]
        self.run("initdb", "--pgdata", self.data, "--username=placard", "--auth=trust", "--encoding=UTF8",
                 "--locale=C.UTF-8", *sync)
        if self.within:  # or else only the machine itself may connect
            with open(self.data / "pg_hba.conf", "a", encoding="utf-8") as rules:
                rules.write("host all all samenet trust\n")

    def start(self):
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        with open(self.folder / "log", "ab") as log:
            # a session of its own: what interrupts the tests is not for it
            self.process = subprocess.Popen([*self.within, *self._command("postgres", "-D", self.data, *options)],
                                            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while self.run("pg_isready", "-h", self.host, "-p", self.port, "-U", "placard", check=False).returncode != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return self

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _end(self, number):
        # setpriv has become the server itself
        self.process.send_signal(number)
        self.process.wait(60)
        self.process = None

    def stop(self):
        """A fast shutdown: sessions are ended, what is committed is kept."""
        self._end(signal.SIGINT)

    def crash(self):
        """An immediate shutdown: no checkpoint, and the next start recovers from the log."""
        self._end(signal.SIGQUIT)

    def __enter__(self):
        self.initialise()
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            self.crash()
        shutil.rmtree(self.folder)

    def place(self, name):
        return f"postgres://placard@{self.host}:{self.port}/{name}"

    def database(self):
        name = f"t{uuid.uuid4().hex[:12]}"
        self.run("createdb", "-h", self.host, "-p", self.port, "-U", "placard", name)
        return self.place(name)

    def sql(self, place, text):
        """The rows of a statement, each a list of texts."""
        out = self.run("psql", place, "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", text).stdout
        return [line.split("\x1f") for line in out.splitlines()]


class Standby(Postgres):
    """A streaming replica of a cluster that runs; `with Standby(primary) as standby:`."""

    def __init__(self, primary):
        super().__init__(durable=primary.settings["fsync"] == "on")
        self.primary = primary

    def initialise(self):
        self._own()
        source = f"host={self.primary.host} port={self.primary.port} user=placard application_name=standby"
        self.run("pg_basebackup", "--pgdata", self.data, "--dbname", source, "--write-recovery-conf",
                 "--wal-method=stream", "--checkpoint=fast")

    def promote(self):
        self.run("pg_ctl", "promote", "-D", self.data, "--wait")


_shared = []


def shared():
    """The server of this process's tests, for those that kill nothing; close_shared ends it."""
    if not _shared:
        _shared.append(Postgres(durable=False).__enter__())
    return _shared[0]


def close_shared():
    while _shared:
        _shared.pop().__exit__()
