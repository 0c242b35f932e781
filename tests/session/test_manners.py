"""How pop3fs behaves towards a server that wants to be handled with care: patience, locks, secrets, reading."""

import errno

import pytest

from popserver import capabilities

SIX = "6:1000"
FIRST, SECOND, THIRD = "m0000000", "m0000001", "m0000002"
MAIL = {name: b"Subject: %d\r\n\r\nbody\r\n" % n for n, name in enumerate(("a", "b", "c"))}


def connections(server, verb):
    """The numbers of the connections on which this command came, in order."""
    return [int(line.split()[1]) for line in server.lines()
            if line.startswith("CONN ") and line.split(" ", 3)[2:] and line.split(" ", 3)[2] == ">"
            and line.split(" ", 3)[3].split(" ")[0].upper() == verb]


def settle(driver):
    """Whatever the session was told before, it has thought about. (A commit with nothing to do goes to the store and
    back.)"""
    assert driver.answer("commit", "^committed") == "committed 0 0 0 live OK "


def logins(server):
    return server.sent("PASS") + server.sent("AUTH")


# ---- LOGIN-DELAY ----

@pytest.fixture
def patient(serve):
    return serve(*capabilities("LOGIN-DELAY 300"), synthetic=SIX)


def test_a_session_is_kept_as_long_as_no_other_may_be_had(drive, patient):
    driver = drive(patient, idle=0)
    driver.answer("refresh", "^listed 6 fresh")
    for name in (FIRST, SECOND):
        driver.answer(f"fetch {name}", f"^fetched {name} OK")
    assert connections(patient, "RETR") == [1, 1]


def test_without_login_delay_it_is_closed_when_it_is_idle(drive, serve):
    server = serve(*capabilities(), synthetic=SIX)
    driver = drive(server, idle=0)
    driver.answer("refresh", "^listed 6 fresh")
    server.wait_for("^CONN 1 close")
    driver.answer(f"fetch {FIRST}", "^fetched .* OK")
    assert connections(server, "RETR") == [2]


def test_a_listing_that_nobody_waits_for_is_patient(drive, patient):
    driver = drive(patient)
    driver.answer("refresh", "^listed 6 fresh")
    driver.say("look")
    settle(driver)
    driver.answer(f"fetch {FIRST}", "^fetched .* OK")
    assert connections(patient, "RETR") == [1]
    driver.answer("refresh", "^listed 6 fresh")      # this one is waited for
    assert logins(patient) == 2


def test_patience_outlives_the_mount(drive, patient):
    driver = drive(patient)
    driver.answer("refresh", "^listed 6 fresh")
    driver.end()
    later = drive(patient, store=driver.store)
    later.wait_for("^listed 6 stored")
    later.say("look", f"ahead {FIRST}")
    settle(later)
    assert logins(patient) == 1
    assert [line for line in later.lines() if line.startswith("state 1")] == []
    later.answer(f"fetch {FIRST}", f"^fetched {FIRST} OK")
    assert logins(patient) == 2


def test_patience_comes_to_an_end(drive, serve):
    server = serve(*capabilities("LOGIN-DELAY 2"), synthetic=SIX)
    driver = drive(server)
    driver.answer("refresh", "^listed 6 fresh")
    driver.answer("look", "^listed 6 fresh")
    assert logins(server) == 2


# ---- in use, later, refused ----

CAREFUL = capabilities()


@pytest.mark.parametrize("code", ["IN-USE", "SYS/TEMP", "LOGIN-DELAY 10"])
def test_it_is_tried_again(drive, serve, code):
    server = serve(*CAREFUL, synthetic=SIX, rules=[f'on PASS times=2 err "[{code}] not now"'])
    driver = drive(server, retry=60000)
    driver.answer("refresh", "^listed 6 fresh")
    assert server.sent("PASS") == 3


