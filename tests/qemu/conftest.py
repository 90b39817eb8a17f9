# SPDX-License-Identifier: MIT
"""Fixtures: `boot` starts guests and, after the test, checks what must always
hold (no panic, ledger balanced, well-formed frames) and ends them.  Serial log
and capture of a failing test stay in build/test-logs/qemu/<test>/."""

import os
import re
import shutil
import signal

import pytest

import guest as guest_module
from guest import Guest
from patience import PATIENCE

DEADLINE_S = 60  # of a machine that does nothing else


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "deadline(seconds): the test's own time limit")


class Deadline(BaseException):
    """Not an Exception, so that no helper catches it as a failed try."""


@pytest.fixture(autouse=True)
def deadline(request):
    """No dead guest may hang the suite."""
    marker = request.node.get_closest_marker("deadline")
    seconds = PATIENCE * (marker.args[0] if marker else DEADLINE_S)

    def expired(_signal, _stack):
        raise Deadline("the test's deadline of %d s passed" % seconds)
    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.has_failed = True
    if outcome.get_result().failed and call.when != "teardown":
        for g in getattr(item, "guests", []):
            outcome.get_result().sections.append(
                ("serial console", g.tail()))


@pytest.fixture
def folder(request):
    name = re.sub(r"[^\w.-]+", "_", request.node.name)[:80].strip("_")
    path = os.path.join(guest_module.BUILD, "test-logs", "qemu", name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


@pytest.fixture
def boot(request, folder, deadline):
    """boot(net=..., ...) starts a guest and waits for READY; boot(ready=False,
    ...) does not wait."""
    guests = request.node.guests = []

    def start(ready=True, **options):
        where = folder if not guests else "%s/%d" % (folder, len(guests))
        g = Guest(where, **options)
        guests.append(g)
        g.start()
        if ready:
            g.wait_ready()
        return g

    yield start
    failed = getattr(request.node, "has_failed", False)
    try:
        if not failed:
            for g in guests:
                g.check_end()
    except BaseException:
        failed = True
        raise
    finally:
        for g in guests:
            g.stop()
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
