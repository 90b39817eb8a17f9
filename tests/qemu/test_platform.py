# SPDX-License-Identifier: MIT
"""Machines whose firmware did its work badly, and interrupts that fail while
the system runs.  tests/kernel/platform.c breaks what its command line says
before the system starts; what fails later is poked into the running machine."""

import re

import pytest

from patience import wait
from stick import INDEX, site

EXPECTED_SECONDS = 12
BRIDGES = ("-device", "pci-bridge,id=outer,chassis_nr=1,addr=5",
           "-device", "pci-bridge,id=inner,chassis_nr=2,bus=outer,addr=2")
CONFIG_ADDRESS, CONFIG_DATA = 0xcf8, 0xcfc
COMMAND, BAR1 = 4, 0x14
MEMORY, MASTER, INTX_OFF = 2, 4, 0x400
IMR, TCTR, TIMERINT, TIMEOUT = 0x3c, 0x48, 0x54, 0x4000


def check_alive(guest):
    assert guest.get("/")[2] == INDEX
    with guest.connect(guest.ready["echo"]) as s:
        s.sendall(b"alive?")
        assert s.recv(100) == b"alive?"
    return guest.stats()


def broken(boot, how, **options):
    return boot(kernel="tests/platform.elf", stick=site(),
                append="break=" + how, **options)


def select(guest, slot, register):
    guest.poke("outl", CONFIG_ADDRESS, 0x80000000 | slot << 11 | register)


@pytest.mark.parametrize("machine,line,smp", [
    ("pc", 5, 1), ("q35", 255, 4), ("q35", 0, 1)])
def test_wrong_interrupt_line_is_corrected(boot, machine, line, smp):
    guest = broken(boot, "line=%d" % line, machine=machine, addr="4",
                   extra=("-smp", str(smp)))
    stats = check_alive(guest)
    assert re.search(r"TSC at [\d.]+ MHz \(by two timers", guest.serial())
    assert re.search(r"acpi: version 1, %d CPUs, 1 IO-APICs" % smp,
                     guest.serial())
    assert re.fullmatch(r"(irq|gsi) \d+", stats["eth0.line"])
    assert stats["eth0.line"] != "irq %d" % line
    assert re.search(r"interrupts arrive at \w+ \d+ \(the firmware says %d; "
                     r"\d+ lines tried, 0 busy\)" % line, guest.serial())
    assert stats["eth0.interrupts"] > 0
    assert stats["eth0.irq_lost"] == 0


@pytest.mark.parametrize("cpu,smp", [("qemu64", 1), ("max", 4)])
def test_pc_without_acpi(boot, cpu, smp):
    guest = boot(machine="pc,acpi=off", cpu=cpu, stick=site(), addr="4",
                 extra=("-smp", str(smp)))
    assert check_alive(guest)["eth0.line"] == "irq 11"
    assert "a PC of old is assumed" in guest.serial()
    assert re.search(r"TSC at [\d.]+ MHz \(interval timer", guest.serial())


def test_io_apic_is_used_where_the_8259_gets_nothing(boot):
    guest = broken(boot, "pirq", machine="q35", addr="4",
                   extra=("-smp", "2"))
    stats = check_alive(guest)
    assert stats["eth0.line"] == "gsi 20"
    assert stats["eth0.interrupts"] > 0


def test_without_any_line_the_card_is_polled(boot):
    guest = broken(boot, "pirq", machine="pc", addr="4")
    stats = check_alive(guest)
    assert stats["eth0.line"] == "polled"
    assert stats["eth0.interrupts"] == 0
    assert "no line carries its interrupt" in guest.serial()


@pytest.mark.parametrize("machine,how", [
    ("pc", "bar,shut"), ("q35", "shut"), ("pc", "bar")])
def test_card_behind_bridges_that_firmware_forgot(boot, machine, how):
    guest = broken(boot, how, machine=machine, before=BRIDGES,
                   addr="3,bus=inner")
    check_alive(guest)
    said = guest.serial()
    assert re.search(r"at 02:03\.0", said)
    assert "gave 02:03.0 no memory address" in said
    assert ("opened at" in said) == ("shut" in how)


def test_card_without_an_address_gets_one(boot):
    guest = broken(boot, "bar", machine="q35", addr="6")
    check_alive(guest)
    assert "gave 00:06.0 no memory address" in guest.serial()


def keep_asking(guest, until, timeout=20):
    """Requests, some of which may take long, until a line is said."""
    wait(lambda: guest.get("/") and re.search(until, guest.serial()), timeout,
         guest.tail, 0)
    return check_alive(guest)


def test_interrupt_that_is_lost_for_good_is_noticed(boot):
    guest = boot(machine="pc", addr="4", stick=site(), qtest=True)
    assert check_alive(guest)["eth0.line"] == "irq 11"
    select(guest, 4, COMMAND)
    guest.poke("outw", CONFIG_DATA, MEMORY | MASTER | INTX_OFF)
    stats = keep_asking(guest, "irq 11 never comes: the card is polled")
    assert stats["eth0.line"] == "polled"
    assert stats["eth0.irq_lost"] >= 2
    assert stats["eth0.resets"] == 0


def test_line_that_another_device_holds_is_left(boot):
    """A second card on the same line rings, and nobody stops it."""
    guest = boot(machine="q35", addr="4", stick=site(), qtest=True,
                 extra=("-device", "rtl8139,addr=8,romfile="))
    assert check_alive(guest)["eth0.line"] == "irq 10"
    select(guest, 8, BAR1)
    registers = guest.poke("inl", CONFIG_DATA)
    select(guest, 8, COMMAND)
    guest.poke("outw", CONFIG_DATA, MEMORY)
    guest.poke("writew", registers + IMR, TIMEOUT)
    guest.poke("writel", registers + TIMERINT, 10000)
    guest.poke("writel", registers + TCTR, 0)
    guest.wait_line(r"irq 10: masked, since it rang 20000 times", 20)
    stats = keep_asking(guest, "irq 10 rings without end: the card is polled")
    assert stats["eth0.irq_storm"] == 1
    assert stats["eth0.resets"] == 0
