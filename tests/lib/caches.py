"""The kernel's pages and names, which all tests of a machine share: who makes it forget them waits for whoever looks at
what it has."""

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path

import pytest

LOCK = Path("/run/lock/pop3fs-test-caches")


@contextmanager
def _locked(how):
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, how)
        yield


@contextmanager
def left_alone():
    """Nobody makes the kernel forget anything."""
    if os.geteuid() != 0:
        yield   # and so can nobody
        return
    with _locked(fcntl.LOCK_EX):
        yield


def drop_caches():
    if os.geteuid() != 0:
        pytest.skip("only root can make the kernel forget")
    with _locked(fcntl.LOCK_SH):
        Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
