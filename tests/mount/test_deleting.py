"""rm and umount delete on the server exactly what was removed; nothing else ever does."""

import os

import pytest

import shapes
from filled import names_of, remove

COUNT = 12


@pytest.fixture
def box(dovecot):
    account = dovecot.account(pop3_uidl_format="%f")   # a message is named as its file in the Maildir
    for number in range(COUNT - 2):
        account.deliver(shapes.ordinary(number))
    account.deliver(shapes.odd()["twin-one"])
    account.deliver(shapes.odd()["twin-two"])
    return account


def test_rm_and_umount_leave_exactly_the_rest(box, anyone, mounts):
    names = names_of(box)
    gone = [names[0], names[5], names[COUNT - 1]]   # the last is one of the twins
    rest = [name for name in names if name not in gone]
    mount = mounts.mount(box, anyone)
    assert mount.names() == names
    mount.run("rm", *[mount.path / name for name in gone]).ok()
    assert mount.names() == rest
    assert box.sent("DELE") == 0
    assert names_of(box) == names
    assert mount.umount() == 0
    assert names_of(box) == rest
    assert box.sent("DELE") == len(gone)
    later = mounts.mount(box, anyone, cache=mount.cache)
    assert later.names() == rest
    assert later.umount() == 0
    assert names_of(box) == rest


def test_rm_of_all_empties_the_maildrop(box, person, mounts):
    mount = mounts.mount(box, person)
    remove(mount, *mount.names())
    assert mount.names() == []
    assert mount.umount() == 0
    assert names_of(box) == []


def test_sigterm_commits_too(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[3])
    assert mount.terminate() == 0
    assert not mount.is_mounted()
    assert names_of(box) == names[:3] + names[4:]


def test_kill_9_leaves_everything_and_the_next_unmount_does_it(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[1], names[2])
    mount.kill9()
    assert names_of(box) == names
    assert box.sent("DELE") == 0
    later = mounts.mount(box, anyone, cache=mount.cache)
    assert later.names() == names[:1] + names[3:]
    assert later.umount() == 0
    assert names_of(box) == names[:1] + names[3:]


def test_reading_and_unmounting_deletes_nothing(box, person, mounts):
    names = names_of(box)
    mount = mounts.mount(box, person)
    mount.sums()
    assert mount.umount() == 0
    assert names_of(box) == names


def test_a_removed_file_that_is_open_can_be_read_on(box, person, mounts):
    names = names_of(box)
    octets = box.retr(names[4])[names[4]]
    mount = mounts.mount(box, person)

    def read_after_unlink():
        with (mount.path / names[4]).open("rb") as file:
            os.unlink(mount.path / names[4])
            return file.read()

    assert mount.call(read_after_unlink) == octets
    assert mount.umount() == 0
    assert names_of(box) == names[:4] + names[5:]


def test_removing_while_listing_skips_nothing(dovecot, person, mounts):
    account = dovecot.account(pop3_uidl_format="%f")
    for number in range(300):
        account.deliver(shapes.header(f"small-{number}"))
    mount = mounts.mount(account, person)

    def remove_while_listing():
        with os.scandir(mount.path) as entries:
            for entry in entries:
                os.unlink(entry.path)
        return os.listdir(mount.path)

    assert mount.call(remove_while_listing) == []
    assert mount.umount() == 0
    assert names_of(account) == []


def test_new_mail_that_came_meanwhile_stays(box, person, mounts):
    names = names_of(box)
    mount = mounts.mount(box, person)
    remove(mount, *names)
    new = box.deliver(shapes.ordinary(77))
    assert mount.umount() == 0
    assert names_of(box) == [new]


def test_what_another_client_deleted_is_no_failure(box, person, mounts):
    names = names_of(box)
    mount = mounts.mount(box, person)
    remove(mount, names[0], names[1])
    pop = box.session()
    pop.dele(1)
    pop.quit()
    assert mount.umount() == 0
    assert names_of(box) == names[2:]
