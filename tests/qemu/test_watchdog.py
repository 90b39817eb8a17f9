# SPDX-License-Identifier: MIT
"""The machine that nobody watches: tests/kernel/hang.c lets something go wrong
a second after the start, and the machine must be back by itself.  Guests that
only wait do so side by side."""

import os
import re
import subprocess

import pytest

from guest import BUILD, NoNetwork
from patience import PATIENCE, wait

EXPECTED_SECONDS = 35

# How each machine gets a watchdog of its hardware.
HARDWARE = {
    "pc": ("i6300esb", ("-device", "i6300esb")),
    "q35": ("iTCO", ("-global", "ICH9-LPC.noreboot=false")),
}
BOTH = sorted(HARDWARE)
LIMIT = 5  # seconds; the hardware has twice as many
REPORTS = {
    "poll": "\nPANIC watchdog: eth0 has not been polled for 5 s\n",
    "thread": "\nPANIC watchdog: thread hang has let nothing else run for 5 s"
              "\n",
    "off": "\nHANGING off\n",
}
# What the start after it tells of the run before.
TOLD = {
    "poll": "] | PANIC watchdog: eth0 has not been polled for 5 s\n",
    "thread": "] | PANIC watchdog: thread hang has let nothing else run for 5 s"
              "\n",
    "off": "] the previous run ended without a panic (watchdog, ",
}


def start(boot, machine, hang, append="panic=reboot:0", **options):
    guest = boot(ready=False, machine=machine, kernel="tests/hang.elf",
                 stick=None, restarts=True, extra=HARDWARE[machine][1],
                 append="watchdog=%d hang=%s %s" % (LIMIT, hang, append),
                 **options)
    guest.may_panic = True
    return guest


def wait_until(guest, count, text, timeout=30):
    """Waits until the console has said a text so many times."""
    def said():
        assert guest.running(), guest.tail()
        return guest.serial().count(text) >= count
    wait(said, timeout, lambda: guest.tail(40), 0.02)


def wait_restart(guest, by):
    """Waits for a reset by "watchdog", or by the "guest" itself, and for the
    READY after it.  Returns what was said before the reset, and after it."""
    if by == "watchdog":
        assert guest.wait_event("WATCHDOG", 30)["action"] == "reset"
    guest.wait_event("RESET", 30)
    wait_until(guest, 2, "\nREADY ip=")
    return guest.serial().split("Ringlet, by the")[1:3]


@pytest.mark.deadline(90)
def test_whatever_hangs_the_machine_comes_back(boot):
    """While interrupts come, the dead man's switch tells where the CPU was,
    well before the hardware acts; without them the hardware does."""
    guests = [(machine, hang, start(boot, machine, hang))
              for hang in ("poll", "thread", "off") for machine in BOTH]
    for machine, hang, guest in guests:
        acted = "watchdog: %s has restarted the machine" % HARDWARE[machine][0]
        said, again = wait_restart(
            guest, "watchdog" if hang == "off" else "guest")
        assert "watchdog: %s restarts the machine after 10 s" % \
            HARDWARE[machine][0] in said
        assert (acted in again) == (hang == "off")
        assert REPORTS[hang] in said
        assert ("PANIC" in said) == (hang != "off")
        assert ("hang_thread+0x" in said) == (hang == "thread")
        assert TOLD[hang] in again


@pytest.mark.deadline(90)
def test_what_is_no_hang_does_not_restart_the_machine(boot):
    """A thread that computes for 3 of 5 seconds; a panic that is to halt, and
    one whose seconds are more than the hardware's."""
    hog = start(boot, "q35", "hog")
    halted = [start(boot, machine, "panic", "panic=halt") for machine in BOTH]
    slow = start(boot, "pc", "panic", "panic=reboot:12")
    wait_until(hog, 1, "SURVIVED hog")
    for guest in halted:
        wait_until(guest, 1, "\nhalted\n")
    said = wait_restart(slow, "guest")[0]  # 12 s later
    assert "restarting in 12 s" in said
    assert "has restarted the machine" not in slow.serial()
    assert "PANIC" not in hog.serial()
    for guest in halted + [hog]:
        assert guest.running()
        assert guest.serial().count("Ringlet, by the") == 1
        guest.qmp("query-status")  # takes what has happened meanwhile
        assert not [e for e in guest.qmp_link.events
                    if e["event"] in ("RESET", "WATCHDOG")]


@pytest.mark.parametrize("machine", BOTH)
def test_power_button_switches_the_machine_off(boot, machine):
    guest = boot(machine=machine, stick=None, append="watchdog=off")
    assert "watchdog: off" in guest.serial()
    guest.qmp("system_powerdown")
    assert guest.wait_event("SHUTDOWN")["reason"] == "guest-shutdown"
    assert guest.process.wait(PATIENCE * 10) == 0
    assert "power button: the machine is switched off" in guest.lines()[-1]


def forget_how_to_switch_off(guest):
    """Clears the pointer at the front of `power` (arch/x86_64/power.c), so that
    ACPI knows no way; the image lies at 2 MiB through these doors."""
    names = subprocess.run(["nm", os.path.join(BUILD, "ringlet.debug")],
                           capture_output=True, text=True, check=True).stdout
    power = int(re.search(r"^(\w+) b power$", names, re.M).group(1), 16)
    at = power - 0xffffffff80000000
    assert guest.poke("readq", at) > 0xffffffff80000000
    guest.poke("writeq", at, 0)


def test_a_machine_that_cannot_switch_itself_off_says_so(boot):
    guest = boot(stick=None, qtest=True)
    forget_how_to_switch_off(guest)
    guest.qmp("system_powerdown")
    guest.wait_line("halted: the machine does not know how to switch itself")
    assert guest.running()
    guest.ready = None  # nobody answers any more


def test_without_acpis_way_the_firmware_switches_the_machine_off(boot):
    guest = boot(door="uefi", disk="sata", mem=128, qtest=True)
    forget_how_to_switch_off(guest)
    guest.qmp("system_powerdown")
    assert guest.wait_event("SHUTDOWN")["reason"] == "guest-shutdown"
    assert guest.process.wait(PATIENCE * 10) == 0
    assert "does not know how" not in guest.serial()


def test_power_button_works_where_the_start_has_ended(boot):
    guest = boot(ready=False, net=NoNetwork(), stick=None)
    guest.wait_line("halted: no network card")
    guest.qmp("system_powerdown")
    assert guest.wait_event("SHUTDOWN")["reason"] == "guest-shutdown"


def test_without_acpi_there_is_no_button(boot):
    guest = boot(machine="pc,acpi=off", stick=None)
    guest.qmp("system_powerdown")
    assert guest.get("/stats", guest.ready["admin"])[0] == 200
    assert "watchdog: this machine has none that is known" in guest.serial()
