# SPDX-License-Identifier: MIT
"""Reads the guest's screen: a dump of its pixels is compared, cell by cell,
with the glyphs of drivers/font_glyphs.def, whatever the colours; or text memory
is read as it is.

    lines = screen.read(guest); lines[0]     # the first header line
"""

import functools
import os
import re
import struct
import time
import zlib

from guest import ROOT, GuestError
from patience import PATIENCE, until

GLYPHS = os.path.join(ROOT, "drivers", "font_glyphs.def")
BIG_FROM = 1920  # drivers/font.c
TEXT_MEMORY, TEXT_BYTES = 0xb8000, 80 * 25 * 2
UNKNOWN = "\1"


@functools.lru_cache
def font(name, width):
    """{rows as a tuple of ints: character}; the first of equal ones."""
    with open(GLYPHS, encoding="utf-8") as f:
        text = f.read()
    points = re.findall(r"^FONT_GLYPH\((\w+),", text, re.M)
    glyphs = re.findall(r"\tFONT_%s\(([^)]*)\)" % name, text)
    assert len(points) == len(glyphs) > 200
    full = (1 << width) - 1
    table = {}
    for point, rows in zip(points, glyphs):
        rows = tuple(int(r, 16) for r in rows.split(","))
        char = chr(int(point, 16))
        table.setdefault(rows, char)
        # Which of the two colours is the paper cannot be seen.
        table.setdefault(tuple(full ^ r for r in rows), char)
    return table


class Picture:
    def __init__(self, width, height, pixels):
        """pixels: red, green, blue, one byte each."""
        self.width, self.height, self.pixels = width, height, bytes(pixels)
        assert len(pixels) == 3 * width * height

    @classmethod
    def of_ppm(cls, path):
        """What QEMU's screendump writes."""
        with open(path, "rb") as f:
            kind, size, depth, pixels = f.read().split(b"\n", 3)
        assert (kind, depth) == (b"P6", b"255")
        return cls(*map(int, size.split()), pixels)

    @classmethod
    def of_bgrx(cls, width, height, data):
        pixels = bytearray(3 * width * height)
        for i in range(3):
            pixels[i::3] = data[2 - i::4]
        return cls(width, height, pixels)

    def pixel(self, x, y):
        at = 3 * (y * self.width + x)
        return self.pixels[at:at + 3]

    def cell(self, row, column, width, height, glyphs):
        rows, paper, ink = [], None, None
        for y in range(row * height, (row + 1) * height):
            bits = 0
            for x in range(column * width, (column + 1) * width):
                p = self.pixel(x, y)
                paper = paper or p
                if p != paper and ink is None:
                    ink = p
                if p not in (paper, ink):
                    return UNKNOWN
                bits = bits << 1 | (p == ink)
            rows.append(bits)
        return glyphs.get(tuple(rows), UNKNOWN)

    def lines(self):
        """The text; what is no glyph is UNKNOWN."""
        big = self.width >= BIG_FROM
        width, height = (16, 32) if big else (8, 16)
        glyphs = font("BIG" if big else "SMALL", width)
        return ["".join(self.cell(row, column, width, height, glyphs)
                        for column in range(self.width // width)).rstrip()
                for row in range(self.height // height)]

    def write_png(self, path):
        """A small PNG: a palette, since a console has few colours."""
        colours, indices = {}, bytearray()
        for at in range(0, len(self.pixels), 3):
            p = self.pixels[at:at + 3]
            indices.append(colours.setdefault(p, len(colours)))
        assert len(colours) <= 256
        rows = b"".join(b"\0" + indices[y * self.width:(y + 1) * self.width]
                        for y in range(self.height))

        def chunk(name, data):
            return (struct.pack(">I", len(data)) + name + data +
                    struct.pack(">I", zlib.crc32(name + data)))
        with open(path, "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(
                ">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)) +
                chunk(b"PLTE", b"".join(colours)) +
                chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def dump(guest, device=None):
    """device: which one, where a machine has several."""
    path = os.path.join(guest.folder, "screen.ppm")
    which = {"device": device} if device else {}
    guest.qmp_link.command("screendump", filename=path, **which)
    return Picture.of_ppm(path)


def read(guest, device=None):
    return dump(guest, device).lines()


def read_text_memory(guest):
    """[(text, colours of its cells)] of the 25 rows of VGA text memory."""
    path = os.path.join(guest.folder, "text.bin")
    guest.qmp_link.command("pmemsave", val=TEXT_MEMORY, size=TEXT_BYTES,
                           filename=path)
    with open(path, "rb") as f:
        data = f.read()
    rows = [data[at:at + 160] for at in range(0, TEXT_BYTES, 160)]
    return [(r[::2].decode("cp437").rstrip(), r[1::2]) for r in rows]


def wait(reader, guest, pattern, timeout=20):
    """Reads until a line matches pattern.  Returns all lines."""
    deadline = until(timeout)
    while True:
        lines = reader(guest)
        texts = [l if isinstance(l, str) else l[0] for l in lines]
        if any(re.search(pattern, t) for t in texts):
            return lines
        if time.monotonic() > deadline:
            raise GuestError("the screen shows no %r after %g s:\n%s" % (
                pattern, PATIENCE * timeout, "\n".join(texts)))
        time.sleep(0.1)
