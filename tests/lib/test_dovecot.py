"""Dovecot answers in every way, says what it holds, and is gone afterwards."""

import socket

import pytest

import leftovers
import shapes
from dovecot import Dovecot


@pytest.mark.parametrize("way", ["plain", "stls", "tls"])
def test_it_answers(account, way):
    account.deliver(b"Subject: hello\n\nbody\n")
    pop = account.session(way)
    assert pop.stat() == (1, 24)
    pop.quit()


def test_retr_gives_the_octets_with_dots_undone(account):
    cases = [
        (b"Subject: dots\n\n.\n..\n.x\n", b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n"),
        (b"Subject: end\n\nno end", b"Subject: end\r\n\r\nno end\r\n"),
        (b"Subject: odd\n\na\0b\rc\r\nd\n", b"Subject: odd\r\n\r\na\0b\rc\r\nd\r\n"),
        (b"", b"\r\n"),
    ]
    for stored, _ in cases:
        account.deliver(stored)
    assert sorted(account.retr().values()) == sorted(sent for _, sent in cases)


def test_every_shape_can_be_had_from_one_session(account):
    for octets in shapes.all_shapes(100).values():
        account.deliver(octets)
    assert len(account.retr()) == 100


def test_retrs_are_counted_while_the_session_is_open(account):
    account.deliver(b"Subject: one\n\n")
    assert account.retrs() == 0
    pop = account.session("tls")
    pop.retr(1)
    pop.retr(1)
    assert account.retrs() == 2
    pop.quit()
    assert account.commands() == ["RETR 1", "RETR 1", "QUIT"]


def test_deleting_leaves_exactly_the_rest(account):
    kept = account.deliver(b"Subject: kept\n\n")
    account.deliver(b"Subject: gone\n\n")
    pop = account.session()
    gone = [n for n in (1, 2) if b"Subject: gone" in pop.retr(n)[1]]
    pop.dele(gone[0])
    pop.quit()
    assert list(account.messages()) == [kept]


def test_accounts_share_nothing_and_have_their_own_settings(dovecot):
    one = dovecot.account(pop3_uidl_format="%f")
    two = dovecot.account(box="mbox")
    name = one.deliver(b"Subject: one\n\n")
    two.deliver(b"Subject: two\n\nFrom the start\n")
    two.deliver(b"Subject: three\n\n")
    assert one.uidls() == [name]
    assert len(two.uidls()) == 2


def test_a_wrong_password_is_refused(account):
    account.password = "wrong"
    with pytest.raises(Exception, match="Authentication failed"):
        account.session()


def test_it_is_gone_afterwards(root, authority):
    server = Dovecot(root / "another", authority, extra="pop3_lock_session = yes\n").start()
    account = server.account()
    held = account.session()
    before = set(leftovers.children())
    server.stop()
    held.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))
    assert not [words for words in leftovers.children().values() if "another" in " ".join(words)]
    assert len(before) >= 1
