# SPDX-License-Identifier: MIT
"""Builds and reads Ethernet frames: ARP, IPv4, ICMP, UDP, TCP, each only as
far as the tests need.  Builders fill in lengths and checksums; every field can
be given instead, wrong ones too, because most tests are about wrong ones."""

import socket
import struct

BROADCAST = b"\xff" * 6
ETH_IP = 0x0800
ETH_ARP = 0x0806
ICMP, TCP, UDP = 1, 6, 17

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip4(text):
    return socket.inet_aton(text)


def ip_text(raw):
    return socket.inet_ntoa(raw)


def checksum(data):
    """RFC 1071.  2**16 is 1 modulo 0xffff: so the sum is one division."""
    if len(data) & 1:
        data += b"\0"
    total = int.from_bytes(data, "big")
    if total == 0:
        return 0xffff
    return 0xffff - (total % 0xffff or 0xffff)


def pseudo(src, dst, proto, length):
    return src + dst + struct.pack("!BBH", 0, proto, length)


def eth(dst, src, ethertype, payload):
    return dst + src + struct.pack("!H", ethertype) + payload


def arp(op, sha, spa, tha, tpa, htype=1, ptype=ETH_IP, hlen=6, plen=4):
    return struct.pack("!HHBBH", htype, ptype, hlen, plen, op) + \
        sha + spa + tha + tpa


def ipv4(src, dst, proto, payload, version=4, ihl=None, total=None, ident=0,
         frag=0, ttl=64, csum=None, options=b"", tos=0):
    length = 20 + len(options)
    head = struct.pack(
        "!BBHHHBBH", version << 4 | (length // 4 if ihl is None else ihl), tos,
        length + len(payload) if total is None else total, ident, frag, ttl,
        proto, 0) + src + dst + options
    value = checksum(head) if csum is None else csum
    return head[:10] + struct.pack("!H", value) + head[12:] + payload


def icmp(kind, code, rest, csum=None):
    """rest: everything after the checksum."""
    data = struct.pack("!BBH", kind, code, 0) + rest
    value = checksum(data) if csum is None else csum
    return data[:2] + struct.pack("!H", value) + data[4:]


def echo_request(ident, seq, data=b"", csum=None):
    return icmp(8, 0, struct.pack("!HH", ident, seq) + data, csum)


def udp(src, dst, sport, dport, data, length=None, csum=None):
    size = 8 + len(data)
    head = struct.pack("!HHHH", sport, dport,
                       size if length is None else length, 0)
    if csum is None:
        csum = checksum(pseudo(src, dst, UDP, size) + head + data) or 0xffff
    return head[:6] + struct.pack("!H", csum) + data


def tcp(src, dst, sport, dport, seq, ack, flags, data=b"", window=65535,
        options=b"", csum=None, offset=None, urgent=0):
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4 if offset is None else offset
    segment = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff,
                          ack & 0xffffffff, words << 4, flags, window, 0,
                          urgent) + options + data
    if csum is None:
        csum = checksum(pseudo(src, dst, TCP, len(segment)) + segment)
    return segment[:16] + struct.pack("!H", csum) + segment[18:]


class Frame:
    """One frame, read.  Fields of the layers that it has; others are None.
    wrong lists what a correct sender would not have sent."""

    __slots__ = ("raw", "dst", "src", "type", "payload", "op", "sha", "spa",
                 "tha", "tpa", "ip_src", "ip_dst", "proto", "ttl", "ident",
                 "frag", "ip", "kind", "code", "rest", "sport", "dport", "seq",
                 "ack", "flags", "window", "options", "data", "wrong")

    def __init__(self, raw):
        for name in self.__slots__:
            setattr(self, name, None)
        self.raw, self.wrong = raw, []
        self.dst, self.src = raw[:6], raw[6:12]
        self.type = struct.unpack_from("!H", raw, 12)[0]
        self.payload = raw[14:]
        if len(raw) > 1514:
            self.wrong.append("frame of %d bytes" % len(raw))
        if self.type == ETH_ARP:
            self._arp(self.payload)
        elif self.type == ETH_IP:
            self._ip(self.payload)

    def _arp(self, p):
        self.op = struct.unpack_from("!H", p, 6)[0]
        self.sha, self.spa = p[8:14], p[14:18]
        self.tha, self.tpa = p[18:24], p[24:28]
        if any(p[28:]):
            self.wrong.append("padding that is not zero")

    def _ip(self, p):
        vihl, _, total, self.ident, self.frag, self.ttl, self.proto = \
            struct.unpack_from("!BBHHHBB", p)
        head = (vihl & 15) * 4
        self.ip_src, self.ip_dst = p[12:16], p[16:20]
        if vihl >> 4 != 4 or total > len(p) or total < head:
            self.wrong.append("IPv4 header")
            return
        if checksum(p[:head]) != 0:
            self.wrong.append("IPv4 checksum")
        if any(p[total:]):
            self.wrong.append("padding that is not zero")
        self.ip, inner = p[:total], p[head:total]
        if self.proto == ICMP:
            self._icmp(inner)
        elif self.proto == UDP:
            self._udp(inner)
        elif self.proto == TCP:
            self._tcp(inner)

    def _icmp(self, p):
        self.kind, self.code = p[0], p[1]
        self.rest = p[4:]
        if checksum(p) != 0:
            self.wrong.append("ICMP checksum")

    def _udp(self, p):
        self.sport, self.dport, length, csum = struct.unpack_from("!HHHH", p)
        self.data = p[8:length]
        if length != len(p):
            self.wrong.append("UDP length")
        if csum and checksum(pseudo(self.ip_src, self.ip_dst, UDP, len(p)) +
                             p) != 0:
            self.wrong.append("UDP checksum")

    def _tcp(self, p):
        (self.sport, self.dport, self.seq, self.ack, offset, self.flags,
         self.window) = struct.unpack_from("!HHIIBBH", p)
        head = (offset >> 4) * 4
        self.options, self.data = p[20:head], p[head:]
        if checksum(pseudo(self.ip_src, self.ip_dst, TCP, len(p)) + p) != 0:
            self.wrong.append("TCP checksum")

    def __repr__(self):
        if self.type == ETH_ARP:
            return "<ARP op=%d %s is-at/asks %s>" % (
                self.op, ip_text(self.spa), ip_text(self.tpa))
        if self.type != ETH_IP:
            return "<type=%#06x %d bytes>" % (self.type, len(self.raw))
        where = "%s>%s" % (ip_text(self.ip_src), ip_text(self.ip_dst))
        if self.proto == ICMP:
            return "<ICMP %s %s/%s>" % (where, self.kind, self.code)
        if self.proto == TCP:
            names = "".join(n for bit, n in zip(
                (FIN, SYN, RST, PSH, ACK, URG), "FSRPAU") if self.flags & bit)
            return "<TCP %s %d>%d %s seq=%d ack=%d len=%d win=%d>" % (
                where, self.sport, self.dport, names, self.seq, self.ack,
                len(self.data), self.window)
        return "<IP %s proto=%d %s>%s>" % (where, self.proto, self.sport,
                                           self.dport)
