# SPDX-License-Identifier: MIT
"""HTTP/1.1 by curl and by raw sockets, through QEMU's user network."""

import email.utils
import hashlib
import random
import re
import socket
import subprocess
import time

import pytest

from guest import http_get, read_response
from patience import PATIENCE
from stick import INDEX, site
from wire import Wire

EXPECTED_SECONDS = 90
MIB = 1 << 20
BIG = random.Random(42).randbytes(20 * MIB)


@pytest.fixture
def guest(boot):
    return boot(stick=site(), append="tcp.msl=1", pcap_bytes=1600)


def curl(*arguments, check=True):
    result = subprocess.run(
        ["curl", "-s", "-S", "--max-time", str(PATIENCE * 30), "--noproxy", "*",
         *arguments], capture_output=True)
    if check:
        assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def ask(guest, request, timeout=10):
    """Sends bytes; returns everything until the guest closes, or b"" when it
    just closed.  Fails when it does neither in time."""
    with guest.connect(80, timeout) as s:
        s.sendall(request)
        got = b""
        while True:
            try:
                part = s.recv(65536)
            except ConnectionError:
                return got
            if not part:
                return got
            got += part


def status_of(answer):
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert match, "no status line: %r" % answer[:80]
    return int(match.group(1))


def request(method="GET", path="/", version="HTTP/1.1", close=True, more=""):
    return ("%s %s %s\r\nHost: guest\r\n%s%s\r\n" % (
        method, path, version, more,
        "Connection: close\r\n" if close else "")).encode()


# --- with curl ---------------------------------------------------------------

def test_curl_gets_the_page(guest):
    assert curl(guest.net.url()) == INDEX


def test_curl_404(guest):
    assert curl("-o", "/dev/null", "-w", "%{http_code}",
                guest.net.url("/nothing/here")) == b"404"


def test_curl_405_names_what_is_allowed(guest):
    for method in ("POST", "PUT", "DELETE"):
        said = curl("-i", "-X", method, "-d", "x=1", guest.net.url())
        assert b" 405 " in said.split(b"\r\n")[0]
        assert re.search(rb"(?im)^allow: .*GET", said)


def test_curl_head(guest):
    said = curl("-I", guest.net.url("/style.css"))
    assert b" 200 " in said.split(b"\r\n")[0]
    assert re.search(rb"(?im)^content-length: 18\r$", said)


def test_curl_keeps_the_connection(guest):
    url = guest.net.url
    said = curl("-w", "%{num_connects}\n", "-o", "/dev/null", "-o",
                "/dev/null", "-o", "/dev/null", url("/"), url("/style.css"),
                url("/nothing"))
    assert said.split() == [b"1", b"0", b"0"]


@pytest.mark.parametrize("path,body", [
    ("/docs/", b"<p>the folder's page\n"),
    ("/docs/deep/er/page.txt", b"deep\n"),
    ("/A%20Name%20With%20Spaces.txt", b"spaces\n"),
    ("/gr%C3%BC%C3%9Fe.txt", b"umlauts\n"),
    ("/viele%20gr%C3%BC%C3%9Fe.txt", b"more umlauts\n"),
    ("/upper.txt", b"upper\n"), ("/STYLE.CSS", b"p { color: teal }\n"),
    ("/style.css?v=3", b"p { color: teal }\n"),
    ("/empty.txt", b"")])
def test_curl_paths(guest, path, body):
    assert curl("-f", guest.net.url(path)) == body


def test_folder_without_slash_leads_to_its_page(guest):
    assert curl("-L", guest.net.url("/docs")) == b"<p>the folder's page\n"


@pytest.mark.parametrize("path", [
    "/../config.txt", "/%2e%2e/config.txt", "/docs/../../config.txt",
    "/..%2fconfig.txt", "/config.txt", "/www/index.html", "/.%00/config.txt",
    "//../config.txt"])
def test_nothing_outside_the_site_is_served(boot, path):
    guest = boot(stick=site(config="hostname = secret-name\n"))
    said = curl("--path-as-is", "-i", guest.net.url(path))
    assert b"secret-name" not in said
    assert status_of(said) in (400, 404)


