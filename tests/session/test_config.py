"""Accounts of a configuration file: SOURCE is a name there. What a file may say is in tests/unit."""

import re
from dataclasses import replace

import pytest

from programs import program

USAGE, CONFIGURATION = 1, 2


@pytest.fixture
def written(root, person):
    """written(text, mode) is a person with that configuration file, and its path."""
    def write(text, mode=0o600):
        directory = person.directory("config") / "pop3fs"
        directory.mkdir()
        file = person.file("config", text.encode(), mode=mode).rename(directory / "config")
        person.own(directory)
        return replace(person, environment={"XDG_CONFIG_HOME": str(directory.parent)}), file
    return write


@pytest.fixture
def show(root):
    return lambda who, *words: who.run(program("pop3fs", root), "--print-config", *words)


def account(server, person, *lines):
    file = person.file("password", server.password.encode())
    return "\n".join(["[work]", f"source = {server.source('stls')}", f"ca = {server.ca}", f"password_file = {file}", *lines, ""])


def test_an_account_is_mounted_by_its_name(written, person, mounts, serve, root):
    server = serve(synthetic="3:1000")
    who, _ = written("ro\n" + account(server, person))
    mount = mounts.mount(server, who, source="work", password=None, ca=None)
    assert len(mount.sums()) == 3
    sources = who.run("findmnt", "-n", "-o", "SOURCE,FSTYPE", mount.path).ok().out.split()
    assert sources == ["work", "fuse.pop3fs"]
    assert f"work on {mount.path}" in who.run(program("pop3fs", root), "list").ok().out
    with pytest.raises(OSError, match="Read-only"):
        mount.call((mount.path / mount.names()[0]).unlink)
    assert mount.umount() == 0
    assert server.sent("DELE") == 0


def test_the_command_line_wins(written, person, mounts, serve):
    server = serve(synthetic="3:1000")
    who, _ = written("ro\n" + account(server, person))
    mount = mounts.mount(server, who, source="work", password=None, ca=None, rw=True)
    mount.call((mount.path / mount.names()[0]).unlink)
    assert mount.umount() == 0
    assert server.sent("DELE") == 1


def test_what_is_for_all_is_for_a_source_that_is_no_account(written, mounts, serve):
    server = serve(synthetic="1:1000")
    who, _ = written("ro\n[work]\nsource = x@y\n")
    mount = mounts.mount(server, who)
    with pytest.raises(OSError, match="Read-only"):
        mount.call((mount.path / mount.names()[0]).unlink)


@pytest.mark.parametrize("text, word, code, sentence", [
    ("[work]\nsource = me@host\n", "wrok", USAGE, "wrok is no verb, no account in FILE or /etc/pop3fs.conf, and no user@host"),
    ("[work]\nsource = me:hunter2@host\n", "work", CONFIGURATION, "FILE:2: a password in SOURCE"),
    ("[work]\nsource = me@host\n\ntimeout = 0\n", "work", CONFIGURATION, "FILE:4: timeout=0"),
    ("[work]\nsource = me@host\npassword = hunter2\n", "work", CONFIGURATION, "FILE:3: a password does not belong"),
    ("[status]\nsource = me@host\n", "me@host", CONFIGURATION, "FILE:1: status is a verb"),
    ("nonsense\n", "me@host", CONFIGURATION, "FILE:1: unknown option nonsense"),
    ("ro\x1b[2J\n", "me@host", CONFIGURATION, "FILE:1: there is a control character"),
])
def test_what_is_wrong_is_one_sentence_with_its_place(written, root, text, word, code, sentence):
    who, file = written(text)
    for words in ([word, who.directory("mnt")], ["--print-config", word]):
        done = who.run(program("pop3fs", root), *words)
        assert done.code == code
        assert done.err.startswith("pop3fs: " + sentence.replace("FILE", str(file))), done.err
        assert done.err.count("\n") == 1 and done.out == "" and "hunter2" not in done.err


@pytest.mark.parametrize("mode, sentence", [(0o666, "others may write"), (0o620, "others may write")])
def test_a_file_that_others_can_write_is_refused(written, show, mode, sentence):
    who, file = written("ro\n", mode)
    done = show(who, "me@host")
    assert done.code == CONFIGURATION and sentence in done.err and str(file) in done.err


def test_what_is_shown_is_a_configuration_that_means_the_same(written, show, person):
    who, file = written('timeout = 1m\nca = "/a b"\n[work]\nsource = me@host\nro\n'
                        "password_command = sh -c 'echo \"a b\"'\nproxy = socks5h://me:hunter2@host\n")
    done = show(who, "work", "-o", "idle=5").ok()
    assert done.err == "" and "hunter2" not in done.out
    for lines in ("[work]\n", f"# {file}:4\nsource = me@host\n", f"# {file}:5\nro\n", "# command line\nidle = 5\n",
                  f"# {file}:2\nca = /a b\n", f"# {file}:6\npassword_command = sh -c 'echo \"a b\"'\n",
                  "proxy = socks5h://me:****@host:1080\n"):
        assert lines in done.out
    defaults = done.out.split("# defaults\n")[1]
    assert "retry = 60s\n" in defaults and "\ntimeout" not in defaults
    again, _ = written(done.out)
    second = show(again, "work").ok()

    def said(text):
        return sorted(line for line in text.splitlines() if line and line[0] != "#")

    assert said(second.out) == said(done.out)


def test_a_plain_source_is_shown_as_an_account_to_write_down(written, show):
    who, _ = written("")
    done = show(who, "me@pop.example.org", "--ro").ok()
    assert re.match(r"\[pop\.example\.org\]\n# command line\nsource = me@pop\.example\.org\n# command line\nro\n", done.out)
    second = show(written(done.out)[0], "pop.example.org").ok()
    assert "\nro\n" in second.out
