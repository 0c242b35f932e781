"""A maildrop of so many messages that every step a message counts: it is listed, listed again, read from the cache and
deleted from like a small one, and a damaged cache of it is made anew. (What it costs is measured by tests/bench.)"""

import os
import sqlite3

import pytest

MANY = 101_000       # more than a database is checked for before it is read (mail/schema.c)
DELETED = 1_010


@pytest.fixture
def server(serve):
    return serve(synthetic=f"{MANY}:600")


def mounted(mounts, server, person, **options):
    return mounts.mount(server, person, way="plain", headers=0, cache_min_free=0, **options)


def names(numbers):
    return [f"m{n:07}" for n in numbers]


def spoil_messages(path):
    """The pages of the messages themselves, and of nothing else, are nonsense: all but the first of their tree."""
    with sqlite3.connect(path) as database:
        first, = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'message'").fetchone()
        size, = database.execute("PRAGMA page_size").fetchone()
    with open(path, "rb") as file:
        file.seek((first - 1) * size)
        page = file.read(size)
    cells = int.from_bytes(page[3:5], "big")
    with open(path, "r+b") as file:
        for n in range(0, cells, 7):
            at = int.from_bytes(page[12 + 2 * n:14 + 2 * n], "big")
            child = int.from_bytes(page[at:at + 4], "big")
            file.seek((child - 1) * size)
            file.write(b"\xa5" * size)


def test_very_many_are_listed_deleted_and_known_again(server, mounts, person):
    mount = mounted(mounts, server, person)
    assert mount.names() == names(range(MANY))
    mount.call(lambda: [os.unlink(mount.path / name) for name in names(range(0, MANY, MANY // DELETED))] and None)
    left = [n for n in range(MANY) if n % (MANY // DELETED)]
    assert mount.names() == names(left)
    assert mount.umount() == 0
    assert server.sent("DELE") == DELETED
    again = mounted(mounts, server, person, cache=mount.cache)
    assert again.names() == names(left)
    assert again.umount() == 0
    server.stop()
    offline = mounted(mounts, server, person, cache=mount.cache, offline=True)
    assert offline.names() == names(left)
    assert offline.umount() == 0


def test_who_looks_at_very_many_as_they_are_listed_sees_each_once(server, mounts, person):
    """So many entries come with their attributes, then, as were looked at: not all, and not none."""
    mount = mounted(mounts, server, person)

    def play():
        seen = [(entry.name, entry.stat().st_size) for entry in os.scandir(mount.path)]
        return len(seen), sorted(seen) == sorted((name, os.stat(mount.path / name).st_size) for name in set(dict(seen))), \
            {size for _, size in seen}
    assert mount.call(play) == (MANY, True, {600})
    assert mount.names() == names(range(MANY))
    assert mount.umount() == 0


def test_a_large_cache_whose_messages_are_damaged_is_made_anew(server, mounts, person):
    mount = mounted(mounts, server, person)
    assert mount.umount() == 0
    mount.call(spoil_messages, next(mount.cache.glob("*.db")))
    again = mounted(mounts, server, person, cache=mount.cache)
    assert again.names() == names(range(MANY))
    assert any(".damaged-" in path.name for path in mount.cache.iterdir())
    assert again.umount() == 0
