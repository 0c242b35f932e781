"""The cache's bounds: what leaves, what stays while somebody needs it, and what happens where the disk has no room."""

import errno
import os
import sqlite3
import subprocess

import pytest

from eventually import eventually
from mounting import digest

COUNT = 12
SIZE = 20000
NAMES = [f"m{n:02}" for n in range(COUNT)]
ROOMY = {"cache_min_free": "0", "prefetch": 0, "refresh": "1d"}


def body(name, size=SIZE):
    line = f"This is {name}. ".encode() * 4 + b"\r\n"
    head = f"Subject: {name}\r\n\r\n".encode()
    return (head + line * (size // len(line) + 1))[:size - 2] + b"\r\n"


@pytest.fixture
def server(serve):
    return serve(messages={name: body(name) for name in NAMES})


def retrs(server):
    return server.sent("RETR")


def rows(mount, sql):
    """What the daemon's database says: read by its owner, beside it."""
    def look():
        path = next(mount.cache.glob("*.db"))
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            return database.execute(sql).fetchall()
    return mount.call(look)


def cached(mount):
    """The UIDLs of the bodies in the database."""
    return {row[0].decode() for row in rows(mount, "SELECT uidl FROM message WHERE chunks IS NOT NULL")}


def settles(mount, names):
    eventually(lambda: cached(mount) == set(names), f"{names} in the cache, not {cached(mount)}")


def opened(mount, name):
    """A descriptor of a message, opened by a process of the mount's owner that holds it until it is told to go on:
    then it says the sum of what it reads."""
    script = ("import hashlib, os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); print('open', flush=True); "
              "sys.stdin.readline(); print(hashlib.sha256(open(fd, 'rb').read()).hexdigest())")
    process = mount.person.start("/usr/bin/python3", "-c", script, mount.path / name, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    return process


def reads_on(process, octets):
    said, _ = process.communicate("\n", timeout=60)
    assert said == digest(octets) + "\n"


def test_the_cache_stays_within_its_size_and_all_is_read(server, mounts, person):
    mount = mounts.mount(server, person, cache_size=3 * SIZE, **ROOMY)
    for _ in range(2):
        assert mount.sums() == {name: digest(body(name)) for name in NAMES}
    eventually(lambda: len(cached(mount)) == 3, "three bodies are left")
    assert retrs(server) >= 2 * COUNT - 3
    assert mount.sizes() == {name: SIZE for name in NAMES}
    assert mount.status()["cached"] == "3"


def test_what_was_used_last_stays(server, mounts, person):
    mount = mounts.mount(server, person, cache_size=3 * SIZE, **ROOMY)
    for name in NAMES[:3]:
        mount.read(name)
    settles(mount, NAMES[:3])
    mount.umount()
    with sqlite3.connect(next(mount.cache.glob("*.db"))) as database:
        database.execute("UPDATE message SET used = id - (SELECT min(id) FROM message)")
    database.close()
    again = mounts.mount(server, person, cache=mount.cache, cache_size=3 * SIZE, **ROOMY)
    again.read(NAMES[0])   # the one used first is used again
    again.read(NAMES[5])
    settles(again, [NAMES[0], NAMES[2], NAMES[5]])


def test_a_message_that_is_open_stays_readable(server, mounts, person):
    mount = mounts.mount(server, person, cache_size=2 * SIZE, **ROOMY)
    reader = opened(mount, NAMES[0])
    for name in NAMES[1:]:
        mount.read(name)
    assert NAMES[0] in cached(mount)
    asked = retrs(server)
    reads_on(reader, body(NAMES[0]))
    assert retrs(server) == asked
    mount.read(NAMES[1])
    eventually(lambda: len(cached(mount)) == 2, "two bodies are left")


def test_what_is_deleted_and_waits_stays_readable(server, mounts, person):
    mount = mounts.mount(server, person, cache_size=2 * SIZE, **ROOMY)
    mount.read(NAMES[0])
    mount.call(lambda: os.unlink(mount.path / NAMES[0]))
    for name in NAMES[1:]:
        mount.read(name)
    assert NAMES[0] in cached(mount)
    server.down()
    server.unplug()
    assert mount.call(lambda: (mount.path / ".pop3fs/deleted" / NAMES[0]).read_bytes()) == body(NAMES[0])


def test_a_message_larger_than_the_cache_is_kept_while_it_is_open(server, mounts, person):
    mount = mounts.mount(server, person, cache_size=SIZE - 1, **ROOMY)
    reader = opened(mount, NAMES[0])
    assert cached(mount) == set()
    assert mount.status()["cached"] == "1"
    reads_on(reader, body(NAMES[0]))
    eventually(lambda: mount.status()["cached"] == "0", "it is kept no more")
    assert mount.read(NAMES[0]) == body(NAMES[0])
    assert mount.sizes()[NAMES[0]] == SIZE


def test_a_smaller_cache_is_made_so_at_the_next_mount(server, mounts, person):
    mount = mounts.mount(server, person, **ROOMY)
    mount.sums()
    assert len(cached(mount)) == COUNT
    mount.umount()
    again = mounts.mount(server, person, cache=mount.cache, cache_size=2 * SIZE, **ROOMY)
    eventually(lambda: len(cached(again)) == 2, "two bodies are left")


def test_where_the_disk_is_short_messages_are_kept_only_while_open(server, mounts, person):
    full = mounts.mount(server, person, **ROOMY)
    full.sums()
    full.umount()
    mount = mounts.mount(server, person, cache=full.cache, **{**ROOMY, "cache_min_free": "1000000G"})
    settles(mount, [])
    assert mount.sums() == {name: digest(body(name)) for name in NAMES}
    assert mount.read(NAMES[0]) == body(NAMES[0])
    assert cached(mount) == set()
    eventually(lambda: mount.status()["cached"] == "0", "nothing is kept")


def test_bodies_of_vanished_messages_go_after_their_days(server, mounts, person):
    mount = mounts.mount(server, person, **ROOMY)
    mount.sums()
    mount.call(lambda: [os.unlink(mount.path / name) for name in NAMES[:2]] and None)
    mount.run(mount.argv[0], "commit", mount.path).ok()
    assert cached(mount) == set(NAMES)
    mount.umount()
    with sqlite3.connect(next(mount.cache.glob("*.db"))) as database:
        database.execute("UPDATE message SET vanished = vanished - 31 * 86400 WHERE uidl = CAST('m00' AS BLOB)")
    database.close()
    again = mounts.mount(server, person, cache=mount.cache, **ROOMY)
    settles(again, NAMES[1:])
    again.umount()
    last = mounts.mount(server, person, cache=mount.cache, keep_vanished=0, **ROOMY)
    settles(last, NAMES[2:])


@pytest.mark.parametrize("memory", ["64M", "1M"])
def test_nocache_keeps_no_message_and_no_header(serve, mounts, person, memory):
    large = body("large", 5 << 20)
    server = serve(messages={"large": large, **{name: body(name) for name in NAMES}})
    mount = mounts.mount(server, person, nocache=True, memory=memory, refresh="1d")
    sums = {name: digest(body(name)) for name in NAMES} | {"large": digest(large)}
    assert mount.sums() == sums
    reader = opened(mount, "large")
    assert mount.read("large") == large
    assert rows(mount, "SELECT count(*) FROM chunk") == rows(mount, "SELECT count(*) FROM header") == [(0,)]
    assert mount.call(lambda: os.listdir(mount.cache) and sum(p.stat().st_size for p in mount.cache.iterdir())) < 1 << 20
    reads_on(reader, large)
    eventually(lambda: mount.sums() == sums and mount.status()["cached"] in "01", "it is kept no more")
    assert mount.sizes() == {**{name: SIZE for name in NAMES}, "large": len(large)}
    mount.call(lambda: os.unlink(mount.path / NAMES[0]))
    assert mount.call(lambda: (mount.path / ".pop3fs/deleted" / NAMES[0]).read_bytes()) == body(NAMES[0])
    assert mount.umount() == 0
    assert NAMES[0] not in server.messages()
    leaked = mount.call(lambda: [p.name for p in mount.cache.iterdir() if b"This is m" in p.read_bytes()])
    assert leaked == []


def test_nocache_uses_what_is_there(server, mounts, person):
    mount = mounts.mount(server, person, **ROOMY)
    mount.sums()
    mount.umount()
    asked = retrs(server)
    again = mounts.mount(server, person, cache=mount.cache, nocache=True, **ROOMY)
    assert again.sums() == {name: digest(body(name)) for name in NAMES}
    assert retrs(server) == asked


def test_readers_race_with_eviction(server, mounts, person):
    """Nobody ever sees an error, a cut or another message, while every open throws something out."""
    mount = mounts.mount(server, person, cache_size=2 * SIZE, **{**ROOMY, "prefetch": "64M"})
    script = """
import hashlib, os, random, sys
random.seed(int(sys.argv[2]))
for turn in range(150):
    name = random.choice(sys.argv[3:])
    with open(os.path.join(sys.argv[1], name), "rb") as file:
        octets = file.read()
    assert len(octets) == %d and octets.startswith(b"Subject: " + name.encode()), (name, len(octets))
""" % SIZE
    readers = [mount.person.start("/usr/bin/python3", "-c", script, mount.path, seed, *NAMES[:5],
                                  stderr=subprocess.PIPE, text=True) for seed in range(4)]
    for reader in readers:
        _, said = reader.communicate(timeout=120)
        assert reader.returncode == 0, said
    eventually(lambda: len(cached(mount)) <= 2, "no more than two bodies are left")


def test_rsync_moves_nothing_twice_with_eviction_in_between(server, mounts, person):
    copy = person.directory("copy")
    mount = None
    for turn in range(3):
        mount = mounts.mount(server, person, cache=mount and mount.cache, cache_size=3 * SIZE, **ROOMY)
        said = mount.run("rsync", "-a", "--itemize-changes", f"{mount.path}/", f"{copy}/").ok().out
        moved = [line for line in said.splitlines() if line.startswith(">f")]
        assert len(moved) == (COUNT if turn == 0 else 0), said
        mount.read(NAMES[turn])
        mount.read(NAMES[turn + 5])
        eventually(lambda: len(cached(mount)) <= 3, "three bodies are left")
        mount.umount()
    assert retrs(server) <= COUNT + 6


@pytest.fixture
def small_disk(root, person):
    """A file system of 100 MB of the person's own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tmpfs")
    place = person.directory("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=100m,mode=700,uid={person.uid},gid={person.gid}",
                    "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place, person):
    """Takes all that is left of a disk."""
    def take():
        with open(place / "ballast", "ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError as error:
                    assert error.errno == errno.ENOSPC
    person.call(take)


def test_a_cache_on_a_small_disk_never_fills_it(serve, small_disk, mounts, person):
    count, size = 30, 6 << 20
    server = serve(synthetic=f"{count}:{size}")
    (small_disk / "cache").mkdir(mode=0o700)
    person.own(small_disk / "cache")
    mount = mounts.mount(server, person, cache=small_disk / "cache", cache_min_free=0)
    sizes = mount.call(lambda: {name: len((mount.path / name).read_bytes()) for name in os.listdir(mount.path)})
    assert set(sizes.values()) == {size} and len(sizes) == count
    assert os.statvfs(small_disk).f_bavail > 0
    assert mount.status()["last error"] == "none"


def test_on_a_full_disk_messages_are_read_and_deleted(serve, small_disk, mounts, person):
    server = serve(messages={name: body(name, 1 << 20) for name in NAMES})
    (small_disk / "cache").mkdir(mode=0o700)
    person.own(small_disk / "cache")
    mount = mounts.mount(server, person, cache=small_disk / "cache", prefetch=0, cache_min_free=0)
    for name in NAMES[:6]:
        mount.read(name)
    database = next(mount.cache.glob("*.db"))
    eventually(lambda: database.stat().st_size > 6 << 20, "all that came is in the database itself")
    fill(small_disk, person)
    for name in NAMES:
        assert mount.read(name) == body(name, 1 << 20)

    def remove(name):
        try:
            os.unlink(mount.path / name)
        except OSError as error:
            return error.errno
        return 0

    answers = {name: mount.call(remove, name) for name in NAMES[:4]}
    assert set(answers.values()) == {0}, answers
    assert mount.names() == NAMES[4:]
    assert mount.umount() == 0
    assert sorted(server.messages()) == NAMES[4:]


def test_an_unlink_that_finds_no_room_says_so_and_the_file_stays(serve, small_disk, mounts, person):
    server = serve(messages={name: body(name) for name in NAMES})
    (small_disk / "cache").mkdir(mode=0o700)
    person.own(small_disk / "cache")
    mount = mounts.mount(server, person, cache=small_disk / "cache", **ROOMY)
    fill(small_disk, person)

    def remove_all():
        for name in os.listdir(mount.path):
            try:
                os.unlink(mount.path / name)
            except OSError as error:
                return error.errno, name
        return 0, None

    code, name = mount.call(remove_all)
    assert code in (0, errno.ENOSPC)
    if code:
        assert name in mount.names()
        assert mount.read(name) == body(name)


def test_headers_are_read_without_a_cache(server, mounts, person):
    mount = mounts.mount(server, person, nocache=True, headers=0, refresh="1d")
    for _ in range(2):
        said = mount.run("grep", "-r", "^Subject:", mount.path / ".pop3fs/headers").ok().out.splitlines()
        assert len(said) == COUNT
    assert retrs(server) == 0
    assert rows(mount, "SELECT count(*) FROM header") == [(0,)]
    eventually(lambda: mount.read(NAMES[0]) == body(NAMES[0]), "a body")


def test_a_header_stays_when_its_body_leaves(server, mounts, person):
    mount = mounts.mount(server, person, cache_size=SIZE, **ROOMY)
    mount.sums()
    eventually(lambda: len(cached(mount)) == 1, "one body is left")
    asked = retrs(server)
    said = mount.run("grep", "-r", "^Subject:", mount.path / ".pop3fs/headers").ok().out.splitlines()
    assert len(said) == COUNT and retrs(server) == asked


@pytest.mark.parametrize("memory", ["64M", "1M"])
def test_lf_views_are_read_without_a_cache(serve, mounts, person, memory):
    large = body("large", 3 << 20)
    server = serve(messages={"large": large, NAMES[0]: body(NAMES[0])})
    mount = mounts.mount(server, person, nocache=True, memory=memory, eol="lf", suffix=".eml", refresh="1d")
    for name, octets in (("large", large), (NAMES[0], body(NAMES[0]))):
        assert mount.read(f"{name}.eml") == octets.replace(b"\r\n", b"\n")
        assert mount.read(f".pop3fs/maildir/cur/{name}:2,S") == octets.replace(b"\r\n", b"\n")
    assert rows(mount, "SELECT count(*) FROM chunk") == [(0,)]
