"""Commits from the inside: whatever comes in between, whoever asked hears the real result, and the line goes on."""

import pytest

from popserver import capabilities

MAIL = {name: b"Subject: %d\r\nMessage-ID: <%d@example.org>\r\n\r\nbody\r\n" % (n, n)
        for n, name in enumerate(("a", "b", "c", "d"))}
# UIDLs that say little: an old intention is compared first
COUNTED = {str(n + 1): octets for n, octets in enumerate(MAIL.values())}


@pytest.fixture
def listed(drive, serve):
    """listed(rule, ..., idle=0) is a driver that has listed four messages, and its server."""
    def start(*rules, messages=MAIL, **driving):
        server = serve(*capabilities(), messages=messages, rules=rules)
        driver = drive(server, **driving)
        driver.answer("refresh", "^listed 4 fresh")
        return driver, server
    return start


def unlink(driver, *names):
    for name in names:
        driver.answer(f"unlink {name}", f"^unlinked {name} OK")


def works(driver, name="a"):
    driver.answer(f"fetch {name}", f"^fetched {name} OK")


def test_nothing_to_do_is_done_without_the_server(listed):
    driver, server = listed(idle=0)
    server.wait_for("^CONN 1 close")
    assert driver.answer("commit", "^committed") == "committed 0 0 0 live OK "
    assert driver.answer("final", "^committed") == "committed 0 0 0 final OK "
    assert server.sent("PASS") == 1


def test_what_another_client_has_deleted_leaves_nothing_to_do(listed):
    driver, server = listed(idle=0)
    server.wait_for("^CONN 1 close")
    unlink(driver, "b")
    (server.directory / "b").unlink()
    assert driver.answer("commit", "^committed") == "committed 0 0 0 live OK "
    works(driver)
    assert server.sent("DELE") == 0


def test_who_comes_late_hears_of_his_own(listed):
    driver, server = listed("on DELE total=1 delay 500")
    unlink(driver, "b")
    driver.say("commit")
    server.wait_for("> DELE")
    unlink(driver, "c")
    assert driver.answer("commit", "^committed") == "committed 2 0 0 live OK "
    assert sorted(server.messages()) == ["a", "d"]
    works(driver)
    assert len([line for line in driver.lines() if line.startswith("committed")]) == 1


def test_a_final_commit_that_comes_late_is_one_of_its_own(listed):
    driver, server = listed("on DELE total=1 delay 500")
    unlink(driver, "b")
    driver.say("commit")
    server.wait_for("> DELE")
    unlink(driver, "c")
    driver.say("commit", "final")
    assert driver.wait_for("^committed", 2)[0].startswith("committed 1 0 0 live OK")
    assert driver.lines().count("committed 1 0 0 final OK ") == 1
    assert sorted(server.messages()) == ["a", "d"]


def test_two_commits_at_once_are_one(listed):
    driver, server = listed()
    unlink(driver, "b")
    driver.say("commit", "commit")
    driver.wait_for("^committed 1 0 0 live OK")
    works(driver)
    assert server.sent("DELE") == 1


def test_a_listing_that_is_asked_for_meanwhile_comes(listed):
    driver, server = listed("on DELE delay 500")
    unlink(driver, "b")
    driver.say("commit")
    server.wait_for("> DELE")
    driver.answer("refresh", "^listed 3 fresh")
    driver.wait_for("^committed 1 0 0 live OK")


def test_a_final_commit_while_connecting(listed, serve, drive):
    driver, server = listed("on GREETING conn=2 delay 500", idle=0)
    server.wait_for("^CONN 1 close")
    unlink(driver, "b")
    driver.say("fetch a", "refresh")
    server.wait_for("^CONN 2 open")
    assert driver.answer("final", "^committed") == "committed 1 0 0 final OK "
    driver.wait_for("^fetched a E_ENDING")
    driver.wait_for("^not-listed E_ENDING")
    assert sorted(server.messages()) == ["a", "c", "d"]


def test_a_final_commit_does_not_wait_for_a_stalled_message(listed):
    driver, server = listed("on RETR 1 stall 10", timeout=600000)
    unlink(driver, "b")
    driver.say("fetch a")
    server.wait_for("> RETR 1")
    driver.say("final")
    driver.wait_for("^fetched a E_ENDING")
    driver.wait_for("^committed 1 0 0 final OK")


def test_after_the_end_nothing_is_begun(listed):
    driver, server = listed()
    unlink(driver, "b")
    driver.answer("final", "^committed 1 0 0 final OK")
    driver.answer("fetch a", "^fetched a E_ENDING")
    driver.answer("refresh", "^not-listed E_ENDING")
    driver.answer("look", "^not-listed E_ENDING")
    assert server.sent("PASS") == 1


@pytest.mark.parametrize("busy", ["fetch a", "refresh", "commit", "fetch a|commit", "refresh|final"])
@pytest.mark.parametrize("rule", ["on ANY conn=2 stall", "on RETR stall 10", "on DELE stall", "on QUIT swallow"])
def test_the_end_comes_at_once_whatever_is_under_way(listed, busy, rule):
    driver, server = listed(rule, timeout=600000, idle=0)
    server.wait_for("^CONN 1 close" if "QUIT" not in rule else "> QUIT")
    unlink(driver, "b")
    driver.say(*busy.split("|"))
    driver.end()


@pytest.mark.parametrize("rule", ["on TOP conn=2 close", "on TOP conn=2 cut 10",
                                  'on TOP conn=2 reply "hm\\r\\n"'])
