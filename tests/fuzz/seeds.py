#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of tests/fuzz/corpus anew: small well-formed inputs, from
which the fuzzers find their way to the bad ones.  Trailing zeros are left out;
fuzz_fat.c fills a volume up."""

import os
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def save(kind, name, data):
    os.makedirs(os.path.join(HERE, kind), exist_ok=True)
    with open(os.path.join(HERE, kind, name), "wb") as f:
        f.write(data)


def short(name, attr=0x20, cluster=0, size=0, case=0):
    return struct.pack("<11sBBBHHHHHHHI", name, attr, case, 0, 0, 0, 0,
                       cluster >> 16, 0x6cb5, 0x585d, cluster & 0xffff, size)


def long(text, name):
    total = 0
    for byte in name:
        total = ((total & 1) << 7) + (total >> 1) + byte & 255
    units = text.encode("utf-16-le") + b"\0\0"
    units += b"\xff" * (-len(units) % 26)
    pieces = len(units) // 26
    entries = b""
    for i in range(pieces, 0, -1):
        u = units[(i - 1) * 26:i * 26]
        entries += bytes([i | (0x40 if i == pieces else 0)]) + u[:10] + \
            bytes([0x0f, 0, total]) + u[10:22] + b"\0\0" + u[22:]
    return entries


def volume(fat32):
    """Returns a volume with folders, long names, and a file in two pieces."""
    clusters, root_entries = (40, 0) if fat32 else (4085, 16)
    width, first_free = (4, 3) if fat32 else (2, 2)
    fat_sectors = ((clusters + 2) * width + 511) // 512
    data_sector = 1 + fat_sectors + root_entries // 16
    sectors = data_sector + clusters
    boot = bytearray(512)
    struct.pack_into("<HBHBHHBH", boot, 11, 512, 1, 1, 1, root_entries,
                     0 if fat32 else sectors, 0xf8,
                     0 if fat32 else fat_sectors)
    if fat32:
        struct.pack_into("<I", boot, 32, sectors)
        struct.pack_into("<IHHI", boot, 36, fat_sectors, 0, 0, 2)
    boot[510:] = b"\x55\xaa"
    n = first_free  # folder n, its file n+1, pieces n+2 and n+4
    end = 0x0fffffff if fat32 else 0xffff
    links = {n: end, n + 1: end, n + 2: n + 4, n + 4: end}
    if fat32:
        links[2] = end
    fat = bytearray(fat_sectors * 512)
    for cluster, target in links.items():
        struct.pack_into("<I" if fat32 else "<H", fat, cluster * width, target)
    root = short(b"RINGLET    ", 8) + \
        short(b"CONFIG  TXT", 0x20, n + 2, 600, 0x18) + \
        short(b"WWW        ", 0x10, n)
    folder = short(b".          ", 0x10, n) + short(b"..         ", 0x10) + \
        long("A page, \u00fc\U0001f600.html", b"APAGE~1 HTM") + \
        short(b"APAGE~1 HTM", 0x20, n + 1, 6) + short(b"\xe5OLD    TXT")
    root_bytes = root.ljust(512, b"\0")
    data = folder.ljust(512, b"\0") + b"<html>".ljust(512, b"\0") + \
        b"# part one\n".ljust(512, b"a") + b"\0" * 512 + b"b" * 88
    return bytes(boot + fat + root_bytes + data)


def main():
    for fat32 in (False, True):
        name = "fat32" if fat32 else "fat16"
        save("fat", name, b"\0" + volume(fat32))
        save("fat", name + "-cut", b"\1" + volume(fat32))
    save("config", "static", b"\xef\xbb\xbfip = 10.66.0.2/24 # lab\r\n"
         b"gateway = 10.66.0.1\r\nhostname = ring-1.lab\r\n\0"
         b"panic=halt http.port=81 console=serial")
    save("config", "all", b"ip=dhcp\ndns=9.9.9.9\necho.port=off\n"
         b"admin.port=1\nadmin.token=x\nconsole=serial,screen\nlog=debug\n"
         b"panic=reboot:5\nnic.mode=classic\nnic.poll=napi\ntcp.msl=5\n"
         b"tcp.cc=reno\napp=demo\n")
    save("config", "wrong", b"prot = 80\nhttp.port = 99999\nhello\n"
         b"http.port=1\nhttp.port=2\n= 3\nip=127.0.0.1/8\n\0quiet x=1")


if __name__ == "__main__":
    main()
