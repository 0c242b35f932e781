"""POP3 servers from Debian, each with its own habits: what is read is what they send, what is removed is gone
from them, and nothing else is."""

import os
import re
from collections import Counter
from urllib.parse import unquote

import pytest

import realservers
import shapes
from eventually import eventually
from mounting import digest

SERVERS = pytest.mark.parametrize("name", realservers.NAMES)
REWRITTEN = re.compile(rb"^(Status|X-Status|X-UID|X-UIDL|X-IMAPbase|X-Keywords|Content-Length):[^\n]*\n", re.M | re.I)
REFUSALS = 3    # commits that a server may disregard before the message is shown again
UNREADABLE = {"mailutils": ["many-newlines"]}   # it ends the session in the middle of these, whoever asks


def settle(box):
    """[(uidl, octets)] as the server sends them now. Servers with an mbox write into the headers at a client's
    first QUIT; from then on they stay."""
    everything(box)
    return everything(box)


def everything(box):
    with box.speak() as pop:
        return pop.everything()


def uidl_of(name):
    """What a file is named after: a "~" is in a name only before the ordinal of a UIDL that repeats."""
    return unquote(name.split("~")[0], encoding="latin-1")


def by_name(mount):
    """[(uidl, digest)] of all files of a mount."""
    return Counter((uidl_of(name), found) for name, found in mount.sums().items())


def as_delivered(octets):
    """A message without what servers change in storing it."""
    header, _, body = octets.replace(b"\r\n", b"\n").partition(b"\n\n")
    return REWRITTEN.sub(b"", header + b"\n") + b"\n" + body.strip(b"\n")


def digests(messages):
    return Counter((uidl, digest(octets)) for uidl, octets in messages)


def remove(mount, names):
    mount.call(lambda: [os.unlink(mount.path / name) for name in names] and None)


def odd_shapes(name):
    left_out = ("attachment", *UNREADABLE.get(name, ()))
    return [octets for shape, octets in shapes.odd().items() if shape not in left_out]


def letter(number):
    """A message whose header no server takes for another's."""
    return (f"Received: from relay.example.net by mx.example.org; Tue, 3 Feb 2026 10:20:{number:02} +0100\n"
            f"Date: Tue, 3 Feb 2026 10:20:{number:02} +0100\n").encode() + shapes.ordinary(number)


@SERVERS
def test_what_is_read_is_what_the_server_sends(real, name, person, mounts):
    box = real(name)
    for octets in odd_shapes(name):
        box.deliver(octets)
    sent = settle(box)
    mount = mounts.mount(box, person, way=box.way)
    assert by_name(mount) == digests(sent)
    lengths = mount.call(lambda: {n: len((mount.path / n).read_bytes()) for n in os.listdir(mount.path)})
    assert mount.sizes() == lengths
    names = mount.names()
    assert mount.umount() == 0
    later = mounts.mount(box, person, way=box.way, cache=mount.cache)
    assert later.names() == names
    assert later.sizes() == lengths
    assert by_name(later) == digests(sent)
    assert later.umount() == 0
    assert digests(everything(box)) == digests(sent)


@SERVERS
def test_what_is_removed_is_gone_and_the_rest_is_there(real, name, person, mounts):
    box = real(name)
    letters = [letter(number) for number in range(8)]
    for octets in letters:
        box.deliver(octets)
    mount = mounts.mount(box, person, way=box.way)
    bodies = {n: as_delivered(mount.read(n)) for n in mount.names()}
    assert sorted(bodies.values()) == sorted(map(as_delivered, letters))
    gone = sorted(bodies, key=lambda n: bodies[n])[::3]
    rest = {n: bodies[n] for n in bodies if n not in gone}
    remove(mount, gone)
    assert mount.names() == sorted(rest)
    assert len(box.messages()) == len(letters)
    assert mount.umount() == 0
    later = mounts.mount(box, person, way=box.way, cache=mount.cache)   # whose login waits for a late deletion
    assert sorted(map(as_delivered, box.messages().values())) == sorted(rest.values())
    assert later.names() == sorted(rest)
    assert {n: as_delivered(later.read(n)) for n in later.names()} == rest
    assert later.umount() == 0
    assert sorted((uidl, as_delivered(octets)) for uidl, octets in everything(box)) == \
        sorted((uidl_of(n), rest[n]) for n in rest)


@SERVERS
def test_all_is_removed_and_new_mail_stays(real, name, person, mounts):
    box = real(name)
    for number in range(5):
        box.deliver(letter(number))
    mount = mounts.mount(box, person, way=box.way)
    remove(mount, mount.names())
    assert mount.names() == []
    box.deliver(letter(40))
    assert mount.umount() == 0
    assert [as_delivered(octets) for _, octets in everything(box)] == [as_delivered(letter(40))]


@SERVERS
def test_an_empty_maildrop(real, name, person, mounts):
    box = real(name)
    mount = mounts.mount(box, person, way=box.way)
    assert mount.names() == []
    assert mount.umount() == 0