@pytest.mark.parametrize("path,kind", [
    ("/", "text/html"), ("/style.css", "text/css"), ("/app.js", "javascript"),
    ("/picture.png", "image/png"), ("/docs/deep/er/page.txt", "text/plain")])
def test_content_types(guest, path, kind):
    assert kind in guest.get(path)[1]["content-type"]


def test_date_is_todays(guest):
    date = guest.get("/")[1]["date"]
    assert date.endswith(" GMT")
    sent = email.utils.parsedate_to_datetime(date).timestamp()
    assert abs(sent - time.time()) < 100, date


def test_statistics_are_on_the_admin_port_only(guest):
    assert guest.get("/stats")[0] == 404
    status, headers, body = guest.get("/stats", port=8139)
    assert status == 200 and headers["content-type"].startswith("text/plain")
    for name in (b"rx.frames", b"rx.delivered", b"drop.ip.checksum",
                 b"drop.bug.undecided", b"sched.threads"):
        assert re.search(rb"(?m)^" + re.escape(name) + rb" \d+$", body), name
    assert re.search(rb"(?m)^pool\.[\w.]+\.in_use \d+$", body)
    assert guest.get("/", port=8139)[0] in (200, 404)
    assert guest.get("/index.html", port=8139)[0] == 404


# --- big files -----------------------------------------------------------------

@pytest.mark.deadline(150)
def test_twenty_mebibyte_file_three_times(boot):
    guest = boot(mem=128, stick=site({"www/big.bin": BIG}), pcap_bytes=96)
    base = guest.stats()
    for _ in range(3):
        body = curl("-f", guest.net.url("/big.bin"))
        assert hashlib.sha256(body).digest() == hashlib.sha256(BIG).digest()
    guest.pools_return_to(base)


def test_big_files_at_once(boot):
    guest = boot(mem=128, stick=site({"www/mid.bin": BIG[:2 * MIB]}),
                 pcap_bytes=96)
    base = guest.stats()
    url = guest.net.url("/mid.bin")
    clients = [subprocess.Popen(["curl", "-sf", "--max-time",
                                 str(PATIENCE * 50), url],
                                stdout=subprocess.PIPE) for _ in range(10)]
    for c in clients:
        assert c.communicate()[0] == BIG[:2 * MIB]
    guest.pools_return_to(base)


def test_head_of_a_big_file_sends_no_body(guest):
    with guest.connect(80) as s:
        s.sendall(request("HEAD", "/picture.png", close=False))
        rest = bytearray()
        status, headers, _ = read_response(s, has_body=False, rest=rest)
        assert status == 200 and headers["content-length"] == "264"
        s.settimeout(0.5)
        with pytest.raises(socket.timeout):
            s.recv(1)
        assert not rest


def test_client_that_leaves_in_the_middle(boot):
    guest = boot(mem=128, stick=site({"www/mid.bin": BIG[:2 * MIB]}),
                 pcap_bytes=96)
    base = guest.stats()
    for _ in range(15):
        s = guest.connect(80)
        s.sendall(request(path="/mid.bin"))
        s.recv(1000)
        s.close()
    assert guest.get("/")[0] == 200
    guest.pools_return_to(base, 30)


# --- by hand -------------------------------------------------------------------

def test_pipelined_requests_are_answered_in_order(guest):
    paths = ["/style.css", "/nothing", "/", "/docs/", "/empty.txt"] * 8
    with guest.connect(80) as s:
        s.sendall(b"".join(request(path=p, close=False) for p in paths))
        rest = bytearray()
        for p in paths:
            status, _, body = read_response(s, rest=rest)
            assert status == (404 if p == "/nothing" else 200), p
            if p == "/":
                assert body == INDEX


def test_request_byte_by_byte(guest):
    with guest.connect(80) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(close=False):
            s.sendall(bytes([byte]))
            time.sleep(0.005)
        assert read_response(s)[2] == INDEX


def test_two_requests_cut_anywhere(guest):
    both = request(path="/style.css", close=False) + request(close=False)
    for cut in range(1, len(both), 5):
        with guest.connect(80) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(both[:cut])
            time.sleep(0.01)
            s.sendall(both[cut:])
            rest = bytearray()
            assert read_response(s, rest=rest)[2] == b"p { color: teal }\n"
            assert read_response(s, rest=rest)[2] == INDEX


