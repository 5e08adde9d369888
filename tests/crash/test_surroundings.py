"""The machine around the server: a disk that is full or read-only, few descriptors, a second server.

What needs a file system of its own is mounted where the tests run as root and skipped, aloud, elsewhere.
"""
import base64
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from crash.test_upgrade import NEWEST, SCHEMAS, data_of
from harness.clients import close_clients
from harness.lab import Lab, error_of, fresh_region
from harness.manifests import Bucket, image_entry, many_lines, manifest
from harness.server import BINARY, NotReady, Server, run_placard

LINES = 40_000
MIB = 1 << 20
FAILED = (500, "InternalServerError", "Internal server error")


class SmallDisk:
    """A tmpfs of a few MiB, and a ballast file that fills it."""

    def __init__(self, folder, mib):
        self.folder = folder
        folder.mkdir()
        run = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "none", folder],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            pytest.skip(f"a small file system cannot be mounted here (it needs root): {run.stderr.strip()}")

    def fill(self, leave=0):
        """Leaves so many bytes free."""
        free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_bsize
        with open(self.folder / "ballast", "ab") as ballast:
            try:
                os.posix_fallocate(ballast.fileno(), ballast.tell(), max(1, free - leave))
            except OSError:
                while True:
                    try:
                        os.write(ballast.fileno(), bytes(4096))
                    except OSError:
                        break

    def clear(self):
        (self.folder / "ballast").unlink()

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True)

    def unmount(self):
        subprocess.run(["umount", "-l", self.folder], check=True)


@pytest.fixture
def disk(tmp_path):
    small = SmallDisk(tmp_path / "disk", 24)
    yield small
    small.unmount()


@pytest.fixture
def lab(disk, tmp_path, start_server):
    """A server whose data is on the small disk and whose buckets are not."""
    buckets = tmp_path / "buckets"
    buckets.mkdir()
    server = start_server("--objects", f"dir:{buckets}", data=disk.folder / "data", logs=tmp_path)
    lab = Lab(server)
    lab._bucket = Bucket(buckets / "bucket")
    server.fsck = lambda: server.placard("fsck")
    return lab


def wait_for_log(server, text, seconds=30):
    deadline = time.monotonic() + seconds
    while text not in server.log():
        assert time.monotonic() < deadline, f"the log does not say `{text}`:\n{server.log()[-4000:]}"
        time.sleep(0.02)


def outcome(lab, operation, body):
    answer = lab.wire.post(operation, body)
    return answer.status, answer.json.get("__type"), answer.message


def write_until_full(lab):
    """What the failed job had of the log is room for small writes still; behind that there is none."""
    for number in range(500):
        if outcome(lab, "CreateProject", {"ProjectName": f"last-{number}"}) == FAILED:
            return
    raise AssertionError("a full disk takes all that is written")


@pytest.mark.slow
def test_full_during_an_ingest(disk, lab):
    kept = lab.create([image_entry(f"s3://images/{number}.jpg", "cat") for number in range(300)])
    before = lab.describe(kept), lab.lines(kept)
    source = lab.source(many_lines("s3://images/", LINES))
    disk.fill(leave=MIB)
    arn = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    wait_for_log(lab.server, "job failed, to be tried again")
    disk.fill()
    write_until_full(lab)
    assert lab.status(arn) == "CREATE_IN_PROGRESS" and lab.stats(arn) == (0, 0, 0, 0)
    assert (lab.describe(kept), lab.lines(kept)) == before
    disk.clear()
    lab.wait_created(arn)
    assert lab.stats(arn) == (LINES, LINES, 2, 0)
    assert len(set(lab.sources(kept))) == 300
    lab.project("more")
    lab.server.fsck()


