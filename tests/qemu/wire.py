# SPDX-License-Identifier: MIT
"""The guest's network cable, held in the test's hand: QEMU's dgram netdev over
unix sockets carries raw frames, without root.

    test 10.66.0.1 ---- Wire ---- 10.66.0.2 guest

A thread reads everything the guest sends (QEMU's queue holds about ten frames),
checks that it is well formed, answers ARP for the test's addresses, and hands
frames to TCP clients or into the inbox, where expect() looks for them."""

import collections
import os
import random
import socket
import struct
import threading
import time

import card
import frames as f
from patience import PATIENCE, until

GUEST_MAC = f.mac("52:54:00:12:34:56")
GUEST_IP = f.ip4("10.66.0.2")
HOST_MAC = f.mac("52:55:0a:42:00:01")
HOST_IP = f.ip4("10.66.0.1")
INBOX_MAX = 5000
REPEAT_S = 3  # the test's own TCP sends again; most wires lose nothing


class Wire:
    """A netdev for Guest; also the sender and receiver of frames."""

    rootless = True
    append = "ip=10.66.0.2/24 gateway=10.66.0.1"

    def __init__(self, append=None, number=0):
        """number: of the guest's card, which has a network of its own:
        10.66.N.0/24, and N added to the last byte of its MAC address."""
        if append is not None:
            self.append = append
        self.number = number
        shift = bytes((0, 0, number, 0))
        self.guest_mac = GUEST_MAC[:5] + bytes((GUEST_MAC[5] + number,))
        self.mac = HOST_MAC[:5] + bytes((HOST_MAC[5] + number,))
        self.guest_ip, self.ip = (
            bytes(a + b for a, b in zip(ip, shift))
            for ip in (GUEST_IP, HOST_IP))
        self.addresses = {self.ip: self.mac}  # what ARP is answered for
        self.inbox = collections.deque(maxlen=INBOX_MAX)
        self.changed = threading.Condition()
        self.clients = {}
        self.wrong = []
        self.taps = []  # called with each Frame, in the reader's thread
        self.socket = None
        self.reading = False

    # --- what Guest calls ---

    def open(self, folder):
        self.path = os.path.join(folder, "guest%d.sock" % self.number)
        mine = os.path.join(folder, "test%d.sock" % self.number)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(mine)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        # Sending waits while QEMU takes nothing; reading has its own pace.
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sender.settimeout(PATIENCE * 30)
        self.start_reading()
        return ["-netdev", "dgram,id=n%d,local.type=unix,local.path=%s,"
                "remote.type=unix,remote.path=%s" % (self.number, self.path,
                                                     mine)]

    def close(self):
        self.stop_reading()
        if self.socket:
            self.socket.close()
            self.sender.close()

    def connect(self, port, timeout=10, **options):
        client = TcpClient(self, port, **options)
        client.settimeout(timeout)
        client.connect()
        return client

    # --- frames ---

    def start_reading(self):
        self.reading = True
        self.socket.settimeout(0.2)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def stop_reading(self):
        """Leaves the socket to the caller (for loops that must be fast)."""
        if self.reading:
            self.reading = False
            self.thread.join()

    def _read(self):
        while self.reading:
            try:
                raw = self.socket.recv(65536)
            except socket.timeout:
                continue
            except OSError:
                return
            self.take(f.Frame(raw))

    def take(self, frame):
        wrong = card.frame_errors(frame, self.guest_mac)
        if wrong:
            self.wrong.append("%r: %s" % (frame, ", ".join(wrong)))
        if frame.op == 1 and frame.tpa in self.addresses:
            self.answer_arp(frame)
        client = self.clients.get((frame.ip_dst, frame.dport)) \
            if frame.proto == f.TCP else None
        with self.changed:
            if client and client.peer == (frame.ip_src, frame.sport):
                client.take(frame)
            else:
                self.inbox.append(frame)
            for tap in self.taps:
                tap(frame)
            self.changed.notify_all()

    def answer_arp(self, frame):
        mine = self.addresses[frame.tpa]
        self.send(f.eth(frame.sha, mine, f.ETH_ARP, f.arp(
            2, mine, frame.tpa, frame.sha, frame.spa)))

    def send(self, raw):
        self.sender.sendto(raw, self.path)

    def send_until_full(self, packets, seconds=0.5):
        """Sends these (protocol, payload), to a machine that stands still, until
        nothing was taken for so long.  Returns those that are left."""
        left = list(packets)
        patient = self.sender.gettimeout()
        self.sender.settimeout(seconds)
        try:
            while left:
                self.send_ip(*left[0])
                del left[0]
        except socket.timeout:
            pass
        finally:
            self.sender.settimeout(patient)
        return left

    def send_ip(self, proto, payload, src=None, dst=None, mac=None, **fields):
        """mac: the destination's; the guest's when not given."""
        self.send(f.eth(mac or self.guest_mac, self.mac, f.ETH_IP, f.ipv4(
            src or self.ip, dst or self.guest_ip, proto, payload, **fields)))

    def send_udp(self, sport, dport, data, **fields):
        self.send_ip(f.UDP, f.udp(self.ip, self.guest_ip, sport, dport, data,
                                  **fields))

    def send_tcp(self, sport, dport, seq, ack, flags, data=b"", **fields):
        self.send_ip(f.TCP, f.tcp(self.ip, self.guest_ip, sport, dport, seq,
                                  ack, flags, data, **fields))

    def clear(self):
        with self.changed:
            self.inbox.clear()

    def find(self, wanted, deadline):
        """The first frame for which wanted(frame) is true, taken out; None
        when none came until then."""
        with self.changed:
            while True:
                for frame in self.inbox:
                    if wanted(frame):
                        self.inbox.remove(frame)
                        return frame
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(left)

    def expect(self, wanted, timeout=3, what="such frame"):
        """Waits for a frame for which wanted(frame) is true; takes it out."""
        frame = self.find(wanted, until(timeout))
        assert frame, "no %s in %g s; last frames: %s" % (
            what, PATIENCE * timeout, list(self.inbox)[-8:])
        return frame

    def expect_none(self, unwanted, seconds=0.5, what="frame"):
        frame = self.find(unwanted, time.monotonic() + seconds)
        assert not frame, "unexpected %s: %r" % (what, frame)

    def expect_tcp(self, sport, timeout=3, **fields):
        """A segment to our port sport; fields must be equal, where given."""
        def wanted(x):
            return x.proto == f.TCP and x.dport == sport and all(
                getattr(x, k) == v for k, v in fields.items())
        return self.expect(wanted, timeout, "segment %r" % fields)

    def ping(self, ident, seq, data=b"", timeout=3, src=None):
        self.send_ip(f.ICMP, f.echo_request(ident, seq, data), src=src)
        return self.expect(
            lambda x: x.proto == f.ICMP and x.kind == 0 and
            x.rest[:4] == struct.pack("!HH", ident, seq), timeout, "pong")


