"""boto3 clients and raw signed requests for a server.

`boto_client` gives the unmodified AWS client with retries off. `Wire` sends one HTTP request per call, signed by
botocore's own signer, and shows status, headers and body as they came: for what boto3 hides, refuses to send, or does
not know yet.
"""
import http.client
import json
from typing import NamedTuple

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

SERVICE = "rekognition"
CONTENT_TYPE = "application/x-amz-json-1.1"
TIMEOUT_SECONDS = 60

_session = boto3.session.Session()
_open_clients = []


def boto_client(server, region, key=None, **config):
    """A Rekognition client; `config` are members of botocore's Config, such as parameter_validation."""
    key = key or server.root_key
    settings = {"retries": {"max_attempts": 0}, "proxies": {}, "read_timeout": TIMEOUT_SECONDS, **config}
    client = _session.client(
        SERVICE, endpoint_url=server.url, region_name=region, aws_access_key_id=key.access,
        aws_secret_access_key=key.secret, aws_session_token=key.token, config=Config(**settings))
    _open_clients.append(client)
    return client


def close_clients():
    """Closes the idle sockets of all clients made so far; a client that is used again opens new ones."""
    while _open_clients:
        _open_clients.pop().close()


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def type(self):
        """The exception's name, as botocore reads it."""
        return self.json["__type"]

    @property
    def message(self):
        return self.json.get("message", self.json.get("Message"))


class Wire:
    def __init__(self, server, region, key=None):
        self.server = server
        self.region = region
        self.key = key or server.root_key

    def signed(self, operation, body, headers=None, path="/"):
        """An AWSRequest, prepared to be changed or sent. `operation` None leaves the target out."""
        headers = {"Content-Type": CONTENT_TYPE, **(headers or {})}
        if operation is not None:
            headers["X-Amz-Target"] = f"RekognitionService.{operation}"
        request = AWSRequest("POST", self.server.url + path, headers=headers, data=body)
        credentials = Credentials(self.key.access, self.key.secret, self.key.token)
        SigV4Auth(credentials, SERVICE, self.region).add_auth(request)
        return request

    def send(self, method, path, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def post(self, operation, body, headers=None, path="/"):
        """`body` is bytes, or something to write as JSON."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = self.signed(operation, body, headers, path)
        return self.send("POST", path, dict(request.headers.items()), body)

    def ask(self, operation, body):
        """The answer of a call that must succeed, decoded."""
        answer = self.post(operation, body)
        assert answer.status == 200, answer
        return answer.json
