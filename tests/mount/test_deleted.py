"""What was deleted waits in .pop3fs/deleted: it can be read there, and taken back, until the server is told."""

import errno
import os
import re

import pytest

from eventually import eventually
from filled import filled, names_of, remove

COUNT = 8


@pytest.fixture
def box(dovecot):
    return filled(dovecot, COUNT)


def deleted(mount):
    """The names in .pop3fs/deleted, in its own order."""
    return mount.call(os.listdir, mount.path / ".pop3fs/deleted")


def take_back(mount, *names):
    mount.run("mv", *[mount.path / ".pop3fs/deleted" / name for name in names], mount.path).ok()


def refusal(mount, function):
    """The errno with which a call fails, made as the mount's owner."""
    def run():
        try:
            function()
        except OSError as error:
            return error.errno
        return 0
    return mount.call(run)


def test_what_was_deleted_stands_there_with_all_its_octets(box, anyone, mounts):
    names = names_of(box)
    octets = box.retr(*names[:2])
    mount = mounts.mount(box, anyone)
    mount.read(names[0])   # one is in the cache, the other is not
    before = mount.call(lambda: [os.stat(mount.path / name) for name in names[:2]])
    remove(mount, names[1], names[0])
    assert deleted(mount) == names[:2]
    assert mount.names() == names[2:]
    listing = mount.run("ls", "-la", mount.path / ".pop3fs").ok().out.splitlines()
    assert sorted(line.split()[-1] for line in listing[1:]) == [".", "..", "deleted", "headers", "maildir", "status"]
    for name, was in zip(names[:2], before):
        path = mount.path / ".pop3fs/deleted" / name
        assert mount.call(path.read_bytes) == octets[name]
        now = mount.call(os.stat, path)
        assert (now.st_mode & 0o777, now.st_uid, now.st_mtime) == (0o400, anyone.uid, was.st_mtime)
        assert now.st_size == len(octets[name]) and now.st_ino != was.st_ino
    assert mount.status()["pending deletions"] == "2"
    assert mount.umount() == 0
    assert names_of(box) == names[2:]


def test_mv_takes_it_back(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    sums = mount.sums()
    before = mount.call(os.stat, mount.path / names[1])
    remove(mount, *names[:4])
    take_back(mount, names[1], names[3])
    assert mount.names() == [names[1], *names[3:]]
    assert deleted(mount) == [names[0], names[2]]
    after = mount.call(os.stat, mount.path / names[1])
    assert (after.st_ino, after.st_mtime, after.st_nlink) == (before.st_ino, before.st_mtime, 1)
    assert mount.sums() == {name: sums[name] for name in mount.names()}
    assert mount.umount() == 0
    assert names_of(box) == [names[1], *names[3:]]


def test_what_is_taken_back_can_be_removed_again(box, person, mounts):
    names = names_of(box)
    mount = mounts.mount(box, person)
    for _ in range(3):
        remove(mount, names[2])
        take_back(mount, names[2])
    remove(mount, names[2])
    assert deleted(mount) == [names[2]]
    assert mount.umount() == 0
    assert names_of(box) == names[:2] + names[3:]


def test_taking_all_back_sends_no_dele(box, person, mounts):
    names = names_of(box)
    mount = mounts.mount(box, person)
    remove(mount, *names)
    assert mount.names() == []
    take_back(mount, *names)
    assert mount.names() == names
    assert mount.umount() == 0
    assert names_of(box) == names and box.sent("DELE") == 0


def test_it_is_on_disk_when_mv_returns(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0], names[1])
    take_back(mount, names[1])
    mount.kill9()
    later = mounts.mount(box, anyone, cache=mount.cache)
    assert later.names() == names[1:]
    assert deleted(later) == [names[0]]
    assert later.umount() == 0
    assert names_of(box) == names[1:]


def test_a_later_mount_says_what_waits_and_takes_it_back(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0], names[1])
    mount.kill9()
    later, text = mounts.on_terminal(box, anyone, cache=mount.cache)
    assert len(re.findall("2 deletions wait in the journal", text)) == 1
    assert f"pop3fs undelete {later.path}" in text
    assert deleted(later) == names[:2]
    take_back(later, *names[:2])
    later.kill9()
    last = mounts.foreground(box, anyone, cache=mount.cache)
    assert last.names() == names
    assert "wait in the journal" not in last.said()
    assert last.umount() == 0
    assert names_of(box) == names


