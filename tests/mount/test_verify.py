"""`pop3fs verify`: what is damaged in the cache is found, thrown away and fetched again; and a cache whose database is
damaged is made anew, at the mount or under it, and never shows another octet than the server's."""

import os
import random
import sqlite3
import subprocess

import pytest

from eventually import eventually
from mounting import digest

NAMES = [f"m{n}" for n in range(8)]


def body(name, more=0):
    return f"Subject: {name}\r\n\r\n".encode() + f"This is {name}.\r\n".encode() * (50 + more)


@pytest.fixture
def server(serve):
    return serve(messages={name: body(name) for name in NAMES})


@pytest.fixture
def mount(server, mounts, person):
    mount = mounts.mount(server, person, refresh="1d", prefetch=0, cache_min_free=0)
    mount.sums()
    return mount


def alter(mount, sql):
    """Changes the database under the daemon, as a bad disk would."""
    def change():
        with sqlite3.connect(next(mount.cache.glob("*.db")), timeout=30) as database:
            database.execute(sql)
    mount.call(change)


def spoil(mount, name):
    alter(mount, "UPDATE chunk SET data = CAST(replace(CAST(data AS TEXT), 'This', 'That') AS BLOB) WHERE key >> 24 = "
                 f"(SELECT id FROM message WHERE uidl = CAST('{name}' AS BLOB))")


def verify(mount, *words, code=0):
    done = mount.run(mount.argv[0], "verify", *words)
    assert done.code == code, (done.code, done.out, done.err)
    return done.out.splitlines()


def test_a_sound_cache_is_said_to_be_sound(server, mount):
    assert verify(mount, mount.path) == ["8 messages as they should be"]
    assert verify(mount, "-r", mount.path, "m3") == ["1 message as it should be"]
    assert server.sent("RETR") == len(NAMES)


def test_a_damaged_body_is_found_thrown_away_and_fetched_when_it_is_read(server, mount):
    mount.read("m2")
    spoil(mount, "m2")
    assert verify(mount, mount.path, code=1) == ["m2: damaged in the cache, thrown away",
                                                 "7 messages as they should be, 1 damaged"]
    assert server.sent("RETR") == len(NAMES)
    assert mount.read("m2") == body("m2")
    assert server.sent("RETR") == len(NAMES) + 1
    assert verify(mount, mount.path) == ["8 messages as they should be"]


def test_refetch_mends_at_once(server, mount):
    spoil(mount, "m2")
    spoil(mount, "m5")
    assert verify(mount, "--refetch", mount.path) == ["m2: damaged in the cache, fetched again",
                                                      "m5: damaged in the cache, fetched again",
                                                      "6 messages as they should be, 2 settled"]
    server.down()
    server.unplug()
    assert mount.sums() == {name: digest(body(name)) for name in NAMES}


def test_on_a_terminal_what_is_found_has_lines_of_its_own(mount):
    spoil(mount, "m2")
    spoil(mount, "m5")
    done = mount.run("script", "-qec", f"{mount.argv[0]} verify {mount.path}", "/dev/null")
    assert done.code == 1
    for name in ("m2", "m5"):
        assert f"\r\x1b[K{name}: damaged in the cache, thrown away\r\n" in done.out
    assert "\r\x1b[K6 messages, " in done.out   # how far it has come


def test_a_body_that_cannot_be_fetched_again_is_said(server, mount):
    spoil(mount, "m2")
    server.rules('on RETR err "[SYS/PERM] it is gone"')
    lines = verify(mount, "-r", mount.path, code=1)
    assert lines[0].startswith("m2: damaged in the cache, and could not be fetched again: ")
    assert "it is gone" in lines[0]


def test_without_the_server_hashes_are_looked_at_all_the_same(server, mount):
    spoil(mount, "m2")
    server.down()
    server.unplug()
    assert verify(mount, "-r", mount.path, code=1)[0] == "m2: damaged in the cache, thrown away"
    assert verify(mount, mount.path, code=1) == ["7 messages as they should be"]


