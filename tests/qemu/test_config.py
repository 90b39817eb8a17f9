# SPDX-License-Identifier: MIT
"""config.txt and the command line: what they change, what is said about
mistakes, and that the boot goes on."""

import pytest

from guest import User
from patience import PATIENCE
from stick import site

MISTAKES = """# a comment
hostname = good-name
prot = 80
http.port = eighty
this line has no equals sign
ip = 10.0.2.300/24
tcp.msl = 5
"""


def test_mistakes_in_the_file_are_said_by_line_and_the_boot_goes_on(boot):
    guest = boot(stick=site(config=MISTAKES))
    said = guest.serial()
    assert "config.txt:3: unknown key 'prot'" in said
    assert "config.txt:4: " in said and "http.port" in said
    assert "config.txt:5: " in said
    assert "config.txt:6: " in said
    for good in (1, 2, 7):
        assert "config.txt:%d:" % good not in said
    assert guest.ready["http"] == 80, "the default"
    assert guest.get("/")[0] == 200


def test_mistakes_on_the_command_line_are_said(boot):
    guest = boot(append="prot=80 justaword http.port=99999")
    said = guest.serial()
    assert "command line: unknown key 'prot'" in said
    assert said.count("command line: ") == 3, said
    assert guest.ready["http"] == 80


def test_the_file_is_obeyed_with_carriage_returns_and_byte_order_mark(boot):
    config = b"\xef\xbb\xbfhttp.port = 8081\r\n# comment\r\necho.port=off\r\n"
    guest = boot(net=User(http=8081), stick=site({"config.txt": config}))
    assert guest.ready["http"] == 8081 and guest.ready["echo"] is None
    assert "config.txt:" not in guest.serial()
    assert guest.get("/")[0] == 200


def test_name_of_the_file_is_found_in_any_case(boot):
    guest = boot(net=User(http=8082),
                 stick=site({"CONFIG.TXT": b"http.port = 8082\n"}))
    assert guest.ready["http"] == 8082


def test_a_stick_without_the_file_says_so(boot):
    """Windows hides the second .txt of this name."""
    guest = boot(stick=site({"config.txt.txt": b"http.port = 8082\n"}))
    assert "stick: no config.txt in its top folder" in guest.serial()
    assert guest.ready["http"] == 80
    said = boot(stick=site(config="http.port = 80\n")).serial()
    assert "no config.txt" not in said


def test_the_command_line_wins(boot):
    guest = boot(net=User(http=8083), append="http.port=8083",
                 stick=site(config="http.port = 8082\necho.port = 77\n"))
    assert guest.ready["http"] == 8083 and guest.ready["echo"] == 77


@pytest.mark.parametrize("off", ["http", "echo"])
def test_services_that_are_off_do_not_listen(boot, off):
    guest = boot(append="%s.port=off" % off)
    assert guest.ready[off] is None
    with guest.connect({"http": 80, "echo": 7}[off]) as s:
        # QEMU accepts in the guest's name, then passes the refusal on.
        s.settimeout(PATIENCE * 5)
        try:
            s.sendall(b"hello\r\n\r\n")
            assert s.recv(10) == b""
        except ConnectionError:
            pass


def test_admin_off(boot):
    guest = boot(append="admin.port=off")
    assert guest.ready["admin"] is None
    assert guest.get("/")[0] == 200


def test_empty_file_and_long_lines(boot):
    config = "# " + "x" * 5000 + "\n" + "hostname = " + "y" * 3000 + "\n"
    guest = boot(stick=site(config=config))
    assert "config.txt:2: " in guest.serial()
    assert "config.txt:1: " not in guest.serial()


def test_secret_is_not_printed(boot):
    guest = boot(append="admin.token=sesame-4711 log=debug")
    assert "sesame-4711" not in guest.serial()
    assert guest.get("/stats", port=8139)[0] == 401
    guest.ready["admin"] = None  # no ledger to be read at the end
