"""README.md, followed as it stands: its commands and its lines are read out of it, and run on a machine on which the
package is installed. What it says of a tree (contrib/quickstart, meson) is for tests/boot/bare."""

import os
import pty
import re

import pytest


from programs import TOP

README = (TOP / "README.md").read_text()
DEMO = {p.stem: p.read_bytes().removesuffix(b"\n").replace(b"\n", b"\r\n") + b"\r\n"
        for p in sorted((TOP / "contrib/demo").iterdir())}
HOST = "pop.example.org"
ADDRESS = f"127.9.{os.getpid() >> 8 & 255}.{os.getpid() & 127 | 1}"   # of this process, so that port 995 is free


def blocks():
    """The indented blocks, each a list of lines."""
    found = re.findall(r"(?:^    .*\n)+", README, re.M)
    return [[line[4:] for line in block.splitlines()] for block in found]


def block(beginning):
    found = [b for b in blocks() if b[0].startswith(beginning)]
    assert len(found) == 1, f"README has {len(found)} blocks that begin with {beginning}"
    return found[0]


@pytest.fixture(params=["me"])
def server(request, serve, machine, authority):
    """The server of the README's examples, where it is looked for, and its user."""
    started = serve("--tls-listen", f"{ADDRESS}:995", "--user", request.param, messages=DEMO,
                    certificate=authority.leaf(names=(f"DNS:{HOST}", "DNS:localhost")))
    machine.write("/etc/hosts", f"127.0.0.1 localhost\n{ADDRESS} {HOST}\n")
    machine.write("/usr/local/share/ca-certificates/test.crt", authority.ca.read_text())
    machine.write("/home/me/.secret", f"{started.password}\n", 0o600, owner=1000)
    machine.write("/usr/local/bin/pass", f'#!/bin/sh\n[ "$*" = "show mail/work" ] && echo {started.password}\n', 0o755)
    return started


def boot(machine):
    machine.boot()
    machine.run("update-ca-certificates").ok()


def on_terminal(machine, script, answer):
    """Types an answer when something is asked for; returns (exit status, what stood on the terminal)."""
    pid, terminal = pty.fork()
    if pid == 0:
        words = machine.words("bash", "-c", f"cd && {script}", user="me")
        os.execvp(words[0], words)
    text = b""
    try:
        while piece := os.read(terminal, 4096):
            if b"Password" in text + piece and b"Password" not in text:
                os.write(terminal, answer.encode() + b"\n")
            text += piece
    except OSError:   # EIO: nobody has the terminal open any more
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()


def sh(machine, script, **options):
    """As the user `me`, at home."""
    return machine.run("bash", "-c", f"cd && {script}", user="me", **options)


def test_the_demonstration(machine, server):
    """Each command of the first block says what stands below it."""
    machine.write("/home/me/.config/pop3fs/config", f"[home]\nsource = pop3s://me@{HOST}\npassword_file = ~/.secret\n", 0o600,
                  owner=1000)
    boot(machine)
    sh(machine, "mkdir mail").ok()
    lines = block("$ pop3fs home")
    commands = [n for n, line in enumerate(lines) if line.startswith("$ ")]
    for at, end in zip(commands, [*commands[1:], len(lines)]):
        done = sh(machine, lines[at][2:], env={"LC_ALL": "C.UTF-8", "TZ": "UTC"})
        shown = done.out.rstrip("\n").splitlines()
        assert shown == lines[at + 1:end] and not done.err, lines[at]
    assert sorted(server.messages()) == sorted(DEMO)[:-1]


def test_a_mailbox_of_yours(machine, server):
    """By hand, with the password asked for on the terminal."""
    boot(machine)
    lines = block("sudo apt install")[2:]
    assert lines == ["mkdir -p ~/mail", f"pop3fs me@{HOST} ~/mail"]
    sh(machine, lines[0]).ok()
    status, text = on_terminal(machine, lines[1], server.password)
    assert status == 0 and server.password not in text, text
    assert machine.names("/home/me/mail", user="me") == sorted(DEMO)
    said = set(re.findall(r"`((?:pop3fs (?:fetch|verify|commit|undelete|status) ~/mail|cat ~/mail|grep -r ')[^`]*)`", README))
    assert len(said) >= 6
    sh(machine, "rm ~/mail/0039-quota-warning").ok()
    for command in sorted(said - {"pop3fs undelete ~/mail"}, key=lambda c: "commit" in c):
        sh(machine, command).ok()
    assert sorted(server.messages()) == sorted(DEMO)[:-1]
    sh(machine, "rm ~/mail/0038* && pop3fs undelete ~/mail && umount ~/mail").ok()
    assert sorted(server.messages()) == sorted(DEMO)[:-1]


@pytest.mark.parametrize("server", ["me@example.org"], indirect=True)
def test_an_account_of_the_configuration(machine, server):
    machine.write("/home/me/.config/pop3fs/config", "\n".join(block("[work]")) + "\n", 0o600, owner=1000)
    machine.write("/var/lib/systemd/linger/me", "")
    boot(machine)
    sh(machine, "mkdir mail && pop3fs work ~/mail").ok()
    assert "ro" in machine.mounts("/home/me/mail")[0]["options"].split(",")
    assert "password_command" in sh(machine, "pop3fs --print_config work").ok().out
    sh(machine, "umount ~/mail").ok()
    command = re.search(r"`(systemctl --user enable [^`]*)`", README)[1]
    sh(machine, command).ok()
    assert machine.names("/home/me/pop3fs/work", user="me") == sorted(DEMO)


def test_the_line_of_fstab(machine, server):
    line, = block("pop3s://me@")
    machine.write("/etc/fstab", line + "\n")
    boot(machine)
    sh(machine, "mkdir mail && mount ~/mail").ok()
    assert machine.names("/home/me/mail", user="me") == sorted(DEMO)
    sh(machine, "umount ~/mail").ok()
    assert machine.mounts("/home/me/mail") == []