def test_names_are_looked_at_alone(server, mount):
    spoil(mount, "m2")
    assert verify(mount, mount.path, "m1", mount.path / "m3") == ["2 messages as they should be"]
    assert verify(mount, mount.path, "m2", code=1)[0] == "m2: damaged in the cache, thrown away"
    assert verify(mount, mount.path, "m2") == ["m2: not in the cache", "0 messages as they should be"]
    assert verify(mount, mount.path, "other", code=1)[0] == "other: there is no such message"
    assert mount.run(mount.argv[0], "verify").code == 1
    assert mount.run(mount.argv[0], "verify", "-x", mount.path).code == 1


def test_another_size_than_the_server_s_is_settled_by_fetching(serve, mounts, person):
    server = serve(messages={name: body(name) for name in NAMES}, rules=["on LIST m1 list-add 0"])
    mount = mounts.mount(server, person, refresh="1d", prefetch=0, cache_min_free=0)
    mount.sums()
    server.rules("on LIST list-add 10")
    size = len(body("m0"))
    lines = verify(mount, mount.path, code=1)
    assert lines == [f"{name}: {size} octets in the cache, the server lists {size + 10}" for name in NAMES] + [
        "0 messages as they should be, 8 not as the server lists them"]
    lines = verify(mount, "-r", mount.path, "m4")
    assert lines == [f"m4: {size} octets in the cache, the server lists {size + 10}, and sends what is in the cache",
                     "0 messages as they should be, 1 settled"]


def test_what_the_server_has_changed_comes_with_refetch(serve, mounts, person):
    server = serve(messages={name: body(name) for name in NAMES})
    mount = mounts.mount(server, person, refresh="1d", prefetch=0, cache_min_free=0)
    mount.sums()
    server.deliver("m3", body("m3", 7))
    lines = verify(mount, "-r", mount.path)
    assert lines[0].endswith("and sent another content: the cache has it now")
    assert mount.read("m3") == body("m3", 7)
    assert mount.sizes()["m3"] == len(body("m3", 7))


# ---- under a reader ----

def large(word):
    return f"Subject: large\r\n\r\n{word}\r\n".encode() * 40000   # some chunks of 128 KiB


