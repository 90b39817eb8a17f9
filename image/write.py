#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""write.py IMAGE DEVICE: writes a stick and reads it back.

Writes only to a whole, removable disk of which nothing is mounted, and only
after its name was typed again.  Without DEVICE it lists the disks that would
do.
"""

import errno
import fcntl
import json
import os
import subprocess
import sys

COLUMNS = "PATH,TYPE,RM,RO,SIZE,MODEL,MOUNTPOINTS,FSTYPE,LABEL"
BLKFLSBUF, BLKRRPART = 0x1261, 0x125F
CHUNK = 1 << 20


def describe(*device):
    """What lsblk says of one device, its partitions as children, or None; of
    all disks as a list when there is no device."""
    done = subprocess.run(
        ["lsblk", "--json", "--bytes", "-o", COLUMNS, *device],
        text=True, capture_output=True, check=False,
    )
    if done.returncode != 0:
        return None
    disks = json.loads(done.stdout)["blockdevices"]
    return disks[0] if device else disks


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
    if int(disk["size"]) == 0:
        return "holds no medium"
    if int(disk["size"]) < image_bytes:
        return f"is too small: {int(disk['size'])} bytes"
    return None


def size_text(entry):
    return f"{int(entry['size']) / 1e9:.1f} GB"


def name_text(disk):
    model = (disk.get("model") or "unknown model").strip()
    return f"{disk['path']}: {model}, {size_text(disk)}"


def show(disk):
    """What the user is about to lose."""
    print(name_text(disk))
    for child in disk.get("children") or []:
        kind = child.get("fstype") or "unknown contents"
        label = f" \"{child['label']}\"" if child.get("label") else ""
        print(f"  {child['path']}: {kind}{label}, {size_text(child)}")
    print("Everything on it will be lost.", flush=True)


def device_ioctl(target, request):
    """Does nothing to what is no block device (a file, in tests), nor where
    somebody already looks at the new partitions."""
    try:
        fcntl.ioctl(target, request, 0)
    except OSError as e:
        if e.errno not in (errno.ENOTTY, errno.EBUSY, errno.EINVAL):
            raise


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
            # So that what is read back comes from the stick.
            device_ioctl(target, BLKFLSBUF)


def difference(image, device):
    """The first byte that reads back wrong, or None."""
    with open(image, "rb") as a, open(device, "rb") as b:
        at = 0
        while chunk := a.read(CHUNK):
            back = b.read(len(chunk))
            if back != chunk:
                return at + next(
                    (i for i, (x, y) in enumerate(zip(chunk, back))
                     if x != y), len(back))
            at += len(chunk)
        device_ioctl(b, BLKRRPART)
    return None


def write(image, device, disk, ask=input):
    """Returns why it was not done, or None."""
    why = refusal(disk, os.path.getsize(image))
    if why:
        return f"{device} {why}; nothing was written"
    show(disk)
    try:
        typed = ask(f"Type {device} to go on: ")
    except EOFError:
        typed = ""
    if typed.strip() != device:
        return "nothing was written"
    try:
        copy(image, device)
        wrong = difference(image, device)
    except PermissionError:
        return (f"{device} is not yours to write; try: "
                f"sudo image/write.py {image} {device}")
    except OSError as e:
        if e.errno == errno.EBUSY:
            return f"{device} is in use; nothing was written"
        return f"{device}: {e.strerror}; the stick is not usable now"
    if wrong is not None:
        return (f"{device} does not read back what was written, from byte "
                f"{wrong} on: the stick is bad")
    return None


def usage(image_bytes):
    fit = [d for d in describe() or [] if not refusal(d, image_bytes)]
    lines = ["usage: make write DEV=/dev/sdX",
             "These would do:" if fit else
             "There is no removable disk that is not in use."]
    return "\n".join(lines + ["  " + name_text(d) for d in fit])


def main(image, device=None):
    if device is None:
        sys.exit(usage(os.path.getsize(image)))
    device = os.path.realpath(device)
    why = write(image, device, describe(device))
    if why:
        sys.exit(why)
    print(f"{device}: written and verified; it may be pulled out")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.splitlines()[0])
    main(*sys.argv[1:])
