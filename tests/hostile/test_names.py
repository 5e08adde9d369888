"""Buckets and keys that try to be somewhere else: traversal, links, every byte value, a path that changes meanwhile.

Beside the buckets lies a manifest that must never be read, with a label of its own: were any of these names to reach
it, a dataset would show the label.
"""
import json
import os
import socket
import threading
import time

import pytest

from harness.lab import Lab, fresh_name
from harness.manifests import image_entry, manifest
from hostile.test_signatures import signed
from hostile.wire import Line, name_of

UNREADABLE = "InvalidS3ObjectException"
SECRET = "a-label-of-the-secret"
REFUSED = {UNREADABLE, "ValidationException", "SerializationException"}


@pytest.fixture
def line(server):
    with Line(server) as one:
        yield one


@pytest.fixture
def secret(server, lab):
    """The path of a manifest beside the buckets, and copies of it where a name may lead."""
    content = manifest([image_entry("s3://secret/1.jpg", SECRET)])
    path = server.data / fresh_name("secret.manifest")
    path.write_bytes(content)
    (server.data / "buckets" / path.name).write_bytes(content)
    yield path
    (server.data / "buckets" / path.name).unlink()
    path.unlink()


def create(lab, line, project, bucket, key):
    """CreateDataset by raw JSON; `bucket` and `key` are text, or bytes to be put between the quotes as they are."""

    def quoted(name):
        return b'"' + name + b'"' if isinstance(name, bytes) else json.dumps(name).encode()

    body = (
        b'{"ProjectArn":'
        + json.dumps(project).encode()
        + b',"DatasetType":"TRAIN","DatasetSource":{"GroundTruthManifest":'
        b'{"S3Object":{"Bucket":' + quoted(bucket) + b',"Name":' + quoted(key) + b"}}}}"
    )
    pairs = signed(lab, body=body, headers={"X-Amz-Target": "RekognitionService.CreateDataset"})
    return line.ask(pairs, body)


def assert_secret_is_kept(lab):
    for project in lab.api.describe_projects()["ProjectDescriptions"]:
        for dataset in project["Datasets"]:
            if lab.describe(dataset["DatasetArn"])["Status"] == "CREATE_COMPLETE":
                assert SECRET not in lab.labels(dataset["DatasetArn"])


def climbing(name):
    """Ways to say `one up and then name`."""
    yield from (
        f"../{name}",
        f"../../buckets/{name}",
        f"a/../../{name}",
        f"./../{name}",
        f"..//{name}",
        f"/../{name}",
        f"a/b/../../../{name}",
        f"%2e%2e/{name}",
        f"..%2f{name}",
        f"..\\{name}",
        f"\\..\\{name}",
        f"....//{name}",
        f"../{name}/",
        f"../{name}/.",
        f"../{name}\x00.manifest",
        f"file:///{name}",
        f"..;/{name}",
        f"\u2025/{name}",
        f"\uff0e\uff0e/{name}",
        f"..\u2215{name}",
        f"\u202e/../{name}",
        f"~/../{name}",
        f"../../../../../../../../{name}",
    )


def test_keys_that_climb(lab, line, secret):
    lab.bucket.put("a/b/there", b"x")
    project = lab.project()
    for key in [
        *climbing(secret.name),
        str(secret),
        str(secret.resolve()),
        f"/{secret}",
        "/etc/passwd",
        "/proc/self/environ",
        "..",
        ".",
        "/",
        "a/..",
        "a/b/../b/there",
        "a//b/there",
        "./a/b/there",
        "a/./b/there",
        "a/b/there/",
        "../credentials",
        "../placard.db",
    ]:
        answer = create(lab, line, project, lab.bucket.name, key)
        assert name_of(answer) in REFUSED, key
        assert str(secret.parent).encode() not in answer.body
    assert_secret_is_kept(lab)


def test_buckets_that_climb(lab, line, secret):
    project = lab.project()
    for bucket in [
        "..",
        "...",
        "../..",
        "./..",
        ".",
        "/",
        "//",
        str(secret.parent),
        "buckets/..",
        "%2e%2e",
        "..%2f",
        f"{lab.bucket.name}/..",
        f"../buckets/{lab.bucket.name}",
        f"{lab.bucket.name}/",
        f"{lab.bucket.name}\x00",
        "..\\",
        "....",
    ]:
        for key in (secret.name, f"buckets/{secret.name}", "placard.db", "credentials"):
            assert name_of(create(lab, line, project, bucket, key)) in REFUSED, bucket
    assert_secret_is_kept(lab)


def test_every_byte_in_a_bucket_s_name(lab, line):
    """Bytes that the model allows name a bucket that is not there; all others are refused by the model or as JSON."""
    project = lab.project()
    for byte in range(256):
        for bucket in (b"x%cy" % byte, b"%cxy" % byte, b"xy%c" % byte):
            answer = create(lab, line, project, bucket, "k")
            assert name_of(answer) in REFUSED | ({"OK"} if byte in b'"\\' else set()), bucket
            if chr(byte).isalnum() and byte < 128 or byte in b"-_.":
                assert name_of(answer) == UNREADABLE, bucket


