"""The listener against raw bytes: every row of the manual's table, and that the table and these rows are the same."""
import contextlib
import re
import time

import pytest

from harness.raw import RawSocket, statuses
from harness.server import ROOT, run_placard
from hostile.smuggling import ELSEWHERE, GOOD, NEXT, ROWS, get, post

HEAR_SECONDS = 20
TABLE = "## What the listener takes and what it refuses"


def exchange(server, data, expected):
    """(statuses, closed), heard until all that is expected and a moment more has come, or the server closed."""
    with RawSocket(server) as raw:
        raw.send(data.replace(b"HERE", raw.host.encode()))
        got, closed = raw.hear(HEAR_SECONDS, lambda so_far: len(statuses(so_far)) >= len(expected) > 0)
        if not closed:
            more, closed = raw.hear(0.3)
            got += more
        return statuses(got), closed


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.manual[:40]}: {row.variant}")
def test_row(server, row):
    found, closed = exchange(server, row.data, row.statuses)
    assert (tuple(found), closed) == (row.statuses, row.closed)


@pytest.mark.parametrize("name, data, expected", GOOD, ids=[name for name, _, _ in GOOD])
def test_well_meant(server, name, data, expected):
    assert exchange(server, data + NEXT, expected) == (list(expected), False)


def test_the_manual_has_these_rows_and_no_other():
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    table = text[text.index(TABLE) :].split("\n\n| input |", 1)[1].split("\n\n", 1)[0]
    told = [re.split(r" \| ", line.strip("| "))[0] for line in table.splitlines()[2:]]
    shown = {row.manual for row in ROWS} | ELSEWHERE
    assert set(told) == shown
    assert len(told) == len(set(told))


def test_expect_is_answered_before_the_body(server):
    with RawSocket(server) as raw:
        raw.send(post(b"Content-Length: 2", b"Expect: 100-continue", body=b"").replace(b"HERE", raw.host.encode()))
        got, _ = raw.hear(HEAR_SECONDS, lambda so_far: so_far.endswith(b"\r\n\r\n"))
        assert got.startswith(b"HTTP/1.1 100 ")
        raw.send(b"{}")
        got, closed = raw.hear(HEAR_SECONDS, statuses)
        assert (statuses(got), closed) == ([400], False)


def test_a_chunked_body_without_end(server):
    """Read on to once more the limit and then cut: never kept, never answered as a request."""
    with RawSocket(server) as raw:
        raw.send(get(b"Transfer-Encoding: chunked").replace(b"HERE", raw.host.encode()))
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        sent = 0
        while sent < 40 and raw.send(chunk):
            sent += 1
        got, closed = raw.hear(HEAR_SECONDS)
        assert closed and 8 < sent < 40
        assert statuses(got) in ([], [413])


def test_budgets_of_bodies(start_server):
    """What a Content-Length promises is taken from the budget at the head, and given back at the end."""
    own = start_server("--bodies-bytes", "8MiB", "--bodies-per-address-bytes", "4MiB", "--body-bytes", "2MiB")
    with contextlib.ExitStack() as stack:
        slow = []
        for _ in range(75):
            raw = stack.enter_context(RawSocket(own))
            raw.send(post(b"Content-Length: 60000", body=b"").replace(b"HERE", raw.host.encode()))
            slow.append(raw)
        answers = [raw.hear(0.02 if number else 1.0) for number, raw in enumerate(slow)]
        refused = [statuses(got) for got, closed in answers if closed]
        assert refused == [[503]] * (75 - (4 << 20) // 60000)
    deadline = time.monotonic() + HEAR_SECONDS
    while exchange(own, post(b"Content-Length: 60000", body=b"x" * 60000) + NEXT, (400, 200)) != ([400, 200], False):
        assert time.monotonic() < deadline, "the budget was not given back"


def test_limits_of_connections(start_server):
    """Per address (all of 127.0.0.1 is one) the last ones are closed at once; the first ones stay served."""
    own = start_server("--connections-per-address", "20", "--http-threads", "2")
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(RawSocket(own)) for _ in range(30)]
        alive = 0
        for raw in crowd:
            raw.send(NEXT.replace(b"HERE", raw.host.encode()))
            got, _ = raw.hear(HEAR_SECONDS, statuses)
            alive += statuses(got) == [200]
        assert 20 <= alive <= 21, "the limit, and one less than there are threads"
    deadline = time.monotonic() + HEAR_SECONDS
    while exchange(own, NEXT, (200,)) != ([200], False):
        assert time.monotonic() < deadline, "the places were not given back"


