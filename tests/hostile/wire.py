"""Requests as bytes over one kept connection: thousands of forged ones a second, and nothing that tidies them."""
import json
import re
import socket

from harness.clients import Answer

ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n(.*?\r\n)?\r\n", re.S)
LENGTH = re.compile(rb"^content-length: *(\d+)", re.I | re.M)


class Line:
    """Sends one request after the other; connects anew when the server closed."""

    def __init__(self, server):
        self.server = server
        self.socket = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, headers, body, path="/", method="POST"):
        """`headers` is a list of pairs, sent as they are, in that order; text is sent as latin-1."""
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers),
            f"Content-Length: {len(body)}",
        ]
        return self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def send(self, data):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.server.port), 60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(data)
        got = b""
        while True:
            head = ANSWER.match(got)
            if head:
                length = int(LENGTH.search(head.group(2)).group(1))
                if len(got) >= head.end() + length:
                    break
            piece = self.socket.recv(1 << 20)
            assert piece, f"closed without a whole answer: {got[:200]!r}"
            got += piece
        if b"\r\nconnection: close" in head.group(0).lower():
            self.close()
        return Answer(int(head.group(1)), None, got[head.end() :])


def pairs_of(request, server):
    """The headers of a request signed by botocore, with the Host that it signed for."""
    return [("Host", f"127.0.0.1:{server.port}"), *request.headers.items()]


def name_of(answer):
    """The exception's name; of a success, OK; of the listener's own refusal, its status."""
    if answer.status == 200:
        return "OK"
    try:
        return json.loads(answer.body)["__type"]
    except ValueError:
        return str(answer.status)