def test_a_listing_that_is_put_off_is_tried_again(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=['on UIDL times=1 err "[SYS/TEMP] not now"'])
    driver = drive(server, retry=60000)
    driver.answer("refresh", "^listed 6 fresh")
    assert server.sent("PASS") == 2


def test_a_message_that_is_refused_for_now_is_tried_again(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=['on RETR 1 times=2 err "[SYS/TEMP] not now"'])
    driver = drive(server, retry=60000)
    driver.answer("refresh", "^listed 6 fresh")
    driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} OK")
    assert connections(server, "RETR") == [1, 1, 1]


def test_and_meanwhile_the_others_come(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=['on RETR 1 err "[SYS/TEMP] not now"'])
    driver = drive(server, retry=600000)
    driver.answer("refresh", "^listed 6 fresh")
    driver.say(f"fetch {FIRST}")
    server.wait_for("> RETR 1")
    for name in (SECOND, THIRD):
        driver.answer(f"fetch {name}", f"^fetched {name} OK")
    assert not any(line.startswith(f"fetched {FIRST}") for line in driver.lines())
    driver.answer("final", "^committed 0 0 0 final OK")
    driver.wait_for(f"^fetched {FIRST} E_ENDING")


def test_past_retry_the_reader_is_told(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=['on RETR 1 err "[SYS/TEMP] not now"'])
    driver = drive(server, retry=1)
    driver.answer("refresh", "^listed 6 fresh")
    driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} E_LATER")
    assert server.sent("RETR") == 2


@pytest.mark.parametrize("code, error", [("IN-USE", "E_LOCKED"), ("SYS/TEMP", "E_LATER"), ("LOGIN-DELAY", "E_LATER")])
def test_past_retry_it_is_said_and_so_to_who_comes_next(drive, serve, code, error):
    server = serve(*CAREFUL, synthetic=SIX, rules=[f'on PASS conn=2- err "[{code}] not now"'])
    driver = drive(server, idle=0)
    driver.answer("refresh", "^listed 6 fresh")
    server.wait_for("^CONN 1 close")
    for _ in range(2):
        driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} {error}")
    assert server.sent("PASS") == 2


@pytest.mark.parametrize("code, error", [("[AUTH]", "E_LOGIN"), ("[SYS/PERM]", "E_REFUSED")])
def test_a_final_refusal_is_tried_again_only_by_a_person(drive, serve, code, error):
    server = serve(*CAREFUL, synthetic=SIX, rules=[f'on PASS conn=2- times=2 err "{code} no"'])
    driver = drive(server, idle=0, retry=60000)
    driver.answer("refresh", "^listed 6 fresh")
    server.wait_for("^CONN 1 close")
    for _ in range(3):
        driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} {error}")
        driver.answer("look", f"^not-listed {error}")
    assert server.sent("PASS") == 2
    driver.answer("refresh", f"^not-listed {error}")
    driver.answer("refresh", "^listed 6 fresh")
    assert server.sent("PASS") == 4


def test_a_secret_that_was_never_good_is_sent_once(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=['on PASS err "no"'])
    driver = drive(server, retry=60000)
    driver.answer("refresh", "^not-listed E_LOGIN")
    driver.answer("look", "^not-listed E_LOGIN")
    assert server.sent("PASS") == 1


def test_a_bare_refusal_of_a_good_secret_is_tried_three_times(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=['on PASS conn=2- err "no"'])
    driver = drive(server, idle=0, retry=60000)
    driver.answer("refresh", "^listed 6 fresh")
    server.wait_for("^CONN 1 close")
    for _ in range(2):
        driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} E_LOCKED")
    driver.answer(f"unlink {SECOND}", "^unlinked")
    driver.answer("commit", "^committed 0 1 0 live E_LOCKED")
    assert server.sent("PASS") == 1 + 3


