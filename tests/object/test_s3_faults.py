"""The S3 object store against a server that fails on demand: what is tried again, what is not, and what it costs."""
import re
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from harness.fake_s3 import FakeS3, Fault, etag_of

UNREADABLE = ("E_OBJECT", "Unable to get object metadata from S3. Check object key, region and/or access permissions.")
UNWRITABLE = ("E_OBJECT", "Unable to write to output S3 bucket.")
DENIED = ("E_OBJECT_DENIED", UNREADABLE[1])
CHANGED = ("E_OBJECT_CHANGED", "The object was changed while it was being read.")
CONTENT = b"".join(b"line %d\n" % number for number in range(50000))
OTHER = CONTENT[::-1]
ATTEMPTS = 3


@pytest.fixture(autouse=True)
def stored(fake):
    fake.store("bucket", "key", CONTENT)


def ranges(fake):
    return [asked.headers.get("range") for asked in fake.asked]


def test_versions(fake, tool):
    fake.objects["bucket", "key"] = [("3/L4kq+tJ=lcpXro&x", b"old"), ("v2", b"new")]
    assert tool.get("bucket", "key") == b"new"
    assert tool.get("bucket", "key", 0, "", "3/L4kq+tJ=lcpXro&x") == b"old"
    assert tool.get("bucket", "key", 1, etag_of(b"old"), "3/L4kq+tJ=lcpXro&x") == b"ld"
    assert tool.done("stat", "bucket", "key", "v2").decode() == f"3 {etag_of(b'new')}\n"
    assert tool("stat", "bucket", "key", "v3").error == UNREADABLE
    assert tool("get", "bucket", "key", 0, "", "v3").error == UNREADABLE


@pytest.mark.parametrize("key", ["a//b", "a/../b", "./x", "tab\tkey", "plus+ %41&=?#", "ü/漢字"])
def test_keys_arrive_as_they_are(fake, tool, key):
    tool.done("put", "bucket", key, stdin=b"content")
    assert fake.objects["bucket", key] == [("null", b"content")]
    assert tool.get("bucket", key) == b"content"


def test_session_tokens_travel_signed(make_tool):
    with FakeS3(token="a/session+token==") as fake:
        fake.store("bucket", "key", b"x")
        keys = {"AWS_ACCESS_KEY_ID": "AKIDOBJECTTESTS", "AWS_SECRET_ACCESS_KEY": "object-secret/of+tests",
                "AWS_SESSION_TOKEN": "a/session+token=="}
        tool = make_tool(fake.place(), keys)
        assert tool.get("bucket", "key") == b"x"
        assert not fake.refused


def test_keys_of_ours_go_before_those_of_aws(fake, make_tool):
    tool = make_tool(fake.place())
    tool.env.update(AWS_ACCESS_KEY_ID="AKIDOTHER", AWS_SECRET_ACCESS_KEY="other", AWS_SESSION_TOKEN="other")
    assert tool.get("bucket", "key") == CONTENT


def test_without_keys_there_is_no_store(fake, make_tool):
    code, sentence = make_tool(fake.place(), {})("stat", "bucket", "key").error
    assert code == "E_CONFIG" and "PLACARD_S3_ACCESS_KEY_ID" in sentence


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_failure_that_passes(fake, tool, status):
    fake.faults.extend([Fault(status=status), Fault(hang_up=True)])
    assert tool.done("stat", "bucket", "key").split()[0] == str(len(CONTENT)).encode()
    assert fake.methods() == ["HEAD"] * 3


def test_a_failure_that_stays(fake, tool):
    fake.faults.extend([Fault(status=503)] * 10)
    code, sentence = tool("get", "bucket", "key", 0, "").error
    assert code == "E_INTERNAL" and "503" in sentence
    assert fake.methods() == ["GET"] * ATTEMPTS


def test_nobody_listens(make_tool):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        place = f"s3:http://127.0.0.1:{silent.getsockname()[1]}?attempts=2"
        assert make_tool(place)("stat", "bucket", "key").error[0] == "E_INTERNAL"


def test_an_environment_proxy_is_not_asked_for_loopback(fake, tool):
    tool.env.update(http_proxy="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:1")
    assert tool.get("bucket", "key") == CONTENT


