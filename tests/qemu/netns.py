# SPDX-License-Identifier: MIT
"""Real Linux clients beside the guest: a network namespace of the test's own,
joined to the guest by a tap.  Needs root.

    [ namespace rl-PID-N:  clients, tap0 10.66.0.1 ]---[ guest 10.66.0.2 ]
"""

import ctypes
import fcntl
import itertools
import os
import socket
import struct
import subprocess
import threading

from guest import BUILD
from patience import PATIENCE

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

    def ask_for_ecn(self):
        """From now on Linux offers ECN to whom it connects."""
        self.ip("route", "replace", "10.66.0.0/24", "dev", "tap0", "proto",
                "kernel", "scope", "link", "src", self.host, "features", "ecn")

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
        s.settimeout(PATIENCE * timeout)
        if source:
            s.bind((source, 0))
        s.connect((self.guest, port))
        return s

    def run(self, *command, timeout=60, **options):
        return subprocess.run(["ip", "netns", "exec", self.name, *command],
                              timeout=PATIENCE * timeout,
                              capture_output=True, **options)

    def spawn(self, *command, **options):
        child = subprocess.Popen(["ip", "netns", "exec", self.name, *command],
                                 stdin=subprocess.DEVNULL, **options)
        self.children.append(child)
        return child


class Relay:
    """The program relay.c, compiled, between two ends; see there."""

    def __init__(self, seed, first, second, fds):
        self.process = subprocess.Popen(
            [compiled("relay"), str(seed), first, second], pass_fds=fds,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def impair(self, **settings):
        """Replaces all settings."""
        self.process.stdin.write(" ".join(
            "%s=%s" % pair for pair in settings.items()) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n", settings

    def end(self):
        """Returns what happened to the frames of each direction."""
        self.process.stdin.close()
        said = self.process.stdout.read()
        self.process.wait()
        return said.splitlines()


def compiled(name):
    """tests/qemu/NAME.c as a program of this machine."""
    source = os.path.join(os.path.dirname(__file__), name + ".c")
    program = os.path.join(BUILD, "tests", name)
    if not os.path.exists(program) or \
            os.path.getmtime(program) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(program), exist_ok=True)
        draft = "%s.%d" % (program, os.getpid())
        subprocess.run(["gcc", "-std=gnu11", "-Wall", "-Wextra", "-O2",
                        "-pthread", "-o", draft, source], check=True)
        os.rename(draft, program)
    return program


class LossyTap(Tap):
    """A Tap behind a relay that impairs (tc's netem is not on every machine).

        [ namespace, tap0 ]--- relay --- dgram ---[ guest ]
    """

    def __init__(self, seed, **impaired):
        super().__init__()
        self.seed, self.impaired, self.relay = seed, impaired, None

    def open(self, folder):
        super().open(folder)
        mine = os.path.join(folder, "relay.sock")
        theirs = os.path.join(folder, "guest.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.bind(mine)
            self.start_relay("%d:%s" % (link.fileno(), theirs), link.fileno())
        return ["-netdev", "dgram,id=n0,local.type=unix,local.path=%s,"
                "remote.type=unix,remote.path=%s" % (theirs, mine)]

    def start_relay(self, other, other_fd):
        tap = self.call(attach)
        self.relay = Relay(self.seed, str(tap), other, (tap, other_fd))
        os.close(tap)
        self.relay.impair(**self.impaired)

    def calm(self):
        """From now on everything passes."""
        self.relay.impair()

    def close(self):
        if self.relay:
            print("relay:", "; ".join(self.relay.end()))
            self.relay = None
        super().close()


class LossyPair(LossyTap):
    """Linux in the guest's place, so that both can be compared.

        [ namespace, tap0 ]--- relay ---[ tap0, namespace .other, 10.66.0.2 ]
    """

    def open(self, _folder=None):
        self.other = Tap(host=self.guest)
        Tap.open(self, None)
        self.other.open(None)
        end = self.other.call(attach)
        self.start_relay(str(end), end)
        os.close(end)

    def close(self):
        super().close()
        self.other.close()


def attach():
    """The other end of tap0 of this thread's namespace."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", b"tap0",
                                           IFF_TAP | IFF_NO_PI))
    return fd
