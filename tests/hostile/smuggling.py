"""The table of docs/operating.md, "What the listener takes and what it refuses", as bytes to send.

A row is (what the manual calls it, a variant's name, bytes, the statuses of all answers, whether the connection is then
closed). HERE stands for the server's host and port. Every refused row ends with a second request, GET /healthz, which a
server that reads the first one in another way than the proxy before it would answer: it must not be.
"""
from typing import NamedTuple, Tuple

NEXT = b"GET /healthz HTTP/1.1\r\nHost: HERE\r\n\r\n"
JSON = b"Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: RekognitionService.DescribeProjects\r\n"


class Row(NamedTuple):
    manual: str
    variant: str
    data: bytes
    statuses: Tuple[int, ...]
    closed: bool


def post(*lines, body=b"{}", start=b"POST / HTTP/1.1", host=b"Host: HERE\r\n", end=b"\r\n"):
    return start + b"\r\n" + host + JSON + b"".join(line + b"\r\n" for line in lines) + end + body


def get(*lines, body=b""):
    """A page that anybody may ask for, so that the body behind its head is read and not refused with the head."""
    return b"GET /healthz HTTP/1.1\r\nHost: HERE\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def refused(manual, status, *variants):
    """Variants are (name, bytes); answered once, then closed. Status None: closed without an answer."""
    return [Row(manual, name, data + NEXT, (status,) if status else (), True) for name, data in variants]


def taken(manual, *variants):
    """Accepted as the requests they contain: (name, bytes, statuses)."""
    return [Row(manual, name, data + NEXT, (*statuses, 200), False) for name, data, statuses in variants]


CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
LENGTH = b"Content-Length: 2"

