"""A line that breaks in the middle of a message: the reader gets all of it or an error, never a part."""

import errno
import poplib

import pytest

from eventually import eventually
from mounting import digest

SIZE = 50_000
NAME = "m0000002"        # message 3
PLACES = [0, 1, 5, 300, 25_000, -SIZE // 2, -5, -4, -3, -2, -1]   # of the reply; "CRLF.CRLF" is at -5


@pytest.fixture
def truth(serve):
    """The octets that message 3 has on any server of this kind."""
    server = serve(synthetic=f"5:{SIZE}")
    pop = poplib.POP3("127.0.0.1", server.port, timeout=60)
    pop.user(server.user)
    pop.pass_(server.password)
    octets = b"".join(line + b"\r\n" for line in pop.retr(3)[1])
    pop.quit()
    return octets


@pytest.mark.parametrize("way", ["plain", "tls"])
@pytest.mark.parametrize("what", ["cut", "abort"])
def test_a_line_that_breaks_once_is_not_seen_by_the_reader(person, mounts, serve, truth, what, way):
    server = serve(synthetic=f"5:{SIZE}")
    mount = mounts.mount(server, person, way=way)
    for place in PLACES:
        server.rules(f"on RETR 3 times=1 {what} {place}")
        assert digest(mount.read(NAME)) == digest(truth), (what, place)
        assert mount.umount() == 0
        mount = mounts.mount(server, person, way=way)   # with a new cache
    assert mount.umount() == 0


@pytest.mark.parametrize("what", ["cut", "abort"])
def test_a_line_that_breaks_every_time_is_an_error_and_leaves_no_part(person, mounts, serve, truth, what):
    server = serve(synthetic=f"5:{SIZE}")
    mount = mounts.mount(server, person, retry=0)
    for place in (1, 300, 25_000, -3, -1):
        server.rules(f"on RETR 3 {what} {place}")
        with pytest.raises(OSError) as error:
            mount.read(NAME)
        assert error.value.errno == errno.EIO, (what, place)
        assert mount.sizes()[NAME] == SIZE
    mount.kill9()
    server.rules()
    later = mounts.mount(server, person, cache=mount.cache)
    before = server.sent("RETR")
    assert later.read(NAME) == truth
    assert server.sent("RETR") > before
    assert later.umount() == 0


def test_one_message_that_cannot_be_had_costs_only_itself(person, mounts, serve):
    server = serve(synthetic=f"5:{SIZE}", rules=['on RETR 3 err "[SYS/PERM] this one is damaged"'])
    mount = mounts.mount(server, person)
    for name in mount.names():
        if name == NAME:
            with pytest.raises(OSError) as error:
                mount.read(name)
            assert error.value.errno == errno.EIO
        else:
            assert len(mount.read(name)) == SIZE
    assert mount.umount() == 0


def test_a_pulled_plug_and_a_server_that_is_down_for_a_while(person, mounts, serve, truth):
    server = serve(synthetic=f"5:{SIZE}")
    mount = mounts.mount(server, person, retry=0)
    assert len(mount.read("m0000000")) == SIZE
    server.down()
    server.unplug()
    assert len(mount.read("m0000000")) == SIZE      # from the cache
    with pytest.raises(OSError):
        mount.read("m0000004")
    server.up()

    def comes_back():
        try:
            return mount.read(NAME)
        except OSError:
            return None

    assert eventually(comes_back, "the message, after the server was down") == truth
    assert mount.umount() == 0


@pytest.mark.parametrize("rule", ["on ANY dribble", "on ANY chunk 7", "on RETR 3 chunk 1000"])
def test_pieces_of_any_size_make_the_same_message(person, mounts, serve, truth, rule):
    server = serve(synthetic=f"5:{SIZE}", rules=[rule])
    mount = mounts.mount(server, person, way="plain")
    assert mount.read(NAME) == truth
    assert mount.umount() == 0
