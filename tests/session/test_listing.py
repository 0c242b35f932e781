"""Listings of every kind: what is shown, under which names, and that nothing is taken for gone that may still be there."""

import calendar
import errno
import hashlib
import os
import re

import pytest

from eventually import eventually


def mail(subject, body="body"):
    return f"Received: by x; Thu, 1 Jan 2015 00:00:00 +0000\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()


def named_after(octets):
    """The name of a message without a UIDL."""
    header = octets.split(b"\r\n\r\n")[0] + b"\r\n"
    return "header~" + hashlib.sha256(header).hexdigest()[:32]


def capa(*lines):
    return [word for line in lines for word in ("--capa", line)]


def reply(verb, *lines, where=""):
    """A rule: this multi-line reply."""
    text = "".join(f"{line}\\r\\n" for line in ("+OK", *lines, "."))
    return f'on {verb} {where} reply "{text}"'


def listed_names(driver):
    driver.answer("list", "^end-of-list")
    lines = driver.lines()
    end = len(lines) - 1 - lines[::-1].index("end-of-list")
    start = max((i for i, line in enumerate(lines[:end]) if line == "end-of-list"), default=-1)
    return [line.split()[1] for line in lines[start + 1:end] if line.startswith("message ")]


THREE = {name: mail(name) for name in "abc"}

# what the server says; of the three messages, which are shown by their UIDLs; lines that were skipped
ODD = {
    "the octets of STAT are a lie": (['on STAT reply "+OK 3 99999999999999999999\\r\\n"'], "abc", 0),
    "STAT is a count alone": (['on STAT reply "+OK 3\\r\\n"'], "abc", 0),
    "STAT makes no sense": (['on STAT reply "+OK three messages\\r\\n"'], "abc", 0),
    "STAT is refused": (['on STAT err "not here"'], "abc", 0),
    "STAT counts less": (['on STAT reply "+OK 1 20\\r\\n"'], "abc", 0),
    "backwards": ([reply("LIST", "3 87", "2 87", "1 87"), reply("UIDL", "2 b", "3 c", "1 a")], "abc", 0),
    "more tokens, tabs, blanks": ([reply("LIST", "1\\t87 octets", " 2   87 \\t", "3 87 x y z"),
                                   reply("UIDL", "1\\ta", "2 \\t  b  ", "  3 c")], "abc", 0),
    "a +OK before each line": ([reply("LIST", "+OK 1 87", "+OK 2 87", "+OK 3 87"),
                                reply("UIDL", "+OK 1 a", "+OK 2 b", "+OK 3 c")], "abc", 0),
    "a status line too many": ([reply("LIST", "+OK 3 messages", "1 87", "2 87", "3 87"),
                                reply("UIDL", "+OK", "1 a", "2 b", "3 c")], "abc", 2),
    "one that reads like a line": ([reply("LIST", "+OK 3 348", "1 87", "2 87", "3 87"),
                                    reply("UIDL", "+OK 3 messages", "1 a", "2 b", "3 c")], "abc", 2),
    "gaps": (['on STAT reply "+OK 2 174\\r\\n"', reply("LIST", "1 87", "3 87"), reply("UIDL", "1 a", "3 c")], "ac", 0),
    "sizes that are none": ([reply("LIST", "1 -5", "2 99999999999999999999", "3")], "abc", 3),
    "a number too many": ([reply("UIDL", "1 a", "2 b", "3 c", "0 d", "99999999999 e", "-4 f", "x"),
                           reply("LIST", "1 87", "2 87", "3 87", "0 87", "4294967295 87")], "abc", 6),
    "a line twice": ([reply("LIST", "1 87", "2 87", "3 87", "2 1"), reply("UIDL", "1 a", "1 z", "2 b", "3 c")], "abc", 2),
    "number 0 for another": ([reply("LIST", "0 87", "2 87", "3 87"), reply("UIDL", "0 a", "2 b", "3 c")], "bc", 2),
    "an absurd number for another": ([reply("LIST", "1 87", "2 87", "4294967295 87"),
                                      reply("UIDL", "1 a", "2 b", "4294967295 c")], "ab", 2),
    "LIST without one": ([reply("LIST", "1 87", "2 87", "nothing")], "abc", 1),
}


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
@pytest.mark.parametrize("what", ODD)
def test_an_odd_listing_shows_what_is_there(person, mounts, serve, what, pipelining):
    rules, shown, skipped = ODD[what]
    options = [] if pipelining else capa("TOP", "UIDL", "USER")
    server = serve(*options, messages=THREE, rules=rules)
    mount = mounts.mount(server, person)
    assert mount.names() == list(shown)
    assert mount.status()["skipped lines"] == str(skipped)
    for name in shown:
        assert mount.read(name) == THREE[name]
    mount.call(os.unlink, mount.path / shown[1])
    assert mount.umount() == 0
    assert sorted(server.messages()) == sorted(set("abc") - {shown[1]})


