# SPDX-License-Identifier: MIT
"""Starts Ringlet in QEMU and talks to it.

    guest = Guest(folder, net=Wire(), mem=64)
    guest.start(); guest.wait_ready(); guest.stats()["rx.frames"]

Doors: "pvh" loads build/ringlet.elf directly; "uefi" boots build/ringlet.img
through OVMF, "bios" the same image through SeaBIOS and GRUB.  Networks: User (port forwards), wire.Wire (raw frames),
netns.Tap (real Linux clients).  What QEMU writes is in folder; its sockets are
in a temporary folder, since their paths hold 107 bytes only."""

import ctypes
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(ROOT, os.environ.get("B", "build"))
sys.path.insert(0, os.path.join(ROOT, "image"))
import run as runner  # noqa: E402
from patience import PATIENCE, until  # noqa: E402

MAC = "52:54:00:12:34:56"
READY = re.compile(r"^READY ip=(\d+\.\d+\.\d+\.\d+) http=(\d+|off) "
                   r"echo=(\d+|off) admin=(\d+|off) boot_ms=(\d+)$", re.M)
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)

# How the stick's image is attached.
DISKS = {
    "usb": ["-device", "qemu-xhci", "-device", "usb-storage,drive=stick"],
    "ehci": ["-device", "usb-ehci", "-device", "usb-storage,drive=stick"],
    "ide": ["-device", "ide-hd,drive=stick"],
    "sata": ["-device", "ahci,id=ahci", "-device",
             "ide-hd,drive=stick,bus=ahci.0"],
    "cd": ["-device", "ide-cd,drive=stick"],
    "usbcd": ["-device", "qemu-xhci", "-device", "usb-bot,id=bot", "-device",
              "scsi-cd,drive=stick,bus=bot.0"],
}
CDS = ("cd", "usbcd")
OVMF = "/usr/share/OVMF/OVMF_%s%s.fd"


class GuestError(AssertionError):
    pass


def artifact(name):
    path = os.path.join(BUILD, name)
    assert os.path.exists(path), "%s is missing: make %s" % (path, path)
    return path


def firmware(build=None):
    """OVMF's code and variables: of the build ("_4M", or "" for 2 MiB, with
    ".ms" behind for Secure Boot), or of the first that is there."""
    for name in ("_4M", "") if build is None else (build,):
        code, variables = OVMF % ("CODE", name), OVMF % ("VARS", name)
        if os.path.exists(code):
            return code, variables
    raise GuestError("OVMF%s is missing: run ./setup" % (build or ""))


handed_out = []


def free_port(kind=socket.SOCK_STREAM):
    """A port of 127.0.0.1 that is free now, and is given to nobody else who
    asks here, in any process, while this one lives; below the kernel's own
    range, so that no connection takes it before QEMU does."""
    while True:
        port = random.randrange(12000, 30000)
        mark = socket.socket(socket.AF_UNIX)
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                mark.bind("\0ringlet-port-%d" % port)
                handed_out.append(mark)
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class User:
    """QEMU's user network: DHCP from QEMU, ports of 127.0.0.1 forwarded.  It
    listens with a backlog of one: let one connection do something before the
    next is made, or Linux repeats the SYN after a second."""

    rootless = True
    append = ""
    guest_ports = {"http": 80, "echo": 7, "admin": 8139}

    def __init__(self, options="", append="", **ports):
        """ports: as numbers in the guest, where they are not the default."""
        self.options, self.append = options, append
        self.guest_ports = dict(self.guest_ports, **ports)

    def open(self, _folder):
        self.forward = {p: free_port() for p in self.guest_ports.values()}
        self.echo_udp = free_port(socket.SOCK_DGRAM)
        rules = ["hostfwd=tcp:127.0.0.1:%d-:%d" % (mine, theirs)
                 for theirs, mine in self.forward.items()]
        rules.append("hostfwd=udp:127.0.0.1:%d-:%d" %
                     (self.echo_udp, self.guest_ports["echo"]))
        return ["-netdev", ",".join(["user,id=n0"] + rules) + self.options]

    def close(self):
        pass

    def connect(self, port, timeout=10):
        return socket.create_connection(
            ("127.0.0.1", self.forward[port]), PATIENCE * timeout)

    def url(self, path="/", port=80):
        return "http://127.0.0.1:%d%s" % (self.forward[port], path)


