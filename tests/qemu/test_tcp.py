# SPDX-License-Identifier: MIT
"""TCP seen segment by segment: the state machine's answers on the wire.

    test 10.66.0.1 ---- wire ---- 10.66.0.2 guest: echo 7, HTTP 80
"""

import socket
import struct
import time

import pytest

import frames as f
from patience import wait
from wire import TcpClient, Wire

EXPECTED_SECONDS = 60
MASK = 0xffffffff


@pytest.fixture
def guest(boot):
    return boot(net=Wire(), append="tcp.msl=1")


class Hand:
    """A connection driven by hand: nothing is sent that the test did not
    say."""

    port = 41000

    def __init__(self, wire, dport=7, isn=1000, window=65535, mss=1460):
        Hand.port += 1
        self.wire, self.sport, self.dport = wire, Hand.port, dport
        self.window, self.mss = window, mss
        self.seq, self.ack = isn, 0

    def send(self, flags, data=b"", seq=None, ack=None, **fields):
        fields.setdefault("window", self.window)
        self.wire.send_tcp(self.sport, self.dport,
                           self.seq if seq is None else seq,
                           self.ack if ack is None else ack, flags, data,
                           **fields)

    def expect(self, timeout=3, **fields):
        return self.wire.expect_tcp(self.sport, timeout, **fields)

    def silence(self, guest):
        """Nothing came by the time of an answer to what was asked later."""
        guest.stats()
        self.wire.expect_none(
            lambda x: x.proto == f.TCP and x.dport == self.sport, 0,
            "segment")

    def syn(self):
        self.send(f.SYN, options=struct.pack("!BBH", 2, 4, self.mss))
        answer = self.expect(flags=f.SYN | f.ACK)
        assert answer.ack == (self.seq + 1) & MASK
        self.seq = (self.seq + 1) & MASK
        self.ack = (answer.seq + 1) & MASK
        return answer

    def open(self):
        answer = self.syn()
        self.send(f.ACK)
        return answer

    def say(self, data):
        """Sends data; takes the echo and acknowledges it."""
        self.send(f.ACK | f.PSH, data)
        self.seq = (self.seq + len(data)) & MASK
        assert self.read(len(data)) == data

    def read(self, count):
        """So many bytes from the guest, acknowledged; whatever came again was
        sent again because this test was slow."""
        got = bytearray()
        while len(got) < count:
            s = self.expect_data()
            skip = (self.ack - s.seq) & MASK
            if skip < len(s.data):
                got += s.data[skip:]
                self.ack = (self.ack + len(s.data) - skip) & MASK
            self.send(f.ACK)
        return bytes(got)

    def expect_data(self):
        return self.wire.expect(
            lambda x: x.proto == f.TCP and x.dport == self.sport and x.data,
            5, "data")

    def expect_ack(self, ack):
        """An acknowledgment of all until ack, and of no more."""
        return self.expect(flags=f.ACK, ack=ack, data=b"")

    def abort(self):
        self.send(f.RST | f.ACK)


def test_handshake_offers_a_segment_size(guest):
    hand = Hand(guest.net)
    answer = hand.syn()
    assert answer.options[:4] == struct.pack("!BBH", 2, 4, 1460)
    assert answer.window > 0
    hand.abort()


def test_initial_sequence_numbers_differ_and_grow(guest):
    """RFC 6528: another port, another secret offset."""
    numbers = []
    for _ in range(8):
        hand = Hand(guest.net)
        numbers.append(hand.syn().seq)
        hand.abort()
    assert len(set(numbers)) == 8
    gaps = {(b - a) & MASK for a, b in zip(numbers, numbers[1:])}
    assert len(gaps) == 7 and max(gaps) > 1 << 20


def test_syn_ack_is_repeated(guest):
    """RFC 6298: after a second, then two."""
    hand = Hand(guest.net)
    started = time.monotonic()
    hand.syn()
    hand.expect(4, flags=f.SYN | f.ACK)
    assert time.monotonic() - started > 0.9
    hand.abort()


