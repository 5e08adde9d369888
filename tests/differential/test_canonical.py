"""Our canonical request and our signature against botocore's, over random requests."""
import hashlib

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from urllib.parse import quote

from harness.differ import cases

CREDENTIALS = Credentials("AKIDEXAMPLE", "secret")

# What botocore leaves as it is and we do not; the generator makes it, and the comparison undoes just this.
DIFFERENCES = {
    "raw bytes in the query": "bytes that no URL may hold (controls, blanks, beyond ASCII) are escaped in the canonical query: "
                              "botocore never sends them, and a server must not let a line feed into what is signed",
}

PATH_PIECES = ["/", "/", "/", ".", "..", "a", "B", "7", "-", "_", "~", "%20", "%2F", "%2f", "%", "+", "*", "(", "@", ":", "=",
               "&", ";", ",", "!", "$", "'", "é", "漢", "😀"]
QUERY_PIECES = ["a", "b", "A", "=", "=", "&", "&", "%20", "%2F", "+", "/", "?", "-", "~", "z", "0", "é", ";", ":", ","]
VALUE_PIECES = ["a", "B", "7", " ", "  ", "\t", ",", ";", "=", ":", "/", '"', "%", "é"]
NAMES = ["X-Amz-Meta-A", "x-amz-meta-b", "Content-Type", "X-Amz-Target", "X-AMZ-META-A", "Accept", "X-A", "X-A-B", "X-Amz-Date2"]


def make_request(chance):
    name = lambda: chance.choice(NAMES)
    words = lambda pieces, most: "".join(chance.choices(pieces, k=chance.randrange(most)))
    headers = [("Host", chance.choice(("127.0.0.1:8790", "example.com", "[::1]:80"))), ("X-Amz-Date", "20260102T030405Z")]
    headers += [(name(), words(VALUE_PIECES, 12)) for _ in range(chance.randrange(6))]
    body = words(["{", "}", "a"], 5).encode()
    if chance.random() < 0.3:
        headers.append(("X-Amz-Content-SHA256", chance.choice(("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()))))
    chance.shuffle(headers)
    return {"method": chance.choice(("POST", "GET", "PUT")), "path": "/" + words(PATH_PIECES, 14),
            "query": words(QUERY_PIECES, 16), "headers": headers, "body": body,
            "service": chance.choice(("rekognition", "s3")), "region": chance.choice(("us-east-1", "eu-x-9"))}


def theirs(request):
    query = quote(request["query"], safe="".join(map(chr, range(0x21, 0x7f))))
    url = f"http://host{request['path']}" + (f"?{query}" if query else "")
    sent = AWSRequest(method=request["method"], url=url, data=request["body"])
    for name, value in request["headers"]:
        sent.headers.add_header(name, value)
    sent.context["timestamp"] = "20260102T030405Z"
    kind = botocore.auth.S3SigV4Auth if request["service"] == "s3" else botocore.auth.SigV4Auth
    auth = kind(CREDENTIALS, request["service"], request["region"])
    canonical = auth.canonical_request(sent)
    signature = auth.signature(auth.string_to_sign(sent, canonical), sent)
    scope = f"AKIDEXAMPLE/20260102/{request['region']}/{request['service']}/aws4_request"
    signed = auth.signed_headers(auth.headers_to_sign(sent))
    return f"{canonical}\n\nAWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}"


def ours(differ, request):
    stated = [value for name, value in request["headers"] if name == "X-Amz-Content-SHA256"]
    payload = stated[0] if stated else hashlib.sha256(request["body"]).hexdigest()
    lines = [request["method"], request["service"], request["path"], request["query"], payload, "20260102T030405Z",
             request["region"], request["service"], *(f"{name}:{value}" for name, value in request["headers"])]
    return differ.ask(b"C", "\n".join(lines).encode("utf-8")).decode("utf-8")


def test_same_canonical_request_and_signature(differ):
    raw = 0
    for seed, request in cases("canonical", make_request):
        assert ours(differ, request) == theirs(request), f"{seed}: {request!r}"
        raw += not request["query"].isascii()
    assert raw or len(DIFFERENCES) == 0
