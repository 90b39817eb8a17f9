# SPDX-License-Identifier: MIT
"""Wrong frames: each reason of net/drops.def that a wire can provoke, with its
counter, and the answer where a standard asks for one.

Not reachable here: eth.short and ip.short (QEMU pads what is sent to its card
to 60 bytes) and eth.not_for_us (the card filters).  Unit tests have those."""

import struct

import pytest

import frames as f
from wire import Wire

EXPECTED_SECONDS = 40
ME, GUEST = f.ip4("10.66.0.1"), f.ip4("10.66.0.2")
PING = f.echo_request(1, 1, b"data of a ping")


def ip_frame(payload=PING, proto=f.ICMP, src=ME, dst=GUEST, mac=None,
             **fields):
    return f.eth(mac or f.mac("52:54:00:12:34:56"), f.mac("52:55:0a:42:00:01"),
                 f.ETH_IP, f.ipv4(src, dst, proto, payload, **fields))


def udp_frame(dport=7, data=b"data", **fields):
    return ip_frame(f.udp(ME, GUEST, 4000, dport, data, **fields), f.UDP)


def tcp_frame(flags, dport=80, sport=4000, data=b"", dst=GUEST, mac=None,
              **fields):
    return ip_frame(f.tcp(ME, dst, sport, dport, 1000, 2000, flags, data,
                          **fields), f.TCP, dst=dst, mac=mac)


def type_frame(ethertype, dst=f.BROADCAST):
    return f.eth(dst, f.mac("52:55:0a:42:00:01"), ethertype, bytes(100))


# (name, frame, reasons of which exactly one must be counted)
CASES = [
    ("unknown EtherType", type_frame(0x88b5), "eth.type"),
    ("IPv6", type_frame(0x86dd), "eth.type"),
    ("802.3 length", type_frame(100), "eth.type"),
    ("IP version 6", ip_frame(version=6), "ip.version"),
    ("IP version 0", ip_frame(version=0), "ip.version"),
    ("header length 4", ip_frame(ihl=4), "ip.header_len"),
    ("header beyond the packet", ip_frame(payload=b"", ihl=15),
     "ip.header_len ip.total_len ip.checksum"),
    ("IP checksum", ip_frame(csum=0x1234), "ip.checksum"),
    ("total length beyond the frame", ip_frame(total=1400), "ip.total_len"),
    ("total length below the header", ip_frame(total=19),
     "ip.total_len ip.header_len"),
    ("first fragment", ip_frame(frag=0x2000), "ip.fragment"),
    ("last fragment", ip_frame(frag=0x0010), "ip.fragment"),
    ("from loopback", ip_frame(src=f.ip4("127.0.0.1")), "ip.source"),
    ("from broadcast", ip_frame(src=f.ip4("255.255.255.255")), "ip.source"),
    ("from multicast", ip_frame(src=f.ip4("224.0.0.1")), "ip.source"),
    ("from ourselves", ip_frame(src=GUEST), "ip.source"),
    ("from the subnet's broadcast", ip_frame(src=f.ip4("10.66.0.255")),
     "ip.source"),
    ("to somebody else", ip_frame(dst=f.ip4("10.66.0.77")), "ip.not_for_us"),
    ("to loopback", ip_frame(dst=f.ip4("127.0.0.1")),
     "ip.not_for_us ip.source"),
    ("unknown protocol", ip_frame(b"who?", 253), "ip.proto"),
    ("ICMP of 4 bytes", ip_frame(b"\x08\x00\xf7\xff"), "icmp.short"),
    ("ICMP checksum", ip_frame(f.echo_request(1, 1, b"x", csum=1)),
     "icmp.checksum"),
    ("ICMP timestamp", ip_frame(f.icmp(13, 0, bytes(16))), "icmp.type"),
    ("ICMP type 42", ip_frame(f.icmp(42, 0, bytes(4))), "icmp.type"),
    ("broadcast ping", ip_frame(dst=f.ip4("10.66.0.255"), mac=f.BROADCAST),
     "icmp.broadcast"),
    ("UDP of 4 bytes", ip_frame(b"\x0f\xa0\x00\x07", f.UDP), "udp.short"),
    ("UDP length below 8", udp_frame(length=7), "udp.short"),
    ("UDP length beyond the packet", udp_frame(length=400), "udp.short"),
    ("UDP checksum", udp_frame(csum=0x4321), "udp.checksum"),
    ("UDP to a closed port", udp_frame(dport=9), "udp.no_port"),
    ("TCP of 10 bytes", ip_frame(bytes(10), f.TCP), "tcp.short"),
    ("TCP offset 4", tcp_frame(f.SYN, offset=4), "tcp.short"),
    ("TCP offset beyond the segment", tcp_frame(f.SYN, offset=15),
     "tcp.short"),
    ("TCP checksum", tcp_frame(f.SYN, csum=7), "tcp.checksum"),
    ("TCP to broadcast", tcp_frame(f.SYN, dst=f.ip4("10.66.0.255"),
                                   mac=f.BROADCAST), "tcp.broadcast"),
    ("TCP to port 0", tcp_frame(f.SYN, dport=0), "tcp.port_zero"),
    ("TCP from port 0", tcp_frame(f.SYN, sport=0), "tcp.port_zero"),
    ("SYN to a closed port", tcp_frame(f.SYN, dport=81), "tcp.no_conn"),
    ("ACK without connection", tcp_frame(f.ACK, dport=81), "tcp.no_conn"),
    ("RST without connection", tcp_frame(f.RST, dport=81), "tcp.no_conn"),
    ("ACK to a listener", tcp_frame(f.ACK, dport=80), "tcp.no_conn tcp.ack"),
]


@pytest.fixture
def guest(boot):
    return boot(net=Wire())


