# SPDX-License-Identifier: MIT
"""The stick's builder, the runner's command line, and who may be written to."""

import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.parse

import pytest

from guest import BUILD, ROOT, artifact, free_port
from patience import PATIENCE

sys.path.insert(0, os.path.join(ROOT, "image"))
import run  # noqa: E402
import write  # noqa: E402

EXPECTED_SECONDS = 10
MKIMAGE = os.path.join(ROOT, "image", "mkimage")
MKSTICK = os.path.join(ROOT, "image", "mkstick")
RUN = os.path.join(ROOT, "image", "run.py")
SBIN = "/usr/sbin:/sbin"


def mkstick(out, size, tree):
    return subprocess.run(
        [MKSTICK, str(out), str(size), str(tree), artifact("BOOTX64.EFI"),
         artifact("ringlet.elf")], capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tree" / "www" / "sub folder").mkdir(parents=True)
    (tmp_path / "tree" / "config.txt").write_text("hostname = x\n")
    (tmp_path / "tree" / "www" / "sub folder" / "Long name.html").write_text(
        "hello")
    (tmp_path / "tree" / ".hidden").write_text("no")
    return tmp_path / "tree"


def listing(image):
    return subprocess.run(["mdir", "-/", "-b", "-i", image, "::"], text=True,
                          capture_output=True, check=True).stdout.split("\n")


@pytest.mark.parametrize("size,type_name", [(16, b"FAT16"), (64, b"FAT32")])
def test_the_stick_holds_the_tree(tmp_path, tree, size, type_name):
    image = tmp_path / "s.fat"
    assert mkstick(image, size, tree).returncode == 0
    assert image.stat().st_size == size << 20
    sector = image.read_bytes()[:512]
    assert type_name in sector and sector[510:] == b"\x55\xaa"
    names = listing(image)
    assert "::/EFI/BOOT/BOOTX64.EFI" in names
    assert "::/ringlet.elf" in names
    assert "::/www/sub folder/Long name.html" in names
    assert not any("hidden" in n for n in names)


def test_one_tree_makes_one_image(tmp_path, tree):
    mkstick(tmp_path / "a", 16, tree)
    time.sleep(2.1)  # FAT counts in two seconds
    os.utime(tree / "config.txt")
    mkstick(tmp_path / "b", 16, tree)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def mkimage(out, volume, **env):
    return subprocess.run(
        [MKIMAGE, str(out), str(volume), artifact("nogrub.bin")], check=False,
        capture_output=True, text=True, env=dict(os.environ, **env))


def chs(field):
    """Cylinder, head and sector as three numbers."""
    return field[2] | (field[1] & 0xC0) << 2, field[0], field[1] & 0x3F


@pytest.mark.parametrize("size,kind", [(16, 0x0E), (64, 0x0C), (256, 0x0C)])
def test_the_image_is_one_active_partition(tmp_path, tree, size, kind):
    fat, image = tmp_path / "s.fat", tmp_path / "s.img"
    assert mkstick(fat, size, tree).returncode == 0
    done = mkimage(image, fat)
    assert done.returncode == 0, done.stderr
    data = image.read_bytes()
    assert data[1 << 20:] == fat.read_bytes(), "the volume, unchanged"
    sector = data[:512]
    assert sector[510:] == b"\x55\xaa" and sector[440:444] == b"RING"
    entry = sector[446:462]
    assert entry[0] == 0x80 and entry[4] == kind
    assert struct.unpack("<II", entry[8:]) == (2048, size * 2048)
    assert chs(entry[1:4]) == (1, 0, 1), "a cylinder is 1 MiB"
    assert chs(entry[5:8]) == (size, 63, 32)
    assert not any(sector[462:510]), "no second partition"
    volume = data[1 << 20:]
    assert struct.unpack_from("<I", volume, 28)[0] == 2048, "hidden sectors"
    assert struct.unpack_from("<HH", volume, 24) == (32, 64)


def both(field):
    """A number in both byte orders, as ISO 9660 has them."""
    half = len(field) // 2
    value = int.from_bytes(field[:half], "little")
    assert field[half:] == value.to_bytes(half, "big")
    return value


@pytest.fixture(scope="module")
def cd():
    with open(artifact("ringlet.iso"), "rb") as f:
        return f.read()


def test_the_cd_holds_what_the_stick_holds(cd):
    with open(artifact("stick.fat"), "rb") as f:
        assert cd[1 << 20:] == f.read()
    with open(artifact("ringlet.img"), "rb") as f:
        assert cd[440:512] == f.read(512)[440:]


def test_the_stick_is_no_cd():
    """Or firmware would go by the CD's catalog, whatever a user does to the
    partition."""
    with open(artifact("ringlet.img"), "rb") as f:
        assert b"CD001" not in f.read(1 << 20)


def test_the_cd_is_an_iso_9660_volume(cd):
    data = cd
    volume = data[16 * 2048:17 * 2048]
    assert volume[:7] == b"\1CD001\1" and volume[881] == 1
    assert volume[40:72].rstrip() == b"RINGLET"
    assert both(volume[80:88]) == len(data) // 2048
    assert both(volume[128:132]) == 2048
    path_bytes = both(volume[132:140])
    little = struct.unpack_from("<I", volume, 140)[0]
    big = struct.unpack_from(">I", volume, 148)[0]
    root = both(volume[158:166])
    assert volume[156] == 34 and both(volume[166:174]) == 2048
    assert data[little * 2048:][:path_bytes] == struct.pack(
        "<BBIHBB", 1, 0, root, 1, 0, 0)
    assert data[big * 2048:][:path_bytes] == struct.pack(
        ">BBIHBB", 1, 0, root, 1, 0, 0)
    folder = data[root * 2048:][:2048]
    assert folder[:33] == volume[156:189] and folder[33] == 0
    assert folder[34] == 34 and folder[67] == 1 and not any(folder[68:])
    assert data[18 * 2048:][:7] == b"\xffCD001\1"


def test_the_cd_has_a_way_for_a_bios_and_one_for_uefi(cd):
    data = cd
    record = data[17 * 2048:18 * 2048]
    assert record[:39] == b"\0CD001\1" + b"EL TORITO SPECIFICATION".ljust(
        32, b"\0")
    catalog = data[struct.unpack_from("<I", record, 71)[0] * 2048:][:2048]
    assert catalog[:2] == b"\1\0" and catalog[30:32] == b"\x55\xaa"
    assert sum(struct.unpack_from("<16H", catalog)) & 0xFFFF == 0
    bootable, media, segment, kind, count, sector = struct.unpack_from(
        "<BBHBxHI", catalog, 32)
    assert (bootable, media, segment, kind, count) == (0x88, 0, 0, 0, 4)
    if shutil.which("grub-mkimage"):
        table = struct.unpack_from("<III", data, sector * 2048 + 8)
        assert table[:2] == (16, sector), "GRUB finds itself"
        assert (sector * 2048 + table[2]) <= 1 << 20
    assert catalog[64:68] == b"\x91\xef\1\0"
    assert struct.unpack_from("<BBHBxHI", catalog, 96) == (
        0x88, 0, 0, 0, 0, (1 << 20) // 2048), "the partition, to the end"


def test_one_volume_makes_one_image(tmp_path):
    for name in ("a", "b"):
        assert mkimage(tmp_path / name, artifact("stick.fat")).returncode == 0
        time.sleep(1.1)
    with open(artifact("ringlet.img"), "rb") as f:
        assert (tmp_path / "a").read_bytes() == f.read()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.deadline(180)
def test_a_build_elsewhere_makes_the_same_image(tmp_path):
    subprocess.run(["make", "-j2", "B=%s" % tmp_path, "all"], cwd=ROOT,
                   check=True, stdout=subprocess.DEVNULL)
    for name in ("ringlet.elf", "BOOTX64.EFI", "ringlet.img", "ringlet.iso"):
        with open(artifact(name), "rb") as f:
            assert (tmp_path / name).read_bytes() == f.read(), name


def test_the_date_is_that_of_source_date_epoch(tmp_path, tree):
    for epoch, date in (("500000000", "1985-11-05"),
                        ("1500000000", "2017-07-14")):
        subprocess.run(
            [MKSTICK, str(tmp_path / epoch), "16", str(tree),
             artifact("BOOTX64.EFI"), artifact("ringlet.elf")], check=True,
            env=dict(os.environ, SOURCE_DATE_EPOCH=epoch))
        said = subprocess.run(
            ["mdir", "-i", str(tmp_path / epoch), "::"], text=True,
            capture_output=True, check=True).stdout
        assert said.count(date) == 4, said


def test_grubs_core_must_fit_below_the_partition(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "grub-mkimage"
    fake.write_text("#!/bin/sh\nwhile [ $# -gt 0 ]; do [ $1 = -o ] && "
                    "head -c 1048065 /dev/zero >$2; shift; done\n")
    fake.chmod(0o755)
    (tmp_path / "boot.img").write_bytes(
        bytes(0x5C) + struct.pack("<Q", 1) + bytes(448))
    done = mkimage(tmp_path / "x", artifact("stick.fat"),
                   GRUB_FOLDER=str(tmp_path),
                   PATH="%s:%s" % (folder, os.environ["PATH"]))
    assert done.returncode != 0 and "does not fit" in done.stderr
    assert not (tmp_path / "x").exists()


def test_what_is_no_volume_makes_no_image(tmp_path):
    (tmp_path / "x").write_bytes(bytes(1 << 20))
    done = mkimage(tmp_path / "y", tmp_path / "x")
    assert done.returncode != 0 and "no FAT" in done.stderr


def test_a_tree_too_large_is_refused(tmp_path, tree):
    (tree / "www" / "big").write_bytes(bytes(17 << 20))
    done = mkstick(tmp_path / "s", 16, tree)
    assert done.returncode != 0 and "larger SIZE=" in done.stderr
    assert not (tmp_path / "s").exists()


def free_clusters(image):
    """Of a FAT16 of 16 MiB: its 8167 links stand behind two others."""
    data = image.read_bytes()
    links = struct.unpack_from("<8167H", data, 512 * struct.unpack_from(
        "<H", data, 14)[0] + 4)
    return links.count(0)


def read_back(image, tmp_path):
    """{name: bytes} of /www, as mtools read it, which know nothing of
    image/fat.py."""
    subprocess.run(["mcopy", "-n", "-s", "-i", image, "::/www", tmp_path],
                   env=dict(os.environ, LC_ALL="C.UTF-8"), check=True)
    www = tmp_path / "www"
    found = {p.name: p.read_bytes() for p in www.iterdir() if p.is_file()}
    shutil.rmtree(www)
    return found


def expect_sound(image):
    """fsck.fat has nothing to say; where it is not installed, nothing is."""
    if shutil.which("fsck.fat", path=SBIN):
        said = subprocess.run(["fsck.fat", "-n", image], text=True, env={
            "PATH": SBIN}, capture_output=True, check=True).stdout.split("\n")
        assert len(said) == 3 and " clusters" in said[1], said


ODD_NAMES = [
    "README", "README.TXT", "Readme.1st", "longname one.html", "longna~1.htm",
    "LONGNA~2.HTM", "a.b.c", " x y", "+,;=[].html", "x" * 13, "y" * 26,
    "z" * 255, "\u00e4" * 127, "\u00c4.html", "n" * 8 + ".html",
    "\u00df.txt", "caf\u00e9.tx", "~1", "con"]


@pytest.mark.parametrize("size,cluster", [(4, 512), (16, 2048), (40, 512)])
def test_names_and_sizes_stay_what_they_are(tmp_path, tree, size, cluster):
    sizes = [0, 1, cluster - 1, cluster, cluster + 1, 9 * cluster]
    files = {name: bytes([i]) * sizes[i % len(sizes)]
             for i, name in enumerate(ODD_NAMES)}
    for name, data in files.items():
        (tree / "www" / name).write_bytes(data)
    (tree / "www" / "empty").mkdir()
    assert mkstick(tmp_path / "s", size, tree).returncode == 0
    expect_sound(tmp_path / "s")
    assert read_back(tmp_path / "s", tmp_path) == files


def test_thousands_of_files_may_begin_alike(boot, tmp_path, tree):
    """Each needs a short name of its own; that none is searched for is what
    lets this end in time."""
    # mtools do not know characters beyond 16 bits.
    files = {name: name.encode() for name in [
        *ODD_NAMES, "\U0001f600.html",
        *("holiday photo %04d.jpg" % i for i in range(3000))]}
    for name, data in files.items():
        (tree / "www" / name).write_bytes(data)
    for image in ("s", "t"):
        assert mkstick(tmp_path / image, 16, tree).returncode == 0
    assert (tmp_path / "s").read_bytes() == (tmp_path / "t").read_bytes()
    expect_sound(tmp_path / "s")
    found = read_back(tmp_path / "s", tmp_path)
    assert all(found.get(n) == d for n, d in files.items() if n.isascii())
    guest = boot(stick=str(tmp_path / "s"), mem=64)
    assert "stick: %d files in " % (len(files) + 4) in guest.serial()
    for name in [*list(files)[:len(ODD_NAMES) + 1], "holiday photo 2999.jpg"]:
        assert guest.get("/" + urllib.parse.quote(name))[2] == files[name]


def test_ringlets_own_files_have_their_place(tmp_path, tree):
    (tree / "efi" / "ringlet").mkdir(parents=True)
    (tree / "efi" / "ringlet" / "cmdline.txt").write_text("log=debug")
    assert mkstick(tmp_path / "s", 16, tree).returncode == 0
    names = listing(tmp_path / "s")
    assert "::/EFI/ringlet/cmdline.txt" in names
    assert "::/EFI/BOOT/BOOTX64.EFI" in names
    (tree / "Ringlet.elf").mkdir()
    done = mkstick(tmp_path / "t", 16, tree)
    assert done.returncode != 0 and "needs this name" in done.stderr


def test_a_volume_may_be_full_to_its_last_cluster(tmp_path, tree):
    big = tree / "www" / "big"
    big.write_bytes(b"x")
    mkstick(tmp_path / "s", 16, tree)
    free = free_clusters(tmp_path / "s")
    for more, code in ((1, 0), (2, 1)):
        with open(big, "wb") as f:
            f.truncate((free + more) * 2048)
        assert mkstick(tmp_path / "s", 16, tree).returncode == code
    expect_sound(tmp_path / "s")
    assert free_clusters(tmp_path / "s") == 0


def test_too_many_files_for_a_folder_are_refused(tmp_path, tree):
    for i in range(200):
        (tree / ("not in the folder www %d" % i)).write_text("")
    done = mkstick(tmp_path / "s", 16, tree)
    assert done.returncode != 0 and "in the top folder" in done.stderr
    assert mkstick(tmp_path / "s", 40, tree).returncode == 0
    expect_sound(tmp_path / "s")
    assert len([n for n in listing(tmp_path / "s") if "not in" in n]) == 200


def test_links_are_what_they_lead_to(tmp_path, tree):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.html").write_text("linked")
    (tree / "www" / "more").symlink_to(tmp_path / "site")
    (tree / "www" / "b.html").symlink_to("more/a.html")
    assert mkstick(tmp_path / "s", 16, tree).returncode == 0
    names = listing(tmp_path / "s")
    assert "::/www/more/a.html" in names and "::/www/b.html" in names
    (tree / "www" / "sub folder" / "up").symlink_to("..")
    done = mkstick(tmp_path / "t", 16, tree)
    assert done.returncode != 0 and "folder/up: a link to" in done.stderr


@pytest.mark.parametrize("name,why", [
    ("what?.html", "hold this name"), ("c:d.html", "hold this name"),
    ("end.", "hold this name"), (b"\xff.html", "hold this name"),
    ("LONG NAME.html", "same name as"), ("SUB FOLDER", "same name as")])
def test_a_name_that_the_volume_would_change_is_refused(
        tmp_path, tree, name, why):
    (tree / "www" / "Long name.html").write_text("")
    with open(os.path.join(os.fsencode(tree / "www"), os.fsencode(name)),
              "w", encoding="ascii"):
        pass
    done = mkstick(tmp_path / "s", 16, tree)
    assert done.returncode != 0 and why in done.stderr
    assert not (tmp_path / "s").exists()


def test_what_is_no_file_is_refused(tmp_path, tree):
    os.mkfifo(tree / "www" / "pipe")
    done = mkstick(tmp_path / "s", 16, tree)
    assert done.returncode != 0 and "pipe: neither a file" in done.stderr
    os.remove(tree / "www" / "pipe")
    (tree / "www" / "gone").symlink_to("nowhere")
    done = mkstick(tmp_path / "s", 16, tree)
    assert done.returncode != 0 and "gone: neither a file" in done.stderr


@pytest.mark.parametrize("size", ["3", "257", "x", ""])
def test_a_bad_size_is_refused(tmp_path, tree, size):
    done = mkstick(tmp_path / "s", size, tree)
    assert done.returncode != 0 and "SIZE=" in done.stderr


def test_the_image_has_its_checksum():
    with open(artifact("ringlet.img"), "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    with open(artifact("ringlet.img.sha256"), encoding="ascii") as f:
        assert f.read().split() == [digest, "ringlet.img"]


def test_the_doors_differ_in_what_qemu_is_told():
    pvh = run.qemu_args(run.Config(boot="pvh", append="a=b", stick="s"))
    assert pvh[pvh.index("-append") + 1] == "a=b"
    assert pvh[pvh.index("-initrd") + 1] == "s"
    for door in ("uefi", "bios"):
        args = run.qemu_args(run.Config(boot=door, append="a=b", stick="s"))
        assert "-append" not in args and "-kernel" not in args
        assert any("snapshot=on" in a for a in args)
        assert any("pflash" in a for a in args) == (door == "uefi")


def test_a_window_opens_on_request_only():
    shown = run.qemu_args(run.Config(boot="pvh", screen=True))
    hidden = run.qemu_args(run.Config(boot="pvh"))
    assert "-vga" in shown and "-display" not in shown
    assert hidden[hidden.index("-display") + 1] == "none"
    assert "-vga" not in hidden


def test_forwards_stay_on_this_host():
    netdev = run.user_netdev(http=1, echo=2, admin=None)
    assert netdev == ("user,hostfwd=tcp:127.0.0.1:1-:80,"
                      "hostfwd=tcp:127.0.0.1:2-:7,hostfwd=udp:127.0.0.1:2-:7")


def networks(words, **ports):
    """The -netdev values that NET=words makes."""
    v = dict({"HTTP": "off", "ECHO": "off", "ADMIN": "off"}, NET=words, **ports)
    args = run.qemu_args(run.Config(
        boot="pvh", netdevs=run.make_netdevs(v)[0]))
    cards = [a for a in args if a.startswith("rtl8139,")]
    made = [args[i + 1] for i, a in enumerate(args) if a == "-netdev"]
    assert ["netdev=" + re.search(r"id=(net\d)", n).group(1) for n in made] == \
        [c.split(",")[1] for c in cards], "each card has its own"
    return [re.sub(r",id=net\d", "", n) for n in made]


def test_each_network_has_a_card():
    port = free_port()
    assert networks("user", HTTP=str(port)) == [
        "user,hostfwd=tcp:127.0.0.1:%d-:80" % port]
    assert networks("user,user,tap=tap3", HTTP=str(port)) == [
        "user,hostfwd=tcp:127.0.0.1:%d-:80" % port, "user,net=10.0.3.0/24",
        "tap,ifname=tap3,script=no,downscript=no"]
    assert networks("tap=a,user")[1] == "user", "which has the ports"
    assert run.make_netdevs({"NET": "tap=a"})[1] is None


def runner(*words):
    return subprocess.run([RUN, "BUILD=" + BUILD, *words], text=True,
                          capture_output=True, check=False, timeout=PATIENCE * 20,
                          stdin=subprocess.DEVNULL)


def test_a_busy_port_is_said():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        done = runner("HTTP=%d" % port)
    assert done.returncode != 0
    assert "port %d" % port in done.stderr and "HTTP=" in done.stderr


@pytest.mark.parametrize("word", [
    "BOOT=x", "NET=x", "NET=user,", "NET=user,tap=", "SCREEN=x", "MEM=x", "ACCEL=x", "HTTP=x", "HTTP=70000", "FOO=1"])
def test_a_bad_variable_is_said(word):
    done = runner(word)
    assert done.returncode != 0 and word in done.stderr


def test_an_image_without_grub_is_not_run_through_a_bios(tmp_path):
    shutil.copyfile(artifact("stick.fat"), tmp_path / "stick.fat")
    done = mkimage(tmp_path / "ringlet.img", artifact("stick.fat"),
                   GRUB_FOLDER="/nonexistent")
    assert done.returncode == 0
    done = runner("BUILD=%s" % tmp_path, "BOOT=bios", "HTTP=off", "ECHO=off",
                  "ADMIN=off")
    assert done.returncode != 0 and "without GRUB" in done.stderr


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
        return f.read().split()


def test_the_runner_prints_urls_and_ends_its_machine():
    ports = [free_port() for _ in range(3)]
    with subprocess.Popen(
            [RUN, "BUILD=" + BUILD, "BOOT=pvh", "HTTP=%d" % ports[0],
             "ECHO=%d" % ports[1], "ADMIN=%d" % ports[2]],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL) as process:
        for line in process.stdout:
            if "/stats" in line:
                break
        assert "http://localhost:%d/stats" % ports[2] in line
        qemu = children(process.pid)
        assert qemu
        process.terminate()
        assert process.wait(PATIENCE * 10) != 0
    assert not any(os.path.exists("/proc/" + pid) for pid in qemu)


def disk(**changes):
    return dict({"type": "disk", "rm": True, "ro": False, "size": 1 << 30,
                 "mountpoints": [None]}, **changes)


def test_a_removable_unmounted_disk_may_be_written():
    assert write.refusal(disk(), 1 << 20) is None


@pytest.mark.parametrize("changes,why", [
    ({"type": "part"}, "whole disk"), ({"type": "loop"}, "whole disk"),
    ({"size": 0}, "no medium"),
    ({"rm": False}, "removable"), ({"ro": True}, "write-protected"),
    ({"size": 1000}, "too small"), ({"mountpoints": ["/"]}, "in use"),
    ({"children": [{"mountpoints": ["/home"]}]}, "in use"),
    ({"children": [{"children": [{"mountpoints": ["[SWAP]"]}]}]}, "in use")])
def test_anything_else_is_refused(changes, why):
    assert why in write.refusal(disk(**changes), 1 << 20)


def test_what_is_no_disk_is_refused():
    assert write.refusal(None, 1) is not None
    assert write.describe("/nonexistent") is None


@pytest.fixture
def stick_file(tmp_path):
    """A file in the place of a stick of 3 MB, and an image for it."""
    (tmp_path / "image").write_bytes(b"x" * 2500000)
    (tmp_path / "dev").write_bytes(b"o" * 3000000)
    return str(tmp_path / "image"), str(tmp_path / "dev")


def facts(path, **changes):
    return disk(path=path, model="Cruzer Blade ", size=3000000, children=[
        {"path": path + "1", "fstype": "vfat", "label": "HOLIDAY",
         "size": 2900000, "mountpoints": [None]}], **changes)


def test_the_stick_is_written_when_its_name_was_typed(stick_file, capsys):
    image, dev = stick_file
    asked = []

    def ask(prompt):
        asked.append(prompt)
        return dev + "\n"
    assert write.write(image, dev, facts(dev), ask) is None
    assert dev in asked[0]
    said = capsys.readouterr().out
    assert "Cruzer Blade, 0.0 GB" in said and "HOLIDAY" in said
    assert "Everything on it will be lost" in said
    with open(dev, "rb") as f:
        assert f.read() == b"x" * 2500000 + b"o" * 500000


@pytest.mark.parametrize("typed", ["", "y", "yes", "/dev/sdx", None])
def test_nothing_is_written_when_something_else_was_typed(stick_file, typed):
    image, dev = stick_file

    def ask(_prompt):
        if typed is None:
            raise EOFError
        return typed
    assert write.write(image, dev, facts(dev), ask) == "nothing was written"
    with open(dev, "rb") as f:
        assert f.read(1) == b"o"


def test_a_refused_disk_is_not_asked_about(stick_file):
    image, dev = stick_file
    why = write.write(image, dev, facts(dev, rm=False), lambda _: 1 / 0)
    assert "not removable" in why


def test_a_stick_that_forgets_is_found(stick_file, monkeypatch):
    image, dev = stick_file
    real = write.copy

    def bad(image, device):
        real(image, device)
        with open(device, "r+b") as f:
            f.seek(1234567)
            f.write(b"!")
    monkeypatch.setattr(write, "copy", bad)
    why = write.write(image, dev, facts(dev), lambda _: dev)
    assert "byte 1234567" in why and "bad" in why


def test_a_stick_that_ends_early_is_found(stick_file):
    image, dev = stick_file
    os.truncate(dev, 1000000)
    assert write.difference(image, dev) == 0
    write.copy(image, dev)
    assert write.difference(image, dev) is None
    os.truncate(dev, 2499999)
    assert write.difference(image, dev) == 2499999


@pytest.mark.parametrize("error,words", [
    (PermissionError(13, "Permission denied"), "sudo image"),
    (OSError(16, "busy"), "in use"), (OSError(5, "Input/output error"),
                                      "not usable")])
def test_errors_of_the_device_are_said(
        stick_file, monkeypatch, error, words):
    def fail(*_):
        raise error
    image, dev = stick_file
    monkeypatch.setattr(write, "copy", fail)
    assert words in write.write(image, dev, facts(dev), lambda _: dev)


def test_without_a_device_the_candidates_are_listed(monkeypatch):
    monkeypatch.setattr(write, "describe", lambda *_: [
        disk(path="/dev/sdq", model=None), disk(path="/dev/sdr", rm=False)])
    said = write.usage(1 << 20)
    assert "/dev/sdq: unknown model" in said and "sdr" not in said
    monkeypatch.setattr(write, "describe", lambda *_: [])
    assert "no removable disk" in write.usage(1 << 20)