def test_sequence_numbers_wrap(guest):
    hand = Hand(guest.net, isn=0xfffffff0)
    hand.open()
    for _ in range(4):
        hand.say(b"0123456789")
    hand.abort()


def test_duplicate_is_acknowledged_not_delivered_twice(guest):
    hand = Hand(guest.net)
    hand.open()
    hand.say(b"once")
    hand.send(f.ACK | f.PSH, b"once", seq=hand.seq - 4)
    hand.expect_ack(hand.seq)
    hand.say(b"twice")
    hand.abort()


def test_segments_out_of_order_are_put_together(guest):
    hand = Hand(guest.net)
    hand.open()
    base = hand.seq
    for part in (2, 1):  # the hole is part 0
        hand.send(f.ACK | f.PSH, b"%d" % part * 100, seq=base + part * 100)
        hand.expect_ack(base)  # RFC 5681: a duplicate one at once
    hand.send(f.ACK | f.PSH, b"0" * 100, seq=base)
    hand.seq = base + 300
    assert hand.read(300) == b"0" * 100 + b"1" * 100 + b"2" * 100
    hand.abort()


def test_overlapping_segments(guest):
    hand = Hand(guest.net)
    hand.open()
    base = hand.seq
    hand.send(f.ACK, b"cdef", seq=base + 2)
    hand.send(f.ACK, b"abcd", seq=base)
    hand.seq = base + 6
    assert hand.read(6) == b"abcdef"
    hand.abort()


def test_unacceptable_segment_is_answered_by_an_ack(guest):
    """RFC 9293 3.10.7.4, first."""
    hand = Hand(guest.net)
    hand.open()
    before = guest.stats()
    hand.send(f.ACK | f.PSH, b"far away", seq=hand.seq + 1000000)
    answer = hand.expect_ack(hand.seq)
    assert answer.seq == hand.ack
    assert guest.stats().since(before)["drop.tcp.sequence"] == 1
    hand.say(b"alive")
    hand.abort()


def test_reset_outside_the_window_is_ignored(guest):
    hand = Hand(guest.net)
    hand.open()
    hand.send(f.RST, seq=hand.seq + 1000000)
    hand.silence(guest)
    hand.say(b"alive")
    hand.abort()


def test_reset_inside_the_window_but_not_exact_is_challenged(guest):
    """RFC 9293 3.10.7.4, second (RFC 5961)."""
    hand = Hand(guest.net)
    hand.open()
    hand.send(f.RST, seq=hand.seq + 100)
    hand.expect_ack(hand.seq)
    hand.say(b"alive")
    hand.abort()


def test_syn_inside_a_connection_is_challenged(guest):
    """RFC 9293 3.10.7.4, fourth."""
    hand = Hand(guest.net)
    hand.open()
    hand.send(f.SYN, seq=hand.seq + 5)
    hand.expect_ack(hand.seq)
    hand.say(b"alive")
    hand.abort()


def test_ack_of_what_was_never_sent_is_answered_and_counted(guest):
    hand = Hand(guest.net)
    hand.open()
    before = guest.stats()
    hand.send(f.ACK, b"data", ack=hand.ack + 500000)
    hand.expect_ack(hand.seq)
    assert guest.stats().since(before)["drop.tcp.ack"] == 1
    hand.abort()


def test_segment_without_ack_is_dropped(guest):
    """RFC 9293 3.10.7.4, fifth."""
    hand = Hand(guest.net)
    hand.open()
    before = guest.stats()
    hand.send(0, b"no control bits")
    assert guest.stats().since(before)["drop.tcp.flags"] == 1
    hand.silence(guest)
    hand.abort()


def test_wrong_ack_in_syn_received_is_reset(guest):
    hand = Hand(guest.net)
    hand.syn()
    hand.send(f.ACK, ack=hand.ack + 77)
    rst = hand.expect(flags=f.RST)
    assert rst.seq == hand.ack + 77


def test_reset_ends_a_connection_and_its_thread(guest):
    before = guest.stats()
    for _ in range(20):
        hand = Hand(guest.net)
        hand.open()
        hand.say(b"hello")
        hand.abort()
    guest.pools_return_to(before)
    assert guest.stats()["sched.threads"] <= before["sched.threads"]


