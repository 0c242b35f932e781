"""The command line by itself: what needs no server. Options are held against their table in tests/unit."""

import os
import re
import signal

import pytest

from eventually import eventually
from programs import program

USAGE, SYSTEM = 1, 2
SOURCE = "pop3s://me@localhost:1"   # nobody listens there


@pytest.fixture
def command(root, person):
    """command(word, ...) runs pop3fs as an ordinary user, with MNT, FILE and CACHE as paths of theirs."""
    paths = {"MNT": person.directory("mnt"), "FILE": person.file("file", b"secret\n", mode=0o644)}

    def run(*words):
        for name, path in paths.items():
            words = [word.replace(name, str(path)) for word in words]
        return person.run(program("pop3fs", root), *words)

    return run


def check_refused(done, code):
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("pop3fs: ") and done.err.count("\n") == 1, done.err


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_fits_a_terminal_and_is_no_failure(command, word):
    done = command(word, "--nonsense").ok()
    assert done.err == ""
    assert max(len(line) for line in done.out.splitlines()) <= 80
    for option in ("SOURCE MOUNTPOINT", "--foreground", "password_file=", "timeout=TIME", "(60s)", "allow_other"):
        assert option in done.out


def test_each_verb_has_a_help_of_its_own(command):
    usage = command("--help").ok().out.split("SOURCE:")[0]
    lines = [line.strip() for line in usage.splitlines() if re.match(" +pop3fs [a-z]", line)]
    assert len(lines) == 9
    for line in lines:
        for word in ("--help", "-h"):
            done = command(line.split()[1], word).ok()
            assert done.out.splitlines()[0] == f"Usage: {line}" and done.err == ""
            assert max(map(len, done.out.splitlines())) <= 80 and len(done.out.splitlines()) > 1


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_the_version_is_one_line(command, word):
    done = command(word).ok()
    assert done.err == ""
    name, version = done.out.split()
    assert name == "pop3fs" and version[0].isdigit()


@pytest.mark.parametrize("words, code", [("--help", SYSTEM), ("-V", SYSTEM), (f"--print_config {SOURCE}", SYSTEM),
                                         ("status --help", 1)])
def test_what_could_not_be_printed_was_not_done(person, root, words, code):
    done = person.run("sh", "-c", f"{program('pop3fs', root)} {words} >/dev/full")
    assert (done.code, done.err) == (code, "pop3fs: not all could be written to standard output\n")


@pytest.mark.parametrize("words, named", [
    ([], "SOURCE MOUNTPOINT"),
    ([SOURCE], "SOURCE MOUNTPOINT"),
    ([SOURCE, "MNT", "MNT"], "SOURCE MOUNTPOINT"),
    (["--print_config"], "--print_config [OPTIONS] SOURCE"),
    (["--print-config", SOURCE, "MNT"], "--print_config [OPTIONS] SOURCE"),
    (["work", "MNT"], "no account in"),
    (["stats", "MNT"], "user@host"),
    (["pop3s://localhost", "MNT"], "user@host"),
    (["imap://me@localhost", "MNT"], "pop3s://"),
    (["me@localhost:0", "MNT"], "port"),
    (["me@localhost:65536", "MNT"], "port"),
    (["me@::1", "MNT"], "IPv6"),
    (["me%0d%0aDELE 1@localhost", "MNT"], "control"),
    (["-o", "tls=off", SOURCE, "MNT"], "tls="),
    (["-x", SOURCE, "MNT"], "-x"),
    (["--nonsense", SOURCE, "MNT"], "--nonsense"),
    (["-o", "nonsense", SOURCE, "MNT"], "nonsense"),
    (["-o", "timeout", SOURCE, "MNT"], "timeout"),
    (["-o", "timeout=", SOURCE, "MNT"], "timeout"),
    (["-o", "timeout=0", SOURCE, "MNT"], "timeout"),
    (["-o", "timeout=soon", SOURCE, "MNT"], "timeout"),
    (["-o", "timeout=5,timeout=5", SOURCE, "MNT"], "timeout"),
    (["-o", "ro,rw", SOURCE, "MNT"], "ro and rw"),
    (["-o", "ro=1", SOURCE, "MNT"], "ro"),
    (["-o", "umask=9", SOURCE, "MNT"], "umask"),
    (["-o", "uid=nobody-at-all", SOURCE, "MNT"], "uid"),
    (["-o", "ca=a\nb", SOURCE, "MNT"], "ca"),
    (["-o", "password_command=pass | head", SOURCE, "MNT"], "password_command"),
    ([SOURCE, "MNT", "-o"], "-o"),
    ([SOURCE, "MNT", "--idle"], "idle"),
])
def test_wrong_usage_is_one_sentence_that_names_it(command, words, named):
    done = command(*words)
    check_refused(done, USAGE)
    assert named in done.err


@pytest.mark.parametrize("words", [
    ["me:hunter2@localhost", "MNT"],
    ["pop3s://me:hunter2@localhost:x", "MNT"],
    ["pop3s://me:hunter2", "MNT"],
    ["-o", "password=hunter2", SOURCE, "MNT"],
    ["--password=hunter2", SOURCE, "MNT"],
    ["--password", "hunter2", SOURCE, "MNT"],
])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(command, words):
    done = command(*words)
    check_refused(done, USAGE)
    assert "hunter2" not in done.err


@pytest.mark.parametrize("words, named", [
    ([SOURCE, "FILE"], "no directory"),
    ([SOURCE, "MNT/nothing"], "No such file"),
    ([SOURCE, "MNT"], "password_file="),   # no terminal to ask at
    (["-o", "password_file=FILE", SOURCE, "MNT"], "chmod 600"),
    (["-o", "password_file=/nowhere", SOURCE, "MNT"], "/nowhere"),
    (["-o", "password_file=MNT", SOURCE, "MNT"], "no regular file"),
    (["-o", "password_command=/nowhere", SOURCE, "MNT"], "/nowhere"),
    (["-o", "password_command=sh -c 'echo no key >&2; exit 5'", SOURCE, "MNT"], "status 5: no key"),
    (["-o", "password_command=true", SOURCE, "MNT"], "no password"),
    (["-o", "password_command=printf 'a\\\\tb'", SOURCE, "MNT"], "control character"),
    (["-o", "cache_dir=FILE", SOURCE, "MNT"], "no directory"),
    (["-o", "cache_dir=/proc/nothing", SOURCE, "MNT"], "/proc/nothing"),
    (["-o", "cache_dir=/tmp", SOURCE, "MNT"], "/tmp"),
])
def test_what_the_system_or_the_configuration_lacks_is_one_sentence(command, words, named):
    done = command(*words)
    check_refused(done, SYSTEM)
    assert named in done.err


def test_what_the_terminal_would_obey_is_escaped(command):
    done = command("--\x1b[2J", SOURCE, "MNT")
    check_refused(done, USAGE)
    assert "\x1b" not in done.err and "\\x1b" in done.err


def test_an_interrupt_ends_the_password_command_too(root, person):
    note = person.file("pid", b"")
    process = person.start(program("pop3fs", root), "-o", f"password_command=sh -c 'echo $$ >{note}; exec sleep 1000'",
                           SOURCE, person.directory("mnt"))
    pid = eventually(lambda: note.read_text().strip(), "the password command")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    eventually(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the password command")
