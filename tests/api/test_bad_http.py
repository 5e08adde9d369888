"""Requests that are none (the table of bad input): raw bytes on a socket, and what must happen to that socket."""
import re
import socket
import time

import pytest

from harness.clients import Wire


class Socket:
    """One connection; `exchange` sends bytes and gives the answer's status, and whether the server then closed."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 30)
        self.host = f"127.0.0.1:{server.port}"

    def exchange(self, data):
        self.socket.sendall(data)
        return self.answer()

    def answer(self):
        got = b""
        closed = False
        while not closed:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            closed = not piece
            got += piece
            match = re.search(rb"\r\ncontent-length: *(\d+).*?\r\n\r\n", got, re.S | re.I)
            if match and len(got) >= match.end() + int(match.group(1)) and b"connection: close" not in got.lower():
                break
        status = re.match(rb"HTTP/1\.1 (\d+)", got)
        return (int(status.group(1)) if status else None), closed


@pytest.fixture
def raw(server):
    connection = Socket(server)
    yield connection
    connection.socket.close()


def request(*headers, body=b"{}", host=True, start=b"POST / HTTP/1.1"):
    """A head with these lines and a body; the Host line is filled in by `send`."""
    lines = [start, *([b"Host: HERE"] if host else []), b"Content-Type: application/x-amz-json-1.1",
             b"X-Amz-Target: RekognitionService.DescribeProjects", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def send(raw, data):
    return raw.exchange(data.replace(b"HERE", raw.host.encode()))


def test_a_well_formed_request_is_only_unsigned(raw):
    """The measure of the rows below: 400 for want of a signature, and the connection stays."""
    assert send(raw, request(b"Content-Length: 2")) == (400, False)
    assert send(raw, request(b"Content-Length: 2")) == (400, False)


@pytest.mark.parametrize("data", [
    request(b"Content-Length: 2", b"Content-Length: 2"),
    request(b"Content-Length: 2", b"Content-Length: 3"),
    request(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    request(b"Transfer-Encoding: gzip, chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    request(b"Transfer-Encoding: identity"),
    request(b"Transfer-Encoding: xchunked"),
    request(b"Content-Length : 2"),
    request(b"Content-Length: 2", host=False),
    request(b"Content-Length: 2", b"Host: other.example"),
    request(b"Content-Length: 2", b"Host: HERE"),
    request(b"Content-Length: -2"),
    request(b"Content-Length: 2x"),
    request(b"Content-Length: 99999999999999999999"),
], ids=["two lengths", "two different lengths", "length and chunked", "gzip", "identity", "xchunked", "space", "no host",
        "two hosts", "the host twice", "negative", "letters", "overflow"])
def test_refused_and_closed(raw, data):
    status, closed = send(raw, data)
    assert status in (400, 413) and closed


def test_head_too_large(raw):
    assert send(raw, request(b"Content-Length: 2", b"X-Pad: " + b"x" * 33_000)) == (431, True)


def test_many_headers_too_large(server):
    raw = Socket(server)
    pad = [b"X-%d: %s" % (number, b"y" * 100) for number in range(400)]
    assert send(raw, request(b"Content-Length: 2", *pad)) == (431, True)
    raw.socket.close()


def test_body_too_large_by_its_length(raw):
    status, closed = send(raw, request(b"Content-Length: 8388609", body=b""))
    assert (status, closed) == (413, True)


def test_body_too_large_in_chunks(raw):
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    try:
        raw.socket.sendall(request(b"Transfer-Encoding: chunked", body=b"").replace(b"HERE", raw.host.encode()))
        for _ in range(9):
            raw.socket.sendall(chunk)
    except (BrokenPipeError, ConnectionResetError):
        pass
    status, closed = raw.answer()
    assert status in (400, 413, None) and closed


def test_rubbish(server):
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n", b"\r\n\r\n\r\n\r\n",
                 b"GET\r\n\r\n", b"\xff" * 5000 + b"\r\n\r\n", b"POST / HTTP/9.9\r\nHost: x\r\n\r\n"):
        raw = Socket(server)
        raw.socket.sendall(data)
        raw.socket.shutdown(socket.SHUT_WR)
        raw.answer()
        raw.socket.close()
    assert Wire(server, "us-east-1").post("DescribeProjects", {}).status == 200


def test_connections_dropped_at_every_moment(server, lab):
    signed = lab.wire.signed("DescribeProjects", b"{}")
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
    whole = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{head}Content-Length: 2\r\n\r\n{{}}".encode()
    for length in range(0, len(whole) + 1, 37):
        connection = socket.create_connection(("127.0.0.1", server.port), 30)
        connection.sendall(whole[:length])
        connection.close()
    assert lab.wire.post("DescribeProjects", {}).status == 200


@pytest.mark.parametrize("part", ["head", "body"])
def test_slow_drip_is_cut(start_server, part):
    """One byte at a time never completes; others are served meanwhile."""
    own = start_server("--request-ms", "1000")
    raw = Socket(own)
    data = request(b"Content-Length: 1000", body=b"").replace(b"HERE", raw.host.encode())
    raw.socket.sendall(data if part == "body" else data[:20])
    began = time.monotonic()
    cut = False
    while not cut and time.monotonic() - began < 20:
        try:
            raw.socket.sendall(b"x")
            raw.socket.settimeout(0.1)
            cut = raw.socket.recv(1000) == b""
        except TimeoutError:
            continue
        except OSError:
            cut = True
        assert Wire(own, "us-east-1").post("DescribeProjects", {}).status == 200
    assert cut
    assert 0.5 < time.monotonic() - began < 10
    raw.socket.close()


def test_pipelined_requests_are_answered_in_order(lab):
    signed = lab.wire.signed("DescribeProjects", b"{}")
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
    good = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{lab.server.port}\r\n{head}Content-Length: 2\r\n\r\n{{}}".encode()
    unsigned = request(b"Content-Length: 2").replace(b"HERE", f"127.0.0.1:{lab.server.port}".encode())
    connection = socket.create_connection(("127.0.0.1", lab.server.port), 30)
    connection.sendall(good + unsigned + good)
    got = b""
    while got.count(b"HTTP/1.1 ") < 3 or not got.endswith(b"}"):
        piece = connection.recv(65536)
        assert piece, got
        got += piece
    assert re.findall(rb"HTTP/1\.1 (\d+)", got) == [b"200", b"400", b"200"]
    connection.close()
