"""What xfstests' small programs ask of readdir: every cookie resumes where it was given, whatever has come and gone in
between; nothing is skipped and nothing comes twice; type and number are those of stat."""

import os
import random
import stat
import threading

import pytest

import dirents
import shapes
from programs import program

COUNT = 700     # some pieces of the kernel's, and several replies
NEVER = 1000    # seconds: nothing is listed by itself
DOTS = [".", ".."]


def numbered(numbers):
    return {f"m{number:04}": shapes.header(str(number)) for number in numbers}


@pytest.fixture
def server(serve):
    return serve(messages=numbered(range(COUNT)))


@pytest.fixture
def mount(server, mounts, person):
    return mounts.mount(server, person, refresh=NEVER, prefetch=0)


@pytest.fixture
def refresh(root):
    return lambda mount: mount.run(program("pop3fs", root), "refresh", mount.path).ok()


def names(entries):
    return [entry.name for entry in entries if entry.name not in DOTS]


EVERYWHERE = ["", ".pop3fs", ".pop3fs/headers", ".pop3fs/deleted", ".pop3fs/maildir", ".pop3fs/maildir/cur"]


@pytest.mark.parametrize("octets", [dirents.ONE, 512, 4096, 1 << 20])
def test_every_cookie_resumes_where_it_was_given(mount, octets):
    def play():
        descriptor = dirents.open_directory(mount.path)
        entries = dirents.rest(descriptor, octets)
        places = list(range(len(entries)))
        random.Random(octets).shuffle(places)
        for place in places[:200]:
            behind = dirents.resumed(descriptor, entries[place].cookie, octets)
            assert behind == entries[place + 1:], place
        assert dirents.resumed(descriptor, 0, octets) == entries
        os.close(descriptor)
        return names(entries)

    assert mount.call(play) == sorted(numbered(range(COUNT)))


