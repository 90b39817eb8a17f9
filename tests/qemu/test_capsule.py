# SPDX-License-Identifier: MIT
"""What one run leaves for the next: a crash, or an end that nobody wanted, is
told after the restart on the serial port, the screen and at /crash; from memory
that a warm reset spares, and with UEFI from a variable too.

An injected NMI is the crash.  The places in memory are those of
arch/x86_64/keep.c."""

import os
import re
import shutil
import subprocess

import pytest

import patience
import screen
from guest import BUILD, READY
from test_stick import make_image

EXPECTED_SECONDS = 25
RECORD_BYTES = 32768
PLACES = [0x200000 - RECORD_BYTES, 0x180000, 3 << 20, 20 << 20]
HEAD_BYTES = 88
VARIABLE = "RingletCrash"
MAGIC = 0x454c555350414352
CRASHED = r"^\[\d+\.\d+\] the previous run crashed \d+\.\d+ s after its start"
ENDED = r"^\[\d+\.\d+\] the previous run ended without a panic"
NOTHING = "nothing is known of the previous run"
REASON = "PANIC non-maskable interrupt"

needs_grub = pytest.mark.skipif(
    not shutil.which("grub-mkimage"),
    reason="grub-mkimage is missing: run ./setup")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """An image that firmware reads quickly."""
    return make_image(str(tmp_path_factory.mktemp("capsule") / "s"), 4)


@pytest.fixture
def machine(boot):
    """machine(...) boots one that starts again after a reset."""
    def start(**options):
        options.setdefault("append", "panic=reboot:0")
        guest = boot(restarts=True, **options)
        guest.may_panic = True
        return guest
    return start


def crash(guest):
    guest.qmp("inject-nmi")


def wait_again(guest, nth=2):
    return guest.wait_line(READY.pattern, 60, alive=False, nth=nth)


def told(guest):
    """What the last start's log says in the block about the run before."""
    last = guest.serial().rpartition("by the %s door" % guest.door)[2]
    return [line for line in last.split("\n") if "] | " in line]


def page(guest):
    # QEMU's forward is the old one: the first connection may be reset.
    for attempt in range(5):
        try:
            status, _, body = guest.get("/crash", 8139)
            break
        except (OSError, AssertionError):
            assert attempt < 4
    assert status == 200
    return body.decode()


def check_report(text):
    """A whole report, as /crash shows it."""
    lines = text.split("\n")
    assert lines[0].startswith("the previous run crashed "), text
    assert " UTC" in lines[0]
    assert lines.count("backtrace:") == 1, text
    for start in (REASON, "  rip ", "  cr2 ", "  #0 ", "  #1 "):
        assert any(l.startswith(start) for l in lines), (start, text)
    assert any("+0x" in l for l in lines if l.startswith("  #0 "))


def check_told(guest):
    """The start after a crash, everywhere; it came through memory."""
    guest.wait_line(CRASHED, alive=False)
    block = "\n".join(told(guest))
    assert REASON in block and "  #0 " in block, guest.serial()
    text = page(guest)
    check_report(text)
    assert READY.search(text), "the log's last lines before it"
    packets = text.partition("\nlast packets:\n")[2].split("\n")
    assert any("eth0 received, " in p for p in packets), text
    assert any("eth0 sent, " in p for p in packets), text
    reader = screen.read if guest.door == "uefi" else screen.read_text_memory
    screen.wait(reader, guest, "restarted after a crash")


def check_told_once(guest, nth):
    """The next start knows only that the machine was reset."""
    guest.qmp("system_reset")
    wait_again(guest, nth)
    guest.wait_line(ENDED, alive=False)
    assert page(guest).startswith("the previous run ended without a panic")


@pytest.mark.parametrize("door,options", [
    ("pvh", dict(machine="pc", mem=16)),
    pytest.param("bios", dict(machine="q35", mem=128), marks=needs_grub)])
def test_a_crash_is_told_after_the_restart(machine, small, door, options):
    guest = machine(door=door, stick=small if door == "bios" else None,
                    extra=["-device", "VGA"], **options)
    assert "the previous run" not in guest.serial()
    assert page(guest).startswith(NOTHING)
    crash(guest)
    wait_again(guest)
    check_told(guest)
    check_told_once(guest, 3)


def break_firmware(guest):
    """Makes the service that writes variables a call to nowhere."""
    names = subprocess.run(["nm", os.path.join(BUILD, "ringlet.debug")],
                           capture_output=True, text=True, check=True).stdout
    efi = int(re.search(r"^(\w+) b efi$", names, re.M).group(1), 16)
    # struct efi of arch/x86_64/efi_runtime.c; the image lies at 2 MiB here.
    at = efi - 0xffffffff80000000 + 8
    assert 0 < guest.poke("readq", at) < 1 << 32
    guest.poke("writeq", at, 1 << 63)


