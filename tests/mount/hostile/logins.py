"""Servers that are wrong from the greeting to the login, or refuse it."""

import hashlib

from .row import MAIL, SILENCE, Row, listing, reply

CAPA = ("TOP", "UIDL", "USER")


def announces(*lines, after=None):
    """Server options: what CAPA says, before and after the login."""
    after = lines if after is None else after
    return (*(word for line in lines for word in ("--capa", line)),
            *(word for line in after for word in ("--capa-auth", line)))


def header_name(octets):
    """The name of a message without a UIDL."""
    header = octets.split(b"\r\n\r\n")[0] + b"\r\n"
    return "header~" + hashlib.sha256(header).hexdigest()[:32]


def refused(name, rules, words, why, clients="", **more):
    return Row(name, why, clients, rules=rules if isinstance(rules, tuple) else (rules,), refused=words, **more)


def both(answer):
    """USER and PASS, and AUTH: whichever it is."""
    return (f"on PASS {answer}", f"on AUTH {answer}")


SILENT = {"timeout": SILENCE}
NEVER_ENDS = "curl: reads on. mpop: gives up after 50 lines. fetchmail: hangs"

ROWS = [
    Row("no-capa", "popa3d, solid, qmail", rules=('on CAPA err "unknown command"',)),
    Row("closes-at-words-unknown", "WildDuck, at the first one", rules=("on UNKNOWN close",), fires=False),
    Row("capa-is-nonsense", "seen: EXPIRENEVER, and worse", rules=(listing(
        "CAPA", b"TOP", b"UIDL", b"USER", b"EXPIRENEVER", b"", b"  ", b"\xff\xfe\0", b"LOGIN-DELAY soon", b"EXPIRE -1",
        b"IMPLEMENTATION " + b"\x1b[2J" * 200, b"SASL"),)),
    Row("capa-announces-nothing", "a proxy", options=announces("X-NOTHING"), sent={"UIDL": 0, "TOP": 0},
        files={**dict.fromkeys(MAIL), **{header_name(octets): octets for octets in MAIL.values()}}),
    Row("capa-changes-at-the-login", "Gmail: PIPELINING and TOP only afterwards",
        options=announces("USER", after=("TOP", "UIDL", "PIPELINING", "X-MORE"))),
    Row("utf8-is-announced-and-refused", "half of RFC 6856", options=announces(*CAPA, "UTF8"),
        rules=('on UNKNOWN err "no"',)),
    refused("capa-never-ends", "on CAPA no-end", "silent|out of step", "a lost dot", NEVER_ENDS, mount=SILENT),
    refused("capa-goes-on-and-on", reply("CAPA", b"+OK\r\n" + b"X-CAPA\r\n" * 200), "CAPA.*100 lines",
            "endless", NEVER_ENDS),
    refused("greeting-says-no", 'on GREETING err "[SYS/PERM] go away"', "go away", "a server that is full"),
    refused("greeting-is-a-banner", reply("GREETING", b"220 mail.example.org ESMTP\r\n"), "220 mail", "the wrong port"),
    refused("banner-before-the-greeting", 'on GREETING prepend "proxy ready\\r\\n"', "proxy ready", "a proxy"),
    refused("greeting-never-comes", "on GREETING stall", "silent", "a server that hangs", mount=SILENT),
    refused("greeting-without-end", reply("GREETING", b"+OK " + b"g" * 9000), "8192", "no end in sight"),
    refused("closes-at-once", "on CONNECT close", "clos", "too many connections"),
    refused("resets-at-once", "on CONNECT abort", "clos|reset|broke", "a firewall"),
    refused("login-is-refused-slowly", both('delay 300 err "[AUTH] no"'), "login|password",
            "up to 17 s; then accounts get locked: one attempt"),
    refused("login-is-refused-and-closed", both('err "no" close-after'), "login|password", "some close after one"),
    refused("one-bad-message-refuses-all", both('err "[SYS/PERM] mailbox damaged"'), "damaged", "solid"),
    refused("login-is-silent", both("stall"), "silent", "a backend that hangs", mount=SILENT),
    refused("login-closes", both("close"), "clos", "a backend that crashes"),
    refused("in-use", both('err "[IN-USE] locked"'), "locked|in use", "Dovecot, Courier, popa3d"),
    refused("asks-for-more-and-more", reply("AUTH", b"+ more\r\n") + "\n" + reply("PASS", b"+ more\r\n"),
            "out of step|login|clos|refused|silent", "a wrong mechanism", mount=SILENT),
    refused("in-use-late", both('delay 500 err "[IN-USE] locked"'), "locked|in use", "seen: after 10 s, after 14 s"),
    Row("in-use-once", "the session before is not quite gone", rules=both('times=1 err "[IN-USE] locked"'),
        mount={"retry": 60}),
    Row("login-delay-once", "too soon after the last one", rules=both('times=1 err "[LOGIN-DELAY] wait"'),
        mount={"retry": 60}),
    Row("temporary-once", "a backend restarts", rules=both('times=1 err "[SYS/TEMP] later"'), mount={"retry": 60}),

    Row("stls", "the way it should be", way="stls"),
    refused("stls-is-not-announced", (), "TLS", "a server without, or one in between",
            options=announces(*CAPA), way="stls", sent={"USER": 0, "PASS": 0, "AUTH": 0}),
    refused("stls-is-refused", 'on STLS err "no"', "TLS", "the same", way="stls",
            sent={"USER": 0, "PASS": 0, "AUTH": 0}),
    refused("one-reply-too-many-after-stls", 'on STLS append "+OK smuggled\\r\\n"', "TLS|STLS|encrypt",
            "whoever is on the line", way="stls", sent={"USER": 0, "PASS": 0, "AUTH": 0}),
    refused("closes-at-the-handshake", "on TLS close", "TLS|clos", "a server that crashes", way="tls"),
    refused("silent-at-the-handshake", "on TLS stall", "silent", "a server that hangs", way="tls", mount=SILENT),
    Row("only-tls-1.2", "nginx", options=("--tls-max", "1.2"), way="tls"),
    Row("no-close-notify", "Cyrus, perdition", rules=("on QUIT no-close-notify",), way="tls",
        mount={"idle": 0}),
    Row("closes-in-the-middle-without-goodbye", "any server behind TLS", way="tls",
        rules=("on CONNECT no-close-notify", "on RETR 4 times=1 cut 100")),
]
