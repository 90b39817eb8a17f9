# SPDX-License-Identifier: MIT
"""The stick's image on every machine of matrix.py, and under Secure Boot: behind
SOAK=1, since it takes long.  docs/HARDWARE.md holds what came of it."""

import itertools
import os

import pytest

import matrix
from guest import CDS
from stick import site
from test_stick import HAVE_GRUB, check_serves, small, small_cd  # noqa: F401

EXPECTED_SECONDS = 1
OVMF_BUILDS = {"uefi-2M": "", "uefi-4M": "_4M"}


def test_every_pair_of_values_occurs():
    rows = matrix.rows()
    assert all(matrix.valid(row) for row in rows)
    seen = set().union(*(matrix.pairs_of(row) for row in rows))
    assert seen == matrix.all_pairs()
    assert rows == matrix.rows(), "no chance"


def test_every_medium_meets_every_firmware_on_every_machine():
    seen = {(r["medium"], r["firmware"], r["machine"])
            for r in matrix.rows()}
    media = [m for m in matrix.PARAMETERS["medium"] if m != "memory"]
    assert seen == set(itertools.product(
        media, ["bios", "uefi-2M", "uefi-4M"], ["pc", "q35"])) | {
            ("memory", "direct", "pc"), ("memory", "direct", "q35")}


if os.environ.get("SOAK") == "1":
    @pytest.mark.deadline(150)
    @pytest.mark.parametrize(
        "row", matrix.rows(), ids=lambda r: "-".join(map(str, r.values())))
    def test_the_stick_boots(boot, small, small_cd, row):  # noqa: F811
        if row["firmware"] == "bios" and not HAVE_GRUB:
            pytest.skip("grub-mkimage is missing: run ./setup")
        options = dict(machine=row["machine"], mem=row["mem"], cpu=row["cpu"],
                       extra=("-smp", str(row["cpus"])))
        if row["firmware"] == "direct":
            guest = boot(stick=site(), **options)
            assert b"from the stick" in guest.get("/")[2]
            return
        guest = boot(ready=False, disk=row["medium"],
                     stick=small_cd if row["medium"] in CDS else small,
                     door=row["firmware"].partition("-")[0],
                     ovmf=OVMF_BUILDS.get(row["firmware"]), **options)
        guest.wait_ready(120)
        check_serves(guest)

    @pytest.mark.deadline(150)
    def test_firmware_with_secure_boot_refuses_the_loader(
            boot, small):  # noqa: F811
        guest = boot(
            ready=False, door="uefi", ovmf="_4M.ms", machine="q35,smm=on",
            mem=128, disk="sata", stick=small, before=(
                "-global", "driver=cfi.pflash01,property=secure,value=on"))
        guest.wait_line(r"failed to load .*QEMU HARDDISK.*: Access Denied", 90)
        assert "Ringlet" not in guest.serial()