def variables_in(path):
    """How many capsules OVMF's variable store holds: AUTHENTICATED_VARIABLE_
    HEADER (60 bytes), and then the name; state 3f is one that is not deleted."""
    with open(path, "rb") as f:
        store = f.read()
    found = [m.start() - 60 for m in
             re.finditer(re.escape(VARIABLE.encode("utf-16-le")), store)]
    return sum(store[at:at + 3] == b"\xaa\x55\x3f" for at in found)


@pytest.mark.deadline(120)
def test_uefi_tells_it_from_memory_or_without_power_from_a_variable(
        machine, folder, small):
    variables = os.path.join(folder, "vars.fd")
    options = dict(door="uefi", stick=small, disk="sata", machine="q35",
                   mem=128, variables=variables)
    guest = machine(extra=["-device", "VGA"], qtest=True, **options)
    assert page(guest).startswith(NOTHING)
    # A fault in the firmware is not the end of the report, nor of the machine.
    break_firmware(guest)
    crash(guest)
    wait_again(guest)
    assert guest.serial().count("PANIC again, while panicking: general") == 1
    check_told(guest)
    assert variables_in(variables) == 0
    guest.qmp("set-action", reboot="shutdown")
    crash(guest)
    guest.process.wait(patience.PATIENCE * 20)
    assert "does not keep" not in guest.serial()
    assert variables_in(variables) == 1

    again = machine(**options)
    again.wait_line(CRASHED, alive=False)
    text = page(again)
    check_report(text)
    assert "last packets" not in text
    assert len(text) < 3200
    assert variables_in(variables) == 0


def test_the_last_lines_of_a_run_that_was_reset_are_told(machine):
    guest = machine()
    # The record is renewed every second.
    patience.wait(lambda: guest.stats().seconds() > 2.5, 10, "2.5 s passed")
    guest.qmp("system_reset")
    wait_again(guest)
    ended = guest.wait_line(ENDED + r".* about (\d+)\.\d+ s", alive=False)
    assert int(ended.group(1)) >= 1
    assert any("| READY ip=" in l for l in told(guest)), guest.serial()
    assert page(guest).count("\nREADY ip=") == 1


def records(guest):
    """The places that hold a capsule."""
    return [p for p in PLACES if guest.poke("readq", p) == MAGIC]


def test_one_copy_is_enough_and_damage_is_noticed(machine):
    guest = machine(qtest=True, append="panic=halt")
    crash(guest)
    guest.wait_line("^halted$", alive=False)
    places = records(guest)
    assert len(places) == 2
    guest.qmp("stop")
    # One letter of the text.
    at = places[0] + HEAD_BYTES + 100
    guest.poke("writeb", at, guest.poke("readb", at) ^ 1)
    guest.qmp("system_reset")
    guest.qmp("cont")
    wait_again(guest)
    check_report(page(guest))

    crash(guest)
    guest.wait_line("^halted$", alive=False, nth=2)
    guest.qmp("stop")
    for place in records(guest):
        at = place + HEAD_BYTES + 100
        guest.poke("writeb", at, guest.poke("readb", at) ^ 1)
    guest.qmp("system_reset")
    guest.qmp("cont")
    wait_again(guest, 3)
    assert page(guest).startswith(NOTHING)
    assert guest.serial().count("the previous run crashed") == 1


if os.environ.get("SOAK") == "1":
    @pytest.mark.deadline(120)
    @pytest.mark.parametrize("kind", ["pc", "q35"])
    @pytest.mark.parametrize("door,mem", [
        ("pvh", 16), ("pvh", 64), ("pvh", 1024), ("pvh", 4096),
        ("bios", 64), ("bios", 256), ("bios", 4096),
        ("uefi", 128), ("uefi", 512), ("uefi", 4096)])
    def test_memory_outlives_a_reset(machine, small, door, mem, kind):
        """Without the variable: the machine's is a fresh one."""
        guest = machine(door=door, mem=mem, machine=kind, qtest=True,
                        append="panic=halt",
                        stick=None if mem == 16 or door == "pvh" else small)
        crash(guest)
        guest.wait_line("^halted$", alive=False)
        assert len(records(guest)) == 2
        guest.qmp("system_reset")
        wait_again(guest)
        text = page(guest)
        check_report(text)
        assert "last packets" in text, "that is the variable's"
