# SPDX-License-Identifier: MIT
"""Real Linux clients beside the guest: a network namespace of the test's own,
joined to the guest by a tap.  Needs root.

    [ namespace rl-PID-N:  clients, tap0 10.66.0.1 ]---[ guest 10.66.0.2 ]
"""

import ctypes
import fcntl
import itertools
import os
import random
import select
import socket
import struct
import subprocess
import threading

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454ca, 2, 0x1000
count = itertools.count()
libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """None, or why this machine cannot do it."""
    if os.geteuid() != 0:
        return "needs root for a network namespace"
    if not os.path.exists("/dev/net/tun"):
        return "no /dev/net/tun here"
    name = "rl-try-%d" % os.getpid()
    if subprocess.run(["ip", "netns", "add", name],
                      stderr=subprocess.DEVNULL).returncode:
        return "no permission to make a network namespace"
    made = subprocess.run(["ip", "-n", name, "tuntap", "add", "tap0", "mode",
                           "tap"], stderr=subprocess.DEVNULL).returncode
    subprocess.run(["ip", "netns", "del", name])
    return "no permission to make a tap" if made else None


class Tap:
    """A netdev for Guest, with the namespace around it."""

    rootless = False
    append = "ip=10.66.0.2/24 gateway=10.66.0.1"

    def __init__(self, append=None, host="10.66.0.1", guest="10.66.0.2",
                 more_addresses=()):
        if append is not None:
            self.append = append
        self.name = "rl-%d-%d" % (os.getpid(), next(count))
        self.host, self.guest = host, guest
        self.more = more_addresses
        self.children = []

    def ip(self, *words):
        subprocess.run(["ip", "-n", self.name, *words], check=True)

    def open(self, _folder):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.ip("tuntap", "add", "tap0", "mode", "tap")
        for address in (self.host, *self.more):
            self.ip("addr", "add", address + "/24", "dev", "tap0")
        self.ip("link", "set", "tap0", "up")
        self.ip("link", "set", "lo", "up")
        return ["-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no"]

    def enter(self):
        """Moves the calling thread (or process) into the namespace."""
        fd = os.open("/run/netns/" + self.name, os.O_RDONLY)
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)

    def close(self):
        for child in self.children:
            child.kill()
            child.wait()
        self.children = []
        if os.path.exists("/run/netns/" + self.name):
            subprocess.run(["ip", "netns", "del", self.name], check=True)

    def call(self, function, *arguments):
        """Runs function inside.  A socket that it makes stays inside, whoever
        uses it later."""
        box = {}

        def work():
            try:
                self.enter()
                box["value"] = function(*arguments)
            except BaseException as e:  # handed over, not swallowed
                box["error"] = e
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if "error" in box:
            raise box["error"]
        return box["value"]

    def socket(self, *arguments):
        return self.call(socket.socket, *arguments)

    def connect(self, port, timeout=10, source=None):
        s = self.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(timeout)
        if source:
            s.bind((source, 0))
        s.connect((self.guest, port))
        return s

    def run(self, *command, timeout=60, **options):
        return subprocess.run(["ip", "netns", "exec", self.name, *command],
                              timeout=timeout, capture_output=True, **options)

    def spawn(self, *command, **options):
        child = subprocess.Popen(["ip", "netns", "exec", self.name, *command],
                                 stdin=subprocess.DEVNULL, **options)
        self.children.append(child)
        return child


class LossyTap(Tap):
    """A Tap behind a relay that loses, doubles, delays and damages frames, as
    its seed says (tc's netem is not on every machine).

        [ namespace, tap0 ]--- relay of this process --- dgram ---[ guest ]
    """

    def __init__(self, seed, loss=0.0, double=0.0, delay=0.0, damage=0.0,
                 **options):
        super().__init__(**options)
        self.rates = loss, double, delay, damage
        self.seed = seed
        self.calm = False  # set: everything passes

    def open(self, folder):
        super().open(folder)
        self.tap = self.call(self.attach)
        self.mine = os.path.join(folder, "relay.sock")
        self.theirs = os.path.join(folder, "guest.sock")
        self.guest_end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.guest_end.bind(self.mine)
        self.guest_end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.guest_end.settimeout(0.2)
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sender.settimeout(20)
        self.running = True
        self.threads = [
            threading.Thread(target=self.relay, args=ends, daemon=True)
            for ends in ((1, self.from_tap, self.to_guest),
                         (2, self.from_guest, self.to_tap))]
        for thread in self.threads:
            thread.start()
        return ["-netdev", "dgram,id=n0,local.type=unix,local.path=%s,"
                "remote.type=unix,remote.path=%s" % (self.theirs, self.mine)]

    def attach(self):
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", b"tap0",
                                               IFF_TAP | IFF_NO_PI))
        return fd

    def from_tap(self):
        if not select.select([self.tap], [], [], 0.2)[0]:
            return None
        return os.read(self.tap, 4096)

    def from_guest(self):
        try:
            return self.guest_end.recv(4096)
        except socket.timeout:
            return None

    def to_guest(self, frame):
        try:
            self.sender.sendto(frame, self.theirs)
        except OSError:
            pass  # not there yet, or gone

    def to_tap(self, frame):
        os.write(self.tap, frame)

    def relay(self, number, receive, send):
        chance = random.Random(self.seed * 2 + number)
        loss, double, delay, damage = self.rates
        held = []
        while self.running:
            frame = receive()
            if frame is None or self.calm:
                for late in held:
                    send(late)
                held = []
            if frame is None:
                continue
            if self.calm:
                send(frame)
                continue
            if chance.random() < loss:
                continue
            if chance.random() < damage and len(frame) > 40:
                broken = bytearray(frame)
                broken[chance.randrange(14, len(frame))] ^= \
                    1 << chance.randrange(8)
                frame = bytes(broken)
            if chance.random() < delay:
                held.append(frame)
                continue
            send(frame)
            if chance.random() < double:
                send(frame)
            if held and chance.random() < 0.3:
                send(held.pop(0))

    def close(self):
        self.running = False
        for thread in getattr(self, "threads", []):
            thread.join()
        if hasattr(self, "tap"):
            os.close(self.tap)
            self.guest_end.close()
            self.sender.close()
        super().close()