SHORT = {
    "LIST": [reply("LIST", "1 87", "2 87")],
    "UIDL, and LIST has no line for it": [reply("LIST", "1 87", "2 87", "what"), reply("UIDL", "1 a", "2 b")],
    "LIST and UIDL do not agree, and there is no STAT": ['on STAT err "no"', reply("UIDL", "1 a", "2 b")],
    "nothing at all": [reply("LIST"), reply("UIDL")],
}


@pytest.mark.parametrize("what", SHORT)
def test_a_short_listing_is_no_mount_and_says_why(person, mounts, serve, what):
    server = serve(messages=THREE, rules=SHORT[what])
    mount, done = mounts.attempt(server, person)
    assert done.code == 32
    assert "the listing came short" in done.err
    assert not mount.is_mounted()


@pytest.mark.parametrize("rules", [['on UIDL err "no messages"'], ['on UIDL err "no"', 'on LIST err "no"']])
def test_an_empty_maildrop_may_refuse_to_be_listed(person, mounts, serve, rules):
    server = serve(messages={}, rules=rules)
    mount = mounts.mount(server, person, refresh=1)
    assert mount.names() == []
    server.rules()
    server.deliver("a", THREE["a"])
    eventually(lambda: mount.names() == ["a"], "the first message")
    mount.umount()


# ---- a listing that lacks something ----

def test_what_a_partial_listing_lacks_stays(person, mounts, serve):
    server = serve(messages=THREE)
    mount = mounts.mount(server, person, refresh=1)
    server.deliver("d", mail("d"))
    server.rules(reply("LIST", "0 87", "2 87", "3 87", "4 87"), reply("UIDL", "0 a", "2 b", "3 c", "4 d"))
    server.unplug()
    eventually(lambda: mount.names() == list("abcd"), "the new one beside the old ones")
    assert mount.read("b") == THREE["b"]
    mount.call(os.unlink, mount.path / "c")
    assert mount.umount() == 0
    assert sorted(server.messages()) == list("abd")


# ---- no UIDLs ----

NO_UIDL = {
    "CAPA without UIDL": (capa("TOP", "USER"), []),
    "CAPA without UIDL and TOP": (capa("USER"), []),
    "no CAPA": (["--no-capa"], []),
    "no CAPA, no TOP": (["--no-capa"], ['on TOP err "unknown"']),
    "CAPA without UIDL, pipelining": (capa("TOP", "USER", "PIPELINING"), []),
}


