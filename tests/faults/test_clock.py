"""The wall clock jumps, forwards and backwards: no wait depends on it, and what is shown stays as it was."""

import os
import time

import pytest

from eventually import eventually
from filled import names_of, remove
from popserver import capabilities
from programs import program
from promise import letter

DAY = 86400
YEAR = 365 * DAY
JUMPS = [YEAR, -YEAR, -60 * YEAR]   # the last to before 1970
COUNT = 6
RECEIVED = 1770110430   # 3 Feb 2026 10:20:30 +0100
PLAIN = {"way": "plain", "refresh": 0}


@pytest.fixture
def mount(mounts, serve, person, plan):
    """mount() mounts a server of some messages, always the same, with the shim."""
    server = serve(*capabilities("PIPELINING", "LOGIN-DELAY 30"),
                   messages={f"m{number}": letter(f"m{number}") for number in range(COUNT)})
    cache = person.directory("cache")

    def make(**options):
        with plan.loaded():
            made = mounts.mount(server, person, cache=cache, **options)
        made.server = server
        return made
    return make


def times(mount):
    return mount.call(lambda: {entry.name: (int(entry.stat().st_mtime), entry.stat().st_ino)
                               for entry in os.scandir(mount.path)})


def refresh(mount, root):
    mount.run(program("pop3fs", root), "refresh", mount.path).ok()


@pytest.mark.parametrize("jump", JUMPS)
def test_a_mount_lives_through_a_jump(mount, plan, root, jump):
    made = mount(**PLAIN)
    server, names = made.server, names_of(made.server)
    before = times(made)
    made.read(names[0])
    plan.clock = jump
    made.read(names[1])
    remove(made, names[2])
    server.deliver("new", letter("new"))
    refresh(made, root)
    seen = times(made)
    assert set(seen) == {*names, "new"} - {names[2]}
    assert all(seen[name] == before[name] for name in names if name != names[2])
    plan.clock = 0
    remove(made, names[3])
    refresh(made, root)
    made.run(program("pop3fs", root), "commit", made.path).ok()
    assert made.read(names[4]) == server.messages()[names[4]]
    assert made.umount() == 0
    assert names_of(server) == sorted([*names[:2], *names[4:], "new"])


@pytest.mark.parametrize("first, then", [(0, jump) for jump in JUMPS] + [(YEAR, 0), (YEAR, -YEAR)])
def test_mounts_by_different_clocks(mount, plan, first, then):
    """What one has deleted, learnt and waited for, another goes on with: at once, for the delay between logins is as
    long as the server said, however far away the last one seems."""
    plan.clock = first
    made = mount(**PLAIN)
    names = names_of(made.server)
    before = times(made)
    remove(made, names[0])
    made.kill9()
    plan.clock = then
    made = mount(**PLAIN)
    seen = times(made)
    assert set(seen) == set(names[1:])
    assert all(seen[name] == before[name] for name in seen)
    assert made.umount() == 0
    assert names_of(made.server) == names[1:]
    plan.clock = 0
    made = mount(**PLAIN)
    assert set(times(made)) == set(names[1:])
    assert made.umount() == 0


@pytest.mark.parametrize("jump", [YEAR, -10 * YEAR])
def test_a_new_message_has_the_time_that_its_header_says_unless_that_is_to_come(mount, plan, root, jump):
    made = mount(**PLAIN)
    plan.clock = jump
    made.server.deliver("dated", b"Received: from a by b; Tue, 3 Feb 2026 10:20:30 +0100\r\n\r\nhello\r\n")
    made.server.deliver("undated", b"Subject: no date\r\n\r\nhello\r\n")
    refresh(made, root)
    seen = times(made)
    by_clock = time.time() + jump
    assert abs(seen["undated"][0] - by_clock) < DAY
    if jump > 0:
        assert seen["dated"][0] == RECEIVED
    else:
        assert abs(seen["dated"][0] - by_clock) < DAY
    assert made.umount() == 0


def test_a_certificate_out_of_its_time_is_said_and_passes(mount, plan, root):
    made = mount(way="tls", refresh=0, idle=0)
    names = names_of(made.server)
    plan.clock = 50 * YEAR
    done = made.run(program("pop3fs", root), "refresh", made.path)
    assert done.code == 1 and "certificate" in done.err, done
    assert len(made.names()) == COUNT
    remove(made, names[0])
    plan.clock = 0
    eventually(lambda: made.run(program("pop3fs", root), "refresh", made.path).code == 0, "a good session again")
    assert made.umount() == 0
    assert names_of(made.server) == names[1:]
