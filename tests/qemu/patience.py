# SPDX-License-Identifier: MIT
"""How long a test waits for what must come.

Seconds in tests are those of a machine that does nothing else.  Another one may
be busy, or stand still for a second at a time: so whatever waits for something
waits PATIENCE times as long before it says that it never came.  Only failures
take longer by that; and no test measures by the clock of the machine it runs
on what can be counted or told by the guest's."""

import time

PATIENCE = 5


def until(seconds):
    """The moment when waiting ends."""
    return time.monotonic() + PATIENCE * seconds


def wait(condition, seconds, what, pause=0.05):
    """Waits until condition() returns something true, and returns that.  what:
    for the failure; a text, or a function that makes one."""
    deadline = until(seconds)
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "not within %d s: %s" % (
            PATIENCE * seconds, what() if callable(what) else what)
        time.sleep(pause)