@pytest.mark.parametrize("where", EVERYWHERE)
def test_cookies_are_good_in_every_directory_and_in_another_handle(mount, where):
    mount.call(lambda: [os.unlink(mount.path / f"m{n:04}") for n in range(0, 40, 2)] and None)

    def play():
        path = mount.path / where
        entries = dirents.all_of(path)
        assert len({entry.cookie for entry in entries}) == len(entries)
        assert len({entry.name for entry in entries}) == len(entries)
        for place in range(0, len(entries), max(1, len(entries) // 50)):
            descriptor = dirents.open_directory(path)       # which has read nothing yet
            assert dirents.resumed(descriptor, entries[place].cookie) == entries[place + 1:], place
            os.close(descriptor)

    mount.call(play)


@pytest.mark.parametrize("where", EVERYWHERE)
def test_type_and_number_are_those_of_stat(anyone, mounts, server, where):
    mount = mounts.mount(server, anyone, refresh=NEVER, prefetch=0)
    mount.call(lambda: [os.unlink(mount.path / f"m{n:04}") for n in range(20)] and None)

    def play():
        path = mount.path / where
        for entry in dirents.all_of(path):
            if entry.name in DOTS:
                assert entry.type == stat.S_IFDIR >> 12, entry
                continue
            seen = os.lstat(path / entry.name)
            assert entry.type == stat.S_IFMT(seen.st_mode) >> 12, entry
            # What .pop3fs renders has a new number at each look-up; messages keep theirs.
            assert where == ".pop3fs" or entry.ino == seen.st_ino, entry
            assert entry.ino != 0, entry

    mount.call(play)


def test_a_buffer_too_small_for_one_entry_is_said_and_costs_nothing(mount):
    def play():
        descriptor = dirents.open_directory(mount.path)
        begun = dirents.piece(descriptor)
        assert all(dirents.too_small(descriptor, octets) for octets in (1, 19, 23))
        entries = begun + dirents.rest(descriptor, 32)       # just one short name
        os.close(descriptor)
        return names(entries)

    assert mount.call(play) == sorted(numbered(range(COUNT)))


@pytest.mark.parametrize("octets", [dirents.ONE, 1024, 32768])
@pytest.mark.parametrize("order", ["each one read", "all of a piece", "backwards", "ahead"])
def test_removing_while_reading_skips_nothing(mount, octets, order):
    """`ahead`: of what has not been read yet, every other message goes."""
    def play():
        descriptor, seen = dirents.open_directory(mount.path), []
        while entries := dirents.piece(descriptor, octets):
            for name in names(entries):
                seen.append(name)
                if order == "each one read":
                    os.unlink(mount.path / name)
            if order in ("all of a piece", "backwards"):
                for name in reversed(names(entries)) if order == "backwards" else names(entries):
                    os.unlink(mount.path / name)
            if order == "ahead" and len(seen) < 100:
                for number in range(COUNT - 2 * len(seen), COUNT, 2):
                    if os.path.exists(mount.path / f"m{number:04}"):
                        os.unlink(mount.path / f"m{number:04}")
        os.close(descriptor)
        return seen, sorted(os.listdir(mount.path))

    seen, left = mount.call(play)
    assert seen == sorted(set(seen))
    if order == "ahead":
        assert set(left) <= set(seen)        # what went may have been given out already, what stays must have
    else:
        assert seen == sorted(numbered(range(COUNT))) and left == []


def test_a_cookie_of_what_is_gone_resumes_behind_it(mount, server, refresh):
    def read():
        return dirents.all_of(mount.path)

    before = mount.call(read)
    gone = [entry.name for entry in before[10::7]]
    for name in gone[::2]:
        (server.directory / name).unlink()
    server.deliver("n0000", shapes.header("new"))
    refresh(mount)
    mount.call(lambda: [os.unlink(mount.path / name) for name in gone[1::2]] and None)

    def play():
        descriptor = dirents.open_directory(mount.path)
        for place in range(0, len(before), 5):
            got = names(dirents.resumed(descriptor, before[place].cookie))
            want = [name for name in names(before[place + 1:]) if name not in gone] + ["n0000"]
            assert got == want, place
        os.close(descriptor)

    mount.call(play)


def test_who_rewinds_sees_new_mail_and_who_reads_on_nothing_twice(mount, server, refresh):
    before = sorted(numbered(range(COUNT)))
    said, say = os.pipe()
    heard, hear = os.pipe()

    def change():
        os.read(said, 1)
        (server.directory / before[3]).unlink()
        server.deliver("n0000", shapes.header("new"))
        refresh(mount)
        os.write(hear, b"x")

    def play():
        descriptor = dirents.open_directory(mount.path)
        begun = names(dirents.piece(descriptor, 4096))
        os.write(say, b"x")
        os.read(heard, 1)
        on = begun + names(dirents.rest(descriptor, 4096))
        again = names(dirents.resumed(descriptor, 0))
        os.close(descriptor)
        return on, again

    changing = threading.Thread(target=change)
    changing.start()
    on, again = mount.call(play)
    changing.join()
    for end in (said, say, heard, hear):
        os.close(end)
    assert on == sorted(set(on)) and set(before) - {before[3]} <= set(on)
    assert again == before[:3] + before[4:] + ["n0000"]


def test_a_cookie_that_nobody_gave_out_harms_nobody(mount):
    def play():
        descriptor = dirents.open_directory(mount.path)
        for cookie in (1, 2, 3, 7, 1 << 20, (1 << 31) - 1, 1 << 40, (1 << 63) - 1):
            got = names(dirents.resumed(descriptor, cookie))
            assert got == sorted(set(got)), cookie
        with pytest.raises(OSError):
            os.lseek(descriptor, -1, os.SEEK_SET)
        got = names(dirents.resumed(descriptor, 0))
        os.close(descriptor)
        return got

    assert mount.call(play) == sorted(numbered(range(COUNT)))


def test_two_descriptors_of_one_handle_share_its_place_and_two_handles_do_not(mount):
    def play():
        one, other = dirents.open_directory(mount.path), dirents.open_directory(mount.path)
        twin = os.dup(one)
        begun = names(dirents.piece(one, 2048))
        assert names(dirents.piece(other, 2048)) == begun
        assert names(dirents.piece(twin, 2048))[0] == f"m{len(begun):04}"
        shared = names(dirents.rest(one))
        assert shared[-1] == f"m{COUNT - 1:04}" and dirents.piece(twin) == []
        for descriptor in (one, other, twin):
            os.close(descriptor)

    mount.call(play)
