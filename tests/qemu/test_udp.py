# SPDX-License-Identifier: MIT
"""UDP echo (RFC 862) over raw frames.

    test 10.66.0.1 ---- wire ---- 10.66.0.2 guest, port 7
"""

import socket

import pytest

import frames as f
from guest import User
from patience import PATIENCE
from wire import Wire

EXPECTED_SECONDS = 15


def echo(wire, data, sport=5000, **fields):
    wire.send_udp(sport, 7, data, **fields)
    return wire.expect(lambda x: x.proto == f.UDP and x.dport == sport,
                       what="echo of %d bytes" % len(data))


@pytest.mark.deadline(90)
def test_echo_of_every_size(boot):
    wire = boot(net=Wire()).net
    pattern = bytes(i * 11 & 255 for i in range(1472))
    for size in range(1473):
        answer = echo(wire, pattern[:size])
        assert answer.data == pattern[:size], "size %d" % size
        assert answer.sport == 7 and answer.ip_src == wire.guest_ip


def test_datagram_without_checksum_is_accepted(boot):
    """RFC 768: zero means that the sender made none."""
    wire = boot(net=Wire()).net
    assert echo(wire, b"no checksum", csum=0).data == b"no checksum"


def test_padding_after_the_datagram_is_cut(boot):
    wire = boot(net=Wire()).net
    data = f.udp(wire.ip, wire.guest_ip, 5000, 7, b"ab")
    wire.send_ip(f.UDP, data + b"junk")
    answer = wire.expect(lambda x: x.proto == f.UDP)
    assert answer.data == b"ab"


def test_checksum_that_comes_out_zero_is_sent_as_ones(boot):
    wire = boot(net=Wire()).net
    # Choose data so that the answer's checksum is 0 before the rule: the
    # answer has the same sum as the question.
    for word in range(65536):
        data = word.to_bytes(2, "big")
        packet = f.pseudo(wire.ip, wire.guest_ip, f.UDP, 10) + \
            f.udp(wire.ip, wire.guest_ip, 5000, 7, data, csum=0)
        if f.checksum(packet) == 0:
            break
    wire.send_udp(5000, 7, data, csum=0xffff)
    answer = wire.expect(lambda x: x.proto == f.UDP)
    assert answer.ip[26:28] == b"\xff\xff"


def test_datagrams_of_many_clients_do_not_mix(boot):
    wire = boot(net=Wire()).net
    assert wire.ping(1, 1, b"")  # now the guest knows our address
    for sport in range(6000, 6050):
        wire.send_udp(sport, 7, b"client %d" % sport)
    for sport in range(6000, 6050):
        answer = wire.expect(lambda x: x.proto == f.UDP and x.dport == sport)
        assert answer.data == b"client %d" % sport


def test_broadcast_datagram_is_not_answered_by_broadcast(boot):
    wire = boot(net=Wire()).net
    dst = f.ip4("10.66.0.255")
    wire.send_ip(f.UDP, f.udp(wire.ip, dst, 5000, 7, b"all"), dst=dst,
                 mac=f.BROADCAST)
    echo(wire, b"after it", sport=5001)
    wire.expect_none(lambda x: x.proto == f.UDP and x.dst == f.BROADCAST, 0)


def test_echo_through_the_user_network(boot):
    guest = boot(net=User())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE * 5)
        s.connect(("127.0.0.1", guest.net.echo_udp))
        for size in (1, 100, 1472):
            s.send(b"u" * size)
            assert s.recv(2000) == b"u" * size


def test_port_is_free_again_for_the_next_datagram(boot):
    guest = boot(net=Wire())
    before = guest.stats()
    for n in range(2000):
        echo(guest.net, b"%d" % n, sport=5000 + n)
    guest.pools_return_to(before)
