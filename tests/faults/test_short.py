"""What a process has is short: descriptors, processes, room on the disk. It works, or says in a sentence why not."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from eventually import eventually
from filled import names_of, remove
from programs import program
from promise import letter

COUNT = 6


@pytest.fixture
def server(serve):
    return serve(messages={f"m{number}": letter(f"m{number}", 2000) for number in range(COUNT)})


def works_or_says(mounts, server, person, **options):
    """One mount, to its end; whether it came about."""
    mount, done = mounts.attempt(server, person, **options)
    if done.code != 0:
        assert done.err.strip() and not mount.is_mounted(), done
        eventually(lambda: not mount.processes(), "the end of its processes")
        return False
    mount.pid = max(mount.processes(), key=lambda pid: len(os.listdir(f"/proc/{pid}/task")))
    mount.run("ls", "-l", mount.path)
    mount.umount()
    return True


def all_is_well(mounts, server, person, cache):
    mount = mounts.mount(server, person, cache=cache)
    assert set(mount.sums()) == set(server.messages())
    assert mount.umount() == 0


def test_few_descriptors_at_the_mount(mounts, server, person):
    cache = person.directory("cache")
    came = [works_or_says(mounts, server, person, cache=cache, under=("prlimit", f"--nofile={most}"))
            for most in (*range(4, 40, 3), 64)]
    assert came[-1] and not came[0], came
    assert came == sorted(came), "with more it works if it did with fewer"
    all_is_well(mounts, server, person, cache)


def limit(mount, most):
    """Of descriptors, from now on; those that it has stay."""
    mount.run("prlimit", f"--pid={mount.pid}", f"--nofile={most}:4096").ok()


def test_no_descriptor_is_left_to_a_mount(mounts, server, person, root):
    mount = mounts.mount(server, person, prefetch=0, idle=0, retry=1, timeout=5)
    names = names_of(server)
    mount.read(names[0])
    eventually(lambda: server.wait_for("close"), "the session ends")
    limit(mount, 8)   # and it has more

    def read(name):
        try:
            return len((mount.path / name).read_bytes())
        except OSError as error:
            return -error.errno

    assert mount.call(read, names[0]) > 0   # it is there
    assert mount.call(read, names[1]) < 0   # a socket would have to be made
    assert "descriptor" in mount.status()["last error"] or "open files" in mount.status()["last error"]
    remove(mount, names[2])
    limit(mount, 1024)
    mount.run(program("pop3fs", root), "refresh", mount.path).ok()
    assert mount.call(read, names[1]) > 0
    assert mount.umount() == 0
    assert names_of(server) == [name for name in names if name != names[2]]


@pytest.mark.parametrize("number", range(1, 6))
def test_a_process_or_thread_that_cannot_be_made(mounts, server, person, plan, number):
    """The companion, the daemon, and the threads of the latter."""
    cache = person.directory("cache")
    plan.fail("process", first=number)
    with plan.loaded():
        assert not works_or_says(mounts, server, person, cache=cache)
    assert plan.failed == 1
    all_is_well(mounts, server, person, cache)


def test_files_may_not_grow_at_the_mount(mounts, server, person):
    cache = person.directory("cache")
    came = [works_or_says(mounts, server, person, cache=cache, cache_min_free=0, under=("prlimit", f"--fsize={most}"))
            for most in (4096, 65536, 262144, 1 << 20, 1 << 24)]   # what it says is written to a file, too
    assert came[-1], came
    all_is_well(mounts, server, person, cache)


def test_files_may_not_grow_any_more(mounts, server, person, root):
    """It is as on a full disk: what is there is read, what comes is read uncached, and what is removed is so for good or
    stays."""
    mount = mounts.mount(server, person, cache_min_free=0, prefetch=0)
    names = names_of(server)

    def unlink(name):
        try:
            os.unlink(mount.path / name)
        except OSError as error:
            return error.errno
        return 0

    mount.read(names[0])
    mount.run("prlimit", f"--pid={mount.pid}", "--fsize=0:1000000000").ok()
    for name in names[:3]:
        assert mount.read(name) == server.messages()[name]
    gone = {names[3]} if mount.call(unlink, names[3]) == 0 else set()
    assert names[3] in gone or names[3] in mount.names()
    mount.run("prlimit", f"--pid={mount.pid}", "--fsize=1000000000").ok()
    mount.run(program("pop3fs", root), "refresh", mount.path).ok()
    assert mount.umount() == 0
    assert set(names_of(server)) == set(names) - gone


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a tmpfs")
class TestDisk:
    @pytest.fixture
    def disk(self, person):
        """disk(size) is a file system of so many KiB of the person's own."""
        made = []

        def make(size):
            place = person.directory("disk")
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k,mode=700,uid={person.uid},gid={person.gid}", "tmpfs",
                            place], check=True)
            made.append(place)
            (place / "cache").mkdir(mode=0o700)
            person.own(place / "cache")
            return place
        yield make
        for place in made:
            subprocess.run(["umount", "-l", place], check=True)

    def remount(self, place, *options):
        subprocess.run(["mount", "-o", "remount," + ",".join(options), place], check=True)

    def test_a_disk_that_is_full_from_the_beginning(self, mounts, server, person, disk):
        for size in (4, 16, 64, 128, 192, 256, 512, 1024):
            place = disk(size)
            came = works_or_says(mounts, server, person, cache=place / "cache", cache_min_free=0)
            self.remount(place, "size=100m")
            all_is_well(mounts, server, person, place / "cache")
        assert came

    def test_a_disk_that_fills_up_at_any_moment(self, mounts, server, person, disk):
        """A file takes the room away while it reads, deletes and lists; and gives it back."""
        place = disk(8192)
        mount = mounts.mount(server, person, cache=place / "cache", cache_min_free=0, prefetch=0)
        names = names_of(server)

        def fill():
            with open(place / "ballast", "ab", buffering=0) as file:
                try:
                    while file.write(b"x" * 4096):
                        pass
                except OSError as error:
                    assert error.errno == errno.ENOSPC

        def unlink(name):
            try:
                os.unlink(mount.path / name)
            except OSError as error:
                return error.errno
            return 0

        gone = set()
        for turn, name in enumerate(names[:4]):
            person.call(fill)
            assert mount.read(name) == server.messages()[name]
            if mount.call(unlink, name) == 0:
                gone.add(name)
            assert (name in mount.names()) == (name not in gone)
            os.unlink(place / "ballast")
            server.deliver(f"new{turn}", letter(f"new{turn}"))
        assert mount.umount() == 0
        assert set(names_of(server)) == {*names, *(f"new{turn}" for turn in range(4))} - gone
        all_is_well(mounts, server, person, place / "cache")

    def test_a_cache_that_cannot_be_written(self, mounts, server, person, disk):
        place = disk(65536)
        mount = mounts.mount(server, person, cache=place / "cache", prefetch=0)
        names = names_of(server)
        mount.read(names[0])
        assert mount.umount() == 0
        self.remount(place, "ro")
        _, done = mounts.attempt(server, person, cache=place / "cache")
        assert done.code != 0 and len(done.err.splitlines()) == 1, done
        self.remount(place, "rw")
        all_is_well(mounts, server, person, place / "cache")


def test_a_disk_that_fails_for_a_moment_is_no_damaged_database(mounts, server, person, plan):
    """SQLite says of a read that fails with EIO that the file is damaged."""
    cache = person.directory("cache")
    mount = mounts.mount(server, person, cache=cache, prefetch=0)
    names = names_of(server)
    remove(mount, names[0])
    mount.kill9()
    with plan.loaded():
        for first in range(1, 12):
            plan.fail("read", errno=errno.EIO, first=first)
            works_or_says(mounts, server, person, cache=cache, ro=True)
    assert [path.name for path in Path(cache).iterdir() if ".damaged" in path.name] == []
    mount = mounts.mount(server, person, cache=cache)
    assert mount.names() == names[1:]
    assert mount.umount() == 0
    assert names_of(server) == names[1:]
