"""Forged NextTokens: every byte of a token changed to every other, its parts mixed, and none of them ever obeyed."""
import base64
import json

import pytest

from harness.lab import Lab
from harness.manifests import image_entry
from harness.users import ALLOW_ALL
from hostile.test_signatures import signed
from hostile.wire import Line, name_of

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
REFUSED = "InvalidPaginationTokenException"
ODD_BYTES = ["+", "/", "=", " ", "\x00", "\n", '"', "\\", "é", "\U0001f600"]


@pytest.fixture
def line(server):
    with Line(server) as one:
        yield one


@pytest.fixture
def listings(lab):
    """{operation: members of its request} of listings that have more than one page."""
    arn = lab.create([image_entry(lab.bucket.image(n), f"label-{n}") for n in range(4)])
    lab.project()
    return {"ListDatasetEntries": {"DatasetArn": arn}, "ListDatasetLabels": {"DatasetArn": arn}, "DescribeProjects": {}}


def ask(lab, line, operation, members, **more):
    body = json.dumps({**members, "MaxResults": 1, **more}).encode()
    pairs = signed(lab, body=body, headers={"X-Amz-Target": f"RekognitionService.{operation}"})
    return line.ask(pairs, body)


def token_of(lab, line, operation, members):
    return json.loads(ask(lab, line, operation, members).body)["NextToken"]


def test_a_few_at_every_place(lab, line, listings):
    for operation, members in listings.items():
        token = token_of(lab, line, operation, members)
        assert name_of(ask(lab, line, operation, members, NextToken=token)) == "OK"
        for at, char in enumerate(token):
            place = ALPHABET.index(char)
            for forged in {ALPHABET[place ^ bit] for bit in (1, 2, 4, 8, 16, 32)} | set(
                ODD_BYTES[at % 10 : at % 10 + 2]
            ):
                answer = ask(lab, line, operation, members, NextToken=token[:at] + forged + token[at + 1 :])
                assert name_of(answer) == REFUSED, (operation, at, forged)
            for forged in (token[:at] + token[at + 1 :], token[:at] + char + token[at:], token[:at]):
                assert forged == "" or name_of(ask(lab, line, operation, members, NextToken=forged)) == REFUSED


@pytest.mark.slow
def test_every_byte_at_every_place(lab, line, listings):
    operation, members = next(iter(listings.items()))
    token = token_of(lab, line, operation, members)
    for at, char in enumerate(token):
        for forged in ALPHABET:
            if forged != char:
                answer = ask(lab, line, operation, members, NextToken=token[:at] + forged + token[at + 1 :])
                assert name_of(answer) == REFUSED, (at, forged)


def test_positions_moved_under_a_seal(lab, line, listings):
    """The place in a token is readable; that is all: moved by one, to the ends, or below zero, it is refused."""
    operation, members = "ListDatasetEntries", listings["ListDatasetEntries"]
    raw = base64.urlsafe_b64decode(token_of(lab, line, operation, members))
    place, seal = raw[:8], raw[8:]
    number = int.from_bytes(place, "big")
    places = [number + 1, number - 1, 0, 1, 2**63 - 1, 2**63, 2**64 - 1]
    forged = [value.to_bytes(8, "big") + seal for value in places if value != number]
    forged += [
        place + bytes(16),
        place + seal[:-1] + b"\0",
        place + b"\xff" * 16,
        bytes(24),
        place + seal[8:] + seal[:8],
    ]
    for token in forged:
        text = base64.urlsafe_b64encode(token).decode()
        if token != raw:
            assert name_of(ask(lab, line, operation, members, NextToken=text)) == REFUSED


def test_tokens_of_others(lab, line, listings, users):
    """Another operation's, another dataset's, another caller's account: each of them would be a place in a listing."""
    tokens = {operation: token_of(lab, line, operation, members) for operation, members in listings.items()}
    for operation, members in listings.items():
        for owner, token in tokens.items():
            answer = ask(lab, line, operation, members, NextToken=token)
            assert name_of(answer) == ("OK" if owner == operation else REFUSED)
    other = Lab(lab.server, lab.region, users.key(ALLOW_ALL, account="210987654321"))
    other.project()
    assert name_of(ask(other, line, "DescribeProjects", {}, NextToken=tokens["DescribeProjects"])) == REFUSED
    elsewhere = Lab(lab.server)
    elsewhere.project()
    assert name_of(ask(elsewhere, line, "DescribeProjects", {}, NextToken=tokens["DescribeProjects"])) == REFUSED
