# SPDX-License-Identifier: MIT
"""The stick's image as a machine sees it: one file through both firmwares and
every way a stick can be attached; edited as people edit it; broken as sticks
break.  The full matrix of combinations is in test_matrix.py."""

import os
import random
import re
import shutil
import subprocess

import pytest

from guest import ROOT, User, artifact
from patience import wait
from stick import run

EXPECTED_SECONDS = 60
PARTITION_LBA = 2048
MKIMAGE = os.path.join(ROOT, "image", "mkimage")
MKSTICK = os.path.join(ROOT, "image", "mkstick")
HAVE_GRUB = bool(shutil.which("grub-mkimage"))

needs_grub = pytest.mark.skipif(
    not HAVE_GRUB, reason="grub-mkimage is missing: run ./setup")

DOORS = [pytest.param("bios", marks=needs_grub), "uefi"]
STICK = os.path.join(ROOT, "image", "stick")
SMALL_MIB = 4  # firmware and GRUB read the volume slowly from some controllers


def mtools(image, *command, **options):
    """One of mtools on the image's partition."""
    run(command[0], "-i", "%s@@1M" % image, *command[1:], **options)


def put(image, path, content):
    mtools(image, "mcopy", "-D", "o", "-", "::" + path, input=content)


def make_image(path, mib, tree=STICK, *options):
    subprocess.run(
        [MKSTICK, path + ".fat", str(mib), tree, artifact("BOOTX64.EFI"),
         artifact("ringlet.elf")], check=True)
    subprocess.run([MKIMAGE, *options, path, path + ".fat",
                    artifact("nogrub.bin")], check=True)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One image for every machine; nobody changes it."""
    return make_image(str(tmp_path_factory.mktemp("small") / "s"), SMALL_MIB)


@pytest.fixture(scope="module")
def small_cd(tmp_path_factory):
    return make_image(str(tmp_path_factory.mktemp("small") / "s.iso"),
                      SMALL_MIB, STICK, "--cd")


@pytest.fixture
def image(tmp_path, small):
    """A copy that may be edited."""
    return shutil.copyfile(small, str(tmp_path / "stick.img"))


def check_serves(guest):
    status, _, body = guest.get("/")
    assert status == 200
    with open(os.path.join(ROOT, "image/stick/www/index.html"), "rb") as f:
        assert body == f.read(), "the stick's own page"
    assert guest.stats()["rx.frames"] > 0


# With tests/qemu/test_boot.py, which has UEFI on IDE, SATA and xHCI.
@pytest.mark.parametrize("door,machine,disk,mem", [
    pytest.param("bios", "pc", "ide", 4096, marks=needs_grub),
    pytest.param("bios", "q35", "usb", 128, marks=needs_grub),
    pytest.param("bios", "pc", "ehci", 64, marks=needs_grub),
    pytest.param("bios", "q35", "sata", 2048, marks=needs_grub),
    ("uefi", "pc", "ehci", 4096)])
def test_one_image_boots_through_both_firmwares(
        boot, small, door, machine, disk, mem):
    guest = boot(door=door, machine=machine, disk=disk, mem=mem, stick=small)
    assert "by the %s door" % door in guest.serial()
    assert "hwreport: | QEMU Standard PC" in guest.serial()
    check_serves(guest)


@pytest.mark.parametrize("door,machine", [
    pytest.param("bios", "pc", marks=needs_grub), ("uefi", "q35")])
def test_the_cd_boots_through_both_firmwares(boot, door, machine):
    check_serves(boot(door=door, machine=machine, disk="cd", mem=128))


@needs_grub
def test_the_image_as_built_boots_from_a_bios(boot):
    check_serves(boot(door="bios", machine="q35", disk="usb"))


@needs_grub
@pytest.mark.parametrize("cpu", ["pentium3", "486"])
def test_a_processor_of_32_bits_is_told_so(boot, small, cpu):
    guest = boot(ready=False, door="bios", disk="sata", cpu=cpu, stick=small,
                 extra=("-vga", "std"))
    wanted = b"Ringlet needs a 64-bit processor; this one has 32 bits."
    wait_screen(guest, wanted)
    assert wanted.decode() in guest.serial()


def screen_text(guest):
    """The characters of VGA text, row after row."""
    path = guest.folder + "/screen"
    guest.qmp("pmemsave", val=0xb8000, size=80 * 25 * 2, filename=path)
    with open(path, "rb") as f:
        return f.read()[::2]


def wait_screen(guest, wanted, timeout=20):
    """Returns the screen that showed it."""
    def seen():
        text = screen_text(guest)
        return text if wanted in text else None
    return wait(seen, timeout, lambda: screen_text(guest))


def without_grub(*words):
    env = dict(os.environ, GRUB_FOLDER="/nonexistent")
    return subprocess.run(
        [MKIMAGE, *words, artifact("stick.fat"), artifact("nogrub.bin")],
        env=env, capture_output=True, text=True, check=True)


@pytest.mark.parametrize("disk,options", [("sata", ()), ("cd", ("--cd",))])
def test_without_grub_the_screen_says_what_is_needed(
        boot, tmp_path, disk, options):
    path = str(tmp_path / "nogrub.img")
    assert "grub-pc-bin" in without_grub(*options, path).stdout
    guest = boot(ready=False, door="bios", disk=disk, stick=path,
                 extra=("-vga", "std"))
    wait_screen(guest, b"this stick needs UEFI firmware")


@pytest.mark.parametrize("door", DOORS)
def test_a_stick_edited_on_windows(boot, image, door):
    put(image, "/CONFIG.TXT", b"\xef\xbb\xbf# Notepad\r\necho.port = 77\r\n"
        b"prot = 80\r\nhttp.port = 8081\r\n")
    mtools(image, "mdel", "::/www/index.html")
    put(image, "/www/INDEX.HTM", b"short\r\n")
    put(image, "/www/index.html", b"<p>mine\r\n")
    mtools(image, "mmd", "::/www/My Holiday Pictures (2)")
    put(image, "/www/My Holiday Pictures (2)/Sea & sand.HTML", b"sand\r\n")
    put(image, "/www/desktop.ini", b"[x]\r\n")
    mtools(image, "mmd", "::/System Volume Information")
    put(image, "/System Volume Information/IndexerVolumeGuid", b"{0}")
    guest = boot(door=door, disk="sata", stick=image,
                 net=User(http=8081, echo=78), append="echo.port=78")
    assert guest.ready["http"] == 8081
    assert guest.ready["echo"] == 78, "\\EFI\\ringlet\\cmdline.txt wins"
    assert "config.txt:3: unknown key 'prot'" in guest.serial()
    assert guest.get("/")[2] == b"<p>mine\r\n"
    assert guest.get("/index.htm")[2] == b"short\r\n"
    path = "/my%20holiday%20pictures%20(2)/sea%20&%20sand.html"
    assert guest.get(path)[2] == b"sand\r\n"
    assert guest.get("/System%20Volume%20Information/")[0] == 404


@needs_grub
def test_a_volume_that_grew_after_the_image_was_made_is_said(boot, image):
    """GRUB loads as many sectors as the image was built with."""
    with open(image, "r+b") as f:
        f.seek(PARTITION_LBA * 512 + 19)
        f.write(bytes(2))  # 16 bits of sectors: see the 32 bits
        f.seek(PARTITION_LBA * 512 + 32)
        f.write((64 * 2048).to_bytes(4, "little"))
    guest = boot(door="bios", disk="sata", stick=image)
    assert "larger than what was loaded of it (%d KiB" % (
        SMALL_MIB << 10) in guest.serial()
    status, _, body = guest.get("/")
    assert status == 200 and b"Ringlet" in body, "the built-in page"


@needs_grub
def test_a_stick_cut_short_still_boots(boot, image):
    """GRUB refuses a module that runs over the disk's end."""
    os.truncate(image, 3 << 20)
    guest = boot(door="bios", disk="sata", stick=image)
    assert "gave no module: the stick was not read" in guest.serial()
    assert guest.get("/")[0] == 200


