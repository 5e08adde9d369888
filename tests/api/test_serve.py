"""The server as a process: its line, its signals, what it reads anew, and starts that are refused."""
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

from harness.clients import Wire
from harness.server import BINARY, environment, run_placard


def wait_for_log(server, text, count=1):
    deadline = time.monotonic() + 20
    while server.log().count(text) < count:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.01)


def reload(server, times=1):
    server.signal(signal.SIGHUP)
    wait_for_log(server, "msg=reloaded", times)
    return server.log()


def refused_start(*flags, status):
    run = run_placard("serve", *flags, check=False)
    assert (run.returncode, run.stdout) == (status, "")
    [line] = run.stderr.splitlines()
    assert line.startswith("placard serve: ")
    return line


def test_the_line_and_the_first_start(start_server):
    own = start_server(root_key=None)
    assert (own.log_path.with_suffix(".out")).read_text() == f"placard is ready on http://127.0.0.1:{own.port}\n"
    assert (own.data / "credentials").stat().st_mode & 0o777 == 0o600
    wait_for_log(own, "credentials=")
    [line] = [line for line in own.log().splitlines() if "credentials=" in line]
    for part in ("version=", f"data={own.data}", "account=123456789012", f"credentials={own.data}/credentials"):
        assert part in line
    secret = re.search(r"secret_access_key = (\S+)", (own.data / "credentials").read_text()).group(1)
    assert secret not in own.log()


def test_ipv6(tmp_path):
    with subprocess.Popen([BINARY, "serve", "--data", tmp_path / "data", "--listen", "[::1]:0"], env=environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        line = process.stdout.readline()
        url = re.fullmatch(r"placard is ready on (http://\[::1\]:\d+)\n", line).group(1)
        with urllib.request.urlopen(url + "/healthz", timeout=30) as answer:
            assert answer.read() == b"ok\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def half_a_request(server):
    client = socket.create_connection(("127.0.0.1", server.port), 30)
    client.sendall(b"POST / HTTP/1.1\r\nHo")
    time.sleep(0.1)
    return client


def test_the_end_waits_no_longer_than_it_may(start_server):
    own = start_server("--drain-ms", "500")
    with half_a_request(own):
        began = time.monotonic()
        own.stop()
        assert 0.4 < time.monotonic() - began < 10


def test_a_second_sigterm_ends_at_once(start_server):
    own = start_server("--drain-ms", "60000")
    with half_a_request(own):
        own.signal(signal.SIGTERM)
        wait_for_log(own, "msg=\"ending")
        own.signal(signal.SIGTERM)
        assert own.process.wait(10) == -signal.SIGTERM
    own.process = None
    assert Wire(own.start(), "us-east-1").post("DescribeProjects", {}).status == 200


def test_what_a_reload_says(start_server, tmp_path):
    file = tmp_path / "placard.conf"
    file.write_text("pool-queue = 500\n", encoding="utf-8")
    own = start_server("--config", file)
    file.write_text("pool-queue = 9\nlimit.dataset-labels = 7\nrate.TagResource = 5\n", encoding="utf-8")
    log = reload(own)
    assert "`pool-queue` has changed" in log
    assert "limit=dataset-labels was=250 is=7" in log
    assert 'rates="TagResource=5"' in log
    file.write_text("limit.dataset-labels = 9\nrate.Nonsense = 5\n", encoding="utf-8")
    log = reload(own, 2)
    assert "Nonsense" in log and "is=9" not in log, "all of it is refused, or none"
    file.write_text("limit.dataset-labels = 8\n", encoding="utf-8")
    assert "limit=dataset-labels was=7 is=8" in reload(own, 3)


def make_certificate(chain, key):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", chain, "-subj", "/CN=localhost", "-days", "2"], check=True,
                   capture_output=True)


def shown_certificate(server):
    return ssl.get_server_certificate(("127.0.0.1", server.port))


def test_a_certificate_is_renewed(start_server, tmp_path):
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    make_certificate(chain, key)
    own = start_server("--tls-certificate", chain, "--tls-key", key)
    first = shown_certificate(own)
    make_certificate(chain, key)
    renewed = chain.read_text()
    reload(own)
    assert shown_certificate(own).split() == renewed.split() != first.split()
    chain.write_text("nothing", encoding="utf-8")
    assert "the certificate is refused" in reload(own, 2)
    assert shown_certificate(own).split() == renewed.split()


def test_starts_that_are_refused(start_server, tmp_path):
    own = start_server()
    assert str(own.process.pid) in refused_start("--data", own.data, "--listen", "127.0.0.1:0", status=1)
    data = ("--data", tmp_path / "other")
    assert "in use" in refused_start(*data, "--listen", f"127.0.0.1:{own.port}", status=2)
    assert "/nowhere/x.db" in refused_start(*data, "--listen", "127.0.0.1:0", "--store", "sqlite:/nowhere/x.db", status=1)
    assert "PLACARD_S3_ACCESS_KEY_ID" in refused_start(*data, "--listen", "127.0.0.1:0", "--objects", "s3:http://x",
                                                       status=2)
    assert "loopback" in refused_start(*data, "--listen", "0.0.0.0:0", "--auth", "none", status=2)
    assert "cannot be made" in refused_start("--data", "/proc/placard", "--listen", "127.0.0.1:0", status=2)


def test_it_is_small_at_rest(start_server):
    """Far above what it needs: the sanitizers' own memory is in it where they are."""
    own = start_server()
    process = Path("/proc") / str(own.process.pid)
    resident_kib = int(re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text()).group(1))
    sanitized = re.search("lib[at]san", (process / "maps").read_text())
    assert resident_kib < (150 if sanitized else 30) * 1024
