"""SigV4 (spec A.6.1): every row of its table, made by botocore's own signer and then changed in one place."""
import datetime
import re

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness.clients import CONTENT_TYPE, Wire
from harness.server import Key

BAD_TOKEN = "The security token included in the request is invalid."
MISMATCH = ("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
            "Key and signing method. Consult the service documentation for details.")
STAMP = "%Y%m%dT%H%M%SZ"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def send(lab, request, body=b"{}", path="/"):
    return lab.wire.send("POST", path, dict(request.headers.items()), body)


def expect(answer, name, message):
    assert (answer.status, answer.type) == (400, name), answer.body
    assert list(answer.json) == ["__type", "message"]
    if isinstance(message, re.Pattern):
        assert message.search(answer.message), answer.message
    else:
        assert answer.message == message


class SignerAt(SigV4Auth):
    """botocore's signer with another clock, or another date in the scope."""

    def __init__(self, *args, moment, **kwargs):
        super().__init__(*args, **kwargs)
        self.moment = moment

    def add_auth(self, request):
        request.context["timestamp"] = self.moment.strftime(STAMP)
        self._modify_request_before_signing(request)
        signature = self.signature(self.string_to_sign(request, self.canonical_request(request)), request)
        self._inject_signature_to_request(request, signature)


def signed_at(lab, moment, service="rekognition", body=b"{}"):
    request = AWSRequest("POST", lab.server.url + "/", data=body, headers={
        "Content-Type": CONTENT_TYPE, "X-Amz-Target": "RekognitionService.DescribeProjects"})
    SignerAt(Credentials(lab.key.access, lab.key.secret), service, lab.region, moment=moment).add_auth(request)
    return request


@pytest.fixture
def request_(lab):
    """A valid request; a test changes it and must see the one refusal it causes."""
    return lab.wire.signed("DescribeProjects", b"{}")


def change_authorization(request, pattern, replacement):
    before = request.headers["Authorization"]
    after = re.sub(pattern, replacement, before)
    assert after != before
    request.headers.replace_header("Authorization", after)
    return after


def test_the_unchanged_request_passes(lab, request_):
    assert send(lab, request_).status == 200


def test_signature_of_a_moment_passes(lab):
    assert send(lab, signed_at(lab, now())).status == 200


def test_no_authorization(lab, request_):
    del request_.headers["Authorization"]
    expect(send(lab, request_), "MissingAuthenticationTokenException", "Request is missing Authentication Token")


@pytest.mark.parametrize("value", ["", "Basic dXNlcjpwYXNz", "Bearer x", "aws4-hmac-sha256 Credential=x"])
def test_another_scheme(lab, request_, value):
    request_.headers.replace_header("Authorization", value)
    expect(send(lab, request_), "MissingAuthenticationTokenException", "Request is missing Authentication Token")


def test_header_and_query(lab, request_):
    answer = send(lab, request_, path="/?X-Amz-Algorithm=AWS4-HMAC-SHA256")
    expect(answer, "InvalidSignatureException",
           "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")


@pytest.mark.parametrize("missing", ["Credential", "Signature", "SignedHeaders"])
def test_a_part_missing(lab, request_, missing):
    header = change_authorization(request_, rf"{missing}=[^,]*(, )?", "").rstrip(", ")
    request_.headers.replace_header("Authorization", header)
    expect(send(lab, request_), "IncompleteSignatureException",
           f"Authorization header requires '{missing}' parameter. Authorization={header}")


def test_all_parts_missing(lab, request_):
    request_.headers.replace_header("Authorization", "AWS4-HMAC-SHA256 x=y")
    del request_.headers["X-Amz-Date"]
    expect(send(lab, request_), "IncompleteSignatureException",
           "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
           "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a "
           "'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 x=y")


def test_no_date(lab, request_):
    del request_.headers["X-Amz-Date"]
    header = request_.headers["Authorization"]
    expect(send(lab, request_), "IncompleteSignatureException",
           "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
           f"Authorization={header}")


