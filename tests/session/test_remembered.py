"""What CAPA said at the last login: the next one does without asking first, and is none the less careful."""

import re
import socket
import threading

import pytest

from between import Between
from eventually import PATIENCE
from popserver import USER, capabilities

THREE = "3:1000"
SURVEY = ["CAPA", "STAT", "UIDL", "LIST"]
LOGIN = [f"USER {USER}", "PASS secret"]
ASKED = ["CAPA", "STLS", "CAPA", *LOGIN, *SURVEY]
REMEMBERED = ["STLS", *LOGIN, *SURVEY]
HEADERS = ["TOP 3 0", "TOP 2 0", "TOP 1 0", "LIST 1"]


def capa(*words, when=""):
    return f'on CAPA {when} reply "' + "".join(f"{w}\\r\\n" for w in ("+OK", *words, ".")) + '"'


def commands(server, connection):
    """What came on the N-th connection, but for what ends it."""
    found = (re.match(rf"CONN {connection} > (.*)", line) for line in server.lines())
    return [m[1] for m in found if m and m[1] != "QUIT"]


@pytest.fixture
def once(drive, serve):
    """Serves, and lists once; returns the server, and a function for whoever comes next."""
    def first(*options, rules=()):
        server = serve(*(options or capabilities("PIPELINING")), synthetic=THREE, rules=rules)
        driver = drive(server)
        driver.answer("refresh", "^listed 3 fresh")
        driver.end()
        server.settled()
        return server, lambda **options: drive(server, store=driver.store, **options)
    return first


def listed(driver):
    driver.answer("refresh", "^listed 3 fresh")
    driver.end()


def test_the_next_login_does_not_ask_first(once):
    server, again = once()
    listed(again())
    assert commands(server, 1) == ASKED + HEADERS
    assert commands(server, 2) == REMEMBERED


def test_nor_does_one_in_the_same_mount(drive, serve):
    server = serve(*capabilities("PIPELINING"), synthetic=THREE)
    driver = drive(server, idle=0)
    for count in (1, 2, 3):
        driver.answer("refresh", "^listed 3 fresh")
        server.wait_for("CONN .* close", count)
    assert [commands(server, 2), commands(server, 3)] == [REMEMBERED, REMEMBERED]


@pytest.mark.parametrize("first, then", [("stls", "plain"), ("plain", "stls")])
def test_on_another_kind_of_line_it_is_asked(mounts, person, serve, first, then):
    server = serve(*capabilities("PIPELINING"), synthetic=THREE)
    mount = mounts.mount(server, person, way=first)
    assert mount.umount() == 0
    for _ in range(2):
        other = mounts.mount(server, person, way=then, cache=mount.cache)
        assert other.umount() == 0
    stls = then == "stls"
    assert commands(server, 2) == (ASKED if stls else ["CAPA", *LOGIN, *SURVEY])
    assert commands(server, 3) == (REMEMBERED if stls else [*LOGIN, *SURVEY])


class Held(Between):
    """Passes on what clients say, and answers once the login is through only when LIST has come: who waits for an
    answer before it waits for ever."""

    def __init__(self, port):
        self._port = port
        super().__init__()

    def _serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            logged_in, listed = threading.Event(), threading.Event()
            back = threading.Thread(target=self._answer, args=(server, client, logged_in, listed), daemon=True)
            back.start()
            said = b""
            while octets := client.recv(65536):
                said += octets
                if b"PASS " in said:
                    logged_in.set()
                if b"LIST\r\n" in said:
                    listed.set()
                server.sendall(octets)
            back.join(PATIENCE)

    @staticmethod
    def _answer(server, client, logged_in, listed):
        passed = False
        while octets := server.recv(65536):
            if passed:
                listed.wait(PATIENCE)
            passed = passed or (logged_in.is_set() and octets.startswith(b"+OK"))
            try:
                client.sendall(octets)
            except OSError:
                return


def test_and_asks_for_the_listing_in_the_same_breath(mounts, person, serve):
    server = serve(*capabilities("PIPELINING"), synthetic=THREE)
    held = Held(server.port)
    source = f"pop3://{USER}@localhost:{held.port}"
    mount = mounts.mount(server, person, way="plain", source=source)
    assert mount.umount() == 0
    mount = mounts.mount(server, person, way="plain", source=source, cache=mount.cache)
    assert mount.umount() == 0
    assert commands(server, 2) == [*LOGIN, *SURVEY]
    held.close()


# ---- a server that is not what it was ----

def test_another_way_in_is_found(once):
    server, again = once()
    server.rules('on USER err "unknown"', capa("STLS", "UIDL", "TOP", "PIPELINING", "SASL PLAIN"))
    listed(again())
    listed(again())
    auth = ["AUTH PLAIN AGRlbW8Ac2VjcmV0"]
    assert commands(server, 2) == ["STLS", LOGIN[0], "CAPA", *auth, *SURVEY]
    assert commands(server, 3) == ["STLS", *auth, *SURVEY]


