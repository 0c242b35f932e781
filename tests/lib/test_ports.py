"""A server that cannot find a port itself is given one that nobody takes, or is begun anew on another."""

import socket
import subprocess
import sys

import pytest

import ports
from dovecot import Dovecot
from realservers import SERVERS


@pytest.fixture
def stolen(monkeypatch):
    """The first ports that take() gives are taken by a stranger before the server has them. Gives the list of all
    that were given."""
    given, strangers, take = [], [], ports.take

    def steal(count=1):
        given.append(take(count))
        if not strangers:
            strangers.append(socket.create_server(("127.0.0.1", given[0][-1])))
        return given[-1]

    monkeypatch.setattr(ports, "take", steal)
    yield given
    for stranger in strangers:
        stranger.close()


def test_what_is_given_is_free_and_nobody_s_near_end():
    low, high = map(int, ports.RANGE.read_text().split())
    given = ports.take(50)
    assert len(set(given)) == 50
    for port in given:
        assert not low <= port <= high
        socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("low, high", [(32768, 60999), (1024, 60999), (10000, 65000), (40000, 65535)])
def test_ports_are_found_beside_any_range(low, high):
    outside = ports.outside(low, high)
    assert len(outside) > 100
    assert not set(outside) & set(range(low, high + 1))


def test_no_other_process_is_given_what_was_given():
    given = ports.take(2)
    found = subprocess.run([sys.executable, "-c", f"""
import sys, ports
ports.outside = lambda low, high: {[*given, *ports.take(1)]}
try:
    print(ports.take(1))
except AssertionError as why:
    print(why)
"""], env={"PYTHONPATH": ports.__file__.rpartition("/")[0]}, capture_output=True, text=True, check=True)
    assert found.stdout == "all ports are taken\n"


def test_what_a_stranger_listens_on_is_not_given(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        other, = ports.take()
        ports._reserved.pop().close()   # others may have it
        monkeypatch.setattr(ports, "outside", lambda low, high: [stranger.getsockname()[1], other])
        assert ports.take() == [other]


def test_dovecot_is_begun_anew_where_its_port_was_taken(root, authority, stolen):
    server = Dovecot(root / "stolen", authority)
    server.start()
    assert len(stolen) == 2
    account = server.account()
    account.deliver(b"Subject: hello\n\n")
    assert [len(account.session(way).list()[1]) for way in ("plain", "tls")] == [1, 1]
    server.stop()


@pytest.mark.parametrize("name", SERVERS)
def test_so_is_every_real_server(root, authority, stolen, name):
    server = SERVERS[name](root, authority)
    server.start()
    assert len(stolen) == 2
    with server.speak() as pop:
        assert pop.uidls() == []
    server.stop()
