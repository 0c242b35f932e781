"""Every real server answers, says what it holds, deletes, and is gone afterwards."""

import poplib
import ssl

import pytest

import leftovers
import realservers
import shapes


def those(condition=lambda server: True):
    names = [name for name, server in realservers.SERVERS.items() if condition(server)]
    return pytest.mark.parametrize("server", names, indirect=True)


@pytest.fixture
def server(request, root, authority):
    server = realservers.SERVERS[request.param](root, authority)
    yield server
    server.stop()


@those()
def test_it_gives_what_was_delivered(server):
    server.start()
    one, two = shapes.ordinary(1), shapes.header("two") + b".dot\nthe end\n"
    server.deliver(one)
    server.deliver(two)
    with server.speak() as pop:
        sent = [octets for _, octets in pop.everything()]
        assert len(pop.sizes()) == 2
    for stored, octets in zip((one, two), sent):
        # Servers add lines to the header, and solid one to the end.
        assert stored.split(b"\n\n", 1)[1].replace(b"\n", b"\r\n") in octets


@those()
def test_deleting_leaves_exactly_the_rest(server):
    server.start()
    for number in range(3):
        server.deliver(shapes.header(f"number-{number}") + b"body\n")
    with server.speak() as pop:
        pop.command("DELE 2")
    with server.speak() as pop:   # Courier deletes after its "+OK", but before another session
        assert len(pop.uidls()) == 2
    assert [b"number 1" in octets for octets in server.messages().values()] == [False, False]


@those(lambda server: server.way == "stls")
def test_tls_where_it_says_so(server):
    server.start()
    pop = poplib.POP3("127.0.0.1", server.port, timeout=60)
    pop.host = "localhost"
    pop.stls(ssl.create_default_context(cafile=server.ca))
    pop.user(server.user)
    pop.pass_(server.password)
    assert pop.stat() == (0, 0)
    pop.quit()


@those()
def test_it_is_gone_afterwards(server):
    before = set(leftovers.children())
    server.start()
    home = server.store.path.parents[1]
    pop = server.speak()   # a session that is never ended
    server.stop()
    assert not server.said()
    assert set(leftovers.children()) == before
    assert not home.exists()
    with pytest.raises(OSError):
        server.speak()
    del pop