ROWS = [
    *refused(
        "two Content-Length, equal or not",
        400,
        ("equal", post(LENGTH, LENGTH)),
        ("unequal", post(LENGTH, b"Content-Length: 0")),
        ("the first is larger", post(b"Content-Length: 40", LENGTH)),
        ("in another case", post(LENGTH, b"content-length: 2")),
    ),
    *refused(
        "Content-Length and Transfer-Encoding",
        400,
        ("length first", post(LENGTH, CHUNKED, body=CHUNKS)),
        ("length last", post(CHUNKED, LENGTH, body=CHUNKS)),
        ("length of nothing", post(b"Content-Length: 0", CHUNKED, body=CHUNKS)),
        ("encoding that is none", post(LENGTH, b"Transfer-Encoding: identity")),
    ),
    *refused(
        "Transfer-Encoding other than exactly `chunked` (`Chunked`, `chunked ` with a space, `gzip, chunked`, two of "
        "them, any in HTTP/1.0)",
        400,
        *[
            (value.decode("latin-1"), post(b"Transfer-Encoding: " + value, body=CHUNKS))
            for value in (
                b"Chunked",
                b"CHUNKED",
                b"chunked ",
                b"chunked\t",
                b"gzip, chunked",
                b"chunked, gzip",
                b"chunked, chunked",
                b"chunked;q=1",
                b'"chunked"',
                b"xchunked",
                b"identity",
                b"gzip",
                b"",
                b",chunked",
                b"chunked,",
            )
        ],
        ("two", post(CHUNKED, CHUNKED, body=CHUNKS)),
        ("two unlike", post(CHUNKED, b"Transfer-Encoding: cow", body=CHUNKS)),
        ("HTTP/1.0", post(CHUNKED, body=CHUNKS, start=b"POST / HTTP/1.0")),
    ),
    *refused(
        "Content-Length `+5`, `-5`, `0x5`, `5, 5`, empty, or with a space behind it",
        400,
        *[
            (value.decode(), post(b"Content-Length: " + value))
            for value in (b"+2", b"-2", b"0x2", b"2, 2", b"", b"2 ", b"2;", b"2_0", b"1e0", b"2 2", b"two")
        ],
    ),
    *refused(
        "Content-Length over the body limit",
        413,
        ("by one", post(b"Content-Length: 8388609", body=b"")),
        ("by far", post(b"Content-Length: 18446744073709551615", body=b"")),
    ),
    *refused(
        "Content-Length past 64 bits",
        413,
        ("by one", post(b"Content-Length: 18446744073709551616", body=b"")),
        ("by far", post(b"Content-Length: " + b"9" * 100, body=b"")),
    ),
    *refused(
        "white space before a header's colon, or a name that is no token",
        400,
        ("space", post(b"Content-Length : 2")),
        ("tab", post(b"Content-Length\t: 2")),
        ("space in the encoding", post(b"Transfer-Encoding : chunked", body=CHUNKS)),
        ("an underscore is a token, a slash is not", post(LENGTH, b"A/B: c")),
        ("no name", post(LENGTH, b": c")),
        ("beyond ASCII", post(LENGTH, b"Content\xe9: c")),
    ),
    *refused(
        "HTTP/1.1 without Host, or any request with two",
        400,
        ("none", post(LENGTH, host=b"")),
        ("two", post(LENGTH, b"Host: HERE")),
        ("two unlike", post(LENGTH, b"Host: elsewhere")),
        ("two in HTTP/1.0", post(LENGTH, b"Host: HERE", start=b"POST / HTTP/1.0")),
    ),
    *refused(
        "a NUL in a header's value or in the target",
        400,
        ("value", post(LENGTH, b"X-A: b\0c")),
        ("encoding", post(b"Transfer-Encoding: chunked\0", body=CHUNKS)),
        ("length", post(b"Content-Length: 2\0" b"0")),
        ("target", post(LENGTH, start=b"POST /a\0b HTTP/1.1")),
    ),
    *refused(
        "a NUL in a header's name",
        400,
        ("middle", post(LENGTH, b"X\0A: b")),
        ("encoding", post(LENGTH, b"Transfer-Encoding\0: chunked")),
    ),
    *taken(
        "a NUL in the place of the CR that ends a header's line",
        ("last header", b"GET /healthz HTTP/1.1\r\nHost: HERE\0\n\r\n", [200]),
        ("empty line", b"GET /healthz HTTP/1.1\r\nHost: HERE\r\n\0\n", [200]),
    ),
    *refused(
        "a folded header",
        400,
        ("folded", post(LENGTH, b"X-A: b", b" c")),
        ("by a tab", post(LENGTH, b"X-A: b", b"\tc")),
        ("framing in the fold", post(b"X-A: b", b" Content-Length: 2")),
        ("framing broken by it", post(b"Content-Len: 2", b"  gth: 2")),
        ("the first line", post(LENGTH, host=b" Host: HERE\r\n")),
    ),
    *refused(
        "a bare LF instead of CRLF in the head",
        400,
        ("header", post(LENGTH + b"\nX-A: b")),
        ("encoding behind it", post(b"X-A: b\nTransfer-Encoding: chunked", LENGTH)),
        ("request line", b"GET /healthz HTTP/1.1\nHost: HERE\n\n"),
        ("at the end", post(LENGTH, end=b"\n")),
    ),
    *refused(
        "a bare CR or another control byte in a value",
        400,
        ("CR", post(LENGTH, b"X-A: b\rTransfer-Encoding: chunked")),
        *[(f"{byte:#04x}", post(LENGTH, b"X-A: b%cc" % byte)) for byte in (1, 8, 11, 12, 27, 31, 127)],
    ),
    *taken(
        "bytes from 0x80 on in a value",
        ("latin", post(LENGTH, b"X-A: b\xe9"), [400]),
        ("UTF-8", post(LENGTH, "X-A: ü".encode()), [400]),
    ),
    *refused("a header line without a colon", 400, ("a word", post(LENGTH, b"nonsense"))),
    *refused(
        "space, control byte or non-ASCII byte in the target; more than one space around it",
        400,
        ("space", post(LENGTH, start=b"POST /a b HTTP/1.1")),
        ("two before", post(LENGTH, start=b"POST  / HTTP/1.1")),
        ("two behind", post(LENGTH, start=b"POST /  HTTP/1.1")),
        ("tab", post(LENGTH, start=b"POST /\ta HTTP/1.1")),
        ("0x01", post(LENGTH, start=b"POST /\1 HTTP/1.1")),
        ("0x7f", post(LENGTH, start=b"POST /\x7f HTTP/1.1")),
        ("0xe9", post(LENGTH, start=b"POST /\xe9 HTTP/1.1")),
    ),
    *refused(
        "a request line without spaces (a TLS handshake to a plain port, for one)",
        None,
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 40 + b"\r\n\r\n"),
        ("a word", b"GET\r\n\r\n"),
    ),
    *refused(
        "a space behind `HTTP/1.1`, or `http/1.1`",
        400,
        ("space", post(LENGTH, start=b"POST / HTTP/1.1 ")),
        ("lower case", post(LENGTH, start=b"POST / http/1.1")),
        ("more digits", post(LENGTH, start=b"POST / HTTP/1.10")),
    ),
    *refused(
        "HTTP/2 preface, HTTP/2.0, HTTP/0.9 in that spelling",
        505,
        ("preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("2.0", post(LENGTH, start=b"POST / HTTP/2.0")),
        ("0.9", b"GET / HTTP/0.9\r\n\r\n"),
    ),
    *taken(
        "HTTP/1.2 to HTTP/1.9",
        ("1.2", post(LENGTH, start=b"POST / HTTP/1.2"), [400]),
        ("1.9", post(LENGTH, start=b"POST / HTTP/1.9"), [400]),
    ),
    *taken("empty lines before the request line", ("one", b"\r\n" + NEXT, [200]), ("three", b"\r\n" * 3 + NEXT, [200])),
    *refused("head over 32 KiB", 431, ("one value", post(LENGTH, b"X-A: " + b"x" * 33_000))),
    *refused(
        "head far over it, or of many hundred headers or cookies, which fill the connection's memory (40 KiB) first",
        431,
        ("headers", post(LENGTH, *[b"X-%d: %s" % (n, b"y" * 100) for n in range(400)])),
    ),
    *refused(
        "request line over the connection's memory",
        414,
        ("target", post(LENGTH, start=b"POST /" + b"a" * 60_000 + b" HTTP/1.1")),
    ),
    *refused(
        "a chunk's size that is no hexadecimal number, or is signed",
        400,
        *[
            (size.decode("latin-1"), get(CHUNKED, body=size + b"\r\n{}\r\n0\r\n\r\n"))
            for size in (b"-2", b"+2", b"0x2", b"g", b" 2", b"", b"2 2", b"\xb2")
        ],
    ),
    *refused(
        "a chunk's size past 64 bits", 413, ("by one digit", get(CHUNKED, body=b"10000000000000002\r\n{}\r\n0\r\n\r\n"))
    ),
    *taken(
        "chunk extensions",
        ("one", get(CHUNKED, body=b"2;a=b\r\n{}\r\n0\r\n\r\n"), [200]),
        ("at the end", get(CHUNKED, body=b"2\r\n{}\r\n0;a\r\n\r\n"), [200]),
    ),
    *taken(
        "bare LF after a chunk's size or data",
        ("size", get(CHUNKED, body=b"2\n{}\r\n0\r\n\r\n"), [200]),
        ("data", get(CHUNKED, body=b"2\r\n{}\n0\r\n\r\n"), [200]),
        ("extension", get(CHUNKED, body=b"2;a\n{}\r\n0\r\n\r\n"), [200]),
    ),
    *taken(
        "trailers",
        ("one", get(CHUNKED, body=b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n"), [200]),
        ("framing", get(CHUNKED, body=b"2\r\n{}\r\n0\r\nContent-Length: 50\r\n\r\n"), [200]),
    ),
    *taken(
        "`Upgrade`, `CONNECT`, absolute targets",
        ("upgrade", post(LENGTH, b"Connection: Upgrade", b"Upgrade: h2c"), [400]),
        ("absolute", b"GET http://elsewhere/healthz HTTP/1.1\r\nHost: HERE\r\n\r\n", [404]),
        ("connect", b"CONNECT elsewhere:80 HTTP/1.1\r\nHost: HERE\r\n\r\n", [404]),
    ),
    *taken("`Expect: 100-continue`", ("another", post(LENGTH, b"Expect: 200-ok"), [400])),
]

# The rows whose behaviour is one of time, number or size; test_smuggling.py has a test for each.
ELSEWHERE = {
    "chunked body over the limit",
    "bodies in flight past the total or per-address budget",
    "several hundred parameters in a query",
    "request not complete within the request time (20 s), head and TLS handshake included",
    "no next request within the idle time (60 s); or nothing acknowledged of an answer for as long",
    "connections past the total or per-address limit",
}

# Not smuggling, but what the same words mean when they are meant well.
GOOD = [
    ("no body", get(), (200, 200)),
    (
        "a body behind GET is not the next request",
        get(b"Content-Length: 34", body=NEXT.replace(b"HERE", b"x")),
        (200, 200),
    ),
    ("a chunked body behind GET", get(CHUNKED, body=CHUNKS), (200, 200)),
    ("a length with zeros before it", post(b"Content-Length: 0002"), (400, 200)),
    ("white space before a value", post(b"Content-Length: \t 2"), (400, 200)),
    ("a name with an underscore is another header", post(LENGTH, b"Transfer_Encoding: chunked"), (400, 200)),
    ("a length in an unknown header", post(LENGTH, b"X-Content-Length: 0"), (400, 200)),
    ("chunks of one byte", get(CHUNKED, body=b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), (200, 200)),
    ("a size with zeros before it", get(CHUNKED, body=b"0002\r\n{}\r\n000\r\n\r\n"), (200, 200)),
]