@pytest.mark.parametrize("date", ["201", "20260102T030405", "2026-01-02T03:04:05Z", "20261302T030405Z",
                                  "20260230T030405Z", "20260102T250405Z", "x", "20260102T030405Z "[:16] + "0"])
def test_bad_date(lab, request_, date):
    request_.headers.replace_header("X-Amz-Date", date)
    expect(send(lab, request_), "IncompleteSignatureException",
           f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601")


@pytest.mark.parametrize("minutes, name", [(-20, "expired"), (20, "not yet current"), (-60 * 48, "expired")])
def test_clock_skew(lab, minutes, name):
    moment = now() + datetime.timedelta(minutes=minutes)
    answer = send(lab, signed_at(lab, moment))
    stamp = moment.strftime(STAMP)
    pattern = {
        "expired": rf"^Signature expired: {stamp} is now earlier than \d{{8}}T\d{{6}}Z \(\d{{8}}T\d{{6}}Z - 15 min\.\)$",
        "not yet current":
            rf"^Signature not yet current: {stamp} is still later than \d{{8}}T\d{{6}}Z \(\d{{8}}T\d{{6}}Z \+ 15 min\.\)$",
    }[name]
    expect(answer, "InvalidSignatureException", re.compile(pattern))


@pytest.mark.parametrize("minutes", [-14, 14])
def test_within_the_skew(lab, minutes):
    assert send(lab, signed_at(lab, now() + datetime.timedelta(minutes=minutes))).status == 200


def test_skew_is_configurable(start_server, lab):
    own = Wire(start_server("--clock-skew-ms", "60000"), lab.region)
    lab.wire, lab.server = own, own.server
    assert send(lab, signed_at(lab, now() - datetime.timedelta(seconds=30))).status == 200
    answer = send(lab, signed_at(lab, now() - datetime.timedelta(minutes=5)))
    expect(answer, "InvalidSignatureException", re.compile(r"^Signature expired: .* - 1 min\.\)$"))


def test_host_not_signed(lab, request_):
    change_authorization(request_, "host;", "")
    expect(send(lab, request_), "InvalidSignatureException",
           "'Host' must be a 'SignedHeader' in the AWS Authorization.")


def test_another_algorithm(lab, request_):
    change_authorization(request_, "^AWS4-HMAC-SHA256", "AWS4-HMAC-SHA25")
    expect(send(lab, request_), "IncompleteSignatureException",
           "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA25' (only AWS4-HMAC-SHA256 for now). ")


@pytest.mark.parametrize("credential", ["a/b/c/d", "a", "a/b/c/d/e/f"])
def test_credential_without_five_parts(lab, request_, credential):
    change_authorization(request_, r"Credential=[^,]*", f"Credential={credential}")
    expect(send(lab, request_), "IncompleteSignatureException",
           "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
           f"got '{credential}'")


def test_scope_of_another_service(lab):
    expect(send(lab, signed_at(lab, now(), service="s3")), "InvalidSignatureException",
           "Credential should be scoped to correct service: 'rekognition'. ")


def test_scope_with_another_end(lab, request_):
    change_authorization(request_, "/aws4_request", "/aws5_request")
    expect(send(lab, request_), "InvalidSignatureException",
           "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. ")


def test_scope_of_another_day(lab, request_):
    stamp = request_.headers["X-Amz-Date"]
    change_authorization(request_, rf"/{stamp[:8]}/", "/20130101/")
    expect(send(lab, request_), "InvalidSignatureException",
           "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
           f"'20130101' != '{stamp[:8]}', from '{stamp}'.")


@pytest.mark.parametrize("region", ["", "us_east_1", "US-EAST-1", "x" * 300])
def test_scope_of_no_region(lab, request_, region):
    change_authorization(request_, f"/{lab.region}/", f"/{region}/")
    expect(send(lab, request_), "InvalidSignatureException",
           re.compile(r"^Credential should be scoped to a valid region, not '.*'\. $"))


def test_all_faults_of_a_scope_together(lab, request_):
    change_authorization(request_, r"Credential=[^,]*", f"Credential={lab.key.access}/20130101/us-east-1/s3/aws5_request")
    expect(send(lab, request_), "InvalidSignatureException", re.compile(
        r"^Credential should be scoped to correct service: 'rekognition'\. Credential should be scoped with a valid "
        r"terminator: 'aws4_request', not 'aws5_request'\. Date in Credential scope does not match .*\.$"))


def test_unknown_key(lab, request_):
    change_authorization(request_, lab.key.access, "AKIDUNKNOWN000000000")
    expect(send(lab, request_), "UnrecognizedClientException", BAD_TOKEN)


def test_wrong_secret(lab):
    wire = Wire(lab.server, lab.region, lab.key._replace(secret="another secret"))
    answer = wire.post("DescribeProjects", {})
    assert (answer.status, answer.type) == (400, "InvalidSignatureException")
    assert answer.message.startswith(MISMATCH)
    assert "secret" not in answer.message


def flip(text, at):
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1:]