class NoNetwork:
    """No card at all."""

    rootless = True
    append = ""

    def open(self, _folder):
        return []

    def close(self):
        pass


class Qmp:
    def __init__(self, path, alive):
        deadline = until(20)
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline or not alive():
                    raise GuestError("QEMU offers no QMP")
                time.sleep(0.005)
        self.socket.settimeout(PATIENCE * 20)
        self.lines = self.socket.makefile("rw")
        self.events = []  # that came, in order, and nobody took yet
        json.loads(self.lines.readline())
        self.command("qmp_capabilities")

    def command(self, _command, **arguments):
        self.lines.write(json.dumps({"execute": _command,
                                     "arguments": arguments}) + "\n")
        self.lines.flush()
        while True:
            answer = json.loads(self.lines.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise GuestError("QMP %s: %s" %
                                 (_command, answer["error"]))
            self.events.append(answer)

    def wait_event(self, name, timeout):
        """Waits for an event of this name; those before it are forgotten.
        Returns its data."""
        self.socket.settimeout(PATIENCE * timeout)
        while True:
            while self.events:
                event = self.events.pop(0)
                if event["event"] == name:
                    return event.get("data", {})
            self.events.append(json.loads(self.lines.readline()))


class Stats(dict):
    """/stats, read: name -> number."""

    @classmethod
    def parse(cls, text):
        stats = cls()
        for line in text.splitlines():
            name, _, value = line.partition(" ")
            assert re.fullmatch(r"[\w.\-/:]+", name), "stats line %r" % line
            try:
                stats[name] = int(value)
            except ValueError:
                stats[name] = value
        return stats

    def since(self, before):
        return Stats({k: v - before.get(k, 0) for k, v in self.items()
                      if isinstance(v, int)})

    def seconds(self):
        """By the guest's clock: since its start, or in a difference."""
        return self["clock.ns"] / 1e9

    def drops(self):
        return {k[5:]: v for k, v in self.items()
                if k.startswith("drop.") and v}

    def pools_in_use(self):
        return {k: v for k, v in self.items()
                if k.startswith("pool.") and k.endswith(".in_use")}

    def check_ledger(self):
        """Received = delivered + dropped, by reason.  A frame that found no
        packet may have been one to send: so that reason bounds the error."""
        received = sum(v for k, v in self.drops().items()
                       if not k.startswith(("tx.", "pkt.", "bug.")))
        missing = self["rx.frames"] - self["rx.delivered"] - received
        either = self.get("drop.pkt.no_buffer", 0)
        assert 0 <= missing <= either, (
            "the ledger is off by %d: %d received, %d delivered, drops %s" %
            (missing, self["rx.frames"], self["rx.delivered"], self.drops()))
        assert self.get("drop.bug.undecided", 0) == 0, self.drops()


def http_get(connection, path, host="guest"):
    """One request on a socket.  Returns (status, headers, body)."""
    connection.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" %
                        (path, host)).encode())
    return read_response(connection)


def read_response(connection, has_body=True, rest=None):
    """Reads one response.  rest: a bytearray that keeps what was read beyond
    it, for pipelined ones."""
    data = rest if rest is not None else bytearray()
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        assert part, "the connection ended inside a header: %r" % bytes(data)
        data += part
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", 0)) if has_body else 0
    chunks, have = [body], len(body)
    while have < length:
        part = connection.recv(65536)
        assert part, "the connection ended inside a body (%d of %d bytes)" % (
            have, length)
        chunks.append(part)
        have += len(part)
    body = b"".join(chunks)
    if rest is not None:
        rest[:] = body[length:]
    return status, headers, body[:length]