def test_connection_close_is_obeyed(guest):
    answer = ask(guest, request())
    assert status_of(answer) == 200 and answer.endswith(INDEX)
    assert re.search(rb"(?im)^connection: close\r$", answer)


def test_http_1_0_closes(guest):
    answer = ask(guest, b"GET / HTTP/1.0\r\n\r\n")
    assert status_of(answer) == 200 and answer.endswith(INDEX)


@pytest.mark.parametrize("bad", [
    b"\x00\x01\x02\x03\r\n\r\n", b"hello\r\n\r\n", b"GET\r\n\r\n",
    b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nbad header line\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nName : x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET nothing HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) +
    b"\r\n\r\n"], ids=lambda b: repr(b[:28]))
def test_garbage_is_400_and_the_connection_ends(guest, bad):
    assert status_of(ask(guest, bad)) == 400
    assert guest.get("/")[0] == 200


def test_unknown_version(guest):
    assert status_of(ask(guest, request(version="HTTP/7.3"))) in (400, 505)


def test_unknown_method(guest):
    assert status_of(ask(guest, request(method="BREW"))) in (405, 501)


@pytest.mark.parametrize("head,codes", [
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100000 + b"\r\n\r\n",
     (400, 431)),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
     (400, 431)),
    (b"GET /" + b"p" * 100000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
     (400, 414, 431))], ids=["long_line", "many_lines", "long_path"])
def test_oversize_header_is_refused(guest, head, codes):
    """The rest of it may meet a reset; then the status can be lost on the way
    through QEMU, but the server lives and gives everything back."""
    base = guest.stats()
    try:
        answer = ask(guest, head)
    except ConnectionError:
        answer = b""
    assert not answer or status_of(answer) in codes
    assert guest.get("/")[0] == 200
    guest.pools_return_to(base)


def test_header_just_too_long_is_answered(guest):
    """Small enough to be read to its end before the refusal."""
    base = guest.stats()
    answer = ask(guest, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 16000 +
                 b"\r\n\r\n")
    assert status_of(answer) in (200, 400, 431)
    guest.pools_return_to(base)


@pytest.mark.deadline(120)
def test_slow_header_is_given_up(guest):
    """A client that never finishes its header does not hold a connection."""
    base = guest.stats()
    with guest.connect(80, 90) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: slow\r\n")
        answer = s.recv(65536)
    assert not answer or status_of(answer) == 408
    assert guest.stats().since(base).seconds() < 80
    guest.pools_return_to(base)


@pytest.mark.deadline(120)
def test_slow_reader_gets_everything(boot):
    guest = boot(mem=128, stick=site({"www/mid.bin": BIG[:2 * MIB]}),
                 pcap_bytes=96)
    with guest.connect(80) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.sendall(request(path="/mid.bin"))
        got = bytearray()
        started = time.monotonic()
        while True:
            part = s.recv(8192)
            if not part:
                break
            got += part
            if time.monotonic() - started < 8:
                time.sleep(0.05)
    assert bytes(got).endswith(BIG[:2 * MIB])


def test_body_of_a_refused_post_is_not_taken_for_a_request(guest):
    body = b"GET /smuggled HTTP/1.1\r\nHost: guest\r\n\r\n"
    answer = ask(guest, b"POST / HTTP/1.1\r\nHost: guest\r\nConnection: close"
                 b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert status_of(answer) == 405
    assert answer.count(b"HTTP/1.1 ") == 1


def test_hundred_idle_connections_do_not_block_others(boot):
    guest = boot(net=Wire(), mem=128, stick=site())
    base = guest.stats()
    idle = [guest.connect(80) for _ in range(100)]
    for s in idle[::2]:
        s.sendall(b"GET / HT")
    assert guest.get("/")[2] == INDEX
    for s in idle[::2]:
        s.sendall(b"TP/1.1\r\nHost: x\r\n\r\n")
        assert read_response(s)[2] == INDEX
    for s in idle:
        s.close()
    guest.pools_return_to(base)


def test_thousand_requests_on_one_connection(guest):
    base = guest.stats()
    with guest.connect(80) as s:
        for _ in range(1000):
            assert http_get(s, "/style.css")[0] == 200
    guest.pools_return_to(base)
