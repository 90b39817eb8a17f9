# SPDX-License-Identifier: MIT
"""The screen console, read from the screen: pixels under UEFI, VGA text memory
where the firmware left that on."""

import os
import re
import shutil
import subprocess
import sys
import time

import pytest

import screen
from guest import ROOT, NoNetwork, artifact
from stick import stick

sys.path.insert(0, os.path.join(ROOT, "image"))
import run  # noqa: E402

EXPECTED_SECONDS = 45
VGA = ("-vga", "std")
WARN, PANIC, HEADER = 0x0e, 0x4f, 0x1f  # colours as in drivers/screen.c


ADDRESS_LINE = (r"^ Ringlet [\d.]+ │ http://10\.0\.2\.15/ │ "
                r"up 00:\d\d:\d\d │ ringlet$")
LINK_LINE = (r"^ link up │ \d+ in, \d+ out packets/s │ "
             r"\d+ connections?$")


def crash_stick(tmp_path, append):
    """A stick with the kernel that crashes on request."""
    path = os.path.join(tmp_path, "crash.img")
    shutil.copyfile(artifact("ringlet.img"), path)
    subprocess.run(["mcopy", "-D", "o", "-i", path + run.PARTITION,
                    artifact("tests/crash.elf"), "::/ringlet.elf"],
                   check=True)
    run.add_cmdline(path, append)
    return path


def check_console(reader, guest, columns):
    """The header, and every line of the serial port below it."""
    screen.wait(reader, guest, "^READY .* boot_ms=")
    screen.wait(reader, guest, LINK_LINE)
    for _ in range(10):  # what is said now may not be drawn yet
        lines = screen.wait(reader, guest, ADDRESS_LINE)
        lines = [l if isinstance(l, str) else l[0] for l in lines]
        said = [l for l in guest.lines() if re.match(r"\[\d|READY", l)]
        wrapped = [l[at:at + columns].rstrip() for l in said
                   for at in range(0, len(l), columns)]
        if [l for l in lines[2:] if l] == wrapped:
            break
        time.sleep(0.2)
    assert re.match(ADDRESS_LINE, lines[0]), lines[0]
    assert not any(screen.UNKNOWN in l for l in lines), lines
    assert len(said) > 8
    assert [l for l in lines[2:] if l] == wrapped


@pytest.mark.deadline(120)
@pytest.mark.parametrize("machine,extra", [
    ("q35", ("-vga", "none", "-device", "VGA,edid=on,xres=1920,yres=1080")),
    ("pc", ("-vga", "none", "-device", "ramfb"))])
def test_pixels(boot, machine, extra):
    guest = boot(door="uefi", machine=machine, mem=128, extra=extra)
    size = guest.wait_line(r"screen: \d+x\d+ pixels of 32 bits at \w+, "
                           r"(\d+)x\d+ characters")
    check_console(screen.read, guest, int(size.group(1)))
    guest.set_link(False)
    screen.wait(screen.read, guest, "link down.*is the cable plugged in")
    guest.set_link(True)
    screen.wait(screen.read, guest, "link up")


@pytest.mark.deadline(120)
@pytest.mark.skipif("virtio-gpu-pci" not in subprocess.run(
    ["qemu-system-x86_64", "-device", "help"], capture_output=True, text=True,
    check=False).stdout, reason="this QEMU has no virtio-gpu-pci")
def test_of_two_screens_the_one_with_pixels_is_used(boot):
    """On the first one only the firmware can draw."""
    guest = boot(door="uefi", mem=128, extra=(
        "-vga", "none", "-device", "virtio-gpu-pci,addr=10", "-device",
        "bochs-display,id=pixels,addr=12"))
    guest.wait_line(r"screen: \d+x\d+ pixels of 32 bits at ", 1)
    screen.wait(lambda g: screen.read(g, "pixels"), guest, ADDRESS_LINE)


@pytest.mark.deadline(120)
def test_a_panic_in_pixels(boot, tmp_path):
    guest = boot(ready=False, door="uefi", mem=128, extra=VGA,
                 stick=crash_stick(tmp_path, "crash=overflow panic=halt"))
    guest.may_panic = True
    guest.wait_line("^halted", 60, alive=False)
    picture = screen.dump(guest)
    lines = picture.lines()
    assert lines[0].startswith(" PANIC  Ringlet has stopped")
    assert lines[1].startswith("PANIC page fault: stack overflow")
    said = guest.lines()
    panic = said[said.index(lines[1]):]
    assert [l for l in lines if l][-len(panic):] == panic
    # The whole line is in the panic's colours.
    row = lines.index(lines[1], 2)
    assert picture.pixel(picture.width - 1, 16 * row) == b"\x90\x00\x00"


