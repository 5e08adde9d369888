"""One epoch of the torture: a fresh data directory, clients and an operator, and a server that is killed so many times.

Everything random comes from the epoch's seed: the moves of each client and where each kill falls. The threads' turns
are the machine's, so a seed brings back the same pressure at the same places, not the same microsecond.
"""
import json
import random
import time

from harness.clients import close_clients
from harness.faults import CUT_POWER, KILL, Board
from harness.lab import fresh_region
from harness.models import model_flags
from harness.server import NotReady, Server
from crash.torture_clients import Client
from crash.torture_model import Wrong
from crash.torture_modeller import Modeller, Pictures
from crash.torture_operator import Operator

CLIENTS = 3
MOMENT_SECONDS = 0.8
POINT_SECONDS = 60  # at the most: a busy machine takes its time to get there
SLOW = {"tell": 180, "job_cancel": 180}  # a training must have come so far
AT_START = ("prepare_once", "job_void_leases", "version_restart")
# The commit points that these clients and this operator come past. A new one is put here, with a move that reaches it,
# or below, with the test that kills there.
REACHED = (
    "bucket_assign", "dataset_create", "dataset_delete", "dataset_distribute", "dataset_update", "ended", "job_cancel",
    "job_claim", "job_release", "job_void_leases", "key_add", "key_delete", "key_set_disabled", "prepare_once",
    "project_create", "project_delete", "project_policy_delete", "project_policy_put", "run_delete", "run_giving_up",
    "run_settling", "session_add", "settle_refs_of", "stage_finish", "stage_give_up", "stage_pause", "store_ping",
    "tag_add", "tag_remove", "tell", "undo_part", "version_finish", "version_remove", "version_restart")
NOT_REACHED = {
    "apply": "when the schema is made or changed: first_start, and test_upgrade.py",
    "backup_models_close": "of a backup, which is a draft until it is renamed, and of no server: test_backup.py",
    "job_renew": "where servers share a store: tests/nodes/test_takeover.py kills there what holds the lease",
    "root_key_agree": "likewise, at the first start of each server: test_two_nodes.py",
    "migration_mark": "of `placard migrate-store`, and of no server: tests/nodes/test_migrate.py kills there",
    "migration_copy": "likewise",
    "migration_unmark": "likewise",
    "lose_hope": "after eight failures of a job, which kills are not: test_sweep.c",
}


def targets_of(seed):
    """Where kills are to fall: both sides of every commit point in a random order, a random moment now and then."""
    points = [(point, side) for point in REACHED for side in ("commit", "committed")]
    random.Random(seed).shuffle(points)
    return [target for number, point in enumerate(points) for target in ([point, None] if number % 5 == 4 else [point])]


def cuts_of(seed, count):
    """Losses of power, most of them at a write: a disk's writes are many, its syncs few. Some fall into the next start."""
    rng = random.Random(f"{seed} cuts")
    kinds = ["disk_write"] * 5 + ["disk_sync"] * 3 + ["disk_truncate"] + [None]
    return [(rng.choice(["", "", "", "start"]), kind) if kind else None for kind in rng.choices(kinds, k=count)]


