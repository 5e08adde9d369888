"""Our reading of JSON against Python's, over random texts and spoilt ones: the same value or refused by both.

Where the two differ, DIFFERENCES says how and why, and nothing else may differ.
"""
import collections
import json
import re

import pytest

from harness.differ import CASES, cases, spoil

# What Python takes and we do not, or read otherwise; each must be met by the run, or it is no difference any more.
DIFFERENCES = {
    "lone surrogate": "an escape such as \\ud800 alone is no Unicode text: refused (RFC 8259, 8.2 leaves it open)",
    "beyond 64 bits": "an integer past 64 bits, or a number past a double, is read as 1e308 of its sign: it matters only "
                      "where somebody evaluates it, and there it is larger than any limit",
    "negative zero": "-0 is the integer 0 for both, but a float -0.0 keeps its sign",
}
DEEPEST = 1024
TOKENS = [b"{", b"}", b"[", b"]", b":", b",", b'"', b"\\u0000", b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"\\x", b"null",
          b"tru", b"NaN", b"Infinity", b"-", b"+", b".", b"e", b"E400", b"0", b"00", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80",
          b"\xf4\x90\x80\x80", b"\x00", b"\x1f", b"\x7f", b" ", b"\t", b"\x0b", b"\xc2\xa0", b"//", b"'"]
NUMBERS = ["0", "-0", "1", "-1", "0.1", "-0.0", "1e5", "1E+2", "1e-7", "1e308", "1e309", "-1e400", "1e-400", "123456789012",
           "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
           "18446744073709551615", "18446744073709551616", "0.30000000000000004", "5e-324", "2.2250738585072014e-308",
           "1.7976931348623157e308", "8.5", "100000000000000000000000000", "0e0", "1e00000000000000000001"]


def blank(chance):
    return chance.choice(("", "", "", " ", "\n", "\t ", "\r\n"))


def text_of(chance):
    pieces = ["a", "key", "é", "漢", "😀", "\\n", "\\\\", '\\"', "\\/", "\\u00e9", "\\ud83d\\ude00", "\\u0000", "\\b", " ", "\x7f",
              "source-ref", "\u2028"]
    if chance.random() < 0.02:
        pieces.append("\\ud800")
    return '"' + "".join(chance.choices(pieces, k=chance.randrange(5))) + '"'


def value_of(chance, depth):
    kind = chance.randrange(9 if depth else 6)
    if kind < 3:
        return text_of(chance)
    if kind == 3:
        return chance.choice(NUMBERS)
    if kind == 4:
        return str(chance.randrange(-10 ** chance.randrange(1, 22), 10 ** chance.randrange(1, 22)))
    if kind == 5:
        return chance.choice(("true", "false", "null", repr(chance.uniform(-1e6, 1e6))))
    items = [blank(chance) + value_of(chance, depth - 1) + blank(chance) for _ in range(chance.randrange(4))]
    if kind == 6:
        return "[" + ",".join(items) + "]"
    return "{" + ",".join(f"{blank(chance)}{text_of(chance)}{blank(chance)}:{item}" for item in items) + "}"


def make_text(chance):
    data = (blank(chance) + value_of(chance, 5) + blank(chance)).encode("utf-8")
    return spoil(chance, data, TOKENS) if chance.random() < 0.6 else data


class Reading:
    """Python's value in differ's form, and the differences that it shows."""

    def __init__(self, data):
        self.met = set()
        try:
            text = data.decode("utf-8")
            root = json.loads(text, object_pairs_hook=Members, parse_int=self.integer, parse_float=self.real,
                              parse_constant=self.constant)
            self.value = self.dump(root)
        except ValueError:
            self.value = "!"
        if "lone surrogate" in self.met:
            self.value = "!"

    @staticmethod
    def constant(text):
        raise ValueError(text)

    def integer(self, text):
        number = int(text)
        if text == "-0":
            self.met.add("negative zero")
        if -2 ** 63 <= number < 2 ** 63:
            return Number(f"i{number}")
        if 0 <= number < 2 ** 64:
            return Number(f"u{float(number):.0f}")
        self.met.add("beyond 64 bits")
        return Number(f"d{(1e308 if number > 0 else -1e308).hex()}")

    def real(self, text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            self.met.add("beyond 64 bits")
            number = 1e308 if number > 0 else -1e308
        return Number(f"d{number.hex()}")

    def string(self, text):
        if re.search("[\ud800-\udfff]", text):
            self.met.add("lone surrogate")
            return "s"
        return "s" + text.encode("utf-8").hex()

    def dump(self, value):
        if isinstance(value, Members):
            inside = "".join(f" {self.string(key)} {self.dump(item)}" for key, item in value.pairs)
            return "{" + inside + " }"
        if isinstance(value, list):
            return "[" + "".join(" " + self.dump(item) for item in value) + " ]"
        if isinstance(value, Number):
            return value.text
        return self.string(value) if isinstance(value, str) else {None: "n", True: "t", False: "f"}[value]


class Members:
    def __init__(self, pairs):
        self.pairs = pairs


class Number:
    def __init__(self, text):
        self.text = text


def ours(differ, data):
    """Our answer with its doubles in Python's spelling."""
    said = differ.ask(b"J", data).decode("ascii")
    return re.sub(r"d(-?0x[0-9a-f.p+-]+)", lambda match: f"d{float.fromhex(match.group(1)).hex()}", said)


def test_same_value_or_refused_by_both(differ):
    met = collections.Counter()
    for seed, data in cases("json", make_text):
        theirs = Reading(data)
        assert ours(differ, data) == theirs.value, f"{seed}: {data!r}"
        met.update(theirs.met)
    if CASES >= 3000:
        assert set(met) == set(DIFFERENCES)


@pytest.mark.parametrize("depth", [1, DEEPEST - 1, DEEPEST, DEEPEST + 1, 100_000])
def test_depth(differ, depth):
    """Python's own depth is that of its stack, so this is not compared: DEEPEST is ours."""
    said = ours(differ, b"[" * depth + b"0" + b"]" * depth)
    assert (said == "!") == (depth > DEEPEST), depth
