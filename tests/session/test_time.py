"""Progress counts, never the whole; silence ends what waits for it; a commit ends in its time."""

import pytest

from popserver import capabilities

SMALL = "6:600"
FIRST, SECOND = "m0000000", "m0000001"
MAIL = {name: b"Subject: %d\r\n\r\nbody\r\n" % n for n, name in enumerate(("a", "b", "c"))}
SHORT = 1000        # milliseconds: a timeout that is waited for
LONG = 60000        # one that is not


@pytest.mark.parametrize("rule", ["on GREETING stall 3", "on GREETING stall", "on CONNECT stall", "on CAPA stall",
                                  "on STLS stall", "on USER stall", "on PASS swallow", "on STAT stall",
                                  "on UIDL stall 10", "on LIST swallow"])
def test_silence_ends_a_login_and_a_listing(drive, serve, rule):
    server = serve(*capabilities(), synthetic=SMALL, rules=[rule])
    driver = drive(server, timeout=SHORT)
    driver.answer("refresh", "^not-listed E_TIMEOUT")
    server.rules()
    driver.answer("refresh", "^listed 6 fresh")


def test_silence_within_the_handshake_ends_the_mount(person, mounts, serve):
    server = serve(synthetic=SMALL, rules=["on TLS stall"])
    _, done = mounts.attempt(server, person, timeout=1, retry=0)
    assert done.code == 32 and len(done.err.splitlines()) == 1


@pytest.mark.parametrize("rule", ["on RETR 1 stall 100", "on RETR 1 stall", "on RETR 1 swallow"])
def test_silence_within_a_message_costs_that_one(drive, serve, rule):
    server = serve(*capabilities(), synthetic=SMALL, rules=[rule])
    driver = drive(server, timeout=SHORT)
    driver.answer("refresh", "^listed 6 fresh")
    driver.say(f"fetch {FIRST}", f"fetch {SECOND}")
    driver.wait_for(f"^fetched {FIRST} E_TIMEOUT")
    driver.wait_for(f"^fetched {SECOND} OK")


def test_a_slow_refusal_is_not_cut_short(drive, serve):
    server = serve(*capabilities(), synthetic=SMALL, rules=['on PASS delay 1500 err "[AUTH] wrong"'])
    driver = drive(server, timeout=LONG)
    driver.answer("refresh", "^not-listed E_LOGIN")


@pytest.mark.parametrize("rule", ["on RETR 1 dribble 4", "on ANY chunk 1", "on GREETING dribble 50",
                                  "on UIDL dribble 20"])
def test_a_server_that_dribbles_is_waited_for(drive, serve, rule):
    server = serve(*capabilities(), synthetic=SMALL, rules=[rule])
    driver = drive(server, timeout=SHORT)
    driver.answer("refresh", "^listed 6 fresh")
    driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} OK")


@pytest.mark.parametrize("kind", ["live", "final"])
@pytest.mark.parametrize("rule, waiting", [("on DELE swallow", 1), ("on DELE dribble 600", 1), ("on QUIT conn=2- stall", 1),
                                           ("on QUIT conn=2- dribble 600", 1), ("on PASS conn=2- stall", 1),
                                           ("on STAT conn=2- dribble 600", 1)])
def test_a_commit_ends_in_its_time(drive, serve, rule, waiting, kind):
    server = serve(*capabilities(), messages=MAIL, rules=[rule])
    driver = drive(server, idle=0, commit=1500, timeout=LONG)
    driver.answer("refresh", "^listed 3 fresh")
    server.wait_for("^CONN 1 close")
    driver.answer("unlink b", "^unlinked b OK")
    command = "commit" if kind == "live" else "final"
    assert driver.answer(command, "^committed").startswith(f"committed 0 {waiting} 0 {kind} E_TIMEOUT")
    server.rules()
    if kind == "live":
        server.unplug()                  # a line that hangs in its login would be waited for
        while "OK" not in driver.answer("fetch a", "^fetched a"):
            pass
        assert driver.answer("commit", "^committed").startswith("committed")
    driver.end()
    later = drive(server, store=driver.store)
    later.wait_for("^listed . stored")
    later.answer("refresh", "^listed . fresh")
    later.answer("final", "^committed . 0 0 final OK")
    assert sorted(server.messages()) == ["a", "c"]


def test_the_proof_of_a_commit_ends_in_its_time(drive, serve):
    server = serve(*capabilities(), messages=MAIL, rules=["on PASS conn=2- stall"])
    driver = drive(server, commit=1500, timeout=LONG)
    driver.answer("refresh", "^listed 3 fresh")
    driver.answer("unlink b", "^unlinked b OK")
    assert driver.answer("commit", "^committed") == "committed 1 0 0 live OK "
    assert sorted(server.messages()) == ["a", "c"]