def test_peer_closes_first(guest):
    """Echo sees the end of the stream and closes: CLOSE-WAIT, LAST-ACK."""
    hand = Hand(guest.net)
    hand.open()
    hand.say(b"bye")
    hand.send(f.FIN | f.ACK)
    hand.seq += 1
    fin = hand.wire.expect(
        lambda x: x.proto == f.TCP and x.dport == hand.sport and
        x.flags & f.FIN, 3, "FIN")
    assert fin.ack == hand.seq
    hand.ack += 1
    hand.send(f.ACK)
    guest.stats()  # the guest has seen it; what came again before is no matter
    hand.wire.clear()
    hand.wire.expect_none(
        lambda x: x.proto == f.TCP and x.dport == hand.sport and
        x.flags & f.FIN, 1.5, "second FIN")


def test_fin_with_data_is_echoed_before_the_close(guest):
    hand = Hand(guest.net)
    hand.open()
    hand.send(f.FIN | f.PSH | f.ACK, b"last words")
    hand.seq += 11
    got, fin = b"", False
    while not fin:
        s = hand.expect()
        if s.seq == hand.ack:
            got += s.data
            hand.ack += len(s.data)
            fin = bool(s.flags & f.FIN)
        hand.send(f.ACK, ack=hand.ack + fin)
    assert got == b"last words"


def test_we_close_first_and_time_wait_answers_a_repeated_fin(guest):
    """HTTP/1.0: the server closes; then TIME-WAIT (2 * tcp.msl) re-acks."""
    hand = Hand(guest.net, dport=80)
    hand.open()
    hand.send(f.ACK | f.PSH, b"GET / HTTP/1.0\r\n\r\n")
    hand.seq += 18
    fin = False
    while not fin:
        s = hand.expect(5)
        if s.seq == hand.ack:
            hand.ack += len(s.data)
            fin = bool(s.flags & f.FIN)
            hand.ack += fin
        hand.send(f.ACK)
    for _ in range(2):
        hand.send(f.FIN | f.ACK)
        hand.expect_ack(hand.seq + 1)

    def ended():
        hand.send(f.ACK, seq=hand.seq + 1)
        answer = hand.wire.find(
            lambda x: x.proto == f.TCP and x.dport == hand.sport,
            time.monotonic() + 0.5)
        return answer and answer.flags & f.RST
    wait(ended, 6, "TIME-WAIT ends")


def test_lost_data_is_sent_again(guest):
    hand = Hand(guest.net)
    hand.open()
    started = time.monotonic()
    hand.send(f.ACK | f.PSH, b"say it again")
    hand.seq += 12
    first, second = hand.expect_data(), hand.expect_data()
    assert second.data == first.data and second.seq == first.seq
    assert time.monotonic() - started > 0.15
    assert hand.expect_data().seq == first.seq
    hand.abort()


def test_small_window_is_respected(guest):
    hand = Hand(guest.net, window=100)
    hand.open()
    hand.send(f.ACK | f.PSH, b"w" * 1000)
    hand.seq += 1000
    got = b""
    while len(got) < 1000:
        s = hand.expect_data()
        assert len(s.data) <= 100, "beyond the window"
        if s.seq == hand.ack:
            got += s.data
            hand.ack += len(s.data)
        hand.send(f.ACK)
    assert got == b"w" * 1000
    hand.abort()


def test_zero_window_is_probed(guest):
    """RFC 9293 3.8.6.1."""
    hand = Hand(guest.net, window=0)
    hand.open()
    hand.send(f.ACK | f.PSH, b"are you there")
    hand.seq += 13
    seen = 0
    while seen < 2:
        s = hand.expect(8)
        if s.data or s.seq == hand.ack - 1:
            assert len(s.data) <= 1
            seen += 1
            hand.send(f.ACK)
    hand.window = 65535
    hand.send(f.ACK)
    assert hand.read(13) == b"are you there"
    hand.abort()


