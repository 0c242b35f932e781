"""Every way to log in, through a real server, over both kinds of TLS in both versions."""

import re
from dataclasses import replace

import pytest

import logins
import shapes

ONLY_1_2 = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = old
[old]
MaxProtocol = TLSv1.2
"""


@pytest.fixture(scope="module")
def server(root, authority):
    dovecot = logins.start(root / "dovecot-logins", authority)
    yield dovecot
    dovecot.stop()


@pytest.fixture
def box(server):
    box = server.account()
    box.deliver(shapes.ordinary(1))
    return box


def speaking(person, version):
    """The person on a machine whose OpenSSL knows nothing newer."""
    if version == "1.3":
        return person
    return replace(person, environment={"OPENSSL_CONF": str(person.file("openssl", ONLY_1_2.encode()))})


def secret_for(mechanism, person, box, authority):
    """The options that say what to log in with."""
    if mechanism == "EXTERNAL":
        leaf = authority.leaf(None, common_name=box.user)
        return {"password": None, "cert": person.file("cert", leaf.cert.read_bytes()),
                "key": person.file("key", leaf.key.read_bytes())}
    if mechanism in logins.TOKENS:
        return {"password": None, "oauth_command": f"cat {person.file('token', logins.token(box.user).encode())}"}
    return {}


def methods(server, user):
    """What Dovecot's log says of the logins of a user."""
    return re.findall(rf"Login: user=<{user}>, method=(\S+),", server.log())


@pytest.mark.parametrize("mechanism", logins.MECHANISMS)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("way", ["tls", "stls"])
def test_each_mechanism_leads_in(person, mounts, server, box, authority, mechanism, version, way):
    who = speaking(person, version)
    options = secret_for(mechanism, who, box, authority)
    mount = mounts.mount(box, who, way=way, auth=mechanism, **options)
    assert list(mount.sums()) == mount.names() and len(mount.names()) == 1
    assert mount.status()["tls"].startswith(f"TLSv{version} ")
    assert set(methods(server, box.user)) == {mechanism}
    assert mount.umount() == 0


@pytest.mark.parametrize("mechanism, taken", [
    ("PLAIN", "SCRAM-SHA-256"), ("EXTERNAL", "EXTERNAL"), ("XOAUTH2", "OAUTHBEARER")])
def test_the_strongest_is_taken_for_what_there_is(person, mounts, server, box, authority, mechanism, taken):
    options = secret_for(mechanism, person, box, authority)
    if mechanism == "EXTERNAL":   # and a password, which is not needed then
        options["password"] = box.password
    mounts.mount(box, person, **options)
    assert methods(server, box.user) == [taken]


def test_user_and_pass_are_the_last_resort(person, mounts, box, server):
    mounts.mount(box, person, auth="USER")
    assert methods(server, box.user) == ["PLAIN"]   # as Dovecot calls it


@pytest.mark.parametrize("mechanism", [m for m in logins.MECHANISMS if m not in ("EXTERNAL", *logins.TOKENS)])
def test_a_wrong_password_is_refused_by_each(person, mounts, box, mechanism):
    _, done = mounts.attempt(box, person, auth=mechanism, password="not it")
    assert done.code == 32 and len(done.err.splitlines()) == 1
    named = "" if mechanism == "PLAIN" else f" by {mechanism}"
    assert f"the server refused the login{named}: " in done.err


@pytest.mark.parametrize("mechanism", logins.TOKENS)
@pytest.mark.parametrize("seconds, key", [(-10, logins.KEY), (3600, b"another key")], ids=["expired", "forged"])
def test_a_token_that_is_no_good_is_refused_and_the_reason_is_shown(person, mounts, box, mechanism, seconds, key):
    file = person.file("token", logins.token(box.user, seconds, key).encode())
    _, done = mounts.attempt(box, person, auth=mechanism, password=None, oauth_command=f"cat {file}")
    assert done.code == 32 and len(done.err.splitlines()) == 1
    assert f"the server refused the login by {mechanism} (status " in done.err
    assert file.read_bytes().decode() not in done.err


def test_a_token_is_for_its_own_user_only(person, mounts, server, box):
    other = server.account()
    file = person.file("token", logins.token(other.user).encode())
    _, done = mounts.attempt(box, person, password=None, oauth_command=f"cat {file}")
    assert done.code == 32 and "refused the login" in done.err


def test_a_certificate_is_for_its_own_user_only(person, mounts, server, box, authority):
    options = secret_for("EXTERNAL", person, server.account(), authority)
    _, done = mounts.attempt(box, person, auth="EXTERNAL", **options)
    assert done.code == 32 and "refused the login" in done.err
    assert methods(server, box.user) == []


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("way", ["tls", "stls"])
def test_the_next_handshake_of_a_mount_is_a_short_one(person, mounts, account, version, way):
    assert handshakes(mounts, account, speaking(person, version), way) == [
        (f"TLSv{version}", ""), (f"TLSv{version}", ", resumed"), (f"TLSv{version}", ", resumed")]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_where_that_fails_it_is_a_long_one_and_nobody_sees_it(person, mounts, box, version):
    """Dovecot 2.3 asks for client certificates without the session id context that OpenSSL wants for both."""
    assert handshakes(mounts, box, speaking(person, version), "tls") == [(f"TLSv{version}", "")] * 3


def handshakes(mounts, box, person, way):
    """The version, and ", resumed" or not, of three connections of a mount."""
    mount = mounts.foreground(box, person, "-d", way=way)
    for _ in range(2):
        mount.run(mount.argv[0], "refresh", mount.path).ok()
    assert mount.umount() == 0
    return re.findall(r"TLS with localhost: (TLSv\S+).*?(, resumed)?$", mount.said(), re.M)
