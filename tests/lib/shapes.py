"""Messages of all shapes. Deterministic: the same name always has the same octets.

Their line ends are LF, as a Maildir stores them, unless the shape says otherwise. What RETR makes of
them is the server's business; ask it (dovecot.Account.retr) for what a reader must see.
"""

import random

HEADER = (b"Received: from relay.example.net by mx.example.org; Tue, 3 Feb 2026 10:20:30 +0100\n"
          b"From: Alice <alice@example.org>\nTo: Bob <bob@example.com>\n"
          b"Date: Tue, 3 Feb 2026 10:20:00 +0100\nMessage-ID: <%s@example.org>\nSubject: %s\n\n")
LONG_LINE = 200 * 1000
ATTACHMENT = 25 * 1000 * 1000


def header(name):
    return HEADER % (name.encode(), name.replace("-", " ").encode())


def base64_lines(octets):
    """So many octets of a base64 body in lines of 76."""
    line = bytes(random.Random(1).choices(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=76))
    return (line + b"\n") * (octets // 77)


# Octets of messages that make a reader's window of pages as wide as it gets, by their places: each is more than may be
# pushed when the reader comes to it, up to "m0015", which is too large at all. When he is there the two behind it fit
# together, and the last one does not.
WIDENING = {1: 1000, 5: 300_000, 10: 3_000_000, 15: 17_000_000, 30: 15_000_000, 45: 12_000_000, 60: 7_000_000}


def widening():
    """{name: octets}, with line ends as RETR sends them: small ones, and among them those of WIDENING."""
    def letter(number):
        head = header(str(number)).replace(b"\n", b"\r\n")
        lines = WIDENING.get(number, 0) // 16
        return head + b"".join(b"%04d%010d\r\n" % (number, line) for line in range(lines))
    return {f"m{number:04}": letter(number) for number in range(80)}


def odd():
    """{name: octets} of every shape that has once broken a client or a server."""
    h = header
    every = bytes(range(256)).replace(b"\n", b"").replace(b"\r", b"")
    return {
        "empty": b"",
        "one-newline": b"\n",
        "no-header": b"just a line\n",
        "header-only": h("header-only")[:-1],
        "no-final-newline": h("no-final-newline") + b"the last line has no end",
        "no-newline-at-all": b"x",
        "first-line-dot": b".starts with a dot\n" + h("first-line-dot") + b"body\n",
        "first-line-two-dots": b"..starts with two\n\nbody\n",
        "dots": h("dots") + b".\n..\n...\n.x\n. \n.\n\nmiddle\n.\n",
        "last-line-dot": h("last-line-dot") + b"text\n.",
        "last-line-dot-newline": h("last-line-dot-newline") + b"text\n.\n",
        "only-dots": h("only-dots") + b".\n" * 5000,
        "dot-crlf-dot": h("dot-crlf-dot") + b"x\r\n.\r\ny\n",
        "nul": h("nul") + b"a\0b\n\0\n\0\0\0" + b"end\n",
        "bare-cr": h("bare-cr") + b"a\rb\r\r\nc\r\n\r",
        "ends-in-cr": h("ends-in-cr") + b"text\r",
        "stored-crlf": (h("stored-crlf") + b"one\ntwo\n").replace(b"\n", b"\r\n"),
        "mixed-ends": h("mixed-ends") + b"lf\ncrlf\r\nlf\ncrcrlf\r\r\n\n\r\n",
        "eight-bit": h("eight-bit") + every + "\nGrüße, żółć, 日本語\n".encode() + b"caf\xe9\n",
        "eight-bit-header": b"Subject: caf\xe9 \xff\xfe\nFrom: \xc3\xa9\n\nbody\n",
        "long-line": h("long-line") + b"y" * LONG_LINE + b"\n",
        "long-line-unended": h("long-line-unended") + b"z" * LONG_LINE,
        "long-header": b"X-Long: " + b"h" * 70000 + b"\n" + h("long-header") + b"body\n",
        "many-newlines": h("many-newlines") + b"\n" * 100000,
        "from-line": h("from-line") + b"From here on it looks like an mbox\n>From too\n",
        "ends-like-a-reply": h("ends-like-a-reply") + b"+OK\n-ERR no\n+OK 1 octets\n",
        "piece-edge": h("piece-edge") + b"e" * (65536 - len(h("piece-edge")) - 1) + b"\n.\n",
        "attachment": h("attachment") + base64_lines(ATTACHMENT),
        "twin-one": h("twin") + b"two messages, the same octets\n",
        "twin-two": h("twin") + b"two messages, the same octets\n",
    }


def ordinary(number):
    """An everyday message: 1 to some 12 kB of lines, quoted here and there."""
    source = random.Random(number)
    lines = [b"> " * source.randrange(3) + b"word %d " % source.randrange(10000) * source.randrange(1, 9)
             for _ in range(source.randrange(10, 150))]
    return header(f"message-{number:04}") + b"\n".join(lines) + b"\n"


def all_shapes(count=1000):
    """{name: octets}: all the odd ones, filled up with ordinary ones to this number."""
    shapes = odd()
    for number in range(count - len(shapes)):
        shapes[f"message-{number:04}"] = ordinary(number)
    return shapes