@pytest.mark.parametrize("what", NO_UIDL)
def test_without_uidls_messages_are_named_after_their_headers(person, mounts, serve, what):
    options, rules = NO_UIDL[what]
    messages = {"1": mail("one"), "2": mail("two"), "3": mail("two", "another body"), "4": mail("four")}
    rules = [*rules, 'on UIDL err "unknown command"']
    server = serve(*options, messages=messages, rules=rules)
    two = named_after(messages["2"])
    want = {named_after(messages["1"]): messages["1"], two: messages["2"], two + "~2": messages["3"],
            named_after(messages["4"]): messages["4"]}
    mount = mounts.mount(server, person)
    assert mount.names() == sorted(want)
    for name, octets in want.items():
        assert mount.read(name) == octets
        with pytest.raises(PermissionError):
            mount.call(os.unlink, mount.path / name)
    assert mount.umount() == 0
    if what.startswith("CAPA") and "TOP" not in options:
        assert server.sent("TOP") == 0
    (server.directory / "1").unlink()       # the numbers move, the names do not
    server.deliver("5", mail("five"))
    del want[named_after(messages["1"])]
    want[named_after(mail("five"))] = mail("five")
    later = mounts.mount(server, person, cache=mount.cache)
    assert later.names() == sorted(want)
    before = server.sent("RETR")
    assert later.read(two + "~2") == messages["3"]
    assert later.umount() == 0
    assert server.sent("RETR") == before    # it was in the cache
    assert server.sent("DELE") == 0


@pytest.mark.parametrize("options, asked", [(capa("TOP", "USER", "STLS"), 0), (["--no-capa"], 1)])
def test_uidl_is_tried_once_where_there_is_no_capa_and_never_where_it_is_not_announced(drive, serve, options, asked):
    server = serve(*options, messages=THREE, rules=['on UIDL err "what?"'])
    driver = drive(server)
    for _ in range(3):
        driver.answer("refresh", "^listed 3 fresh")
    assert server.sent("UIDL") == asked
    assert len(re.findall("has no UIDL", driver.log())) == 1
    driver.end()


def test_some_without_uidls_are_shown_beside_the_others(person, mounts, serve):
    server = serve(messages=THREE, rules=[reply("UIDL", "1 a", "3 c")])
    mount = mounts.mount(server, person)
    assert mount.names() == ["a", "c", named_after(THREE["b"])]
    assert mount.read(named_after(THREE["b"])) == THREE["b"]
    with pytest.raises(PermissionError):
        mount.call(os.unlink, mount.path / named_after(THREE["b"]))
    mount.call(os.unlink, mount.path / "c")
    assert mount.umount() == 0
    assert sorted(server.messages()) == ["a", "b"]


def test_a_message_without_uidl_whose_header_cannot_be_had_is_shown_when_it_can(drive, serve):
    server = serve(messages=THREE, rules=[reply("UIDL", "1 a", "3 c"), 'on TOP 2 times=1 err "damaged"'])
    driver = drive(server)
    driver.answer("first", "^listed 2 fresh")
    driver.answer("refresh", "^listed 3 fresh")
    assert sorted(listed_names(driver)) == ["a", "c", named_after(THREE["b"])]
    server.rules(reply("UIDL", "1 a", "3 c"), 'on TOP 2 err "damaged"')
    for _ in range(2):
        driver.answer("refresh", "^listed 3 fresh same")
    driver.end()


def test_uidl_that_was_there_and_is_refused_is_trouble_that_passes(drive, serve):
    server = serve("--no-capa", messages=THREE)
    driver = drive(server)
    driver.answer("refresh", "^listed 3 fresh")
    driver.end()
    server.rules('on UIDL err "what?"')
    later = drive(server, store=driver.store)
    later.wait_for("^listed 3 stored")
    for _ in range(2):
        said = later.answer("refresh", "^not-listed")
        assert "E_REFUSED" in said and "remove the account's cache" in said
    server.rules()
    assert later.answer("refresh", "^listed") == "listed 3 fresh same"
    later.end()


# ---- what vanishes behind a listing ----