class Epoch:
    """`power`: on a disk that forgets what is not synced (tests/faults/power.c), which the files of models do not lie on;
    targets are then those of cuts_of."""

    def __init__(self, seed, folder, targets, say=lambda line: None, power=False):
        self.seed = seed
        self.targets = targets
        self.power = power
        self.say = say
        self.rng = random.Random(f"{seed} kills")
        self.board = Board(folder / "board")
        flags = () if power else (*model_flags(), "--features-bytes", "0")
        self.server = Server(folder / "data", flags, binary=self.board.binary,
                             env={**self.board.env, **({"FAULT_POWER": "1"} if power else {})})
        self.region = fresh_region()
        bucket = self.server.bucket_folder("torture")
        bucket.mkdir(parents=True)
        self.people = [Client(number, random.Random(f"{seed} client {number}"), bucket) for number in range(CLIENTS)]
        if not power:
            pictures = Pictures(self.server.bucket_folder("models"))
            self.people.append(Modeller(CLIENTS, random.Random(f"{seed} modeller"), pictures, folder / "data" / "models"))
        self.people.append(Operator(random.Random(f"{seed} operator"), self.server))
        self.killed_at = []  # (point, side) that were met; (None, None) for a moment
        self.missed = []

    def run(self):
        """Raises Wrong, or whatever else went wrong, with the seed in front."""
        try:
            self.first_start()
            for target in self.targets:
                self.round(target)
            missed, self.missed = self.missed, []
            for target in missed if not self.power else []:  # once more; a disk need not truncate in time
                self.round(target)
            self.end()
        except Exception as wrong:
            raise Wrong(f"seed {self.seed}, kill {len(self.killed_at)} at {self.killed_at[-1:]}: {wrong}") from wrong
        finally:
            if self.server.process is not None:
                self.server.kill()
            close_clients()

    def first_start(self):
        """The making of the schema is a commit point of its own."""
        for point, side in (("apply", self.rng.choice(["commit", "committed"])), ("prepare_once", "commit")):
            self.die_at_start(point, side)
        if self.power:
            self.lose_power_at_start()
        self.server.start()
        self.verify()

    def die_at_start(self, point, side):
        self.board.plan(KILL, side, what=point)
        try:
            self.server.start()
        except NotReady as died:
            assert died.status == -9 and self.board.fired, died
        else:
            raise Wrong(f"the start does not pass {point}")
        self.killed_at.append((point, side))
        self.board.clear()

    def lose_power_at_start(self):
        """While the schema is made, or the log is read again; or not, where the start needs fewer writes."""
        self.board.plan(CUT_POWER, "disk_write", self.rng.randint(1, 12), seed=self.rng.getrandbits(60))
        try:
            self.server.start()
        except NotReady as died:
            assert died.status == -9 and self.board.fired, died
            self.killed_at.append(("start", "disk_write"))
        else:
            self.server.kill()
        self.board.clear()

    def round(self, target):
        self.work_until_killed(target)
        if target and target[0] == "start":
            self.lose_power_at_start()
        self.fsck()  # before anything is repaired: what is committed agrees with itself
        if target and target[0] in AT_START:
            self.die_at_start(*target)
            self.fsck()
        self.server.start()
        self.verify()

    def work_until_killed(self, target):
        """Everybody works until the server is killed at the target, or at some moment when it is not reached."""
        point, side = target if target and target[0] not in AT_START else (None, None)
        for person in self.people:
            if point:
                person.head_for(point)
            person.start()
        time.sleep(self.rng.uniform(0, 0.3))
        if side and side.startswith("disk"):
            spread = {"disk_write": 400, "disk_sync": 30, "disk_truncate": 2}[side]
            self.board.plan(CUT_POWER, side, self.rng.randint(1, spread), seed=self.rng.getrandbits(60))
        elif point:
            self.board.plan(KILL, side, 1 if point in SLOW else self.rng.randint(1, 3), point)
        elif target is None and self.rng.random() < 0.5:
            self.board.plan(KILL, "step", self.rng.randint(1, 2000))
        patience = SLOW.get(point, POINT_SECONDS) if side else self.rng.uniform(0, MOMENT_SECONDS)
        deadline = time.monotonic() + patience
        while self.server.process.poll() is None and time.monotonic() < deadline and not self.complaints():
            time.sleep(0.005)
        if side and not self.board.fired:
            self.missed.append(target)
        self.killed_at.append(target if self.board.fired and side else (None, None))
        status = self.server.kill()
        self.board.clear()
        for person in self.people:
            person.ends.set()
            person.join(120)
            assert not person.is_alive(), "a client does not notice that the server is gone"
        close_clients()
        if self.complaints():
            raise self.complaints()[0]
        assert status == -9, f"the server ended by itself with {status}:\n{self.server.log()[-8000:]}"
        self.say(f"seed {self.seed} kill {len(self.killed_at)}: {' '.join(map(str, self.killed_at[-1]))}, "
                 f"{sum(person.calls for person in self.people)} calls answered so far")

    def complaints(self):
        return [person.wrong for person in self.people if person.wrong]

    def fsck(self):
        run = self.server.placard("fsck", check=False)
        if run.returncode != 0:
            raise Wrong(f"fsck: {run.stdout}{run.stderr}")

    def verify(self):
        """Everybody finds what they were promised, and no more; then a new life begins."""
        for person in self.people:
            if isinstance(person, Client):
                person.connect(self.server, self.region)
            person.verify()
        self.wait_idle()
        self.fsck()
        self.people = [person.successor() for person in self.people]
        for person in self.people:
            if isinstance(person, Client):
                person.connect(self.server, self.region)

    def wait_idle(self):
        """No job is stuck."""
        deadline = time.monotonic() + 60
        while True:
            rows = [json.loads(row) for row in self.server.placard("jobs", "--json").stdout.splitlines()]
            if not rows:
                return
            if time.monotonic() > deadline:
                raise Wrong(f"jobs are stuck: {rows}")
            time.sleep(0.1)

    def end(self):
        self.wait_idle()
        self.fsck()
        self.server.stop()
