"""prefetch=all: every message comes by itself, and new ones are shown when they are here."""

import pytest

import shapes
from eventually import eventually
from mounting import ENDING, digest
from programs import program

NEVER = 1000    # seconds: nothing is listed by itself
SIZE = 2000
ROOMY = {"cache_min_free": 0, "refresh": NEVER}


@pytest.fixture
def verb(root):
    def run(mount, word, *names):
        return mount.run(program("pop3fs", root), word, mount.path, *names)
    return run


@pytest.fixture
def mirror(mounts, anyone):
    """mirror(server, option=...) is a mount that keeps a mirror."""
    def mount(server, **options):
        return mounts.mount(server, anyone, **{"prefetch": "all", **ROOMY, **options})
    return mount


def letter(name, octets=200):
    head = shapes.header(name).replace(b"\n", b"\r\n")
    return head + (b"x" * 60 + b"\r\n") * ((octets - len(head)) // 62 + 1)


def said(mount):
    return mount.status()["mirror"]


def whole(mount, count):
    eventually(lambda: said(mount).split(", with")[0] == f"{count} of {count}", "all in the cache")


def test_all_come_without_a_reader(mirror, serve):
    server = serve(synthetic=f"300:{SIZE}")
    mount = mirror(server)
    whole(mount, 300)
    server.stop()
    assert len(mount.sums()) == 300
    assert server.sent("RETR") == 300


def test_it_is_off_unless_asked_for(mounts, person, serve):
    mount = mounts.mount(serve(synthetic=f"3:{SIZE}"), person)
    assert said(mount) == "off"


def test_octets_are_dovecots(dovecot, mirror):
    account = dovecot.account()
    for number in range(20):
        account.deliver(shapes.ordinary(number))
    mount = mirror(account)
    whole(mount, 20)
    assert sorted(mount.sums().values()) == sorted(digest(octets) for octets in account.retr().values())


def test_a_reader_goes_before_it(mirror, serve):
    server = serve(synthetic=f"40:{SIZE}", rules=["on RETR delay 100"])
    mount = mirror(server, pipelining="off")
    server.wait_for("> RETR 2$")
    mount.read("m0000039")
    order = [command for command in server.commands() if command.startswith("RETR")]
    assert order.index("RETR 40") < 30


def test_what_comes_later_is_shown_when_it_is_here(mirror, serve, verb):
    server = serve(messages={"a": letter("a")})
    mount = mirror(server)
    whole(mount, 1)
    server.rules("on RETR 2 delay 700")
    server.deliver("b", letter("b"))
    server.deliver("c", letter("c"))
    verb(mount, "refresh").ok()
    assert mount.names() == ["a"]
    assert "coming" in said(mount)
    assert mount.call(lambda: (mount.path / "b").exists()) is False
    whole(mount, 3)
    assert mount.names() == ["a", "b", "c"]
    assert server.sent("RETR") == 3


def test_what_comes_and_goes_again_was_never_there(mirror, serve, verb):
    server = serve(messages={"a": letter("a")})
    mount = mirror(server)
    whole(mount, 1)
    server.rules("on RETR 2 delay 700")
    server.deliver("b", letter("b"))
    verb(mount, "refresh").ok()
    (server.directory / "b").unlink()
    verb(mount, "refresh").ok()
    assert mount.names() == ["a"]
    eventually(lambda: said(mount).split(", with")[0] == "1 of 1")


def test_what_the_server_refuses_is_shown_and_the_rest_comes(mirror, serve, verb):
    server = serve(messages={"a": letter("a")}, rules=['on RETR 2-3 err "no"'])
    mount = mirror(server)
    whole(mount, 1)
    for name in "bcd":
        server.deliver(name, letter(name))
    verb(mount, "refresh").ok()
    eventually(lambda: said(mount) == "2 of 4, 2 cannot be had")
    assert mount.names() == ["a", "b", "c", "d"]
    assert mount.run("cat", mount.path / "b").err.endswith("Input/output error\n")
    assert mount.read("d") == letter("d")
    server.rules()      # by itself it is not asked for again so soon
    assert mount.read("b") == letter("b")
    assert mount.read("c") == letter("c")
    assert said(mount) == "4 of 4"


def test_a_maildrop_that_is_too_large_has_none(mirror, serve, verb):
    server = serve(messages={f"m{number}": letter(str(number), SIZE) for number in range(9)})
    size = sum(len(octets) for octets in server.messages().values())
    mount = mirror(server, cache_size=size - 1, idle=0)
    assert said(mount) == "none, the maildrop is larger than cache_size"
    assert mount.read("m5")
    server.settled()
    assert server.sent("RETR") == 1
    (server.directory / "m0").unlink()
    verb(mount, "refresh").ok()
    whole(mount, 8)
    server.deliver("m9", letter("9", 2 * SIZE))
    verb(mount, "refresh").ok()
    assert "m9" in mount.names()


def test_without_a_server_it_goes_on_when_there_is_one(mirror, serve, verb):
    server = serve(synthetic=f"20:{SIZE}", rules=["on RETR 5 stall"])
    mount = mirror(server, retry=0, idle=0)
    server.wait_for("> RETR 5$")
    server.down()
    server.unplug()
    eventually(lambda: mount.status()["state"] == "offline")
    server.up()
    server.rules()
    verb(mount, "refresh").ok()
    whole(mount, 20)


def test_what_was_deleted_before_it_came_is_not_fetched(mirror, serve, verb):
    server = serve(synthetic=f"30:{SIZE}", rules=["on RETR delay 50"])
    mount = mirror(server, pipelining="off")
    mount.call(lambda: (mount.path / "m0000029").unlink())
    verb(mount, "undelete", "m0000029").ok()
    assert len(mount.names()) == 30


def test_a_mount_with_all_in_the_cache_asks_for_nothing(mirror, serve, mounts, anyone):
    server = serve(synthetic=f"50:{SIZE}")
    first = mirror(server)
    whole(first, 50)
    assert first.umount() == 0
    second = mirror(server, cache=first.cache)
    assert said(second).startswith("50 of 50")
    assert len(second.sums()) == 50
    assert server.sent("RETR") == 50


def test_offline_it_shows_what_there_is(mirror, serve):
    server = serve(synthetic=f"10:{SIZE}")
    first = mirror(server)
    whole(first, 10)
    first.umount()
    server.down()
    second = mirror(server, cache=first.cache, offline=True)
    assert len(second.sums()) == 10
    assert said(second).startswith("10 of 10")


def test_nocache_contradicts_it(mounts, person, serve):
    _, done = mounts.attempt(serve(synthetic=f"1:{SIZE}"), person, prefetch="all", nocache=True)
    assert done.code == 1
    assert "prefetch=all keeps every message in the cache, and nocache keeps none" in done.err


def test_an_unmount_does_not_wait_for_it(mirror, serve):
    server = serve(synthetic=f"6:{SIZE}", rules=["on RETR stall"])
    mount = mirror(server, timeout=600)
    server.wait_for("> RETR")
    assert mount.terminate() == 0