def test_what_is_refused_is_looked_for_in_another_listing(drive, serve):
    # a's answer comes when b has been asked for, so that both are refused on this line
    server = serve(messages=THREE, rules=["on RETR 1 conn=1 delay 1000 vanish", "on RETR 2 conn=1 vanish"])
    driver = drive(server)
    driver.answer("first", "^listed 3 fresh")
    driver.say("fetch a", "fetch b", "fetch c")
    driver.wait_for("^fetched a E_REFUSED")      # the first of its line
    driver.wait_for("^fetched #[0-9]+ E_VANISHED")   # b, which is not listed any more
    driver.wait_for("^fetched c OK")
    driver.wait_for("^listed 1 fresh")
    assert server.sent("UIDL") == 2              # one for both
    driver.end()


def test_what_is_there_and_refused_again_is_not_looked_for_each_time(drive, serve):
    server = serve(messages=THREE, rules=['on RETR 2 err "damaged"'])
    driver = drive(server)
    driver.answer("first", "^listed 3 fresh")
    driver.answer("fetch b", "^fetched b E_REFUSED")
    driver.wait_for("^listed 3 fresh same")
    for _ in range(3):
        driver.answer("fetch b", "^fetched b E_REFUSED")
    driver.answer("commit", "^committed")      # there and back: whatever it was told before is done
    assert server.sent("UIDL") == 2
    driver.end()


@pytest.mark.parametrize("code", ["SYS/PERM", "SYS/TEMP"])
def test_what_is_refused_for_a_reason_is_not_looked_for(drive, serve, code):
    server = serve(messages=THREE, rules=[f'on RETR 2 err "[{code}] damaged"'])
    driver = drive(server)
    driver.answer("first", "^listed 3 fresh")
    driver.answer("fetch b", "^fetched b E_(REFUSED|LATER)")
    driver.answer("commit", "^committed")
    assert server.sent("UIDL") == 1
    driver.end()


# ---- strange UIDLs ----

STRANGE = [b"x" * 300, b"x" * 299 + b"y", b"\xfc\xff8-bit", b"", b".", b"..", b"/", b"a/b", b"../../etc/passwd", b"%2F",
           b"same", b"same", b"-rf", b"a~2", b"a", b"a", b"bell\x07\x01", b"two words", b"tab\there", b"*?[x]", b"\x7f",
           b".pop3fs", b"a:2,S", b"<>,=+;"]


def test_strange_uidls_have_distinct_and_stable_names(person, mounts, serve, root):
    lines = root / "strange-uidls"
    lines.write_bytes(b"".join(re.sub(rb"[^!-~ ]|\\", lambda m: b"\\x%02X" % m[0][0], u) + b"\n" for u in STRANGE))
    messages = {f"{i:02}": mail(i, f"body {i}") for i in range(len(STRANGE))}
    server = serve("--uidl-file", lines, messages=messages)
    mount = mounts.mount(server, person)
    names = mount.names()
    assert len(set(names)) == len(STRANGE)
    assert all(len(name) <= 255 for name in names)
    octets = {name: mount.read(name) for name in names}
    assert sorted(octets.values()) == sorted(messages.values())
    assert {octets["%"], octets["%2E"], octets["a%2Fb"]} == {messages[i] for i in ("03", "04", "07")}
    with pytest.raises(PermissionError):
        mount.call(os.unlink, mount.path / "%")
    mount.umount()
    later = mounts.mount(server, person, cache=mount.cache)
    assert {name: later.read(name) for name in later.names()} == octets
    gone = [name for name in names if name != "%"]
    later.call(lambda: [os.unlink(later.path / name) for name in gone] and None)
    assert later.umount() == 0
    assert sorted(server.messages()) == ["03"]


# ---- another message with the same UIDL ----

def replaced(mounts, server, person, name, octets):
    """One mount in which `name` is removed and not committed; then there is another message in its place."""
    mount = mounts.mount(server, person)
    mount.call(os.unlink, mount.path / name)
    mount.kill9()
    (server.directory / name).unlink()
    server.deliver(name, octets)
    return mounts.mount(server, person, cache=mount.cache)


