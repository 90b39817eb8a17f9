# SPDX-License-Identifier: MIT
"""Which machines the stick's image is booted on: every medium through every
firmware on both machines, and every pair of any two values below at least
once.  No chance is involved: the same rows each time.

    media  x firmware x machine     all of them
    memory, CPUs, processor         so that each pair occurs
"""

import collections
import itertools

PARAMETERS = {
    "medium": ["usb", "ehci", "ide", "sata", "cd", "usbcd", "memory"],
    "firmware": ["bios", "uefi-2M", "uefi-4M", "direct"],
    "machine": ["pc", "q35"],
    "mem": [16, 32, 64, 128, 512, 2048, 4096],
    "cpus": [1, 2, 3, 4],
    # 64-bit processors from the oldest that QEMU knows.
    "cpu": ["Opteron_G1", "kvm64", "core2duo", "Conroe", "Opteron_G2",
            "phenom", "Penryn", "qemu64", "Nehalem", "max"],
}
NAMES = list(PARAMETERS)
MIN_MEM_MIB = {"direct": 16, "bios": 32, "uefi-2M": 128, "uefi-4M": 128}


def valid(row):
    """Whether such a machine can be; row may lack some values."""
    medium, firmware = row.get("medium"), row.get("firmware")
    if medium and firmware and (medium == "memory") != (firmware == "direct"):
        return False
    need = MIN_MEM_MIB.get(firmware, 16 if medium in (None, "memory") else 32)
    return row.get("mem", need) >= need


def pairs_of(row):
    return set(itertools.combinations([(n, row[n]) for n in NAMES if n in row],
                                      2))


def all_pairs():
    """Every pair that some valid machine has."""
    return {pair for a, b in itertools.combinations(NAMES, 2)
            for pair in itertools.product([(a, v) for v in PARAMETERS[a]],
                                          [(b, v) for v in PARAMETERS[b]])
            if valid(dict(pair))}


def complete(row, missing, used):
    """Gives row the values that it lacks: each time the one that brings the
    most pairs that are still missing, and of these the least used one."""
    for name in NAMES:
        if name in row:
            continue
        choices = [dict(row, **{name: v}) for v in PARAMETERS[name]]
        row = max((c for c in choices if valid(c)), key=lambda c: (
            len(pairs_of(c) & missing), -used[name, c[name]]))
    return {name: row[name] for name in NAMES}


def rows():
    missing, used = all_pairs(), collections.Counter()
    done = []

    def add(start):
        row = complete(start, missing, used)
        missing.difference_update(pairs_of(row))
        used.update(row.items())
        done.append(row)
    product = ("medium", "firmware", "machine")
    for values in itertools.product(*(PARAMETERS[n] for n in product)):
        if valid(dict(zip(product, values))):
            add(dict(zip(product, values)))
    while missing:
        add(dict(min(missing, key=str)))
    return done


if __name__ == "__main__":
    for r in rows():
        print(*r.values())
