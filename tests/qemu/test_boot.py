# SPDX-License-Identifier: MIT
"""Boots: both doors, both machines, sizes of memory, other processors and card
slots; READY; what the guest says when it cannot go on."""

import email.utils
import re
import time

import pytest

import patience
from guest import READY, Guest, NoNetwork
from stick import INDEX, site, stick

EXPECTED_SECONDS = 75
SMALL = 16  # MiB; the guest that DESIGN promises for the direct door


def check_alive(guest):
    """Every service answers."""
    status, _, body = guest.get("/")
    assert status == 200 and body
    with guest.connect(guest.ready["echo"]) as s:
        s.sendall(b"alive?")
        assert s.recv(100) == b"alive?"
    assert guest.stats()["rx.frames"] > 0


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("mem", [SMALL, 64, 2048])
def test_direct_door(boot, machine, mem):
    guest = boot(machine=machine, mem=mem, stick=site())
    assert guest.ready["ip"] == "10.0.2.15"
    check_alive(guest)
    assert guest.get("/")[2] == INDEX


@pytest.mark.deadline(120)
@pytest.mark.parametrize("machine,disk,mem", [
    ("q35", "usb", 128), ("pc", "ide", 128), ("q35", "sata", 2048),
    ("pc", "usb", 2048)])
def test_uefi_door(boot, machine, disk, mem):
    guest = boot(door="uefi", machine=machine, disk=disk, mem=mem)
    assert guest.ready["ip"] == "10.0.2.15"
    check_alive(guest)


def test_a_slow_stick_does_not_make_the_clock_late(boot, monkeypatch):
    """The loader asks for the time first and reads the volume then."""
    arguments = Guest.door_arguments
    monkeypatch.setattr(Guest, "door_arguments", lambda self: [
        a + ",throttling.bps-read=3000000" if a.startswith("if=none") else a
        for a in arguments(self)])
    guest = boot(door="uefi", disk="sata", mem=128)
    asked = time.time()
    date = guest.get("/")[1]["date"]
    told = email.utils.parsedate_to_datetime(date).timestamp()
    # The battery clock and the Date line cut off up to a second each.
    assert asked - 3 < told < time.time() + 1


@pytest.mark.deadline(120)
@pytest.mark.parametrize("door,mem", [("pvh", 64), ("uefi", 128)])
def test_plain_qemu64_processor_and_weak_entropy_said(boot, door, mem):
    guest = boot(door=door, cpu="qemu64", mem=mem)
    check_alive(guest)
    assert re.search(r"(?i)entropy|random", guest.serial())


@pytest.mark.parametrize("cpu", ["max", "qemu64", "Nehalem", "Skylake-Client"])
def test_any_64_bit_processor(boot, cpu):
    check_alive(boot(cpu=cpu))


@pytest.mark.parametrize("machine,addr", [
    ("pc", "3"), ("pc", "6"), ("pc", "9"), ("q35", "4"), ("q35", "7"),
    ("q35", "1e")])
def test_any_card_slot(boot, machine, addr):
    check_alive(boot(machine=machine, addr=addr))


def test_ready_stands_once_at_column_one(boot):
    guest = boot()
    check_alive(guest)
    lines = [l for l in guest.lines() if "READY" in l]
    assert len(lines) == 1, lines
    assert READY.match(lines[0])
    assert guest.ready["http"] == 80 and guest.ready["echo"] == 7
    assert guest.ready["admin"] == 8139
    assert guest.ready["boot_ms"] > 0


def test_boot_steps_carry_time_stamps(boot):
    guest = boot()
    stamps = [float(m.group(1)) for m in (
        re.match(r"\[ *(\d+\.\d{3})\] \S", l) for l in guest.lines()) if m]
    assert len(stamps) >= 3, guest.serial()
    assert stamps == sorted(stamps), "time went back: %s" % stamps


def test_without_a_stick_serves_the_built_in_page(boot):
    guest = boot(stick=None)
    status, headers, body = guest.get("/")
    assert status == 200 and b"Ringlet" in body
    assert headers["content-type"].startswith("text/html")
    assert guest.get("/nothing")[0] == 404


def test_without_www_serves_the_built_in_page(boot):
    guest = boot(stick=stick({"config.txt": b"hostname = bare\n",
                              "readme.txt": b"no site here\n"}))
    status, _, body = guest.get("/")
    assert status == 200 and b"Ringlet" in body
    assert guest.get("/readme.txt")[0] == 404, "outside www/"


@pytest.mark.parametrize("content", [
    pytest.param(bytes(2 << 20), id="zeros"),
    pytest.param(bytes(range(256)) * 8192, id="pattern"),
    pytest.param(b"\xeb\x3c\x90MSDOS5.0" + bytes(4096), id="cut"),
    pytest.param(b"x", id="one_byte")])
def test_broken_volume_is_said_and_defaults_are_used(boot, tmp_path, content):
    path = tmp_path / "broken.fat"
    path.write_bytes(content)
    guest = boot(stick=str(path))
    assert re.search(r"(?i)(stick|FAT|volume)", guest.serial()), guest.serial()
    status, _, body = guest.get("/")
    assert status == 200 and b"Ringlet" in body


def test_volume_with_destroyed_fat_still_boots(boot, tmp_path):
    volume = bytearray(open(site(), "rb").read())
    volume[512:512 * 20] = b"\xa5" * (512 * 19)
    path = tmp_path / "torn.fat"
    path.write_bytes(volume)
    guest = boot(stick=str(path))
    assert guest.get("/")[0] in (200, 404)


@pytest.mark.parametrize("machine,bridge", [
    ("pc", "8086:1237"), ("q35", "8086:29c0")])
def test_no_card_names_the_devices_and_halts(boot, machine, bridge):
    guest = boot(ready=False, machine=machine, net=NoNetwork())
    guest.wait_line(r"(?i)rtl8139", 20, alive=False)
    guest.wait_line("(?i)" + bridge, 5, alive=False)
    guest.wait_line("put in a card with an RTL8139 chip", 5, alive=False)
    assert guest.running(), "it must halt so that the line can be read"
    used = guest.cpu_seconds()
    time.sleep(1)
    assert guest.cpu_seconds() - used < 0.5, "it must halt, not spin"
    assert "READY" not in guest.serial()


def test_other_card_is_not_mistaken(boot):
    guest = boot(ready=False, net=NoNetwork(), extra=(
        "-device", "e1000,romfile="))
    guest.wait_line(r"found a network card at .* \(8086:100e\) for which "
                    "there is no driver", 20, alive=False)
    guest.wait_line(r"no RTL8139 found; .*8086:100e", 5, alive=False)
    assert "READY" not in guest.serial()


@pytest.mark.parametrize("mem", [3, 4])
def test_too_little_memory_is_a_clear_panic(boot, mem):
    guest = boot(ready=False, mem=mem, stick=None, append="panic=halt")
    guest.may_panic = True
    guest.wait_line(r"^PANIC .*memory", 20, alive=False)
    assert "READY" not in guest.serial()


def test_panic_reboots_after_the_configured_time(boot):
    guest = boot(ready=False, mem=3, stick=None, append="panic=reboot:1")
    guest.may_panic = True
    guest.wait_line(r"^PANIC ", 20, alive=False)
    # -no-reboot turns the reset into an exit.
    guest.process.wait(patience.PATIENCE * 10)
    assert guest.process.returncode == 0


def test_static_address_needs_no_server(boot):
    guest = boot(append="ip=10.0.2.15/24 gateway=10.0.2.2")
    check_alive(guest)
    assert "DHCP" not in guest.serial()