class TcpClient:
    """A small TCP of the test's own: in-order receive, go-back-N sending,
    enough for HTTP and echo over a wire that loses nothing or little.  Has the
    calls of a socket that tests use."""

    ports = random.randrange(20000, 40000)

    def __init__(self, wire, dport, sport=None, src=None, mss=1460,
                 window=65535, isn=None):
        TcpClient.ports += 1
        self.wire = wire
        self.sport = sport or 20000 + TcpClient.ports % 40000
        self.dport = dport
        self.src = src or wire.ip
        self.peer = (wire.guest_ip, dport)
        self.mss, self.window = mss, window
        self.isn = random.getrandbits(32) if isn is None else isn
        self.snd_una = self.snd_nxt = self.isn
        self.rcv_nxt = None
        self.peer_window = 0
        self.received = bytearray()
        self.fin = self.reset = self.established = False
        self.timeout = 10

    def settimeout(self, seconds):
        self.timeout = seconds

    def segment(self, flags, data=b"", seq=None, options=b""):
        self.wire.send(f.eth(
            self.wire.guest_mac, self.wire.addresses[self.src], f.ETH_IP,
            f.ipv4(self.src, self.wire.guest_ip, f.TCP, f.tcp(
                self.src, self.wire.guest_ip, self.sport, self.dport,
                self.snd_nxt if seq is None else seq, self.rcv_nxt or 0, flags,
                data, self.window, options))))

    def take(self, s):
        """A segment came.  Context: the wire's reader, with its lock."""
        if s.flags & f.RST:
            self.reset = True
            return
        if s.flags & f.SYN and self.rcv_nxt is None:
            self.rcv_nxt = (s.seq + 1) & 0xffffffff
            self.established = True
        if s.flags & f.ACK:
            advance = (s.ack - self.snd_una) & 0xffffffff
            if advance < 1 << 31:
                self.snd_una = s.ack
                self.peer_window = s.window
        if s.seq == self.rcv_nxt and not s.flags & f.SYN:
            self.received += s.data
            self.rcv_nxt = (self.rcv_nxt + len(s.data)) & 0xffffffff
            if s.flags & f.FIN:
                self.fin = True
                self.rcv_nxt = (self.rcv_nxt + 1) & 0xffffffff
        if s.data or s.flags & (f.SYN | f.FIN):
            self.segment(f.ACK)

    def wait(self, condition, what, again=None):
        """Waits until condition(); calls again() every REPEAT_S."""
        deadline = until(self.timeout)
        repeat = time.monotonic() + REPEAT_S
        with self.wire.changed:
            while not condition():
                now = time.monotonic()
                if self.reset:
                    raise ConnectionResetError(what)
                if now > deadline:
                    raise socket.timeout("no %s in %g s" %
                                         (what, PATIENCE * self.timeout))
                if again and now > repeat:
                    again()
                    repeat = now + REPEAT_S
                self.wire.changed.wait(min(deadline, repeat) - now)

    def connect(self):
        self.wire.clients[(self.src, self.sport)] = self
        mss = struct.pack("!BBH", 2, 4, self.mss)

        def syn():
            self.segment(f.SYN, seq=self.isn, options=mss)
        self.snd_nxt = (self.isn + 1) & 0xffffffff
        syn()
        self.wait(lambda: self.established, "SYN-ACK", syn)

    def in_flight(self):
        return (self.snd_nxt - self.snd_una) & 0xffffffff

    def sendall(self, data):
        data = bytes(data)
        start, sent = self.snd_nxt, 0

        def again():  # go back to what is not acknowledged
            nonlocal sent
            sent = (self.snd_una - start) & 0xffffffff
            self.snd_nxt = self.snd_una
            push()

        def push():
            nonlocal sent
            while sent < len(data):
                room = self.peer_window - self.in_flight()
                size = min(self.mss, len(data) - sent)
                if room < size:
                    break
                self.segment(f.ACK | f.PSH, data[sent:sent + size])
                self.snd_nxt = (self.snd_nxt + size) & 0xffffffff
                sent += size
        while True:
            with self.wire.changed:
                push()
                before = self.snd_una, self.peer_window
            if sent >= len(data) and self.in_flight() == 0:
                return
            self.wait(lambda: (self.snd_una, self.peer_window) != before or
                      self.in_flight() == 0 and sent >= len(data),
                      "acknowledgment", again)

    def recv(self, size):
        self.wait(lambda: self.received or self.fin, "data")
        with self.wire.changed:
            part = bytes(self.received[:size])
            del self.received[:size]
        return part

    def shutdown(self, _how=None):
        with self.wire.changed:
            self.segment(f.FIN | f.ACK)
            self.snd_nxt = (self.snd_nxt + 1) & 0xffffffff

    def close(self):
        """Closes; waits until both directions have ended, quietly."""
        if self.reset or not self.established:
            self.wire.clients.pop((self.src, self.sport), None)
            return
        try:
            self.shutdown()
            seq = (self.snd_nxt - 1) & 0xffffffff
            self.wait(lambda: self.fin and self.in_flight() == 0, "FIN",
                      lambda: self.segment(f.FIN | f.ACK, seq=seq))
        except OSError:
            pass
        finally:
            self.wire.clients.pop((self.src, self.sport), None)

    def abort(self):
        self.segment(f.RST | f.ACK)
        self.wire.clients.pop((self.src, self.sport), None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