def test_offline_fails_at_once_and_comes_back(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX)
    driver = drive(server, idle=0)
    driver.answer("refresh", "^listed 6 fresh")
    server.wait_for("^CONN 1 close")
    server.down()
    driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} E_CONNECT")
    driver.answer(f"fetch {SECOND}", f"^fetched {SECOND} E_OFFLINE")
    driver.answer("look", "^not-listed E_OFFLINE")
    server.up()
    while "OK" not in driver.answer(f"fetch {FIRST}", f"^fetched {FIRST}"):
        pass


def test_the_first_who_fails_hears_why_and_the_next_that_we_are_offline(person, mounts, serve):
    server = serve(*CAREFUL, synthetic=SIX)
    mount = mounts.mount(server, person, way="stls", idle=0, retry=0)
    server.wait_for("^CONN 1 close")
    server.down()
    for name, number in ((FIRST, errno.ECONNREFUSED), (SECOND, errno.ENETDOWN)):
        with pytest.raises(OSError) as error:
            mount.read(name)
        assert error.value.errno == number
    assert mount.status()["state"] == "offline"
    mount.umount()


# ---- listings and fetches ----

def test_fetches_go_before_a_listing_that_nobody_waits_for(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=["on RETR delay 200"])
    driver = drive(server)
    driver.answer("refresh", "^listed 6 fresh")
    driver.say(f"ahead {FIRST}", f"ahead {SECOND}", f"ahead {THIRD}", "look")
    driver.wait_for("^listed 6 fresh", 2)
    assert connections(server, "RETR") == [1, 1, 1]
    assert connections(server, "UIDL") == [1, 2]


def test_a_listing_that_is_waited_for_goes_before_what_is_fetched_ahead(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=["on RETR 1 delay 500"])
    driver = drive(server)
    driver.answer("refresh", "^listed 6 fresh")
    driver.say(f"ahead {FIRST}")
    server.wait_for("> RETR 1")
    driver.say(f"ahead {SECOND}", f"ahead {THIRD}", "refresh")
    driver.wait_for("^fetched .* OK", 3)
    assert connections(server, "RETR") == [1, 2, 2]


def test_a_commit_goes_before_what_is_fetched(drive, serve):
    server = serve(*CAREFUL, messages=MAIL, rules=["on RETR 1 delay 500"])
    driver = drive(server)
    driver.answer("refresh", "^listed 3 fresh")
    driver.answer("unlink c", "^unlinked c OK")
    driver.say("fetch a")
    server.wait_for("> RETR 1")
    driver.say("fetch b", "commit")
    assert driver.wait_for("^committed") == ["committed 1 0 0 live OK "]
    driver.wait_for("^fetched . OK", 2)
    assert connections(server, "RETR") == [1, 2]
    assert connections(server, "DELE") == [1]


# ---- one message's trouble ----

def test_a_message_that_cannot_be_had_is_asked_for_only_by_who_opens_it(drive, serve):
    server = serve(*CAREFUL, synthetic=SIX, rules=["on RETR 2 cut 300", 'on RETR 3 err "no"'])
    driver = drive(server)
    driver.answer("refresh", "^listed 6 fresh")
    driver.answer(f"fetch {SECOND}", f"^fetched {SECOND} E_CLOSED")
    driver.answer(f"fetch {THIRD}", f"^fetched {THIRD} E_REFUSED")
    driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} OK")
    before = server.sent("RETR")
    driver.answer(f"ahead {SECOND}", f"^fetched {SECOND} E_LATER")
    driver.answer(f"ahead {THIRD}", f"^fetched {THIRD} E_LATER")
    assert server.sent("RETR") == before
    server.rules()
    driver.answer(f"fetch {SECOND}", f"^fetched {SECOND} OK")
    driver.answer(f"fetch {THIRD}", f"^fetched {THIRD} OK")


