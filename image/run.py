#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots Ringlet in QEMU: `make run`, `make debug`, and the tests.

qemu_args() turns a Config into a command line and does nothing else; Guest
starts it in a folder of its own, watches the serial line and ends it.  As a
program it takes the Makefile's variables as NAME=value arguments.

The guest's command line comes by -append through the direct door; through
firmware it lies on a private copy of the stick, in \\EFI\\ringlet\\cmdline.txt.
"""

import ctypes
import dataclasses
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
PARTITION = "@@1M"  # of the image, as mtools say it
CMDLINE_FOLDERS = ("::/EFI", "::/EFI/ringlet")
CMDLINE_FILE = "::/EFI/ringlet/cmdline.txt"
GUEST_PORTS = {"http": 80, "echo": 7, "admin": 8139}
STOP_WAIT_S = 5
PR_SET_PDEATHSIG = 1


@dataclasses.dataclass
class Config:
    """One machine.  folder, vars_file and stick belong to this run alone."""

    boot: str = "uefi"  # or bios, pvh
    machine: str = "q35"
    cpu: str = "max"
    mem_mib: int = 128
    accel: str = "tcg"
    kernel: str = "build/ringlet.elf"
    stick: str = "build/ringlet.img"  # None: no volume (pvh)
    append: str = ""
    # A card for each: -netdev values without id=.
    netdevs: list = dataclasses.field(default_factory=lambda: ["user"])
    terminal: bool = False
    screen: bool = False  # QEMU's own window
    debug: bool = False
    vars_file: str = ""
    log_file: str = ""
    extra: list = dataclasses.field(default_factory=list)


def user_netdev(http, echo, admin):
    """QEMU's user network with the host's ports; None leaves one out."""
    forwards = []
    for host, guest, kinds in (
        (http, GUEST_PORTS["http"], ("tcp",)),
        (echo, GUEST_PORTS["echo"], ("tcp", "udp")),
        (admin, GUEST_PORTS["admin"], ("tcp",)),
    ):
        if host is not None:
            forwards += [
                f"hostfwd={kind}:127.0.0.1:{host}-:{guest}" for kind in kinds
            ]
    return ",".join(["user", *forwards])


def tap_netdev(interface):
    return f"tap,ifname={interface},script=no,downscript=no"


def door_args(c):
    if c.boot == "pvh":
        args = ["-kernel", c.kernel, "-append", c.append]
        return args + (["-initrd", c.stick] if c.stick else [])
    firmware = [] if c.boot == "bios" else [
        "-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={OVMF_CODE}",
        "-drive", f"if=pflash,format=raw,unit=1,file={c.vars_file}",
    ]
    return firmware + [
        "-drive", f"if=none,id=stick,format=raw,snapshot=on,file={c.stick}",
        "-device", "ide-hd,drive=stick,bootindex=0",
    ]


def qemu_args(c):
    """The whole command line."""
    args = [
        "qemu-system-x86_64", "-nodefaults", "-no-user-config",
        "-machine", c.machine, "-cpu", c.cpu, "-accel", c.accel,
        "-m", str(c.mem_mib),
    ]
    if c.machine == "q35":
        # As shipped it has a watchdog that may not restart it.
        args += ["-global", "ICH9-LPC.noreboot=false"]
    args += ["-vga", "std"] if c.screen else ["-display", "none"]
    args += door_args(c)
    for i, netdev in enumerate(c.netdevs):
        kind, _, rest = netdev.partition(",")
        args += [
            "-netdev", f"{kind},id=net{i}" + (f",{rest}" if rest else ""),
            "-device", f"rtl8139,netdev=net{i},romfile=",
        ]
    console = "stdio,id=console,signal=off"
    if c.log_file:
        console += f",logfile={c.log_file},logappend=off"
    if c.terminal:
        console += ",mux=on"
        args += ["-mon", "chardev=console"]
    args += ["-chardev", console, "-serial", "chardev:console"]
    if c.debug:
        args += ["-gdb", "tcp:127.0.0.1:1234", "-S"]
    return args + c.extra


def add_cmdline(stick, append):
    """Writes a command line into an image that is ours to change."""
    stick += PARTITION
    for folder in CMDLINE_FOLDERS:
        subprocess.run(["mmd", "-D", "s", "-i", stick, folder],
                       capture_output=True, check=False)
    subprocess.run(["mcopy", "-D", "o", "-i", stick, "-", CMDLINE_FILE],
                   input=append.encode(), check=True)


def has_grub(image):
    """Whether a BIOS could boot it: GRUB's boot code says its own name."""
    with open(image, "rb") as f:
        return b"GRUB " in f.read(440)


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Guest:
    """A running machine.  Use as a context, or call stop()."""

    def __init__(self, config, stdin=subprocess.DEVNULL, stdout=None):
        self.folder = tempfile.mkdtemp(prefix="ringlet-")
        self.config = self.prepare(config)
        self.process = subprocess.Popen(
            qemu_args(self.config), stdin=stdin, stdout=stdout,
            preexec_fn=die_with_parent,
        )

    def prepare(self, config):
        c = dataclasses.replace(config)
        c.log_file = c.log_file or os.path.join(self.folder, "serial.log")
        if c.boot == "pvh":
            return c
        if c.boot == "uefi":
            c.vars_file = os.path.join(self.folder, "vars.fd")
            shutil.copyfile(OVMF_VARS, c.vars_file)
        if c.append:
            private = os.path.join(self.folder, "stick.img")
            shutil.copyfile(c.stick, private)
            add_cmdline(private, c.append)
            c.stick = private
        return c

    def serial(self):
        """What the guest has printed so far."""
        try:
            with open(self.config.log_file, "rb") as f:
                return f.read().decode("utf-8", "replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    def find_line(self, prefix):
        """The first complete line that starts so, or None."""
        for line in self.serial().split("\n")[:-1]:
            if line.startswith(prefix):
                return line
        return None

    def wait_line(self, prefix, timeout_s):
        """As find_line; waits.  None when time is up or the guest ended."""
        deadline = time.monotonic() + timeout_s
        while True:
            ended = self.process.poll() is not None
            line = self.find_line(prefix)
            if line is not None or ended or time.monotonic() > deadline:
                return line
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def parse_ready(line):
    """`READY ip=10.0.2.15 http=80 ...` as a dictionary."""
    return dict(w.split("=", 1) for w in line.split()[1:] if "=" in w)


def busy(port, kind):
    with socket.socket(socket.AF_INET, kind) as s:
        if kind == socket.SOCK_STREAM:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def host_port(variables, name):
    value = variables[name]
    if value == "off":
        return None
    if not value.isdigit() or not 0 < int(value) < 65536:
        sys.exit(f"{name}={value}: a port from 1 to 65535, or off")
    kinds = [socket.SOCK_STREAM]
    if name == "ECHO":
        kinds.append(socket.SOCK_DGRAM)
    if any(busy(int(value), kind) for kind in kinds):
        sys.exit(f"port {value} of this host is in use: "
                 f"choose another with {name}=PORT")
    return int(value)


def announce(ready, ports):
    """Tells where the guest can be reached from here."""
    facts = parse_ready(ready)
    print()
    for name, text in (
        ("http", "http://{}:{}/"),
        ("echo", "echo on {}:{} (TCP and UDP)"),
        ("admin", "http://{}:{}/stats"),
    ):
        if facts.get(name, "off") == "off":
            continue
        if ports is None:
            print("  " + text.format(facts.get("ip"), facts[name]))
        elif ports[name] is not None:
            print("  " + text.format("localhost", ports[name]))
    sys.stdout.flush()


def watch(guest, ports):
    """Until the guest ends, or a signal ends us."""
    announced = False
    while guest.process.poll() is None:
        ready = None if announced else guest.find_line("READY ")
        if ready:
            announced = True
            announce(ready, ports)
        time.sleep(0.1)
    return guest.process.returncode


def make_netdevs(v):
    """What NET names, a card for each.  Returns also the ports of this host,
    which the first user network has; None without one."""
    netdevs, ports = [], None
    for i, word in enumerate(v["NET"].split(",")):
        if word == "user" and ports is None:
            ports = {n: host_port(v, n.upper()) for n in GUEST_PORTS}
            netdevs.append(user_netdev(**ports))
        elif word == "user":
            netdevs.append(f"user,net=10.0.{2 + i}.0/24")
        elif word.startswith("tap=") and word != "tap=":
            netdevs.append(tap_netdev(word[4:]))
        else:
            sys.exit(f"NET={v['NET']}: user, or tap=INTERFACE, or several of "
                     "these with commas, a card for each")
    return netdevs, ports


def make_config(v):
    if v["BOOT"] not in ("uefi", "bios", "pvh"):
        sys.exit(f"BOOT={v['BOOT']}: uefi, bios or pvh")
    if v["SCREEN"] not in ("0", "1"):
        sys.exit(f"SCREEN={v['SCREEN']}: 1 for a window, or 0")
    if v["ACCEL"] not in ("tcg", "kvm"):
        sys.exit(f"ACCEL={v['ACCEL']}: tcg or kvm")
    if not v["MEM"].isdigit() or int(v["MEM"]) < 1:
        sys.exit(f"MEM={v['MEM']}: memory in MiB")
    netdevs, ports = make_netdevs(v)
    config = Config(
        boot=v["BOOT"], mem_mib=int(v["MEM"]), accel=v["ACCEL"],
        append=v["APPEND"], netdevs=netdevs,
        kernel=os.path.join(v["BUILD"], "ringlet.elf"),
        stick=os.path.join(v["BUILD"],
                           "stick.fat" if v["BOOT"] == "pvh"
                           else "ringlet.img"),
        terminal=sys.stdin.isatty() and sys.stdout.isatty(),
        screen=v["SCREEN"] == "1", debug=v["DEBUG"] == "1",
    )
    return config, ports


def main(arguments):
    v = {"BOOT": "uefi", "NET": "user", "MEM": "128", "HTTP": "8080",
         "ECHO": "8007", "ADMIN": "8139", "ACCEL": "tcg", "APPEND": "",
         "BUILD": "build", "DEBUG": "0", "SCREEN": "0"}
    for word in arguments:
        name, sep, value = word.partition("=")
        if not sep or name not in v:
            sys.exit(f"{word}: unknown; known are {' '.join(v)}")
        v[name] = value or v[name]
    config, ports = make_config(v)
    if config.debug:
        print(f"gdb -ex 'target remote 127.0.0.1:1234' "
              f"{v['BUILD']}/ringlet.debug", flush=True)
    if config.boot == "bios" and not has_grub(config.stick):
        sys.exit("BOOT=bios: this image was built without GRUB; install "
                 "grub-common and grub-pc-bin (./setup), then make image")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    stdin = None if config.terminal else subprocess.DEVNULL
    try:
        with Guest(config, stdin=stdin) as guest:
            return watch(guest, ports)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
