"""A mount that cannot be: one clear sentence, the exit code of mount(8), and nothing mounted."""

import re

import pytest

import shapes
from certs import Authority
from eventually import eventually
from programs import program

USAGE, SYSTEM, NOT_MOUNTED = 1, 2, 32


def check_refused(mount, done, codes, words):
    """pop3fs said one sentence with these words, and left nothing behind."""
    assert done.code in codes, done.err
    assert done.out == ""
    lines = done.err.rstrip("\n").split("\n")
    assert len(lines) == 1, done.err
    assert lines[0].startswith("pop3fs: ")
    assert re.search(words, lines[0], re.I), done.err
    assert mount.person.call(lambda: mount.path.is_dir() and list(mount.path.iterdir())) in ([], False)
    assert not mount.is_mounted()
    eventually(lambda: not mount.processes(), "the end of what pop3fs started")


@pytest.fixture
def box(account):
    account.deliver(shapes.ordinary(1))
    return account


def test_a_wrong_password(box, anyone, mounts):
    mount, done = mounts.attempt(box, anyone, password="not the secret")
    check_refused(mount, done, [NOT_MOUNTED], "login|password")
    assert "not the secret" not in done.err


def test_a_password_file_that_is_not_there_or_that_others_may_read(box, anyone, mounts):
    mount, done = mounts.attempt(box, anyone, password=None, password_file=anyone.home / "nowhere")
    check_refused(mount, done, [SYSTEM, NOT_MOUNTED], "nowhere")
    mount, done = mounts.attempt(box, anyone, password=None,
                                 password_file=anyone.file("open", b"secret\n", mode=0o644))
    check_refused(mount, done, [SYSTEM, NOT_MOUNTED], "open-")
    assert box.commands() == []


def test_a_password_in_the_url_is_refused(box, person, mounts):
    mount, done = mounts.attempt(box, person, source="pop3s://me:hunter2@localhost", password=None)
    check_refused(mount, done, [USAGE], "password")
    assert "hunter2" not in done.err


def test_an_unknown_host(box, anyone, mounts):
    mount, done = mounts.attempt(box, anyone, source="pop3s://me@no-such-host.invalid")
    check_refused(mount, done, [NOT_MOUNTED], r"no-such-host\.invalid")


def test_nobody_listens(box, anyone, mounts, serve):
    server = serve(synthetic="1:1000")
    server.down()
    mount, done = mounts.attempt(server, anyone)
    check_refused(mount, done, [NOT_MOUNTED], "refused|reach")


def test_a_port_that_speaks_tls_from_the_start(person, mounts, serve):
    server = serve(synthetic="1:1000")
    mount, done = mounts.attempt(server, person, source=f"pop3://me@localhost:{server.tls_port}", timeout=1)
    check_refused(mount, done, [NOT_MOUNTED], r"silent for 1 s \(pop3s://")
    mount, done = mounts.attempt(server, person, source=f"pop3s://me@localhost:{server.port}")
    check_refused(mount, done, [NOT_MOUNTED], r"does not speak TLS on this port \(pop3://")


def test_a_certificate_of_somebody_else(box, anyone, mounts, root):
    stranger = Authority(root / f"stranger-{anyone.name}")
    mount, done = mounts.attempt(box, anyone, ca=stranger.ca)
    check_refused(mount, done, [NOT_MOUNTED], "certificate")
    mount, done = mounts.attempt(box, anyone, way="stls", ca=stranger.ca)
    check_refused(mount, done, [NOT_MOUNTED], "certificate")
    assert box.commands() == []


def test_a_certificate_for_another_name(anyone, mounts, serve, authority):
    server = serve(synthetic="1:1000", certificate=authority.leaf(["DNS:other.example.org"]))
    mount, done = mounts.attempt(server, anyone)
    check_refused(mount, done, [NOT_MOUNTED], "certificate|name")
    assert server.commands() == []


def test_a_mountpoint_that_is_no_directory(box, anyone, mounts):
    for path in (anyone.home / "nothing", anyone.file("a-file", b"")):
        mount, done = mounts.attempt(box, anyone, mountpoint=path)
        check_refused(mount, done, [SYSTEM, NOT_MOUNTED], path.name)
    assert box.commands() == []   # nobody logs in for nothing


def test_a_second_mount_of_the_account(box, anyone, mounts):
    first = mounts.mount(box, anyone)
    second, done = mounts.attempt(box, anyone, cache=first.cache)
    check_refused(second, done, [SYSTEM, NOT_MOUNTED], f"{first.pid}.*{first.path}|{first.path}.*{first.pid}")
    assert len(first.names()) == 1
    assert first.umount() == 0


def test_a_mountpoint_that_is_a_mount_already(dovecot, box, anyone, mounts):
    first = mounts.mount(box, anyone)
    _, done = mounts.attempt(dovecot.account(), anyone, mountpoint=first.path)
    assert done.code in (SYSTEM, NOT_MOUNTED)
    assert first.path.name in done.err and len(done.err.splitlines()) == 1
    assert len(first.names()) == 1
    assert first.umount() == 0
    assert not first.is_mounted()   # there was only one


@pytest.mark.parametrize("argv", [
    [], ["pop3s://me@localhost"], ["localhost", "MNT"], ["--no-such-option", "pop3s://me@localhost", "MNT"],
    ["-o", "no_such_option=1", "pop3s://me@localhost", "MNT"], ["-o", "timeout=soon", "pop3s://me@localhost", "MNT"],
    ["pop3s://me@localhost:99999", "MNT"], ["pop3s://me%0d@localhost", "MNT"],
], ids=" ".join)
def test_wrong_usage(person, root, argv):

    path = person.directory("mnt")
    done = person.run(program("pop3fs", root), *[path if a == "MNT" else a for a in argv])
    assert done.code == USAGE, done
    assert done.err.startswith(("pop3fs: ", "usage: "))


def test_a_server_that_is_wrong_about_its_maildrop(person, mounts, serve):
    for rule, words in [
        ('on UIDL err "[SYS/PERM] no"', "no"),
        ('on UIDL cut 20', "clos|connection|listing"),
        ('on GREETING err "go away"', "go away"),
        ('on CONNECT close', "clos|connection"),
    ]:
        server = serve(synthetic="10:1000", rules=[rule])
        mount, done = mounts.attempt(server, person, retry=0)
        check_refused(mount, done, [NOT_MOUNTED], words)
