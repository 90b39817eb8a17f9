# SPDX-License-Identifier: MIT
"""The cable pulled and the machine paused, with transfers under way."""

import hashlib
import threading
import time

import pytest

import frames as f
from patience import PATIENCE, wait
from stick import site
from test_echo import exchange, noise
from wire import Wire

EXPECTED_SECONDS = 70
MIB = 1 << 20


def in_background(work):
    box = {}

    def run():
        try:
            box["value"] = work()
        except BaseException as e:
            box["error"] = e
    thread = threading.Thread(target=run)
    thread.start()

    def result(timeout):
        thread.join(PATIENCE * timeout)
        assert not thread.is_alive(), "not done after %d s" % (
            PATIENCE * timeout)
        if "error" in box:
            raise box["error"]
        return box["value"]
    return result


def wait_link(guest):
    """Until the guest knows that the cable is in; what it sent before is lost,
    which TCP mends."""
    wait(lambda: guest.stats(30)["eth0.link_up"], 10, "the link is up")


def slow_echo(s, data, seconds):
    """Sends data in pieces over about so many seconds; compares the echo."""
    pieces = 50
    size = len(data) // pieces
    for n in range(pieces):
        part = data[n * size:(n + 1) * size]
        s.sendall(part)
        got = b""
        while len(got) < len(part):
            more = s.recv(65536)
            assert more, "ended in the middle"
            got += more
        assert got == part
        time.sleep(seconds / pieces)
    return True


@pytest.mark.deadline(120)
def test_link_down_and_up_during_transfers(boot):
    guest = boot(mem=128, pcap_bytes=96)
    base = guest.stats()
    with guest.connect(7, 60) as s:
        done = in_background(lambda: slow_echo(s, noise(5 * MIB), 6))
        for n in range(2):
            time.sleep(1)
            guest.set_link(False)
            guest.wait_line("eth0: link down", 10, nth=n + 1)
            time.sleep(0.5)
            guest.set_link(True)
            guest.wait_line("eth0: link up", 10, nth=n + 2)
        assert done(80)
    changes = guest.stats().since(base)
    assert any("link" in k and v >= 4 for k, v in changes.items()), \
        "four changes of the link counted"
    guest.pools_return_to(base)


def test_link_changes_are_said_once_each(boot):
    guest = boot(net=Wire())
    before = len([l for l in guest.lines() if "link" in l.lower()])
    guest.set_link(False)
    guest.wait_line(r"(?i)link.*down", 5)
    guest.set_link(True)
    guest.wait_line("eth0: link up", 5, nth=2)
    assert guest.net.ping(1, 1, b"")
    lines = [l for l in guest.lines() if "link" in l.lower()][before:]
    assert len(lines) == 2, lines


@pytest.mark.deadline(120)
def test_thousand_link_flaps(boot):
    guest = boot(net=Wire())
    for _ in range(500):
        guest.set_link(False)
        guest.set_link(True)
    wait_link(guest)
    assert guest.net.ping(1, 1, b"after the storm", timeout=5)
    assert len(guest.lines()) < 1500, "no more than a line per change"


def test_boot_without_a_link_then_plugged_in(boot):
    """READY needs an address, which a static one is; then the cable comes."""
    guest = boot(net=Wire(), ready=False)
    guest.set_link(False)
    guest.wait_line("eth0: .*link down")
    guest.set_link(True)
    guest.wait_ready()
    wait_link(guest)
    assert guest.net.ping(1, 1, b"", timeout=5)


@pytest.mark.deadline(90)
def test_dhcp_waits_for_the_cable(boot):
    guest = boot(ready=False)
    guest.set_link(False)
    guest.wait_line("eth0: .*link down")
    time.sleep(3)  # DHCP's first tries would be over
    guest.set_link(True)
    guest.wait_line(r"^(READY|ADDRESS) ip=10\.0\.2\.15", 40)
    guest.wait_ready()
    assert guest.get("/")[0] == 200


def test_packets_sent_while_the_link_is_down_do_not_stall_the_card(boot):
    guest = boot(net=Wire())
    wire = guest.net
    with wire.connect(7) as s:
        s.sendall(b"before")
        assert s.recv(10) == b"before"
        guest.set_link(False)
        guest.wait_line("eth0: link down")
        for n in range(100):
            wire.send_ip(f.ICMP, f.echo_request(4, n, b"lost"))
        guest.set_link(True)
        guest.wait_line("eth0: link up", nth=2)
        s.settimeout(20)
        s.sendall(b"after")
        assert s.recv(10) == b"after"


@pytest.mark.deadline(90)
@pytest.mark.parametrize("pause", [1, 10])
def test_machine_paused_during_a_transfer(boot, pause):
    guest = boot(mem=128, pcap_bytes=96)
    data = noise(8 * MIB)
    with guest.connect(7, 60) as s:
        done = in_background(lambda: exchange(s, data))
        time.sleep(0.3)
        guest.qmp("stop")
        time.sleep(pause)
        guest.qmp("cont")
        assert done(70) == hashlib.sha256(data).hexdigest()


def test_frames_that_came_during_a_pause_are_answered_in_order(boot):
    """QEMU keeps them in its queue and in the card's ring: an overflow and a
    drain, in classic mode without loss."""
    guest = boot(net=Wire())
    wire = guest.net
    assert wire.ping(1, 1, b"")  # now the guest knows our address
    guest.qmp("stop")
    left = wire.send_until_full(
        (f.ICMP, f.echo_request(6, n, bytes(1400))) for n in range(200))
    guest.qmp("cont")
    for ping in left:
        wire.send_ip(*ping)
    order = []
    while len(order) < 200:
        pong = wire.expect(lambda x: x.proto == f.ICMP and x.kind == 0, 5)
        order.append(int.from_bytes(pong.rest[2:4], "big"))
    assert order == list(range(200))


def test_uptime_survives_a_pause(boot):
    """New connections still work after time jumped."""
    guest = boot(stick=site())
    guest.qmp("stop")
    time.sleep(5)
    guest.qmp("cont")
    for _ in range(5):
        assert guest.get("/")[0] == 200
        time.sleep(0.2)
