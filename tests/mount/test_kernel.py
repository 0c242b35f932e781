"""What the kernel keeps, it keeps only as long as it is true: attempts to make it show what is not there any more."""

import ctypes
import mmap
import os
import subprocess
import threading
from contextlib import suppress

import pytest

import mounting
import shapes
from caches import drop_caches, left_alone
from eventually import eventually
from programs import program

NEVER = 1000    # seconds: nothing is listed by itself
PASSES = 6      # in one of them at least nothing else is to be told to the kernel
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p


@pytest.fixture
def verb(root):
    def run(mount, word, *names):
        return mount.run(program("pop3fs", root), word, mount.path, *names)
    return run


def numbered(count):
    return {f"m{number:04}": shapes.header(str(number)) for number in range(count)}


# ---- the directory ----

def test_a_new_message_is_in_the_next_listing_of_whoever_asked(anyone, mounts, serve, verb):
    server = serve(messages=numbered(50))
    mount = mounts.mount(server, anyone, refresh=NEVER)
    for number in range(100, 120):
        assert len(mount.names()) == len(mount.names())     # read, and kept
        server.deliver(f"n{number}", shapes.header(str(number)))
        verb(mount, "refresh").ok()
        assert f"n{number}" in mount.names()


def test_what_is_removed_or_taken_back_shows_at_once(anyone, mounts, serve, verb):
    server = serve(messages=numbered(9))
    mount = mounts.mount(server, anyone, refresh=NEVER)

    def play():
        for number in range(9):
            name = f"m{number:04}"
            assert name in os.listdir(mount.path)
            os.unlink(mount.path / name)
            assert name not in os.listdir(mount.path)
        return True

    assert mount.call(play)
    for number in range(9):
        verb(mount, "undelete", f"m{number:04}").ok()
        assert len(mount.names()) == number + 1


def test_what_is_gone_from_the_server_is_gone_from_the_listing(anyone, mounts, serve, verb):
    server = serve(messages=numbered(9))
    mount = mounts.mount(server, anyone, refresh=NEVER)
    for number in range(9):
        assert len(mount.names()) == 9 - number
        (server.directory / f"m{number:04}").unlink()
        verb(mount, "refresh").ok()
        assert len(mount.names()) == 8 - number


def entries(descriptor, octets=1024):
    """Some of the directory's octets, as the kernel gives them; empty at its end."""
    room = ctypes.create_string_buffer(octets)
    got = libc.syscall(217, descriptor, room, octets)      # getdents64, on x86-64
    assert got >= 0, os.strerror(ctypes.get_errno())
    return room.raw[:got]