def opened(mount):
    """A process that has the message open, and reads it when it is told to."""
    script = ("import hashlib, os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); print('open', flush=True); "
              "sys.stdin.readline(); print(hashlib.sha256(open(fd, 'rb').read()).hexdigest())")
    process = mount.person.start("/usr/bin/python3", "-c", script, mount.path / "large", stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    return process


def reads(process, octets):
    said, _ = process.communicate("\n", timeout=60)
    assert said == digest(octets) + "\n"


def arriving(mount):
    def look():
        with sqlite3.connect(f"file:{next(mount.cache.glob('*.db'))}?mode=ro", uri=True) as database:
            return database.execute("SELECT count(*) FROM arriving").fetchone()[0]
    return mount.call(look)


@pytest.fixture
def copied(serve, mounts, person):
    """The cache has a large message, which nobody has read, and its second copy has come by halves."""
    server = serve(messages={"large": large("first")})
    mount = mounts.mount(server, person, refresh="1d", prefetch=0, cache_min_free=0)
    assert mount.run(mount.argv[0], "fetch", mount.path).code == 0
    server.rules("on LIST list-add 10", "on RETR times=1 delay 1000 stall 400000")
    return server, mount


def begin(mount):
    return mount.person.start(mount.argv[0], "verify", "-r", mount.path, stdout=subprocess.PIPE, text=True)


def test_a_second_copy_takes_nothing_from_whoever_has_the_first_one_open(copied):
    server, mount = copied
    process = begin(mount)
    server.wait_for("> RETR", 2)
    reader = opened(mount)
    eventually(lambda: arriving(mount) == 1, "a piece of the second copy")
    reads(reader, large("first"))
    reads(opened(mount), large("first"))
    server.unplug()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "and sends what is in the cache" in said, said
    assert arriving(mount) == 0
    assert verify(mount, "-r", mount.path)[-1] == "0 messages as they should be, 1 settled"
    assert mount.read("large") == large("first")


def test_another_content_waits_until_nobody_has_the_message_open(copied):
    server, mount = copied
    process = begin(mount)
    eventually(lambda: arriving(mount) == 1, "a piece of the second copy")
    reader = opened(mount)
    server.deliver("large", large("other"))
    server.unplug()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "it is open, and what the server sends now is something else" in said, said
    reads(reader, large("first"))
    assert "and sent another content: the cache has it now" in verify(mount, "-r", mount.path)[0]
    assert mount.read("large") == large("other")


def test_a_second_copy_that_never_ends_leaves_the_first(copied):
    server, mount = copied
    server.rules("on LIST list-add 10", "on RETR stall 400000")
    process = begin(mount)
    eventually(lambda: arriving(mount) == 1, "a piece of the second copy")
    server.down()
    server.unplug()
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and said.startswith("large: "), said
    eventually(lambda: arriving(mount) == 0, "what had come of it is gone")
    assert mount.read("large") == large("first")
    assert mount.status()["cached"] == "1"


# ---- the database itself ----

def pages(path):
    return os.stat(path).st_size // 16384


def damage(path, seed):
    """Some octets at random places of the database, and not its log, are others now."""
    chance = random.Random(seed)
    with open(path, "r+b") as file:
        size = os.stat(path).st_size
        for _ in range(chance.choice([1, 3, 30])):
            file.seek(chance.randrange(size))
            file.write(chance.randbytes(chance.choice([1, 100, 4000])))
        if chance.random() < 0.2:
            file.truncate(chance.randrange(size))


@pytest.mark.parametrize("seed", range(12))
def test_a_database_damaged_anywhere_never_shows_other_octets(server, mounts, person, seed):
    """Before the mount. What is read is right, or an error; and after one more mount all is right."""
    mount = mounts.mount(server, person, prefetch=0)
    mount.sums()
    mount.umount()
    mount.call(damage, next(mount.cache.glob("*.db")), seed)
    again = mounts.mount(server, person, cache=mount.cache, prefetch=0)
    check(again)
    again.umount()
    last = mounts.mount(server, person, cache=mount.cache, prefetch=0)
    last.run(last.argv[0], "verify", "-r", last.path)
    eventually(lambda: sums(last) == {name: digest(body(name)) for name in NAMES}, "all is right")


@pytest.mark.parametrize("seed", range(8))
def test_a_database_damaged_under_the_mount_never_shows_other_octets(server, mounts, person, seed):
    mount = mounts.mount(server, person, prefetch=0, refresh=0)
    mount.call(lambda: [os.close(os.open(mount.path / name, os.O_RDONLY)) for name in NAMES] and None)
    database = next(mount.cache.glob("*.db"))
    eventually(lambda: database.stat().st_size > 8 * 16384, "all that came is in the database itself")
    mount.call(damage, database, seed)
    check(mount)
    mount.run(mount.argv[0], "verify", "-r", mount.path)
    mount.umount()
    last = mounts.mount(server, person, cache=mount.cache, prefetch=0)
    last.run(last.argv[0], "verify", "-r", last.path)
    eventually(lambda: sums(last) == {name: digest(body(name)) for name in NAMES}, "all is right")


def sums(mount):
    """{name: sum} of what can be read."""
    def read():
        found = {}
        for name in os.listdir(mount.path):
            try:
                found[name] = digest((mount.path / name).read_bytes())
            except OSError:
                pass
        return found
    return mount.call(read)


def check(mount):
    right = {name: digest(body(name)) for name in NAMES}
    found = sums(mount)
    assert found == {name: right[name] for name in found}


def test_names_are_as_in_the_directory(server, mounts, person):
    mount = mounts.mount(server, person, refresh="1d", prefetch=0, cache_min_free=0, suffix=".eml")
    mount.sums()
    spoil(mount, "m2")
    assert verify(mount, mount.path, "m1.eml") == ["1 message as it should be"]
    assert verify(mount, mount.path, code=1)[0] == "m2.eml: damaged in the cache, thrown away"
