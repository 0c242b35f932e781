"""A mount without its server: what is cached is read, the rest fails at once, deletions wait, and all goes on by itself
when the server is back."""

import errno
import os

import pytest

from certs import Authority
from eventually import eventually

COUNT = 6
NAMES = [f"m{n}" for n in range(COUNT)]
CACHED, REST = NAMES[:2], NAMES[2:]
AWAY = {errno.ENETDOWN, errno.ECONNREFUSED}
NOT_MOUNTED, WAITING = 32, 64


def body(name):
    return f"Subject: {name}\r\n\r\nThis is {name}, {'x' * 500}\r\n".encode()


@pytest.fixture
def server(serve):
    return serve(messages={name: body(name) for name in NAMES})


def remove(mount, *names):
    mount.call(lambda: [os.unlink(mount.path / name) for name in names] and None)


def check_cut_off(mount):
    """All that needs no server goes on; what needs it fails at once."""
    for name in CACHED:
        assert mount.read(name) == body(name)

    def fails(name):
        try:
            os.close(os.open(mount.path / name, os.O_RDONLY))
        except OSError as error:
            return error.errno
        return 0

    for name in REST:
        assert mount.call(fails, name) in AWAY
    eventually(lambda: mount.call(fails, REST[0]) == errno.ENETDOWN, "the pause between two attempts")
    assert mount.names() == NAMES
    assert mount.sizes() == {name: len(body(name)) for name in NAMES}
    mount.run("df", mount.path).ok()
    eventually(lambda: mount.status()["state"] == "offline", "the state")
    assert mount.status()["last error"] != "none"


def check_all_well(mount, names):
    """The server is back: everything is read again, without anybody's doing."""
    def readable():
        try:
            return mount.sums() and True
        except OSError as error:
            assert error.errno in AWAY
            return False

    eventually(readable, "the server's return", 60)
    assert mount.names() == names
    for name in names:
        assert mount.read(name) == body(name)
    assert mount.status()["state"] != "offline"
    assert mount.status()["last error"] == "none"


def visit(server, anyone, mounts):
    """An earlier mount, which has read some; returns its cache."""
    mount = mounts.mount(server, anyone, prefetch=0)
    for name in CACHED:
        mount.read(name)
    assert mount.umount() == 0
    return mount.cache


def test_offline_mounts_what_is_stored(server, anyone, mounts):
    cache = visit(server, anyone, mounts)
    server.down()
    _, done = mounts.attempt(server, anyone, cache=cache)
    assert done.code == NOT_MOUNTED   # not without being asked for
    mount, text = mounts.on_terminal(server, anyone, cache=cache, offline=True)
    assert f"offline: 2 of {COUNT} messages are in the cache" in text
    check_cut_off(mount)
    assert mount.umount() == 0


def test_offline_deletions_wait_for_the_server(server, anyone, mounts):
    cache = visit(server, anyone, mounts)
    server.down()
    mount = mounts.mount(server, anyone, cache=cache, offline=True)
    remove(mount, NAMES[0], NAMES[5])
    mount.run("mv", mount.path / ".pop3fs/deleted" / NAMES[5], mount.path).ok()
    assert mount.names() == NAMES[1:]
    assert mount.call((mount.path / ".pop3fs/deleted" / NAMES[0]).read_bytes) == body(NAMES[0])
    assert mount.umount() == WAITING
    again = mounts.mount(server, anyone, cache=cache, offline=True)
    assert again.names() == NAMES[1:]
    server.up()
    assert again.umount() == 0
    assert sorted(server.messages()) == NAMES[1:]
    assert server.sent("DELE") == 1


def test_offline_ends_when_the_server_is_back(server, anyone, mounts):
    cache = visit(server, anyone, mounts)
    server.down()
    mount = mounts.mount(server, anyone, cache=cache, offline=True, refresh=1)
    remove(mount, NAMES[1])
    server.deliver("new", body("new"))
    server.up()
    eventually(lambda: "new" in mount.names(), "the new message", 60)
    check_all_well(mount, sorted(["new", *NAMES[:1], *NAMES[2:]]))
    assert mount.umount() == 0
    assert sorted(server.messages()) == sorted(["new", *NAMES[:1], *NAMES[2:]])