@pytest.mark.parametrize("name, octets", [
    ("b", mail("another one")),        # another size
    ("2", mail("2", "BODY").replace(b"Subject: 2", b"Subject: 3")),   # a counter, and the same size
])
def test_what_was_removed_is_not_another_message_with_its_uidl(person, mounts, serve, name, octets):
    messages = {key: mail(key) for key in ("abc" if name == "b" else "123")}
    server = serve(messages=messages)
    mount = replaced(mounts, server, person, name, octets)
    others = sorted(set(messages) - {name})
    if name == "b":
        assert mount.names() == sorted([*others, name + "~2"])
        assert mount.read(name + "~2") == octets
    assert mount.umount() == 0
    assert server.messages() == {**messages, name: octets}
    assert server.sent("DELE") == 0
    later = mounts.mount(server, person, cache=mount.cache)
    assert len(later.names()) == 3                 # and it is seen, too
    assert sorted(later.read(n) for n in later.names()) == sorted(server.messages().values())
    later.umount()


def test_counters_that_began_anew_are_other_messages(person, mounts, serve):
    before = {str(n): mail(f"old {n}") for n in range(1, 6)}
    after = {str(n): mail(f"new {n}") for n in range(1, 6)}
    server = serve(messages=before)
    mount = mounts.mount(server, person)
    assert sorted(mount.read(name) for name in mount.names()) == sorted(before.values())
    mount.umount()
    for name, octets in after.items():
        server.deliver(name, octets)
    later = mounts.mount(server, person, cache=mount.cache)
    assert later.names() == [f"{name}~2" for name in sorted(after)]
    for name, octets in after.items():
        assert later.read(name + "~2") == octets
    later.call(os.unlink, later.path / "3~2")
    assert later.umount() == 0
    assert sorted(server.messages()) == ["1", "2", "4", "5"]


def test_an_intention_on_a_renamed_counter_is_compared_too(person, mounts, serve):
    server = serve(messages={"1": mail("old"), "2": mail("other")})
    mount = mounts.mount(server, person)
    mount.umount()
    server.deliver("1", mail("new"))
    later = mounts.mount(server, person, cache=mount.cache)
    assert later.names() == ["1~2", "2"]
    later.call(os.unlink, later.path / "1~2")
    later.kill9()
    server.deliver("1", mail("NEW"))       # the same size, again another
    last = mounts.mount(server, person, cache=mount.cache)
    last.umount()
    assert server.messages()["1"] == mail("NEW")
    assert server.sent("DELE") == 0


# ---- twins ----

def test_twins_are_deleted_only_where_headers_tell_which(person, mounts, serve):
    server = serve("--uidl", "same", messages={"1": mail("one"), "2": mail("two"), "3": mail("two")})
    mount = mounts.mount(server, person)
    assert mount.names() == ["same", "same~2", "same~3"]
    one = next(name for name in mount.names() if mount.read(name) == mail("one"))
    for name in set(mount.names()) - {one}:
        with pytest.raises(PermissionError):
            mount.call(os.unlink, mount.path / name)
    mount.call(os.unlink, mount.path / one)
    assert mount.umount() == 0
    assert sorted(server.messages()) == ["2", "3"]
    (server.directory / "2").unlink()
    server.deliver("4", mail("four"))       # no name of one that was there before is given again
    later = mounts.mount(server, person, cache=mount.cache)
    assert len(later.names()) == 2 and one not in later.names()
    assert later.read("same~4") == mail("four")
    later.umount()


def test_a_twin_that_comes_to_what_was_removed_saves_both(person, mounts, serve):
    server = serve("--uidl", "same", messages={"1": mail("one")})
    mount = mounts.mount(server, person)
    mount.call(os.unlink, mount.path / "same")
    mount.kill9()
    server.deliver("2", mail("one"))
    later = mounts.mount(server, person, cache=mount.cache)
    later.umount()
    assert sorted(server.messages()) == ["1", "2"]
    assert server.sent("DELE") == 0
    last = mounts.mount(server, person, cache=mount.cache)
    assert last.names() == ["same", "same~2"]
    last.umount()


