# SPDX-License-Identifier: MIT
"""Fills a FAT16 or FAT32 volume that mformat has just made.

    fill(image, tree, epoch)

tree is a folder: a dictionary of names, each with the path of a file to copy or
with another folder.  Everything lies in one piece, in the order of the
dictionaries.  The time of all is epoch, in UTC.  Source: Microsoft, FAT32 File
System Specification 1.03.

Not with mcopy: it looks for a free short name by trying one after the other,
which takes a minute for 2,000 long names that begin alike, lets a file named as
another's short name replace that one, and cuts characters beyond U+FFFF off.
"""

import os
import re
import struct
import time

ENTRY = 32
DIR_BYTES_MAX = 65536 * ENTRY
LONG_UNITS = 13
ATTR_LONG, ATTR_FOLDER, ATTR_FILE = 0x0F, 0x10, 0x20
SHORT_CHARS = r"A-Z0-9!#$%&'()@^_`{}~-"
SHORT_NAME = re.compile(
    rf"([{SHORT_CHARS}]{{1,8}})(?:\.([{SHORT_CHARS}]{{1,3}}))?")


class Full(Exception):
    """What does not fit."""


def short_name(name):
    """The 11 bytes of a name that needs no other one, whatever its case."""
    match = name.isascii() and SHORT_NAME.fullmatch(name.upper())
    return f"{match[1]:8}{match[2] or '':3}".encode() if match else None


def numbered_name(name, number):
    """A short name for a long one, which nobody is meant to see."""
    stem, dot, extension = name.upper().replace(" ", "").rpartition(".")
    if not dot:
        stem, extension = extension, ""
    stem, extension = (
        re.sub(rf"[^{SHORT_CHARS}]", "_", part.replace(".", ""))
        for part in (stem, extension))
    tail = f"~{number}"
    return f"{stem[:8 - len(tail)] + tail:8}{extension[:3]:3}".encode()


def short_names(names):
    """{name: its 11 bytes}, all different.  Numbers count through the whole
    folder, so that none has to be tried."""
    found = {name: short_name(name) for name in names}
    taken = set(found.values())
    number = 0
    for name in names:
        while found[name] is None:
            number += 1
            candidate = numbered_name(name, number)
            if candidate not in taken:
                found[name] = candidate
    return found


def long_entries(name, short):
    """The entries that stand before the short one, or none."""
    if name == name.upper() and short_name(name):
        return b""
    checksum = 0
    for byte in short:
        checksum = ((checksum << 7 | checksum >> 1) + byte) & 0xFF
    units = name.encode("utf-16-le")
    if len(units) % (2 * LONG_UNITS):
        units += b"\0\0"
    units += b"\xff" * (-len(units) % (2 * LONG_UNITS))
    pieces = [units[at:at + 2 * LONG_UNITS]
              for at in range(0, len(units), 2 * LONG_UNITS)]
    entries = [
        struct.pack("<B10sBBB12sH4s", i | (i == len(pieces)) << 6, p[:10],
                    ATTR_LONG, 0, checksum, p[10:22], 0, p[22:])
        for i, p in enumerate(pieces, 1)]
    return b"".join(reversed(entries))


def fat_time(epoch):
    t = time.gmtime(max(epoch, 315532800))  # FAT begins in 1980
    return (t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec // 2,
            t.tm_year - 1980 << 9 | t.tm_mon << 5 | t.tm_mday)


