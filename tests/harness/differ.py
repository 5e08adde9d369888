"""The production code as a function of bytes: tests/differential/differ.c in a process of its own."""
import os
import random
import struct
import subprocess

from harness.server import BINARY

DIFFER = BINARY.parent / "tests" / "differential" / "differ"
CASES = int(os.environ.get("DIFFERENTIAL_CASES", "3000"))
SEED = os.environ.get("DIFFERENTIAL_SEED", "placard")


class Differ:
    def __init__(self):
        self.process = subprocess.Popen([DIFFER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, letter, data):
        self.process.stdin.write(struct.pack("<I", len(data)) + letter + data)
        self.process.stdin.flush()
        head = self.process.stdout.read(4)
        assert len(head) == 4, f"differ died of {data!r}"
        return self.process.stdout.read(struct.unpack("<I", head)[0])

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self.process.stdout.close()


def cases(what, make):
    """Pairs of a seed and what `make` makes with it; the same ones each time, unless the environment says otherwise.

    DIFFERENTIAL_CASES is how many, DIFFERENTIAL_SEED where to begin: a name, or NAME:NUMBER to make just that one.
    """
    name, _, only = SEED.partition(":")
    for number in [int(only)] if only else range(CASES):
        chance = random.Random(f"{what} {name} {number}")
        yield f"DIFFERENTIAL_SEED={name}:{number}", make(chance)


def spoil(chance, data, tokens):
    """A few bytes deleted, doubled, changed, or put in."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            del data[at:at + chance.randrange(1, 4)]
        elif kind == 1:
            data[at:at] = data[at:at + chance.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = bytes([chance.randrange(256)])
        elif kind == 3 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        else:
            data[at:at] = chance.choice(tokens)
    return bytes(data)
