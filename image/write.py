#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""write.py IMAGE DEVICE: writes a stick and reads it back.

Writes only to a whole, removable disk of which nothing is mounted, and only
after its name was typed again.
"""

import fcntl
import json
import os
import subprocess
import sys

COLUMNS = "PATH,TYPE,RM,RO,SIZE,MODEL,MOUNTPOINTS"
BLKFLSBUF = 0x1261
CHUNK = 1 << 20


def describe(device):
    """What lsblk says of one device, its partitions as children; or None."""
    done = subprocess.run(
        ["lsblk", "--json", "--bytes", "-o", COLUMNS, device],
        text=True, capture_output=True, check=False,
    )
    if done.returncode != 0:
        return None
    return json.loads(done.stdout)["blockdevices"][0]


def mounts(disk):
    found = [m for m in disk.get("mountpoints") or [] if m]
    for child in disk.get("children") or []:
        found += mounts(child)
    return found


def refusal(disk, image_bytes):
    """Why this may not be written to, or None."""
    if disk is None:
        return "is not a disk of this machine"
    if disk["type"] != "disk":
        return f"is a {disk['type']}, not a whole disk"
    if not disk["rm"]:
        return "is not removable"
    if mounts(disk):
        return "is in use: " + ", ".join(mounts(disk))
    if disk["ro"]:
        return "is write-protected"
    if int(disk["size"]) < image_bytes:
        return f"is too small: {int(disk['size'])} bytes"
    return None


def copy(image, device):
    with open(image, "rb") as source:
        # O_EXCL: the kernel refuses when something holds the disk.
        fd = os.open(device, os.O_WRONLY | os.O_EXCL)
        with os.fdopen(fd, "wb", buffering=0) as target:
            while chunk := source.read(CHUNK):
                view = memoryview(chunk)
                while view:
                    view = view[target.write(view):]
            os.fsync(target.fileno())
            fcntl.ioctl(target, BLKFLSBUF, 0)


def same(image, device):
    with open(image, "rb") as a, open(device, "rb") as b:
        while chunk := a.read(CHUNK):
            if b.read(len(chunk)) != chunk:
                return False
    return True


def main(image, device):
    device = os.path.realpath(device)
    disk = describe(device)
    why = refusal(disk, os.path.getsize(image))
    if why:
        sys.exit(f"{device} {why}; nothing was written")
    print(f"{device}: {(disk['model'] or 'unknown model').strip()}, "
          f"{int(disk['size']) / 1e9:.1f} GB.  Everything on it will be lost.")
    try:
        typed = input(f"Type {device} to go on: ")
    except EOFError:
        typed = ""
    if typed.strip() != device:
        sys.exit("nothing was written")
    copy(image, device)
    if not same(image, device):
        sys.exit(f"{device} does not read back what was written: "
                 "the stick is bad")
    print(f"{device}: written and verified")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: make write DEV=/dev/sdX")
    main(sys.argv[1], sys.argv[2])
