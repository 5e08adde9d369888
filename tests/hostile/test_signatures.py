"""SigV4 under attack: requests that botocore signed, each signed part changed in every way that keeps it a request.

What passes must be the request that was signed, or one of the same meaning by SigV4's own rules (white space, the order
of headers and of parameters, escapes that name the same bytes); nothing else, ever, and nothing may be a server error.
"""
import datetime
import string
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness.clients import CONTENT_TYPE
from harness.users import ALLOW_ALL
from hostile.wire import Line, name_of, pairs_of

REFUSED = {
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
    "UnknownOperationException",
    "400",
    "404",
}
BODY = b'{"MaxResults": 7}'
TARGET = "RekognitionService.DescribeProjects"


@pytest.fixture
def line(server):
    with Line(server) as one:
        yield one


def signed(lab, body=BODY, service="rekognition", region=None, moment=None, path="/", key=None, headers=None):
    """(pairs, body), signed by botocore; `moment` is a datetime in UTC."""
    key = key or lab.key
    request = AWSRequest(
        "POST",
        lab.server.url + path,
        data=body,
        headers={"Content-Type": CONTENT_TYPE, "X-Amz-Target": TARGET, **(headers or {})},
    )
    signer = SigV4Auth(Credentials(key.access, key.secret, key.token), service, region or lab.region)
    if moment is None:
        signer.add_auth(request)
    else:
        request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
        signer._modify_request_before_signing(request)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        signer._inject_signature_to_request(request, signer.signature(text, request))
    return pairs_of(request, lab.server)


def changed(pairs, name, value):
    return [(known, value if known.lower() == name.lower() else old) for known, old in pairs]


def value_of(pairs, name):
    return next(value for known, value in pairs if known.lower() == name.lower())


def other(char):
    """Another character of the same kind, so that what it stands in stays well-formed."""
    for kind in (string.digits, "abcdef", string.ascii_lowercase, string.ascii_uppercase):
        if char in kind:
            return kind[(kind.index(char) + 1) % len(kind)]
    return "." if char != "." else "-"


def test_the_measure(lab, line):
    assert name_of(line.ask(signed(lab), BODY)) == "OK"


@pytest.mark.parametrize("name", ["Host", "Content-Type", "X-Amz-Target", "X-Amz-Date", "Authorization"])
def test_every_character_of_every_header(lab, line, name):
    """The case of a name in SignedHeaders is the one thing that does not count."""
    pairs = signed(lab)
    value = value_of(pairs, name)
    for at, char in enumerate(value):
        for forged in {other(char), char.swapcase(), "\x80"} - {char}:
            pairs_now = changed(pairs, name, value[:at] + forged + value[at + 1 :])
            alike = "SignedHeaders=" in value[:at] and ", Sig" in value[at:] and char.swapcase() == forged
            assert alike or name_of(line.ask(pairs_now, BODY)) in REFUSED, (at, forged)
        if char != " ":
            answer = line.ask(changed(pairs, name, value[:at] + value[at + 1 :]), BODY)
            assert name_of(answer) in REFUSED, at
    for forged in ("", value + "x", "x" + value, value + value, value + "," + value):
        assert name_of(line.ask(changed(pairs, name, forged), BODY)) in REFUSED, forged
    assert name_of(line.ask(pairs, BODY)) == "OK"


def test_every_header_gone(lab, line):
    pairs = signed(lab)
    for gone, _ in pairs:
        assert name_of(line.ask([pair for pair in pairs if pair[0] != gone], BODY)) in REFUSED, gone


@pytest.mark.parametrize("name", ["Host", "Content-Type", "X-Amz-Target", "X-Amz-Date", "Authorization"])
@pytest.mark.parametrize("before", [True, False])
def test_every_header_twice(lab, line, name, before):
    """A second one, the same or another, before or behind the signed one: two readers could pick different ones."""
    pairs = signed(lab)
    at = next(place for place, (known, _) in enumerate(pairs) if known == name)
    values = [value_of(pairs, name), "x", "", "RekognitionService.DeleteProject"]
    for value in values:
        doubled = list(pairs)
        doubled.insert(at if before else at + 1, (name, value))
        assert name_of(line.ask(doubled, BODY)) in REFUSED, value


def test_every_order_is_the_same_request(lab, line):
    pairs = signed(lab)
    for turn in range(len(pairs)):
        turned = pairs[turn:] + pairs[:turn]
        assert name_of(line.ask(turned, BODY)) == "OK"
        assert name_of(line.ask(turned[::-1], BODY)) == "OK"


