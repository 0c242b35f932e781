"""A token in place of a password: asked for at each login, kept nowhere; and commands that fail, or never end."""

import errno
import os
import signal

import pytest

import logins
import shapes
from eventually import eventually
from leaks import check_alive, check_free, check_said, check_store
from programs import program

WAITING = 64


@pytest.fixture(scope="module")
def server(root, authority):
    dovecot = logins.start(root / "dovecot-tokens", authority)
    yield dovecot
    dovecot.stop()


@pytest.fixture
def box(server):
    box = server.account()
    for n in range(3):
        box.deliver(shapes.ordinary(n))
    return box


class Source:
    """What oauth_command runs: it notes that it was, and then does what is written in a file."""

    def __init__(self, person, box):
        self.notes = person.file("notes", b"")
        self._does = person.file("does", b"")
        self._box, self._person = box, person
        script = person.file("oauth", f"echo $$ >>{self.notes}\n. {self._does}\n".encode())
        self.option = {"password": None, "oauth_command": f"sh {script}"}

    def does(self, script):
        self._does.write_text(script + "\n")

    def gives(self, token):
        self.does(f"echo {token}")

    def good(self):
        token = logins.token(self._box.user)
        self.gives(token)
        return token

    def pids(self):
        return self.notes.read_text().split()

    def asked(self):
        return len(self.pids())


@pytest.fixture
def source(person, box):
    return Source(person, box)


@pytest.fixture
def refresh(root):
    return lambda mount: mount.run(program("pop3fs", root), "refresh", mount.path)


def opening(mount, name):
    """errno of an open, 0 if it can be."""
    def attempt():
        try:
            os.close(os.open(mount.path / name, os.O_RDONLY))
        except OSError as error:
            return error.errno
        return 0
    return mount.call(attempt)


@pytest.mark.parametrize("mechanism", logins.TOKENS)
def test_it_is_asked_for_at_each_login_and_seen_nowhere(person, mounts, box, source, refresh, mechanism):
    signature = source.good().rsplit(".", 1)[1]
    mount = mounts.foreground(box, person, "-d", idle=0, auth=mechanism, **source.option)
    assert source.asked() == 1
    refresh(mount).ok()
    refresh(mount).ok()
    assert source.asked() == 3
    assert len(mount.sums()) == 3
    check_alive(signature, mount)
    assert mount.umount() == 0
    check_said(signature, mount)
    check_store(signature, mount)


@pytest.mark.parametrize("mechanism", logins.TOKENS)
def test_one_that_was_refused_is_seen_nowhere(person, mounts, box, source, refresh, mechanism):
    source.good()
    mount = mounts.foreground(box, person, "-d", idle=0, auth=mechanism, **source.option)
    assert len(mount.sums()) == 3
    bad = logins.token(box.user, key=b"forged")
    source.gives(bad)
    signature = bad.rsplit(".", 1)[1]
    done = refresh(mount)
    assert done.code == 1
    check_free(signature, "the sentence", done.err.encode())
    check_alive(signature, mount)
    assert mount.umount() == 0
    check_said(signature, mount)
    check_store(signature, mount)


def test_one_that_has_expired_is_replaced_unseen(person, mounts, box, source, refresh):
    good = logins.token(box.user)
    source.does(f"[ $(wc -l <{source.notes}) != 1 ] || exec echo {logins.token(box.user, seconds=-10)}\necho {good}")
    mount = mounts.mount(box, person, idle=0, **source.option)
    assert source.asked() == 2
    assert len(mount.sums()) == 3
    assert mount.status()["last error"] == "none"
    assert mount.umount() == 0


def test_two_refused_in_a_row_are_enough(person, mounts, box, source, refresh):
    source.good()
    mount = mounts.mount(box, person, idle=0, prefetch=0, **source.option)
    source.gives(logins.token(box.user, key=b"forged"))
    before = source.asked()
    done = refresh(mount)
    assert done.code == 1 and "refused the login" in done.err
    assert source.asked() == before + 2
    assert opening(mount, mount.names()[0]) == errno.EACCES   # and nothing is asked, nor sent
    assert source.asked() == before + 2
    source.good()
    refresh(mount).ok()
    assert opening(mount, mount.names()[0]) == 0
    assert mount.umount() == 0


def test_a_command_that_fails_is_run_again_by_itself(person, mounts, box, source):
    source.good()
    mount = mounts.mount(box, person, idle=0, prefetch=0, **source.option)
    source.does("echo no network >&2; exit 7")
    name, other = mount.names()[:2]
    eventually(lambda: opening(mount, name) in (errno.EACCES, errno.ENETDOWN), "the failure")
    assert "oauth_command ended with status 7: no network" in mount.status()["last error"]
    source.good()
    eventually(lambda: opening(mount, other) == 0, "the next token", 60)
    assert mount.status()["last error"] == "none"
    assert mount.umount() == 0


def test_offline_needs_no_token(person, mounts, box, source):
    source.good()
    mount = mounts.mount(box, person, **source.option)
    read = mount.sums()
    assert mount.umount() == 0
    source.does("exit 7")
    _, done = mounts.attempt(box, person, cache=mount.cache, **source.option)
    assert done.code == 2 and "oauth_command ended with status 7" in done.err
    mount = mounts.mount(box, person, cache=mount.cache, offline=True, **source.option)
    assert mount.sums() == read


def hanging(mounts, person, box, source, **options):
    """A mount whose command never ends, and a reader who waits for it."""
    source.good()
    mount = mounts.mount(box, person, idle=0, prefetch=0, refresh="1d", **source.option, **options)
    name = mount.names()[0]
    eventually(lambda: mount.status()["state"] == "closed", "the idle line")
    source.does("exec sleep 1000")
    asked = source.asked()
    reader = person.start("cat", mount.path / name, stdout=-3, stderr=-3)
    eventually(lambda: source.asked() == asked + 1, "the command")
    return mount, reader, f"/proc/{source.pids()[-1]}"


def test_nothing_but_the_reader_waits_for_a_command_that_never_ends(person, mounts, box, source):
    mount, reader, command = hanging(mounts, person, box, source, commit_timeout=1)
    assert len(mount.sizes()) == 3
    assert reader.poll() is None
    mount.call(os.unlink, mount.path / mount.names()[1])
    assert mount.terminate() == WAITING
    assert reader.wait(60) != 0
    eventually(lambda: not os.path.exists(command), "the command's end")
    source.good()
    again = mounts.mount(box, person, cache=mount.cache, **source.option)
    assert len(again.names()) == 2          # the deletion has waited
    assert again.umount() == 0
    assert box.count() == 2


def test_a_second_signal_ends_it_at_once(person, mounts, box, source):
    mount, reader, command = hanging(mounts, person, box, source, commit_timeout="1d")
    mount.call(os.unlink, mount.path / mount.names()[1])
    os.kill(mount.pid, signal.SIGTERM)
    eventually(lambda: not mount.is_mounted(), "the mount's end")
    assert mount.terminate() == WAITING
    reader.wait(60)
    eventually(lambda: not os.path.exists(command), "the command's end")
    assert box.count() == 3


def test_a_reader_who_waits_for_a_command_can_be_interrupted_and_gets_an_error_in_time(person, mounts, box, source):
    mount, reader, _ = hanging(mounts, person, box, source, timeout=3)
    reader.send_signal(signal.SIGINT)
    assert reader.wait(60) == -signal.SIGINT
    assert opening(mount, mount.names()[0]) == errno.EACCES
    assert "the token has not been had within 3 s" in mount.status()["last error"]