@pytest.mark.parametrize("door,reason,last", [
    pytest.param("bios", "file `/ringlet.elf' not found",
                 "not started; back to the BIOS", marks=needs_grub),
    ("uefi", r"\ringlet.elf is damaged", "not started; back to the firmware")])
def test_a_stick_without_its_kernel_says_so(boot, image, door, reason, last):
    if door == "bios":
        mtools(image, "mdel", "::/ringlet.elf")
    else:
        put(image, "/ringlet.elf", bytes(100000))
    guest = boot(ready=False, door=door, disk="sata", mem=128, stick=image,
                 extra=("-vga", "std"))
    if door == "uefi":
        guest.wait_line(re.escape(last), 60)
        assert reason in guest.serial()
    else:
        assert reason.encode() in wait_screen(guest, last.encode(), 60)


def reformat_as_32_gb(small, path):
    """What a stick is when its partition was enlarged and formatted, and the
    files were copied back by hand: 32 GB of FAT32, nearly all of it holes."""
    sectors = 32 << 21
    with open(small, "rb") as f:
        head = bytearray(f.read(PARTITION_LBA * 512))
    head[446 + 4] = 0x0C
    head[446 + 12:446 + 16] = sectors.to_bytes(4, "little")
    with open(path, "wb") as f:
        f.write(head)
        f.truncate((PARTITION_LBA + sectors) * 512)
    mtools(path, "mformat", "-F", "-c", "64", "-T", str(sectors), "-h", "255",
           "-s", "63", "-H", str(PARTITION_LBA), "::")
    mtools(path, "mmd", "::/EFI", "::/EFI/BOOT", "::/www")
    mtools(path, "mcopy", artifact("BOOTX64.EFI"), "::/EFI/BOOT")
    mtools(path, "mcopy", artifact("ringlet.elf"), "::/")
    put(path, "/config.txt", b"http.port = off\n")