def test_nothing_else_can_be_done_there(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    inside, root = mount.path / ".pop3fs/deleted", mount.path
    remove(mount, names[0])
    for function in [
        lambda: os.unlink(inside / names[0]),
        lambda: os.rmdir(inside),
        lambda: os.rename(inside / names[0], root / "another-name"),
        lambda: os.rename(inside / names[0], root / names[1]),
        lambda: os.rename(inside / names[0], root / ".pop3fs" / names[0]),
        lambda: os.rename(root / names[1], inside / names[1]),
        lambda: os.rename(root / names[1], root / "another-name"),
        lambda: os.mkdir(inside / "directory"),
        lambda: (inside / "file").write_bytes(b""),
        lambda: os.unlink(root / ".pop3fs/status"),
    ]:
        assert refusal(mount, function) == errno.EPERM
    assert mount.run("rm", "-rf", inside).code != 0
    assert mount.run("mv", "-n", root / names[1], root / "copy").code != 0   # mv must not take to copying
    assert mount.names() == names[1:] and deleted(mount) == [names[0]]
    assert mount.umount() == 0
    assert names_of(box) == names[1:]


def test_the_kernel_checks_permissions(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone, default_permissions=True)
    mount.run("rm", "-f", mount.path / names[0]).ok()
    take_back(mount, names[0])
    assert mount.names() == names
    assert mount.umount() == 0
    assert names_of(box) == names


def test_what_another_client_deletes_leaves_it(box, person, mounts):
    names = names_of(box)
    mount = mounts.mount(box, person, refresh=0)
    remove(mount, names[0], names[1])
    pop = box.session()
    pop.dele(1)
    pop.quit()

    def left():
        mount.names()   # an access, which lists again
        return deleted(mount) == [names[1]]

    eventually(left, "the next listing")
    assert refusal(mount, lambda: os.rename(mount.path / ".pop3fs/deleted" / names[0],
                                            mount.path / names[0])) == errno.ENOENT
    take_back(mount, names[1])
    assert mount.umount() == 0
    assert names_of(box) == names[1:]


def test_max_delete_is_a_bound_that_is_said_once(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.foreground(box, anyone, max_delete=2)
    mount.run("rm", *[mount.path / name for name in names[:2]]).ok()
    for name in names[2:5]:
        assert refusal(mount, lambda name=name: os.unlink(mount.path / name)) == errno.EDQUOT
    assert mount.names() == names[2:]
    assert mount.said().count("max_delete=2") == 1
    take_back(mount, names[0])
    remove(mount, names[5])
    assert refusal(mount, lambda: os.unlink(mount.path / names[6])) == errno.EDQUOT
    assert mount.said().count("max_delete=2") == 2
    mount.kill9()
    later = mounts.mount(box, anyone, cache=mount.cache, max_delete=2)   # those of earlier mounts count
    assert refusal(later, lambda: os.unlink(later.path / names[6])) == errno.EDQUOT
    assert later.umount() == 0
    assert names_of(box) == [name for name in names if name not in (names[1], names[5])]


def test_a_commit_makes_room_below_max_delete(box, person, mounts):
    names = names_of(box)
    mount = mounts.mount(box, person, max_delete=2)
    for at in range(0, COUNT, 2):
        remove(mount, *names[at:at + 2])
        if at + 2 < COUNT:
            assert refusal(mount, lambda at=at: os.unlink(mount.path / names[at + 2])) == errno.EDQUOT
        assert deleted(mount) == names[at:at + 2]
        mount.run(mount.argv[0], "commit", mount.path).ok()
        assert deleted(mount) == []
        assert names_of(box) == names[at + 2:]
    assert mount.umount() == 0


def test_ro_deletes_nothing_and_says_what_waits(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0], names[1])
    mount.kill9()
    still = mounts.foreground(box, anyone, cache=mount.cache, ro=True)
    assert "2 deletions wait in the journal" in still.said() and "read-only" in still.said()
    assert still.names() == names[2:] and deleted(still) == names[:2]
    assert still.call((still.path / ".pop3fs/deleted" / names[0]).read_bytes) == box.retr(names[0])[names[0]]
    assert refusal(still, lambda: os.unlink(still.path / names[2])) == errno.EROFS
    assert refusal(still, lambda: os.rename(still.path / ".pop3fs/deleted" / names[0],
                                            still.path / names[0])) == errno.EROFS
    assert still.umount() == 64
    assert names_of(box) == names and box.sent("DELE") == 0
    last = mounts.mount(box, anyone, cache=mount.cache)
    assert last.names() == names[2:]
    assert last.umount() == 0
    assert names_of(box) == names[2:]