def test_every_byte_in_a_key(lab, line):
    """A file of that name, where the file system takes it, is read; nothing else is."""
    content = manifest([image_entry(lab.bucket.image(1), "cat")])
    for code in range(256):
        key = f"x{chr(code)}y"
        made = code not in (0, ord("/"))
        if made:
            (lab.bucket.folder / key).write_bytes(content)
        answer = create(lab, line, lab.project(), lab.bucket.name, key)
        assert name_of(answer) == ("OK" if made else name_of(answer)), repr(key)
        assert made or name_of(answer) in REFUSED, repr(key)
        os.path.exists(lab.bucket.folder / "x") and pytest.fail("a NUL cut the name")
    for byte in (0x80, 0xC0, 0xFE, 0xFF):  # no UTF-8, so no JSON
        assert name_of(create(lab, line, lab.project(), lab.bucket.name, b"x%cy" % byte)) == "SerializationException"


def links(lab, secret):
    """{key: makes what lies there}: none may be read as an object."""
    folder = lab.bucket.folder
    other = Lab(lab.server).bucket
    other.put("theirs.manifest", secret.read_bytes())
    socket_path = folder / "socket"

    def listen():
        with socket.socket(socket.AF_UNIX) as one:
            cwd = os.open(".", os.O_RDONLY)
            os.chdir(folder)
            try:
                one.bind(socket_path.name)
            finally:
                os.fchdir(cwd)
                os.close(cwd)

    return {
        "absolute": lambda: os.symlink(secret.resolve(), folder / "absolute"),
        "relative": lambda: os.symlink(f"../../{secret.name}", folder / "relative"),
        "one-up": lambda: os.symlink(f"../{secret.name}", folder / "one-up"),
        "neighbour": lambda: os.symlink(f"../{other.name}/theirs.manifest", folder / "neighbour"),
        f"folder/{secret.name}": lambda: os.symlink("../..", folder / "folder"),
        f"root{secret.resolve()}": lambda: os.symlink("/", folder / "root"),
        "magic/environ": lambda: os.symlink("/proc/self", folder / "magic"),
        "descriptor": lambda: os.symlink("/proc/self/fd/0", folder / "descriptor"),
        "loop": lambda: os.symlink("loop", folder / "loop"),
        "chain": lambda: (os.symlink("chain-2", folder / "chain"), os.symlink(secret.resolve(), folder / "chain-2")),
        "nowhere": lambda: os.symlink("not-there", folder / "nowhere"),
        "pipe": lambda: os.mkfifo(folder / "pipe"),
        "socket": listen,
        "directory": lambda: (folder / "directory").mkdir(),
        "device": lambda: os.symlink("/dev/zero", folder / "device"),
    }


def test_links_that_escape(lab, line, secret):
    project = lab.project()
    for key, make in links(lab, secret).items():
        make()
        begun = time.monotonic()
        assert name_of(create(lab, line, project, lab.bucket.name, key)) == UNREADABLE, key
        assert time.monotonic() - begun < 10, key
    assert_secret_is_kept(lab)


def test_a_link_within_its_bucket_is_followed(lab):
    """The measure of the test above."""
    lab.bucket.put("real/one.manifest", manifest([image_entry(lab.bucket.image(1), "cat")]))
    os.symlink("real/one.manifest", lab.bucket.folder / "link.manifest")
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": lab.bucket.name, "Name": "link.manifest"}}}
    arn = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    lab.wait_created(arn)
    assert list(lab.labels(arn)) == ["cat"]


def test_a_bucket_that_is_a_link(lab, line, secret):
    project = lab.project()
    for target in ("..", str(secret.parent.resolve()), lab.bucket.name):
        name = fresh_name("linked")
        os.symlink(target, lab.server.data / "buckets" / name)
        for key in (secret.name, "credentials"):
            assert name_of(create(lab, line, project, name, key)) == UNREADABLE
    assert_secret_is_kept(lab)


def test_a_path_that_changes_meanwhile(lab, line, secret):
    """A folder is a link to outside and then again a folder, as fast as can be: what is read was always inside."""
    folder = lab.bucket.folder
    content = manifest([image_entry(lab.bucket.image(1), "cat")])
    (folder / "real").mkdir()
    (folder / "real" / secret.name).write_bytes(content)
    (folder / "outside").symlink_to("../..")
    ending = threading.Event()

    def swap():
        os.symlink("real", folder / "turn")
        while not ending.is_set():
            for target in ("outside", "real"):
                os.symlink(target, folder / "next")
                os.rename(folder / "next", folder / "turn")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        seen = {name_of(create(lab, line, lab.project(), lab.bucket.name, f"turn/{secret.name}")) for _ in range(60)}
    finally:
        ending.set()
        thread.join()
    assert seen <= {"OK", UNREADABLE}
    for project in lab.api.describe_projects()["ProjectDescriptions"]:
        for dataset in project["Datasets"]:
            lab.wait_while(dataset["DatasetArn"], "CREATE_IN_PROGRESS")
    assert_secret_is_kept(lab)


def test_tags_and_names_are_no_paths(lab):
    """A project's name is never a file's: what looks like a path is refused by the model, or kept as it is."""
    for name in ("..", "../x", "a/b", ".", "a\\b", "a\0b"):
        answer = lab.wire.post("CreateProject", {"ProjectName": name})
        assert answer.status == 200 or answer.type == "ValidationException"
    assert sorted(path.name for path in lab.server.data.iterdir() if "secret" not in path.name) == sorted(
        {"admin.sock", "buckets", "lock", "placard.db", "placard.db-shm", "placard.db-wal"}
        & {path.name for path in lab.server.data.iterdir()}
    )