def test_peers_segment_size_is_respected(guest):
    hand = Hand(guest.net, mss=300)
    hand.open()
    hand.send(f.ACK | f.PSH, b"m" * 1200)
    hand.seq += 1200
    got = 0
    while got < 1200:
        s = hand.expect_data()
        assert len(s.data) <= 300
        if s.seq == hand.ack:
            got += len(s.data)
            hand.ack += len(s.data)
        hand.send(f.ACK)
    hand.abort()


def test_without_a_segment_size_option_536_is_assumed(guest):
    """RFC 9293 3.7.1."""
    hand = Hand(guest.net)
    hand.send(f.SYN)
    answer = hand.expect(flags=f.SYN | f.ACK)
    hand.seq, hand.ack = hand.seq + 1, (answer.seq + 1) & MASK
    hand.send(f.ACK)
    hand.send(f.ACK | f.PSH, b"d" * 1400)
    hand.seq += 1400
    assert len(hand.expect_data().data) <= 536
    hand.abort()


@pytest.mark.parametrize("options", [
    b"\x00", b"\x01\x01\x01\x00", b"\x02\x03", b"\x02\x04\x05\xb4\xfe\x00",
    b"\xfd\x28", b"\x02\x00\x00\x00", b"\x08\x0a" + bytes(8)], ids=repr)
def test_odd_options_in_a_syn(guest, options):
    hand = Hand(guest.net)
    hand.send(f.SYN, options=options)
    answer = hand.expect()
    assert answer.flags in (f.SYN | f.ACK, f.RST | f.ACK)
    hand.seq, hand.ack = hand.seq + 1, (answer.seq + 1) & MASK
    hand.abort()
    assert guest.net.ping(1, 1, b"")


def test_flood_of_syns_leaves_the_service_reachable(guest):
    """Half-open connections fill the backlog; they are counted and go away."""
    wire = guest.net
    before = guest.stats()
    for n in range(3000):
        wire.send_tcp(1024 + n, 7, n, 0, f.SYN)

    def served():
        try:
            with wire.connect(7, timeout=2) as s:
                s.sendall(b"in?")
                return s.recv(3) == b"in?"
        except (socket.timeout, ConnectionError):
            return False
    wait(served, 40, "the echo port is open")
    assert "PANIC" not in guest.serial()
    for n in range(3000):
        wire.send_tcp(1024 + n, 7, n + 1, 0, f.RST)
    guest.pools_return_to(before, 40)


def test_data_for_a_closed_receiver_is_reset(guest):
    """The server answered, closed both ways; more requests meet a RST."""
    hand = Hand(guest.net, dport=80)
    hand.open()
    hand.send(f.ACK | f.PSH, b"GET / HTTP/1.0\r\n\r\n")
    hand.seq += 18
    hand.wire.expect(lambda x: x.proto == f.TCP and x.dport == hand.sport and
                     x.flags & f.FIN, 5)
    hand.send(f.ACK | f.PSH, b"more", ack=hand.ack)
    hand.abort()
    assert guest.get("/")[0] == 200


def test_idle_echo_connection_stays_open(guest):
    with guest.net.connect(7) as s:
        time.sleep(5)
        s.sendall(b"still here")
        assert s.recv(100) == b"still here"


def test_unread_data_closes_the_window_and_nothing_is_lost(guest):
    """We send but do not read: echo blocks, both windows fill, then drain."""
    hand = Hand(guest.net, window=0)
    hand.open()
    sent = 0
    chunk = bytes(range(250)) * 4
    window = 65535
    while window >= len(chunk) and sent < 1 << 20:
        hand.send(f.ACK | f.PSH, chunk)
        hand.seq = (hand.seq + len(chunk)) & MASK
        sent += len(chunk)
        s = hand.wire.expect(
            lambda x: x.proto == f.TCP and x.dport == hand.sport and
            x.ack == hand.seq, 3, "acknowledgment")
        window = s.window
    assert sent < 1 << 20, "the window must close"
    hand.window = 65535
    hand.send(f.ACK)
    assert hand.read(sent) == chunk * (sent // len(chunk))
    hand.abort()
