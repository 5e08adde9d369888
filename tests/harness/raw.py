"""Raw bytes on a socket: what was answered, how often, and whether the server closed."""
import re
import socket
import time

ANSWER_SECONDS = 30


class RawSocket:
    """One connection to a server of this machine."""

    def __init__(self, server, timeout=ANSWER_SECONDS):
        self.host = f"127.0.0.1:{server.port}"
        self.timeout = timeout
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False when the server closed meanwhile, which it may."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def hear(self, seconds, enough=lambda got: False):
        """(bytes, closed): what came until the server closed, `enough` said so, or `seconds` were over."""
        got, deadline = b"", time.monotonic() + seconds
        while not enough(got):
            left = deadline - time.monotonic()
            if left <= 0:
                return got, False
            self.socket.settimeout(left)
            try:
                piece = self.socket.recv(65536)
            except TimeoutError:
                return got, False
            except ConnectionResetError:
                return got, True
            if not piece:
                return got, True
            got += piece
        return got, False


def statuses(got):
    """The statuses of all answers in these bytes, bodies skipped by their Content-Length."""
    found = []
    while True:
        match = re.match(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r\n(.*?)\r\n\r\n|HTTP/1\.1 (\d{3})[^\r\n]*\r\n\r\n", got, re.S)
        if not match:
            return found
        found.append(int(match.group(1) or match.group(3)))
        length = re.search(rb"^content-length: *(\d+)", match.group(2) or b"", re.I | re.M)
        got = got[match.end() + (int(length.group(1)) if length else 0) :]
