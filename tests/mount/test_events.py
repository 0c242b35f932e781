"""`pop3fs events`: a line whenever something happens; and on_new, the command that is run when mail has come."""

import json
import os
import signal
from pathlib import Path

import pytest

from eventually import eventually

NAMES = [f"m{n}" for n in range(4)]
IOCTL = {"x86_64": "16"}.get(os.uname().machine, "29")   # the number of the system call


def body(name):
    return f"Subject: {name}\r\n\r\nThis is {name}.\r\n".encode()


@pytest.fixture
def server(serve):
    return serve(messages={name: body(name) for name in NAMES})


@pytest.fixture
def mount(server, mounts, person):
    return mounts.mount(server, person, refresh="1d", idle=1)


class Listener:
    """A `pop3fs events` that runs, and what it has printed."""

    def __init__(self, mount, *flags):
        self._out = mount.person.file("events", b"")
        self._err = mount.person.file("events-err", b"")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = mount.person.start(mount.argv[0], "events", *flags, mount.path, stdout=out, stderr=err)
        self._last = None
        eventually(self._listens, "it listens")

    def _listens(self):
        """The same child waits in an ioctl as before: so it is not the first, which is answered at once."""
        assert self.process.poll() is None, self._err.read_text()
        last = self._last
        self._last = None
        try:
            child = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
            if Path(f"/proc/{child}/syscall").read_text().split()[0] == IOCTL:
                self._last = child
        except (OSError, IndexError):
            pass
        return self._last and self._last == last

    def lines(self):
        return self._out.read_text().splitlines()

    def hears(self, *lines):
        eventually(lambda: self.lines() == list(lines), f"{lines}, not {self.lines()}")

    def end(self):
        return self.process.wait(30), self._err.read_text()


@pytest.fixture
def listen(mount):
    made = []

    def start(*flags):
        made.append(Listener(mount, *flags))
        return made[-1]

    yield start
    for listener in made:
        if listener.process.poll() is None:
            listener.process.kill()
            listener.process.wait()


def verb(mount, word, *words):
    mount.run(mount.argv[0], word, mount.path, *words).ok()


def test_what_comes_and_goes_is_told_to_all_who_listen(server, mount, listen):
    one, two = listen(), listen("--json")
    server.deliver("new", body("new"))
    verb(mount, "refresh")
    one.hears(f"new new {len(body('new'))}")
    eventually(lambda: [json.loads(line) for line in two.lines()] ==
               [{"event": "new", "name": "new", "size": len(body("new"))}], f"{two.lines()}")


def test_a_commit_is_told_and_what_is_gone(server, mount, listen):
    listener = listen()
    mount.call(lambda: [os.unlink(mount.path / name) for name in NAMES[:2]] and None)
    verb(mount, "commit")
    eventually(lambda: sorted(listener.lines()) == ["committed 2", "gone m0", "gone m1"], f"{listener.lines()}")


def test_the_server_s_loss_and_return_are_told(server, mount, listen):
    listener = listen()
    server.down()
    server.unplug()
    assert mount.run(mount.argv[0], "refresh", mount.path).code == 1
    listener.hears("offline")
    server.up()
    verb(mount, "refresh")
    listener.hears("offline", "online")


def test_it_ends_with_the_mount(server, mount, listen):
    one, two = listen(), listen("--json")
    assert mount.run(mount.argv[0], "umount", mount.path).code == 0
    assert one.end() == (0, "")
    assert two.end() == (0, "")
    assert mount.wait() == 0


def test_it_ends_with_the_daemon_s_end(server, mount, listen):
    listener = listen()
    assert mount.terminate() == 0
    assert listener.end() == (0, "")


def test_a_signal_ends_it_and_others_go_on(server, mount, listen):
    one, two = listen(), listen()
    one.process.send_signal(signal.SIGINT)
    assert one.end()[0] == -signal.SIGINT
    server.deliver("new", body("new"))
    verb(mount, "refresh")
    two.hears(f"new new {len(body('new'))}")
    assert mount.names() == sorted([*NAMES, "new"])


def test_wrong_words_are_refused(mount, person):
    assert mount.run(mount.argv[0], "events").code == 1
    assert mount.run(mount.argv[0], "events", "--xml", mount.path).code == 1
    assert mount.run(mount.argv[0], "events", "/").code == 1


# ---- on_new ----

def runs(path):
    return path.read_text().splitlines()


def test_on_new_is_run_for_each_listing_that_brings_mail(server, mounts, person):
    log = person.file("log", b"")
    command = f"sh -c 'ls \"$POP3FS_MOUNTPOINT\" | wc -l | xargs echo $POP3FS_NEW >> {log}'"
    mount = mounts.mount(server, person, refresh="1d", on_new=command)
    eventually(lambda: runs(log) == ["4 4"], f"the first listing: {runs(log)}")
    server.deliver("new1", body("new1"))
    server.deliver("new2", body("new2"))
    verb(mount, "refresh")
    eventually(lambda: runs(log) == ["4 4", "2 6"], f"{runs(log)}")
    verb(mount, "refresh")
    assert mount.umount() == 0
    again = mounts.mount(server, person, cache=mount.cache, refresh="1d", on_new=command)
    server.deliver("new3", body("new3"))
    verb(again, "refresh")
    eventually(lambda: runs(log) == ["4 4", "2 6", "1 7"], f"{runs(log)}")


def test_a_command_that_hangs_or_fails_holds_nothing_up(server, mounts, person):
    log = person.file("log", b"")
    mount = mounts.mount(server, person, refresh="1d", on_new=f"sh -c 'echo $POP3FS_NEW >> {log}; exec sleep 1000'")
    eventually(lambda: runs(log) == ["4"], "it runs")
    server.deliver("new", body("new"))
    verb(mount, "refresh")
    assert mount.read("new") == body("new")
    assert mount.terminate() == 0
    assert runs(log) == ["4"]


def test_on_new_without_a_command_is_refused(server, mounts, person):
    assert mounts.attempt(server, person, on_new="a | b")[1].code == 1