def test_who_has_stls_no_more_gets_no_secret(once):
    server, again = once()
    server.rules('on STLS err "unknown"', capa("USER", "UIDL", "TOP"))
    driver = again(retry=0)
    driver.answer("refresh", "^not-listed E_TLS")
    driver.end()
    assert commands(server, 2) == ["STLS", "CAPA"]


LOST = {
    "PIPELINING": capa("STLS", "USER", "UIDL", "TOP"),
    "TOP": capa("STLS", "USER", "UIDL", "PIPELINING"),
    "UIDL": capa("STLS", "USER", "TOP", "PIPELINING"),
    "all of it": capa("STLS"),
}


@pytest.mark.parametrize("lost", LOST)
def test_what_is_lost_is_heard_and_asked_for_the_next_time(once, lost):
    server, again = once()
    server.rules(LOST[lost])
    listed(again())
    listed(again())
    assert commands(server, 2) == REMEMBERED
    assert commands(server, 3)[0] == "CAPA"


def test_one_that_takes_one_command_at_a_time_now_is_asked_so(once):
    server, again = once()
    server.rules("on CONNECT one-command-per-segment", LOST["PIPELINING"])
    listed(again(timeout=1000))
    assert commands(server, 2)[:4] == REMEMBERED[:4] and "LIST" not in commands(server, 2)
    assert commands(server, 3) == ASKED


def test_one_without_capa_lists_all_the_same(once):
    server, again = once()
    server.rules('on CAPA err "unknown"')
    listed(again())
    assert commands(server, 2) == REMEMBERED


def test_a_new_way_in_is_taken_the_next_time(once):
    server, again = once()
    server.rules(capa("STLS", "USER", "UIDL", "TOP", "PIPELINING", "SASL PLAIN"))
    listed(again())
    listed(again())
    assert commands(server, 2) == REMEMBERED
    assert commands(server, 3)[3].startswith("AUTH PLAIN")


@pytest.mark.parametrize("rule", ["on PASS conn=2 close", "on USER conn=2 close", "on STLS conn=2 abort",
                                  "on CAPA conn=2 close"])
def test_a_line_that_breaks_in_a_login_by_memory_is_followed_by_one_that_asks(once, rule):
    server, again = once()
    server.rules(rule)
    driver = again(retry=0)
    driver.say("refresh")
    driver.wait_for("^(listed 3 fresh|not-listed)")
    driver.answer("refresh", "^listed 3 fresh")
    driver.end()
    assert commands(server, 3)[:2] == ["CAPA", "STLS"]


# ---- a secret that is refused ----

@pytest.mark.parametrize("words, looked", [("wrong", True), ("[AUTH] wrong", False), ("[OTHER] wrong", True)])
def test_a_refused_secret_is_not_sent_again(once, words, looked):
    server, again = once()
    server.rules(f'on PASS err "{words}"')
    driver = again(retry=60000)
    driver.answer("refresh", "^not-listed E_LOGIN")
    driver.answer("look", "^not-listed E_LOGIN")
    driver.end()
    assert commands(server, 2) == ["STLS", *LOGIN, *(["CAPA"] if looked else [])]
    assert server.sent("PASS") == 2


@pytest.mark.parametrize("behind", ["close", "stall", 'err "unknown"', 'reply "220 what\\r\\n"'])
def test_nor_where_the_server_says_no_more_than_no(once, behind):
    server, again = once()
    server.rules('on PASS err "wrong"', f"on CAPA {behind}")
    driver = again(retry=60000, timeout=1000)
    driver.answer("refresh", "^not-listed E_LOGIN")
    driver.answer("look", "^not-listed E_LOGIN")
    driver.end()
    assert server.sent("PASS") == 2


def test_one_in_use_is_tried_again(once):
    server, again = once()
    server.rules('on PASS times=1 err "[IN-USE] busy"')
    listed(again(retry=60000))
    assert commands(server, 2) == ["STLS", *LOGIN]
    assert commands(server, 3) == ASKED


# ---- servers that are asked each time ----

@pytest.mark.parametrize("lines", [["EXPIRE 0"], ["IMPLEMENTATION WildDuck"], ["X-GOOGLE-RICO"]])
def test_those_with_manners_of_their_own_are_not_remembered(once, lines):
    server, again = once(*capabilities(*lines))
    listed(again())
    assert commands(server, 2) == ASKED


def test_one_that_says_no_more_what_it_does_at_quit_is_left_without(once):
    server, again = once()
    server.rules('on CAPA err "unknown"')
    driver = again(idle=0)
    driver.answer("refresh", "^listed 3 fresh")
    driver.answer("fetch m0000000", "^fetched m0000000 OK")
    server.settled()
    assert not any(line == "CONN 2 > QUIT" for line in server.lines())
