"""Rates per account and operation, and what the whole server sheds (spec A.5.1)."""
import signal
import time

import pytest

from harness.clients import Wire
from harness.lab import Lab
from harness.server import run_placard
from harness.users import ALLOW_ALL, Users

SPENT = (400, "ProvisionedThroughputExceededException")


def burst(wire, operation, count, body=None):
    """(status, exception) of `count` calls in a row."""
    answers = [wire.post(operation, body or {}) for _ in range(count)]
    return [(answer.status, answer.json.get("__type")) for answer in answers]


def test_off_by_default(lab):
    assert set(burst(lab.wire, "DescribeProjects", 50)) == {(200, None)}


def test_spent_and_refilled(start_server):
    wire = Wire(start_server("--rate", "DescribeProjects=1/2"), "us-east-1")
    answers = burst(wire, "DescribeProjects", 12)
    assert answers[:2] == [(200, None)] * 2
    assert SPENT in answers
    assert wire.post("DescribeProjects", {}).status in (200, 400)
    deadline = time.monotonic() + 20
    while wire.post("DescribeProjects", {}).status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_refused_calls_say_so_and_are_retried_by_clients(start_server):
    own = start_server("--rate", "CreateProject=1/1")
    lab = Lab(own)
    lab.project("first")
    with pytest.raises(lab.api.exceptions.ProvisionedThroughputExceededException) as caught:
        for number in range(20):
            lab.project(f"p{number}")
    assert caught.value.response["Error"]["Message"] == "Provisioned Rate exceeded."


def test_one_operation_does_not_spend_anothers(start_server):
    wire = Wire(start_server("--rate", "CreateProject=1/1"), "us-east-1")
    burst(wire, "CreateProject", 5, {"ProjectName": "p"})
    assert set(burst(wire, "DescribeProjects", 20)) == {(200, None)}


def test_each_account_has_its_own(start_server):
    own = start_server("--rate", "DescribeProjects=1/1")
    other = Wire(own, "us-east-1", Users(own).key(ALLOW_ALL, account="210987654321"))
    assert SPENT in burst(Wire(own, "us-east-1"), "DescribeProjects", 10)
    assert other.post("DescribeProjects", {}).status == 200


def test_a_rate_for_one_account(start_server):
    own = start_server("--rate", "210987654321:DescribeProjects=1/1")
    other = Wire(own, "us-east-1", Users(own).key(ALLOW_ALL, account="210987654321"))
    assert set(burst(Wire(own, "us-east-1"), "DescribeProjects", 10)) == {(200, None)}
    assert SPENT in burst(other, "DescribeProjects", 10)


def test_a_call_without_a_valid_signature_spends_nothing(start_server):
    own = start_server("--rate", "DescribeProjects=1/1")
    bad = Wire(own, "us-east-1", own.root_key._replace(secret="wrong"))
    assert set(burst(bad, "DescribeProjects", 10)) == {(400, "InvalidSignatureException")}
    assert Wire(own, "us-east-1").post("DescribeProjects", {}).status == 200


@pytest.mark.parametrize("rate", ["DescribeProjects", "DescribeProjects=x", "DescribeProjects=-1", "Nonsense=1",
                                  "123:DescribeProjects=1", "DetectLabels=1"])
def test_rates_that_are_none(tmp_path, rate):
    run = run_placard("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--rate", rate, check=False)
    assert run.returncode != 0
    assert run.stderr.strip()


def test_reload(start_server, tmp_path):
    file = tmp_path / "placard.conf"
    file.write_text("rate.DescribeProjects = 1/1\n", encoding="utf-8")
    own = start_server("--config", file)
    wire = Wire(own, "us-east-1")
    assert SPENT in burst(wire, "DescribeProjects", 10)
    file.write_text("", encoding="utf-8")
    own.signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while SPENT in burst(wire, "DescribeProjects", 10):
        assert time.monotonic() < deadline, "the rate was never lifted"
