"""Ways to break a running server's surroundings, and to mend them."""
import contextlib
import mmap
import re
import resource
import struct

from harness.server import FAULTY_BINARY, ROOT


@contextlib.contextmanager
def no_space(server):
    """Inside, the server can write no byte to any file, as when the disk is full. Sockets go on.

    The bound is on the size of files (RLIMIT_FSIZE), which needs no rights and no file system of its own.
    """
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


FAIL, DELAY, KILL, CUT_POWER = 1, 2, 3, 4
KINDS = ["begin", "step", "commit", "committed", "checkpoint", "stat", "open", "read", "put", "bucket", "remove",
         "disk_write", "disk_sync", "disk_truncate"]


class Board:
    """Says what shall go wrong in a server of placard-faults, and tells what did: see tests/faults/board.h.

    `env` goes into the server's environment. The file outlives servers that are killed.
    """

    LAYOUT = struct.Struct("<8IqQ128s16I2I")
    POINT = struct.Struct("<56sQ")
    POINTS = 64
    ACTION, NTH, FIRED, LIES, CLOCK, SEED, SEEN, COUNT = 4, 12, 24, 28, 32, 40, 176, 244
    binary = FAULTY_BINARY

    def __init__(self, path):
        self.path = path
        path.write_bytes(self.LAYOUT.pack(0x0b0a2d01, *[0] * 7, 0, 0, b"", *[0] * 18).ljust(4344, b"\0"))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)

    @property
    def env(self):
        return {"FAULT_BOARD": str(self.path)}

    def _get(self, at, form="<I"):
        return struct.unpack_from(form, self.memory, at)[0]

    def _set(self, at, value, form="<I"):
        struct.pack_into(form, self.memory, at, value)

    def plan(self, action, kind, nth=1, what="", lasting=False, delay_ms=0, seed=0):
        """From now on: `action` at the nth call of `kind` (a commit point, or SQL by its beginning)."""
        self.clear()
        struct.pack_into("<4I", self.memory, 8, KINDS.index(kind), nth, lasting, delay_ms)
        self._set(self.FIRED, 0)
        self._set(self.SEED, seed, "<Q")
        struct.pack_into("128s", self.memory, 48, what.encode())
        self._set(self.ACTION, action)

    def clear(self):
        self._set(self.ACTION, 0)

    @property
    def fired(self):
        """How often the plan's fault has happened."""
        return self._get(self.FIRED)

    def seen(self, kind):
        return self._get(self.SEEN + 4 * KINDS.index(kind))

    def points(self):
        """{commit point: how often it has committed}"""
        rows = [self.POINT.unpack_from(self.memory, self.COUNT + 4 + number * self.POINT.size)
                for number in range(self._get(self.COUNT))]
        return {name.rstrip(b"\0").decode(): commits for name, commits in rows}

    def set_clock(self, ms):
        """The server's wall clock is the machine's and so much more."""
        self._set(self.CLOCK, ms, "<q")

    def lie_about_syncs(self, lies=True):
        self._set(self.LIES, lies)


def commit_points():
    """The names of all commit points, read from the program's source: functions that commit, or hand their name on."""
    points = set()
    commits = re.compile(r"\b(?:store_write_commit|db_commit)\(|__func__")
    for path in sorted((ROOT / "src").rglob("*.c")):
        function = None
        for line in path.read_text(encoding="utf-8").splitlines():
            head = re.match(r"[a-z].*?\b(\w+)\(", line)
            if head and not line.rstrip().endswith(";"):
                function = head.group(1)
            elif function and commits.search(line) and line.startswith(" "):
                points.add(function)
    return sorted(points)
