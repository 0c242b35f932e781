"""The scripted server itself: what it serves, and that each rule does what README.md says."""

import base64
import hashlib
import hmac
import os
import pathlib
import poplib
import signal
import socket
import ssl
import subprocess

import pytest

from scripted import TIMEOUT, Server

FIRST = b"Subject: first\r\n\r\none\r\n..two\r\n...\r\n"
MAIL = {
    "0001-first.eml": b"Subject: first\n\none\n.two\n..\n",
    "0002-second.eml": b"Subject: second\r\n\r\nwith CRLF\r\n",
    "0003-third": b"Subject: third\n\nno end",
}


@pytest.fixture
def serve(tmp_path):
    """Starts servers that end with the test: serve(option..., rules=[...])."""
    running = []

    def start(*options, mail=MAIL, rules=(), tls=False):
        options = [*options]
        for rule in rules:
            options += ["--fault", rule]
        server = Server(tmp_path, *options, mail=mail, tls=tls)
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__()


# What it serves.


def test_files_are_served_in_order_with_crlf_and_doubled_dots(serve):
    with serve().login() as client:
        assert client.ask("STAT") == b"+OK 3 89\r\n"
        assert client.ask_many("LIST")[1] == b"1 33\r\n2 30\r\n3 26\r\n"
        assert client.ask_many("UIDL")[1] == b"1 0001-first\r\n2 0002-second\r\n3 0003-third\r\n"
        assert client.ask("LIST 2") == b"+OK 2 30\r\n"
        assert client.ask("UIDL 3") == b"+OK 3 0003-third\r\n"
        assert client.ask_many("RETR 1") == (b"+OK 33 octets\r\n", FIRST)
        assert client.ask_many("RETR 3")[1] == b"Subject: third\r\n\r\nno end\r\n"


@pytest.mark.parametrize(
    "octets, listed, sent",
    [
        (b"", 0, b""),
        (b"a\nb\r\n", 5, b"a\nb\r\n"),
        (b".a\r\n.\n.\r\n..\r\n", 13, b"..a\r\n..\n.\r\n...\r\n"),
        (b"no end", 6, b"no end\r\n"),
        (b"end is LF\n", 10, b"end is LF\n\r\n"),
        (b"nul \0 and \xff\r\n", 13, b"nul \0 and \xff\r\n"),
    ],
)
def test_raw_octets_are_sent_as_they_stand(serve, octets, listed, sent):
    with serve("--raw", mail={"a": octets}).login() as client:
        assert client.ask("LIST 1") == b"+OK 1 %d\r\n" % listed
        assert client.ask_many("RETR 1")[1] == sent


@pytest.mark.parametrize(
    "lines, body", [(0, b""), (1, b"one\r\n"), (2, b"one\r\n..two\r\n"), (9, FIRST[18:])]
)
def test_top_ends_after_that_many_lines(serve, lines, body):
    with serve().login() as client:
        assert client.ask_many(f"TOP 1 {lines}")[1] == FIRST[:18] + body


def test_synthetic_messages_have_the_listed_size_and_are_the_same_each_time(serve):
    seen = []
    for _ in range(2):
        with serve("--synthetic", "300:512-3000").login() as client:
            sizes = [int(line.split()[1]) for line in client.ask_many("LIST")[1].splitlines()]
            bodies = [client.ask_many(f"RETR {i}")[1] for i in range(1, 301)]
            assert sizes == [len(body) for body in bodies]
            assert min(sizes) >= 512 and max(sizes) <= 3000
            assert all(body.index(b"\r\n\r\n") > 200 for body in bodies)
            assert client.ask_many("TOP 7 0")[1] == bodies[6][: bodies[6].index(b"\r\n\r\n") + 4]
            for lines in range(1, 40):
                assert bodies[6].startswith(client.ask_many(f"TOP 7 {lines}")[1])
            seen.append(bodies)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 300


def test_a_message_larger_than_every_buffer_arrives_whole(serve):
    with serve("--synthetic", "2:30000001").login() as client:
        assert len(client.ask_many("RETR 2")[1]) == 30000001


@pytest.mark.parametrize(
    "format, uidls",
    [
        ("%f", b"1 a\r\n2 b\r\n"),
        ("id%n", b"1 id1\r\n2 id2\r\n"),
        ("same", b"1 same\r\n2 same\r\n"),
        ("100%%", b"1 100%\r\n2 100%\r\n"),
    ],
)
def test_uidls_follow_the_format(serve, format, uidls):
    with serve("--uidl", format, mail={"a.eml": b"x", "b.eml": b"y"}).login() as client:
        assert client.ask_many("UIDL")[1] == uidls


