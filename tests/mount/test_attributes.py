"""Extended attributes: what a header says, as people read it; and copies with them."""

import errno
import os
import re
import time
from email import message_from_bytes, policy
from email.header import decode_header
from email.utils import mktime_tz, parsedate_tz

import pytest

from eventually import eventually
from letters import Letter, header, letters
from mounting import digest

DAY = 86400
FIELDS = {"subject": "Subject", "from": "From", "to": "To", "date": "Date", "message_id": "Message-ID"}
LISTED = {"user.pop3fs.uidl", *(f"user.mail.{field}" for field in FIELDS)}


@pytest.fixture(scope="module")
def mail():
    return {letter.name: letter for letter in letters()}


def attributes(mount, where=""):
    """{file: {attribute: octets}} of all that is listed."""
    def look():
        return {name: {key: os.getxattr(path, key) for key in os.listxattr(path)}
                for name in os.listdir(mount.path / where) for path in [mount.path / where / name]}
    return mount.call(look, deadline=120)


def get(mount, name, key):
    return mount.call(os.getxattr, mount.path / name, key)


# ---- by Python's email package ----

def text(value):
    def decoded(part, charset):
        return part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
    try:
        return "".join(decoded(*part) for part in decode_header(value))
    except LookupError:
        return None


def python_reads(octets):
    head = octets.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    head = head.decode("utf-8", "surrogateescape")
    read = {}
    for key, field in FIELDS.items():
        message = re.search(rf"(?:\A|\n){field}:((?:\r\n[ \t]|[^\r\n])*)", head)
        if not message:
            continue
        value = re.sub(r"[\r\n]+", "", message.group(1)).strip(" \t")
        read[key] = value if key in ("date", "message_id") else text(value)
    return read


def python_time(octets, now):
    message = message_from_bytes(octets, policy=policy.compat32)
    dates = [value.rpartition(";")[2] for value in message.get_all("Received", [])] + [message.get("Date", "")]
    for date in dates:
        parsed = parsedate_tz(" ".join(date.split()))
        try:
            when = parsed and mktime_tz((*parsed[:9], parsed[9] or 0))
        except (ValueError, OverflowError):
            continue
        if parsed and 0 <= when <= now + DAY:
            return when
    return None


# ---- ----

def test_attributes_and_times_are_those_that_python_reads(mail, person, mounts, serve):
    server = serve(messages={name: letter.octets for name, letter in mail.items()})
    now = time.time()
    mount = mounts.mount(server, person)
    got = attributes(mount)
    times = mount.call(lambda: {name: int(os.stat(mount.path / name).st_mtime) for name in os.listdir(mount.path)})
    assert len(mail) > 250 and sorted(got) == sorted(mail)
    differences = {}
    for name, letter in mail.items():
        ours = {key.removeprefix("user.mail."): value.decode() for key, value in got[name].items()
                if key.startswith("user.mail.")}
        assert got[name]["user.pop3fs.uidl"] == name.encode()
        theirs = python_reads(letter.octets)
        assert sorted(ours) == sorted(theirs)
        when = python_time(letter.octets, now)
        differ = {key for key in ours if ours[key] != theirs[key]}
        if times[name] != when and not (when is None and times[name] >= int(now)):
            differ.add("time")
        if differ or letter.differs:
            differences[name] = (differ, {key: (ours.get(key), theirs.get(key)) for key in differ} or times[name])
    unexpected = {name: what for name, (differ, what) in differences.items() if differ != set(mail[name].differs)}
    assert unexpected == {}
    assert server.sent("RETR") == 0
    assert mount.umount() == 0


def test_the_listed_ones_never_change(mail, person, mounts, serve):
    server = serve(messages={name: letter.octets for name, letter in mail.items()})
    mount = mounts.mount(server, person)
    before = attributes(mount)
    mount.sums()
    assert attributes(mount) == before
    assert mount.umount() == 0
    later = mounts.mount(server, person, cache=mount.cache)
    assert attributes(later) == before
    assert attributes(later, ".pop3fs/headers") == before
    assert later.umount() == 0


