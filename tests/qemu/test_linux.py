# SPDX-License-Identifier: MIT
"""Real Linux clients, when root: kernel TCP, curl, dnsmasq.

    [ namespace: 10.66.0.1, curl, dnsmasq, sockets ]--- tap ---[ guest ]
"""

import hashlib
import os
import random
import socket
import struct
import subprocess
import threading
import time

import pytest

import frames as f
from netns import LossyTap, Tap, why_not
from patience import PATIENCE
from stick import site
from test_echo import chance, check, noise

EXPECTED_SECONDS = 60
MIB = 1 << 20
WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


def ping_many(tap, count, size, window=16, target="10.66.0.2",
              wait_s=PATIENCE * 3):
    """As ping -f does: window requests under way.  Returns how many were
    answered, each only once."""
    s = tap.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(wait_s)
    ident, seen, sent = os.getpid() & 0xffff, set(), 0
    payload = bytes(range(256)) * 6
    while len(seen) < count:
        while sent < count and sent - len(seen) < window:
            s.sendto(f.echo_request(ident, sent & 0xffff, payload[:size]),
                     (target, 0))
            sent += 1
        try:
            packet = s.recv(65536)
        except socket.timeout:
            break
        if packet[20] == 0 and packet[24:26] == struct.pack("!H", ident):
            assert packet[28:] == payload[:size]
            number = struct.unpack("!H", packet[26:28])[0]
            assert number not in seen, "answered twice"
            seen.add(number)
    s.close()
    return len(seen)


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_flood_ping(boot, machine):
    tap = Tap()
    boot(net=tap, machine=machine, pcap_bytes=96)
    for size in (0, 56, 1472):
        assert ping_many(tap, 2000, size) == 2000


def test_linux_reassembles_nothing_but_we_say_so(boot):
    """A ping above the MTU arrives in fragments: counted, not answered."""
    tap = Tap()
    guest = boot(net=tap)
    before = guest.stats()
    assert ping_many(tap, 2, 1473, wait_s=1) == 0
    assert guest.stats().since(before)["drop.ip.fragment"] == 4


def test_curl(boot):
    tap = Tap()
    big = random.Random(3).randbytes(4 * MIB)
    guest = boot(net=tap, mem=64, stick=site({"www/big.bin": big}),
                 pcap_bytes=96)
    base = guest.stats()
    for path, want in (("/style.css", b"p { color: teal }\n"),
                       ("/big.bin", big)):
        done = tap.run("curl", "-sf", "--max-time", str(PATIENCE * 40),
                       "--noproxy", "*", "http://10.66.0.2" + path)
        assert done.returncode == 0 and done.stdout == want
    guest.pools_return_to(base)


@pytest.mark.deadline(120)
def test_kernel_tcp_bulk_both_ways(boot):
    tap = Tap()
    guest = boot(net=tap, pcap_bytes=96)
    base = guest.stats()
    for n in range(3):
        check(guest, noise(10 * MIB, n))
    guest.pools_return_to(base)


def test_two_hundred_kernel_connections(boot):
    tap = Tap()
    guest = boot(net=tap, mem=128, pcap_bytes=96)
    base = guest.stats()
    socks = [guest.connect(7, 20) for _ in range(200)]
    for n, s in enumerate(socks):
        s.sendall(b"%05d" % n * 200)
    for n, s in enumerate(socks):
        got = b""
        while len(got) < 1000:
            part = s.recv(1000)
            assert part
            got += part
        assert got == b"%05d" % n * 200
    seen = tap.run("ss", "-Htino", "state", "established", "dport", "=", "7")
    for option in (b" ts ", b" sack ", b" wscale:"):
        assert seen.stdout.count(option) == 200, option
    for s in socks:
        s.close()
    guest.pools_return_to(base)


def test_port_unreachable_reaches_the_program(boot):
    tap = Tap()
    boot(net=tap)
    s = tap.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(PATIENCE * 3)
    s.connect(("10.66.0.2", 9999))
    s.send(b"anybody?")
    with pytest.raises(ConnectionRefusedError):
        s.recv(10)


def test_closed_tcp_port_refuses(boot):
    tap = Tap()
    guest = boot(net=tap)
    with pytest.raises(ConnectionRefusedError):
        guest.connect(81, 3)


def test_dhcp_from_dnsmasq(boot, folder):
    tap = Tap(append="hostname=ringlet-test", guest="10.66.0.70")
    guest = boot(net=tap, ready=False)
    log = open(folder + "/dnsmasq.log", "wb")
    tap.spawn("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0",
              "--interface=tap0", "--bind-interfaces", "--leasefile-ro",
              "--dhcp-range=10.66.0.70,10.66.0.70,255.255.255.0,2m",
              "--log-dhcp", stderr=log, stdout=log)
    guest.wait_line(r"^(READY|ADDRESS) ip=10\.66\.0\.70", 40)
    guest.wait_ready()
    assert guest.get("/")[0] == 200
    said = open(folder + "/dnsmasq.log").read()
    assert "ringlet-test" in said, "the host name is sent"


def test_arp_cache_of_linux_learns_us(boot):
    tap = Tap()
    guest = boot(net=tap)
    guest.get("/")
    said = tap.run("ip", "neigh", "show", "10.66.0.2").stdout.decode()
    assert "52:54:00:12:34:56" in said


@pytest.mark.deadline(150)
@pytest.mark.parametrize("kind,rates,size", [
    ("loss", dict(loss=0.02), 2 * MIB),
    ("heavy_loss", dict(loss=0.1), 200000),
    ("reordering", dict(late=0.05, late_ms=3), 2 * MIB),
    ("doubled", dict(double=0.2), 2 * MIB),
    ("damage", dict(damage=0.02), 2 * MIB),
    ("everything", dict(loss=0.02, late=0.03, late_ms=3, double=0.03, damage=0.01),
     1 * MIB)], ids=["loss", "heavy_loss", "reordering", "doubled", "damage",
                    "everything"])
def test_bad_cable(boot, kind, rates, size):
    """Linux's TCP on the other end of a bad cable: every byte arrives, and
    afterwards nothing is left."""
    seed = chance()
    tap = LossyTap(seed, **rates)
    guest = boot(net=tap, append="tcp.msl=1", pcap_bytes=96)
    tap.calm()
    base = guest.stats()
    tap.relay.impair(**rates)
    check(guest, noise(size, seed))
    tap.calm()
    guest.pools_return_to(base, 60)
    change = guest.stats().since(base)
    seen = {"loss": "tcp.retransmits", "heavy_loss": "tcp.retransmits",
            "reordering": "tcp.out_of_order", "doubled": "tcp.duplicate_data",
            "damage": "drop.tcp.checksum", "everything": "tcp.retransmits"}
    assert change[seen[kind]] > 0, "the cable was good"


def test_kernel_reads_slowly(boot):
    """The window closes and opens again; nothing is lost."""
    tap = Tap()
    guest = boot(net=tap, pcap_bytes=96)
    data = noise(1 * MIB)
    with guest.connect(7, 30) as s:
        sender = threading.Thread(target=lambda: (
            s.sendall(data), s.shutdown(socket.SHUT_WR)))
        sender.start()
        got = hashlib.sha256()
        time.sleep(2)
        while True:
            part = s.recv(16384)
            if not part:
                break
            got.update(part)
        sender.join()
    assert got.hexdigest() == hashlib.sha256(data).hexdigest()