def test_a_reader_of_before_does_not_spoil_what_others_see(person, mounts, serve, verb):
    server = serve(messages=numbered(600))
    mount = mounts.mount(server, person, refresh=NEVER)

    def read_on(before, between):
        """Opens and reads `before` pieces, lets `between` happen, reads to the end, and closes."""
        descriptor = os.open(mount.path, os.O_RDONLY | os.O_DIRECTORY)
        for _ in range(before):
            entries(descriptor)
        now = between()
        while entries(descriptor):
            pass
        os.close(descriptor)
        return now

    def play(name, before):
        def between():
            (mount.path / name).unlink()
            return os.listdir(mount.path)
        return sorted(read_on(before, between)), sorted(os.listdir(mount.path)), sorted(os.listdir(mount.path))

    for turn, before in enumerate((0, 1, 2, 5, 11, 17, 21)):
        expected = [f"m{number:04}" for number in range(600) if number % 85 or number // 85 > turn]
        gone = f"m{turn * 85:04}"
        for seen in mount.call(lambda: play(gone, before)):
            assert seen == expected, (before, set(seen) ^ set(expected))


def test_a_rewound_directory_is_read_anew(person, mounts, serve):
    server = serve(messages=numbered(300))
    mount = mounts.mount(server, person, refresh=NEVER)

    def play():
        descriptor = os.open(mount.path, os.O_RDONLY | os.O_DIRECTORY)
        whole = len(os.listdir(descriptor))
        (mount.path / "m0007").unlink()
        again = len(os.listdir(descriptor))
        os.close(descriptor)
        return whole, again

    assert mount.call(play) == (300, 299)


# ---- sizes ----

def lying(serve, by, count=12):
    return serve(synthetic=f"{count}:1000", rules=[f"on LIST list-add {by}"])


def sizes_of_open(path):
    """What whoever stats, opens, and looks again is told; and what he reads."""
    before = os.stat(path).st_size
    descriptor = os.open(path, os.O_RDONLY)
    within = os.fstat(descriptor).st_size
    octets = len(os.read(descriptor, 100000))
    os.close(descriptor)
    return before, within, octets, os.stat(path).st_size


@pytest.mark.parametrize("by", [-300, 300])
def test_a_size_is_true_from_the_open_on(anyone, mounts, serve, by):
    mount = mounts.mount(lying(serve, by), anyone, prefetch=0)
    mount.sizes()
    for name in mount.names():
        assert mount.call(lambda: sizes_of_open(mount.path / name)) == (1000 + by, 1000, 1000, 1000), name


@pytest.mark.parametrize("by", [-300, 300])
def test_a_size_is_true_from_the_open_on_though_it_came_by_itself(anyone, mounts, serve, verb, by):
    """By prefetch, or by pop3fs fetch: the kernel has just been told LIST's size."""
    server = lying(serve, by, 200)
    mount = mounts.mount(server, anyone)

    def play():
        wrong = []
        for name in sorted(os.listdir(mount.path)):
            os.stat(mount.path / name)
            _, *later = sizes_of_open(mount.path / name)
            if later != [1000] * 3:
                wrong.append((name, later))
        return wrong

    assert mount.call(play) == []
    other = mounts.mount(lying(serve, by, 30), anyone)
    other.sizes()
    verb(other, "fetch").ok()
    eventually(lambda: set(other.sizes().values()) == {1000}, "the true sizes")
    for name in other.names():
        assert other.call(lambda: sizes_of_open(other.path / name))[1:] == (1000, 1000, 1000)


def test_rsync_of_what_list_has_wrong_brings_nothing_the_second_time(person, mounts, serve):
    server = lying(serve, -300, 30)
    mount = mounts.mount(server, person)
    copy = person.directory("copy")
    mount.run("ls", "-l", mount.path).ok()
    mount.run("rsync", "-a", f"{mount.path}/", copy).ok()
    assert {len(path.read_bytes()) for path in copy.iterdir()} == {1000}
    done = mount.run("rsync", "-a", "--itemize-changes", f"{mount.path}/", copy).ok()
    assert done.out == ""


# ---- pages ----

def test_what_the_kernel_forgets_it_is_told_again(person, mounts, serve):
    server = serve(synthetic="60:30000")
    mount = mounts.mount(server, person)
    sums = mount.sums()
    for _ in range(3):
        drop_caches()
        assert mount.sums() == sums
    assert server.sent("RETR") == 60


def test_what_is_removed_while_it_is_read_is_read_to_its_end(person, mounts, serve):
    server = serve(synthetic="4:400000")
    mount = mounts.mount(server, person)
    sums = mount.sums()

    def play(name):
        with open(mount.path / name, "rb", buffering=0) as file:
            begin = file.read(1000)
            os.unlink(mount.path / name)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return begin + file.read()

    for name in sums:
        assert mounting.digest(mount.call(lambda: play(name))) == sums[name]


def test_many_readers_at_once_see_the_same(person, mounts, serve):
    server = serve(synthetic="120:9000")
    mount = mounts.mount(server, person)

    def play():
        found, lock = [], threading.Lock()

        def read(backwards):
            octets = 0
            for name in sorted(os.listdir(mount.path), reverse=backwards):
                with open(mount.path / name, "rb") as file:
                    octets += len(file.read())
            with lock:
                found.append(octets)

        readers = [threading.Thread(target=read, args=(number % 2 == 1,)) for number in range(6)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        return found

    assert mount.call(play) == [120 * 9000] * 6
    assert server.sent("RETR") == 120


# ---- pages that were pushed ahead of a reader ----

def filled(mounts, server, person, verb, **options):
    """A mount whose messages are all in the cache, and none in the kernel's pages."""
    mount = mounts.mount(server, person, **options)
    verb(mount, "fetch").ok()
    return mount


def in_order(mount, names):
    """{name: digest}, or None of those that were gone."""
    found = {}
    for name in names:
        try:
            found[name] = mounting.digest((mount.path / name).read_bytes())
        except FileNotFoundError:
            found[name] = None
    return found


def test_what_is_pushed_is_what_would_have_been_read(anyone, mounts, serve, verb):
    server = serve(synthetic="300:700-9000")
    names = [f"m{number:07}" for number in range(300)]
    first = mounts.mount(server, anyone, prefetch=0)
    want = first.call(lambda: in_order(first, names[::-2] + names[1::-2] + names))     # mostly jumps, and READs
    for order in (names, names[::-1]):
        mount = filled(mounts, serve(synthetic="300:700-9000"), anyone, verb)
        mount.call(lambda: os.listdir(mount.path))
        assert mount.call(lambda: in_order(mount, order)) == want


def test_what_vanishes_while_it_is_pushed_is_gone_or_whole(person, mounts, serve, verb):
    server = serve(messages={f"m{number:04}": shapes.header(str(number)) + b"x" * 3000 + b"\r\n" for number in range(300)})
    mount = filled(mounts, server, person, verb, refresh=NEVER)
    names = mount.names()
    for number in range(40, 300, 5):
        (server.directory / f"m{number:04}").unlink()

    done = []
    refresh = threading.Thread(target=lambda: done.append(verb(mount, "refresh")))
    refresh.start()
    found = mount.call(lambda: in_order(mount, names))
    refresh.join()
    done[0].ok()
    for name, digest in found.items():
        want = mounting.digest(shapes.header(str(int(name[1:]))) + b"x" * 3000 + b"\r\n")
        assert digest == want or (digest is None and int(name[1:]) >= 40 and int(name[1:]) % 5 == 0), name


@pytest.fixture
def widening(person, mounts, serve, verb):
    """(server, mount) of messages that make windows wide."""
    server = serve(messages=shapes.widening())
    return server, filled(mounts, server, person, verb, refresh=NEVER, prefetch="64M")


def pages(mount, name):
    """(pages of a file that the kernel has, all its pages)"""
    def count():
        with open(mount.path / name, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            there = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
            at = libc.mmap(None, ctypes.c_size_t(size), mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), ctypes.c_long(0))
            assert libc.mincore(ctypes.c_void_p(at), ctypes.c_size_t(size), there) == 0
            libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(size))
        return sum(octet & 1 for octet in there), len(there)
    return mount.call(count)


def is_there(mount, name):
    there, all_of_them = pages(mount, name)
    return there == all_of_them


def comes_ahead(mount, before, large):
    """Those before a large one are read in order, until it is there: one that has begun gives way to whatever else is to
    be told, and is not begun again for the same pass."""
    def forget_and_read():
        for name in before:
            with open(mount.path / name, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        in_order(mount, before)

    for _ in range(PASSES):
        mount.call(forget_and_read)
        with suppress(AssertionError):
            return eventually(lambda: is_there(mount, large), "the pages of a large one", 5)
    return False


def test_large_ones_are_there_before_they_are_read_and_no_more_than_the_bound(widening):
    server, mount = widening
    names = mount.names()
    with left_alone():
        assert comes_ahead(mount, names[:30], "m0030")
        assert pages(mount, "m0060")[0] == 0
        assert comes_ahead(mount, names[:45], "m0045")
    want = {name: mounting.digest(octets) for name, octets in server.messages().items()}
    assert mount.call(lambda: in_order(mount, names)) == want


def test_nobody_who_asks_for_none_ahead_has_them(person, mounts, serve, verb):
    mount = filled(mounts, serve(messages=shapes.widening()), person, verb, prefetch=0)
    names = mount.names()
    mount.call(lambda: in_order(mount, names[:30] + names[31:44]))
    assert pages(mount, "m0030")[0] == 0 and pages(mount, "m0045")[0] == 0


def test_a_large_one_that_goes_while_it_is_pushed_is_read_to_its_end_or_gone(widening, root):
    server, mount = widening
    names, want = mount.names(), server.messages()
    refresh = [str(word) for word in (program("pop3fs", root), "refresh", mount.path)]
    (server.directory / "m0045").unlink()

    def play():
        with open(mount.path / "m0030", "rb") as removed:
            in_order(mount, names[:16])
            (mount.path / "m0030").unlink()
            code = subprocess.run(refresh, check=False).returncode
            return code, removed.read(), in_order(mount, ["m0045"])["m0045"]

    code, octets, vanished = mount.call(play)
    assert (code, octets) == (0, want["m0030"])
    assert vanished in (None, mounting.digest(want["m0045"]))
    rest = [name for name in names if name not in ("m0030", "m0045")]
    assert mount.call(lambda: in_order(mount, rest)) == {name: mounting.digest(want[name]) for name in rest}


def test_readers_of_large_ones_race_while_the_kernel_forgets(widening):
    server, mount = widening
    names = mount.names()
    want = {name: mounting.digest(octets) for name, octets in server.messages().items()}
    race(mount, want, (names, names[::-1], names))


def race(mount, want, orders):
    found = []
    readers = [threading.Thread(target=lambda order=order: found.append(mount.call(lambda: in_order(mount, order))))
               for order in orders]
    for reader in readers:
        reader.start()
    while any(reader.is_alive() for reader in readers):
        drop_caches()
        readers[0].join(0.05)
    assert found == [want] * len(orders)


def test_readers_race_while_the_kernel_forgets(person, mounts, serve, verb):
    server = serve(synthetic="400:700-9000")
    mount = filled(mounts, server, person, verb)
    names = [f"m{number:07}" for number in range(400)]
    want = mount.call(lambda: in_order(mount, names))
    drop_caches()
    race(mount, want, (names, names[::-1], names[200:] + names[:200], names))
    assert server.sent("RETR") == 400
