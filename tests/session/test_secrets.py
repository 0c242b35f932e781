"""The secret goes to the server over TLS, once, and nowhere else."""

from pathlib import Path

import pytest

SECRET = "secret"


@pytest.mark.parametrize("way", ["tls", "stls"])
def test_it_is_nowhere_to_be_seen(person, mounts, serve, way):
    server = serve("--password", "hunter2-hunter2", synthetic="3:1000")
    server.password = "hunter2-hunter2"
    mount = mounts.foreground(server, person, "-d", way=way)
    assert len(mount.sums()) == 3
    for pid in [mount.pid, *mount.processes()]:
        for file in ("cmdline", "environ"):
            assert b"hunter2" not in Path(f"/proc/{pid}/{file}").read_bytes()
    assert "hunter2" not in str(mount.status())
    assert mount.umount() == 0
    said = mount.said()
    assert "RETR" in said                # the transcript is there
    assert "hunter2" not in said
    assert "aHVudGVyMi" not in said and "aHVudGVyMg" not in said    # nor as base64


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
