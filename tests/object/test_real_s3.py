"""The S3 object store against a real S3 server."""
import hashlib
import uuid

import pytest

from harness.fake_s3 import etag_of

UNREADABLE = ("E_OBJECT", "Unable to get object metadata from S3. Check object key, region and/or access permissions.")
UNWRITABLE = ("E_OBJECT", "Unable to write to output S3 bucket.")
CHANGED = ("E_OBJECT_CHANGED", "The object was changed while it was being read.")
CONTENT = b"".join(b"line %d\n" % number for number in range(20000))


@pytest.fixture(params=["path", "virtual"])
def tool(request, real_s3, make_tool):
    host = "127.0.0.1" if request.param == "path" else "localhost"
    return make_tool(real_s3.place(host, style=request.param), real_s3.keys)


@pytest.fixture
def bucket(tool):
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    tool.done("make", name)
    return name


@pytest.mark.parametrize("key", ["train.manifest", "a/b/c d.json", "zażółć/ключ.png", "plus+and&equals=?#%25~x.txt"])
def test_what_is_put_is_read(tool, bucket, key):
    tool.done("put", bucket, key, stdin=CONTENT)
    assert tool.get(bucket, key) == CONTENT
    size, etag = tool.done("stat", bucket, key).decode().split()
    assert (int(size), etag) == (len(CONTENT), etag_of(CONTENT))


def test_reading_from_an_offset(tool, bucket):
    tool.done("put", bucket, "key", stdin=CONTENT)
    assert tool.get(bucket, "key", 12345, etag_of(CONTENT)) == CONTENT[12345:]
    assert tool.get(bucket, "key", len(CONTENT) - 1, "") == b"\n"
    assert tool.get(bucket, "key", len(CONTENT), etag_of(CONTENT)) == b""
    assert tool("get", bucket, "key", len(CONTENT) + 1, "").error == CHANGED


def test_an_empty_object(tool, bucket):
    tool.done("put", bucket, "empty", stdin=b"")
    assert tool.get(bucket, "empty") == b""
    assert tool.done("stat", bucket, "empty").split()[0] == b"0"


def test_another_etag_is_a_change(tool, bucket):
    tool.done("put", bucket, "key", stdin=b"first")
    tool.done("put", bucket, "key", stdin=b"second")
    assert tool("get", bucket, "key", 0, etag_of(b"first")).error == CHANGED
    assert tool("get", bucket, "key", 2, etag_of(b"first")).error == CHANGED
    assert tool.get(bucket, "key", 2, etag_of(b"second")) == b"cond"


def test_what_is_not_there(tool, bucket):
    assert tool("stat", bucket, "absent").error == UNREADABLE
    assert tool("get", bucket, "absent", 0, "").error == UNREADABLE
    assert tool("stat", "no-such-bucket", "key").error == UNREADABLE
    assert tool("put", "no-such-bucket", "key", stdin=b"x").error == UNWRITABLE


def test_what_is_removed_is_gone(tool, bucket):
    tool.done("put", bucket, "folder/key", stdin=b"first")
    tool.done("put", bucket, "folder/other", stdin=b"kept")
    tool.done("remove", bucket, "folder/key")
    assert tool("stat", bucket, "folder/key").error == UNREADABLE
    assert tool.get(bucket, "folder/other") == b"kept"
    tool.done("remove", bucket, "folder/key")
    tool.done("put", bucket, "folder/key", stdin=b"second")
    assert tool.get(bucket, "folder/key") == b"second"
    tool.done("remove", "no-such-bucket", "key")


def test_a_bucket_is_made_once_and_may_be_there(tool, bucket):
    tool.done("put", bucket, "key", stdin=b"kept")
    tool.done("make", bucket)
    assert tool.get(bucket, "key") == b"kept"


@pytest.mark.parametrize("bucket", ["ab", "sl/ash", "..", "sp ace", "b" * 256])
def test_bucket_names_that_are_none(tool, bucket):
    assert tool("stat", bucket, "key").error == UNREADABLE
    assert tool("make", bucket).error == UNWRITABLE


def test_a_larger_object_in_small_reads(tool, bucket):
    content = hashlib.shake_256(b"large").digest(8 << 20)
    tool.done("put", bucket, "large", stdin=content)
    assert tool.get(bucket, "large", 0, etag_of(content), "", 4097) == content
