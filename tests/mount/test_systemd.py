"""What pop3fs is to systemd: its units, and a service of Type=notify. tests/boot boots the real one."""

import os
import shutil
import signal
import socket

import pytest

from installed import Installed

MESSAGES = {"one": b"Subject: one\r\n\r\n1\r\n", "two": b"Subject: two\r\n\r\n2\r\n"}


@pytest.fixture(scope="module")
def machine(root):
    installed = Installed(root / "units")
    yield installed
    installed.stop()


@pytest.mark.parametrize("place, words", [("system", []), ("user", ["--user"])])
def test_the_units_are_sound(machine, root_person, place, words):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    units = machine.run(root_person, "sh", "-c", f"ls -d /usr/lib/systemd/{place}/pop3fs@.service "
                        f"/usr/local/lib/systemd/{place}/pop3fs@.service 2>/dev/null").out.split()
    assert len(units) == 1
    link = "/run/pop3fs@work.service"
    machine.run(root_person, "cp", units[0], link).ok()
    done = machine.run(root_person, "systemd-analyze", *words, "verify", "--man=no", link,
                       env={"XDG_RUNTIME_DIR": "/run"})
    complaints = [line for line in done.err.splitlines() if "pop3fs" in line]
    assert done.code == 0 and not complaints, done.err


def test_it_is_ready_when_the_mount_answers(serve, mounts, person):
    server = serve(messages=MESSAGES)
    with Listener(person) as listener:
        person.environment["NOTIFY_SOCKET"] = str(listener.path)
        try:
            mount = mounts.foreground(server, person)
        finally:
            del person.environment["NOTIFY_SOCKET"]
        first = listener.hear()
        assert "READY=1" in first and f"MAINPID={mount.pid}" in first
        assert mount.names() == sorted(MESSAGES)
        mount.run("rm", mount.path / "one").ok()
        os.kill(mount.pid, signal.SIGTERM)
        last = listener.hear()
        assert "STOPPING=1" in last and any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in last)
        assert mount.wait() == 0
    assert list(server.messages()) == ["two"]


def test_what_wakes_up_lists_again(machine, serve, root_person):
    server = serve(messages=MESSAGES)
    mountpoint = root_person.directory("mnt")
    secret = root_person.file("password", server.password.encode())
    machine.run(root_person, "mount", "-t", "pop3fs", server.source(), mountpoint, "-o",
                f"password_file={secret},ca={server.ca},cache_dir={root_person.directory('cache')},refresh=1d").ok()
    server.deliver("three", b"Subject: three\r\n\r\n3\r\n")
    hook = "/usr/lib/systemd/system-sleep/pop3fs"   # systemd looks nowhere else, whatever the prefix
    machine.run(root_person, hook, "pre", "suspend").ok()
    assert machine.run(root_person, "ls", mountpoint).out.split() == ["one", "two"]
    machine.run(root_person, hook, "post", "suspend").ok()
    assert machine.run(root_person, "ls", mountpoint).out.split() == ["one", "three", "two"]
    machine.run(root_person, "umount", mountpoint).ok()


class Listener:
    """$NOTIFY_SOCKET's other end."""

    def __init__(self, person):
        self.path = person.directory("notify") / "socket"

    def __enter__(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.settimeout(30)
        os.chmod(self.path, 0o666)
        return self

    def __exit__(self, *_):
        self._socket.close()

    def hear(self):
        return self._socket.recv(4096).decode().splitlines()
