"""Every operation of the model x everybody who may or may not call it.

The operations come from `placard dump-model`, so that a new one cannot be left out. Who is refused is told the exact
exception, gets nothing of the resource in the answer, and leaves everything as it was.
"""
import json
import time

import pytest

from harness.clients import Wire
from harness.lab import Lab, fresh_region
from harness.models import ModelLab
from harness.server import run_placard
from harness.users import ALLOW_ALL, Users
from hostile.operations import ALSO, CALLS, ON_VERSIONS, OWN_VIEW, Stage

MODEL = [operation["name"] for operation in json.loads(run_placard("dump-model").stdout)["operations"]]
OTHER_ACCOUNT = "210987654321"
EXPIRY_SECONDS = 30


def test_every_operation_has_a_call():
    """Fails for an operation that nobody has said here how to call: add it to tests/hostile/operations.py."""
    assert MODEL and [operation for operation in MODEL if operation not in CALLS] == []


def statement(effect, *actions, resource="*", form="Action"):
    return {"Effect": effect, form: list(actions), "Resource": resource}


@pytest.fixture
def server(model_server):
    """All of it on one that can train."""
    return model_server


@pytest.fixture
def stage(model_server, model, model_region, operation):
    shared = operation in ON_VERSIONS
    return Stage(ModelLab(model_server, model_region if shared else fresh_region()), model)


@pytest.fixture(scope="module")
def expired(model_server):
    """A session past its time."""
    users = Users(model_server)
    session = users.session(users.key(ALLOW_ALL), 1)
    deadline = time.monotonic() + EXPIRY_SECONDS
    while Wire(model_server, "us-east-1", session).post("DescribeProjects", {}).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return session


def call(stage, key, operation, body):
    return Wire(stage.lab.server, stage.lab.region, key).post(operation, body)


def assert_refused(stage, key, operation, body, *exceptions):
    before = stage.seen()
    answer = call(stage, key, operation, body)
    assert answer.status == 400, answer
    assert answer.type in exceptions, answer
    said = {name: value for name, value in answer.json.items() if name not in ("Code", "Logref")}
    assert set(said) <= {"__type", "message", "Message"}, "a refusal tells nothing of the resource"
    assert stage.seen() == before, f"{operation} was refused and has done something"


@pytest.mark.parametrize("operation", MODEL)
def test_own_account_allowed(stage, users, operation):
    """With its own action allowed, and what ALSO names, and nothing else."""
    key = users.key(statement("Allow", f"rekognition:{operation}"), *ALSO.get(operation, []))
    answer = call(stage, key, operation, CALLS[operation](stage))
    assert answer.status == 200, answer


@pytest.mark.slow
@pytest.mark.parametrize("operation", MODEL)
def test_own_account_by_a_session(stage, users, operation):
    key = users.key(statement("Allow", f"rekognition:{operation}"), *ALSO.get(operation, []))
    answer = call(stage, users.session(key, 600), operation, CALLS[operation](stage))
    assert answer.status == 200, answer


@pytest.mark.parametrize("operation", MODEL)
def test_own_account_denied(stage, users, operation):
    """Without a policy, with all but this action allowed, with it denied beside all allowed, on another resource."""
    body = CALLS[operation](stage)
    for statements in (
        [],
        [statement("Allow", f"rekognition:{operation}", form="NotAction")],
        [ALLOW_ALL, statement("Deny", f"rekognition:{operation}")],
        [statement("Allow", f"rekognition:{operation}", resource=stage.lab.arn("project/another/*"))],
    ):
        key = users.key(*statements)
        assert_refused(stage, key, operation, body, "AccessDeniedException")
        assert_refused(stage, users.session(key, 600), operation, body, "AccessDeniedException")


@pytest.mark.parametrize("operation", MODEL)
def test_other_account(stage, users, operation):
    """Its administrator, who may do everything, there and in a region where nothing is."""
    key = users.key(ALLOW_ALL, account=OTHER_ACCOUNT)
    body = CALLS[operation](stage)
    if operation not in OWN_VIEW:
        assert_refused(stage, key, operation, body, "ResourceNotFoundException", "AccessDeniedException")
        return
    before = stage.seen()
    answer = call(stage, key, operation, body)
    assert answer.status == 200
    assert stage.lab.key.account.encode() not in answer.body and stage.name.encode() not in answer.body
    assert stage.seen() == before


@pytest.mark.slow
@pytest.mark.parametrize("operation", [name for name in MODEL if name not in OWN_VIEW])
def test_other_region(stage, operation):
    """The owner, signing for another region: the resource is not there."""
    body = CALLS[operation](stage)
    before = stage.seen()
    answer = Lab(stage.lab.server).wire.post(operation, body)
    assert (answer.status, answer.type) == (400, "ResourceNotFoundException")
    assert stage.seen() == before


@pytest.mark.slow
@pytest.mark.parametrize("operation", MODEL)
def test_disabled_and_deleted_key(stage, users, operation):
    body = CALLS[operation](stage)
    for verb in ("disable", "delete"):
        key = users.key(ALLOW_ALL)
        session = users.session(key, 600)
        stage.lab.server.placard("keys", verb, key.access)
        for who in (key, session):
            assert_refused(stage, who, operation, body, "UnrecognizedClientException")


@pytest.mark.slow
@pytest.mark.parametrize("operation", MODEL)
def test_expired_session(stage, expired, operation):
    assert_refused(stage, expired, operation, CALLS[operation](stage), "ExpiredTokenException")


@pytest.mark.slow
@pytest.mark.parametrize("operation", MODEL)
def test_nobody(stage, operation):
    """A wrong secret, an unknown key, no signature at all."""
    body, key = CALLS[operation](stage), stage.lab.key
    assert_refused(stage, key._replace(secret="guessed"), operation, body, "InvalidSignatureException")
    assert_refused(stage, key._replace(access="AKIDGUESSED000000000"), operation, body, "UnrecognizedClientException")
    before = stage.seen()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"RekognitionService.{operation}"}
    answer = stage.lab.wire.send("POST", "/", headers, json.dumps(body).encode())
    assert (answer.status, answer.type) == (400, "MissingAuthenticationTokenException")
    assert stage.seen() == before