@pytest.mark.parametrize("name", ["popa3d", "solid", "dovecot-mbox-md5"])
def test_of_two_equal_messages_none_can_be_removed(real, name, person, mounts):
    box = real(name)
    for number in (1, 2, 1):
        box.deliver(letter(number))
    mount = mounts.mount(box, person, way=box.way)
    twins = [n for n in mount.names() if as_delivered(mount.read(n)) == as_delivered(letter(1))]
    single, = set(mount.names()) - set(twins)
    assert len(twins) == 2 and uidl_of(twins[0]) == uidl_of(twins[1])
    for twin in twins:
        with pytest.raises(PermissionError):
            remove(mount, [twin])
    remove(mount, [single])
    assert mount.umount() == 0
    assert [as_delivered(octets) for _, octets in everything(box)] == [as_delivered(letter(1))] * 2


@pytest.mark.parametrize("name", ["popa3d", "dovecot-mbox-md5"])
def test_of_many_messages_with_one_uidl_the_right_ones_go(real, name, person, mounts):
    box = real(name)
    letters = [shapes.ordinary(number) for number in range(9)]   # the lines that these servers look at are equal
    for octets in letters:
        box.deliver(octets)
    with box.speak() as pop:
        assert len(set(pop.uidls())) == 1
    mount = mounts.mount(box, person, way=box.way)
    bodies = {n: as_delivered(mount.read(n)) for n in mount.names()}
    gone = [n for n in bodies if bodies[n] in [as_delivered(letters[i]) for i in (0, 4, 8)]]
    assert len(gone) == 3
    remove(mount, gone)
    assert mount.umount() == 0
    assert sorted(as_delivered(octets) for _, octets in everything(box)) == \
        sorted(bodies[n] for n in bodies if n not in gone)
    later = mounts.mount(box, person, way=box.way, cache=mount.cache)
    assert {n: as_delivered(later.read(n)) for n in later.names()} == \
        {n: bodies[n] for n in bodies if n not in gone}
    assert later.umount() == 0


def test_no_body_is_lost_behind_top(real, person, mounts):
    # mailutils leaves the body out at the first RETR behind a TOP of no lines, if "From " begins one of its lines
    box = real("mailutils")
    box.deliver(letter(1) + b"From here on it would be lost\n")
    mount = mounts.mount(box, person, way=box.way)
    name, = mount.names()
    assert b"From here on" in mount.read(name)
    assert mount.umount() == 0


def test_one_message_that_the_server_cannot_send_costs_that_one(real, person, mounts):
    box = real("mailutils")
    for octets in (letter(1), shapes.odd()["many-newlines"], letter(2)):
        box.deliver(octets)
    mount = mounts.mount(box, person, way=box.way)

    def read_each():
        seen = {}
        for name in os.listdir(mount.path):
            try:
                seen[name] = (mount.path / name).read_bytes()
            except OSError as error:
                seen[name] = error.errno
        return seen

    seen = mount.call(read_each)
    assert [e for e in seen.values() if isinstance(e, int)] == [5]
    assert sorted(as_delivered(o) for o in seen.values() if isinstance(o, bytes)) == \
        sorted(as_delivered(letter(n)) for n in (1, 2))
    assert mount.umount() == 0


@pytest.mark.parametrize("name", ["dovecot-locked", "dovecot-mbox-locked", "popa3d", "solid", "mailutils"])
def test_another_client_gets_its_turn_while_it_is_mounted(real, name, person, mounts):
    box = real(name)
    box.deliver(letter(1))
    mount = mounts.mount(box, person, way=box.way, idle=1)
    assert len(mount.sums()) == 1

    def others_turn():
        try:
            with box.speak() as pop:
                return pop.uidls()
        except AssertionError:
            return None

    assert len(eventually(others_turn, "a session of another client's")) == 1
    assert len(mount.sums()) == 1
    assert mount.umount() == 0


@pytest.mark.parametrize("name", ["dovecot", "courier"])
def test_a_deletion_that_is_promised_and_not_done_ends_as_not_deleted(real, name, person, mounts):
    box = real(name)
    for number in range(4):
        box.deliver(letter(number))
    sent = digests(settle(box))
    box.store.freeze()
    with box.speak() as pop:
        pop.command("DELE 1")   # it is "+OK" that it says, also to QUIT
    assert digests(everything(box)) == sent

    mount = mounts.mount(box, person, way=box.way)
    names = mount.names()
    gone = names[0]
    remove(mount, [gone])
    mount.umount()
    for _ in range(REFUSALS - 1):
        again = mounts.mount(box, person, way=box.way, cache=mount.cache)
        assert again.names() == names[1:]   # armed again
        again.umount()
        assert digests(everything(box)) == sent
    last = mounts.foreground(box, person, way=box.way, cache=mount.cache)
    assert last.names() == names
    assert by_name(last) == sent
    assert [line for line in last.said().splitlines() if gone in line and "not deleted" in line]
    assert last.umount() == 0
    assert digests(everything(box)) == sent

    box.store.freeze(False)
    well = mounts.mount(box, person, way=box.way, cache=mount.cache)
    assert well.names() == names
    remove(well, [gone])
    assert well.umount() == 0
    assert len(everything(box)) == len(names) - 1
    assert gone not in [uidl for uidl, _ in everything(box)]
