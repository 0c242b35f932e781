"""A file's times: when its message was received, and when it was first seen. Learnt once, and kept."""

import os
import time
from email.utils import formatdate

import pytest

DAY = 86400
NOW = int(time.time())


def received(when, subject="x"):
    return (f"Received: from a by b (c; d (e)); {formatdate(when)}\r\nDate: {formatdate(when - 100)}\r\n"
            f"Subject: {subject}\r\n\r\nbody\r\n").encode()


# listed in this order, which is not that of their dates
AGES = {"last-week": 8, "today": 0.1, "last-year": 400, "yesterday": 1.5, "long-ago": 9000}
MAIL = {name: received(int(NOW - days * DAY)) for name, days in AGES.items()}


def stats(mount):
    return mount.call(lambda: {name: os.stat(mount.path / name) for name in os.listdir(mount.path)})


def mtimes(mount):
    return {name: int(st.st_mtime) for name, st in stats(mount).items()}


def find(mount, *words):
    out = mount.run("find", mount.path, "-type", "f", *words, "-printf", "%P\\n").ok().out
    return set(out.splitlines())


def test_ls_and_find_mean_the_time_of_the_message(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person)
    assert mtimes(mount) == {name: int(NOW - days * DAY) for name, days in AGES.items()}
    assert mount.run("ls", "-t", mount.path).ok().out.split() == sorted(AGES, key=AGES.get)
    assert find(mount, "-newer", mount.path / "last-week") == {"today", "yesterday"}
    assert find(mount, "-mtime", "-2") == {"today", "yesterday"}
    assert find(mount, "-mtime", "+365") == {"last-year", "long-ago"}
    assert find(mount, "-newermt", "@%d" % (NOW - 2 * DAY)) == {"today", "yesterday"}
    assert server.sent("RETR") == 0
    assert mount.umount() == 0


def test_all_times_are_the_same_in_the_next_mount(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person)
    before, root = stats(mount), mount.call(os.stat, mount.path)
    assert all(st.st_atime == st.st_mtime and NOW <= st.st_ctime for st in before.values())
    mount.sums()
    assert mount.umount() == 0
    later = mounts.mount(server, person, cache=mount.cache, mountpoint=mount.path, headers=0)
    assert {name: (st.st_mtime, st.st_ctime, st.st_ino) for name, st in stats(later).items()} == \
           {name: (st.st_mtime, st.st_ctime, st.st_ino) for name, st in before.items()}
    assert later.call(os.stat, later.path).st_mtime == root.st_mtime
    assert later.umount() == 0


def test_the_time_first_seen_where_that_is_wanted(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, mtime="seen")
    seen = stats(mount)
    assert all(st.st_mtime == st.st_ctime and NOW <= st.st_mtime for st in seen.values())
    assert mount.umount() == 0
    later = mounts.mount(server, person, cache=mount.cache)
    assert mtimes(later) == {name: int(NOW - days * DAY) for name, days in AGES.items()}
    assert later.umount() == 0


def test_the_newest_headers_only(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, headers=2)
    assert server.sent("TOP") == 2
    old = [name for name, when in mtimes(mount).items() if when < NOW]
    assert sorted(old) == sorted(sorted(MAIL)[-2:])      # the server lists them in order of name
    assert mount.umount() == 0


@pytest.mark.parametrize("date", [
    "Fri, 31 Dec 1999 23:59:60 +0000", "31 Dec 99 19:00 EST", "(a (nested) comment) Sat, 1 Jan 2000 01:00:00 +0100",
    "Sat,\r\n 1 Jan 2000\r\n\t00:00:00 -0000", "1 Jan 100 00:00:00 Z", "Saturday, 01-Jan-2000 00:00:00",
    "1 Jan 2000 00:00",
])
def test_odd_dates(person, mounts, serve, date):
    server = serve(messages={"odd": f"Date: {date}\r\n\r\n".encode()})
    mount = mounts.mount(server, person)
    assert mtimes(mount) == {"odd": 946684800}
    assert mount.umount() == 0


@pytest.mark.parametrize("date", [
    "Wed, 31 Dec 1969 23:59:59 +0000", "in three days", "Fri, 31 Dec 9999 23:59:59 +0000", "never", "",
    "Sun, 1 Jan 0000 00:00:00 +0000", "Fri, 99 Dec 2026 23:59:59 +0000",
])
def test_a_date_that_makes_no_sense_is_none(person, mounts, serve, date):
    good = formatdate(NOW - DAY)
    date = date.replace("in three days", formatdate(NOW + 3 * DAY))
    server = serve(messages={
        "alone": f"Date: {date}\r\n\r\n".encode(),
        "below": f"Received: by a; {date}\r\nReceived: by b; {good}\r\n\r\n".encode(),
        "date": f"Received: by a; {date}\r\nDate: {good}\r\n\r\n".encode(),
    })
    mount = mounts.mount(server, person)
    got = mtimes(mount)
    assert got["below"] == got["date"] == NOW - DAY
    assert got["alone"] >= NOW
    assert mount.umount() == 0


def test_the_directory_has_the_time_of_its_last_change(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, refresh=0)
    made = mount.call(os.stat, mount.path).st_mtime_ns
    assert NOW <= made / 1e9
    mount.call(os.unlink, mount.path / "today")
    gone = mount.call(os.stat, mount.path).st_mtime_ns
    assert gone > made
    mount.kill9()        # no commit: the deletion waits
    later = mounts.mount(server, person, cache=mount.cache)
    assert later.call(os.stat, later.path).st_mtime_ns // 10**9 == gone // 10**9
    assert later.umount() == 0