def test_a_frame_buffer_above_4_gib(boot, tmp_path):
    """Memory above 4 GiB that no map lists and that is a file for us."""
    path, width, height = str(tmp_path / "video"), 800, 600
    with open(path, "wb") as f:
        f.truncate(128 << 20)
    guest = boot(
        ready=False, stick=None, mem="64M,slots=1,maxmem=8G",
        kernel="tests/crash.elf", net=NoNetwork(),
        append="crash=panic panic=halt framebuffer=high", extra=(
            "-object", "memory-backend-file,id=video,share=on,size=128M,"
            "mem-path=" + path, "-device", "pc-dimm,memdev=video"))
    guest.may_panic = True
    guest.wait_line("screen: 800x600 .* at 100000000", 20, alive=False)
    guest.wait_line("^halted", 20, alive=False)
    with open(path, "rb") as f:
        data = f.read(4 * width * height)
    lines = screen.Picture.of_bgrx(width, height, data).lines()
    assert lines[0].startswith(" PANIC  Ringlet has stopped")
    assert "PANIC on request, 42" in lines[2:]


def test_a_screen_that_cannot_be_drawn_ends_in_no_loop(boot):
    guest = boot(ready=False, stick=None, kernel="tests/crash.elf", extra=VGA,
                 append="crash=panic panic=halt framebuffer=lost")
    guest.may_panic = True
    guest.wait_line("^halted", 20, alive=False)
    assert re.findall("^PANIC.*", guest.serial(), re.M) == [
        "PANIC on request, 42", "PANIC again, while panicking: page fault: "
        "write to unmapped ffff8000000b8000"]


def test_text_memory(boot):
    guest = boot(extra=VGA)
    check_console(screen.read_text_memory, guest, 80)
    assert set(screen.read_text_memory(guest)[0][1]) == {HEADER}


def test_a_panic_in_text_memory(boot):
    guest = boot(ready=False, mem=4, stick=None, append="panic=halt",
                 extra=VGA)
    guest.may_panic = True
    guest.wait_line("^halted", 20, alive=False)
    rows = screen.read_text_memory(guest)
    assert rows[0][0].startswith(" PANIC ")
    assert re.match(r"PANIC .*memory", rows[1][0])
    last = [r for r in rows if r[0]][-1]
    assert last[0] == "halted" and set(last[1]) == {PANIC}


def test_mistakes_in_the_settings_are_shown(boot):
    guest = boot(stick=stick({"config.txt": b"# mine\nprot = 80\n"}),
                 extra=VGA)
    rows = screen.wait(screen.read_text_memory, guest, "^READY ")
    wrong = [r for r in rows if "config.txt:2: unknown key 'prot'" in r[0]]
    assert len(wrong) == 1 and set(wrong[0][1]) == {WARN}


def test_without_a_card_the_header_says_so(boot):
    guest = boot(ready=False, net=NoNetwork(), extra=VGA)
    guest.wait_line("halted: no network card", 20, alive=False)
    rows = screen.wait(screen.read_text_memory, guest, "halted")
    assert "no network card" in rows[0][0]


def test_console_serial_leaves_the_screen_alone(boot):
    guest = boot(append="console=serial", extra=VGA)
    rows = [text for text, _ in screen.read_text_memory(guest)]
    assert any("by the pvh door" in l for l in rows), "before the settings"
    assert any("serial port alone" in l for l in rows)
    assert not any("READY" in l for l in rows)


def test_console_screen_leaves_the_serial_port_alone(boot):
    guest = boot(ready=False, append="console=screen", extra=VGA)
    screen.wait(screen.read_text_memory, guest, "^READY ")
    assert "by the pvh door" in guest.serial(), "before the settings"
    assert "screen alone" in guest.serial()
    assert "READY" not in guest.serial()


def test_without_a_screen_the_serial_port_stays(boot):
    guest = boot(append="console=screen")
    assert "screen: none" in guest.serial()
    assert "there is no screen" in guest.serial()
