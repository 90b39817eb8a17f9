# SPDX-License-Identifier: MIT
"""The card seen from outside: each access to its registers, each frame on its
wire, and what happens when the machine under the driver changes.  The numbers
in [brackets] are the cases of docs/RTL8139.md, section 10."""

import collections
import os
import random
import struct
import time

import pytest

import card
import frames as f
import patience
from card import Access
from wire import Wire

EXPECTED_SECONDS = 32
SOAK = os.environ.get("SOAK") == "1"
# Machine and door: all of them, or each of them once.
MATRIX = [(m, d) for m in ("pc", "q35") for d in ("pvh", "uefi", "bios")] \
    if SOAK else [("pc", "pvh"), ("q35", "uefi")]
COMMAND, MEMORY, MASTER = 4, 2, 4
CONFIG_ADDRESS, CONFIG_DATA = 0xcf8, 0xcfc
ELCR = 0x4d0
RBSTART, CAPR, CBR, TIMERINT, TCTR = 0x30, 0x38, 0x3a, 0x54, 0x48
RING = 32768
ME, GUEST = f.ip4("10.66.0.1"), f.ip4("10.66.0.2")
MDNS = f.mac("01:00:5e:00:00:fb")


# What came while the machine stood still comes at once.
AT_ONCE = ("-object", "filter-buffer,id=bursts,netdev=n0,interval=20000")


def answered(wire, sizes, seconds=20):
    """Pings of these sizes, all at once; what came back, in order."""
    ident = random.randrange(1 << 16)
    for n, size in enumerate(sizes):
        wire.send_ip(f.ICMP, f.echo_request(ident, n, noise(n, size)))
    return take_answers(wire, ident, sizes, seconds)


def send_while_paused(guest, sizes):
    """Pings to a machine that stands still: QEMU and the card's ring fill."""
    wire = guest.net
    guest.qmp("stop")
    left = wire.send_until_full(
        (f.ICMP, f.echo_request(19, n, noise(n, size)))
        for n, size in enumerate(sizes))
    guest.qmp("cont")
    for ping in left:
        wire.send_ip(*ping)
    return take_answers(wire, 19, sizes)


def noise(n, size):
    return random.Random(n).randbytes(size)


def take_answers(wire, ident, sizes, seconds=20):
    order = []
    for _ in sizes:
        pong = wire.expect(
            lambda x: x.proto == f.ICMP and x.kind == 0 and
            x.rest[:2] == struct.pack("!H", ident), seconds, "pong")
        n, = struct.unpack("!H", pong.rest[2:4])
        assert pong.rest[4:] == noise(n, sizes[n]), "pong %d differs" % n
        order.append(n)
    return order


def check_echo(wire, data):
    """Over TCP and back.  The peer acknowledges, so little is sent at once."""
    with wire.connect(7) as s:
        got = b""
        for at in range(0, len(data), 4096):
            s.sendall(data[at:at + 4096])
            while len(got) < min(at + 4096, len(data)):
                got += s.recv(65536)
        assert got == data


# --- the rules can be broken -----------------------------------------------

def accesses(text):
    """w32@30 r16@3e!1: an access each; ! in this interrupt."""
    for word in text.split():
        what, _, interrupt = word.partition("!")
        way, _, off = what.partition("@")
        yield Access(int(off, 16), int(way[1:]), way[0] == "w",
                     int(interrupt or 0))


START = "w8@5b w8@50 w32@0 w32@4 w8@50 w32@30 w8@37 w32@44 w16@38 "
SEND = "w32@20 w32@10 w32@24 w32@14 w32@28 w32@18 w32@2c w32@1c "


@pytest.mark.parametrize("trace", [
    START + SEND + SEND + "r16@3e!1 w16@3c!1 r16@3c!1 r16@3e!2 r16@3a",
    START + SEND + "w32@20 w32@10 " + START + SEND])
def test_a_good_trace_is_accepted(trace):
    assert card.access_errors(list(accesses(trace))) == []


@pytest.mark.parametrize("trace,rule", [
    ("r8@3e", "not of this width"),
    ("r32@3c", "not of this width"),
    ("w16@e0", "no register"),
    ("r8@3f", "no register"),
    (START + "w32@24 w32@14", "the turn of"),
    (START + SEND + "w32@10", "the turn of"),
    (START + "w32@20 w32@14", "the turn of"),
    (START + SEND + "w32@20 w32@10 w32@20 w32@10", "the turn of"),
    ("w32@20 w32@10", "the turn of"),
    ("w8@52", "while locked"),
    (START + "w32@0", "while locked"),
    (START + "w32@44 r16@3a", "without CAPR"),
    ("r16@3e!1 w16@3c!1", "an interrupt did"),
    ("r16@3e!1 w16@3e!1", "an interrupt did"),
    ("r16@3e!1 r16@3a!1", "an interrupt did"),
    ("r16@3e!1 r16@3e!1", "an interrupt did"),
])
def test_a_broken_rule_is_found(trace, rule):
    errors = card.access_errors(list(accesses(trace)))
    assert len(errors) == 1 and rule in errors[0], errors


