"""What is read is what RETR sends: all shapes, by every kind of reader, the first time and every time."""

import mmap
import os
import stat
from datetime import datetime, timezone

import pytest

import shapes
from dovecot import Raw
from eventually import eventually
from mounting import digest

RECEIVED = datetime(2026, 2, 3, 9, 20, 30, tzinfo=timezone.utc).timestamp()   # of shapes.header()


class Box:
    """A maildrop of all shapes, with the truth about it."""

    def __init__(self, account, messages):
        self.account = account
        for octets in messages.values():
            account.deliver(octets)
        sent = account.retr()
        assert len(sent) == len(messages)
        self.listed = account.listed()
        self.sizes = {uidl: len(octets) for uidl, octets in sent.items()}
        self.sums = {uidl: digest(octets) for uidl, octets in sent.items()}


@pytest.fixture(scope="module")
def all_shapes(dovecot):
    return Box(dovecot.account(), shapes.all_shapes())


@pytest.fixture(scope="module")
def odd_shapes(dovecot):
    """The odd ones without the attachment, for what need not be done a thousand times."""
    messages = shapes.odd()
    del messages["attachment"]
    return Box(dovecot.account(), messages)


def by_cat(mount, copy):
    mount.run("sh", "-c", 'cd "$0" && for name in *; do cat -- "$name" >"$1/$name" || exit; done',
              mount.path, copy).ok()


def by_cp(mount, copy):
    mount.run("cp", "-r", f"{mount.path}/.", copy).ok()


def by_rsync(mount, copy):
    mount.run("rsync", "-a", f"{mount.path}/", copy).ok()


def by_tar(mount, copy):
    mount.run("sh", "-c", 'tar -C "$0" -cf - . | tar -C "$1" -xf -', mount.path, copy).ok()


def by_mmap(mount, copy):
    def copy_all():
        for name in os.listdir(mount.path):
            with (mount.path / name).open("rb") as file, (copy / name).open("wb") as out:
                if os.fstat(file.fileno()).st_size:
                    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
                        out.write(octets)
    mount.call(copy_all)


READERS = [by_cat, by_cp, by_rsync, by_tar, by_mmap]


def check_copy(mount, reader, box):
    copy = mount.person.directory("copy")
    reader(mount, copy)
    got = mount.call(lambda: {p.name: digest(p.read_bytes()) for p in copy.iterdir()})
    assert sorted(got) == sorted(box.sums)
    assert [name for name in got if got[name] != box.sums[name]] == []
    mount.run("rm", "-rf", copy).ok()


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.__name__)
def test_a_thousand_messages_of_all_shapes(all_shapes, anyone, mounts, reader):
    mount = mounts.mount(all_shapes.account, anyone)
    check_copy(mount, reader, all_shapes)
    assert mount.sizes() == all_shapes.sizes
    check_copy(mount, reader, all_shapes)
    assert mount.umount() == 0
    later = mounts.mount(all_shapes.account, anyone, cache=mount.cache)
    check_copy(later, reader, all_shapes)
    assert later.umount() == 0


@pytest.mark.parametrize("way", ["plain", "stls", "tls"])
def test_every_way_to_the_server(odd_shapes, anyone, mounts, way):
    mount = mounts.mount(odd_shapes.account, anyone, way=way)
    assert mount.sums() == odd_shapes.sums
    assert mount.umount() == 0


def test_the_size_is_list_s_until_the_message_was_fetched(odd_shapes, person, mounts):
    mount = mounts.mount(odd_shapes.account, person)
    assert mount.sizes() == odd_shapes.listed

    def size_after_open(name):
        with (mount.path / name).open("rb") as file:
            return os.fstat(file.fileno()).st_size

    for name in mount.names():
        assert mount.call(size_after_open, name) == odd_shapes.sizes[name]
    assert mount.sizes() == odd_shapes.sizes
    assert mount.umount() == 0


def test_any_piece_of_a_message_can_be_read(account, person, mounts):
    account.deliver(shapes.odd()["attachment"])
    (uidl, octets), = account.retr().items()
    mount = mounts.mount(account, person)

    def piece(at, size):
        with (mount.path / uidl).open("rb") as file:
            return os.pread(file.fileno(), size, at)

    end = len(octets)
    for at, size in [(20_000_001, 10), (0, 1), (131_071, 2), (262_143, 131_074), (end - 3, 100), (end, 1)]:
        assert mount.call(piece, at, size) == octets[at:at + size]
    assert mount.umount() == 0


def test_a_second_rsync_moves_nothing_and_fetches_nothing(dovecot, anyone, mounts):
    box = Box(dovecot.account(), shapes.odd())
    mount = mounts.mount(box.account, anyone)
    backup = anyone.directory("backup")

    def rsync(which):
        return which.run("rsync", "-ai", f"{which.path}/", backup).ok().out

    assert rsync(mount).count("\n>f") >= len(box.sums) - 1
    fetched = box.account.retrs()
    assert rsync(mount) == ""
    assert mount.umount() == 0
    later = mounts.mount(box.account, anyone, cache=mount.cache)
    assert rsync(later) == ""
    assert later.umount() == 0
    assert box.account.retrs() == fetched


