"""Whatever the server does, no mail is lost: nothing is deleted that nobody removed, nothing vanishes that is there."""

import os

import pytest

from eventually import eventually

MAIL = {f"message-{n}": b"Subject: %d\r\nMessage-ID: <%d@example.org>\r\n\r\nbody %d\r\n" % (n, n, n)
        for n in range(6)}
NAMES = sorted(MAIL)


def by_connection(server):
    """[[command, ...], ...] in order of the connections."""
    found = {}
    for line in server.lines():
        words = line.split(" ", 3)
        if words[0] == "CONN" and words[2] == ">":
            found.setdefault(int(words[1]), []).append(words[3])
    return [found[number] for number in sorted(found)]


def remove(mount, *names):
    mount.call(lambda: [os.unlink(mount.path / name) for name in names] and None)


def test_what_was_removed_is_deleted_and_nothing_else(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person)
    assert mount.names() == NAMES
    remove(mount, NAMES[2], NAMES[4])
    assert server.sent("DELE") == 0
    assert mount.umount() == 0
    assert sorted(server.messages()) == [NAMES[i] for i in (0, 1, 3, 5)]


def test_where_reading_deletes_no_quit_is_sent_after_reading(person, mounts, serve):
    server = serve("--capa", "TOP", "--capa", "UIDL", "--capa", "USER", "--capa", "EXPIRE 0", messages=MAIL)
    mount = mounts.mount(server, person, way="plain")
    assert len(mount.sums()) == len(MAIL)
    remove(mount, NAMES[0])
    assert mount.umount() == 0
    assert sorted(server.messages()) == NAMES[1:]
    for commands in by_connection(server):
        verbs = {command.split()[0] for command in commands}
        assert not ({"RETR", "QUIT"} <= verbs), commands


def test_a_uidl_that_is_listed_twice_is_never_deleted(person, mounts, serve):
    server = serve("--uidl", "same", messages={name: b"Subject: same\r\n\r\nsame\r\n" for name in NAMES[:3]})
    mount = mounts.mount(server, person)
    names = mount.names()
    assert len(names) == len(set(names)) == 3
    for name in names:
        try:
            remove(mount, name)
        except PermissionError:
            pass
    mount.umount()
    assert len(server.messages()) == 3
    assert server.sent("DELE") == 0


BROKEN = [
    ["on UIDL conn=2- cut -3"],                                                   # no end
    ["on LIST conn=2- cut -3"],
    ['on UIDL conn=2- reply "+OK\\r\\n1 message-0\\r\\n.\\r\\n"'],                # fewer than STAT says
    ['on LIST conn=2- reply "+OK\\r\\n1 60\\r\\n.\\r\\n"'],
    ['on UIDL conn=2- reply "+OK\\r\\n.\\r\\n"'],
    ['on UIDL conn=2- err "[SYS/TEMP] not now"'],
    ['on PASS conn=2- err "[SYS/TEMP] not now"', 'on AUTH conn=2- err "[SYS/TEMP] not now"'],
    ["on CONNECT conn=2- close"],
]


@pytest.mark.parametrize("rules", BROKEN, ids=lambda rules: rules[0])
def test_a_broken_listing_removes_nothing_and_commits_nothing(person, mounts, serve, rules):
    server = serve(messages=MAIL, rules=rules)
    mount = mounts.mount(server, person, retry=0, commit_timeout=2)
    assert len(mount.read(NAMES[0])) == len(MAIL[NAMES[0]])
    remove(mount, NAMES[1])
    server.unplug()                      # whatever comes next needs a second login
    try:
        mount.read(NAMES[5])
    except OSError:
        pass
    assert mount.names() == [NAMES[0]] + NAMES[2:]
    mount.umount()
    assert sorted(server.messages()) == NAMES
    assert server.sent("DELE") == 0
    server.rules()                       # the intention is still there, and done when it can be
    later = mounts.mount(server, person, cache=mount.cache)
    assert later.names() == [NAMES[0]] + NAMES[2:]
    assert later.umount() == 0
    assert sorted(server.messages()) == [NAMES[0]] + NAMES[2:]


def test_a_refused_dele_leaves_that_message_and_deletes_the_others(person, mounts, serve):
    server = serve(messages=MAIL, rules=['on DELE 2 err "no"'])
    mount = mounts.mount(server, person)
    remove(mount, NAMES[0], NAMES[1], NAMES[2])
    mount.umount()
    assert sorted(server.messages()) == [NAMES[1]] + NAMES[3:]


@pytest.mark.parametrize("rule", ["on DELE no-delete", "on QUIT close", "on QUIT swallow", 'on QUIT err "not now"'])
def test_a_commit_without_effect_is_done_again(person, mounts, serve, rule):
    server = serve(messages=MAIL, rules=[rule])
    mount = mounts.mount(server, person, retry=0, commit_timeout=5)
    remove(mount, NAMES[0])
    mount.umount()
    server.rules()
    later = mounts.mount(server, person, cache=mount.cache)
    later.umount()
    assert sorted(server.messages()) == NAMES[1:]


def test_numbers_of_another_session_are_never_used(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person)
    remove(mount, NAMES[3])
    server.unplug()
    for name in NAMES[:3]:               # another client was here: the numbers have moved
        (server.directory / name).unlink()
    server.deliver("a-new-one", b"Subject: new\r\n\r\n")
    assert mount.umount() == 0
    assert sorted(server.messages()) == ["a-new-one"] + NAMES[4:]


def test_a_vanished_message_is_gone_from_the_directory(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, refresh=1)
    (server.directory / NAMES[0]).unlink()
    server.unplug()
    eventually(lambda: mount.names() == NAMES[1:], "a listing without it")
    assert mount.umount() == 0


@pytest.mark.parametrize("line, lines", [("IMPLEMENTATION GNU Mailutils 3.15", "1"), ("IMPLEMENTATION other", "0")])
def test_top_asks_for_a_line_of_the_body_where_nothing_would_cost_it(person, mounts, serve, line, lines):
    server = serve(*(word for capa in ("TOP", "UIDL", "USER", line) for word in ("--capa", capa)), messages=MAIL)
    mount = mounts.mount(server, person, way="plain")
    assert {c.split()[2] for c in server.commands() if c.startswith("TOP ")} == {lines}
    mount.umount()