@pytest.mark.parametrize("status, code", [(403, "AccessDenied"), (401, "Unauthorized"), (400, "ExpiredToken"),
                                          (301, "PermanentRedirect"), (307, "TemporaryRedirect")])
def test_a_refusal_is_final_and_logged_with_its_code(fake, tool, status, code):
    fake.faults.append(Fault(status=status, code=code, location="http://127.0.0.1:1/"))
    outcome = tool("get", "bucket", "key", 0, "")
    assert outcome.error == (DENIED if status in (401, 403) else UNREADABLE)
    assert f"status={status}" in outcome.log and f"code={code}" in outcome.log
    assert len(fake.asked) == 1


def test_a_wrong_secret_is_a_refusal(make_tool):
    with FakeS3(secret="another") as fake:
        assert make_tool(fake.place())("stat", "bucket", "key").error == DENIED
        assert fake.refused == ["/bucket/key"]


def test_a_cut_body_goes_on_where_it_broke(fake, tool):
    fake.faults.append(Fault(cut_after=100_000))
    assert tool.get("bucket", "key") == CONTENT
    assert ranges(fake) == [None, "bytes=100000-"]
    assert fake.asked[1].headers["if-match"] == etag_of(CONTENT)


def test_progress_renews_patience(fake, tool):
    fake.faults.extend([Fault(cut_after=20_000)] * 6)
    assert tool.get("bucket", "key", 5, etag_of(CONTENT)) == CONTENT[5:]
    assert ranges(fake) == [f"bytes={5 + 20_000 * n}-" for n in range(7)]


def test_no_progress_ends_patience(fake, tool):
    fake.faults.extend([Fault(cut_after=1000)] + [Fault(cut_after=0)] * 10)
    outcome = tool("get", "bucket", "key", 0, "")
    assert outcome.error[0] == "E_INTERNAL"
    assert outcome.out == CONTENT[:1000]
    assert len(fake.asked) == 1 + ATTEMPTS - 1


@pytest.mark.parametrize("ignore", [(), ("if-match",)], ids=["if-match", "no-if-match"])
def test_an_object_replaced_between_the_parts(fake, tool, ignore):
    fake.faults.extend([Fault(cut_after=1000, replace=OTHER), Fault(ignore=ignore)])
    outcome = tool("get", "bucket", "key", 0, "")
    assert outcome.error == CHANGED
    assert outcome.out == CONTENT[:1000]


def test_an_object_that_shrank_below_the_part(fake, tool):
    fake.faults.extend([Fault(cut_after=1000, replace=b"short"), Fault(ignore=("if-match",))])
    assert tool("get", "bucket", "key", 0, "").error == CHANGED


@pytest.mark.parametrize("ignore", [(), ("if-match",)], ids=["if-match", "no-if-match"])
def test_an_object_of_another_etag(fake, tool, ignore):
    fake.faults.append(Fault(ignore=ignore))
    assert tool("get", "bucket", "key", 0, etag_of(OTHER)).error == CHANGED


def test_more_is_announced_than_there_is(fake, tool):
    fake.faults.append(Fault(more=100))
    assert tool.get("bucket", "key") == CONTENT
    assert ranges(fake) == [None, f"bytes={len(CONTENT)}-", None]


def test_a_server_without_ranges_is_never_taken_for_the_rest(fake, tool):
    fake.faults.extend([Fault(cut_after=1000), Fault(ignore=("range",))])
    outcome = tool("get", "bucket", "key", 0, "")
    assert outcome.error[0] == "E_INTERNAL"
    assert outcome.out == CONTENT[:1000]


def test_the_end_is_an_offset_too(fake, tool):
    assert tool.get("bucket", "key", len(CONTENT), etag_of(CONTENT)) == b""
    assert tool("get", "bucket", "key", len(CONTENT), etag_of(OTHER)).error == CHANGED
    fake.faults.append(Fault(ignore=("if-match",)))
    assert tool("get", "bucket", "key", len(CONTENT), etag_of(OTHER)).error == CHANGED


@pytest.mark.slow
def test_silence_is_cut_and_survived(fake, tool):
    fake.faults.extend([Fault(silence_after=150_000), Fault(deaf=True)])
    began = time.monotonic()
    assert tool.get("bucket", "key") == CONTENT
    assert 2 <= time.monotonic() - began < 8
    assert ranges(fake) == [None, "bytes=150000-", "bytes=150000-"]


