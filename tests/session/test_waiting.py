"""A reader whose message never comes can be ended, and meanwhile everybody else goes on."""

import os
import signal

import pytest

STALLED = "m0000002"     # message 3
CACHED = "m0000000"      # message 1
FOREVER = 600            # seconds: no time-out ends a wait in these tests


@pytest.fixture
def stalled(anyone, mounts, serve):
    """A mount with one message in the cache, and one whose RETR is never answered; and the server."""
    server = serve(synthetic="5:2000", rules=["on RETR 3 stall 100"])
    mount = mounts.mount(server, anyone, timeout=FOREVER)
    assert len(mount.read(CACHED)) == 2000
    return mount, server


def start_reader(mount, server, count=1):
    readers = [mount.person.start("cat", mount.path / STALLED) for _ in range(count)]
    server.wait_for("> RETR 3")
    return readers


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_reader(stalled, number):
    mount, server = stalled
    reader, = start_reader(mount, server)
    assert reader.poll() is None
    os.kill(reader.pid, number)
    assert reader.wait(60) != 0
    assert len(mount.read(CACHED)) == 2000
    assert mount.umount() == 0


def test_twenty_readers_hold_nobody_up(stalled):
    mount, server = stalled
    readers = start_reader(mount, server, 20)
    assert len(mount.run("ls", "-l", mount.path).ok().out.splitlines()) == 6
    mount.run("df", mount.path).ok()
    mount.run("stat", mount.path / STALLED).ok()
    assert len(mount.read(CACHED)) == 2000
    mount.call(os.unlink, mount.path / "m0000004")
    assert len(mount.names()) == 4
    assert [reader.poll() for reader in readers] == [None] * 20
    for reader in readers:
        reader.kill()
    for reader in readers:
        reader.wait(60)
    assert len(mount.names()) == 4


def test_an_interrupted_fetch_goes_on_for_the_other_reader(person, mounts, serve):
    server = serve(synthetic="5:2000", rules=["on RETR 3 stall 100"])
    mount = mounts.mount(server, person, timeout=FOREVER)
    first, second = start_reader(mount, server, 2)
    first.kill()
    first.wait(60)
    server.rules()
    server.unplug()              # the message comes on the next line
    assert second.wait(60) == 0
    assert mount.umount() == 0


def test_no_progress_ends_the_wait_by_itself(person, mounts, serve):
    server = serve(synthetic="5:2000", rules=["on RETR 3 stall 100"])
    mount = mounts.mount(server, person, timeout=1, retry=0)
    with pytest.raises(OSError):
        mount.read(STALLED)
    assert len(mount.read("m0000003")) == 2000
    assert mount.umount() == 0


def test_unmounting_does_not_wait_for_a_message_that_never_comes(stalled):
    mount, server = stalled
    reader, = start_reader(mount, server)
    reader.kill()
    reader.wait(60)
    assert mount.umount() == 0


def test_sigterm_frees_a_waiting_reader(stalled):
    mount, server = stalled
    reader, = start_reader(mount, server)
    assert mount.terminate() == 0
    assert reader.wait(60) != 0
