# SPDX-License-Identifier: MIT
"""ARP and ping over raw frames.

    test 10.66.0.1 ---- wire ---- 10.66.0.2 guest
"""

import struct

import pytest

import frames as f
import patience
from wire import Wire

EXPECTED_SECONDS = 30
OTHER_MAC = f.mac("52:55:0a:42:00:09")
OTHER_IP = f.ip4("10.66.0.9")


@pytest.fixture
def guest(boot):
    return boot(net=Wire())


def who_has(wire, tpa, sender=None, dst=f.BROADCAST):
    wire.send(f.eth(dst, wire.mac, f.ETH_ARP, f.arp(
        1, wire.mac, sender or wire.ip, bytes(6), tpa)))


def test_answers_arp(guest):
    wire = guest.net
    who_has(wire, wire.guest_ip)
    reply = wire.expect(lambda x: x.op == 2, what="ARP reply")
    assert (reply.sha, reply.spa) == (wire.guest_mac, wire.guest_ip)
    assert (reply.tha, reply.tpa) == (wire.mac, wire.ip)
    assert reply.dst == wire.mac and reply.src == wire.guest_mac


def test_answers_an_arp_probe_for_its_address(guest):
    """RFC 5227: the prober has no address yet."""
    wire = guest.net
    who_has(wire, wire.guest_ip, sender=bytes(4))
    reply = wire.expect(lambda x: x.op == 2, what="ARP reply")
    assert reply.spa == wire.guest_ip


def test_does_not_answer_for_others(guest):
    wire = guest.net
    before = guest.stats()
    who_has(wire, OTHER_IP, sender=f.ip4("10.66.0.33"))
    assert guest.stats().since(before)["drop.arp.not_for_us"] >= 1
    wire.expect_none(lambda x: x.op == 2 and x.spa == OTHER_IP, 0)


def test_asks_before_it_answers_a_neighbour_it_does_not_know(guest):
    wire = guest.net
    wire.addresses[OTHER_IP] = OTHER_MAC
    wire.send(f.eth(wire.guest_mac, OTHER_MAC, f.ETH_IP, f.ipv4(
        OTHER_IP, wire.guest_ip, f.ICMP, f.echo_request(7, 1, b"hi"))))
    pong = wire.expect(lambda x: x.proto == f.ICMP and x.kind == 0)
    assert pong.dst == OTHER_MAC, "by ARP, not by the frame's source"


def test_gives_up_on_a_neighbour_that_is_not_there(guest):
    wire = guest.net
    before = guest.stats()
    wire.send(f.eth(wire.guest_mac, OTHER_MAC, f.ETH_IP, f.ipv4(
        OTHER_IP, wire.guest_ip, f.ICMP, f.echo_request(7, 1, b"hi"))))
    for _ in range(2):  # it asks more than once, about once a second
        wire.expect(lambda x: x.op == 1 and x.tpa == OTHER_IP, 5, "ARP")
    patience.wait(
        lambda: guest.stats().since(before).get("drop.tx.arp_failed"), 15,
        "the packet is given up", 0.3)
    guest.pools_return_to(before)


def test_arp_requests_are_rate_limited(guest):
    wire = guest.net
    wire.clear()
    before = guest.stats()
    for n in range(200):
        wire.send(f.eth(wire.guest_mac, OTHER_MAC, f.ETH_IP, f.ipv4(
            OTHER_IP, wire.guest_ip, f.ICMP, f.echo_request(7, n, b"hi"))))
    change = guest.stats().since(before)
    asked = [x for x in list(wire.inbox) if x.op == 1 and x.tpa == OTHER_IP]
    assert 1 <= len(asked) <= 2 + change.seconds(), "more than one a second"


@pytest.mark.parametrize("change", [
    dict(htype=6), dict(ptype=0x86dd), dict(hlen=8), dict(plen=16)],
    ids=lambda c: list(c)[0])
def test_malformed_arp_is_counted(guest, change):
    wire = guest.net
    before = guest.stats()
    wire.send(f.eth(f.BROADCAST, wire.mac, f.ETH_ARP, f.arp(
        1, wire.mac, wire.ip, bytes(6), wire.guest_ip, **change)))
    assert guest.stats().since(before)["drop.arp.bad"] == 1
    wire.expect_none(lambda x: x.op == 2, 0)


