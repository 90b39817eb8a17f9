# SPDX-License-Identifier: MIT
"""TCP echo through QEMU's user network: sizes, many at once, bulk, pauses."""

import hashlib
import os
import random
import select
import socket
import threading
import time

import pytest

from patience import PATIENCE

EXPECTED_SECONDS = 60
MIB = 1 << 20


def exchange(s, data, chunk=65536):
    """Sends data and reads the echo at the same time.  Returns its hash."""
    digest, got, sent = hashlib.sha256(), 0, 0
    s.setblocking(False)
    view = memoryview(data)
    last = time.monotonic()
    while got < len(data):
        readable, writable, _ = select.select(
            [s], [s] if sent < len(data) else [], [], 1)
        if readable:
            part = s.recv(262144)
            assert part, "ended after %d of %d bytes" % (got, len(data))
            digest.update(part)
            got += len(part)
        if writable:
            sent += s.send(view[sent:sent + chunk])
        if readable or writable:
            last = time.monotonic()
        assert time.monotonic() - last < PATIENCE * 40, \
            "stands still: sent %d, got %d of %d" % (sent, got, len(data))
    assert got == len(data)
    s.setblocking(True)
    return digest.hexdigest()


def check(guest, data, **options):
    with guest.connect(7) as s:
        assert exchange(s, data, **options) == hashlib.sha256(
            data).hexdigest(), "%d bytes came back changed" % len(data)
        s.shutdown(socket.SHUT_WR)
        s.settimeout(PATIENCE * 10)
        assert s.recv(1) == b"", "the end of the stream is echoed too"


def chance():
    """A seed: any with SOAK=1 and always the same without, so that only what
    was changed can fail; or SEED=number."""
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)
                              if os.environ.get("SOAK") == "1" else 1))
    print("SEED=%d" % seed)
    return seed


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def test_sizes_from_one_byte_to_ten_million(boot):
    guest = boot(mem=64, pcap_bytes=96)
    base = guest.stats()
    for size in (1, 2, 3, 535, 536, 537, 1459, 1460, 1461, 2920, 4096, 16383,
                 65535, 65536, 100001, MIB, 10 * 1000 * 1000):
        check(guest, noise(size, size))
    guest.pools_return_to(base)


def test_random_sizes(boot):
    guest = boot(pcap_bytes=96)
    base = guest.stats()
    seed = chance()
    sizes = random.Random(seed)
    for n in range(60):
        if n % 8 == 0:  # byte by byte
            check(guest, noise(sizes.randrange(1, 300), seed + n), chunk=1)
        else:
            check(guest, noise(int(2 ** sizes.uniform(0, 18)), seed + n),
                  chunk=sizes.choice((1000, 1460, 65536)))
    guest.pools_return_to(base)


def test_two_hundred_at_once(boot):
    guest = boot(mem=128, pcap_bytes=96)
    base = guest.stats()
    clients = []
    for n in range(200):
        s = guest.connect(7, 20)
        s.sendall(b"%03d" % n)
        assert s.recv(3) == b"%03d" % n
        clients.append(s)
    payloads = [noise(10000, n) for n in range(200)]
    for s, data in zip(clients, payloads):
        s.sendall(data)
    for s, data in zip(clients, payloads):
        got = bytearray()
        while len(got) < len(data):
            part = s.recv(65536)
            assert part
            got += part
        assert got == data
    status, _, body = guest.get("/net/sockets", guest.ready["admin"])
    lines = [line for line in body.decode().splitlines() if
             line.startswith("tcp established %s:7 " % guest.ready["ip"])]
    assert status == 200 and len(lines) == 200
    assert all(" sent=10003 received=10003 owner=socket" in line
               for line in lines)
    for s in clients:
        s.close()
    guest.pools_return_to(base)
    assert guest.stats()["sched.threads"] <= base["sched.threads"]


@pytest.mark.deadline(150)
def test_twenty_mebibytes_both_ways_three_times(boot):
    """A receiver that trusts the interrupt status instead of the ring hangs
    in this one."""
    guest = boot(mem=64, pcap_bytes=96)
    base = guest.stats()
    for n in range(3):
        check(guest, noise(20 * MIB, n))
    guest.pools_return_to(base)


@pytest.mark.deadline(120)
def test_parallel_bulk(boot):
    guest = boot(mem=128, pcap_bytes=96)
    base = guest.stats()
    errors = []

    def one(n):
        try:
            check(guest, noise(2 * MIB, n))
        except BaseException as e:
            errors.append("%d: %r" % (n, e))
    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors
    guest.pools_return_to(base)


def test_half_close_then_late_data(boot):
    guest = boot()
    with guest.connect(7) as s:
        data = noise(200000)
        threading.Thread(target=lambda: (
            s.sendall(data), s.shutdown(socket.SHUT_WR))).start()
        time.sleep(1)
        got = b""
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
    assert got == data


def test_client_that_vanishes_with_data_under_way(boot):
    guest = boot()
    base = guest.stats()
    for n in range(20):
        s = guest.connect(7)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.sendall(noise(50000))
        s.close()
    check(guest, b"others do not mind")
    guest.pools_return_to(base, 30)
