"""One account, two mounts: the second is refused while the first lives, and waits for one that is on its way out."""

import os
import signal

import pytest

from eventually import eventually

FOREVER = 600   # seconds: no time-out ends a wait in these tests


@pytest.fixture
def ending(mounts, serve, person):
    """A mount that was told to end, whose commit waits for an answer to QUIT; and its server."""
    server = serve(synthetic="5:1000", rules=["on QUIT stall 1"])
    mount = mounts.foreground(server, person, timeout=FOREVER, commit_timeout=FOREVER)
    mount.call(os.unlink, mount.path / "m0000001")
    os.kill(mount.pid, signal.SIGTERM)
    server.wait_for("> QUIT")
    return mount, server


def waiting_for(first):
    return f"waiting for pid {first.pid}, which commits the deletions of {first.path}"


def test_the_next_mount_waits_for_the_end_of_the_last(ending, mounts, person):
    first, server = ending
    second = mounts.begin(server, person, cache=first.cache)
    eventually(lambda: waiting_for(first) in second.said(), "a word about the wait")
    assert not second.is_mounted()
    logins = server.sent("PASS") + server.sent("AUTH")
    server.rules()
    server.unplug()   # the answer to QUIT never comes: not known
    first.wait()
    second.wait_until_it_answers()
    assert server.sent("PASS") + server.sent("AUTH") > logins
    assert second.said().count("waiting for pid") == 1


def test_it_gives_up_after_its_own_commit_timeout(ending, mounts, person):
    first, server = ending
    second = mounts.begin(server, person, cache=first.cache, commit_timeout=1)
    assert second.process.wait(60) == 32
    assert second.said().splitlines()[-1] == (
        f"pop3fs: pid {first.pid}, which commits the deletions of {first.path}, has not ended within 1 s")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait(ending, mounts, person, number):
    first, server = ending
    second = mounts.begin(server, person, cache=first.cache)
    eventually(lambda: waiting_for(first) in second.said(), "a word about the wait")
    second.process.send_signal(number)
    assert second.process.wait(60) == 32
    assert second.said().endswith("pop3fs: interrupted before the first listing\n")


def test_a_mount_that_lives_is_named_and_not_waited_for(mounts, serve, anyone):
    server = serve(synthetic="5:1000")
    first = mounts.mount(server, anyone)
    second, done = mounts.attempt(server, anyone, cache=first.cache)
    assert done.code == 32
    assert done.err == f"pop3fs: pid {first.pid} has this account mounted on {first.path}\n"
    assert first.is_mounted() and not second.is_mounted()


def test_mounting_again_at_once(mounts, serve, anyone):
    server = serve(synthetic="5:1000", rules=["on DELE delay 500"])
    mount = mounts.mount(server, anyone)
    for number in range(3):
        mount.call(os.unlink, mount.path / f"m000000{number}")
        anyone.run("fusermount3", "-u", mount.path).ok()   # which does not wait
        mount = mounts.mount(server, anyone, cache=mount.cache)
        assert len(mount.names()) == 4 - number
    assert mount.umount() == 0
