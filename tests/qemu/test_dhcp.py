# SPDX-License-Identifier: MIT
"""DHCP: against QEMU's server, and against one of the test's own that is lost,
late or unkind.

    test 10.66.0.1 (DHCP server) ---- wire ---- guest, ip=dhcp
"""

import itertools
import re

import pytest

import frames as f
from dhcp_server import DISCOVER, NAK, REQUEST, DhcpServer
from guest import User
from wire import HOST_IP, Wire

EXPECTED_SECONDS = 110
LEASED = "10.66.0.50"


def dhcp_wire(**options):
    """A wire with a DHCP server on it; TCP goes to the leased address."""
    wire = Wire(append="")
    wire.guest_ip = f.ip4(LEASED)
    return wire, DhcpServer(wire, **options)


def test_address_from_qemus_server(boot):
    guest = boot(net=User())
    assert guest.ready["ip"] == "10.0.2.15"
    assert guest.get("/")[0] == 200


def test_address_from_another_network(boot):
    guest = boot(net=User(options=",net=192.168.77.0/24,dhcpstart="
                          "192.168.77.40"))
    assert guest.ready["ip"] == "192.168.77.40"


def test_what_is_asked(boot):
    wire, server = dhcp_wire()
    guest = boot(net=wire, append="hostname=my-box")
    assert guest.ready["ip"] == LEASED
    discover = server.wait(lambda m: m.kind == DISCOVER)
    request = server.wait(lambda m: m.kind == REQUEST)
    assert discover.chaddr == wire.guest_mac == request.chaddr
    assert request.options[50] == f.ip4(LEASED), "requested address"
    assert request.options[54] == HOST_IP, "server identifier"
    assert request.xid == discover.xid
    for m in (discover, request):
        assert m.options[12] == b"my-box"
        assert {1, 3} <= set(m.options[55]), "netmask and router asked for"
        assert m.source == bytes(4) and not m.unicast
        assert m.size >= 300, "RFC 1542 2.1: BOOTP relays want 300 bytes"
    assert wire.ping(1, 1, b"")


def test_lost_discover_is_repeated(boot):
    """RFC 2131 4.1: after about four seconds."""
    deaf = [1]

    def answer(m):
        if m.kind == DISCOVER and deaf[0]:
            deaf[0] -= 1
            return False
        return True
    wire, server = dhcp_wire(answer=answer)
    guest = boot(net=wire)
    assert guest.ready["ip"] == LEASED
    assert sum(m.kind == DISCOVER for m in server.heard) >= 2


def test_lost_acknowledgment_is_asked_for_again(boot):
    deaf = [1]

    def answer(m):
        if m.kind == REQUEST and deaf[0]:
            deaf[0] -= 1
            return False
        return True
    wire, server = dhcp_wire(answer=answer)
    guest = boot(net=wire)
    assert guest.ready["ip"] == LEASED


@pytest.mark.deadline(90)
def test_without_a_server_link_local_then_late_address(boot):
    on = [False]
    wire, server = dhcp_wire(answer=lambda m: on[0])
    guest = boot(net=wire, ready=False)
    guest.wait_ready(30)
    assert re.fullmatch(r"169\.254\.\d+\.\d+", guest.ready["ip"])
    third = int(guest.ready["ip"].split(".")[2])
    assert 1 <= third <= 254, "RFC 3927 2.1"
    assert guest.ready["boot_ms"] > 9000, "it waits for a server first"
    # It probed for the address first (RFC 3927 2.2.1), from 0.0.0.0.
    address = f.ip4(guest.ready["ip"])
    probes = [x for x in list(wire.inbox) if x.op == 1 and
              x.tpa == address and x.spa == bytes(4)]
    assert probes, "no ARP probe"
    wire.guest_ip, leased = address, wire.guest_ip
    on_link = f.ip4("169.254.9.9")
    wire.addresses[on_link] = wire.mac
    assert wire.ping(1, 1, b"", src=on_link)
    before = len(server.heard)
    on[0] = True
    wire.guest_ip = leased
    match = guest.wait_line(r"^ADDRESS ip=(\S+)$", 70)
    assert match.group(1) == LEASED
    assert len(server.heard) > before, "DHCP went on"
    assert wire.ping(1, 2, b"")
    assert guest.get("/")[0] == 200
    assert sum(l.startswith("READY ") for l in guest.lines()) == 1


