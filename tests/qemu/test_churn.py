# SPDX-License-Identifier: MIT
"""Fifty thousand connections opened and closed; then every pool is as it was
and the ledger balances.

    test 10.66.0.1-8 ---- wire ---- 10.66.0.2 guest: echo 7, HTTP 80

Raw frames from several addresses: one address has too few ports (TIME-WAIT).
One loop does everything, since it must be fast."""

import socket
import struct
import time

import pytest

import frames as f
from wire import Wire

EXPECTED_SECONDS = 95
CONNECTIONS = 50000
IN_FLIGHT = 48
MSS = struct.pack("!BBH", 2, 4, 1460)
GET = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
STUCK_S = 1.0


class Connection:
    """One short life.  kind: "echo" (we close first), "http" (the guest closes
    first), "reset" (we send RST), "refused" (a closed port)."""

    __slots__ = ("kind", "src", "sport", "dport", "seq", "ack", "last",
                 "touched", "closing", "tries")
    ports = {"echo": 7, "http": 80, "reset": 7, "refused": 81}

    def __init__(self, kind, src, sport):
        self.kind, self.src, self.sport = kind, src, sport
        self.dport = self.ports[kind]
        self.seq, self.ack = sport * 65537 & 0xffffffff, 0
        self.closing, self.tries = False, 0


class Churn:
    def __init__(self, wire, total, first_port=1024):
        self.wire, self.total, self.first = wire, total, first_port
        self.open, self.started, self.ended = {}, 0, 0
        self.resets = 0
        wire.addresses = {f.ip4("10.66.0.%d" % n): wire.mac
                          for n in (1, *range(11, 18))}
        self.sources = list(wire.addresses)

    def send(self, c, flags, data=b"", options=b""):
        w = self.wire
        packet = f.ipv4(c.src, w.guest_ip, f.TCP, f.tcp(
            c.src, w.guest_ip, c.sport, c.dport, c.seq, c.ack, flags, data,
            65535, options))
        c.last, c.touched = (flags, data, options), time.monotonic()
        w.send(f.eth(w.guest_mac, w.mac, f.ETH_IP, packet))

    def send_again(self, c, flags):
        """An acknowledgment of what is not new; not what gets repeated."""
        last, touched = c.last, c.touched
        self.send(c, flags)
        c.last, c.touched = last, touched

    def start_one(self):
        n = self.started
        self.started += 1
        kind = ("echo", "http", "echo", "reset", "http", "echo", "http",
                "refused")[n % 8]
        c = Connection(kind, self.sources[n % len(self.sources)],
                       self.first + n // len(self.sources))
        self.open[c.src, c.sport] = c
        self.send(c, f.SYN, options=MSS)

    def end(self, c):
        del self.open[c.src, c.sport]
        self.ended += 1

    def take(self, raw):
        if raw[12:14] == b"\x08\x06":
            frame = f.Frame(raw)
            if frame.op == 1 and frame.tpa in self.wire.addresses:
                self.wire.answer_arp(frame)
            return
        if raw[12:14] != b"\x08\x00" or raw[23] != f.TCP:
            return
        c = self.open.get((raw[30:34], raw[36] << 8 | raw[37]))
        if not c:
            return
        seq, _ack, offset, flags = struct.unpack_from("!IIBB", raw, 38)
        total = raw[16] << 8 | raw[17]
        self.step(c, seq, flags, total - 20 - (offset >> 4) * 4)

    def step(self, c, seq, flags, length):
        if flags & f.RST:
            self.resets += c.kind != "refused"
            self.end(c)
        elif flags & f.SYN:
            if not c.ack:
                c.seq, c.ack = c.seq + 1 & 0xffffffff, seq + 1 & 0xffffffff
                self.established(c)
        elif length or flags & f.FIN:
            # A repeated segment may hold old data and a new FIN.
            end = seq + length + bool(flags & f.FIN) & 0xffffffff
            if 0 < (end - c.ack & 0xffffffff) <= 0xffff and \
                    (c.ack - seq & 0xffffffff) <= 0xffff:
                c.ack = end
                self.news(c, flags & f.FIN)
            else:
                self.send_again(c, f.ACK)

    def established(self, c):
        if c.kind == "reset":
            self.send(c, f.RST | f.ACK)
            self.end(c)
        else:
            data = b"hello" if c.kind == "echo" else GET
            self.send(c, f.ACK | f.PSH, data)
            c.seq = c.seq + len(data) & 0xffffffff

    def news(self, c, fin):
        """Data or the end came."""
        if c.closing or (fin and c.kind == "http"):
            if fin:
                # The guest's FIN is the last thing for echo; for http our own
                # goes with the acknowledgment.
                self.send(c, f.ACK if c.closing else f.FIN | f.ACK)
                self.end(c)
            else:
                self.send(c, f.ACK)
        elif c.kind == "echo":
            self.send(c, f.FIN | f.ACK)
            c.seq = c.seq + 1 & 0xffffffff
            c.closing = True
        else:
            self.send(c, f.ACK)

    def repeat_stuck(self):
        """What got no answer is sent again (a full backlog drops SYNs)."""
        now = time.monotonic()
        for c in list(self.open.values()):
            if now - c.touched > STUCK_S:
                c.tries += 1
                assert c.tries < 20, "%s from %s:%d is stuck; last sent %s" % (
                    c.kind, f.ip_text(c.src), c.sport, c.last[:2])
                flags, data, options = c.last
                length = len(data) + bool(flags & f.FIN)
                c.seq = c.seq - length & 0xffffffff
                self.send(c, flags, data, options)
                c.seq = c.seq + length & 0xffffffff

    def run(self):
        wire = self.wire
        wire.stop_reading()
        wire.socket.settimeout(0.05)
        began = looked = time.monotonic()
        while self.ended < self.total:
            while len(self.open) < IN_FLIGHT and self.started < self.total:
                self.start_one()
            try:
                self.take(wire.socket.recv(2048))
            except socket.timeout:
                pass
            now = time.monotonic()
            if now - looked > 0.25:
                looked = now
                self.repeat_stuck()
        wire.start_reading()
        return time.monotonic() - began


@pytest.mark.deadline(200)
def test_fifty_thousand_connections_leave_nothing_behind(boot):
    guest = boot(net=Wire(), mem=64, append="tcp.msl=1", pcap_bytes=0)
    churn = Churn(guest.net, 200, first_port=600)
    churn.run()  # warm: neighbours known, threads' stacks made
    time.sleep(3)
    base = guest.stats()
    churn = Churn(guest.net, CONNECTIONS)
    seconds = churn.run()
    print("%d connections in %.1f s, %d reset by the guest" %
          (CONNECTIONS, seconds, churn.resets))
    assert churn.resets == 0, "the guest reset %d" % churn.resets
    guest.pools_return_to(base, 30)
    after = guest.stats()
    after.check_ledger()
    assert after["sched.threads"] <= base["sched.threads"]
    failures = {k: v for k, v in after.since(base).items()
                if k.endswith(".failures") and v}
    print("pool failures on the way:", failures)


@pytest.mark.deadline(90)
def test_time_wait_ends_and_gives_back(boot):
    """With the default MSL of 30 s a burst must still find room; with 1 s all
    is back after two."""
    guest = boot(net=Wire(), append="tcp.msl=1")
    base = guest.stats()
    for _ in range(200):
        with guest.net.connect(80) as s:
            s.sendall(GET)
            while s.recv(4096):
                pass
    guest.pools_return_to(base, 10)
