"""Whoever is no trustworthy server is told so in a sentence of his own, and nothing that is secret."""

import base64
import re
from dataclasses import dataclass, field
from typing import Callable

import pytest

from certs import LOCAL, Authority, hidden
from eventually import eventually
from relay import Relay
from socksproxy import Proxy

SECRET = "hunter2-hunter2"
NOTHING_SENT = "nothing secret was sent"


def needles(secret):
    """The secret, and as it looks in base64, wherever it begins there."""
    whole = secret.encode()
    return [whole, *(base64.b64encode(b"x" * before + whole)[4 if before else 0:-4] for before in range(3))]


def check_not_told(octets):
    for needle in needles(SECRET):
        assert needle not in octets


def check_refused(server, mount, done, words, commands=r"CAPA|STLS|UTF8|QUIT"):
    """One sentence with these words, nothing mounted, and in the server's transcript no other command than these."""
    assert done.code in (2, 32), done.err
    assert len(done.err.splitlines()) == 1, done.err
    assert re.search(words, done.err), done.err
    eventually(lambda: not mount.processes(), "the end of what pop3fs started")
    check_not_told("\n".join(server.lines()).encode())
    assert [c for c in server.commands() if not re.fullmatch(commands, c)] == []


@pytest.fixture(scope="module")
def stranger(root):
    return Authority(root / "stranger-to-tls", "stranger")


def keys(person, leaf):
    """cert= and key= for a client's leaf, in files of his own."""
    return {"cert": person.file("cert", leaf.cert.read_bytes()), "key": person.file("key", leaf.key.read_bytes())}


@dataclass
class Row:
    """What a server shows and does, and what comes of it."""

    name: str
    words: str = ""                                   # of the sentence
    leaf: Callable = lambda a, s: None                # of the authority that is trusted, or of the stranger
    server: tuple = ()                                # its options; AUTHORITY and STRANGER are files
    rules: tuple = ()
    way: str = "tls"
    mount: dict = field(default_factory=dict)
    client: Callable = lambda a, s: None              # the client's leaf
    pin: Callable = lambda leaf, s: None
    source: Callable = lambda server: None            # instead of localhost
    commands: str = r"CAPA|STLS|UTF8|QUIT"


def capa(*words):
    return "on CAPA reply \"" + "".join(f"{w}\\r\\n" for w in ("+OK", *words, ".")) + "\""


def by_address(server):
    return f"pop3s://demo@127.0.0.1:{server.tls_port}"


def no_tls_there(server):
    return f"pop3s://demo@localhost:{server.port}"


