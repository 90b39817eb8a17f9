# SPDX-License-Identifier: MIT
"""A flood of SYNs from spoofed addresses, most beyond the gateway and some on
the link, while honest clients connect: every one of them is served.

    flooding process ---+
                        +-- wire ---- 10.66.0.2 guest: echo 7, HTTP 80
    test 10.66.0.1 -----+

By default a reduced form; with SOAK=1 200,000 SYNs at 20,000 a second and 200
honest connections."""

import os
import select
import socket
import subprocess
import sys
import threading
import time

import pytest

import frames as f
from netns import Tap, why_not
from test_churn import Churn
from wire import Wire

EXPECTED_SECONDS = 20
SOAK = os.environ.get("SOAK") == "1"
SYNS = 200000 if SOAK else 30000
RATE = 20000
HONEST = 200 if SOAK else 40

FLOOD = """
import errno, random, socket, struct, sys, time
sys.path.insert(0, sys.argv[1])
import frames as f
path, syns, rate = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
guest, mac = f.ip4("10.66.0.2"), f.mac("52:54:00:12:34:56")
mine, mss = f.mac("52:55:0a:42:00:c8"), struct.pack("!BBH", 2, 4, 1460)
r = random.Random(1)

def syn(n):
    if n % 8:
        src = bytes((100 + n % 64,)) + r.randbytes(3)
    else:
        src = f.ip4("10.66.0.%d" % (100 + n // 8 % 150))
    return f.eth(mac, mine, f.ETH_IP, f.ipv4(src, guest, f.TCP, f.tcp(
        src, guest, r.randrange(1024, 65536), 7 if n % 2 else 80,
        r.getrandbits(32), 0, f.SYN, options=mss)))

if "/" in path:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect(path)
else:
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((path, 0))
frames = [syn(n) for n in range(syns)]
print("ready", flush=True)
sys.stdin.readline()
began, sent, told = time.monotonic(), 0, 0
while sent < syns:
    due = min(syns, int((time.monotonic() - began) * rate) + 1)
    for frame in frames[sent:due]:
        try:
            s.send(frame)
        except OSError as e:
            if e.errno != errno.ENOBUFS:  # the wire was full: lost on it
                raise
    sent = due
    while told < sent * 100 // syns:  # each hundredth is told
        told += 1
        print(".", end="", file=sys.stderr, flush=True)
    time.sleep(0.0005)
print(time.monotonic() - began)
"""


