"""The secret goes to the server over TLS, once, and nowhere else."""

import base64
import os
import signal
import subprocess

import pytest

from leaks import check_alive, check_free, check_said, check_store
from sources import SOURCES, configured

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize("way", ["tls", "stls"])
@pytest.mark.parametrize("source", SOURCES)
def test_it_is_nowhere_to_be_seen(person, mounts, serve, source, way):
    server = serve("--password", SECRET, synthetic="3:1000")
    who, options, _ = configured(source, person, SECRET)
    mount = mounts.foreground(server, who, "-d", way=way, password=None, idle=0, **options)
    assert len(mount.sums()) == 3
    check_alive(SECRET, mount)
    assert mount.umount() == 0
    check_said(SECRET, mount)
    check_store(SECRET, mount)


def test_nor_is_it_in_the_background(anyone, mounts, serve):
    server = serve("--password", SECRET, synthetic="3:1000")
    mount = mounts.mount(server, anyone, password=SECRET)
    assert len(mount.sums()) == 3
    check_alive(SECRET, mount)
    assert mount.umount() == 0
    check_store(SECRET, mount)


def dies_of_sigquit(pid):
    """Whether there is a core: os.CLD_KILLED or os.CLD_DUMPED."""
    os.kill(pid, signal.SIGQUIT)
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_code


def test_no_core_is_dumped(anyone, mounts, serve):
    """Not even where the shell would have it."""
    script = f'cd "{anyone.directory("cores")}" && ulimit -S -c "$(ulimit -H -c)" && exec "$0" "$@"'
    allowed = ("sh", "-c", script)
    other = anyone.start(*allowed, "sh", "-c", "echo ready; read line", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"ready\n"
    how = dies_of_sigquit(other.pid)
    other.communicate()
    if how != os.CLD_DUMPED:
        pytest.skip("on this machine no process dumps a core")
    server = serve("--password", SECRET, synthetic="3:1000")
    mount = mounts.begin(server, anyone, password=SECRET, under=allowed)
    mount.wait_until_it_answers()
    assert dies_of_sigquit(mount.pid) == os.CLD_KILLED


@pytest.mark.parametrize("source, options, sentence", [
    ("password_stdin", {"stdin": b""}, "standard input gave no password"),
    ("password_stdin", {"stdin": b"\n"}, "standard input gave no password"),
    ("netrc", {"netrc": "/nowhere/netrc"}, "cannot read netrc /nowhere/netrc: No such file"),
    ("oauth_command", {"oauth_command": "false"}, "oauth_command ended with status 1"),
    ("oauth_command", {"oauth_command": "true"}, "oauth_command gave no token"),
])
def test_a_source_that_fails_is_a_sentence(person, mounts, serve, source, options, sentence):
    server = serve(synthetic="1:1000")
    who, usual, _ = configured(source, person, SECRET) if source in SOURCES else (person, {}, None)
    _, done = mounts.attempt(server, who, password=None, **{**usual, **options})
    assert done.code == 2
    assert sentence in done.err and len(done.err.splitlines()) == 1
    assert server.commands() == []


@pytest.mark.parametrize("quote", [SECRET, *(base64.b64encode(text.encode()).decode() for text in (
    SECRET, f"\0demo\0{SECRET}", f"\0user\0\0{SECRET}", f"{SECRET}, and more"))])
@pytest.mark.parametrize("verb, capa", [("PASS", ["--capa", "USER", "--capa", "UIDL"]), ("AUTH", [])])
def test_a_server_that_quotes_it_is_not_quoted(person, mounts, serve, verb, capa, quote):
    """Such a sentence goes to whoever mounts, into the log, and into status."""
    server = serve("--password", SECRET, *capa, synthetic="1:1000",
                   rules=[f'on {verb} err "[AUTH] what is {quote} good for?"'])
    _, done = mounts.attempt(server, person, password=SECRET)
    assert done.code == 32
    assert "good for?" in done.err and "*****" in done.err
    check_free(SECRET, "the sentence", done.err.encode())


@pytest.mark.parametrize("secret", [SECRET, "T0ken-" + SECRET * 40], ids=["short", "long"])
@pytest.mark.parametrize("padding", [0, 436, 442])
def test_a_sentence_that_is_cut_has_no_piece_of_it(person, mounts, serve, secret, padding):
    """The end of a long one is not kept, and may be in the middle of the secret."""
    server = serve("--password", secret, synthetic="1:1000", rules=[f'on AUTH err "{"x" * padding} {secret}"'])
    _, done = mounts.attempt(server, person, password=secret)
    assert done.code == 32
    assert "refused the login" in done.err
    assert [secret[i:i + 4] for i in range(len(secret) - 3) if secret[i:i + 4] in done.err] == []


@pytest.mark.parametrize("rules, options", [
    (['on STLS err "not today"'], []),
    (['on STLS append "+OK smuggled\\r\\n"'], []),
    ([], ["--capa", "TOP", "--capa", "UIDL", "--capa", "USER", "--no-capa"]),
], ids=["refused", "smuggled", "no-capa"])
def test_without_tls_it_is_not_sent(person, mounts, serve, rules, options):
    server = serve(*options, synthetic="3:1000", rules=rules)
    mount, done = mounts.attempt(server, person, way="stls", retry=0)
    if "--no-capa" in options and done.code == 0:    # STLS may be tried although nobody announced it
        assert mount.names()
        return
    assert done.code == 32 and len(done.err.splitlines()) == 1
    assert [c for c in server.commands() if c.split()[0] in ("USER", "PASS", "AUTH")] == []


def test_plain_must_be_asked_for_and_is_said(person, mounts, serve):
    server = serve(synthetic="3:1000")
    mount, done = mounts.attempt(server, person, way="plain")
    assert done.ok().err.strip() and len(done.err.splitlines()) == 1
    assert len(mount.names()) == 3


def test_a_refused_secret_is_sent_once(person, mounts, serve):
    server = serve(synthetic="3:1000")
    _, done = mounts.attempt(server, person, password="wrong")
    assert done.code == 32
    assert server.sent("AUTH") + server.sent("PASS") == 1