@pytest.mark.parametrize("door,words", [
    pytest.param("bios", "larger than what was loaded of it (%d KiB" %
                 (SMALL_MIB << 10), marks=needs_grub),
    ("uefi", "has 32768 MiB and is not read: at most 256 MiB")])
def test_a_volume_too_large_is_refused_with_the_limit(
        boot, small, tmp_path, door, words):
    path = str(tmp_path / "large.img")
    reformat_as_32_gb(small, path)
    guest = boot(door=door, disk="sata", stick=path)
    assert words in guest.serial()
    assert guest.ready["http"] == 80, "the default"
    assert guest.get("/")[0] == 200


FOLDERS, FILES, BIG_MIB = 50, 100, 54


def page(folder, number):
    return b"%d/%d\n" % (folder, number) * 100


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The image of SIZE=64, FAT32, nearly full: 5,000 files in folders in
    folders, and a large one."""
    tree = tmp_path_factory.mktemp("tree")
    for i in range(FOLDERS):
        folder = tree / "www" / ("Album %d" % (i // 10)) / ("Day %d" % i)
        folder.mkdir(parents=True)
        for k in range(FILES):
            (folder / ("Picture number %d.html" % k)).write_bytes(page(i, k))
    (tree / "www" / "big.bin").write_bytes(random.Random(1).randbytes(
        BIG_MIB << 20))
    path = make_image(str(tmp_path_factory.mktemp("large") / "image"), 64,
                      str(tree))
    with open(path, "rb") as f:
        assert f.read(512)[446 + 4] == 0x0C
    return path, str(tree / "www" / "big.bin")


@needs_grub
def test_a_full_stick_of_64_mib_is_served_from_a_bios(boot, large):
    check_large(boot(door="bios", disk="sata", stick=large[0], mem=256),
                large[1])


def check_large(guest, big):
    assert re.search(r"stick: %d files in %d folders" % (
        FOLDERS * FILES + 3, FOLDERS + FOLDERS // 10 + 3), guest.serial())
    for i, k in ((0, 0), (17, 42), (FOLDERS - 1, FILES - 1)):
        path = "/album%%20%d/day%%20%d/picture%%20number%%20%d.html" % (
            i // 10, i, k)
        assert guest.get(path)[2] == page(i, k)
    with open(big, "rb") as f:
        assert guest.get("/big.bin", timeout=30)[2] == f.read()


if os.environ.get("SOAK") == "1":
    def test_a_full_stick_of_64_mib_is_served_from_uefi(boot, large):
        check_large(boot(door="uefi", disk="sata", stick=large[0], mem=256),
                    large[1])
