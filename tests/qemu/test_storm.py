# SPDX-License-Identifier: MIT
"""Linux's TCP at full speed: connections opened and closed by storm.c from many
addresses; each is answered, and then every pool is as before.  A million of
them, and ten minutes of load both ways, with SOAK=1.

    [ namespace 10.66.0.1, .21-.40 ]--- tap ---[ guest 10.66.0.2 ]
"""

import hashlib
import os
import socket
import threading
import time

import pytest

from guest import http_get
from netns import Tap, compiled, why_not
from stick import site
from test_echo import noise

EXPECTED_SECONDS = 15
MIB = 1 << 20
SOURCES = 20
WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
SOAK = os.environ.get("SOAK") == "1"
LOAD_SECONDS = int(os.environ.get("LOAD_SECONDS", 600))


def storm(tap, count, at_once, seconds):
    """Returns what storm.c says at its end: name -> number."""
    done = tap.run(compiled("storm"), "10.66.0.2", "7", "80", str(count),
                   str(at_once), "10.66.0.21", str(SOURCES), timeout=seconds)
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    return {k.decode(): float(v) for k, v in zip(words[::2], words[1::2])}


def all_are_answered(boot, count, seconds, append=""):
    tap = Tap(more_addresses=["10.66.0.%d" % (21 + n)
                              for n in range(SOURCES)])
    guest = boot(net=tap, mem=64, append=append, pcap_bytes=0)
    storm(tap, 2000, 64, 30)  # warm: neighbours known, threads' stacks made
    time.sleep(3)
    base = guest.stats()
    said = storm(tap, count, 64, seconds)
    print(said, "%.0f per second" % (count / said["seconds"]))
    assert said["answered"] == count
    guest.pools_return_to(base, 90)
    after = guest.stats()
    after.check_ledger()
    assert after["sched.threads"] <= base["sched.threads"]
    check_no_bugs(after)
    print(interesting(after.since(base)))


def interesting(change):
    return {k: v for k, v in change.items() if v and (
        k.startswith("drop.") or k.endswith(".failures") or
        k in ("tcp.retransmits", "tcp.timeouts"))}


def check_no_bugs(stats):
    wrong = {k: v for k, v in stats.items() if ".bug." in k and v}
    assert not wrong, wrong


@pytest.mark.deadline(100)
def test_every_connection_of_a_storm_is_answered(boot):
    all_are_answered(boot, 10000, 60, "tcp.msl=1")


if SOAK:
    @pytest.mark.deadline(2000)
    def test_a_million_connections_leave_nothing_behind(boot):
        all_are_answered(boot, 1000000, 1800)


# --- full load both ways ------------------------------------------------------

class Load:
    """Threads that keep the guest busy until the end; each counts what it
    moved, and each checks what it gets."""

    def __init__(self, tap, seconds):
        self.tap, self.end = tap, time.monotonic() + seconds
        self.bytes_in = self.bytes_out = self.connections = 0
        self.lock = threading.Lock()
        self.errors = []
        self.threads = []

    def start(self, function, *arguments):
        def work():
            try:
                while time.monotonic() < self.end:
                    function(*arguments)
            except Exception as e:
                self.errors.append("%s%r: %r" % (function.__name__, arguments,
                                                 e))
        self.threads.append(threading.Thread(target=work, daemon=True))
        self.threads[-1].start()

    def moved(self, out, into):
        with self.lock:
            self.bytes_out += out
            self.bytes_in += into

    def download(self, path, digest):
        with self.tap.connect(80, 60) as s:
            status, _, body = http_get(s, path)
        assert status == 200 and hashlib.sha256(body).hexdigest() == digest
        self.moved(0, len(body))

    def echo(self, data):
        with self.tap.connect(7, 60) as s:
            sender = threading.Thread(target=lambda: (
                s.sendall(data), s.shutdown(socket.SHUT_WR)))
            sender.start()
            digest, got = hashlib.sha256(), 0
            while True:
                part = s.recv(65536)
                if not part:
                    break
                digest.update(part)
                got += len(part)
            sender.join()
        assert digest.digest() == hashlib.sha256(data).digest(), got
        self.moved(len(data), got)

    def churn(self):
        said = storm(self.tap, 200, 4, 100)
        assert said["answered"] == 200, said
        with self.lock:
            self.connections += 200


def full_load(boot, seconds):
    big = noise(8 * MIB)
    tap = Tap(more_addresses=["10.66.0.%d" % (21 + n)
                              for n in range(SOURCES)])
    guest = boot(net=tap, mem=64, append="tcp.msl=1", pcap_bytes=0,
                 stick=site({"www/big.bin": big}))
    digest = hashlib.sha256(big).hexdigest()
    storm(tap, 500, 8, 60)
    Load.download(Load(tap, 0), "/big.bin", digest)
    base = guest.stats()
    load = Load(tap, seconds)
    for n in range(4):
        load.start(load.download, "/big.bin", digest)
        load.start(load.echo, noise(4 * MIB, n))
    load.start(load.churn)
    while time.monotonic() < load.end and not load.errors:
        time.sleep(min(5, seconds))
        guest.stats(timeout=30)
    for thread in load.threads:
        thread.join(120)
    assert not load.errors, load.errors
    print("%.0f s: %.1f MB/s to the guest, %.1f MB/s from it, %d connections" %
          (seconds, load.bytes_out / seconds / 1e6,
           load.bytes_in / seconds / 1e6, load.connections))
    guest.pools_return_to(base, 90)
    after = guest.stats()
    after.check_ledger()
    check_no_bugs(after)
    print(interesting(after.since(base)))


if SOAK:
    @pytest.mark.deadline(LOAD_SECONDS + 300)
    def test_full_load_both_ways(boot):
        full_load(boot, LOAD_SECONDS)
