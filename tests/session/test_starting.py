"""While it lists: what a person at the terminal sees, and how they change their mind."""

import fcntl
import os
import pty
import re
import select
import signal
import termios

import pytest

import leftovers
from eventually import eventually
from programs import program

STALLED = "on UIDL stall"   # the listing never comes
SILENT = 60                 # seconds without an octet, or octets, after which a terminal will not show it any more
MOST_SHOWN = 20000


class Starting:
    """A pop3fs that is about to mount a maildrop of the scripted server."""

    def __init__(self, root, person, server, *words, **popen):
        self.path = person.directory("mnt")
        options = ["-o", f"ca={server.ca},cache_dir={person.directory('cache')}", *words]
        self.process = person.start(program("pop3fs", root), *options, server.source(), self.path, **popen)

    def _others(self):
        """The daemon and the companion: its children, and ours once it is gone."""
        orphans = [pid for pid, words in leftovers.children().items() if str(self.path) in words]
        return [pid for pid in orphans if pid != self.process.pid] + leftovers.descendants(self.process.pid)

    def check_gone(self):
        eventually(lambda: not self._others(), "the end of the daemon and the companion")
        assert not leftovers.mounts_below(self.path)


@pytest.fixture
def stalled(serve):
    return serve(synthetic="5:1000", rules=[STALLED])


@pytest.fixture
def password(person):
    return f"--password_file={person.file('password', b'secret')}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_whoever_ends_the_command_has_nothing_mounted(root, person, stalled, password, number):
    start = Starting(root, person, stalled, password)
    stalled.wait_for("> UIDL")
    start.process.send_signal(number)
    assert start.process.wait(60) == -number
    start.check_gone()


def test_in_the_foreground_an_interrupt_ends_it_with_a_sentence(root, person, stalled, password):
    said = person.file("said", b"")
    with said.open("wb") as out:
        start = Starting(root, person, stalled, password, "-f", stderr=out)
    stalled.wait_for("> UIDL")
    start.process.send_signal(signal.SIGINT)
    assert start.process.wait(60) == 32
    start.check_gone()
    assert said.read_text() == "pop3fs: interrupted before the first listing\n"


class Terminal:
    """A terminal for a command to be started on, as its session's own."""

    def __init__(self):
        self._master, self._slave = pty.openpty()
        self.shown = b""

    def popen(self):
        return {"stdin": self._slave, "stdout": self._slave, "stderr": self._slave,
                "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}

    def sees(self, pattern):
        """Reads on until this has been shown."""
        while not re.search(pattern, self.shown):
            assert select.select([self._master], [], [], SILENT)[0] and len(self.shown) < MOST_SHOWN, self.shown[-200:]
            self.shown += os.read(self._master, 4096)

    def type(self, octets):
        os.write(self._master, octets)

    def has_echo(self):
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def close(self):
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def terminal():
    made = Terminal()
    yield made
    made.close()


def test_the_terminal_is_asked_and_sees_progress_and_its_ctrl_c_is_heard(root, person, stalled, terminal):
    start = Starting(root, person, stalled, **terminal.popen())
    terminal.sees(rb"Password of demo@localhost: $")
    eventually(lambda: not terminal.has_echo(), "the end of the echo")
    terminal.type(b"secret\n")
    terminal.sees(rb"pop3fs: listing demo@localhost \.\.\. [1-9][0-9]* s")
    assert terminal.has_echo()
    terminal.type(b"\x03")
    assert start.process.wait(60) == -signal.SIGINT
    start.check_gone()
    assert b"secret" not in terminal.shown
    assert stalled.sent("UIDL") == 1   # it was the right password


def test_a_ctrl_c_at_the_password_gives_the_echo_back(root, person, stalled, terminal):
    start = Starting(root, person, stalled, **terminal.popen())
    terminal.sees(rb"Password of demo@localhost: $")
    eventually(lambda: not terminal.has_echo(), "the end of the echo")
    terminal.type(b"sec\x03")
    assert start.process.wait(60) == -signal.SIGINT
    start.check_gone()
    assert terminal.has_echo()
    assert stalled.commands() == []


def test_the_terminal_sees_how_many_messages_have_been_listed(root, person, serve, password, terminal):
    server = serve(synthetic="5:1000", rules=["on UIDL stall 58"])   # its status line, two others, and a piece
    start = Starting(root, person, server, password, **terminal.popen())
    terminal.sees(rb"pop3fs: listing demo@localhost \.\.\. 2 of 5 messages, [1-9][0-9]* s")
    terminal.type(b"\x03")
    assert start.process.wait(60) == -signal.SIGINT
    start.check_gone()


def test_the_terminal_sees_how_many_headers_have_come(root, person, serve, password, terminal):
    server = serve(synthetic="5:1000", rules=["on TOP 3 stall"])   # the newest come first
    start = Starting(root, person, server, password, **terminal.popen())
    terminal.sees(rb"pop3fs: listing demo@localhost \.\.\. 5 messages, 2 headers, [1-9][0-9]* s")
    terminal.type(b"\x03")
    assert start.process.wait(60) == -signal.SIGINT
    start.check_gone()


def test_a_terminal_that_goes_ends_what_is_in_its_foreground_with_a_commit(root, person, serve, password):
    server, gone = serve(synthetic="5:1000"), Terminal()
    start = Starting(root, person, server, password, "-f", **gone.popen())
    eventually(lambda: leftovers.mounts_below(start.path), "the mount")
    person.run("rm", start.path / "m0000001").ok()
    gone.close()
    assert start.process.wait(60) == 0
    start.check_gone()
    assert server.sent("DELE") == 1


def test_a_cache_that_the_mount_would_hide_is_refused(root, person, password):
    path = person.directory("mnt")
    done = person.run(program("pop3fs", root), "-o", f"cache_dir={path}/cache", password, "demo@localhost", path)
    assert done.code == 2
    assert done.err == (f"pop3fs: the mount on {path} would hide the cache directory, {path}/cache: "
                        "give another as cache_dir=\n")
    assert not leftovers.mounts_below(path)


def test_a_command_that_was_stopped_knows_how_far_it_has_come(root, person, serve, password, terminal):
    server = serve(synthetic="5:1000", rules=["on GREETING delay 500", "on TOP 3 stall"])
    start = Starting(root, person, server, password, **terminal.popen())
    server.wait_for("CONN 1 open")
    start.process.send_signal(signal.SIGSTOP)
    server.wait_for("> TOP 3")
    start.process.send_signal(signal.SIGCONT)
    terminal.sees(rb"pop3fs: listing demo@localhost \.\.\. 5 messages, 2 headers, [1-9][0-9]* s")
    terminal.type(b"\x03")
    assert start.process.wait(60) == -signal.SIGINT
    start.check_gone()


def test_without_a_terminal_nothing_is_shown(root, person, serve, password):
    server = serve(synthetic="5:1000", rules=["on TOP 3 stall"])
    said = person.file("said", b"")
    with said.open("wb") as out:
        start = Starting(root, person, server, password, stdout=out, stderr=out)
    server.wait_for("> TOP 3")
    start.process.send_signal(signal.SIGTERM)
    assert start.process.wait(60) == -signal.SIGTERM
    start.check_gone()
    assert said.read_bytes() == b""
