# SPDX-License-Identifier: MIT
"""Every way to crash is reported by name: tests/kernel/crash.c does what its
command line says, here once each."""

import os
import re
import subprocess
import sys

import pytest

from guest import BUILD, ROOT, artifact

sys.path.insert(0, os.path.join(ROOT, "image"))
import run  # noqa: E402
from patience import PATIENCE  # noqa: E402

EXPECTED_SECONDS = 20

REPORTS = {
    "null": r"page fault: write to unmapped 0+ \(null pointer\)",
    "divide": r"division error",
    "text": r"page fault: write to read-only ffffffff80\w+",
    "rodata": r"page fault: write to read-only ffffffff80\w+",
    "execute": r"page fault: execution of data at ffffffff80\w+",
    "wild": r"general protection",
    "low": r"page fault: write to unmapped 0000000000100000",
    "alias": r"page fault: write to unmapped ffff8000\w+",
    "overflow": r"page fault: stack overflow: touched the guard page",
    "thread": r"page fault: stack overflow: touched the guard page",
    "smash": r"stack smashed",
    "panic": r"on request, 42",
    "assert": r"assertion failed: zero == 1 at tests/kernel/crash.c:\d+",
    "vector": r"invalid opcode",
    "frame": r"invalid opcode",
    "nmi": r"non-maskable interrupt \(vector 2",
    "machine_check": r"machine check \(vector 18",
    "double": r"double fault \(vector 8",
}


def crash(append, machine="q35", cpu="max", until="backtrace:"):
    """The serial text of a guest that crashes and then restarts or halts."""
    config = run.Config(
        boot="pvh", kernel=artifact("tests/crash.elf"), stick=None,
        netdevs=[], mem_mib=32, machine=machine, cpu=cpu, append=append,
        extra=["-no-reboot"])
    with run.Guest(config, stdout=subprocess.DEVNULL) as guest:
        guest.wait_line(until, PATIENCE * 20)
        if until != "halted":
            guest.process.wait(PATIENCE * 20)
        return guest.serial()


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_a_crash_is_reported(name):
    text = crash("crash=" + name)
    assert re.search(r"^PANIC %s" % REPORTS[name], text, re.M), text
    assert text.count("PANIC") == 1
    assert "SURVIVED" not in text
    assert re.search(r"^  rip \w{16}", text, re.M)
    assert re.search(r"^restarting in 1 s$", text, re.M)


@pytest.mark.parametrize("machine,cpu", [("pc", "qemu64"), ("q35", "max")])
def test_the_backtrace_has_names(machine, cpu):
    text = crash("crash=panic", machine, cpu)
    names = re.findall(r"^  #\d+ +\w{16} (\w+)\+0x\w+$", text, re.M)
    assert names[:3] == ["crash_panic", "kernel_main", "boot_entry"], text


def test_an_overflow_names_who_began():
    names = re.findall(r"^  #\d+ +\w{16} (\w+)\+0x", crash("crash=thread"),
                       re.M)
    assert names == ["recurse", "recurse", "thread"]


def test_panic_can_halt():
    text = crash("crash=panic panic=halt", until="halted")
    assert text.endswith("halted\n")
    assert "restarting" not in text


def test_the_kernel_is_small_and_knows_its_symbols():
    assert os.path.getsize(artifact("ringlet.elf")) < 300 * 1024
    names = subprocess.run(["nm", os.path.join(BUILD, "ringlet.debug")],
                           capture_output=True, text=True, check=True).stdout
    assert " kernel_main" in names