def test_link_local_conflict_takes_another_address(boot):
    wire = Wire(append="")
    taken = []

    def defend(x):
        if x.op == 1 and x.spa == bytes(4) and x.tpa[:2] == b"\xa9\xfe" and \
                (not taken or x.tpa in taken):
            taken.append(x.tpa)
            wire.send(f.eth(f.BROADCAST, wire.mac, f.ETH_ARP, f.arp(
                2, wire.mac, x.tpa, x.sha, bytes(4))))
    wire.taps.append(defend)
    guest = boot(net=wire, ready=False)
    guest.wait_ready(45)
    assert taken, "no probe was seen"
    assert f.ip4(guest.ready["ip"]) not in taken
    guest.ready = None  # the wire's idea of the address is not the guest's


def test_refusal_starts_over(boot):
    refused = [1]

    def answer(m):
        if m.kind == REQUEST and refused[0]:
            refused[0] -= 1
            return NAK
        return True
    wire, server = dhcp_wire(answer=answer)
    guest = boot(net=wire)
    assert guest.ready["ip"] == LEASED
    # Each may come again when this test was slow to answer.
    kinds = [kind for kind, _ in itertools.groupby(
        m.kind for m in server.heard)]
    assert kinds == [DISCOVER, REQUEST, DISCOVER, REQUEST], kinds


def test_answers_for_others_are_ignored(boot):
    wire, server = dhcp_wire()
    plain = server.reply

    def reply(m, kind, **changes):
        plain(m, kind, xid=m.xid ^ 1)
        plain(m, kind)
    server.reply = reply
    guest = boot(net=wire)
    assert guest.ready["ip"] == LEASED


@pytest.mark.parametrize("junk", [
    b"", b"x" * 100, bytes(240), bytes(236) + b"\x63\x82\x53\x63",
    bytes(236) + b"\x63\x82\x53\x63" + b"\x35\xff\x02",
    b"\x02\x01\x06\x00" + bytes(232) + b"\x63\x82\x53\x63" + b"\x35"],
    ids=["empty", "short", "no_magic", "no_options", "option_beyond_end",
         "option_without_length"])
def test_junk_on_the_client_port_is_ignored(boot, junk):
    wire, server = dhcp_wire()

    def blast(frame):
        if frame.dport == 67:
            dst = b"\xff" * 4
            wire.send(f.eth(f.BROADCAST, wire.mac, f.ETH_IP, f.ipv4(
                wire.ip, dst, f.UDP, f.udp(wire.ip, dst, 67, 68, junk))))
    wire.taps.insert(0, blast)
    assert boot(net=wire).ready["ip"] == LEASED


@pytest.mark.deadline(90)
def test_short_lease_is_renewed_by_unicast(boot):
    wire, server = dhcp_wire(lease=12, t1=4, t2=9)
    guest = boot(net=wire)
    for n in range(2):
        seen = set(server.heard)
        renewal = server.wait(lambda m: m not in seen, 9, "renewal")
        assert renewal.kind == REQUEST and renewal.unicast
        assert renewal.ciaddr == f.ip4(LEASED) == renewal.source
        assert 50 not in renewal.options and 54 not in renewal.options, \
            "RFC 2131 4.3.2: RENEWING carries neither"
        assert wire.ping(1, n, b"")
    assert "ADDRESS" not in guest.serial(), "nothing changed"


@pytest.mark.deadline(90)
def test_rebinding_and_expiry(boot):
    """The server falls silent after the first lease: broadcast at T2, and at
    the end of the lease everything starts over."""
    silent = [False]
    wire, server = dhcp_wire(lease=10, t1=3, t2=6,
                             answer=lambda m: not silent[0])
    guest = boot(net=wire)
    silent[0] = True
    server.wait(lambda m: m.kind == REQUEST and m.unicast, 8, "renewal")
    rebinding = server.wait(lambda m: m.kind == REQUEST and any(m.ciaddr) and
                            not m.unicast, 8, "rebinding")
    server.wait(lambda m: m.kind == DISCOVER and m.when > rebinding.when, 12,
                "fresh start")
    silent[0] = False
    guest.wait_line(r"DHCP lease has expired", 5)
    server.wait(lambda m: m.kind == REQUEST and m.when > rebinding.when and
                not any(m.ciaddr), 25, "request")
    guest.wait_line(r"DHCP lease of 10\.66\.0\.50", 5, nth=2)
    assert wire.ping(1, 1, b"")


@pytest.mark.deadline(90)
def test_a_new_address_at_renewal_time_is_announced(boot):
    renewals = [0]

    def answer(m):
        if m.kind == REQUEST and any(m.ciaddr):
            renewals[0] += 1
            server.offer = f.ip4("10.66.0.60")
            return NAK
        return True
    wire, server = dhcp_wire(lease=12, t1=4, t2=9, answer=answer)
    guest = boot(net=wire)
    guest.wait_line(r"^ADDRESS ip=10\.66\.0\.60$", 30)
    wire.guest_ip = f.ip4("10.66.0.60")
    assert wire.ping(1, 1, b"")
    assert guest.get("/")[0] == 200