@pytest.mark.parametrize("change,rule", [
    (lambda raw: raw[:50], "frame of 50"),
    (lambda raw: raw + bytes(1500), "frame of 1560"),
    (lambda raw: raw[:59] + b"x", "padding"),
    (lambda raw: raw[:6] + bytes(6) + raw[12:], "another card"),
    (lambda raw: raw[:17] + b"\x40" + raw[18:], "IPv4"),
    (lambda raw: raw[:30] + b"\x01" + raw[31:], "checksum"),
])
def test_a_wrong_frame_is_found(change, rule):
    mac = f.mac("52:54:00:12:34:56")
    raw = f.eth(f.BROADCAST, mac, f.ETH_IP, f.ipv4(
        ME, GUEST, f.ICMP, f.echo_request(1, 1, b"x"))).ljust(60, b"\0")
    assert card.frame_errors(f.Frame(raw), mac) == []
    errors = card.frame_errors(f.Frame(change(raw)), mac)
    assert any(rule in e for e in errors), errors


# --- a busy card, watched --------------------------------------------------

def be_busy(guest):
    wire = guest.net
    for _ in range(5):
        assert guest.get("/")[0] == 200
    answered(wire, [n % 1473 for n in range(0, 6000, 37)])
    for n in range(50):
        wire.send_udp(5000 + n, 7, noise(n, n * 29))
        wire.expect(lambda x: x.proto == f.UDP and x.dport == 5000 + n)
    check_echo(wire, noise(1, 300000))
    wire.send(f.eth(f.BROADCAST, wire.mac, f.ETH_ARP, f.arp(
        1, wire.mac, wire.ip, bytes(6), wire.guest_ip)))
    wire.expect(lambda x: x.op == 2)
    guest.set_link(False)
    guest.wait_line("link down")
    guest.set_link(True)
    patience.wait(lambda: guest.stats()["eth0.link_up"], 10, "the link is up")


def equality_errors(guest):
    """Frames on the wire before /stats was sent, against what it says."""
    wire = guest.net
    stats = guest.stats()
    frames = [f.Frame(raw) for raw in card.read_capture(
        guest.folder + "/wire.pcap")]
    # The answer in question is the last that begins with this.
    end = max(n for n, x in enumerate(frames)
              if x.src == wire.guest_mac and x.proto == f.TCP and
              x.data.startswith(b"HTTP/1.1 200"))
    out = [x for x in frames[:end] if x.src == wire.guest_mac]
    into = [x for x in frames[:end] if x.src != wire.guest_mac and
            x.dst in (wire.guest_mac, f.BROADCAST)]
    said = [stats["eth0." + name] for name in (
        "rx_frames", "rx_bytes", "tx_frames")]
    seen = [len(into), sum(max(60, len(x.raw)) for x in into), len(out)]
    wrong = [e for x in frames if x.src == wire.guest_mac
             for e in card.frame_errors(x, wire.guest_mac)]
    strangers = [x for x in frames
                 if x.src not in (wire.guest_mac, wire.mac)]
    return said, seen, wrong, strangers


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_a_busy_card_keeps_the_rules(boot, folder, machine):
    """[7] [28] [50], and how little the card is asked."""
    watch = card.Watch(folder)
    guest = boot(net=Wire(), machine=machine, pcap_bytes=65536,
                 extra=watch.arguments())
    watch.find_card(guest)
    guest.wait_line(r"RTL8139C\+ at .*, revision 20, 52:54:00:12:34:56")
    be_busy(guest)
    first = watch.count()
    send_while_paused(guest, [18] * 200)
    alone = len(watch.accesses(first)) / 200
    assert alone <= 14, "accesses for a frame that comes and goes alone"
    # Not so when something left, or came, while the guest wrote its answer.
    for _ in range(10):
        said, seen, wrong, strangers = equality_errors(guest)
        if said == seen:
            break
    assert said == seen, "counted, and seen on the wire"
    assert wrong == [] and strangers == []
    done = watch.accesses()
    assert card.access_errors(done) == []
    ways = collections.Counter((a.way, a.off) for a in done)
    assert ways["w", 0x10] + ways["w", 0x14] > 100, "slots were watched"
    assert any(a.interrupt for a in done), "interrupts were watched"
    # The start, its self-test included, and no reset since.
    assert ways["w", card.HLTCLK] == 2
    assert ways["w", CAPR] <= seen[0] + 4, "once in a round at most"