REFUSED = [
    # certificates
    Row("another-name", r"is for other names \(other\.test\), not for localhost", lambda a, s: a.leaf(("DNS:other.test",))),
    Row("expired", r"the certificate of localhost expired on 20\d\d-\d\d-\d\d$", lambda a, s: a.leaf(days=(-9, -2))),
    Row("not-yet-valid", r"is not valid before 20\d\d-\d\d-\d\d \(is this machine's clock right\?\)",
        lambda a, s: a.leaf(days=(2, 9))),
    Row("self-signed", "is not trusted: it is signed by itself", lambda a, s: a.leaf(signed=False)),
    Row("strange-authority", "is not trusted: unable to get local issuer", lambda a, s: s.leaf()),
    Row("nul-in-the-name", r"is for other names \(localhost\\+x00\.evil\.test\)",
        lambda a, s: a.leaf(hidden("localhost", ".evil.test"))),
    Row("no-name-but-the-common-one", "names no host", lambda a, s: a.leaf(None, common_name="localhost")),
    Row("wildcard-for-all", r"is for other names \(\*\)", lambda a, s: a.leaf(("DNS:*",))),
    Row("wildcard-in-a-label", r"is for other names \(loc\*\)", lambda a, s: a.leaf(("DNS:loc*",))),
    Row("another-address", r"is for other names \(127\.0\.0\.2\), not for 127\.0\.0\.1",
        lambda a, s: a.leaf(("IP:127.0.0.2",)), source=by_address),
    Row("an-address-as-a-name", "is for other names", lambda a, s: a.leaf(("DNS:127.0.0.1",)), source=by_address),
    # pins
    Row("another-pin", "is not the one of pin=: its key is sha256:[0-9a-f]{64}$", pin=lambda leaf, s: s.leaf().pin()),
    Row("another-pin-for-a-self-signed-one", "is not the one of pin=", lambda a, s: a.leaf(signed=False),
        pin=lambda leaf, s: s.leaf().pin()),
    Row("a-pin-does-not-make-a-name", "is for other names", lambda a, s: a.leaf(("DNS:other.test",)),
        pin=lambda leaf, s: leaf.pin()),
    Row("a-pin-does-not-make-it-young", "expired on", lambda a, s: a.leaf(signed=False, days=(-9, -2)),
        pin=lambda leaf, s: leaf.pin()),
    # the client's certificate
    Row("no-client-certificate", r"localhost demands a client certificate \(cert= and key= name one\)",
        server=("--client-ca", "AUTHORITY", "--client-must")),
    Row("no-client-certificate-in-1.2", "localhost demands a client certificate",
        server=("--client-ca", "AUTHORITY", "--client-must", "--tls-max", "1.2")),
    Row("no-client-certificate-by-stls", "localhost demands a client certificate",
        server=("--client-ca", "AUTHORITY", "--client-must"), way="stls"),
    Row("a-strange-client", "localhost does not accept our certificate", client=lambda a, s: s.leaf(),
        server=("--client-ca", "AUTHORITY", "--client-must")),
    Row("external-without-a-certificate-that-is-taken", "refused the login by EXTERNAL", mount={"auth": "EXTERNAL"},
        client=lambda a, s: a.leaf(None, common_name="somebody"), commands=r"CAPA|AUTH EXTERNAL ZGVtbw==",
        server=("--client-ca", "AUTHORITY", "--sasl", "EXTERNAL")),
    # versions
    Row("tls-1.1-only", "localhost speaks no TLS 1.2 or newer", server=("--tls-min", "1.1", "--tls-max", "1.1")),
    Row("tls-1.1-only-by-stls", "localhost speaks no TLS 1.2 or newer", way="stls",
        server=("--tls-min", "1.1", "--tls-max", "1.1")),
    Row("tls-1.2-is-too-old", "localhost speaks no TLS 1.3", server=("--tls-max", "1.2"), mount={"tls_min": "1.3"}),
    Row("no-tls-on-that-port", "localhost does not speak TLS on this port", source=no_tls_there, commands=".*"),
    # STLS
    Row("stls-is-stripped", f"does not offer STLS; {NOTHING_SENT}", rules=[capa("USER", "UIDL")], way="stls"),
    Row("stls-is-refused", f"refused STLS; {NOTHING_SENT}.*not today", rules=['on STLS err "not today"'], way="stls"),
    Row("capa-and-stls-are-refused", f"refused STLS; {NOTHING_SENT}", server=("--no-capa",),
        rules=['on STLS err "what?"'], way="stls"),
    Row("octets-before-the-handshake", f"octets injected before the handshake of STLS; {NOTHING_SENT}",
        rules=['on STLS append "+OK smuggled\\r\\n"'], way="stls"),
    # greetings
    Row("preauth", "greeting: out of step, neither \\+OK nor -ERR but: \\* PREAUTH", way="stls",
        rules=['on GREETING reply "* PREAUTH you are in\\r\\n"']),
    Row("preauth-in-the-words", f"does not offer STLS; {NOTHING_SENT}", way="stls",
        rules=['on GREETING reply "+OK PREAUTH you are in\\r\\n"', capa("UIDL")]),
    Row("logged-in-already", f"octets injected before the handshake of STLS; {NOTHING_SENT}", way="stls",
        rules=['on STLS append "+OK you are in\\r\\n+OK 3 3000\\r\\n"']),
    # logins
    Row("scram-by-a-server-that-only-says-yes", r"could not prove that it knows the password \(SCRAM-SHA-256\)",
        server=("--sasl", "SCRAM-SHA-256"), commands=r"CAPA|AUTH SCRAM-SHA-256 \S+|\S{60,}|\*",
        rules=['on RESPONSE nth=1 reply "+ dj1BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQT0=\\r\\n"']),
    Row("scram-without-the-server-s-proof", "says yes before SASL SCRAM-SHA-256 is at its end",
        server=("--sasl", "SCRAM-SHA-256"), commands=r"CAPA|AUTH SCRAM-SHA-256 \S+|\S{60,}|\*",
        rules=['on RESPONSE nth=1 reply "+OK come in\\r\\n"']),
    Row("scram-says-yes-at-once", "says yes before SASL SCRAM-SHA-256 is at its end",
        server=("--sasl", "SCRAM-SHA-256"), commands=r"CAPA|AUTH SCRAM-SHA-256 \S+|\*",
        rules=['on AUTH reply "+OK come in\\r\\n"']),
    Row("scram-for-ever", "rounds of key derivation", server=("--sasl", "SCRAM-SHA-1"),
        commands=r"CAPA|AUTH SCRAM-SHA-1 \S+|\*", rules=['on AUTH reply "+ cj14LHM9QUFBQSxpPTQyOTQ5NjcyOTU=\\r\\n"']),
    Row("not-what-was-asked-for", f"does not offer SCRAM-SHA-1, but: PLAIN; {NOTHING_SENT}", mount={"auth": "SCRAM-SHA-1"}),
    Row("nothing-that-is-taken-unasked", f"offers no login that is taken unasked, only: CRAM-MD5; {NOTHING_SENT}",
        server=("--sasl", "CRAM-MD5"), rules=[capa("UIDL", "SASL CRAM-MD5")]),
    Row("no-timestamp-for-apop", f"no timestamp that auth=APOP could answer; {NOTHING_SENT}", mount={"auth": "APOP"},
        rules=['on GREETING reply "+OK <1@\\xe4>\\r\\n"']),
]

