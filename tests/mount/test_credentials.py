"""A password that changes on the server while it is mounted: `pop3fs refresh` asks its source again."""

import pytest

from dovecot import PASSWORD
from programs import program
from sources import AGAIN, configured, content

NEW = "another secret, with \"quotes\""


@pytest.fixture
def refresh(root):
    return lambda mount: mount.run(program("pop3fs", root), "refresh", mount.path)


def escaped(source, secret):
    return secret.replace('"', '\\"') if source == "netrc" else secret


@pytest.mark.parametrize("source", AGAIN)
def test_refresh_asks_the_source_again(account, anyone, mounts, refresh, source):
    account.deliver(b"Subject: one\r\n\r\n")
    who, options, file = configured(source, anyone, PASSWORD, account.user)
    mount = mounts.mount(account, who, password=None, idle=0, **options)
    account.change_password(NEW)
    for _ in range(2):   # the source has the old one still, however often it is asked
        done = refresh(mount)
        assert done.code == 1 and len(done.err.splitlines()) == 1
        assert PASSWORD not in done.err
    file.write_bytes(content(source, escaped(source, NEW), account.user))
    account.deliver(b"Subject: two\r\n\r\n")
    refresh(mount).ok()
    assert len(mount.sums()) == 2
    assert mount.status()["last error"] == "none"
    assert mount.umount() == 0


@pytest.mark.parametrize("source", ["password_command", "password_file"])
def test_a_source_that_has_gone_is_said(account, person, mounts, refresh, source):
    who, options, file = configured(source, person, PASSWORD, account.user)
    mount = mounts.mount(account, who, password=None, idle=0, **options)
    account.change_password(NEW)
    assert refresh(mount).code == 1
    file.unlink()
    done = refresh(mount)
    assert done.code == 1 and str(file) in done.err and len(done.err.splitlines()) == 1
    assert str(file) in mount.status()["last error"]
    file.write_bytes(content(source, NEW))
    file.chmod(0o600)
    person.own(file)
    refresh(mount).ok()
    assert mount.umount() == 0