def test_offline_is_no_excuse(server, person, mounts, root):
    """Nothing stored, a wrong password, a stranger's certificate: no mount."""
    cache = visit(server, person, mounts)
    _, done = mounts.attempt(server, person, cache=cache, offline=True, password="wrong")
    assert done.code == NOT_MOUNTED
    stranger = Authority(root / "stranger-offline")
    _, done = mounts.attempt(server, person, cache=cache, offline=True, ca=stranger.ca)
    assert done.code == NOT_MOUNTED and "certificate" in done.err
    server.down()
    _, done = mounts.attempt(server, person, offline=True)   # into another cache
    assert done.code == NOT_MOUNTED and len(done.err.splitlines()) == 1


def test_offline_with_the_server_there_is_a_mount_like_any(server, person, mounts):
    cache = visit(server, person, mounts)
    server.deliver("new", body("new"))
    mount = mounts.mount(server, person, cache=cache, offline=True)
    assert mount.names() == sorted([*NAMES, "new"])
    assert mount.read("new") == body("new")
    assert mount.umount() == 0


@pytest.mark.parametrize("pulled", [False, True], ids=["listener-gone", "cable-pulled"])
def test_a_server_lost_in_the_middle(server, anyone, mounts, pulled):
    mount = mounts.mount(server, anyone, refresh=1, idle=1, prefetch=0)
    for name in CACHED:
        mount.read(name)
    server.down()
    if pulled:
        server.unplug()
    eventually(lambda: server.sent("QUIT") or pulled, "the end of the idle line")
    check_cut_off(mount)
    remove(mount, NAMES[0], NAMES[4])
    assert mount.names() == [n for n in NAMES if n not in (NAMES[0], NAMES[4])]
    assert mount.call((mount.path / ".pop3fs/deleted" / NAMES[0]).read_bytes) == body(NAMES[0])
    server.up()
    rest = [n for n in NAMES if n not in (NAMES[0], NAMES[4])]
    check_all_well(mount, rest)
    assert sorted(server.messages()) == NAMES   # nothing was sent by itself
    assert mount.umount() == 0
    assert sorted(server.messages()) == rest


def test_a_pulled_cable_is_not_noticed_if_the_server_is_there(server, person, mounts):
    mount = mounts.mount(server, person)
    mount.read(NAMES[0])
    for name in NAMES[1:4]:
        server.unplug()
        assert mount.read(name) == body(name)
    assert mount.umount() == 0


def test_unmounted_without_the_server_the_journal_keeps_it(server, anyone, mounts):
    mount = mounts.mount(server, anyone)
    remove(mount, *NAMES[:3])
    server.down()
    server.unplug()
    assert mount.umount() == WAITING
    server.up()
    later, text = mounts.on_terminal(server, anyone, cache=mount.cache)
    assert "3 deletions wait in the journal" in text
    assert later.names() == NAMES[3:]
    assert later.umount() == 0
    assert sorted(server.messages()) == NAMES[3:]
    assert server.sent("DELE") == 3


def test_a_server_that_keeps_failing_does_not_fill_the_log(serve, person, mounts):
    server = serve(messages={name: body(name) for name in NAMES}, rules=["on RETR close"])
    mount = mounts.foreground(server, person, prefetch=0)

    def refused(name):
        try:
            os.close(os.open(mount.path / name, os.O_RDONLY))
        except OSError as error:
            return error.errno
        return 0

    for name in NAMES:
        assert mount.call(refused, name)
    lines = mount.said().splitlines()
    assert lines and len(lines) == len(set(lines)), mount.said()
    assert mount.umount() == 0
    assert " more since this was last said)" in mount.said()
