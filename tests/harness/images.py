"""Small PNG images that are easy to tell apart, made without a library: a colour and a pattern for each label."""
import functools
import random
import struct
import zlib

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (20, 200, 60), "yellow": (240, 220, 20)}


def between(one, other, share):
    """A colour on the way from one to the other."""
    return tuple(round(a + (b - a) * share) for a, b in zip(COLOURS[one], COLOURS[other]))


def png(width, height, rows):
    """A PNG of 8-bit RGB; `rows` are `height` bytes objects of 3 * width."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    raw = b"".join(b"\0" + row for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(raw, 1)) + chunk(b"IEND", b""))


@functools.lru_cache(maxsize=1024)
def disc(colour, seed, side=96):
    """A disc of the colour (a name or a triple) somewhere on a grey, speckled ground; each seed gives another.
    (PNG, (left, top, side))"""
    noise = random.Random(f"{colour} {seed}")
    tone = COLOURS.get(colour, colour)
    radius = side // 4 + noise.randrange(side // 8)
    x0, y0 = (radius + noise.randrange(side - 2 * radius) for _ in range(2))
    rows = []
    for y in range(side):
        row = bytearray()
        for x in range(side):
            inside = (x - x0) ** 2 + (y - y0) ** 2 < radius ** 2
            level = noise.randrange(24)
            row += bytes(max(0, min(255, value - level)) for value in (tone if inside else (150, 150, 150)))
        rows.append(bytes(row))
    return png(side, side, rows), (x0 - radius, y0 - radius, 2 * radius)


def picture(colour, seed, side=96):
    """The image alone."""
    return disc(colour, seed, side)[0]