def drops_of(guest, before):
    """What was dropped since; waits until the frame has been seen."""
    return guest.stats().since(before).drops()


@pytest.mark.parametrize("name,frame,reasons", CASES,
                         ids=[c[0].replace(" ", "_") for c in CASES])
def test_wrong_frame_is_counted_by_its_reason(guest, name, frame, reasons):
    wire = guest.net
    before = guest.stats()
    for _ in range(3):
        wire.send(frame)
    after = drops_of(guest, before)
    assert sum(after.get(r, 0) for r in reasons.split()) == 3, after
    assert sum(after.values()) == 3, "counted once each: %s" % after
    assert wire.ping(77, 1, b"still there?")
    assert "PANIC" not in guest.serial()


def test_wrong_frames_are_not_logged(guest):
    lines = len(guest.lines())
    for _, frame, _ in CASES:
        guest.net.send(frame)
    guest.stats()
    said = [l for l in guest.lines()[lines:] if " kept the CPU for " not in l]
    assert not said, said  # but for what a busy host does to the guest


def quoted(x):
    """The packet inside an ICMP error."""
    return x.rest[4:]


def test_unknown_protocol_is_answered_protocol_unreachable(guest):
    wire = guest.net
    wire.send(ip_frame(b"who are you", 253, ident=0x77))
    error = wire.expect(lambda x: x.proto == f.ICMP and x.kind == 3)
    assert error.code == 2
    sent = f.ipv4(ME, GUEST, 253, b"who are you", ident=0x77)
    assert quoted(error)[:28] == sent[:28], "RFC 792: header and 8 bytes"
    assert len(error.ip) <= 576, "RFC 1812 4.3.2.3"


def test_closed_udp_port_is_answered_port_unreachable(guest):
    wire = guest.net
    wire.send(udp_frame(dport=9999, data=b"knock knock"))
    error = wire.expect(lambda x: x.proto == f.ICMP and x.kind == 3)
    assert error.code == 3
    assert quoted(error)[20:24] == struct.pack("!HH", 4000, 9999)


def test_unreachable_messages_are_rate_limited(guest):
    wire = guest.net
    before = guest.stats()
    for _ in range(500):
        wire.send(udp_frame(dport=9999))
    change = guest.stats().since(before)
    assert change["drop.udp.no_port"] == 500
    errors = [x for x in list(wire.inbox) if x.proto == f.ICMP and x.kind == 3]
    assert 1 <= len(errors) <= 100 * (1 + change.seconds()), \
        "more than 100 a second"


@pytest.mark.parametrize("name,frame", [
    ("udp_to_broadcast", ip_frame(
        f.udp(ME, f.ip4("10.66.0.255"), 4000, 9999, b"x"), f.UDP,
        dst=f.ip4("10.66.0.255"), mac=f.BROADCAST)),
    ("udp_by_ethernet_broadcast", ip_frame(
        f.udp(ME, GUEST, 4000, 9999, b"x"), f.UDP, mac=f.BROADCAST)),
    ("about_an_icmp_error", ip_frame(f.icmp(3, 3, bytes(4) + f.ipv4(
        GUEST, ME, f.UDP, bytes(8))))),
    ("fragment_that_is_not_the_first", ip_frame(
        bytes(16), 253, frag=0x0020)),
    ("from_no_single_host", ip_frame(bytes(16), 253, src=bytes(4))),
], ids=lambda v: v if isinstance(v, str) else "")
def test_no_icmp_error_is_sent(guest, name, frame):
    """RFC 1122 3.2.2."""
    wire = guest.net
    wire.send(frame)
    guest.stats()  # so it has been seen
    wire.expect_none(lambda x: x.proto == f.ICMP, 0)


def test_syn_to_closed_port_is_reset(guest):
    """RFC 9293 3.10.7.1: no ACK in it, so SEQ=0 and ACK=SEQ+LEN."""
    wire = guest.net
    wire.send(tcp_frame(f.SYN, dport=81))
    rst = wire.expect_tcp(4000)
    assert rst.flags == f.RST | f.ACK
    assert (rst.seq, rst.ack) == (0, 1001)


def test_ack_to_closed_port_is_reset_with_its_number(guest):
    wire = guest.net
    wire.send(tcp_frame(f.ACK, dport=81, data=b"12345"))
    rst = wire.expect_tcp(4000)
    assert rst.flags & f.RST and rst.seq == 2000


def test_rst_is_never_answered(guest):
    wire = guest.net
    wire.send(tcp_frame(f.RST, dport=81))
    wire.send(tcp_frame(f.RST | f.ACK, dport=80))
    guest.stats()  # so they have been seen
    wire.expect_none(lambda x: x.proto == f.TCP and x.dport == 4000, 0)


def test_every_length_of_garbage(guest):
    """Random bytes behind each plausible start; nothing but counters moves."""
    wire = guest.net
    before = guest.stats()
    noise = bytes((i * 131 + 17) & 255 for i in range(1500))
    for size in range(0, 1500, 7):
        for proto in (f.ICMP, f.UDP, f.TCP, 200):
            wire.send(ip_frame(noise[:min(size, 1480)], proto))
        wire.send(f.eth(wire.guest_mac, wire.mac, f.ETH_IP, noise[:size]))
        wire.send(f.eth(f.BROADCAST, wire.mac, f.ETH_ARP, noise[:size]))
    guest.pools_return_to(before)
    assert wire.ping(1, 2, b"alive")


@pytest.mark.parametrize("size", [1515, 1518, 1600, 4000, 16000])
def test_oversize_frame_does_no_harm(guest, size):
    wire = guest.net
    for _ in range(5):
        wire.send(ip_frame(bytes(size - 34), f.UDP))
        assert wire.ping(1, size, b"alive")
    guest.stats().check_ledger()