# --- cases 9 to 28 over the wire -------------------------------------------

def check_lengths(guest):
    """[9] [25] [26]: the wire checks length and padding of each answer."""
    wire = guest.net
    sizes = list(range(24)) + [1470, 1471, 1472]
    assert sorted(answered(wire, sizes)) == list(range(len(sizes)))


def check_runt(guest):
    """[10]: QEMU pads it to 60 bytes, and 64 with the FCS."""
    before = guest.stats()
    guest.net.send(f.eth(f.BROADCAST, guest.net.mac, 0x88b5, b"runt..")[:20])
    after = guest.stats().since(before)
    assert after.drops() == {"eth.type": 1}
    assert after["eth0.rx_errors"] == 0


def check_laps(guest):
    """[11] [12]: the end of the ring is straddled in many ways."""
    before = guest.stats()
    chance = random.Random(8139)
    for _ in range(30):
        sizes = [chance.randrange(1473) for _ in range(20)]
        assert answered(guest.net, sizes) == list(range(20))
    after = guest.stats().since(before)
    assert after["eth0.rx_bytes"] > 10 * RING
    assert after["eth0.rx_wrapped"] > 5


def check_giants(guest):
    """[13]: no frame of a cable, but of QEMU's networks."""
    before = guest.stats()
    for size in (1519, 1523, 4000, 16000):
        guest.net.send(f.eth(guest.net.guest_mac, guest.net.mac, 0x88b5,
                             bytes(size - 14)))
        guest.net.ping(3, size, b"alive")
    after = guest.stats().since(before)
    assert after["eth0.rx_oversize"] == 4
    assert after["eth0.rx_restarts"] == after["eth0.resets"] == 0


def check_overflow(guest):
    """[19]: the guest stands still while its ring fills, and loses nothing."""
    assert send_while_paused(guest, [1400] * 60) == list(range(60))


def check_filter(guest):
    """[24]: for us, for all, and nothing else."""
    wire = guest.net
    before = guest.stats()
    for to in (MDNS, f.mac("33:33:00:00:00:01"), f.mac("52:54:00:12:34:57"),
               f.BROADCAST, wire.guest_mac):
        wire.send(f.eth(to, wire.mac, 0x88b5, bytes(60)))
    after = guest.stats().since(before)
    assert after.drops() == {"eth.type": 2}


@pytest.mark.deadline(120)
@pytest.mark.parametrize("machine,door", MATRIX)
def test_frames_of_every_kind(boot, machine, door):
    """[55]"""
    guest = boot(net=Wire(), machine=machine, door=door, mem=128)
    assert guest.net.ping(1, 1, b"")
    for check in (check_lengths, check_runt, check_laps, check_giants,
                  check_overflow, check_filter):
        check(guest)
    stats = guest.stats()
    assert stats["eth0.resets"] == stats["eth0.irq_lost"] == 0


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("slot", range(4, 29) if SOAK else [7, 9])
def test_a_card_works_in_every_slot(boot, machine, slot):
    """[36]: the slot decides which line it is wired to."""
    guest = boot(net=Wire(), machine=machine, addr="%x" % slot)
    assert guest.net.ping(1, 1, b"")
    assert answered(guest.net, [64] * 50) == list(range(50))
    stats = guest.stats()
    assert stats["eth0.line"] != "polled" and stats["eth0.interrupts"] > 0
    assert stats["eth0.irq_lost"] == stats["eth0.irq_storm"] == 0


def test_memory_above_4_gib_is_not_used_for_frames(boot):
    """[54]: an address of the card's has 32 bits."""
    guest = boot(net=Wire(), machine="q35", mem=8192)
    assert guest.net.ping(1, 1, b"")
    check_laps(guest)
    check_echo(guest.net, noise(2, 200000))


# --- the machine changes ---------------------------------------------------

def select(guest, register):
    guest.poke("outl", CONFIG_ADDRESS, 0x80000000 | 4 << 11 | register)


def registers(guest):
    select(guest, 0x14)
    return guest.poke("inl", CONFIG_DATA)


@pytest.fixture
def poked(boot):
    """A card in slot 4, whose registers and memory the test can change."""
    guest = boot(net=Wire(), machine="pc", addr="4", qtest=True)
    assert guest.net.ping(1, 1, b"")
    return guest


