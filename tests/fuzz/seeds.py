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


# Frames for fuzz_frame.c, which puts addresses and checksums right.
OUR_IP, PEER_IP, ISN = 0x0a000001, 0x0a000002, 0x10000000
COOKIE = 0x0c00c1e5  # becomes the number of the last SYN-ACK
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128


def record(frame, what=0, raw=False):
    return struct.pack(">HB", len(frame) | (0x8000 if raw else 0), what) + frame


def ether(kind, payload, dst=b"\x52\x54\0\0\0\1"):
    return dst + b"\x52\x54\0\0\0\2" + struct.pack(">H", kind) + payload


def arp(op, sender=PEER_IP, target=OUR_IP):
    return ether(0x806, struct.pack(">HHBBH", 1, 0x800, 6, 4, op) +
                 b"\x52\x54\0\0\0\2" + struct.pack(">I", sender) + bytes(6) +
                 struct.pack(">I", target))


def ip(proto, payload, dst=OUR_IP, options=b"", frag=0, tos=0):
    return ether(0x800, struct.pack(
        ">BBHHHBBHII", 0x45 + len(options) // 4, tos,
        20 + len(options) + len(payload), 1, frag, 64, proto, 0, PEER_IP, dst)
        + options + payload)


def udp(dst_port, payload, src_port=4000, dst=OUR_IP):
    return ip(17, struct.pack(">HHHH", src_port, dst_port, 8 + len(payload), 0)
              + payload, dst)


def icmp(kind, code, rest, payload=b""):
    return ip(1, struct.pack(">BBHI", kind, code, 0, rest) + payload)