@pytest.mark.parametrize("command", ["commit", "final"])
def test_a_line_that_breaks_before_any_dele_is_replaced(listed, drive, rule, command):
    driver, server = listed(messages=COUNTED)
    unlink(driver, "2")
    driver.end()
    server.rules(rule.replace("TOP", "TOP 2"))       # of the commit; the listing knows the header
    later = drive(server, store=driver.store)
    later.wait_for("^listed . stored")
    assert later.answer(command, "^committed").split()[1:4] == ["1", "0", "0"]
    assert sorted(server.messages()) == ["1", "3", "4"]
    assert server.sent("DELE") == 1


def test_a_line_that_breaks_twice_is_said(listed, drive):
    driver, server = listed(messages=COUNTED)
    unlink(driver, "2")
    driver.end()
    server.rules("on TOP 2 close")
    later = drive(server, store=driver.store)
    later.wait_for("^listed . stored")
    assert later.answer("commit", "^committed").startswith("committed 0 1 0 live E_CLOSED")
    server.rules()
    works(later, "1")
    assert later.answer("commit", "^committed").startswith("committed 1 0 0 live OK")


def test_a_dele_whose_line_breaks_is_not_sent_again_unproved(listed):
    driver, server = listed("on DELE times=1 done close")
    unlink(driver, "b")
    assert driver.answer("commit", "^committed").startswith("committed 0 1 0 live E_CLOSED")
    assert driver.answer("commit", "^committed") == "committed 1 0 0 live OK "
    assert sorted(server.messages()) == ["a", "c", "d"]


@pytest.mark.parametrize("rule, is_gone", [
    ("on DELE times=1 close", False), ("on DELE times=1 done close", False), ("on QUIT times=1 cut 0", True),
    ("on QUIT times=1 done close", True), ("on DELE times=1 delete-now close-after", True), ('on QUIT times=1 err "no" done', True)])
def test_nobody_is_told_that_he_has_back_what_may_be_gone(listed, rule, is_gone):
    driver, server = listed(rule)
    server.down()      # for the time after this line
    unlink(driver, "b")
    assert driver.answer("commit", "^committed").startswith("committed 0 1 0 live E_")
    assert "whether it was done" in driver.answer("undelete b", "^undeleted b E_FORBIDDEN")
    server.up()
    driver.answer("refresh", f"^listed {3} fresh")
    if is_gone:
        driver.answer("undelete b", "^unknown b")
    else:
        driver.answer("undelete b", "^undeleted b OK")
        assert driver.answer("commit", "^committed") == "committed 0 0 0 live OK "
    assert ("b" in server.messages()) != is_gone


def test_what_the_server_has_confirmed_is_not_taken_back(listed):
    driver, server = listed("on GREETING conn=2 stall")     # the proof does not come
    unlink(driver, "b")
    driver.say("commit")
    server.wait_for("DELETED b")
    server.wait_for("^CONN 2 open")
    driver.answer("undelete b", "^undeleted b E_FORBIDDEN")


def test_what_is_undeleted_while_it_is_compared_stays(listed, drive):
    driver, server = listed(messages=COUNTED)
    unlink(driver, "2", "3")
    driver.end()
    server.rules("on TOP 2 delay 700")
    later = drive(server, store=driver.store)
    later.wait_for("^listed . stored")
    later.say("commit")
    server.wait_for("> TOP 2 0", 2)
    later.answer("undelete 2", "^undeleted 2 OK")
    assert later.wait_for("^committed") == ["committed 1 0 0 live OK "]
    assert sorted(server.messages()) == ["1", "2", "4"]


def test_without_a_server_a_commit_fails_at_once(listed):
    driver, server = listed(idle=0)
    server.wait_for("^CONN 1 close")
    unlink(driver, "b")
    server.down()
    for command in ("commit", "commit", "final"):
        assert " 0 1 0 " in driver.answer(command, "^committed.*E_CONNECT")


def test_under_login_delay_the_proof_is_left_to_the_next_listing(drive, serve):
    server = serve(*capabilities("LOGIN-DELAY 300"), messages=MAIL)
    driver = drive(server)
    driver.answer("refresh", "^listed 4 fresh")
    unlink(driver, "b")
    assert driver.answer("commit", "^committed") == "committed 1 0 0 live OK "
    assert server.sent("PASS") == 1
    driver.answer("fetch a", "^fetched a OK")
    driver.wait_for("^listed 3 fresh")


def test_a_number_that_came_again_is_compared_too(drive, serve):
    """Message 2 was another one before, so it is called 2~2; and it is another one again when the deletion goes out."""
    def letter(name, size):
        return b"Subject: %s\r\n\r\n%s\r\n" % (name.encode(), b"x" * size)

    server = serve(*capabilities(), "--uidl", "%n",
                   messages={"b": letter("b", 10), "c": letter("c", 99), "d": letter("d", 99)})
    driver = drive(server, idle=0)
    driver.answer("refresh", "^listed 3 fresh")
    server.deliver("a", letter("a", 10))
    driver.answer("refresh", "^listed 4 fresh")
    unlink(driver, "2~2")                      # that is b
    server.deliver("0", letter("0", 10))
    driver.answer("commit", "^committed 0 0 . live OK")
    assert sorted(server.messages()) == ["0", "a", "b", "c", "d"]
    assert "another message under its UIDL" in driver.log()
