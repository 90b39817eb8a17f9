# SPDX-License-Identifier: MIT
"""Real Linux clients beside the guest: a network namespace of the test's own,
joined to the guest by a tap.  Needs root.

    [ namespace rl-PID-N:  clients, tap0 10.66.0.1 ]---[ guest 10.66.0.2 ]
"""

import ctypes
import itertools
import os
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
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