TAKEN = [
    Row("all-is-well"),
    Row("in-1.2", server=("--tls-max", "1.2")),
    Row("in-1.3", mount={"tls_min": "1.3"}),
    Row("by-stls", way="stls"),
    Row("by-stls-that-capa-is-silent-about", way="stls", server=("--no-capa",)),
    Row("an-address", source=by_address),
    Row("pin-of-the-key", pin=lambda leaf, s: leaf.pin()),
    Row("pin-of-the-certificate", pin=lambda leaf, s: leaf.pin("cert")),
    Row("pin-of-a-self-signed-one", leaf=lambda a, s: s.leaf(signed=False), pin=lambda leaf, s: leaf.pin()),
    Row("pin-of-a-self-signed-one-of-another-name", leaf=lambda a, s: s.leaf(("DNS:other.test",), signed=False),
        pin=lambda leaf, s: leaf.pin("cert")),
    Row("a-client-certificate", client=lambda a, s: a.leaf(None, common_name="demo"),
        server=("--client-ca", "AUTHORITY", "--client-must")),
    Row("a-client-certificate-in-1.2", client=lambda a, s: a.leaf(None, common_name="demo"),
        server=("--client-ca", "AUTHORITY", "--client-must", "--tls-max", "1.2")),
]


def begin(row, authority, stranger, person, mounts, serve):
    """(server, mount, how pop3fs ended) of a row."""
    files = {"AUTHORITY": authority.ca, "STRANGER": stranger.ca}
    leaf = row.leaf(authority, stranger) or authority.leaf()
    options = [files.get(word, word) for word in row.server]
    server = serve("--password", SECRET, *options, synthetic="3:1000", rules=row.rules, certificate=leaf)
    more = dict(row.mount, password=SECRET, retry=0)
    if client := row.client(authority, stranger):
        more.update(keys(person, client))
    if pin := row.pin(leaf, stranger):
        more["pin"] = pin
    mount, done = mounts.attempt(server, person, way=row.way, source=row.source(server), **more)
    return server, mount, done


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_a_server_that_will_not_do(person, mounts, serve, authority, stranger, row):
    server, mount, done = begin(row, authority, stranger, person, mounts, serve)
    check_refused(server, mount, done, row.words, row.commands)