@pytest.mark.slow
def test_a_slow_answer_is_borne(fake, tool):
    fake.faults.append(Fault(drip=0.25))
    assert tool.get("bucket", "key") == CONTENT
    assert len(fake.asked) == 1


@pytest.mark.slow
def test_a_slow_reader_is_nobodys_silence(fake, make_tool):
    """The reader's own pause, longer than idle_s, breaks nothing."""
    fake.store("bucket", "large", b"x" * (24 << 20))
    tool = make_tool(fake.place(attempts=1, idle_s=1))
    assert len(tool.get("bucket", "large", 0, "", "", 65536, 2500)) == 24 << 20


def peak_kib(process):
    """The most memory a process had so far; unlike ru_maxrss it knows nothing of its parent's."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))


def test_memory_does_not_grow_with_the_object(fake, make_tool):
    """Neither while the bytes flow nor while a reader that stands still leaves them to the sender."""
    whole = 96 << 20
    tool = make_tool(fake.place(idle_s=30))
    fake.store("bucket", "large", b"x" * whole)
    with subprocess.Popen(tool.command("get", "bucket", "large", 0, ""), stdout=subprocess.PIPE, env=tool.env) as run:
        read = len(run.stdout.read(1 << 20))
        time.sleep(0.5)
        while read < whole - (1 << 20):
            got = len(run.stdout.read(1 << 20))
            assert got > 0, "it ended early"
            read += got
        peak = peak_kib(run)
        read += len(run.stdout.read())
    assert run.returncode == 0 and read == whole
    assert peak < 64 * 1024


def test_a_put_is_sent_again_whole(fake, tool):
    fake.faults.extend([Fault(status=500), Fault(hang_up=True)])
    tool.done("put", "bucket", "new", stdin=CONTENT)
    assert fake.objects["bucket", "new"] == [("null", CONTENT)]
    assert [asked.body for asked in fake.asked] == [CONTENT] * 3


def test_a_refused_put(fake, tool):
    fake.faults.append(Fault(status=403, code="AccessDenied"))
    assert tool("put", "bucket", "new", stdin=b"x").error == UNWRITABLE
    assert len(fake.asked) == 1


def test_a_removal_is_asked_for_again(fake, tool):
    fake.faults.extend([Fault(status=503), Fault(hang_up=True)])
    tool.done("remove", "bucket", "key")
    assert fake.methods() == ["DELETE"] * 3 and ("bucket", "key") not in fake.objects
    tool.done("remove", "bucket", "key")


def test_a_refused_removal(fake, tool):
    fake.faults.append(Fault(status=403, code="AccessDenied"))
    assert tool("remove", "bucket", "key").error == UNWRITABLE
    assert ("bucket", "key") in fake.objects


def test_the_bucket_in_the_host_or_in_the_path(fake, make_tool):
    tool = make_tool(fake.place("localhost", style="virtual"))
    assert tool.get("bucket", "key") == CONTENT
    assert fake.asked[-1].headers["host"] == f"bucket.localhost:{fake.port}"
    assert fake.asked[-1].target == "/key"
    fake.store("Bucket_9", "key", b"no host's name")
    assert tool.get("Bucket_9", "key") == b"no host's name"
    assert fake.asked[-1].target == "/Bucket_9/key"


def test_new_buckets_name_their_region(fake, tool):
    tool.done("make", "new-bucket")
    assert fake.asked[-1].target == "/new-bucket"
    assert b"<LocationConstraint>xx-tests-1</LocationConstraint>" in fake.asked[-1].body


@pytest.fixture
def certificate(tmp_path):
    path = tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path),
                    "-out", str(tmp_path / "public.pem")], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (tmp_path / "public.pem").read_bytes())
    return path


def test_tls_with_an_authority_of_ones_own(certificate, tmp_path, make_tool):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FakeS3(tls=context) as fake:
        fake.store("bucket", "key", CONTENT)
        assert make_tool(fake.place(ca=tmp_path / "public.pem")).get("bucket", "key") == CONTENT
        outcome = make_tool(fake.place())("stat", "bucket", "key")
        assert outcome.error[0] == "E_INTERNAL"
        assert "failures=" not in outcome.log, "a certificate that does not fit is not tried again"