@pytest.mark.parametrize("at", [0, 31, 63])
def test_one_digit_of_the_signature(lab, request_, at):
    signature = request_.headers["Authorization"].rsplit("=", 1)[1]
    change_authorization(request_, signature, flip(signature, at))
    answer = send(lab, request_)
    assert answer.type == "InvalidSignatureException"
    assert answer.message.startswith(MISMATCH)


@pytest.mark.parametrize("signature", ["", "0", "0" * 63, "0" * 65, "g" * 64, "0" * 4096])
def test_signatures_that_are_none(lab, request_, signature):
    change_authorization(request_, r"Signature=.*", f"Signature={signature}")
    assert send(lab, request_).type in ("InvalidSignatureException", "IncompleteSignatureException")


def test_the_body_is_signed(lab, request_):
    answer = send(lab, request_, body=b"{ }")
    assert answer.type == "InvalidSignatureException"


@pytest.mark.parametrize("path", ["/other", "/?a=b"])
def test_path_and_query_are_signed(lab, request_, path):
    assert send(lab, request_, path=path).type == "InvalidSignatureException"


def test_the_target_is_signed(lab, request_):
    request_.headers.replace_header("X-Amz-Target", "RekognitionService.CreateProject")
    assert send(lab, request_).type == "InvalidSignatureException"


def test_a_signed_header_gone(lab, request_):
    change_authorization(request_, "content-type;", "content-type;content-type2;")
    assert send(lab, request_).type == "InvalidSignatureException"


def test_more_signed_headers(lab):
    answer = lab.wire.post("DescribeProjects", {}, headers={
        "X-Amz-Content-Sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "amz-sdk-request": "attempt=1; max=3", "X-Spaces": "  a   b  "})
    assert answer.status == 200


def test_lower_case_header_names_and_loose_commas(lab, request_):
    change_authorization(request_, ", ", ",")
    headers = {name.lower(): value for name, value in request_.headers.items()}
    assert lab.wire.send("POST", "/", headers, b"{}").status == 200


def test_query_is_canonicalised(lab):
    path = "/pre%20fix/?b=2&a=1&a=0&empty&c=%2f%20+"
    request = lab.wire.signed("DescribeProjects", b"{}", path=path)
    assert send(lab, request, path=path).status in (200, 400)


def test_refusals_say_no_secret_in_answer_or_log(lab):
    key = Key(lab.key.access, lab.key.secret)
    for wire in (Wire(lab.server, lab.region, key._replace(secret="x" * 40)), Wire(lab.server, lab.region, key)):
        assert lab.key.secret.encode() not in wire.post("DescribeProjects", {}).body
    assert lab.key.secret not in lab.server.log()


def test_nothing_happens_without_a_valid_signature(lab):
    wire = Wire(lab.server, lab.region, lab.key._replace(secret="wrong"))
    assert wire.post("CreateProject", {"ProjectName": "birds"}).type == "InvalidSignatureException"
    assert lab.api.describe_projects()["ProjectDescriptions"] == []