def tcp(flags, seq, ack, payload=b"", src_port=4000, dst_port=7, window=8000,
        options=b"", urgent=0, tos=0):
    return ip(6, struct.pack(
        ">HHIIBBHHH", src_port, dst_port, seq, ack, (5 + len(options) // 4) * 16,
        flags, window, 0, urgent) + options + payload, tos=tos)


def quote(seq, length=1500):
    """The beginning of a segment of ours, for ICMP errors."""
    return struct.pack(">BBHHHBBHIIHHI", 0x45, 0, length, 1, 0x4000, 64, 6, 0,
                       OUR_IP, PEER_IP, 7, 4000, seq)


def dhcp(kind):
    return udp(68, struct.pack(">BBBBIHHIIII", 2, 1, 6, 0, 0, 0, 0x8000, 0,
                               0x0a000009, 0, 0) + bytes(208) +
               b"\x63\x82\x53\x63\x35\1" + bytes([kind]) +
               b"\x36\4\x0a\0\0\2\x33\4\0\0\0\x78\1\4\xff\xff\xff\0"
               b"\3\4\x0a\0\0\2\x3a\4\0\0\0\x3c\xff", 67, 0xffffffff)


def frames():
    hello = record(arp(1), 1)
    opened = hello + record(tcp(SYN, 99, 0, options=b"\2\4\2\0"), 1) + \
        record(tcp(ACK, 100, ISN + 1), 1)
    end = record(tcp(FIN | ACK, 105, ISN + 6), 1) + \
        record(tcp(ACK, 106, ISN + 7), 14)
    data = tcp(PSH | ACK, 100, ISN + 1, b"hello")
    yield "arp", hello + record(arp(2, PEER_IP, PEER_IP), 10) + \
        record(arp(1, OUR_IP, OUR_IP), 1) + record(arp(2)[:30], 1)
    yield "ping", hello + record(icmp(8, 0, 1, b"x" * 40)) + \
        record(icmp(3, 3, 0, tcp(SYN, ISN, 0, b"", 5000, 80)[14:42])) + \
        record(icmp(3, 4, 1400 << 0, udp(4000, b"", 7)[14:42]))
    yield "udp", hello + record(udp(7, b"one")) + record(udp(9, b"two")) + \
        record(ip(17, b"\0" * 12, options=b"\1\1\1\0", frag=0x2000))
    yield "tcp-echo", opened + record(data, 1) + end
    yield "tcp-holes", opened + record(tcp(ACK, 110, ISN + 1, b"later"), 2) + \
        record(tcp(FIN | ACK, 115, ISN + 1), 2) + \
        record(tcp(ACK, 103, ISN + 1, b"between"), 12) + \
        record(tcp(ACK, 100, ISN + 1, b"first"), 13)
    yield "tcp-window", opened + \
        record(tcp(ACK, 100, ISN + 1, b"a" * 600, window=0), 13) + \
        record(tcp(ACK, 700, ISN + 1, b"b" * 600, window=0), 0x40 | 14) + \
        record(tcp(ACK, 1300, ISN + 300, window=9000), 12) + \
        record(tcp(RST, 1300, 0), 1)
    yield "tcp-closed-here", opened + \
        record(tcp(PSH | ACK, 100, ISN + 1, b"quit"), 1) + \
        record(tcp(FIN | ACK, 104, ISN + 6), 2) + \
        record(tcp(FIN | ACK, 104, ISN + 6), 12) + \
        record(tcp(SYN, 99999, 0), 17)
    yield "tcp-lost", opened + \
        record(tcp(PSH | ACK, 100, ISN + 1, b"file", window=60000), 2) + \
        record(tcp(ACK, 104, ISN + 541, window=60000), 1) * 6 + \
        record(tcp(ACK, 104, ISN + 5005, window=60000), 13) + \
        record(tcp(PSH | ACK, 104, ISN + 5005, b"more"), 13) + \
        record(tcp(PSH | ACK, 108, ISN + 5109, b"small"), 3) + \
        record(tcp(PSH | ACK, 113, ISN + 5109, b"read no more"), 3)
    yield "tcp-half", opened + record(tcp(PSH | ACK, 100, ISN + 1, b"s"), 1) + \
        record(tcp(PSH | ACK, 101, ISN + 3, b"go on"), 1) + \
        record(tcp(RST | ACK, 106, ISN + 3), 1)
    yield "loopback", hello + record(udp(7, b"loop"), 2) + \
        record(udp(7, b"d\x0a\0\0\x09who"), 2) + \
        record(udp(7, b"d\x7f\0\0\1me", 7), 13)
    yield "tcp-active", hello + \
        record(tcp(SYN | ACK, 500, ISN + 1, b"", 80, 5000), 1) + \
        record(tcp(PSH | ACK, 501, ISN + 1, b"welcome", 80, 5000), 1) + \
        record(tcp(FIN | ACK, 508, ISN + 8, b"", 80, 5000), 17)
    yield "tcp-crossing", hello + record(tcp(SYN, 500, 0, b"", 80, 5000), 1) + \
        record(tcp(SYN | ACK, 500, ISN + 1, b"", 80, 5000), 0x80 | 11)
    stamp = b"\1\1\x08\x0a\0\0\1\0\0\0\0\0"
    rich = hello + record(tcp(SYN | ECE | CWR, 99, 0,
                              options=b"\2\4\5\xb4\4\2\1\1\3\3\2\1"), 1) + \
        record(tcp(ACK, 100, ISN + 1, window=60000), 1) + \
        record(tcp(PSH | ACK, 100, ISN + 1, b"file", window=60000, tos=3), 3)
    yield "tcp-ecn", rich + \
        record(tcp(ACK | ECE, 104, ISN + 1461, window=60000), 3) + \
        record(tcp(PSH | ACK | CWR, 104, ISN + 5005, b"mark", tos=3), 8) + \
        record(tcp(PSH | ACK | CWR | ECE, 108, ISN + 5009, b"more", tos=1), 13)
    sack = b"\1\1\5\x0a" + struct.pack(">II", ISN + 1461, ISN + 2921)
    both = b"\1\1\5\x12" + struct.pack(">IIII", ISN + 1461, ISN + 2921,
                                        ISN + 1461, ISN + 5005)
    yield "tcp-sack", rich + \
        record(tcp(ACK, 104, ISN + 1, options=sack, window=60000), 5) + \
        record(tcp(ACK, 104, ISN + 1, options=both, window=60000), 9) + \
        record(tcp(ACK, 104, ISN + 5005, options=sack, window=60000), 9)
    yield "tcp-too-big", rich + \
        record(icmp(3, 4, 1000, quote(ISN + 1)), 3) + \
        record(icmp(3, 4, 0, quote(ISN + 1, 1000)), 3) + \
        record(icmp(3, 4, 68, quote(ISN + 1, 576)), 11) + \
        record(icmp(3, 1, 0, quote(ISN + 1)), 17) + \
        record(tcp(ACK, 104, ISN + 5005), 17)
    yield "tcp-black-hole", rich + record(tcp(ACK, 104, ISN + 1), 17) * 2 + \
        record(tcp(ACK, 104, ISN + 1461), 13)
    flood = hello + b"".join(
        record(tcp(SYN, 99, 0, src_port=4000 + i,
                   options=stamp if i % 2 else b"\2\4\5\xb4"))
        for i in range(4))
    yield "tcp-cookie", flood + \
        record(tcp(ACK | PSH, 100, COOKIE, b"hello", 4003, options=stamp), 2) + \
        record(tcp(SYN, 99, 0, src_port=4004), 1) + \
        record(tcp(ACK, 100, COOKIE, b"", 4004), 2) + \
        record(tcp(ACK, 100, COOKIE + 1, b"", 4005), 17)
    yield "tcp-urgent", opened + \
        record(tcp(PSH | ACK | URG, 100, ISN + 1, b"urgent", urgent=3), 1) + \
        record(tcp(ACK | URG, 106, ISN + 17, b"", urgent=60000), 1) + \
        record(tcp(PSH | ACK | FIN, 106, ISN + 17, b"end"), 13)
    yield "tcp-keep", opened + \
        record(tcp(PSH | ACK, 100, ISN + 1, b"keep"), 1) + \
        record(tcp(ACK, 104, ISN + 5), 12) + \
        record(tcp(ACK, 104, ISN + 5), 12) + \
        record(tcp(PSH | ACK, 104, ISN + 5, b"time"), 1) + \
        record(tcp(PSH | ACK, 108, ISN + 9, b"new reno"), 17)
    yield "dhcp", record(dhcp(2), 1) + record(dhcp(5), 17) + \
        record(dhcp(5), 0x20 | 1) + record(arp(1, 0x0a000009, 0x0a000009), 1) + \
        record(arp(1, 0x0a000009, 0x0a000009), 15) + record(dhcp(6), 17)
    yield "raw", record(arp(1), 1, True) + record(data, 1, True) + \
        record(b"\xff" * 60, 1, True) + record(b"", 1)
def acpi(revision):
    """Returns e0000-...: root pointer, root tables, MADT, FADT, MCFG, DSDT,
    SSDT; the fuzzer seals the checksums."""
    base = 0xe0000

    def table(signature, body):
        return struct.pack("<4sI", signature, 36 + len(body)) + \
            bytes([3]) + bytes(27) + body
    madt = table(b"APIC", struct.pack("<II", 0xfee00000, 1) +
                 bytes([0, 8, 0, 0, 1, 0, 0, 0]) +
                 struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0) +
                 struct.pack("<BBBBIH", 2, 10, 0, 9, 9, 13) +
                 bytes([4, 6, 255, 0, 0, 1]))
    fadt = bytearray(table(b"FACP", bytes(240)))
    struct.pack_into("<H", fadt, 46, 9)
    struct.pack_into("<I", fadt, 76, 0x608)
    struct.pack_into("<I", fadt, 112, 1 << 10)
    s5 = b"\x08_S5_\x12\x08\x04\x0a\x05\x01\x00\x00"
    dsdt = table(b"DSDT", b"\x10\x06\\_SB_" + (s5 if revision else b""))
    ssdt = table(b"SSDT", s5.replace(b"_S5_\x12\x08\x04",
                                     b"\\_S5_\x12\x45\x00\x01"))
    mcfg = table(b"MCFG", bytes(8) + struct.pack("<QHBBI", 0xb0000000, 0, 0,
                                                 255, 0))
    at, places, data = base + 0xe0, [], b""
    struct.pack_into("<I", fadt, 40, at)  # the DSDT, which no root lists
    for t in (dsdt, madt, bytes(fadt), mcfg, ssdt):
        places.append(at + len(data))
        data += t + bytes(-len(t) % 16)
    places = places[1:]
    rsdt = table(b"RSDT", struct.pack("<4I", *places))
    xsdt = table(b"XSDT", struct.pack("<4Q", *places))
    root = struct.pack("<8s7xBIIQ4x", b"RSD PTR ", revision, base + 0x30, 36,
                       base + 0x80 if revision else 0)
    return root.ljust(0x30, b"\0") + rsdt.ljust(0x50, b"\0") + \
        xsdt.ljust(0x60, b"\0") + data