def test_white_space_and_case_of_names_are_the_same_request(lab, line):
    for make in (str.lower, str.upper, str.title):
        assert name_of(line.ask([(make(name), value) for name, value in signed(lab)], BODY)) == "OK"
    for space in (" ", "\t", "   "):
        pairs = [(name, space + value + space) for name, value in signed(lab)]
        assert name_of(line.ask(pairs, BODY)) == "OK"


def test_what_is_not_signed_may_not_decide(lab, line):
    """A header that says which operation is meant, whose session it is or what the body is must be signed itself."""
    pairs = signed(lab)
    for name, value in (
        ("X-Amz-Security-Token", "x"),
        ("X-Amz-Content-Sha256", "0" * 64),
        ("X-Amz-Date", "20200101T000000Z"),
        ("X-Amz-Target", "RekognitionService.DeleteProject"),
    ):
        assert name_of(line.ask([*pairs, (name, value)], BODY)) in REFUSED, name
    for name in ("X-Amz-Target", "Content-Type", "X-Amz-Date"):
        authorization = value_of(pairs, "Authorization")
        for form in (name.lower() + ";", ";" + name.lower()):
            if form in authorization:
                forged = changed(pairs, "Authorization", authorization.replace(form, "", 1))
                assert name_of(line.ask(forged, BODY)) in REFUSED


def test_a_target_that_was_not_signed_is_refused(lab, line):
    """Signed rightly, but without the target: whoever sees the request could make another call of it."""
    request = AWSRequest("POST", lab.server.url + "/", data=BODY, headers={"Content-Type": CONTENT_TYPE})
    SigV4Auth(Credentials(lab.key.access, lab.key.secret), "rekognition", lab.region).add_auth(request)
    pairs = pairs_of(request, lab.server)
    assert name_of(line.ask([*pairs, ("X-Amz-Target", TARGET)], BODY)) in REFUSED


def test_every_byte_of_the_body(lab, line):
    pairs = signed(lab)
    for at in range(len(BODY)):
        assert name_of(line.ask(pairs, BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :])) in REFUSED
        assert name_of(line.ask(pairs, BODY[:at] + BODY[at + 1 :])) in REFUSED
        assert name_of(line.ask(pairs, BODY[:at] + b" " + BODY[at:])) in REFUSED
    for forged in (b"", BODY + b"\n", BODY + BODY, b"{}"):
        assert name_of(line.ask(pairs, forged)) in REFUSED


def test_a_hash_that_is_said_must_be_the_body_s(lab, line):
    """A signed X-Amz-Content-Sha256 of another body, or UNSIGNED-PAYLOAD, does not let another body in."""
    for said in (
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "0" * 64,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4" "649b934ca495991b7852b855",
        "",
    ):
        pairs = signed(lab, headers={"X-Amz-Content-Sha256": said})
        assert name_of(line.ask(pairs, BODY)) in REFUSED, said


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH", "post"])
def test_another_method(lab, line, method):
    answer = line.ask(signed(lab), b"" if method == "HEAD" else BODY, method=method) if method != "HEAD" else None
    if answer:
        assert name_of(answer) in REFUSED


ODD = """
    / // /./ /../ /a /a/ /a//b /a/./b /a/b/../c /%41 /a%2Fb /a%2fb /% /%zz /a+b /a%20b /~a /a;b /a:b@c /a,b
    /a=b /? /?a /?a= /?=a /?a=b /?b=1&a=2 /?a=2&a=1 /?a=1&a /?a=%20 /?a=+ /?a=%2F /?a=%2f /?a=/ /?a=? /?a&&b
    /?& /?a=b=c /?a=% /?A=1&a=2 /?a-b=1&a=2 /?a=~ /?a=%7E /?%61=b
""".split()


@pytest.mark.slow
@pytest.mark.parametrize("path", ODD)
def test_odd_paths_and_queries(lab, line, path):
    """As botocore signs it, it passes; no other odd path passes with that signature, unless SigV4 reads them alike."""
    pairs = signed(lab, path=path)
    assert name_of(line.ask(pairs, BODY, path=path)) == "OK"
    for forged in ODD:
        assert alike(path, forged) or name_of(line.ask(pairs, BODY, path=forged)) in REFUSED, forged


def alike(path, forged):
    """Whether botocore's canonical forms are the same."""

    def form(text):
        request = AWSRequest("POST", "http://h" + text, data=b"")
        signer = SigV4Auth(Credentials("a", "b"), "rekognition", "r")
        request.context["timestamp"] = "20260101T000000Z"
        return signer.canonical_request(request)

    return form(path) == form(forged)