class Guest:
    def __init__(self, folder, net=None, door="pvh", machine="pc", mem=64,
                 cpu="max", append="", stick="default", disk="usb",
                 pcap_bytes=256, extra=(), nic=True, addr=None,
                 kernel="ringlet.elf", before=(), qtest=False, restarts=False,
                 ovmf=None, variables=None):
        """stick: the FAT volume for the direct door, the image for the others;
        None for none.  disk: how the image is attached: a key of DISKS.
        ovmf: which build of it, as firmware() takes it.
        kernel: what the direct door starts.  before: arguments that stand
        before the card's.  qtest: ports and memory of the running machine can
        be written (self.poke).  restarts: a reset starts the machine again,
        else it ends QEMU.  variables: the file that OVMF keeps its variables
        in, made when it is not there; None: a fresh one.  pcap_bytes: how much
        of each frame is kept."""
        self.folder, self.net = folder, net if net is not None else User()
        self.door, self.machine, self.mem, self.cpu = door, machine, mem, cpu
        self.append = " ".join(filter(None, [self.net.append, append]))
        self.stick, self.disk, self.extra = stick, disk, list(extra)
        self.pcap_bytes, self.nic, self.addr = pcap_bytes, nic, addr
        self.kernel, self.before, self.qtest = kernel, list(before), qtest
        self.restarts = restarts
        self.ovmf = ovmf
        self.variables = variables
        self.qtest_link = None
        self.process = self.qmp_link = self.ready = None
        self.sockets = None
        self.may_panic = False  # for tests that mean it to
        os.makedirs(folder, exist_ok=True)
        self.serial_path = os.path.join(folder, "serial.log")

    # --- life ---

    def arguments(self):
        args = ["qemu-system-x86_64", "-machine", self.machine, "-cpu",
                self.cpu, "-accel", "tcg", "-m", str(self.mem), "-nodefaults",
                "-no-user-config", "-display", "none",
                "-serial", "file:" + self.serial_path, "-qmp",
                "unix:%s/qmp,server=on,wait=off" % self.sockets]
        args += [] if self.restarts else ["-no-reboot"]
        args += self.door_arguments() + self.before
        if self.qtest:
            args += ["-qtest", "unix:%s/qtest,server=on,wait=off" %
                     self.sockets, "-qtest-log", "none"]
        args += self.net.open(self.sockets)
        if not isinstance(self.net, NoNetwork):
            where = ",addr=%s" % self.addr if self.addr else ""
            args += ["-device", "rtl8139,id=nic,netdev=n0,mac=%s,romfile=%s" %
                     (MAC, where)]
            if self.pcap_bytes:
                args += ["-object", "filter-dump,id=dump,netdev=n0,maxlen=%d,"
                         "file=%s/wire.pcap" % (self.pcap_bytes, self.folder)]
        return args + self.extra

    def door_arguments(self):
        if self.door == "pvh":
            args = ["-kernel", artifact(self.kernel), "-append", self.append]
            stick = artifact("stick.fat") if self.stick == "default" \
                else self.stick
            return args + (["-initrd", stick] if stick else [])
        args = self.firmware_arguments() if self.door == "uefi" else []
        built = "ringlet.iso" if self.disk in CDS else "ringlet.img"
        image = artifact(built) if self.stick == "default" else self.stick
        if self.append:
            private = os.path.join(self.sockets, "stick.img")
            shutil.copyfile(image, private)
            runner.add_cmdline(private, self.append)
            image = private
        return args + ["-drive", "if=none,id=stick,format=raw,snapshot=on,"
                       "file=" + image] + DISKS[self.disk]

    def firmware_arguments(self):
        code, blank = firmware(self.ovmf)
        mine = self.variables or os.path.join(self.sockets, "vars.fd")
        if not os.path.exists(mine):
            shutil.copyfile(blank, mine)
        return ["-drive", "if=pflash,format=raw,readonly=on,file=" + code,
                "-drive", "if=pflash,format=raw,file=" + mine]

    def start(self):
        """Starts QEMU; again when another took a port in between."""
        for attempt in range(3):
            self.sockets = tempfile.mkdtemp(prefix="ringlet-")
            self.launch()
            try:
                self.qmp_link = Qmp(self.sockets + "/qmp", self.running)
                return self
            except GuestError:
                said = open(self.folder + "/qemu.log").read()
                self.stop()
                if attempt == 2 or "host forwarding" not in said:
                    raise GuestError("QEMU did not start: " + said)

    def launch(self):
        args = self.arguments()
        enter = getattr(self.net, "enter", None)

        def child():
            # QEMU must not outlive the test, whatever ends it.
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if enter:
                enter()
        with open(self.folder + "/command", "w") as f:
            f.write(" ".join(args) + "\n")
        self.process = subprocess.Popen(
            args, stdin=subprocess.DEVNULL, preexec_fn=child,
            stdout=open(self.folder + "/qemu.log", "w"),
            stderr=subprocess.STDOUT)
        self.started = time.monotonic()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.net.close()
        if self.sockets:
            shutil.rmtree(self.sockets, ignore_errors=True)

    def qmp(self, _command, **arguments):
        return self.qmp_link.command(_command, **arguments)

    def poke(self, command, *numbers):
        """One command of QEMU's qtest protocol, as outl or readw.  Returns
        the number that it answers, if any."""
        if not self.qtest_link:
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(PATIENCE * 10)
            link.connect(self.sockets + "/qtest")
            self.qtest_link = link.makefile("rw")
        self.qtest_link.write(" ".join([command] + [
            "%#x" % n for n in numbers]) + "\n")
        self.qtest_link.flush()
        answer = self.qtest_link.readline().split()
        while answer and answer[0] == "IRQ":
            answer = self.qtest_link.readline().split()
        assert answer and answer[0] == "OK", (command, answer)
        return int(answer[1], 0) if len(answer) > 1 else None

    def wait_event(self, name, timeout=20):
        return self.qmp_link.wait_event(name, timeout)

    def set_link(self, up):
        self.qmp("set_link", name="nic", up=up)

    def cpu_seconds(self):
        """The processor time that QEMU has used so far."""
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- the console ---

    def serial(self):
        """What the guest said, with line ends of one kind."""
        try:
            with open(self.serial_path, "rb") as f:
                return f.read().decode("utf-8", "replace").replace("\r\n",
                                                                   "\n")
        except FileNotFoundError:
            return ""

    def lines(self):
        """Complete lines only."""
        return self.serial().split("\n")[:-1]

    def wait_line(self, pattern, timeout=20, alive=True, nth=1):
        """Waits for the nth complete line that matches pattern (re.search).
        Returns the match.  Fails at once on a panic, and when QEMU ends."""
        wanted = re.compile(pattern)
        deadline = until(timeout)
        while True:
            gone = not self.running()
            lines = self.lines()
            matches = list(filter(None, map(wanted.search, lines)))
            if len(matches) >= nth:
                return matches[nth - 1]
            panics = [l for l in lines if l.startswith("PANIC ")]
            if alive and panics:
                raise GuestError("the guest died: %s\n%s" %
                                 (panics[0], self.tail()))
            if gone or time.monotonic() > deadline:
                raise GuestError("%s before a line like %r:\n%s" % (
                    "QEMU ended" if gone else "%g s passed" %
                    (PATIENCE * timeout), pattern,
                    self.tail()))
            time.sleep(0.004)

    def tail(self, lines=25):
        return "\n".join(self.serial().split("\n")[-lines:])

    def wait_ready(self, timeout=None):
        if timeout is None:
            timeout = 25 if self.door == "pvh" else 60
        m = self.wait_line(READY.pattern, timeout)
        self.ready_after = time.monotonic() - self.started
        self.ready = {"ip": m.group(1), "boot_ms": int(m.group(5))}
        for i, name in enumerate(("http", "echo", "admin"), 2):
            value = m.group(i)
            self.ready[name] = None if value == "off" else int(value)
        return self.ready

    # --- services ---

    def connect(self, port, timeout=10):
        return self.net.connect(port, timeout)

    def get(self, path, port=None, timeout=10):
        connection = self.connect(port or self.ready["http"], timeout)
        try:
            return http_get(connection, path)
        finally:
            connection.close()

    def stats(self, timeout=10):
        status, _, body = self.get("/stats", self.ready["admin"], timeout)
        assert status == 200, "GET /stats: %d" % status
        return Stats.parse(body.decode())

    def pools_return_to(self, base, timeout=15):
        """Waits until every pool is as it was at base."""
        base = base.pools_in_use()
        assert base, "/stats names no pool"
        deadline = until(timeout)
        while True:
            now = self.stats().pools_in_use()
            more = {k: (base.get(k, 0), v) for k, v in now.items()
                    if v > base.get(k, 0)}
            if not more:
                return
            assert time.monotonic() < deadline, \
                "pools not back after %g s (was, is): %s" % (
                    PATIENCE * timeout, more)
            time.sleep(0.3)

    def check_end(self):
        """What must hold after every test."""
        said = self.serial()
        panics = [l for l in said.split("\n") if l.startswith("PANIC ")]
        if self.may_panic:
            return
        assert not panics, "\n".join(panics + [self.tail(40)])
        if self.ready and self.ready["admin"] and self.running():
            self.stats().check_ledger()
        wrong = getattr(self.net, "wrong", [])
        assert not wrong, "malformed frames from the guest: %s" % wrong[:5]