def smbios(newer):
    """Returns f0000-...: an entry point and three structures; the fuzzer seals
    the checksum."""
    table = b""
    for kind, length, strings in (
            (0, 0x18, b"SeaBIOS\0" b"1.16\0" b"04/01/2014\0"),
            (1, 0x1b, b"QEMU\0Standard PC\0"), (2, 15, b"Maker\0Board\0"),
            (127, 4, b"\0")):
        body = bytes(range(1, length - 3))
        table += bytes([kind, length, 0, 0]) + body + strings + b"\0"
    if newer:
        entry = struct.pack("<5sBBBBBBBIQ", b"_SM3_", 0, 24, 3, 0, 0, 1, 0,
                            len(table), 0xf0020)
    else:
        entry = struct.pack("<4sBBBBHB5x5sBHIHB", b"_SM_", 0, 31, 2, 8, 0, 0,
                            b"_DMI_", 0, len(table), 0xf0020, 4, 0x28)
    return entry.ljust(0x20, b"\0") + table


def main():
    save("smbios", "two", smbios(False))
    save("smbios", "three", smbios(True))
    save("acpi", "one", acpi(0))
    save("acpi", "six", acpi(2))
    for fat32 in (False, True):
        name = "fat32" if fat32 else "fat16"
        save("fat", name, b"\0" + volume(fat32))
        save("fat", name + "-cut", b"\1" + volume(fat32))
    save("config", "static", b"\xef\xbb\xbfip = 10.66.0.2/24 # lab\r\n"
         b"gateway = 10.66.0.1\r\nhostname = ring-1.lab\r\n\0"
         b"panic=halt http.port=81 console=serial")
    save("config", "all", b"ip=dhcp\ndns=9.9.9.9\necho.port=off\n"
         b"admin.port=1\nadmin.token=x\nconsole=serial,screen\nlog=debug\n"
         b"panic=reboot:5\nwatchdog=60\nnic.mode=classic\nnic.poll=napi\ntcp.msl=5\n"
         b"tcp.cc=reno\napp=demo\n")
    save("config", "wrong", b"prot = 80\nhttp.port = 99999\nhello\n"
         b"http.port=1\nhttp.port=2\n= 3\nip=127.0.0.1/8\n\0quiet x=1")

    for name, data in frames():
        save("frame", name, data)
    save("tcp_opt", "syn", b"\2\4\5\xb4\4\2\x08\x0a\0\1\2\3\0\0\0\0"
         b"\1\3\3\7")
    save("tcp_opt", "sack", b"\1\1\x08\x0a\0\1\2\3\4\5\6\7\1\1\5\x12"
         b"\0\0\0\1\0\0\0\2\0\0\0\5\0\0\0\6")


if __name__ == "__main__":
    main()