@pytest.mark.deadline(90)
def test_ping_of_every_size(guest):
    wire = guest.net
    pattern = bytes(i * 7 & 255 for i in range(1500))
    for size in range(1473):
        pong = wire.ping(0x1234, size, pattern[:size])
        assert pong.rest[4:] == pattern[:size], "size %d" % size
        assert pong.ip_src == wire.guest_ip and pong.ip_dst == wire.ip


def test_ping_payload_and_identity_return_unchanged(guest):
    wire = guest.net
    for ident, seq in ((0, 0), (0xffff, 0xffff), (1, 0x8000)):
        pong = wire.ping(ident, seq, b"\xff" * 33)
        assert pong.rest[4:] == b"\xff" * 33
        assert pong.ttl >= 64


def test_ping_with_wrong_checksum_is_dropped(guest):
    wire = guest.net
    before = guest.stats()
    wire.send_ip(f.ICMP, f.echo_request(1, 1, b"data", csum=0xbad))
    assert guest.stats().since(before)["drop.icmp.checksum"] == 1
    wire.expect_none(lambda x: x.proto == f.ICMP, 0)


@pytest.mark.parametrize("dst", ["255.255.255.255", "10.66.0.255"])
def test_broadcast_ping_is_not_answered(guest, dst):
    """RFC 1122 3.2.2.6 allows it; a smurf amplifier nobody needs."""
    wire = guest.net
    before = guest.stats()
    wire.send_ip(f.ICMP, f.echo_request(1, 1, b"data"), dst=f.ip4(dst),
                 mac=f.BROADCAST)
    assert guest.stats().since(before)["drop.icmp.broadcast"] == 1
    wire.expect_none(lambda x: x.proto == f.ICMP, 0)


def test_ping_with_ip_options_is_answered_or_counted(guest):
    wire = guest.net
    before = guest.stats()
    wire.send_ip(f.ICMP, f.echo_request(9, 9, b"opt"), options=b"\x01" * 8)
    dropped = sum(guest.stats().since(before).drops().values())
    pongs = [x for x in list(wire.inbox) if x.proto == f.ICMP and x.kind == 0]
    assert len(pongs) + dropped == 1
    assert all(x.rest[4:] == b"opt" for x in pongs)


def test_answers_ping_from_beyond_the_gateway_through_it(guest):
    wire = guest.net
    far = f.ip4("192.0.2.77")
    pong = wire.ping(5, 5, b"far away", src=far)
    assert pong.ip_dst == far and pong.dst == wire.mac


def test_frame_padding_is_not_answered(guest):
    """A short packet in a minimum frame: only the packet's bytes count."""
    wire = guest.net
    packet = f.ipv4(wire.ip, wire.guest_ip, f.ICMP, f.echo_request(3, 3, b"x"))
    wire.send(f.eth(wire.guest_mac, wire.mac, f.ETH_IP, packet + b"\xee" * 40))
    pong = wire.expect(lambda x: x.proto == f.ICMP)
    assert pong.rest == struct.pack("!HH", 3, 3) + b"x"


@pytest.mark.parametrize("beyond", [1, 4])
def test_ping_beyond_the_mtu_is_dropped(guest, beyond):
    """The card takes such frames, since a VLAN tag would fit."""
    wire = guest.net
    before = guest.stats()
    wire.send_ip(f.ICMP, f.echo_request(4, 4, bytes(1472 + beyond)))
    assert wire.ping(4, 5, b"alive")
    assert guest.stats().since(before)["drop.ip.total_len"] == 1


def test_many_pings_at_once_are_all_answered(guest):
    """Back-pressure of the receive ring: nothing is lost below its size."""
    wire = guest.net
    assert wire.ping(1, 1, b"")  # now the guest knows our address
    for seq in range(64):
        wire.send_ip(f.ICMP, f.echo_request(8, seq, bytes(200)))
    seen = set()
    while len(seen) < 64:
        pong = wire.expect(lambda x: x.proto == f.ICMP and x.kind == 0)
        seen.add(pong.rest[2:4])
