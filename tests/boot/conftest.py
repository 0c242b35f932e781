"""What the tests in a booted machine may ask for; see container.Machine."""

import os
from pathlib import Path

import pytest

from container import Machine

BOX = {"one": b"Subject: one\r\n\r\n1\r\n", "two": b"Subject: two\r\n\r\n2\r\n"}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Of a test that fails the machine's journal is shown, too."""
    report = (yield).get_result()
    machine = item.funcargs.get("machine") if hasattr(item, "funcargs") else None
    if report.failed and call.when == "call" and machine:
        report.longrepr = f"{report.longrepr}\n{machine.last_words()}"


@pytest.fixture
def machines(root):
    """machines() is a machine that is not booted yet."""
    tree, package = os.environ.get("POP3FS_BOOT"), os.environ.get("POP3FS_PACKAGE")
    if not tree or not package:
        pytest.skip("there is no machine to boot: tests/boot/run makes one")
    made = []

    def make():
        made.append(Machine(root, Path(tree) / "root", package))
        made[-1].write("/etc/pop3fs/readme", "")
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def machine(machines):
    """One such machine."""
    return machines()


@pytest.fixture
def box(serve, machine):
    """box(name) serves a maildrop with two messages, whose password and certificate are in /etc/pop3fs there, and for
    `me` in his home."""
    return lambda name="work": Box(serve("--user", name, messages=BOX), machine, name)


class Box:
    """A maildrop, and how the machine is told of it."""

    def __init__(self, server, machine, name):
        self.server, self.name = server, name
        self.source = f"pop3s://{name}@localhost:{server.tls_port}"
        ca = Path(server.ca).read_text()
        machine.write("/etc/pop3fs/ca.pem", ca)
        machine.write(f"/etc/pop3fs/{name}.password", f"{server.password}\n", 0o600)
        machine.write("/home/me/.config/pop3fs/password", f"{server.password}\n", 0o600, owner=1000)

    def options(self, user="root"):
        secret = f"/etc/pop3fs/{self.name}.password" if user == "root" else f"/home/{user}/.config/pop3fs/password"
        return f"ca=/etc/pop3fs/ca.pem,password_file={secret}"

    def line(self, mountpoint, options, user="root"):
        """Its line in fstab."""
        return f"{self.source} {mountpoint} pop3fs {options},{self.options(user)} 0 0\n"

    def section(self, *more):
        """Its section in a configuration file."""
        return "\n".join((f"[{self.name}]", f"source = {self.source}", "ca = /etc/pop3fs/ca.pem", *more)) + "\n"

    def left(self):
        """What the server still holds."""
        return sorted(self.server.messages())
