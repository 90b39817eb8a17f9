# SPDX-License-Identifier: MIT
"""Sharing the processor: applications run under a flood of frames, and the
stack answers while an application computes.

    flooding process ---+
                        +-- wire ---- guest
    test 10.66.0.1 -----+
"""

import subprocess
import sys
import time

import pytest

import card
import frames as f
from guest import Stats, http_get, read_response
from patience import wait
from test_card import AT_ONCE, send_while_paused
from wire import Wire

EXPECTED_SECONDS = 60

# Until standard input ends, or after a number of seconds.
FLOOD = """
import select, socket, sys, time
path, frame, seconds = sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end, sent = time.monotonic() + float(seconds), 0
while time.monotonic() < end and not select.select([0], [], [], 0)[0]:
    for _ in range(64):
        s.sendto(frame, path)
    sent += 64
print(sent)
"""


def udp(dst_ip, dport, data, mac):
    src = f.ip4("10.66.0.200")
    return f.eth(mac, f.mac("52:55:0a:42:00:c8"), f.ETH_IP, f.ipv4(
        src, dst_ip, f.UDP, f.udp(src, dst_ip, 9, dport, data)))


GUEST = f.ip4("10.66.0.2")
MAC = f.mac("52:54:00:12:34:56")
FLOODS = {
    "unknown_type": f.eth(f.BROADCAST, f.mac("52:55:0a:42:00:c8"), 0x88b5,
                          bytes(46)),
    "closed_udp_port": udp(GUEST, 9999, bytes(18), MAC),
    "udp_echo_from_nobody": udp(GUEST, 7, bytes(18), MAC),
    "broadcast_udp": udp(f.ip4("10.66.0.255"), 9999, bytes(1400),
                         f.BROADCAST),
    "arp_for_others": f.eth(f.BROADCAST, f.mac("52:55:0a:42:00:c8"),
                            f.ETH_ARP, f.arp(1, f.mac("52:55:0a:42:00:c8"),
                                             f.ip4("10.66.0.200"), bytes(6),
                                             f.ip4("10.66.0.99"))),
    "bad_tcp": f.eth(MAC, f.mac("52:55:0a:42:00:c8"), f.ETH_IP, f.ipv4(
        f.ip4("10.66.0.1"), GUEST, f.TCP, f.tcp(
            f.ip4("10.66.0.1"), GUEST, 5, 80, 1, 1, f.SYN, csum=1))),
}


@pytest.mark.deadline(120)
@pytest.mark.parametrize("name", list(FLOODS))
def test_applications_answer_during_a_flood(boot, name):
    """The flood ends after the last page, however long these take: the card's
    ring may lose any frame of theirs."""
    guest = boot(net=Wire(), pcap_bytes=0)
    before = guest.stats()
    flood = subprocess.Popen(
        [sys.executable, "-c", FLOOD, guest.net.path, FLOODS[name].hex(),
         "100"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        while guest.stats(timeout=30).since(before)["rx.frames"] < 1000:
            pass
        times = []
        for _ in range(5):
            started = time.monotonic()
            assert guest.get("/", timeout=30)[0] == 200
            times.append(time.monotonic() - started)
        assert flood.poll() is None, "the flood ended before the pages"
    finally:
        sent = int(flood.communicate()[0])
    print("%d frames sent; slowest page %.3f s" % (sent, max(times)))
    guest.pools_return_to(before, 20)
    guest.stats().check_ledger()
    assert guest.net.ping(1, 1, b"")


ENDLESS = 10000
ASK = b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("name", ["unknown_type", "closed_udp_port"])
def test_applications_have_their_share_when_frames_never_end(boot, name):
    """While the machine stands still a request comes and, behind it, more
    frames than the ring holds: QEMU fills that up whenever the guest takes one
    out, so it is never empty.  The answer tells how many came before it."""
    guest = boot(net=Wire(), pcap_bytes=0, extra=AT_ONCE)
    wire = guest.net
    with guest.connect(guest.ready["admin"]) as s:
        http_get(s, "/stats")  # its thread waits for more
        before = guest.stats()
        guest.qmp("stop")
        s.segment(f.ACK | f.PSH, ASK)  # first in the queue
        s.snd_nxt = s.snd_nxt + len(ASK) & 0xffffffff
        for _ in range(ENDLESS):
            wire.send(FLOODS[name])
        guest.qmp("cont")
        status, _, body = read_response(s)
    came = Stats.parse(body.decode()).since(before)["rx.frames"]
    print("%d frames came before the answer" % came)
    assert status == 200 and came < ENDLESS / 2
    wait(lambda: guest.stats().since(before)["rx.frames"] > ENDLESS, 10,
         "all came")


@pytest.mark.deadline(60)
def test_ping_waits_no_longer_than_an_application_computes(boot):
    """app=spin computes 300 ms at a time between two scheduling points.  Here
    time is what the guest's instructions take, 4 ns each, so that it does not
    matter what else this host does."""
    guest = boot(net=Wire(), append="app=spin", ready=False,
                 extra=("-icount", "shift=2"))
    guest.wait_line("thread spin kept the CPU for ")
    for n in range(31):
        guest.net.ping(9, n, b"are you busy", timeout=5)
        time.sleep(0.037)
    asked, times = {}, []
    for stamp, frame in card.read_stamped(guest.folder + "/wire.pcap"):
        if frame.proto == f.ICMP and frame.kind == 8:
            asked[frame.rest[:4]] = stamp
        elif frame.proto == f.ICMP:
            times.append(stamp - asked[frame.rest[:4]])
    del times[0]  # for that one it had to ask for our address first
    print("ping: median %.3f s, slowest %.3f s" %
          (sorted(times)[15], max(times)))
    assert len(times) == 30
    assert max(times) < 0.3 + 0.01
    assert min(times) < 0.25, "pings meet any moment of a stretch"


@pytest.mark.deadline(60)
def test_idle_guest_halts(boot):
    guest = boot(net=Wire())
    time.sleep(1)
    used, began = guest.cpu_seconds(), time.monotonic()
    time.sleep(5)
    share = (guest.cpu_seconds() - used) / (time.monotonic() - began)
    print("idle: %.1f %% of a processor" % (share * 100))
    assert share < 0.15


@pytest.mark.deadline(60)
def test_interrupts_per_packet_fall_under_load(boot):
    """NAPI: polled while there is work."""
    guest = boot(net=Wire(), pcap_bytes=0, extra=AT_ONCE)
    assert guest.net.ping(1, 1, b"")
    before = guest.stats()
    assert send_while_paused(guest, [18] * 300) == list(range(300))
    change = guest.stats().since(before)
    assert 0 < change["eth0.interrupts"] < change["rx.frames"] / 2