DATE = "Tue, 02 Jan 2024 10:00:00 +0000"
LETTER = Letter("letter", header("letter", DATE, subject="=?utf-8?Q?caf=C3=A9?=") + b"body\r\n")


def test_what_changes_answers_when_it_is_named(anyone, mounts, serve):
    server = serve(messages={"letter": LETTER.octets, "other": LETTER.octets})
    mount = mounts.mount(server, anyone)
    assert get(mount, "letter", "user.pop3fs.state") == b"remote"
    assert get(mount, "letter", "user.pop3fs.listed_size") == str(len(LETTER.octets)).encode()
    with pytest.raises(OSError) as e:
        get(mount, "letter", "user.pop3fs.sha256")
    assert e.value.errno == errno.ENODATA
    mount.read("letter")
    assert get(mount, "letter", "user.pop3fs.state") == b"cached"
    assert get(mount, "letter", "user.pop3fs.sha256") == digest(LETTER.octets).encode()
    mount.call(os.unlink, mount.path / "letter")
    assert get(mount, ".pop3fs/deleted/letter", "user.pop3fs.state") == b"deleted"
    assert get(mount, ".pop3fs/deleted/letter", "user.mail.subject") == "café".encode()
    assert set(mount.call(os.listxattr, mount.path / "other")) == LISTED
    shown = mount.run("getfattr", "-d", mount.path / "other").ok().out
    assert 'user.mail.from="Alice <alice@example.org>"' in shown and "sha256" not in shown
    assert mount.umount() == 0


def test_a_header_that_came_later_is_not_listed(person, mounts, serve):
    server = serve(messages={"letter": LETTER.octets})
    mount = mounts.mount(server, person, headers=0)
    assert mount.call(os.listxattr, mount.path / "letter") == ["user.pop3fs.uidl"]
    mount.read("letter")
    assert mount.call(os.listxattr, mount.path / "letter") == ["user.pop3fs.uidl"]
    assert get(mount, "letter", "user.mail.subject") == "café".encode()
    assert mount.umount() == 0


def test_a_header_without_a_date_was_learnt_all_the_same(person, mounts, serve):
    server = serve(messages={"letter": b"Subject: no date\r\n\r\n"})
    mount = mounts.mount(server, person)
    assert set(mount.call(os.listxattr, mount.path / "letter")) == {"user.pop3fs.uidl", "user.mail.subject"}
    assert mount.umount() == 0


def test_who_asks_wrongly_is_told(person, mounts, serve):
    server = serve(messages={"letter": LETTER.octets})
    mount = mounts.mount(server, person)
    for name, key in [("letter", "user.other"), ("letter", "security.selinux"), ("", "user.pop3fs.uidl"),
                      (".pop3fs", "user.pop3fs.state"), (".pop3fs/status", "user.pop3fs.uidl")]:
        with pytest.raises(OSError) as e:
            get(mount, name, key)
        assert e.value.errno in (errno.ENODATA, errno.EOPNOTSUPP), (name, key)
    assert mount.call(os.listxattr, mount.path) == []
    for change in (lambda: os.setxattr(mount.path / "letter", "user.x", b"y"),
                   lambda: os.removexattr(mount.path / "letter", "user.pop3fs.uidl")):
        with pytest.raises(PermissionError):
            mount.call(change)
    assert mount.call(short_buffers, mount.path / "letter") == [errno.ERANGE, errno.ERANGE, 5, b"caf\xc3\xa9"]
    assert mount.umount() == 0


