"""The connection to the kernel ends in the middle of something: aborted, unreadable, or never there."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

import leftovers
from eventually import eventually
from faults import STALL
from filled import names_of, remove
from promise import letter

COUNT = 6


def filled(serve, count):
    """A scripted server with so many messages."""
    return serve(messages={f"m{number}": letter(f"m{number}") for number in range(count)})


def abort(mount):
    """As root does it, or the owner."""
    (minor,) = [minor for where, minor in leftovers.mounts_below(mount.path) if where == str(mount.path)]
    path = Path(f"/sys/fs/fuse/connections/{minor}/abort")
    if not path.exists():
        pytest.skip("fusectl is not mounted")
    path.write_text("1")


def look(mount, name):
    """The errno of reading it; 0."""
    def read():
        try:
            (mount.path / name).read_bytes()
        except OSError as error:
            return error.errno
        return 0
    return mount.call(read)


def is_free(mounts, server, person, mount):
    """The account and the mountpoint can be had again, though a dead mount may stand there; and nothing is lost."""
    again = mounts.mount(server, person, cache=mount.cache, mountpoint=mount.path)
    assert set(again.sums()) == set(server.messages())
    assert again.umount() == 0


def test_aborted_while_an_open_waits(person, mounts, serve):
    server = filled(serve, COUNT)
    server.rules("on RETR 4 times=1 stall")
    mount = mounts.mount(server, person, prefetch=0, commit_timeout=20)
    names = names_of(server)
    remove(mount, names[0])
    reader = person.start("cat", mount.path / names[3], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server.wait_for("> RETR 4")
    abort(mount)
    assert reader.wait(30) == 1
    assert mount.wait() == 0
    assert look(mount, names[1]) == errno.ENOTCONN   # no empty directory, which rsync --delete would believe
    assert names_of(server) == names[1:]
    is_free(mounts, server, person, mount)


def test_aborted_while_a_commit_runs(person, mounts, serve):
    server = filled(serve, COUNT)
    mount = mounts.mount(server, person, prefetch=0)
    names = names_of(server)
    remove(mount, names[0])
    server.rules("on DELE times=1 delay 500")
    command = person.start(mount.argv[0], "commit", mount.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server.wait_for("> DELE")
    abort(mount)
    assert command.wait(30) != 0
    assert mount.wait() == 0
    assert names_of(server) == names[1:]
    is_free(mounts, server, person, mount)


def test_what_was_put_there_meanwhile_stays(person, mounts, serve):
    """A mount that is gone is not taken away a second time: somebody else's may stand there."""
    first, second = filled(serve, 2), filled(serve, 3)
    mount = mounts.mount(first, person, prefetch=0, commit_timeout=30)
    remove(mount, names_of(first)[0])
    first.rules("on DELE times=1 delay 1000")
    pid = mount.pid
    mount.run("fusermount3", "-u", mount.path).ok()
    other = mounts.mount(second, person, mountpoint=mount.path)
    leftovers.wait_for_end(pid, 60)
    assert len(other.names()) == 3
    assert other.umount() == 0


def test_a_device_that_cannot_be_read_ends_the_mount(person, mounts, serve, plan):
    server = filled(serve, COUNT)
    names = names_of(server)
    mount = started(mounts, server, person, plan)
    remove(mount, names[0])
    plan.fail("fuse", errno=errno.EIO, times=0)
    assert look(mount, names[1]) != 0
    assert mount.wait() == 0
    plan.calm()
    eventually(lambda: not mount.is_mounted(), "the mount that nobody serves is taken away")
    assert names_of(server) == names[1:]
    is_free(mounts, server, person, mount)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hide the device")
@pytest.mark.parametrize("there", ["/dev/null", None])
def test_no_device_is_one_sentence(root_person, mounts, serve, there):
    hide = f"mount --bind {there} /dev/fuse" if there else "mount -t tmpfs tmpfs /dev"
    under = ("unshare", "-m", "sh", "-c", f'{hide} && exec "$@"', "sh")
    server = filled(serve, 1)
    mount, done = mounts.attempt(server, root_person, under=under)
    assert done.code == 32 and len(done.err.splitlines()) == 1, done
    assert not mount.is_mounted()
    is_free(mounts, server, root_person, mount)


# ---- the notify thread is held up ----

def started(mounts, server, person, plan, **options):
    """A mount with the shim."""
    with plan.loaded():
        return mounts.mount(server, person, **options)


def hold_up(mount, server, plan):
    """A notification does not return: something is told to the kernel, from another thread than the first."""
    mount.names()
    plan.fail("fuse", errno=STALL, times=0, others=True)
    server.deliver("zz-new", b"Subject: new\r\n\r\nnew\r\n")
    mount.run(mount.argv[0], "refresh", mount.path).ok()
    eventually(lambda: plan.failed, "a notification")


def test_a_notification_that_does_not_return_holds_nobody_up(person, mounts, serve, plan):
    server = filled(serve, COUNT)
    mount = started(mounts, server, person, plan)
    hold_up(mount, server, plan)
    for number in range(20):   # listings that come and go
        server.deliver(f"passing-{number}", b"Subject: passing\r\n\r\npassing\r\n")
        mount.run(mount.argv[0], "refresh", mount.path).ok()
        (server.directory / f"passing-{number}").unlink()
    mount.run(mount.argv[0], "refresh", mount.path).ok()
    for name in names_of(server):
        assert mount.read(name) == server.messages()[name]
    plan.calm()
    eventually(lambda: mount.names() == sorted(server.messages()), "the kernel has heard of all")
    eventually(lambda: look(mount, "passing-7") == errno.ENOENT, "and of what came and went")
    assert mount.umount() == 0


@pytest.mark.parametrize("way", ["umount", "terminate"])
def test_a_notification_that_never_returns_does_not_keep_the_account(person, mounts, serve, plan, way):
    server = filled(serve, COUNT)
    names = names_of(server)
    mount = started(mounts, server, person, plan)
    hold_up(mount, server, plan)
    remove(mount, names[0])
    assert getattr(mount, way)() == 0
    assert names_of(server) == sorted([*names[1:], "zz-new"])
    is_free(mounts, server, person, mount)
