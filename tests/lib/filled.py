"""A maildrop of ordinary messages, known by the names of their files: for tests of what becomes of them."""

import os

import shapes


def filled(dovecot, count):
    """An account of Dovecot with so many messages, whose UIDLs, and names in a mount, are those of their files."""
    account = dovecot.account(pop3_uidl_format="%f")
    for number in range(count):
        account.deliver(shapes.ordinary(number))
    return account


def names_of(account):
    return sorted(account.messages())


def remove(mount, *names):
    """Unlinks messages, as the mount's owner."""
    mount.call(lambda: [os.unlink(mount.path / name) for name in names] and None)