@pytest.mark.slow
def test_full_during_an_update(disk, lab):
    arn = lab.create(many_lines("s3://images/", 6000))
    before = lab.stats(arn), lab.lines(arn, MaxResults=100, PaginationConfig={"MaxItems": 200})
    changes = [image_entry(f"s3://images/{number}.jpg", "emu" * 30, f"label-{number % 50}") for number in range(6000)]
    disk.fill(leave=MIB // 2)
    answer = lab.wire.post("UpdateDatasetEntries", {"DatasetArn": arn, "Changes": {"GroundTruth": encoded(changes)}})
    assert answer.status in (200, 500)
    if answer.status == 200:
        wait_for_log(lab.server, "job failed, to be tried again")
        assert lab.stats(arn) == before[0]
        disk.clear()
    else:
        assert lab.status(arn) == "CREATE_COMPLETE"
        disk.clear()
        lab.begin_update(arn, changes)
    lab.wait_updated(arn)
    assert lab.stats(arn) == (6000, 6000, 51, 0)
    lab.server.fsck()


def encoded(changes):
    return base64.b64encode(manifest(changes)).decode()


@pytest.mark.slow
def test_killed_on_a_full_disk(disk, lab):
    """What was acknowledged before stands, though the log can only be read again with room for its index."""
    source = lab.source(many_lines("s3://images/", LINES))
    disk.fill(leave=MIB)
    project = lab.project("acknowledged")
    arn = lab.api.create_dataset(ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    wait_for_log(lab.server, "job failed, to be tried again")
    disk.fill()
    lab.server.kill()
    try:
        lab.server.start()
        lab.server.kill()
    except NotReady as refused:
        assert refused.status in (1, 2) and "cannot be opened" in str(refused), refused
    disk.clear()
    lab.server.start()
    again = Lab(lab.server, lab.region)
    again.wait_created(arn)
    assert again.stats(arn) == (LINES, LINES, 2, 0)
    lab.server.fsck()


@pytest.mark.parametrize("fixture", [None, *[path for path in SCHEMAS if int(path.stem) < NEWEST]],
                         ids=lambda path: path.stem if path else "new")
def test_full_while_the_schema_is_made(disk, tmp_path, fixture):
    """The first start, and the first one of a newer version, with no room for it."""
    if fixture:
        shutil.copytree(data_of(fixture, tmp_path), disk.folder / "data")
    else:
        (disk.folder / "data").mkdir()
    disk.fill(leave=24 * 1024)
    server = Server(disk.folder / "data", logs=tmp_path)
    with pytest.raises(NotReady, match="cannot be opened: .*(full|disk I/O error)") as refused:
        server.start()
    assert refused.value.status == 1
    disk.clear()
    server.start()
    Lab(server, "us-east-1").project("there-is-room-again")
    server.stop()
    server.placard("fsck")


def test_a_read_only_directory_is_refused_with_a_sentence(disk, tmp_path):
    data = disk.folder / "data"
    server = Server(data, logs=tmp_path).start()
    Lab(server).project("kept")
    server.stop()
    disk.remount("ro")
    with pytest.raises(NotReady, match=f"the data directory {data} cannot be written: Read-only file system") as refused:
        server.start()
    assert refused.value.status == 2
    run = run_placard("serve", "--data", disk.folder / "none", check=False)
    assert run.returncode == 2 and "cannot be made: Read-only file system" in run.stderr
    run = server.placard("keys", "create", "--account", "000000000042", check=False)
    assert run.returncode == 2 and "Read-only file system" in run.stderr
    disk.remount("rw")
    server.start()
    server.placard("fsck")
    server.stop()


def test_no_permission_is_refused_with_a_sentence(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can start a server as somebody else")
    with tempfile.TemporaryDirectory() as folder:  # which others may enter, unlike pytest's
        os.chmod(folder, 0o755)
        data = Path(folder) / "data"
        Server(data, logs=tmp_path).start().stop()
        run = serve_as_nobody(data)
    if run.returncode not in (1, 2) or "placard serve:" not in run.stderr:
        pytest.skip(f"nobody may not run the program where it lies: {run.stderr}")
    assert run.returncode == 2 and f"the data directory {data} cannot be written: Permission denied" in run.stderr


def serve_as_nobody(data):
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return subprocess.run([*nobody, BINARY, "serve", "--data", data, "--listen", "127.0.0.1:0"],
                          capture_output=True, text=True, check=False, timeout=30)


class FewDescriptors(Server):
    LIMIT = 64

    def command(self):
        return ["prlimit", f"--nofile={self.LIMIT}", *super().command()]


@pytest.mark.slow
def test_sixty_four_descriptors(tmp_path):
    """Only so many connections are taken that the work has descriptors left: who comes too late is told to come again,
    a job under way is done, and all goes on when connections are free again."""
    server = FewDescriptors(tmp_path / "data")
    try:
        server.start()
        lab = Lab(server, fresh_region())
        arn = lab.begin(many_lines("s3://images/", 10_000))
        project = lab.project()
        crowd = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(100)]
        time.sleep(0.5)
        assert len(os.listdir(f"/proc/{server.process.pid}/fd")) <= FewDescriptors.LIMIT
        assert error_of(lab.api.create_dataset, ProjectArn=project, DatasetType="TRAIN")[0] == "ThrottlingException"
        wait_for_log(server, "job done")
        for one in crowd:
            one.close()
        time.sleep(0.5)
        lab.wait_created(arn)
        assert lab.stats(arn) == (10_000, 10_000, 2, 0)
        lab.create([image_entry("s3://images/1.jpg", "cat")], project=project)
        assert "Too many open files" not in server.log()
        close_clients()
    finally:
        server.ensure_stopped()
    server.placard("fsck")


def test_two_servers_on_one_directory(start_server):
    server = start_server()
    lab = Lab(server)
    arn = lab.create([image_entry("s3://images/1.jpg", "cat")])
    second = Server(server.data)
    second.starts = 100  # its own log
    with pytest.raises(NotReady, match=f"the data directory {server.data} is in use by process {server.process.pid}; "
                                       "stop that one first") as refused:
        second.start()
    assert refused.value.status == 1
    assert lab.stats(arn) == (1, 1, 1, 0)
    server.kill()  # the lock goes with its holder
    second.start().stop()


def test_two_servers_on_one_store(start_server, tmp_path):
    store = f"sqlite:{tmp_path}/shared.db"
    server = start_server("--store", store)
    with pytest.raises(NotReady, match=f"the store {store} is in use by process {server.process.pid}; ") as refused:
        start_server("--store", store)
    assert refused.value.status == 1
    server.restart()
