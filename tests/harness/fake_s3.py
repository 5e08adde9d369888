"""A small S3 server for what real ones do not do on demand: version ids, and every way to fail.

It keeps objects in memory, checks each request's signature with botocore's own signer, and records what was asked. A
test queues faults; each request that comes takes the next one (None: behave). Or it gives a `plan`, which is asked with
(method, bucket, key) of each request and says its fault or None.
"""
import hashlib
import threading
import time
import urllib.parse
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Optional

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCESS, SECRET, REGION = "AKIDOBJECTTESTS", "object-secret/of+tests", "xx-tests-1"
CHUNK = 64 * 1024


class Fault(NamedTuple):
    status: Optional[int] = None      # answer this, with an error body of `code`
    code: str = "SomeCode"
    location: Optional[str] = None
    cut_after: Optional[int] = None   # bytes of the body, then the connection closes
    silence_after: Optional[int] = None  # bytes of the body, then nothing until the client leaves
    drip: Optional[float] = None      # seconds between pieces of a tenth of the body
    deaf: bool = False                # never answer
    hang_up: bool = False             # close without an answer
    lost: bool = False                # a PUT is done, and closed without an answer
    more: int = 0                     # bytes by which the announced length differs from the body's
    flip: Optional[int] = None        # the byte of the body in which a bit is another
    etag: Optional[str] = None        # another one than the object's
    ignore: tuple = ()                # request headers treated as absent
    replace: Optional[bytes] = None   # the object becomes this after the fault


class Asked(NamedTuple):
    method: str
    target: str
    headers: dict
    body: bytes


class FakeS3:
    """`with FakeS3() as s3:`; `tls` is an ssl.SSLContext."""

    def __init__(self, tls=None, token=None, secret=SECRET):
        self.objects = {}  # (bucket, key) -> [(version id, bytes)], the newest last
        self.faults = deque()
        self.plan = lambda method, bucket, key: None
        self.puts = []  # (bucket, key) of each that was taken
        self.asked = []
        self.refused = []
        self.token = token
        self.secret = secret
        self.closing = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda request, address: None  # a client that leaves is part of the tests
        self.http.fake = self
        self.scheme = "https" if tls else "http"
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def port(self):
        return self.http.server_address[1]

    def place(self, host="127.0.0.1", **parameters):
        query = urllib.parse.urlencode({"region": REGION, **parameters})
        return f"s3:{self.scheme}://{host}:{self.port}?{query}"

    def store(self, bucket, key, content, version="null"):
        self.objects.setdefault((bucket, key), []).append((version, content))

    def methods(self):
        return [asked.method for asked in self.asked]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def etag_of(content):
    return f'"{hashlib.md5(content).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_any(self):
        fake = self.server.fake
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        fake.asked.append(Asked(self.command, self.path, headers, body))
        fault = (fake.faults.popleft() if fake.faults else None) or fake.plan(self.command, *self.named()[:2]) or Fault()
        self.known = {name: value for name, value in headers.items() if name not in fault.ignore}
        if fault.deaf:
            fake.closing.wait()
        if fault.deaf or fault.hang_up:
            self.close_connection = True
        elif fault.status:
            self.refuse(fault.status, fault.code, fault.location)
        elif not self.is_signed(body):
            fake.refused.append(self.path)
            self.refuse(403, "SignatureDoesNotMatch")
        else:
            self.serve(body, fault)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_any

    def refuse(self, status, code, location=None):
        self.answer(status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode(),
                    Fault(), **({"Location": location} if location else {}))

    def is_signed(self, body):
        """Whether botocore, given the same secret, signs the same request the same way."""
        fake = self.server.fake
        if self.headers.get("X-Amz-Security-Token") != fake.token:
            return False
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        names = parts["SignedHeaders"].split(";")
        if any(name.lower().startswith("x-amz-") and name.lower() not in names for name in self.headers):
            return False
        url = f"{fake.scheme}://{self.headers['Host']}{self.path}"
        path, _, query = url.partition("?")
        request = AWSRequest(self.command, path, {name: self.headers[name] for name in names}, body,
                             params=dict(urllib.parse.parse_qsl(query)))
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        signer = S3SigV4Auth(Credentials(ACCESS, fake.secret), "s3", REGION)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        return (scheme == "AWS4-HMAC-SHA256" and parts["Signature"] == signer.signature(text, request)
                and self.headers["X-Amz-Content-SHA256"] == hashlib.sha256(body).hexdigest()
                and parts["Credential"] == f"{ACCESS}/{signer.credential_scope(request)}")

    def named(self):
        """Bucket and key, from the path alone or with the bucket in front of the host."""
        path, _, query = self.path.partition("?")
        path = urllib.parse.unquote(path)
        host = self.headers["Host"].partition(":")[0]
        if host.endswith(".localhost"):
            bucket, key = host.removesuffix(".localhost"), path[1:]
        else:
            bucket, _, key = path[1:].partition("/")
        return bucket, key, dict(urllib.parse.parse_qsl(query)).get("versionId")

    def serve(self, body, fault):
        fake = self.server.fake
        bucket, key, version = self.named()
        if self.command == "PUT":
            fake.objects[bucket, key] = [("null", body)]
            fake.puts.append((bucket, key))
            if fault.lost:
                self.close_connection = True
                return None
            return self.answer(200, b"", fault, ETag=etag_of(body))
        if self.command == "DELETE":
            fake.objects.pop((bucket, key), None)
            return self.answer(204, b"", fault)
        versions = fake.objects.get((bucket, key), [])
        found = [content for known, content in versions if version in (None, known)]
        if not found:
            return self.refuse(404, "NoSuchVersion" if versions else "NoSuchKey")
        content = found[-1]
        expected = self.known.get("if-match")
        if expected and expected != etag_of(content):
            return self.refuse(412, "PreconditionFailed")
        first = int(self.known.get("range", "bytes=0-")[6:-1])
        if first and first >= len(content):
            return self.refuse(416, "InvalidRange")
        part = {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if first else {}
        if fault.flip is not None:
            content = content[:fault.flip] + bytes([content[fault.flip] ^ 1]) + content[fault.flip + 1:]
        self.answer(206 if first else 200, content[first:], fault, ETag=fault.etag or etag_of(found[-1]), **part)
        if fault.replace is not None:
            fake.objects[bucket, key] = [("null", fault.replace)]

    def answer(self, status, body, fault, **headers):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(body) + fault.more}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send(body, fault)

    def send(self, body, fault):
        limit = next((n for n in (fault.cut_after, fault.silence_after) if n is not None), len(body) + min(fault.more, 0))
        size = len(body) // 10 if fault.drip else CHUNK
        for at in range(0, min(limit, len(body)), size):
            self.wfile.write(body[at:min(at + size, limit)])
            self.wfile.flush()
            time.sleep(fault.drip or 0)
        if limit < len(body) + max(fault.more, 0):
            self.close_connection = True
            if fault.silence_after is not None:
                self.server.fake.closing.wait(20)