def test_one_address_cannot_bring_about_shedding():
    """Which begins at seven eighths of all connections: so much one address does not get by default."""
    settings = dict(re.findall(r"^([\w-]+) = (\d+)$", run_placard("print-config").stdout, re.M))
    assert 0 < int(settings["connections-per-address"]) <= int(settings["connections"]) // 4


def test_limit_of_connections_in_total(start_server):
    own = start_server("--connections", "20", "--http-threads", "2")
    with contextlib.ExitStack() as stack:
        alive = 0
        for _ in range(30):
            raw = stack.enter_context(RawSocket(own))
            raw.send(NEXT.replace(b"HERE", raw.host.encode()))
            got, _ = raw.hear(HEAR_SECONDS, statuses)
            alive += statuses(got) == [200]
        assert 20 <= alive <= 21


def test_slow_and_idle_connections_end(start_server):
    """Whole-request deadline and idle time, also for a query that libmicrohttpd chokes on."""
    own = start_server("--request-ms", "700", "--idle-ms", "1400")
    many = b"&".join(b"a%d=b" % number for number in range(2000))
    cases = {
        "nothing": (b"", 0.6),
        "half a line": (b"POST / HT", 0.6),
        "half a head": (b"POST / HTTP/1.1\r\nHost: x\r\n", 0.6),
        "half a body": (post(b"Content-Length: 100", body=b"x"), 0.6),
        "half a chunk": (get(b"Transfer-Encoding: chunked", body=b"64\r\nx"), 0.6),
        "no last chunk": (get(b"Transfer-Encoding: chunked", body=b"1\r\nx\r\n"), 0.6),
        "many parameters": (post(b"Content-Length: 0", start=b"POST /?" + many + b" HTTP/1.1", body=b""), 0.6),
        "idle": (NEXT, 1.2),
    }
    with contextlib.ExitStack() as stack:
        sockets = {name: stack.enter_context(RawSocket(own)) for name in cases}
        begun = time.monotonic()
        for name, raw in sockets.items():
            raw.send(cases[name][0].replace(b"HERE", raw.host.encode()))
        for name, raw in sockets.items():
            got, closed = raw.hear(HEAR_SECONDS)
            took = time.monotonic() - begun
            assert closed, name
            assert statuses(got) == ([200] if name == "idle" else []), name
            assert took >= cases[name][1], name
        assert time.monotonic() - begun < 8


def test_an_answer_that_nobody_reads(start_server, lab):
    """A client that asks and asks and never reads holds its own connection only, and loses it after the idle time."""
    own = start_server("--idle-ms", "1000", "--request-ms", "1000")
    with RawSocket(own) as raw:
        ask = (b"GET /metrics HTTP/1.1\r\nHost: HERE\r\n\r\n" * 50).replace(b"HERE", raw.host.encode())
        raw.socket.settimeout(0.2)
        with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
            for _ in range(2000):
                raw.socket.sendall(ask)
        begun = time.monotonic()
        while time.monotonic() - begun < HEAR_SECONDS:
            with contextlib.suppress(TimeoutError):
                try:
                    raw.socket.sendall(b"x")
                except (BrokenPipeError, ConnectionResetError):
                    break
            time.sleep(0.1)
        else:
            pytest.fail("the connection was not cut")
    assert exchange(own, NEXT, (200,)) == ([200], False)
