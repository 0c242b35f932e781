"""New and vanished messages reach shells, open directories and the kernel's caches; and nothing that removes is led
astray by them."""

import os
import struct

import pytest

import shapes
from eventually import eventually
from filled import filled, names_of
from programs import program

COUNT = 10


@pytest.fixture
def box(dovecot):
    return filled(dovecot, COUNT)


def another_client_deletes(box, *names):
    pop = box.session()
    numbers = {line.split(b" ", 1)[1].decode(): int(line.split()[0]) for line in pop.uidl()[1]}
    for name in names:
        pop.dele(numbers[name])
    pop.quit()


def see(mount, *names):
    """Waits until the mount shows exactly these; looking is what makes it list again."""
    eventually(lambda: mount.names() == sorted(names), f"{len(names)} messages")


def exists(mount, name):
    return mount.call(os.path.exists, mount.path / name)


def test_what_another_session_deleted_is_soon_gone_once_it_was_refused(person, mounts, serve):
    server = serve(messages={name: b"Subject: %s\r\n\r\n" % name.encode() for name in "abc"},
                   rules=["on RETR 2 vanish"])
    mount = mounts.mount(server, person, way="plain", refresh=3600)
    with pytest.raises(OSError):
        mount.read("b")
    eventually(lambda: not exists(mount, "b"), "its end")
    with pytest.raises(FileNotFoundError):
        mount.read("b")
    assert mount.names() == ["a", "c"]
    assert mount.umount() == 0


def test_what_comes_and_goes_is_seen(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone, refresh=0)
    see(mount, *names)
    before = mount.call(os.stat, mount.path)
    stats = {name: mount.call(os.stat, mount.path / name) for name in names}   # the kernel knows them all
    mount.sums()
    new = box.deliver(shapes.ordinary(100))
    another_client_deletes(box, names[2], names[7])
    rest = [name for name in names if name not in (names[2], names[7])]
    see(mount, *rest, new)
    for name in (names[2], names[7]):   # the kernel hears of it just after the model
        eventually(lambda name=name: not exists(mount, name), "the kernel's forgetting")
    after = mount.call(os.stat, mount.path)
    assert after.st_mtime_ns > before.st_mtime_ns
    octets = box.retr()
    for name in [*rest, new]:
        assert mount.read(name) == octets[name]
    for name in rest:   # what stayed is what it was
        now = mount.call(os.stat, mount.path / name)
        assert (now.st_ino, now.st_mtime) == (stats[name].st_ino, stats[name].st_mtime)
    assert new in mount.run("ls", mount.path).ok().out
    assert mount.umount() == 0
    assert names_of(box) == sorted([*rest, new])


def test_looking_before_its_time_asks_nobody(box, person, mounts):
    mount = mounts.mount(box, person, refresh=3600)
    names = mount.names()
    box.deliver(shapes.ordinary(100))
    for _ in range(20):
        assert mount.names() == names
    assert box.sent("UIDL") == 1
    assert mount.umount() == 0