@pytest.mark.parametrize("row", TAKEN, ids=lambda row: row.name)
def test_a_server_that_will_do(person, mounts, serve, authority, stranger, row):
    server, mount, done = begin(row, authority, stranger, person, mounts, serve)
    done.ok()
    assert len(mount.sums()) == 3


@pytest.mark.parametrize("host, good", [("mail.wild.test", True), ("wild.test", False), ("a.b.wild.test", False)])
def test_a_wildcard_is_one_label(person, mounts, serve, authority, host, good):
    server = serve("--password", SECRET, synthetic="3:1000", certificate=authority.leaf(("DNS:*.wild.test",)))
    proxy = Proxy(server.tls_port)
    mount, done = mounts.attempt(server, person, source=f"pop3s://demo@{host}", password=SECRET, retry=0,
                                 proxy=f"socks5h://127.0.0.1:{proxy.port}")
    if good:
        assert len(done.ok() and mount.sums()) == 3
    else:
        check_refused(server, mount, done, rf"is for other names \(\*\.wild\.test\), not for {host}")
    proxy.close()


def test_a_directory_of_authorities_will_do(person, mounts, serve, authority):
    server = serve(synthetic="3:1000")
    directory = person.directory("authorities")
    digest = person.run("openssl", "x509", "-in", authority.ca, "-noout", "-subject_hash").ok().out.strip()
    person.call(lambda: (directory / f"{digest}.0").write_bytes(authority.ca.read_bytes()))
    assert len(mounts.mount(server, person, ca=directory).sums()) == 3