@pytest.mark.parametrize("line", ["-ERR inactivity", "421 too long", "+OK one more", ""])
@pytest.mark.parametrize("closes", [[], ["close-after"]])
def test_an_unasked_line_is_not_seen_by_the_reader(drive, serve, line, closes):
    rule = " ".join([f'on RETR conn=1 append "{line}\\r\\n"', *closes])
    server = serve(*CAREFUL, synthetic=SIX, rules=[rule])
    driver = drive(server)
    driver.answer("refresh", "^listed 6 fresh")
    driver.answer(f"fetch {FIRST}", f"^fetched {FIRST} OK")
    driver.answer(f"fetch {SECOND}", f"^fetched {SECOND} OK")
    assert connections(server, "RETR") == [1, 2]


@pytest.mark.parametrize("verb", ["STAT", "UIDL", "LIST", "TOP"])
def test_a_line_that_breaks_while_it_lists_is_replaced_once(drive, serve, verb):
    server = serve(*CAREFUL, synthetic=SIX, rules=[f"on {verb} conn=1 close"])
    driver = drive(server)
    driver.answer("refresh", "^listed 6 fresh")
    assert logins(server) == 2
    server.rules(f"on {verb} close")
    driver.answer("refresh", "^(listed 6 fresh|not-listed E_CLOSED)")


# ---- where reading deletes ----

GMAIL = 'on GREETING reply "+OK Gpop ready for requests from 192.0.2.1 x\\r\\n"'


@pytest.mark.parametrize("options, rules", [
    (capabilities("EXPIRE 0"), []),
    (capabilities("X-GOOGLE-RICO"), []),
    (capabilities(), [GMAIL]),
], ids=["announced", "word", "greeting"])
def test_a_session_that_reads_ends_without_quit(drive, serve, options, rules):
    server = serve(*options, messages=MAIL, rules=rules)
    driver = drive(server, idle=0)
    driver.answer("refresh", "^listed 3 fresh")
    server.wait_for("^CONN 1 close")
    driver.answer("fetch a", "^fetched a OK")
    server.wait_for("^CONN 2 close")
    assert server.sent("QUIT") == 0
    driver.answer("unlink b", "^unlinked b OK")
    driver.answer("fetch c", "^fetched c OK")
    assert driver.answer("commit", "^committed") == "committed 1 0 0 live OK "
    assert sorted(server.messages()) == ["a", "c"]
    assert not set(connections(server, "QUIT")) & set(connections(server, "RETR"))
    assert driver.log().count("deletes what was merely read") == 1


def test_that_reading_deletes_is_said_at_the_mount_and_in_the_status(person, mounts, serve):
    server = serve(*capabilities("EXPIRE 0"), messages=MAIL)
    mount, done = mounts.attempt(server, person, way="stls")
    assert done.ok().err.count("deletes what was merely read") == 1
    assert mount.status()["sessions end"].startswith("without QUIT")
    assert len(mount.sums()) == 3
    mount.pid = mount.find_daemon()
    assert mount.umount() == 0
    assert server.sent("QUIT") == 0


def test_else_sessions_end_with_quit(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, idle=0)
    server.wait_for("> QUIT")
    assert mount.status()["sessions end"] == "with QUIT"
    assert mount.umount() == 0


# ---- UTF8 ----

def test_utf8_is_said_before_the_login_where_it_is_announced(drive, serve):
    server = serve(*capabilities("UTF8"), synthetic=SIX)
    driver = drive(server)
    driver.answer("refresh", "^listed 6 fresh")
    commands = server.commands()
    assert commands.index("UTF8") < commands.index("USER demo")
    assert server.sent("UTF8") == 1


def test_nothing_is_said_that_is_not_announced(drive, serve):
    server = serve(*capabilities(), synthetic=SIX)
    driver = drive(server)
    driver.answer("refresh", "^listed 6 fresh")
    driver.answer(f"fetch {FIRST}", "^fetched .* OK")
    assert {c.split(" ")[0] for c in server.commands()} == {"CAPA", "STLS", "USER", "PASS", "STAT", "UIDL", "LIST", "TOP",
                                                            "RETR"}
