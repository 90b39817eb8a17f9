# SPDX-License-Identifier: MIT
"""The row that a machine prints for the table in docs/HARDWARE.md."""

import os
import re
import subprocess

from guest import ROOT, NoNetwork

EXPECTED_SECONDS = 1
TOOL = os.path.join(ROOT, "tools", "hwreport")


def cells(row):
    return [c.strip() for c in row.strip()[1:-1].split("|")]


def columns():
    """Those of the table of tested machines."""
    with open(os.path.join(ROOT, "docs", "HARDWARE.md"),
              encoding="utf-8") as f:
        text = f.read().split("## Tested machines\n", 1)[1]
    header, line = text[text.index("\n|"):].strip().split("\n")[:2]
    assert set(line) == set("|-")
    return cells(header)


def tool(*words, **env):
    return subprocess.run([TOOL, *words], capture_output=True, text=True,
                          check=False, env=dict(os.environ, **env))


def test_the_row_fits_the_table(boot):
    guest = boot(machine="q35", addr="4", append="admin.token=s3cret",
                 extra=("-smp", "3", "-vga", "std", "-device",
                        "rtl8139,addr=9,romfile=", "-device", "i6300esb"))
    logged = guest.wait_line(r"hwreport: (\|.*\|)$").group(1)
    row = dict(zip(columns(), cells(logged)))
    assert len(row) == len(columns()) == len(cells(logged))
    assert row["machine"] == "QEMU Standard PC (Q35 + ICH9, 2009)"
    assert row["firmware"].startswith("SeaBIOS ")
    assert row["door"] == "pvh"
    assert row["processor"].endswith(", 3 of them")
    assert row["card"] == ", ".join(["10ec:8139 rev 20 (1af4:1100)"] * 2)
    assert re.fullmatch(r"(irq|gsi) \d+", row["interrupt"])
    assert row["screen"] == "text 80x25"
    assert row["watchdog"] == "i6300esb"
    host = "127.0.0.1:%d" % guest.net.forward[8139]
    assert tool(host, TOKEN="s3cret").stdout == logged + "\n"
    guest.ready["admin"] = None  # what every test ends with has no token
    refused = tool(host)
    assert refused.returncode == 1 and "no answer" in refused.stderr


def test_a_machine_without_a_card_says_so_too(boot):
    guest = boot(ready=False, net=NoNetwork())
    row = cells(guest.wait_line(r"hwreport: (\|.*\|)$").group(1))
    named = dict(zip(columns(), row))
    assert named["card"] == named["watchdog"] == "none"


def test_the_tool_says_how_it_is_used():
    assert "usage" in tool().stderr and tool().returncode == 2