@pytest.mark.parametrize("mechanism", [
    "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("way", ["tls", "stls"])
def test_each_mechanism_leads_in(person, mounts, serve, mechanism, version, way):
    server = serve("--sasl", mechanism, "--tls-max", version, "--password", SECRET, synthetic="3:1000")
    mount = mounts.mount(server, person, way=way, auth=mechanism, password=SECRET)
    assert len(mount.sums()) == 3
    assert server.sent("PASS") == 0 and server.sent("AUTH") >= 1
    if "SCRAM" in mechanism or "MD5" in mechanism:
        check_not_told("\n".join(server.lines()).encode())
    assert mount.umount() == 0


@pytest.mark.parametrize("mechanism", ["LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"])
def test_a_wrong_password_is_refused_by_each(person, mounts, serve, mechanism):
    server = serve("--sasl", mechanism, "--password", SECRET, synthetic="3:1000")
    _, done = mounts.attempt(server, person, auth=mechanism, password="not it", retry=0)
    assert done.code == 32
    assert f"the server refused the login by {mechanism}: wrong user or password" in done.err
    assert server.sent("AUTH") == 1


def test_external_needs_no_secret(person, mounts, serve, authority):
    server = serve("--client-ca", authority.ca, "--sasl", "EXTERNAL", synthetic="3:1000")
    client = authority.leaf(None, common_name="demo")
    mount = mounts.mount(server, person, auth="EXTERNAL", password=None, **keys(person, client))
    assert len(mount.sums()) == 3
    assert [c for c in server.commands() if c.startswith("AUTH")] == ["AUTH EXTERNAL ZGVtbw=="]
    assert mount.umount() == 0


def test_the_strongest_is_taken_without_being_asked(person, mounts, serve):
    server = serve("--sasl", "PLAIN,LOGIN,CRAM-MD5,SCRAM-SHA-1,SCRAM-SHA-256,SCRAM-SHA-256-PLUS", synthetic="3:1000")
    mounts.mount(server, person)
    assert [c.split()[1] for c in server.commands() if c.startswith("AUTH")] == ["SCRAM-SHA-256-PLUS"]


@pytest.mark.parametrize("before, after", [
    ("SCRAM-SHA-256", "PLAIN"), ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"), ("SCRAM-SHA-1", "USER")])
def test_a_server_that_offers_less_than_before_gets_nothing(person, mounts, serve, before, after):
    server = serve("--sasl", "PLAIN,SCRAM-SHA-1,SCRAM-SHA-256,SCRAM-SHA-256-PLUS", "--password", SECRET,
                   synthetic="3:1000", rules=[capa("UIDL", f"SASL {before}")])
    mount = mounts.mount(server, person, password=SECRET)
    assert mount.umount() == 0
    told = len(server.lines())
    server.rules(capa("UIDL", "USER" if after == "USER" else f"SASL {after}"), f'on AUTH {before} err "what?"')
    again, done = mounts.attempt(server, person, password=SECRET, cache=mount.cache, retry=0)
    assert done.code == 32 and len(done.err.splitlines()) == 1
    assert f"the server took {before} before and now offers nothing better than {after}" in done.err
    assert f"{NOTHING_SENT} (auth={after} logs in all the same)" in done.err
    sent = re.findall("> ((?:AUTH|USER|PASS)[^\r\n]*)", "\n".join(server.lines()[told:]))
    assert len(sent) == 1 and sent[0].startswith(f"AUTH {before} ")      # a name, and no proof
    mount = mounts.mount(server, person, password=SECRET, cache=mount.cache, auth=after)
    assert len(mount.sums()) == 3


def test_what_it_says_alone_changes_nothing(person, mounts, serve):
    """CAPA is not asked before a login that went well the last time: who strips it has nothing to strip."""
    server = serve("--sasl", "PLAIN,SCRAM-SHA-256", "--password", SECRET, synthetic="3:1000")
    mount = mounts.mount(server, person, password=SECRET)
    assert mount.umount() == 0
    server.rules(capa("UIDL", "SASL PLAIN"))
    again = mounts.mount(server, person, password=SECRET, cache=mount.cache)
    assert len(again.sums()) == 3
    assert [c.split()[1] for c in server.commands() if c.startswith("AUTH")] == ["SCRAM-SHA-256"] * 2
    check_not_told("\n".join(server.lines()).encode())


def test_nor_does_it_in_one_mount(person, mounts, serve):
    server = serve("--sasl", "PLAIN,SCRAM-SHA-256", "--password", SECRET, synthetic="3:1000")
    mount = mounts.mount(server, person, password=SECRET, idle=0)
    server.settled()
    server.rules(capa("UIDL", "SASL PLAIN"), 'on AUTH err "what?"')
    done = mount.run(mount.argv[0], "refresh", mount.path)
    assert done.code == 1 and "somebody may be in between" in done.err
    assert server.sent("AUTH") == 2
    check_not_told("\n".join(server.lines()).encode())


def test_who_has_a_good_certificate_in_between_cannot_pass_a_bound_proof_on(person, mounts, serve, authority):
    server = serve("--sasl", "SCRAM-SHA-256,SCRAM-SHA-256-PLUS", "--password", SECRET, synthetic="3:1000")
    relay = Relay(authority.leaf(LOCAL), server.tls_port)
    source = f"pop3s://demo@localhost:{relay.port}"
    mount, done = mounts.attempt(server, person, password=SECRET, source=source, retry=0)
    assert done.code == 32
    assert "the server refused the login by SCRAM-SHA-256-PLUS" in done.err
    assert b"AUTH SCRAM-SHA-256-PLUS" in relay.said and server.sent("AUTH") == 1
    check_not_told(relay.said)
    relay.close()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_session_is_resumed_and_a_bound_login_with_it(person, mounts, serve, version):
    server = serve("--sasl", "SCRAM-SHA-256-PLUS", "--tls-max", version, synthetic="3:1000")
    mount = mounts.mount(server, person, idle=0)
    server.settled()
    mount.run(mount.argv[0], "refresh", mount.path).ok()
    resumed = server.wait_for(r"^CONN \d+ tls TLSv1\.\d.* resumed$")
    assert len(resumed) >= 1
    assert mount.umount() == 0
