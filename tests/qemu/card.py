# SPDX-License-Identifier: MIT
"""What an outsider sees of the network card: each access to its registers
(tests/qemu/watch.c, a plugin of QEMU's) and each frame (QEMU's filter-dump),
and the rules that both must keep.  The widths of the registers are those of
the table in docs/RTL8139.md."""

import os
import re
import struct
import subprocess

import pytest

import frames as f
import guest as guest_module

DOCUMENT = os.path.join(guest_module.ROOT, "docs", "RTL8139.md")
RECORDS_MAX = 1 << 20
HLTCLK, EECR, RCR, CAPR, CBR, IMR, ISR = 0x5b, 0x50, 0x44, 0x38, 0x3a, 0x3c, \
    0x3e
TSD, TSAD = (0x10, 0x14, 0x18, 0x1c), (0x20, 0x24, 0x28, 0x2c)
LOCKED = (0x00, 0x04, 0x52, 0x59)
# What the handler of an interrupt may do; the second when it was ours.
HANDLER = ([("r", ISR)], [("r", ISR), ("w", IMR), ("r", IMR)])


# --- registers -------------------------------------------------------------

def offsets(cell):
    """`00, 04` or `10..1c`, four apart."""
    for part in cell.split(","):
        first, _, last = part.strip().partition("..")
        yield from range(int(first, 16), int(last or first, 16) + 1, 4)


def read_widths():
    """offset -> bits, from the table of registers."""
    widths = {}
    with open(DOCUMENT, encoding="utf-8") as d:
        for row in re.findall(r"^\| ([0-9a-f., ]+) \| (8|16|32) \|", d.read(),
                              re.M):
            widths.update({off: int(row[1]) for off in offsets(row[0])})
    assert len(widths) > 25, "no table of registers in " + DOCUMENT
    return widths


def has_plugins():
    qemu = subprocess.check_output(["qemu-system-x86_64", "-help"], text=True)
    return "\n-plugin" in qemu


class Access:
    def __init__(self, off, bits, store, interrupt):
        self.off, self.bits, self.interrupt = off, bits, interrupt
        self.way = "w" if store else "r"

    def __repr__(self):
        return "%s%d %02x%s" % (self.way, self.bits, self.off,
                                " in an interrupt" if self.interrupt else "")


class Watch:
    """Watches one guest: Guest(..., extra=watch.arguments())."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "accesses")
        os.makedirs(folder, exist_ok=True)

    def arguments(self):
        if not has_plugins():
            pytest.skip("this QEMU was built without plugins")
        names = subprocess.check_output(
            ["nm", guest_module.artifact("ringlet.debug")], text=True)
        enter = re.search(r"^(\w+) T interrupt_entry$", names, re.M).group(1)
        return ("-plugin", "%s,out=%s,low=80000000,high=fec00000,enter=%s" % (
            guest_module.artifact("watch.so"), self.path, enter))

    def find_card(self, guest):
        """Where its registers are, since the firmware put them there."""
        devices = [d for bus in guest.qmp("query-pci")
                   for d in bus["devices"] if d["qdev_id"] == "nic"]
        self.base = next(r["address"] for r in devices[0]["regions"]
                         if r["type"] == "memory")

    def count(self):
        with open(self.path, "rb") as log:
            return struct.unpack("<Q", log.read(8))[0]

    def accesses(self, first=0):
        """Those to the card, from the first-th record on."""
        count = self.count()
        assert count <= RECORDS_MAX, "the log was too short"
        with open(self.path, "rb") as log:
            log.seek(8 + 8 * first)
            data = log.read(8 * (count - first))
        return [Access(at - self.base, 8 * width, store, interrupt)
                for at, width, store, interrupt in
                struct.iter_unpack("<IBBH", data)
                if self.base <= at < self.base + 256]


def width_errors(accesses, widths):
    for n, a in enumerate(accesses):
        if widths.get(a.off) != a.bits:
            yield n, "%r: no register, or not of this width" % a


def interrupt_errors(accesses):
    """A handler does no more than it must."""
    handlers = {}
    for n, a in enumerate(accesses):
        if a.interrupt:
            handlers.setdefault(a.interrupt, (n, []))[1].append(
                (a.way, a.off))
    for n, done in handlers.values():
        if done not in HANDLER:
            yield n, "an interrupt did %s" % done


def slot_errors(accesses):
    """Address, then length, of slots 0, 1, 2, 3 in turn from a reset on."""
    expected = [None]
    for n, a in enumerate(accesses):
        if a.way == "r":
            continue
        if a.off == HLTCLK:
            expected = [off for pair in zip(TSAD, TSD) for off in pair]
        elif a.off in TSD + TSAD:
            if a.off != expected[0]:
                yield n, "%r, but it was the turn of %s" % (a, expected[0])
                return
            expected = expected[1:] + expected[:1]


def order_errors(accesses):
    """RCR empties the ring, so CAPR follows before CBR is believed; some
    registers are written between two writes of 9346CR only."""
    unlocked = stale = False
    for n, a in enumerate(accesses):
        if a.off == EECR and a.way == "w":
            unlocked = not unlocked
        elif a.off in LOCKED and a.way == "w" and not unlocked:
            yield n, "%r while locked" % a
        elif a.off == RCR and a.way == "w":
            stale = True
        elif a.off == CAPR and a.way == "w":
            stale = False
        elif a.off == CBR and stale:
            yield n, "%r after RCR was written, without CAPR" % a


def access_errors(accesses):
    """What breaks a rule, as text."""
    return ["%d: %s" % error for errors in (
        width_errors(accesses, read_widths()), interrupt_errors(accesses),
        slot_errors(accesses), order_errors(accesses)) for error in errors]


# --- frames ----------------------------------------------------------------

def records(path):
    """A capture's frames, in order: (seconds of the guest's clock, length, as
    much of it as was kept)."""
    with open(path, "rb") as capture:
        data = capture.read()
    at = 24
    while at + 16 <= len(data):
        seconds, micros, kept, length = struct.unpack_from("<IIII", data, at)
        yield seconds + micros / 1e6, length, data[at + 16:at + 16 + kept]
        at += 16 + kept


def read_capture(path):
    """The frames of a capture, in order."""
    whole = list(records(path))
    assert all(length == len(frame) for _, length, frame in whole), \
        "the capture holds parts of frames"
    return [frame for _, _, frame in whole]


def read_stamped(path):
    return [(stamp, f.Frame(frame)) for stamp, _, frame in records(path)]


def frame_errors(frame, mac):
    """What the card with this address would not have sent, or not so."""
    errors = list(frame.wrong)
    if len(frame.raw) < 60:
        errors.append("frame of %d bytes" % len(frame.raw))
    if frame.src != mac:
        errors.append("from another card: %s" % frame.src.hex())
    return errors
