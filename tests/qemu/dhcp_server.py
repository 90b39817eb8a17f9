# SPDX-License-Identifier: MIT
"""A DHCP server (RFC 2131) on a Wire, that can be late, deaf or unkind."""

import struct
import threading
import time

import frames as f
from patience import PATIENCE, until

DISCOVER, OFFER, REQUEST, DECLINE, PACK, NAK, RELEASE = 1, 2, 3, 4, 5, 6, 7
MAGIC = b"\x63\x82\x53\x63"


class Message:
    """A client's message, read."""

    def __init__(self, frame):
        p = frame.data
        (self.op, _, _, _, self.xid, self.secs, self.flags) = \
            struct.unpack_from("!BBBBIHH", p)
        self.ciaddr, self.chaddr = p[12:16], p[28:34]
        self.options = {}
        rest = p[240:] if p[236:240] == MAGIC else b""
        while rest and rest[0] != 255:
            if rest[0] == 0:
                rest = rest[1:]
                continue
            self.options[rest[0]] = rest[2:2 + rest[1]]
            rest = rest[2 + rest[1]:]
        self.kind = self.options.get(53, b"\0")[0]
        self.unicast = frame.ip_dst != b"\xff" * 4
        self.source = frame.ip_src
        self.when = time.monotonic()
        self.size = len(p)


class DhcpServer:
    """Answers on the wire once started.  answer decides: a function of the
    message, returning whether to answer it as usual, or a message type to
    answer with."""

    def __init__(self, wire, offer="10.66.0.50", lease=3600, t1=None, t2=None,
                 answer=lambda message: True):
        self.wire, self.lease, self.t1, self.t2 = wire, lease, t1, t2
        self.offer, self.answer = f.ip4(offer), answer
        self.heard = []
        self.changed = threading.Condition()
        wire.taps.append(self.take)

    def take(self, frame):
        if frame.proto != f.UDP or frame.dport != 67:
            return
        message = Message(frame)
        decision = self.answer(message)
        with self.changed:
            self.heard.append(message)
            self.changed.notify_all()
        if decision is True:
            decision = {DISCOVER: OFFER, REQUEST: PACK}.get(message.kind)
        if decision:
            self.reply(message, decision)

    def reply(self, m, kind, **changes):
        options = struct.pack("!BBB", 53, 1, kind)
        options += b"\x36\x04" + self.wire.ip
        if kind != NAK:
            options += struct.pack("!BBI", 51, 4, self.lease)
            for code, value in ((58, self.t1), (59, self.t2)):
                if value:
                    options += struct.pack("!BBI", code, 4, value)
            options += b"\x01\x04\xff\xff\xff\x00\x03\x04" + self.wire.ip
            options += b"\x06\x04" + self.wire.ip
        yiaddr = bytes(4) if kind == NAK else self.offer
        packet = struct.pack("!BBBBIHH", 2, 1, 6, 0,
                             changes.get("xid", m.xid), 0, m.flags)
        packet += (m.ciaddr if kind == PACK else bytes(4)) + yiaddr + \
            self.wire.ip + bytes(4) + m.chaddr + bytes(10 + 64 + 128)
        packet += MAGIC + options + b"\xff"
        to_all = m.flags & 0x8000 or kind == NAK
        dst = m.ciaddr if any(m.ciaddr) and kind != NAK else \
            b"\xff" * 4 if to_all else yiaddr
        self.wire.send(f.eth(
            f.BROADCAST if dst == b"\xff" * 4 else m.chaddr, self.wire.mac,
            f.ETH_IP, f.ipv4(self.wire.ip, dst, f.UDP, f.udp(
                self.wire.ip, dst, 67, 68, packet))))

    def wait(self, wanted, timeout=10, what="message"):
        """Waits for a message heard (now or before) for which wanted() holds;
        returns it."""
        deadline = until(timeout)
        with self.changed:
            while True:
                for m in self.heard:
                    if wanted(m):
                        return m
                left = deadline - time.monotonic()
                assert left > 0, "no DHCP %s in %g s; heard %s" % (
                    what, PATIENCE * timeout, [m.kind for m in self.heard])
                self.changed.wait(left)
