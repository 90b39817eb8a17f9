# SPDX-License-Identifier: MIT
"""Several cards in one machine.

    test 10.66.0.1 ---- Wire 0 ---- 10.66.0.2 eth0 -+
                                                    +- guest
    test 10.66.1.1 ---- Wire 1 ---- 10.66.1.2 eth1 -+

The first card of each guest here sits in slot 5, the second in slot 6 unless
told otherwise."""

import threading

import pytest

import frames as f
import patience
import screen
from dhcp_server import REQUEST, DhcpServer
from guest import http_get
from wire import Wire

EXPECTED_SECONDS = 10
STATIC = ("ip=10.66.0.2/24 gateway=10.66.0.1 "
          "eth1.ip=10.66.1.2/24 eth1.gateway=10.66.1.1")
FAR = f.ip4("198.51.100.7")


class Wires:
    """A network for Guest with a second card on a wire of its own.  What the
    guest's helpers use (connect) goes through the wire `main`."""

    rootless = True

    def __init__(self, append, main=0, slot=6):
        self.append, self.slot = append, slot
        self.wires = [Wire("", 0), Wire("", 1)]
        self.main = self.wires[main]

    def open(self, folder):
        args = self.wires[0].open(folder) + self.wires[1].open(folder)
        mac = ":".join("%02x" % b for b in self.wires[1].guest_mac)
        return args + ["-device", "rtl8139,id=nic1,netdev=n1,romfile=,addr=%x,"
                       "mac=%s" % (self.slot, mac)]

    def close(self):
        for wire in self.wires:
            wire.close()

    @property
    def wrong(self):
        return self.wires[0].wrong + self.wires[1].wrong

    def connect(self, port, timeout=10):
        return self.main.connect(port, timeout)


def start(boot, append=STATIC, main=0, slot=6, **options):
    net = Wires(append, main, slot)
    return boot(net=net, addr="5", **options), net.wires


def serve(wire, rounds, failures):
    """Pings and requests through one wire."""
    try:
        for n in range(rounds):
            wire.ping(wire.number, n)
            with wire.connect(80) as s:
                assert http_get(s, "/")[0] == 200
    except BaseException as e:
        failures.append(e)


# Beside slot 5, slot 7 of pc has another interrupt line, slot 9 of q35 the same.
@pytest.mark.parametrize("machine,slot", [("pc", 7), ("q35", 9)],
                         ids=["two-lines", "one-line"])
def test_two_cards_each_on_its_own_network(boot, machine, slot):
    guest, wires = start(boot, machine=machine, slot=slot)
    assert guest.ready["ip"] == "10.66.0.2"
    guest.wait_line(r"^ADDRESS ip=10\.66\.1\.2 dev=eth1$", 5)
    assert guest.serial().count("READY ") == 1
    for n in range(2):
        guest.wait_line(r"eth%d: RTL8139.* at 00:0%d\.0, " %
                        (n, (5, slot)[n]), 1)
    failures = []
    threads = [threading.Thread(target=serve, args=(w, 20, failures))
               for w in wires]
    for t in threads:
        t.start()
    for t in threads:
        t.join(patience.PATIENCE * 30)
    assert not failures, failures
    assert not any(t.is_alive() for t in threads)
    stats = guest.stats()
    assert (stats["eth0.line"] == stats["eth1.line"]) == (slot == 9)
    for n in range(2):
        assert stats["eth%d.interrupts" % n] > 20, \
            "eth%d is at %s" % (n, stats["eth%d.line" % n])
        assert stats["eth%d.tx_frames" % n] > 100
    # Each through its own card's gateway, at once.
    for wire in wires:
        wire.addresses[FAR] = wire.mac
        wire.ping(9, wire.number, src=FAR)
    # An address counts only where it belongs: strong end system.
    wires[1].send_ip(f.ICMP, f.echo_request(7, 7), dst=wires[0].guest_ip)
    wires[1].ping(7, 8)  # so it has been seen
    wires[1].expect_none(lambda x: x.proto == f.ICMP, 0)
    # The first cable is pulled: the second card goes on.
    guest.set_link(False)
    guest.wait_line("eth0: link down", 5)
    serve(wires[1], 3, failures)
    guest.set_link(True)
    guest.wait_line("eth0: link up", 5)
    serve(wires[0], 3, failures)
    assert not failures, failures


def test_two_cards_on_one_network(boot):
    """Which card is asked answers, and no other: ARP, ping, TCP, UDP."""
    guest, wires = start(boot, "ip=10.66.0.2/24 eth1.ip=10.66.0.3/24")
    second = wires[1]
    second.guest_ip, second.ip = f.ip4("10.66.0.3"), f.ip4("10.66.0.9")
    second.addresses = {second.ip: second.mac}
    for asked in (wires[0].guest_ip, second.guest_ip):
        second.send(f.eth(b"\xff" * 6, second.mac, f.ETH_ARP, f.arp(
            1, second.mac, second.ip, b"\0" * 6, asked)))
    answer = second.expect(lambda x: x.op == 2)
    assert answer.spa == second.guest_ip, "it answers for another card"
    failures = []
    serve(second, 3, failures)
    serve(wires[0], 3, failures)
    assert not failures, failures
    second.send_udp(4000, 7, b"which?")
    reply = second.expect(lambda x: x.proto == f.UDP and x.dport == 4000)
    assert reply.ip_src == second.guest_ip


def test_dhcp_on_both_and_a_first_card_without_a_link(boot):
    # Stopped at first, so that the first card never had a link.
    guest, wires = start(boot, "", main=1, ready=False,
                         extra=("-S", "-vga", "std"))
    guest.set_link(False)
    servers = [DhcpServer(w, offer="10.66.%d.2" % w.number) for w in wires]
    guest.qmp("cont")
    assert guest.wait_ready()["ip"] == "10.66.1.2"
    look = screen.read_text_memory
    screen.wait(look, guest, r"^ Ringlet [\d.]+ │ http://10\.66\.1\.2/ │ up ")
    screen.wait(look, guest, r"^ eth0 down, eth1 up │ \d+ in, \d+ out packet")
    failures = []
    serve(wires[1], 2, failures)
    assert not failures, failures
    guest.set_link(True)
    guest.wait_line(r"^ADDRESS ip=10\.66\.0\.2$", 20)
    serve(wires[0], 2, failures)
    assert not failures, failures
    screen.wait(look, guest, r" │ http://10\.66\.0\.2/, 10\.66\.1\.2 │ up ")
    screen.wait(look, guest, r"^ eth0 up, eth1 up │ ")
    assert guest.serial().count("READY ") == 1
    assert servers[0].wait(lambda m: m.kind == REQUEST, 1)


def test_nic_picks_the_second_card_and_says_what_is_wrong(boot):
    guest, wires = start(
        boot, "ip=10.66.1.2/24 nic=00:1f.7 nic=00:06.0", main=1)
    guest.wait_line(r"nic: there is no device at 00:1f\.7", 1)
    guest.wait_line(r"eth0: RTL8139.* at 00:06\.0, ", 1)
    assert "eth1" not in guest.serial()
    failures = []
    serve(wires[1], 2, failures)
    assert not failures, failures
    assert "eth1.tx_frames" not in guest.stats()
