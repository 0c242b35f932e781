"""pop3fs fetch: what it brings, what it never asks for twice, what it says, and who may end it."""

import os
import signal

import pytest

import shapes
from eventually import eventually
from mounting import ENDING
from programs import program

FOREVER = 600   # seconds: no time-out ends a wait in these tests


@pytest.fixture
def pop3fs(root):
    return program("pop3fs", root)


@pytest.fixture
def fetch(pop3fs):
    """fetch(mount, name, ...): runs it as the mount's owner and returns how it ended."""
    def run(mount, *names):
        return mount.run(pop3fs, "fetch", mount.path, *names)
    return run


def cached(mount):
    return int(mount.status()["cached"])


def test_all_come_and_are_read_without_a_retr(dovecot, anyone, mounts, fetch):
    account = dovecot.account()
    for number in range(20):
        account.deliver(shapes.ordinary(number))
    mount = mounts.mount(account, anyone)
    assert fetch(mount).ok().out.startswith("fetched 20 messages, ")
    assert cached(mount) == 20
    assert account.retrs() == 20
    assert len(mount.sums()) == 20
    assert fetch(mount).ok().out == ""      # nothing is left to be done
    assert account.retrs() == 20


def test_those_that_are_named_come_and_no_others(anyone, mounts, serve, fetch):
    server = serve(synthetic="9:2000")
    mount = mounts.mount(server, anyone)
    mount.read("m0000001")
    done = fetch(mount, "m0000001", mount.path / "m0000004", "m0000006", "m0000004").ok()
    assert done.out == "fetched 2 messages, 4.0 kB\n"
    assert cached(mount) == 3
    assert server.sent("RETR") == 3


def test_many_names_are_taken_in_parts(person, mounts, serve, fetch):
    server = serve(synthetic="5000:512")
    mount = mounts.mount(server, person, headers=0)
    names = mount.names()
    assert fetch(mount, *names[:4000]).ok().out.startswith("fetched 4000 messages")
    assert server.sent("RETR") == 4000


def test_what_does_not_come_is_said_and_the_rest_comes(anyone, mounts, serve, fetch):
    server = serve(synthetic="5:2000", rules=['on RETR 2 err "no, not this one"'])
    mount = mounts.mount(server, anyone)
    done = fetch(mount, "m0000000", "m0000001", "nobody", "m0000003")
    assert done.code == 1
    assert done.out == "fetched 2 messages, 4.0 kB\n"
    lines = done.err.splitlines()
    assert len(lines) == 2
    assert any("nobody: there is no such message" in line for line in lines)
    assert any("m0000001: " in line and "not this one" in line for line in lines)
    assert cached(mount) == 2
    server.rules()
    assert fetch(mount).ok().out == "fetched 3 messages, 6.0 kB\n"     # refused before: asked for again all the same


@pytest.mark.parametrize("options, lines, words", [
    ({"nocache": True}, 1, "nocache keeps no message"),
    ({"cache_size": 7000}, 1, "8000 bytes are more than cache_size=7000 keeps"),
    ({"cache_min_free": "1000000G"}, 4, "m0000003: came, but is not kept: the cache's disk"),
], ids=["nocache", "cache_size", "disk"])
def test_what_the_cache_does_not_keep_is_not_said_to_be_there(person, mounts, serve, fetch, options, lines, words):
    """Whoever is told "fetched 4 messages" goes on a journey and reads them without the server."""
    server = serve(synthetic="4:2000")
    mount = mounts.mount(server, person, **options)
    for _ in range(2):
        done = fetch(mount)
        assert (done.code, done.out) == (1, "")
        assert len(done.err.splitlines()) == lines and words in done.err


def test_what_fits_into_the_cache_is_fetched(person, mounts, serve, fetch):
    server = serve(synthetic="4:2000")
    mount = mounts.mount(server, person, cache_size=8000)
    assert fetch(mount).ok().out == "fetched 4 messages, 8.0 kB\n"
    assert cached(mount) == 4


def test_without_a_server_it_says_so(anyone, mounts, serve, fetch):
    server = serve(synthetic="3:2000")
    mount = mounts.mount(server, anyone, idle=0, retry=0, refresh=FOREVER)
    server.wait_for("close")
    server.stop()
    done = fetch(mount)
    assert done.code == 1 and done.out == ""
    assert len(done.err.splitlines()) == 3


def test_two_fetches_share_what_comes(person, mounts, serve, pop3fs):
    server = serve(synthetic="6:2000", rules=["on RETR times=1 delay 1500"])
    mount = mounts.mount(server, person)
    both = [person.start(pop3fs, "fetch", mount.path) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert server.sent("RETR") == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_wait_and_not_the_fetch(person, mounts, serve, pop3fs, number):
    server = serve(synthetic="6:2000", rules=["on RETR times=1 delay 1500"])
    mount = mounts.mount(server, person)
    process = person.start(pop3fs, "fetch", mount.path)
    server.wait_for("> RETR")
    os.kill(process.pid, number)
    assert process.wait(60) == -number
    eventually(lambda: cached(mount) == 6, "all in the cache")
    assert server.sent("RETR") == 6


def test_a_reader_goes_before_it(person, mounts, serve, pop3fs):
    server = serve(synthetic="40:2000", rules=["on RETR delay 100"])
    mount = mounts.mount(server, person, pipelining="off")
    process = person.start(pop3fs, "fetch", mount.path)
    server.wait_for("> RETR 2$")
    mount.read("m0000039")
    order = [command for command in server.commands() if command.startswith("RETR")]
    assert order.index("RETR 40") < 30
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def test_an_unmount_does_not_wait_for_it(person, mounts, serve, pop3fs):
    server = serve(synthetic="6:2000", rules=["on RETR stall"])
    mount = mounts.mount(server, person, timeout=FOREVER)
    process = person.start(pop3fs, "fetch", mount.path)
    server.wait_for("> RETR")
    assert mount.terminate() == 0
    assert process.wait(ENDING) == 1


def test_progress_is_for_terminals(person, mounts, serve, pop3fs):
    server = serve(synthetic="60:20000", rules=["on RETR delay 20"])
    mount = mounts.mount(server, person, pipelining="off")
    done = mount.run("script", "-qec", f"{pop3fs} fetch {mount.path}", "/dev/null").ok()
    assert " of 60, " in done.out and "MB" in done.out and "[#" in done.out
    assert "fetched 60 messages, 1.2 MB" in done.out
