"""LIST's sizes decide what is fetched twice, and never what a reader gets."""

import pytest

from mounting import digest

MAIL = {f"message-{n:02}": b"Subject: %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(40)}
SUMS = {name: digest(octets) for name, octets in MAIL.items()}


@pytest.mark.parametrize("rules", [
    ["on LIST 5 list-add 1"],
    ["on LIST 5 list-add -1"],
    ["on LIST 5 list-add -1", "on LIST 6 list-add -1"],
    ["on LIST 5 list-add 1", "on LIST 6 list-add 1"],     # the second is held while the first is fetched alone
    ["on LIST 5 list-add 1", "on LIST 39 list-add -1", "on LIST 40 list-add 1"],
    ["on LIST 1 list-add 1", "on LIST 6-30 list-add 3"],
    ["on LIST list-add 7"],
    ["on LIST list-add -7"],
], ids="; ".join)
def test_every_message_comes_whole_whatever_list_says(person, mounts, serve, rules):
    server = serve(messages=MAIL, rules=rules)
    mount = mounts.mount(server, person, refresh=600)
    assert mount.call(lambda: {name: digest((mount.path / name).read_bytes()) for name in sorted(MAIL)},
                      deadline=60) == SUMS
    assert mount.sizes() == {name: len(octets) for name, octets in MAIL.items()}
    assert mount.umount() == 0


def test_a_body_that_is_lost_once_is_asked_for_again(person, mounts, serve):
    # GNU Mailutils 3.15 sends only the header of some messages, the first time.
    only_header = 'reply "+OK\\r\\nSubject: x\\r\\n\\r\\n.\\r\\n"'
    server = serve(synthetic="6:600", rules=[f"on RETR 2 times=1 {only_header}", f"on RETR 5 {only_header}"])
    mount = mounts.mount(server, person, headers=0)
    sizes = {name: len(mount.read(name)) for name in mount.names()}
    assert list(sizes.values()) == [600, 600, 600, 600, len(b"Subject: x\r\n\r\n"), 600]
    assert mount.umount() == 0