class Honest(Churn):
    """Echo and HTTP connections, begun evenly over a flood, however long that
    takes.  dots: what the flood tells."""

    def __init__(self, wire, total, dots):
        super().__init__(wire, total)
        self.dots, self.sent = dots, 0
        self.born, self.times = [], []

    def start_one(self):
        self.born.append(time.monotonic())
        super().start_one()

    def due(self):
        if select.select([self.dots], [], [], 0)[0]:
            self.sent += len(os.read(self.dots.fileno(), 100))
        return min(self.total, self.sent * self.total // 90)

    def end(self, c):
        n = (c.sport - self.first) * len(self.sources) + \
            self.sources.index(c.src)
        self.times.append(time.monotonic() - self.born[n])
        super().end(c)

    def run(self):
        wire = self.wire
        wire.socket.settimeout(0.02)
        looked = time.monotonic()
        while self.ended < self.total:
            while self.started < self.due():
                self.start_one()
            try:
                self.take(wire.socket.recv(2048))
            except socket.timeout:
                pass
            now = time.monotonic()
            if now - looked > 0.25:
                looked = now
                self.repeat_stuck()


@pytest.mark.deadline(200)
def test_honest_clients_get_through_a_flood_of_spoofed_syns(boot):
    guest = boot(net=Wire(), mem=64, append="tcp.msl=1", pcap_bytes=0)
    wire = guest.net
    assert wire.ping(1, 1, b"")
    base = guest.stats()
    flood = subprocess.Popen(
        [sys.executable, "-c", FLOOD, os.path.dirname(__file__), wire.path,
         str(SYNS), str(RATE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    try:
        assert flood.stdout.readline() == "ready\n"
        wire.stop_reading()
        honest = Honest(wire, HONEST, flood.stderr)
        flood.stdin.write("go\n")
        flood.stdin.flush()
        honest.run()
        # What is still answered must be read, or the guest's card waits.
        while flood.poll() is None:
            try:
                honest.take(wire.socket.recv(2048))
            except socket.timeout:
                pass
        seconds = float(flood.stdout.readline())
    finally:
        flood.kill()
        flood.wait()
        wire.start_reading()
    during = guest.stats().since(base)
    times = sorted(honest.times)
    print("%d SYNs in %.1f s (%.0f a second), %d frames received, %d cookies "
          "sent, %d accepted; %d honest connections: median %.3f s, slowest "
          "%.3f s, %d reset" % (
              SYNS, seconds, SYNS / seconds, during["rx.frames"],
              during["tcp.syn_cookies_sent"],
              during["tcp.syn_cookies_accepted"], honest.ended,
              times[len(times) // 2], times[-1], honest.resets))
    assert honest.ended == HONEST and honest.resets == 0
    # A guest that has little of the processor sends few: it drops the rest.
    assert during["tcp.syn_cookies_sent"] > SYNS / (4 if SOAK else 20)
    assert during["tcp.syn_cookies_accepted"] > 0
    after = guest.stats()
    after.check_ledger()
    # The half-open ones that the queues took give up by themselves.
    assert after["pool.conns.in_use"] <= after["pool.conns.total"] / 4 + 8
    assert guest.get("/")[0] == 200


# --- The same from Linux, whose wire loses what the guest cannot take --------

def one_honest(tap, port, start, took):
    """One connection that begins at a time; its duration, or the error."""
    time.sleep(max(0, start - time.monotonic()))
    began = time.monotonic()
    try:
        with tap.connect(port, timeout=60) as s:
            s.sendall(b"honestly")
            got = b""
            while len(got) < 8:
                got += s.recv(8 - len(got)) or b"(the end)"
        took.append(time.monotonic() - began if got == b"honestly" else got)
    except OSError as e:
        took.append(e)


@pytest.mark.skipif(not SOAK, reason="part of make soak")
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
@pytest.mark.deadline(300)
def test_linux_clients_get_through_a_paced_flood(boot):
    guest = boot(net=Tap(), mem=64, append="tcp.msl=1", pcap_bytes=0)
    tap, took = guest.net, []
    base = guest.stats()
    flood = subprocess.Popen(
        ["ip", "netns", "exec", tap.name, sys.executable, "-c", FLOOD,
         os.path.dirname(__file__), "tap0", str(SYNS), str(RATE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True)
    tap.children.append(flood)
    assert flood.stdout.readline() == "ready\n"
    flood.stdin.write("go\n")
    flood.stdin.flush()
    now = time.monotonic()
    clients = [threading.Thread(target=one_honest, args=(
        tap, 7, now + n * SYNS / RATE / HONEST, took)) for n in range(HONEST)]
    for client in clients:
        client.start()
    seconds = float(flood.stdout.readline())
    for client in clients:
        client.join()
    during = guest.stats().since(base)
    failed = [t for t in took if not isinstance(t, float)]
    assert not failed, failed
    took.sort()
    print("%d SYNs in %.1f s (%.0f a second), %d frames received, %d missed by "
          "the card, %d cookies sent; %d honest connections: median %.3f s, "
          "slowest %.3f s" % (
              SYNS, seconds, SYNS / seconds, during["rx.frames"],
              during["eth0.rx_missed"], during["tcp.syn_cookies_sent"],
              len(took), took[len(took) // 2], took[-1]))
    assert len(took) == HONEST and SYNS / seconds > 0.95 * RATE
    guest.stats().check_ledger()
