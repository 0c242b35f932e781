"""The scripted server is started, told what to do, watched and ended."""

import poplib
import socket

import pytest

from popserver import PASSWORD, USER


def login(server):
    pop = poplib.POP3("127.0.0.1", server.port, timeout=60)
    pop.user(USER)
    pop.pass_(PASSWORD)
    return pop


def test_it_serves_files_as_they_stand_and_deletes_them(serve):
    server = serve(messages={"one": b"Subject: 1\r\n\r\nbody\r\n", "two": b"Subject: 2\r\n\r\n"})
    pop = login(server)
    assert pop.stat() == (2, 34)
    pop.dele(1)
    pop.quit()
    assert list(server.messages()) == ["two"]
    server.deliver("three", b"Subject: 3\r\n\r\n")
    pop = login(server)
    assert pop.uidl()[1] == [b"1 three", b"2 two"]
    pop.quit()


def test_its_log_says_what_came(serve):
    server = serve(synthetic="10:1000")
    pop = login(server)
    pop.retr(3)
    pop.quit()
    assert server.wait_for(r"> QUIT") == ["CONN 1 > QUIT"]
    assert server.commands() == ["USER demo", "PASS secret", "RETR 3", "QUIT"]
    assert server.sent("RETR") == 1


def test_rules_can_be_given_at_the_start_and_later(serve):
    server = serve(synthetic="10:1000", rules=['on RETR 2 err "no"'])
    pop = login(server)
    with pytest.raises(poplib.error_proto, match="no"):
        pop.retr(2)
    server.rules('on RETR 3 err "never"')
    pop.retr(2)
    with pytest.raises(poplib.error_proto, match="never"):
        pop.retr(3)
    pop.close()


def test_it_can_be_unplugged_and_down(serve):
    server = serve(synthetic="10:1000")
    pop = login(server)
    server.unplug()
    with pytest.raises((poplib.error_proto, OSError)):
        pop.stat()
    pop.close()
    server.down()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
    server.up()
    login(server).quit()