# ---- too much is gone to be believed ----

MANY = {f"m{n:02}": mail(n) for n in range(25)}


def lose(server, *names):
    for name in names:
        (server.directory / name).unlink()


def test_a_listing_that_lost_most_is_held_back_until_a_person_asks(drive, serve):
    server = serve(messages=MANY)
    driver = drive(server)
    driver.answer("first", "^listed 25 fresh")
    driver.answer("unlink m24", "^unlinked")
    lose(server, *sorted(MANY)[:20])
    assert "E_SHRUNK 20 of 25 known messages are missing" in driver.answer("look", "^not-listed")
    assert len(listed_names(driver)) == 25
    assert "E_SHRUNK" in driver.answer("commit", "^committed 0 1 0 live")
    assert "E_SHRUNK" in driver.answer("look", "^not-listed")
    assert "E_VANISHED" in driver.answer("fetch m03", "^fetched m03")
    assert "OK" in driver.answer("fetch m22", "^fetched m22")
    assert server.sent("DELE") == 0
    driver.answer("refresh", "^listed 4 fresh")
    assert listed_names(driver) == sorted(MANY)[20:]
    assert " OK" in driver.answer("commit", "^committed 1 0 0 live")
    assert len(server.messages()) == 4
    driver.end()


def test_another_listing_later_is_believed(drive, serve):
    server = serve(messages=MANY)
    driver = drive(server, hold=0)
    driver.answer("first", "^listed 25 fresh")
    driver.answer("unlink m24", "^unlinked")
    lose(server, *sorted(MANY)[:20])
    driver.answer("look", "^not-listed")
    assert " OK" in driver.answer("commit", "^committed 1 0 0 live")   # lists again, which is believed
    assert listed_names(driver) == sorted(MANY)[20:24]
    driver.end()


def test_what_we_deleted_is_no_loss(drive, serve):
    server = serve(messages=MANY)
    driver = drive(server)
    driver.answer("first", "^listed 25 fresh")
    for name in sorted(MANY)[:20]:
        driver.answer(f"unlink {name}", f"^unlinked {name}")
    assert " OK" in driver.answer("commit", "^committed 20 0 0 live")
    assert listed_names(driver) == sorted(MANY)[20:]
    driver.end()


@pytest.mark.parametrize("left", [0, 5])
def test_a_mount_of_a_maildrop_that_lost_most_shows_what_it_knew(person, mounts, serve, left):
    server = serve(messages=MANY)
    mount = mounts.mount(server, person)
    assert mount.read("m00") == MANY["m00"]
    mount.call(os.unlink, mount.path / "m24")
    mount.kill9()
    lose(server, *sorted(MANY)[:25 - left])
    later = mounts.mount(server, person, cache=mount.cache)
    assert later.names() == sorted(MANY)[:24]
    assert later.read("m00") == MANY["m00"]
    with pytest.raises(OSError) as error:
        later.read("m01")
    assert error.value.errno in (errno.ESTALE, errno.EIO)
    assert "missing" in later.status()["last error"]
    if left:
        assert later.read("m23") == MANY["m23"]
    later.umount()
    assert server.sent("DELE") == 0
    assert len(server.messages()) == left


# ---- headers ----

def received(driver):
    """{name: time} of the listing."""
    driver.answer("list", "^end-of-list")
    lines = [line.split() for line in driver.lines() if line.startswith("message ")]
    return {line[1]: int(line[5]) for line in lines}


OLD = 1420070400      # 2015-01-01, as in every message's Received field


