# SPDX-License-Identifier: MIT
"""A stranger on the wire who sends anything: valid frames with some bytes
changed, checksums mended or not, in the middle of other people's connections.
The guest lives, answers, counts each frame, and gives everything back.

    test 10.66.0.1 ---- wire ---- 10.66.0.2 guest
"""

import random
import struct

import pytest

import frames as f
from test_echo import chance
from wire import Wire

EXPECTED_SECONDS = 40
FRAMES = 20000


def mended(frame):
    """The frame with right checksums again, as far as its lengths allow."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return frame
    ihl = (frame[14] & 15) * 4
    packet = bytearray(frame[14:])
    if ihl < 20 or ihl > len(packet):
        return frame
    packet[10:12] = b"\0\0"
    packet[10:12] = struct.pack("!H", f.checksum(bytes(packet[:ihl])))
    total = struct.unpack_from("!H", packet, 2)[0]
    where = {f.TCP: 16, f.UDP: 6, f.ICMP: 2}.get(packet[9])
    inner = packet[ihl:total]
    if where is not None and len(inner) >= where + 2:
        inner[where:where + 2] = b"\0\0"
        head = b"" if packet[9] == f.ICMP else f.pseudo(
            bytes(packet[12:16]), bytes(packet[16:20]), packet[9], len(inner))
        inner[where:where + 2] = struct.pack(
            "!H", f.checksum(head + bytes(inner)))
        packet[ihl:total] = inner
    return frame[:14] + bytes(packet)


class Stranger:
    def __init__(self, wire, seed):
        self.wire, self.chance = wire, random.Random(seed)
        self.victim = None  # a TcpClient whose numbers are known

    def tcp(self):
        c, w = self.chance, self.wire
        v = self.victim
        near = c.choice((-70000, -1460, -1, 0, 0, 0, 1, 1000, 65535, 1 << 31))
        flags = c.randrange(64)
        data = c.randbytes(c.choice((0, 0, 1, 100, 1400)))
        options = c.choice((b"", b"", b"\x02\x04\x00\x00", b"\x02\x04\xff\xff",
                            c.randbytes(c.randrange(1, 40) & ~3)))
        if v and c.random() < 0.5:
            # Not the exact number with RST or FIN: that would be allowed.
            if near == 0:
                near, flags = 1, flags & ~(f.RST | f.FIN | f.SYN)
            return f.tcp(w.ip, w.guest_ip, v.sport, v.dport,
                         (v.snd_nxt + near) & 0xffffffff,
                         ((v.rcv_nxt or 0) + c.choice((-5000, 100000))) &
                         0xffffffff, flags, b"", options=options)
        return f.tcp(w.ip, w.guest_ip, c.randrange(1, 1024),
                     c.choice((7, 80, 8139, 0, 81)), c.getrandbits(32),
                     c.getrandbits(32), flags, data, options=options)

    def end(self, x):
        """Ends what he began, when the guest repeats its SYN-ACK."""
        if x.flags == f.SYN | f.ACK and x.dport < 1024:
            self.wire.send_tcp(x.dport, x.sport, x.ack, 0, f.RST)

    def frame(self):
        c, w = self.chance, self.wire
        kind = c.randrange(6)
        if kind == 0:
            return f.eth(w.guest_mac, w.mac, f.ETH_ARP, f.arp(
                c.choice((1, 2, 3)), w.mac, bytes([10, 66, 0,
                                                   c.randrange(100, 250)]),
                w.guest_mac, w.guest_ip) + bytes(18))
        proto, inner = (
            (f.ICMP, f.icmp(c.randrange(20), c.randrange(16),
                            c.randbytes(c.randrange(100)))),
            (f.UDP, f.udp(w.ip, w.guest_ip, c.randrange(1, 1024),
                          c.choice((7, 67, 68, 99)),
                          c.randbytes(c.randrange(300)))),
            (f.TCP, self.tcp()))[kind % 3]
        frame = bytearray(f.eth(w.guest_mac, w.mac, f.ETH_IP, f.ipv4(
            w.ip, w.guest_ip, proto, inner)))
        if kind > 3:
            # Not the addresses: the wire would answer in others' names; not
            # the ports: they are the victims' own business.
            for _ in range(c.randrange(1, 4)):
                at = c.choice((14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                               c.randrange(38, len(frame)) if len(frame) > 42
                               else 20))
                frame[at] = c.randrange(256)
            if c.random() < 0.8:
                return mended(bytes(frame))
        return bytes(frame)


@pytest.mark.deadline(120)
def test_anything_from_a_stranger_is_survived(boot):
    seed = chance()
    guest = boot(net=Wire(), append="tcp.msl=1", pcap_bytes=128)
    wire = guest.net
    before = guest.stats()
    stranger = Stranger(wire, seed)
    with wire.connect(7, timeout=20) as victim:
        stranger.victim = victim
        for n in range(FRAMES):
            wire.send(stranger.frame())
            if n % 1000 == 0:
                victim.sendall(b"still mine? %06d" % n)
                got = b""
                while len(got) < 18:
                    got += victim.recv(18 - len(got))
                assert got == b"still mine? %06d" % n
                assert guest.get("/")[0] == 200
    assert wire.ping(1, 1, b"")
    after = guest.stats()
    after.check_ledger()
    print({k: v for k, v in after.since(before).drops().items()})
    # What he left half open would end by itself after a minute.
    wire.taps.append(stranger.end)
    guest.pools_return_to(before, 60)