def keep_pinging(guest, until, seconds=10):
    """Until /stats is as wished, whatever is lost."""
    def try_once():
        try:
            guest.net.ping(7, 7, b"again", timeout=0.3)
            stats = guest.stats(5)
            return until(stats) and stats
        except (AssertionError, OSError):
            return None
    return patience.wait(try_once, seconds, guest.tail)


@pytest.mark.parametrize("left", [0, MEMORY, MASTER], ids=[
    "neither", "no_bus_mastering", "no_memory_decoding"])
def test_a_card_that_was_switched_off_comes_back(poked, left):
    """[8] [43]"""
    select(poked, COMMAND)
    poked.poke("outw", CONFIG_DATA, left)
    stats = keep_pinging(poked, lambda s: s["eth0.resets"] > 0)
    assert stats["eth0.fault.halted"] >= 1
    check_echo(poked.net, noise(3, 100000))
    if not left & MASTER:
        poked.net.wrong.clear()  # QEMU's card sent zeros meanwhile


def break_next_header(guest, header):
    """A frame arrives while the card is masked, and its header changes before
    the driver is told.  Returns whether it was in time: the driver looks by
    itself once a second."""
    base = registers(guest)
    before = guest.stats()["eth0.fault.rx_header"]
    mask = guest.poke("readw", base + card.IMR)
    guest.poke("writew", base + card.IMR, 0)
    at = (guest.poke("readw", base + CAPR) + 16) % RING
    guest.net.send_udp(4000, 9, b"to be broken")
    patience.wait(lambda: guest.poke("readw", base + CBR) != at, 5,
                  "a frame in the ring", 0)
    guest.poke("writel", guest.poke("readl", base + RBSTART) + at, header)
    guest.poke("writew", base + card.IMR, mask)
    return guest.stats()["eth0.fault.rx_header"] > before


def test_a_broken_header_costs_no_connection(poked):
    """[14] [17] [23]: the receiver is started again, and nothing else is."""
    wire = poked.net
    with wire.connect(7) as s:
        for n, header in enumerate((0, 0x00400000, 0xffff0001, 0x00040001)):
            while not break_next_header(poked, header):
                pass
            s.sendall(b"still there? %d" % n)
            assert s.recv(100) == b"still there? %d" % n
    stats = poked.stats()
    assert stats["eth0.fault.rx_header"] == 4
    assert 1 <= stats["eth0.rx_restarts"] <= 4
    assert stats["eth0.rx_restarts"] + stats["eth0.resets"] == 4
    assert stats["eth0.link_changes"] == 1
    assert answered(wire, [100] * 50) == list(range(50))


def test_edges_are_enough(poked):
    """[41]: an 8259 as OVMF leaves it: each line edge triggered."""
    assert poked.stats()["eth0.line"] == "irq 11"
    poked.poke("outb", ELCR, 0)
    poked.poke("outb", ELCR + 1, 0)
    before = poked.stats()
    assert answered(poked.net, [64] * 300) == list(range(300))
    check_echo(poked.net, noise(4, 200000))
    time.sleep(1.1)  # a look
    after = poked.stats().since(before)
    assert after["eth0.irq_lost"] == after["eth0.resets"] == 0
    assert after["eth0.interrupts"] > 0


def test_the_timer_of_the_card_is_not_needed(poked):
    """[45]: it is set by a stranger; a value of 1 is missed for a lap."""
    base = registers(poked)
    for ticks in (1, 1000):
        poked.poke("writel", base + TIMERINT, ticks)
        poked.poke("writel", base + TCTR, 0)
        assert answered(poked.net, [64] * 50) == list(range(50))
    stats = poked.stats()
    assert stats["eth0.resets"] == stats["eth0.irq_storm"] == 0


def test_bursts_keep_their_order(boot, folder):
    """[51]: what came while the machine stood still arrives at once, and is
    taken in few rounds: the card is asked little for each frame."""
    watch = card.Watch(folder)
    guest = boot(net=Wire(), extra=watch.arguments() + AT_ONCE)
    watch.find_card(guest)
    assert guest.net.ping(1, 1, b"")
    before, first = guest.stats(), watch.count()
    assert send_while_paused(guest, [200] * 400) == list(range(400))
    each = len(watch.accesses(first)) / 400
    after = guest.stats().since(before)
    print("%d polls, %.1f accesses each" % (after["eth0.polls"], each))
    assert after["eth0.polls"] < 200, "many frames in a round"
    assert each <= 4, "accesses for a frame among others"