@pytest.mark.parametrize("what, options, rules, headers, sent, learnt", [
    ("all", [], [], 10, 3, "abc"),
    ("the newest", [], [], 1, 1, "c"),
    ("none", [], [], 0, 0, ""),
    ("one is refused", [], ['on TOP 2 err "damaged"'], 10, 3, "ac"),
    ("one breaks the line", [], ["on TOP 2 close"], 10, None, "ac"),
    ("one breaks the line in the middle", [], ["on TOP 2 cut 20"], 10, None, "ac"),
    ("one is out of step", [], ['on TOP 2 prepend "hello\\r\\n"'], 10, None, "a"),
    ("one by one, and one breaks the line", capa("TOP", "UIDL", "USER", "STLS"), ["on TOP 2 close"], 10, None, "ac"),
    ("something unasked comes behind one, one by one", capa("TOP", "UIDL", "USER", "STLS"),
     ['on TOP 2 append "hello\\r\\n"'], 10, None, "ac"),
    ("one brings nothing", [], ['on TOP 2 reply "+OK\\r\\n.\\r\\n"'], 10, 3, "ac"),
    ("every one breaks the line", [], ["on TOP close"], 10, None, ""),
    ("not announced", capa("UIDL", "USER", "STLS"), [], 10, 0, ""),
    ("announced, and refused", capa("UIDL", "TOP", "USER", "STLS"), ['on TOP err "no"'], 10, 3, ""),
])
def test_a_headers_trouble_is_its_own(drive, serve, what, options, rules, headers, sent, learnt):
    server = serve(*options, messages=THREE, rules=rules)
    driver = drive(server, headers=headers)
    driver.answer("first", "^listed 3 fresh")
    times = received(driver)
    assert {name for name in times if times[name] == OLD} == set(learnt), what
    if sent is not None:
        assert server.sent("TOP") == sent
    driver.end()


YEARS = {"a": 2011, "b": 2012, "c": 2013}


def of_year(year):
    return b"Received: from x by y; Sat, 1 Jan %d 00:00:00 +0000\r\nSubject: %d\r\n\r\nbody\r\n" % (year, year)


@pytest.mark.parametrize("where", ["prepend", "append"])
@pytest.mark.parametrize("number", [3, 2, 1])    # in the order in which they are asked for
@pytest.mark.parametrize("reply", ["-ERR late\\r\\n", "+OK\\r\\nReceived: by z; Sat, 1 Jan 2005 00:00:00 +0000\\r\\n\\r\\n.\\r\\n"],
                         ids=["a refusal", "a header"])
def test_a_reply_too_many_gives_no_message_the_time_of_another(drive, serve, reply, number, where):
    server = serve(messages={name: of_year(year) for name, year in YEARS.items()},
                   rules=[f'on TOP {number} times=1 {where} "{reply}"'])
    driver = drive(server)
    driver.answer("first", "^listed 3 fresh")
    for name, time in received(driver).items():
        assert time == calendar.timegm((YEARS[name], 1, 1, 0, 0, 0)), name
    driver.end()


@pytest.mark.parametrize("rule", ["on TOP stall", "on TOP stall 20"])
@pytest.mark.parametrize("options", [capa("UIDL", "TOP", "USER", "STLS"), capa("TOP", "USER", "STLS")])
def test_a_server_that_is_silent_at_top_is_waited_for_twice(drive, serve, options, rule):
    server = serve(*options, messages={letter: mail(letter) for letter in "abcdefghij"}, rules=[rule])
    driver = drive(server, timeout=300)
    driver.answer("first", "^listed 10 fresh")
    assert server.sent("TOP") == 2
    assert server.sent("PASS") == 3
    driver.end()


def test_where_there_is_no_capa_top_is_tried_once(person, mounts, serve):
    server = serve("--no-capa", messages=THREE, rules=['on TOP err "unknown"'])
    mount = mounts.mount(server, person, refresh=1)
    assert mount.names() == list("abc")
    server.deliver("d", mail("d"))
    server.unplug()
    eventually(lambda: mount.names() == list("abcd"), "the new one")
    mount.umount()
    assert server.sent("TOP") == 1
    assert server.sent("DELE") == 0
