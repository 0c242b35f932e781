"""A header that cannot be had costs a message its time, and nothing else."""

import os

import pytest

RECEIVED = 1_770_000_000     # later than every date in the messages' headers, earlier than these tests


def message(number):
    return (b"Received: from a by b; Tue, %02d Jan 2024 10:00:00 +0000\r\nSubject: %d\r\n\r\nbody\r\n"
            % (number + 1, number))


MAIL = {f"message-{n}": message(n) for n in range(5)}


def times(mount):
    return mount.call(lambda: {name: os.stat(mount.path / name).st_mtime for name in os.listdir(mount.path)})


def test_the_time_is_that_of_the_topmost_received(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person)
    assert times(mount) == {name: 1704189600 + 86400 * (n - 1) for n, name in enumerate(MAIL)}
    assert server.sent("RETR") == 0
    assert mount.umount() == 0


def test_a_refused_top_costs_that_message_its_time(person, mounts, serve):
    server = serve(messages=MAIL, rules=['on TOP 3 err "no"'])
    mount = mounts.mount(server, person)
    assert [name for name, when in times(mount).items() if when > RECEIVED] == ["message-2"]
    assert mount.umount() == 0


@pytest.mark.parametrize("rule", [
    'on TOP 3 reply "+OK\\r\\n.\\r\\nout of step\\r\\n.\\r\\n"', "on TOP 3 cut 9", "on TOP 3 abort", "on TOP stall",
])
def test_a_line_that_breaks_at_top_costs_the_times_and_not_the_mount(person, mounts, serve, rule):
    server = serve(messages=MAIL, rules=[rule])
    mount = mounts.mount(server, person, timeout=1)
    assert mount.names() == sorted(MAIL)
    assert {name: mount.read(name) for name in MAIL} == MAIL
    assert mount.umount() == 0


def test_without_top_there_are_times_all_the_same(person, mounts, serve):
    server = serve("--capa", "UIDL", "--capa", "USER", messages=MAIL)
    mount = mounts.mount(server, person, way="plain")
    assert all(when > RECEIVED for when in times(mount).values())
    assert server.sent("TOP") == 0
    assert mount.umount() == 0
