"""Waiting for an event. This is the only place in the tests that sleeps.

A deadline here is no assertion about speed: it is far beyond what any machine needs, and only keeps a
broken program from holding the run up for ever.
"""

import time

PAUSE = 0.02     # seconds between two looks; the first ones come sooner
PATIENCE = 30    # seconds until a condition that does not come true fails the test


def eventually(condition, what="the condition", seconds=PATIENCE):
    """Calls condition() until it returns something true, and returns that."""
    end, pause = time.monotonic() + seconds, PAUSE / 20
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come in {seconds} seconds (last: {seen!r})")
        time.sleep(pause)
        pause = min(2 * pause, PAUSE)