class Volume:
    def __init__(self, f, epoch):
        """f: the image, open for reading and writing."""
        self.f, self.time = f, fat_time(epoch)
        b = f.read(512)
        (self.sector, per_cluster, self.reserved, self.fats, root_entries,
         total, _, fat_sectors) = struct.unpack_from("<HBHBHHBH", b, 11)
        total = total or struct.unpack_from("<I", b, 32)[0]
        self.is_fat32 = fat_sectors == 0
        if self.is_fat32:
            fat_sectors, = struct.unpack_from("<I", b, 36)
            self.info_sector, = struct.unpack_from("<H", b, 48)
        self.fat_bytes = fat_sectors * self.sector
        self.root_at = (self.reserved + self.fats * fat_sectors) * self.sector
        self.root_bytes = root_entries * ENTRY
        self.data_at = self.root_at + self.root_bytes
        self.cluster = per_cluster * self.sector
        self.end = 2 + (total * self.sector - self.data_at) // self.cluster
        self.next = 2  # the first free cluster
        f.seek(self.reserved * self.sector)
        width = 4 if self.is_fat32 else 2
        self.links = [f.read(width) for _ in range(2)]

    def allocate(self, size):
        """Returns the first cluster of a new chain, 0 for an empty one."""
        count = -(-size // self.cluster)
        first, self.next = self.next, self.next + count
        if self.next > self.end:
            raise Full("the tree does not fit; use a larger SIZE=")
        form, last = ("<I", 0x0FFFFFFF) if self.is_fat32 else ("<H", 0xFFFF)
        self.links += [struct.pack(form, c + 1)
                       for c in range(first, self.next - 1)]
        self.links += [struct.pack(form, last)] * (count > 0)
        return first if count else 0

    def write(self, first, data):
        if data:
            self.f.seek(self.data_at + (first - 2) * self.cluster)
            self.f.write(data)

    def entry(self, short, attributes, first, size=0):
        clock, day = self.time
        return struct.pack(
            "<11sBBBHHHHHHHI", short, attributes, 0, 0, clock, day, day,
            first >> 16, clock, day, first & 0xFFFF, size)

    def add_file(self, path):
        """Returns its first cluster and its size."""
        with open(path, "rb") as f:
            size = os.fstat(f.fileno()).st_size
            first = self.allocate(size)
            self.write(first, f.read(size))
        return first, size

    def folder_bytes(self, shorts):
        return sum(len(long_entries(name, short)) + ENTRY
                   for name, short in shorts.items())

    def entries(self, folder, shorts, first):
        """Yields the bytes for each name, and writes what that stands for.
        first: the folder's own cluster, 0 for the root."""
        for name, content in folder.items():
            short = shorts[name]
            if isinstance(content, dict):
                entry = self.entry(
                    short, ATTR_FOLDER, self.add_folder(content, first))
            else:
                entry = self.entry(short, ATTR_FILE, *self.add_file(content))
            yield long_entries(name, short) + entry

    def add_folder(self, folder, parent):
        """Returns its first cluster."""
        shorts = short_names(folder)
        size = 2 * ENTRY + self.folder_bytes(shorts)
        if size > DIR_BYTES_MAX:
            raise Full("too many files in one folder, for their names")
        first = self.allocate(size)
        self.write(first, b"".join([
            self.entry(b".".ljust(11), ATTR_FOLDER, first),
            self.entry(b"..".ljust(11), ATTR_FOLDER, parent),
            *self.entries(folder, shorts, first)]))
        return first

    def add_root(self, folder):
        """Behind the label.  A FAT32 has it in clusters, from 2 on."""
        shorts = short_names(folder)
        size = ENTRY + self.folder_bytes(shorts)
        if size > (DIR_BYTES_MAX if self.is_fat32 else self.root_bytes):
            raise Full("too many files in the top folder")
        if self.is_fat32:
            self.allocate(size)
        self.f.seek(self.root_at)
        label = self.f.read(ENTRY)
        data = label + b"".join(self.entries(folder, shorts, 0))
        self.f.seek(self.root_at)
        self.f.write(data)

    def finish(self):
        for i in range(self.fats):
            self.f.seek(self.reserved * self.sector + i * self.fat_bytes)
            self.f.write(b"".join(self.links))
        if self.is_fat32:
            self.f.seek(self.info_sector * self.sector + 488)
            self.f.write(struct.pack("<II", self.end - self.next, self.next))


def fill(image, tree, epoch):
    with open(image, "r+b") as f:
        volume = Volume(f, epoch)
        volume.add_root(tree)
        volume.finish()