def test_a_hash_uidl_belongs_to_the_octets(serve):
    with serve("--uidl", "%x", mail={"a": b"x", "b": b"y", "c": b"x"}).login() as client:
        uidls = [line.split()[1] for line in client.ask_many("UIDL")[1].splitlines()]
        assert uidls[0] == uidls[2] != uidls[1] and len(uidls[0]) == 16


def test_uidls_come_from_a_file_as_far_as_it_goes(serve, tmp_path):
    (tmp_path / "uidls").write_bytes(b"a b\n\\xff\\x00\n")
    with serve("--uidl-file", tmp_path / "uidls").login() as client:
        assert client.ask_many("UIDL")[1] == b"1 a b\r\n2 \xff\x00\r\n3 0003-third\r\n"


def test_deletions_take_effect_at_quit_and_rset_undoes_them(serve):
    server = serve()
    with server.login() as client:
        client.ask("DELE 1")
        assert client.ask("RSET") == b"+OK\r\n"
        client.ask("DELE 2")
        assert client.ask("RETR 2").startswith(b"-ERR")
        assert client.ask_many("LIST")[1] == b"1 33\r\n3 26\r\n"
        assert (server.mail / "0002-second.eml").exists()
        assert client.ask("QUIT").startswith(b"+OK") and client.rest() == b""
    assert server.logged("DELETED") == ["DELETED 0002-second.eml"]
    assert sorted(os.listdir(server.mail)) == ["0001-first.eml", "0003-third"]


def test_a_session_that_breaks_deletes_nothing(serve):
    server = serve()
    with server.login() as client:
        client.ask("DELE 1")
    server.wait_for("CONN 1 close")
    assert len(os.listdir(server.mail)) == 3


def test_kept_and_synthetic_mail(serve):
    server = serve("--keep")
    with server.login() as client:
        client.send(b"DELE 1\r\nQUIT\r\n")
        client.rest()
    assert len(os.listdir(server.mail)) == 3
    server = serve("--synthetic", "5:600")
    with server.login() as client:
        client.send(b"DELE 2\r\nQUIT\r\n")
        client.rest()
    with server.login() as client:
        assert [line.split()[1] for line in client.ask_many("UIDL")[1].splitlines()] == [
            b"m0000000",
            b"m0000002",
            b"m0000003",
            b"m0000004",
        ]


def test_new_mail_is_seen_by_the_next_login_only(serve):
    server = serve()
    with server.login() as first:
        (server.mail / "0000-new").write_bytes(b"new")
        (server.mail / "0002-second.eml").write_bytes(b"changed")
        assert first.ask("STAT") == b"+OK 3 89\r\n"
        assert b"with CRLF" in first.ask_many("RETR 2")[1]
        with server.login() as second:
            assert second.ask_many("RETR 1")[1] == b"new\r\n"
            assert second.ask_many("RETR 3")[1] == b"changed\r\n"


DEMO = pathlib.Path(__file__).parents[2] / "contrib" / "demo"


def test_the_demonstration_mail_arrives_as_it_was_written(serve):
    mail = {path.name: path.read_bytes() for path in sorted(DEMO.glob("*.eml"))}
    assert len(mail) > 30
    with serve(mail=mail).login() as client:
        for number, octets in enumerate(mail.values(), 1):
            lines = client.ask_many(f"RETR {number}")[1].split(b"\r\n")
            lines = [line[1:] if line.startswith(b".") else line for line in lines]
            assert b"\r" not in octets
            assert b"\n".join(lines) == octets + (b"" if octets.endswith(b"\n") else b"\n")


# Logging in.


def test_only_the_right_user_with_the_right_password_comes_in(serve):
    server = serve("--user", "me", "--password", "a secret")
    plain = [base64.b64encode(text).decode() for text in (b"\0me\0a secret", b"\0me\0wrong")]
    for user, password, good in [("me", "a secret", 1), ("me", "a", 0), ("you", "a secret", 0)]:
        with server.connect() as client:
            client.ask(f"USER {user}")
            assert client.ask(f"PASS {password}").startswith(b"+OK" if good else b"-ERR [AUTH]")
    for text, good in zip(plain, (True, False)):
        with server.connect() as client:
            answer = client.ask(f"AUTH PLAIN {text}")
            assert answer.startswith(b"+OK" if good else b"-ERR")
        with server.connect() as client:
            assert client.ask("AUTH plain") == b"+ \r\n"
            assert client.ask(text).startswith(b"+OK" if good else b"-ERR")
    assert server.logged("CONN 1 > PASS a secret")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def decoded(answer):
    assert answer.startswith(b"+ "), answer
    return base64.b64decode(answer[2:]).decode()