def short_buffers(path):
    """How getxattr and listxattr end with a buffer too small by one, the length, and a buffer that just fits."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    path, key = os.fsencode(path), b"user.mail.subject"
    length = libc.getxattr(path, key, None, 0)
    room = ctypes.create_string_buffer(4096)
    ends = []
    for call in (lambda: libc.getxattr(path, key, room, length - 1),
                 lambda: libc.listxattr(path, room, libc.listxattr(path, None, 0) - 1)):
        ends.append(ctypes.get_errno() if call() < 0 else 0)
    assert libc.getxattr(path, key, room, length) == length
    return [*ends, length, room.raw[:length]]


def test_what_is_no_attribute_of_users_is_not_supported(anyone, mounts, serve):
    """So that ls -l does not ask each file for it."""
    mount = mounts.mount(serve(messages={"letter": LETTER.octets}), anyone)
    with pytest.raises(OSError) as e:
        get(mount, "letter", "security.selinux")
    assert e.value.errno == errno.EOPNOTSUPP


def test_noxattr_turns_all_off(person, mounts, serve):
    server = serve(messages={"letter": LETTER.octets})
    mount = mounts.mount(server, person, noxattr=True)
    for look in (lambda: os.listxattr(mount.path / "letter"),
                 lambda: os.getxattr(mount.path / "letter", "user.pop3fs.uidl")):
        try:
            assert mount.call(look) == []
        except OSError as e:
            assert e.errno == errno.EOPNOTSUPP
    assert mount.umount() == 0


def test_what_is_listed_is_the_same_while_the_message_is_open(person, mounts, serve):
    """Without a cache its header is only here for so long."""
    mount = mounts.mount(serve(messages={"letter": LETTER.octets}), person, nocache=True)

    def play():
        names = [os.listxattr(mount.path / "letter")]
        with open(mount.path / "letter", "rb") as file:
            file.read()
            names += [os.listxattr(mount.path / "letter"), os.listxattr(file.fileno())]
        return [*names, os.listxattr(mount.path / "letter")]

    assert mount.call(play) == [["user.pop3fs.uidl"]] * 4


# ---- copies ----

def tar_sum(mount):
    command = 'tar -C "$0" --sort=name --xattrs -cf - . | sha256sum'
    return mount.run("sh", "-c", command, mount.path, deadline=120).ok().out


# In the smaller one is room for one letter in seven, and for the largest there is none.
@pytest.mark.parametrize("cache", [{}, {"cache_size": 20000}], ids=["all-stay", "most-leave"])
def test_copies_over_three_mounts_are_the_same_and_the_second_moves_nothing(mail, anyone, mounts, serve, cache):
    server = serve(messages={name: letter.octets for name, letter in mail.items()})
    backup, copy = anyone.directory("backup"), anyone.directory("copy")
    options, tars, moved, asked, fetched = {"cache_min_free": 0, **cache}, [], [], [], []
    for _ in range(3):
        mount = mounts.mount(server, anyone, **options)
        options["cache"] = mount.cache
        before = server.sent("RETR")
        moved.append(mount.run("rsync", "-aXi", f"{mount.path}/", backup, deadline=120).ok().out.splitlines())
        asked.append(server.sent("RETR") - before)
        tars += [tar_sum(mount), tar_sum(mount)]
        mount.run("rm", "-rf", copy).ok()
        mount.run("cp", "-a", mount.path, copy, deadline=120).ok()
        mount.run("diff", "-r", mount.path, copy, deadline=120).ok()
        assert mount.run("rsync", "-aXni", f"{mount.path}/", copy, deadline=120).ok().out == ""
        if cache:
            eventually(lambda mount=mount: int(mount.status()["cached"]) < len(mail) / 2, "most have left")
        fetched.append(server.sent("RETR"))
        assert mount.umount() == 0
    assert len(moved[0]) >= len(mail) and moved[1:] == [[], []]
    assert asked[0] >= len(mail) and asked[1:] == [0, 0]
    assert len(set(tars)) == 1
    assert fetched[1] > fetched[0] and fetched[2] > fetched[1] if cache else len(set(fetched)) == 1
