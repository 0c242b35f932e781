"""Messages that have broken clients: what stands in them, how they end, what LIST says of them."""

from .row import MAIL, Row, message, reply

HEAD = b"From: a@example.org\r\nSubject: odd\r\n\r\n"


def odd(name, body, why, clients="", head=HEAD, **more):
    """A maildrop in which m4 is odd."""
    more.setdefault("messages", {**MAIL, "m4": head + body})
    return Row(name, why, clients, **more)


def sent_as(name, octets, sent, why, **more):
    """m4 is sent octet by octet as this; what a reader must get is `octets`."""
    return Row(name, why, rules=(reply("RETR 4", sent),), files={"m4": octets}, **more)


def sizes(name, rule, why):
    return Row(name, why, rules=(rule,))


MIB = 1 << 20

ROWS = [
    odd("lf-dot-lf-in-the-body", b"before\n.\nafter\r\n", "whoever sends a mail can put it there",
        "curl: whole. mpop: cut, then out of step. fetchmail, getmail6: cut"),
    odd("lf-dot-crlf-in-the-body", b"before\n.\r\nafter\r\n", "the same", "as lf-dot-lf"),
    odd("cr-dot-cr-in-the-body", b"before\r.\rafter\r\n", "the same", "as lf-dot-lf"),
    odd("dot-cr-in-the-body", b"before\r\n.\rafter\r\n.\r\r\n.\r\n..\r\n", "the same"),
    odd("two-megabytes-in-one-line", b"y" * 2 * MIB + b"\r\n", "HTML mail written by programs",
        "curl, mpop: whole. fetchmail: alters it. getmail6: aborts the run", pieces=997),
    odd("nul-and-every-octet", bytes(range(256)) + b"\0\r\n\0\0\r\n", "any server that stores 8 bits",
        "mpopd cuts a line at its NUL"),
    odd("bare-cr-and-lf", b"a\rb\nc\r\r\nd\n\r\n\r\r\n", "Courier sends CR CR LF for what is stored with CRLF"),
    odd("dots-that-are-stuffed", b".\r\n..\r\n...\r\n.x\r\n. \r\n", "RFC 1939, 3"),
    odd("replies-in-the-body", b"+OK\r\n-ERR no\r\n+OK 120 octets\r\n+ \r\n", "whoever sends a mail can"),
    odd("ends-without-crlf", b"the end", "Dovecot and Courier add CRLF, and LIST two octets less",
        files={"m4": HEAD + b"the end\r\n"}),
    odd("ends-in-cr", b"the end\r", "the same", files={"m4": HEAD + b"the end\r\r\n"}),
    odd("empty-message", b"", "Dovecot: LIST 0", head=b""),
    odd("one-empty-line", b"\r\n", "Dovecot and Courier: LIST 0, two octets sent", head=b"",
        rules=("on LIST 4 listed 0",)),
    odd("header-without-end", b"", "a message without a body", head=b"Subject: no empty line\r\n"),
    odd("eight-bit-header", b"body\r\n", "Courier says 736 and sends 763 without UTF8",
        head=b"Subject: caf\xe9 \xff\xfe\r\nFrom: \xc3\xa9 \0 \x1b[2J\r\n\r\n"),
    odd("header-of-a-megabyte", b"body\r\n", "spam", head=b"X-Long: " + b"h" * MIB + b"\r\nSubject: x\r\n\r\n",
        pieces=997),
    sent_as("first-dot-not-stuffed", b"starts\r\n\r\nbody\r\n", b"+OK\r\n.starts\r\n\r\nbody\r\n.\r\n",
            "Dovecot, Courier: the first line's dot; what RFC 1939 makes of it has no dot"),
    sent_as("bare-lf-everywhere", b"Subject: x\n\nbody\n.\n", b"+OK\nSubject: x\n\nbody\n..\n.\n",
            "servers that send what they store"),
    sent_as("crlf-status-lf-body", b"Subject: x\n\nbody\n.\n\r\n", b"+OK\r\nSubject: x\n\nbody\n.\n\r\n.\r\n",
            "the same, with a status line in CRLF: only CRLF.CRLF ends it"),
    sent_as("lf-status-crlf-body", b"Subject: x\r\n\r\nbody\r\n", b"+OK\nSubject: x\r\n\r\nbody\r\n.\r\n",
            "the same, the other way round"),
    sent_as("wrong-count-behind-ok", MAIL["m4"], b"+OK 3 octets\r\n" + MAIL["m4"] + b".\r\n",
            "Courier: +OK 736 and 763 octets"),
    sent_as("small-letters", MAIL["m4"], b"+ok here\r\n" + MAIL["m4"] + b".\r\n", "RFC 1939, 3 has capitals"),
    sent_as("status-of-eight-kilobytes", MAIL["m4"], b"+OK " + b"x" * 8000 + b"\r\n" + MAIL["m4"] + b".\r\n",
            "RFC 1939 has 512 octets"),
    Row("everything-in-lf", "home-made servers", rules=("on ANY lf", "on GREETING lf"),
        files={name: octets.replace(b"\r", b"") for name, octets in MAIL.items()}),

    sizes("list-counts-one-more-a-line", "on LIST list-add 7", "mpopd: LF counted, CRLF sent, one more a line"),
    sizes("list-counts-one-less", "on LIST list-add -1", "GreenMail"),
    sizes("list-counts-lf", "on LIST list-add -20", "qmail, mailfront, tpop3d, twisted"),
    sizes("list-says-zero", "on LIST listed 0", "Dovecot, of an empty one"),
    sizes("list-rounds-to-1024", "on LIST listed 1024", "OpenMail"),
    sizes("list-says-four-gigabytes", "on LIST 4 listed 4294967296", "a number that does not fit 32 bits"),
    sizes("list-says-two-to-the-48", "on LIST 4 listed 281474976710656", "a number to allocate memory by"),
    Row("body-of-a-megabyte-listed-as-ten-octets", "a server that lies", rules=("on LIST 4 listed 10",),
        messages={**MAIL, "m4": message(4) + b"z" * 70 * 14000 + b"\r\n"}, pieces=997),
]