def test_only_the_mechanisms_that_are_asked_for_are_offered(serve):
    with serve("--sasl", "login,CRAM-MD5").connect() as client:
        assert client.ask_many("AUTH")[1] == b"LOGIN\r\nCRAM-MD5\r\n"
        assert b"SASL LOGIN CRAM-MD5\r\n" in client.ask_many("CAPA")[1]
        assert client.ask("AUTH PLAIN").startswith(b"-ERR")


@pytest.mark.parametrize("password, good", [("secret", True), ("wrong", False)])
def test_login_and_cram_md5_tell_the_right_password_from_others(serve, password, good):
    server = serve("--user", "me", "--sasl", "LOGIN,CRAM-MD5")
    with server.connect() as client:
        client.ask("AUTH LOGIN")
        client.ask(encoded("me"))
        assert client.ask(encoded(password)).startswith(b"+OK" if good else b"-ERR [AUTH]")
    with server.connect() as client:
        challenge = decoded(client.ask("AUTH CRAM-MD5"))
        digest = hmac.new(password.encode(), challenge.encode(), "md5").hexdigest()
        assert client.ask(encoded(f"me {digest}")).startswith(b"+OK" if good else b"-ERR [AUTH]")


@pytest.mark.parametrize("password, good", [("secret", True), ("wrong", False)])
def test_scram_proves_both_sides(serve, password, good):
    with serve("--user", "me", "--sasl", "SCRAM-SHA-256").connect() as client:
        first = decoded(client.ask("AUTH SCRAM-SHA-256 " + encoded("n,,n=me,r=abc")))
        fields = dict(field.split("=", 1) for field in first.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        said = f"n=me,r=abc,{first},c=biws,r={fields['r']}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), said, "sha256")))
        answer = client.ask(encoded(f"c=biws,r={fields['r']},p={base64.b64encode(proof).decode()}"))
        if not good:
            assert answer.startswith(b"-ERR [AUTH]")
            return
        signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
        assert decoded(answer) == f"v={base64.b64encode(signature).decode()}"
        assert client.ask("").startswith(b"+OK")


def test_auth_can_be_listed_cancelled_and_got_wrong(serve):
    with serve().connect() as client:
        assert client.ask_many("AUTH")[1] == b"PLAIN\r\n"
        assert client.ask("AUTH NONESUCH").startswith(b"-ERR")
        client.ask("AUTH PLAIN")
        assert client.ask("*").startswith(b"-ERR")
        assert client.ask("AUTH PLAIN !!!!").startswith(b"-ERR")
        assert client.ask("AUTH PLAIN abc").startswith(b"-ERR")
        assert client.ask("AUTH PLAIN =").startswith(b"-ERR")


def test_commands_are_refused_at_the_wrong_time(serve):
    server = serve()
    with server.connect() as client:
        for command in ("STAT", "RETR 1", "PASS secret", "BLA", "", "STLS"):
            assert client.ask(command)[:4] == b"-ERR"
    with server.login() as client:
        for command in ("USER me", "RETR 0", "RETR 4", "RETR x", "RETR", "TOP 1", "DELE -1"):
            assert client.ask(command)[:4] == b"-ERR"


def test_one_session_holds_the_maildrop_until_quit_or_close(serve):
    server = serve("--one-session")
    first = server.login()
    with server.connect() as second:
        second.ask("USER me")
        assert second.ask("PASS secret").startswith(b"-ERR [IN-USE]")
        first.ask("QUIT")
        second.ask("USER me")
        assert second.ask("PASS secret").startswith(b"+OK")
    first.socket.close()
    server.wait_for("CONN 2 close")
    server.login().socket.close()


def test_capa_says_what_it_is_told(serve):
    with serve().connect() as client:
        assert client.ask_many("CAPA")[1].split(b"\r\n")[:4] == [
            b"TOP",
            b"UIDL",
            b"USER",
            b"SASL PLAIN",
        ]
    with serve("--capa", "USER", "--capa", "UIDL", "--capa-auth", "EXPIRE 0").login() as client:
        assert client.ask_many("CAPA")[1] == b"EXPIRE 0\r\n"
    with serve("--capa", "USER", "--capa", "UIDL").connect() as client:
        assert client.ask_many("CAPA")[1] == b"USER\r\nUIDL\r\n"
    with serve("--no-capa").connect() as client:
        assert client.ask("CAPA").startswith(b"-ERR")


# TLS.


@pytest.mark.parametrize("how", ["tls", "stls"])
def test_a_verifying_client_reads_mail_over_tls(serve, how):
    server = serve(tls=True)
    if how == "tls":
        client = poplib.POP3_SSL("localhost", server.ports["tls"], context=server.context())
    else:
        client = poplib.POP3("localhost", server.ports["plain"])
        assert "STLS" in client.capa()
        client.stls(server.context())
        assert "STLS" not in client.capa()
    client.user("me")
    client.pass_("secret")
    assert client.retr(3)[1] == [b"Subject: third", b"", b"no end"]
    client.quit()
    assert server.logged("CONN 1 tls TLSv1")


@pytest.mark.parametrize("chunk", ["0", "1", "1000"])
def test_tls_carries_large_and_small_replies_pipelined(serve, chunk):
    server = serve("--chunk", chunk, tls=True, mail={"a": b"x\n" * 10000, "b": b"y"})
    with server.login("tls") as client:
        client.send(b"RETR 1\r\nRETR 2\r\nNOOP\r\n" * 2)
        for _ in range(2):
            assert client.line() == b"+OK 30000 octets\r\n" and client.body() == b"x\r\n" * 10000
            assert client.line() == b"+OK 3 octets\r\n" and client.body() == b"y\r\n"
            assert client.line() == b"+OK\r\n"


@pytest.mark.parametrize(
    "options, words",
    [
        (["--cert-name", "elsewhere.example"], "Hostname mismatch"),
        (["--cert-days", "-1"], "expired"),
    ],
)
def test_a_bad_certificate_is_made_on_request(serve, options, words):
    server = serve(*options, tls=True)
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        server.connect("tls")
    server.wait_for("CONN 1 tls-failed")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_the_version_can_be_bounded(serve, version):
    for option in ("--tls-max", "--tls-min"):
        server = serve("--tls-min", version, "--tls-max", version, tls=True)
        with server.login("tls") as client:
            assert client.socket.version() == "TLSv" + version


def test_a_given_certificate_is_used_and_clients_may_show_theirs(serve, tmp_path):
    files = [tmp_path / "cert.pem", tmp_path / "key.pem"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-subj", "/CN=some one", "-addext", "subjectAltName=DNS:localhost"]
        + ["-out", files[0], "-keyout", files[1]],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    server = serve("--cert", files[0], "--key", files[1], "--client-ca", files[0], tls=True)
    server.ca = files[0]
    server.login("tls").socket.close()
    context = server.context()
    context.load_cert_chain(*files)
    client = poplib.POP3_SSL("localhost", server.ports["tls"], context=context)
    client.close()
    assert server.wait_for("CONN 2 tls")[0].endswith("some one")
    assert not server.logged("CONN 1 tls .* some one")


# Signals.


def test_sigusr1_drops_every_connection(serve):
    server = serve(tls=True)
    clients = [server.login(), server.login("tls")]
    server.signal(signal.SIGUSR1, "CONN 2 close")
    for client in clients:
        try:
            assert client.rest() == b""
        except (ssl.SSLError, ConnectionResetError):
            pass
        client.socket.close()


def test_sigusr2_closes_the_listeners_and_opens_them_again(serve):
    server = serve()
    with server.login() as client:
        server.signal(signal.SIGUSR2, "^DOWN")
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        assert client.ask("NOOP") == b"+OK\r\n"
        server.signal(signal.SIGUSR2, "^UP")
        server.login().socket.close()


def test_the_port_of_a_closed_listener_stays_its_own(serve):
    server = serve()
    server.signal(signal.SIGUSR2, "^DOWN")
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", server.ports["plain"]))
    server.signal(signal.SIGUSR2, "^UP")
    server.login().socket.close()


def test_sighup_reads_the_script_again_and_refuses_a_bad_one(serve, tmp_path):
    script = tmp_path / "script"
    script.write_text('# nothing yet\n\non NOOP times=1 err "one"\n')
    server = serve("--script", script)
    with server.login() as client:
        assert client.ask("NOOP") == b"-ERR one\r\n"
        assert client.ask("NOOP") == b"+OK\r\n"
        server.script('on NOOP err "two"')
        assert client.ask("NOOP") == b"-ERR two\r\n"
        script.write_text("on NOOP frobnicate")
        server.signal(signal.SIGHUP, "SCRIPT refused no known action: on NOOP frobnicate")
        assert client.ask("NOOP") == b"-ERR two\r\n"


# Rules: where they apply.


@pytest.mark.parametrize(
    "rule, bad",
    [
        ("on NOOP {}", {(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)}),
        ("on ANY {}", {(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)}),
        ("on NOOP conn=2 {}", {(2, 1), (2, 2), (2, 3)}),
        ("on NOOP conn=1- {}", {(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)}),
        ("on NOOP nth=2 {}", {(1, 2), (2, 2)}),
        ("on NOOP from=2 {}", {(1, 2), (1, 3), (2, 2), (2, 3)}),
        ("on NOOP total=5 {}", {(2, 2)}),
        ("on NOOP times=2 {}", {(1, 1), (1, 2)}),
        ("on NOOP from=2 times=3 {}", {(1, 2), (1, 3), (2, 2)}),
        ('on NOOP "x" {}', set()),
        ("on RETR {}", set()),
    ],
)
def test_a_rule_applies_where_its_conditions_say(serve, rule, bad):
    server = serve("--capa", "X", rules=[rule.format('done append "bad\\r\\n"')])
    seen = set()
    for number in (1, 2):
        with server.connect(greeting=False) as client:
            client.send(b"USER me\r\nPASS secret\r\n")
            client.until(b"messages\r\n")
            if "ANY" in rule:
                client.until(b"bad\r\n")
            for nth in (1, 2, 3):
                client.send(b"NOOP\r\nDELE 9\r\n")
                if b"bad" in client.until(b"-ERR no such message\r\n"):
                    seen.add((number, nth))
                if "ANY" in rule:
                    client.until(b"bad\r\n")
    assert seen == bad


def test_an_argument_is_one_message_or_a_range(serve):
    with serve(rules=['on RETR 2-3 err "a"', 'on TOP 1 err "b"']).login() as client:
        assert client.ask_many("RETR 1")[1] == FIRST
        assert client.ask("RETR 2") == client.ask("RETR 3") == b"-ERR a\r\n"
        assert client.ask("TOP 1 0") == b"-ERR b\r\n"
        client.ask_many("TOP 2 0")


@pytest.mark.parametrize(
    "rule, words",
    [
        ("of NOOP close", "a rule begins with"),
        ("on NOPE close", "a rule begins with"),
        ("on NOOP", "no known action"),
        ("on NOOP frobnicate", "no known action"),
        ("on NOOP close nth=1", "unknown action"),
        ("on NOOP nth=x close", "unknown condition"),
        ("on NOOP nth=2- close", "unknown condition"),
        ("on NOOP cut", "what cut wants is missing"),
        ("on NOOP insert 3", "what insert wants is missing"),
        ('on NOOP reply "abc', "what reply wants is missing"),
        ('on NOOP close "abc', "a quote does not end"),
        ("on NOOP body /nonexistent/file", "cannot read"),
    ],
)
def test_a_rule_with_a_mistake_is_refused_at_start(tmp_path, rule, words):
    command = [os.environ["POP3_SERVER"], "--dir", tmp_path, "--fault", rule]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 1 and words in ended.stderr and rule in ended.stderr


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--dir", "a", "--synthetic", "1:600"],
        ["--synthetic", "1:511"],
        ["--synthetic", "x"],
        ["--synthetic", "1:600", "--cert", "a"],
        ["--synthetic", "1:600", "--chunk", "x"],
        ["--synthetic", "1:600", "--nonesuch"],
        ["--synthetic", "1:600", "--keep=1"],
        ["--synthetic", "1:600", "--listen"],
        ["--synthetic", "1:600", "--listen", "nowhere"],
        ["--synthetic", "1:600", "--stls", "--tls-max", "1.0"],
    ],
)
def test_a_wrong_command_line_is_refused(options):
    command = [os.environ["POP3_SERVER"], *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 1 and ended.stderr.startswith("pop3")


# Rules: what they do.


@pytest.mark.parametrize(
    "action, answer",
    [
        (r'reply "* \"hi\" \\ \x41\0\t\n"', b'* "hi" \\ A\0\t\n'),
        ('err "no"', b"-ERR no\r\n"),
        ("swallow", b""),
        (r'prepend "-ERR 1\r\n"', b"-ERR 1\r\n" + b"+OK 33 octets\r\n" + FIRST + b".\r\n"),
        (r'append "-ERR 2\r\n"', b"+OK 33 octets\r\n" + FIRST + b".\r\n-ERR 2\r\n"),
        ('insert 15 "X"', b"+OK 33 octets\r\nX" + FIRST + b".\r\n"),
        ('insert -3 "X"', b"+OK 33 octets\r\n" + FIRST + b"X.\r\n"),
        ('insert 999 "X"', b"+OK 33 octets\r\n" + FIRST + b".\r\nX"),
        ("no-end", b"+OK 33 octets\r\n" + FIRST),
        ("lf", b"+OK 33 octets\n" + FIRST.replace(b"\r", b"") + b".\n"),
        ("dribble", b"+OK 33 octets\r\n" + FIRST + b".\r\n"),
        ("dribble 1", b"+OK 33 octets\r\n" + FIRST + b".\r\n"),
        ("chunk 7", b"+OK 33 octets\r\n" + FIRST + b".\r\n"),
        ("delay 1", b"+OK 33 octets\r\n" + FIRST + b".\r\n"),
        (r'no-end delay 2 append "!" dribble', b"+OK 33 octets\r\n" + FIRST + b"!"),
    ],
)
def test_a_reply_is_changed_and_the_next_one_is_not(serve, action, answer):
    with serve(rules=[f"on RETR 1 {action}"]).login() as client:
        client.send(b"RETR 1\r\nRSET\r\nDELE 7\r\n")
        end = b"+OK\r\n-ERR no such message\r\n"
        assert client.until(end) == answer + end


@pytest.mark.parametrize("option", [["--dribble"], ["--chunk", "3"]])
def test_all_replies_can_be_sent_in_pieces(serve, option):
    with serve(*option).login() as client:
        assert client.ask_many("RETR 1")[1] == FIRST


@pytest.mark.parametrize(
    "action, octets", [("dribble", 1), ("chunk 4", 4), ("dribble 1", 1), ("chunk 100", None)]
)
def test_pieces_have_the_size_asked_for(serve, action, octets):
    """Over TLS each write is a record, and a client that peeks sees one at a time."""
    with serve(rules=[f"on NOOP {action}"], tls=True).login("tls") as client:
        client.send(b"NOOP\r\n")
        assert len(client.more()) == (octets or 5)


WHOLE = b"+OK 33 octets\r\n" + FIRST + b".\r\n"


@pytest.mark.parametrize("kind", ["plain", "tls"])
@pytest.mark.parametrize("length", [0, 1, 14, 15, 40, len(WHOLE) - 1, 999, -1, -3, -999])
def test_a_reply_is_cut_at_any_octet(serve, kind, length):
    server = serve(rules=[f"on RETR 1 cut {length}"], tls=True)
    with server.login(kind) as client:
        client.send(b"RETR 1\r\nDELE 2\r\nQUIT\r\n")
        assert client.rest() == WHOLE[:length]
    server.wait_for("CONN 1 close")
    assert not server.logged("DELE|QUIT")


@pytest.mark.parametrize("length", [0, 20, 999])
def test_a_line_is_reset_after_some_octets(serve, length):
    with serve(rules=[f"on RETR 1 abort {length}"]).login() as client:
        client.send(b"RETR 1\r\n")
        with pytest.raises(ConnectionResetError):
            client.rest()
        assert client.waiting == WHOLE[:length]


@pytest.mark.parametrize("action, octets", [("stall", 0), ("stall 0", 0), ("stall 20", 20)])
def test_a_line_falls_silent_and_stays_open(serve, action, octets):
    server = serve(rules=[f"on RETR 1 {action}"])
    with server.login() as client, server.login() as other:
        client.send(b"RETR 1\r\nNOOP\r\n")
        assert client.take(octets) == WHOLE[:octets]
        server.wait_for("CONN 1 fault on RETR 1 stall")
        other.ask_many("RETR 2")
        assert client.is_silent() and not server.logged("NOOP")
    server.wait_for("CONN 1 close")


@pytest.mark.parametrize(
    "rule, deleted",
    [
        ("on QUIT close", 0),
        ("on QUIT abort", 0),
        ("on QUIT stall", 0),
        ('on QUIT err "no"', 0),
        (r'on QUIT reply "-ERR no\r\n"', 0),
        ("on QUIT no-delete", 0),
        ("on DELE no-delete", 0),
        (r'on DELE reply "+OK\r\n" no-delete', 0),
        ('on DELE err "no"', 0),
        ("on QUIT delete-first 1", 1),
        ("on DELE 2 no-delete", 1),
        ("on QUIT cut 0", 2),
        ("on QUIT abort 0", 2),
        ("on QUIT stall 0", 2),
        ("on QUIT swallow", 2),
        ("on QUIT close done", 2),
        ('on QUIT err "some could not be deleted" done', 2),
        (r'on QUIT reply "+OK\r\n"', 2),
        ("on DELE swallow", 2),
    ],
)
def test_what_is_answered_and_what_is_done_are_two_things(serve, rule, deleted):
    server = serve(rules=[rule])
    with server.login() as client:
        client.send(b"DELE 1\r\nDELE 2\r\nQUIT\r\n")
        server.wait_for("CONN 1 > QUIT")
    server.wait_for("CONN 1 close")
    assert len(server.logged("DELETED")) == deleted == 3 - len(os.listdir(server.mail))


def test_delete_now_does_not_wait_for_quit_and_rset_cannot_undo_it(serve):
    server = serve(rules=["on DELE delete-now"])
    with server.login() as client:
        assert client.ask("DELE 2").startswith(b"+OK")
        assert server.logged("DELETED 0002")
        client.ask("RSET")
        assert client.ask_many("LIST")[1] == b"1 33\r\n3 26\r\n"


def test_a_message_vanishes_while_it_is_listed(serve):
    server = serve(rules=["on RETR 2 vanish"])
    with server.login() as client:
        assert client.ask("RETR 2").startswith(b"-ERR")
        assert client.ask("LIST 2").startswith(b"-ERR")
        assert client.ask_many("RETR 1")[1] == FIRST
    with server.login() as client:
        assert client.ask("STAT").startswith(b"+OK 2 ")


@pytest.mark.parametrize(
    "rule, listing",
    [
        ("on LIST 2 listed 7", b"1 33\r\n2 7\r\n3 26\r\n"),
        ("on LIST list-add 2", b"1 35\r\n2 32\r\n3 28\r\n"),
        ("on LIST 2-3 list-add -1", b"1 33\r\n2 29\r\n3 25\r\n"),
        ("on LIST nth=2 listed 7", b"1 33\r\n2 30\r\n3 26\r\n"),
    ],
)
def test_list_tells_another_size(serve, rule, listing):
    with serve(rules=[rule]).login() as client:
        assert client.ask_many("LIST")[1] == listing
        assert client.ask_many("RETR 2")[0] == b"+OK 30 octets\r\n"


def test_a_single_list_tells_the_other_size_of_its_own_message(serve):
    with serve(rules=["on LIST 2 listed 7"]).login() as client:
        assert client.ask("LIST 1") == b"+OK 1 33\r\n"
        assert client.ask("LIST 2") == b"+OK 2 7\r\n"


def test_other_octets_are_served_from_a_file(serve, tmp_path):
    (tmp_path / "other").write_bytes(b"other\n.\n")
    (tmp_path / "listing").write_bytes(b"+OK\r\n1\ta\r\n+OK\r\n2  b\r\n.\r\n")
    rules = [f"on RETR 1 body {tmp_path}/other", f'on UIDL listing "{tmp_path}/listing"']
    with serve(rules=rules).login() as client:
        assert client.ask_many("RETR 1") == (b"+OK 10 octets\r\n", b"other\r\n..\r\n")
        assert client.ask_many("UIDL")[1] == b"1\ta\r\n+OK\r\n2  b\r\n"


def test_pipelined_replies_land_inside_each_other(serve):
    with serve(rules=["on RETR corrupt-pipelined"]).login() as client:
        client.send(b"RETR 1\r\nRETR 2\r\nNOOP\r\n")
        whole = client.until(b"CRLF\r\n.\r\n")
        first = len(WHOLE) // 2
        assert whole.startswith(WHOLE[:first] + b"+OK 30 octets\r\n" + WHOLE[first:] + b"Subj")
        assert whole.count(b"+OK\r\n") == 1 and client.is_silent()
        assert client.ask_many("RETR 1")[1] == FIRST


def test_what_follows_a_command_in_its_segment_is_lost(serve):
    server = serve(rules=["on CONNECT one-command-per-segment"])
    with server.login() as client:
        client.send(b"NOOP\r\nSTAT\r\nRSET\r\n")
        assert client.line() == b"+OK\r\n"
        assert client.ask("STAT").startswith(b"+OK 3")
        assert not server.logged("RSET")


@pytest.mark.parametrize(
    "rule, greeting",
    [
        (r'on GREETING reply "-ERR later\r\n" close-after', b"-ERR later\r\n"),
        (r'on GREETING prepend "banner\r\n" close-after', b"banner\r\n+OK ready\r\n"),
        ("on GREETING cut 4", b"+OK "),
        ("on CONNECT close", b""),
        (r'on CONNECT reply "junk" close-after', b"junk"),
        ("on CONNECT dribble delay 1", b"+OK ready\r\n+OK bye\r\n"),
    ],
)
def test_the_greeting_can_go_wrong(serve, rule, greeting):
    with serve(rules=[rule]).connect(greeting=False) as client:
        if "dribble" in rule:
            client.send(b"QUIT\r\n")
        assert client.rest() == greeting


@pytest.mark.parametrize("action", ["close", "abort", "delay 1 close"])
@pytest.mark.parametrize("how", ["tls", "stls"])
def test_the_handshake_can_go_wrong(serve, action, how):
    server = serve(rules=[f"on TLS {action}"], tls=True)
    with pytest.raises(OSError):
        if how == "tls":
            server.connect("tls")
        else:
            client = server.connect()
            assert client.ask("STLS").startswith(b"+OK")
            client.start_tls(server.context())
    server.wait_for("CONN 1 close")


def test_plain_octets_come_instead_of_a_handshake(serve):
    server = serve(rules=[r'on TLS reply "junk\r\n"'], tls=True)
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION|wrong version"):
        server.connect("tls")


def test_plain_octets_come_between_stls_and_the_handshake(serve):
    with serve(rules=[r'on STLS append "+OK smuggled\r\n"'], tls=True).connect() as client:
        assert client.ask("STLS").startswith(b"+OK begin")
        assert client.line() == b"+OK smuggled\r\n"
        client.start_tls(ssl._create_unverified_context())
        assert client.ask("NOOP").startswith(b"-ERR")


@pytest.mark.parametrize(
    "rule, polite", [("on NOOP close-after", 1), ("on NOOP close-after no-close-notify", 0)]
)
def test_a_connection_ends_with_or_without_a_goodbye(serve, rule, polite):
    server = serve(rules=[rule], tls=True)
    client = server.login("tls")
    client.send(b"NOOP\r\n")
    if polite:
        assert client.rest() == b"+OK\r\n"
    else:
        with pytest.raises(ssl.SSLError, match="(?i)eof"):
            client.rest()
    client.socket.close()


# Octets.


def test_commands_are_taken_at_every_cut(serve):
    server = serve()
    octets = b"USER me\r\nPASS secret\r\nRETR 1\nQUIT\r\n"
    want = b"+OK password, please\r\n+OK 3 messages\r\n" + WHOLE + b"+OK bye\r\n"
    for cut in range(1, len(octets)):
        with server.connect() as client:
            client.send(octets[:cut])
            client.send(octets[cut:])
            assert client.rest() == want


def test_a_client_that_has_said_all_still_gets_all_answers(serve):
    with serve().login() as client:
        client.send(b"RETR 1\r\nDELE 1")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest() == WHOLE


def test_a_line_without_end_ends_the_connection(serve):
    with serve().connect() as client:
        client.send(b"x" * 70000)
        assert client.rest() == b"-ERR line too long\r\n"


def test_who_writes_and_does_not_read_is_not_read_for_ever(serve):
    with serve("--synthetic", "1:1000000").login() as client:
        client.socket.setblocking(False)
        sent = 0
        with pytest.raises(BlockingIOError):
            while sent < 100000000:
                sent += client.socket.send(b"RETR 1\r\n" * 8192)
        client.socket.settimeout(TIMEOUT)
        for _ in range(100):
            assert client.line() == b"+OK 1000000 octets\r\n"
            assert len(client.body()) == 1000000


def test_many_connections_are_served_at_once(serve):
    server = serve("--synthetic", "10:100000")
    clients = [server.login() for _ in range(50)]
    for client in clients:
        client.send(b"RETR 1\r\nRETR 2\r\nQUIT\r\n")
    whole = {client.rest() for client in reversed(clients)}
    assert len(whole) == 1
    for client in clients:
        client.socket.close()


def test_hostile_octets_stand_escaped_in_the_log(serve):
    server = serve()
    with server.connect() as client:
        client.ask("USER \x00\x01\u00e9")
        assert server.logged(r"CONN 1 > USER \\x00\\x01\\xc3\\xa9$")