def test_each_message_is_fetched_once(dovecot, person, mounts):
    box = Box(dovecot.account(), shapes.odd())
    before = box.account.retrs()
    mount = mounts.mount(box.account, person)
    for _ in range(2):
        assert mount.sums() == box.sums
    # A few more at the most: where Dovecot's LIST is wrong about a message, or counts more than its header and nothing
    # else came, that one is asked for again before it is believed.
    assert len(box.sums) <= box.account.retrs() - before <= len(box.sums) + 3
    assert mount.umount() == 0


def test_what_stat_says_of_a_message_and_of_the_directory(account, anyone, mounts):
    account.deliver(shapes.ordinary(1))
    account.deliver(b"Subject: no date\n\n")
    first, second = account.uidls()

    def look():
        return {name: os.stat(mount.path / name) for name in (".", first, second)}

    mount = mounts.mount(account, anyone)
    seen = mount.call(look)
    directory, dated, undated = seen["."], seen[first], seen[second]
    assert stat.S_IMODE(directory.st_mode) == 0o700 and stat.S_ISDIR(directory.st_mode)
    for message in (dated, undated):
        assert stat.S_IMODE(message.st_mode) == 0o400 and stat.S_ISREG(message.st_mode)
        assert (message.st_uid, message.st_gid, message.st_nlink) == (anyone.uid, anyone.gid, 1)
        assert message.st_blocks == -(-message.st_size // 512)
    assert dated.st_mtime == RECEIVED
    assert dated.st_ctime == undated.st_mtime   # the moment both were first seen
    assert mount.umount() == 0
    mount = mounts.mount(account, anyone, cache=mount.cache)
    again = mount.call(look)
    for name in (first, second):
        assert (again[name].st_ino, again[name].st_mtime, again[name].st_ctime) == \
            (seen[name].st_ino, seen[name].st_mtime, seen[name].st_ctime)
    assert mount.umount() == 0


def test_df_shows_the_maildrop(odd_shapes, person, mounts):
    mount = mounts.mount(odd_shapes.account, person)
    seen = mount.call(lambda: os.statvfs(mount.path))
    assert seen.f_files == len(odd_shapes.listed)
    assert mount.run("df", mount.path).ok().out.count("\n") == 2
    assert mount.umount() == 0


def test_the_directory_lists_messages_and_nothing_else(odd_shapes, person, mounts):
    mount = mounts.mount(odd_shapes.account, person)
    assert mount.names() == sorted(odd_shapes.sums)
    found = mount.run("find", mount.path, "-type", "f").ok().out.splitlines()
    assert len(found) == len(odd_shapes.sums)
    status = mount.status()
    assert status["messages"] == str(len(odd_shapes.sums))
    assert int(status["pid"]) == mount.pid
    assert mount.umount() == 0


def test_nothing_can_be_written(odd_shapes, anyone, mounts):
    mount = mounts.mount(odd_shapes.account, anyone)
    name = str(mount.path / mount.names()[0])
    cases = [
        lambda: os.open(f"{mount.path}/new", os.O_CREAT | os.O_WRONLY),
        lambda: os.mkdir(f"{mount.path}/new"),
        lambda: os.symlink("x", f"{mount.path}/new"),
        lambda: os.link(name, f"{mount.path}/new"),
        lambda: os.rename(name, f"{mount.path}/new"),
        lambda: os.truncate(name, 0),
        lambda: os.chmod(name, 0o600),
        lambda: os.utime(name, (0, 0)),
        lambda: os.rmdir(f"{mount.path}/.pop3fs"),
    ]
    for case in cases:
        with pytest.raises(PermissionError):
            mount.call(case)
    assert mount.sums() == odd_shapes.sums
    assert mount.umount() == 0


def test_new_mail_appears(account, person, mounts):
    account.deliver(shapes.ordinary(1))
    mount = mounts.mount(account, person, refresh=1)
    assert len(mount.names()) == 1
    account.deliver(shapes.ordinary(2))
    eventually(lambda: len(mount.names()) == 2, "the new message")
    assert mount.sums() == {uidl: digest(octets) for uidl, octets in account.retr().items()}
    assert mount.umount() == 0


def test_a_message_that_dovecot_cannot_send_costs_only_itself(account, person, mounts):
    # Dovecot 2.3 does not stuff a dot in the first line: this one seems to end where it begins, and the rest of it
    # comes where the next reply should be.
    account.deliver(shapes.ordinary(1))
    first, = account.retr().items()
    account.deliver(b".\nSubject: out of step\n\n+OK 5 octets\nbody\n")
    account.deliver(shapes.ordinary(2))
    mount = mounts.mount(account, person, retry=0)
    names = account.uidls()
    second, third = names[1:]
    try:
        assert mount.read(second) == b""
    except OSError:
        pass
    assert mount.read(names[0]) == first[1]
    with Raw(account) as raw:
        assert mount.read(third) == raw.retr(3)
    mount.umount()
    assert len(account.messages()) == 3