@pytest.mark.parametrize("service", ["s3", "sts", "iam", "Rekognition", "rekognition2", "", "execute-api"])
def test_another_service(lab, line, service):
    assert name_of(line.ask(signed(lab, service=service), BODY)) in REFUSED


def test_another_region_is_another_world_or_none(lab, line):
    """A region is the caller's choice, but the signature is for one: another scope does not move a request."""
    pairs = signed(lab, region="eu-west-1")
    assert name_of(line.ask(pairs, BODY)) == "OK"
    moved = value_of(pairs, "Authorization").replace("/eu-west-1/", f"/{lab.region}/")
    assert name_of(line.ask(changed(pairs, "Authorization", moved), BODY)) in REFUSED


def test_replayed_late(start_server, lab):
    """A captured request is good within the skew and never after; before it, too."""
    own = start_server("--clock-skew-ms", "2000")
    lab.server = own
    with Line(own) as line:
        pairs = signed(lab)
        assert name_of(line.ask(pairs, BODY)) == "OK"
        assert name_of(line.ask(pairs, BODY)) == "OK", "SigV4 has no memory of what was sent"
        time.sleep(3.2)
        answer = line.ask(pairs, BODY)
        assert (name_of(answer), b"Signature expired" in answer.body) == ("InvalidSignatureException", True)
        now = datetime.datetime.now(datetime.timezone.utc)
        for minutes in (-60 * 24 * 365, -60 * 24, -60, -1, 1, 60, 60 * 24 * 365):
            moment = now + datetime.timedelta(minutes=minutes)
            assert name_of(line.ask(signed(lab, moment=moment), BODY)) == "InvalidSignatureException"


def test_a_later_date_on_an_old_signature(lab, line):
    """Both dates moved together: the key of the day and the string to sign are others."""
    old = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=2)
    pairs = signed(lab, moment=old)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    stamp = value_of(pairs, "X-Amz-Date")
    moved = changed(pairs, "X-Amz-Date", now)
    authorization = value_of(pairs, "Authorization").replace(f"/{stamp[:8]}/", f"/{now[:8]}/")
    assert name_of(line.ask(changed(moved, "Authorization", authorization), BODY)) == "InvalidSignatureException"


def test_session_tokens(lab, line, users):
    """Every character of the token; another session's token; a token with a key that has none; none at all."""
    key = users.key(ALLOW_ALL)
    mine, theirs = users.session(key, 600), users.session(key, 600)
    assert name_of(line.ask(signed(lab, key=mine), BODY)) == "OK"
    forgeries = [mine.token[:at] + other(char) + mine.token[at + 1 :] for at, char in enumerate(mine.token)]
    forgeries += [theirs.token, "", mine.token[:-1], mine.token + "x", mine.token.swapcase()]
    for token in forgeries:
        answer = line.ask(signed(lab, key=mine._replace(token=token)), BODY)
        assert name_of(answer) == "UnrecognizedClientException", token
        assert mine.token.encode() not in answer.body
    for forged in (
        key._replace(token=mine.token),
        mine._replace(token=None),
        mine._replace(access=theirs.access),
        mine._replace(secret=theirs.secret),
        mine._replace(secret=key.secret),
        key._replace(secret=mine.secret),
    ):
        assert name_of(line.ask(signed(lab, key=forged), BODY)) in (
            "UnrecognizedClientException",
            "InvalidSignatureException",
        )
    pairs = signed(lab, key=mine)
    assert name_of(line.ask(changed(pairs, "X-Amz-Security-Token", theirs.token), BODY)) in REFUSED


def test_heads_of_many_shapes(lab, line):
    """Authorization headers that are long, empty, nested or doubled within: each is answered, none with a 500."""
    pairs = signed(lab)
    good = value_of(pairs, "Authorization")
    many = ";".join(f"h{number}" for number in range(300))
    for forged in (
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 " + "," * 5000,
        good + "," + good.split(" ", 1)[1],
        good.replace("SignedHeaders=", f"SignedHeaders={many};"),
        good.replace("SignedHeaders=", "SignedHeaders=;;;;"),
        good.replace("Signature=", "Signature=" * 500),
        "AWS4-HMAC-SHA256 Credential=" + "/" * 8000,
        good.replace("host", "host;host"),
        good.replace("Signature=", "signature="),
        "A" * 20000,
        "AWS4-HMAC-SHA256 " + "Credential=a/b/c/d/e, " * 500,
    ):
        answer = line.ask(changed(pairs, "Authorization", forged), BODY)
        assert name_of(answer) in REFUSED | {"OK"} and answer.status != 500
        assert name_of(answer) != "OK" or forged == good.replace("host", "host;host"), "the same set of names"