def test_a_file_can_be_removed_that_another_client_removed(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    another_client_deletes(box, names[0])
    mount.run("rm", mount.path / names[0], mount.path / names[1]).ok()
    assert mount.umount() == 0
    assert names_of(box) == names[2:]


def test_who_holds_a_vanished_file_open_reads_it_to_its_end(box, person, mounts):
    names = names_of(box)
    octets = box.retr(names[3])[names[3]]
    mount = mounts.mount(box, person, refresh=0)
    path = mount.path / names[3]

    def hold():
        with path.open("rb") as file:
            first = file.read(10)
            another_client_deletes(box, names[3])
            eventually(lambda: names[3] not in os.listdir(mount.path), "the next listing")
            return first + file.read(), os.fstat(file.fileno()).st_size

    assert mount.call(hold) == (octets, len(octets))
    assert mount.umount() == 0


def test_an_open_directory_shows_nothing_new_and_nothing_gone(box, person, mounts):
    names = names_of(box)
    rest = [*names[:5], *names[6:]]
    mount = mounts.mount(box, person, refresh=0)

    def read_while_it_changes():
        handle = os.open(mount.path, os.O_RDONLY | os.O_DIRECTORY)
        new = box.deliver(shapes.ordinary(100))
        another_client_deletes(box, names[5])
        eventually(lambda: sorted(os.listdir(mount.path)) == [*rest, new], "the next listing")
        held = sorted(os.listdir(handle))
        os.close(handle)
        return held

    assert mount.call(read_while_it_changes) == rest
    assert mount.umount() == 0


def test_removing_what_changes_meanwhile_skips_nothing(dovecot, anyone, mounts):
    """What was there when the directory was opened goes, whatever comes and goes while it is read; what is new
    stays."""
    box = dovecot.account(pop3_uidl_format="%f")
    for number in range(400):
        box.deliver(shapes.header(f"small-{number}"))
    names = names_of(box)
    mount = mounts.mount(box, anyone, refresh=0)

    def remove_all():
        failed, new = [], None
        with os.scandir(mount.path) as entries:
            for count, entry in enumerate(entries):
                if count == 50:   # the kernel has read on to some place in the middle
                    new = box.deliver(shapes.header("new"))
                    another_client_deletes(box, *names[:10], *names[60:70], *names[390:])
                    eventually(lambda: new in os.listdir(mount.path), "the next listing")
                try:
                    os.unlink(entry.path)
                except FileNotFoundError:
                    failed.append(entry.name)
        return new, failed, os.listdir(mount.path)

    new, failed, left = mount.call(remove_all)
    assert left == [new]
    assert set(failed) <= {*names[60:70], *names[390:]}   # the other client's
    assert mount.umount() == 0
    assert names_of(box) == [new]


@pytest.mark.parametrize("command", ["rm *", "rm -rf ./*", "find . -type f -delete"])
def test_rm_over_a_changing_directory(dovecot, person, mounts, command):
    box = dovecot.account(pop3_uidl_format="%f")
    for number in range(200):
        box.deliver(shapes.header(f"small-{number}"))
    names = names_of(box)
    mount = mounts.mount(box, person, refresh=0)
    see(mount, *names)
    shell = person.start("sh", "-c", f"cd '{mount.path}' && {command} 2>/dev/null")
    came = [box.deliver(shapes.header(f"new-{number}")) for number in range(20)]
    another_client_deletes(box, *names[100:110])
    shell.wait(60)
    eventually(lambda: set(mount.names()) <= set(came), "the end of all that was there")
    kept = mount.names()
    mount.call(os.listdir, mount.path / ".pop3fs/deleted")
    assert mount.umount() == 0
    assert set(kept) <= set(names_of(box)) <= set(came)


def test_a_second_shell_sees_what_the_first_removed(box, person, mounts):
    names = names_of(box)
    mount = mounts.mount(box, person)
    for name in names:
        assert exists(mount, name)
    mount.run("rm", mount.path / names[0]).ok()
    assert not exists(mount, names[0])
    mount.run("mv", mount.path / ".pop3fs/deleted" / names[0], mount.path).ok()
    assert exists(mount, names[0])
    assert mount.umount() == 0
    assert names_of(box) == names


def test_a_listing_with_nothing_new_writes_nothing(box, person, mounts, root):
    """Neither row nor log: a mount that only looks wears nothing out."""
    mount = mounts.mount(box, person, refresh=1000)

    def refresh():
        mount.run(program("pop3fs", root), "refresh", mount.path).ok()

    def stored():
        return {path.name: (path.stat().st_size, path.read_bytes()) for path in mount.cache.rglob("*")
                if path.is_file() and not path.name.endswith("-shm")}

    def is_settled():
        """All that is in the log is in the database, too: so it is a second after a listing that brought something."""
        index = next(mount.cache.rglob("*-shm")).read_bytes()
        (logged,), (brought,) = struct.unpack_from("=I", index, 16), struct.unpack_from("=I", index, 96)
        return logged == brought

    eventually(is_settled, "the end of the checkpoint")
    refresh()
    before = stored()
    assert mount.names() and any(name.endswith("-wal") for name in before)
    for _ in range(3):
        refresh()
    assert stored() == before
