"""Listings that lie, break off, or hold what no file name can."""

import hashlib

from .row import MAIL, SILENCE, Row, Then, listing, message, reply

LONGEST_NAME = 219   # src/mail/name.h
NAMES = list(MAIL)
UIDLS = [b"%d m%d" % (n, n) for n in range(1, 8)]
SIZES = [b"%d %d" % (n, len(MAIL[f"m{n}"])) for n in range(1, 8)]
OTHER = b"Message-ID: <other@example.org>\r\nSubject: another\r\n\r\nanother body\r\n"
MANY = {f"n{n:02}": message(n) for n in range(1, 25)}
MANY_UIDLS = [b"%d n%02d" % (n, n) for n in range(1, 25)]
MANY_SIZES = [b"%d %d" % (n, len(message(n))) for n in range(1, 25)]
NOTHING_LISTED = (listing("UIDL"), listing("LIST"), reply("STAT", b"+OK 0 0\r\n"))
ABSENT = {name: None for name in NAMES}


def uidl(name, lines, why, clients="", **more):
    return Row(name, why, clients, rules=(listing("UIDL", *lines),), **more)


def sizes(name, lines, why, clients="", **more):
    return Row(name, why, clients, rules=(listing("LIST", *lines),), **more)


def named(name, octets, file, why, clients="", **more):
    """m4's UIDL is another."""
    lines = [line if not line.startswith(b"4 ") else b"4 " + octets for line in UIDLS]
    return uidl(name, lines, why, clients, files={"m4": None, file: MAIL["m4"]}, **more)


def refused(name, rule, words, why, clients="", **more):
    """There is no mount: an empty one would be believed by `rsync --delete`."""
    return Row(name, why, clients, rules=(rule,), refused=words, **more)


def later(name, rules, why, **more):
    """A second mount, from what the first one stored: nothing vanishes, nothing is mixed up."""
    return Row(name, why, then=Then(rules=rules, **more))


def short(octet, count):
    """The name of a UIDL that is too long for one: as much as fits, and half a SHA-256."""
    digest = hashlib.sha256(octet.encode() * count).hexdigest()[:32]
    return octet * (LONGEST_NAME - 33) + "~" + digest


REFUSES = "mpop: refuses the mailbox. getmail6: refuses it, or crashes. curl, fetchmail: ok"
INDICES = "mpop: refuses. getmail6: crashes. curl, fetchmail: ok"

ROWS = [
    Row("one-uidl-for-all", "Dovecot with %m, popa3d, solid: MD5 of headers", "getmail6: refuses the mailbox",
        options=("--uidl", "same"),
        files={**ABSENT, **{"same" if n == 1 else f"same~{n}": MAIL[f"m{n}"] for n in range(1, 8)}}),
    uidl("one-uidl-twice", [*UIDLS[:4], b"5 m4", *UIDLS[5:]], "the same", "getmail6: refuses the mailbox",
         files={"m5": None, "m4~2": MAIL["m5"]}),
    named("an-8-bit-uidl", b"caf\xe9\xff", "caf%E9%FF", "RFC 1939, 7 has 0x21 to 0x7E", REFUSES),
    named("an-empty-uidl", b"", "%", "the same", REFUSES),
    named("a-uidl-of-controls", b"\x01\x1b[2J\x7f\x00", "%01%1B[2J%7F%00", "the same", REFUSES),
    named("a-uidl-of-a-dot", b".", "%2E", "nothing forbids it"),
    named("a-uidl-of-two-dots", b"..", "%2E.", "nothing forbids it"),
    named("a-uidl-with-slashes", b"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd", "seen: names with / and +"),
    named("a-uidl-that-is-ours", b".pop3fs", "%2Epop3fs", "nothing forbids it"),
    named("a-uidl-like-an-option", b"-rf", "%2Drf", "nothing forbids it"),
    named("a-uidl-like-a-duplicate", b"m3~2", "m3%7E2", "nothing forbids it"),
    named("a-uidl-of-signs", b"a/b<c>%,=:d", "a%2Fb<c>%25,=%3Ad", "seen on fifteen servers"),
    named("a-uidl-with-blanks", b"two  words", "two%20%20words", "servers that send a file's name"),
    named("a-uidl-of-200-octets", b"u" * 200, "u" * 200, "RFC 1939 ends at 70"),
    named("a-uidl-of-300-octets", b"u" * 300, short("u", 300), "the same"),
    named("a-uidl-of-60000-octets", b"u" * 60000, short("u", 60000), "the same", pieces=97),
    Row("tabs-and-blanks-in-listings", "some servers",
        rules=(listing("UIDL", *(b" " + u.replace(b" ", b"\t  ") + b"  " for u in UIDLS)),
               listing("LIST", *(s.replace(b" ", b" \t ") for s in SIZES)))),
    Row("ok-before-each-line", "some servers",
        rules=(listing("UIDL", *(b"+OK " + u for u in UIDLS)), listing("LIST", *(b"+OK " + s for s in SIZES)))),
    sizes("more-words-in-list", [s + b" octets (about)" for s in SIZES], "RFC 1939, 5 allows it"),
    Row("listings-backwards", "no order is promised",
        rules=(listing("UIDL", *reversed(UIDLS)), listing("LIST", *reversed(SIZES)))),
    Row("numbers-with-a-gap", "a server that leaves out what another session deleted",
        rules=(listing("UIDL", *UIDLS[:3], *UIDLS[4:]), listing("LIST", *SIZES[:3], *SIZES[4:]),
               reply("STAT", b"+OK 6 1000\r\n")), files={"m4": None}),
    uidl("index-zero-in-uidl", [b"0 zero", *UIDLS], "off by one", INDICES, status={"skipped lines": "1"}),
    sizes("index-zero-in-list", [b"0 100", *SIZES], "off by one", INDICES, status={"skipped lines": "1"}),
    uidl("index-4294967296-in-uidl", [*UIDLS, b"4294967296 x"], "-1 in the wrong type", INDICES,
         status={"skipped lines": "1"}),
    uidl("index-4294967295-in-uidl", [*UIDLS, b"4294967295 high"], "-1 in the wrong type", INDICES,
         status={"skipped lines": "1"}),
    sizes("index-4294967295-in-list", [*SIZES, b"4294967295 100"], "-1 in the wrong type", INDICES,
          status={"skipped lines": "1"}),
    uidl("words-that-are-no-lines", [*UIDLS[:3], b"what?", b"", b"-1 x", *UIDLS[3:]], "remarks among the lines",
         status={"skipped lines": "3"}),
    sizes("sizes-that-are-none", [b"1 -5", b"2 99999999999999999999", b"3", b"4 ten", *SIZES[4:]],
          "32 bits with a sign; nonsense", status={"skipped lines": "4"}),
    uidl("a-number-twice", [*UIDLS, b"4 again"], "a server that lost count", status={"skipped lines": "1"}),
    Row("stat-counts-fewer", "WildDuck: its counter is late", rules=(reply("STAT", b"+OK 3 100\r\n"),)),
    Row("stat-says-nothing", "a home-made server", rules=(reply("STAT", b"+OK\r\n"),)),
    Row("stat-is-refused", "the same", rules=('on STAT err "unknown command"',)),
    Row("stat-s-total-wraps", "Cyrus, Stalwart: 2^32", rules=(reply("STAT", b"+OK 7 18446744073709551615\r\n"),)),
    Row("an-empty-maildrop", "nothing is wrong", messages={}),
    Row("an-empty-maildrop-refuses-uidl", "some servers", messages={},
        rules=('on UIDL err "no messages"', 'on LIST err "no messages"')),

    refused("uidl-breaks-off", "on UIDL cut 30", "clos|listing", "a line that breaks"),
    refused("list-breaks-off", "on LIST cut 30", "clos|listing", "a line that breaks"),
    refused("list-is-silent", "on LIST stall 30", "silent|stall", "a server that hangs", mount={"timeout": SILENCE}),
    refused("uidl-has-no-end", "on UIDL no-end", "silent|stall|clos|out of step", "a lost dot",
            mount={"timeout": SILENCE}),
    refused("uidl-is-refused-for-now", 'on UIDL err "[SYS/TEMP] later"', "later", "a backend that is down"),
    refused("uidl-is-announced-and-refused", 'on UIDL err "unknown command"', "refused UIDL", "CAPA that lies"),
    refused("a-uidl-line-without-end", reply("UIDL", b"+OK\r\n1 " + b"u" * 66000), "65536", "no end in sight"),
    refused("stat-says-more", reply("STAT", b"+OK 9 1000\r\n"), "came short", "a listing that lacks something"),
    Row("all-messages-gone-later", "a backend that lost its index", messages=MANY,
        then=Then(rules=NOTHING_LISTED)),
    Row("most-messages-gone-later", "the same, half", messages=MANY,
        then=Then(rules=(listing("UIDL", *MANY_UIDLS[:4]), listing("LIST", *MANY_SIZES[:4]),
                         reply("STAT", b"+OK 4 1000\r\n")))),
    refused("an-extra-line-behind-stat", 'on STAT append "remark\\r\\n"', "unasked|out of step",
            "mpopd: a second line"),

    later("a-listing-that-breaks-off-later", ("on UIDL times=1 cut 30",), "a line that breaks"),
    later("a-listing-that-always-breaks-off-later", ("on UIDL cut 30",), "a server that crashes",
          refused="clos|listing"),
    later("uidl-fails-later", ('on UIDL err "[SYS/TEMP] later"',), "a backend that is down", refused="later"),
    later("uidl-is-refused-later", ('on UIDL err "unknown command"',), "an index that is lost", refused="refused UIDL"),
    later("fewer-uidls-later", (listing("UIDL", *UIDLS[:3]),), "a damaged index", refused="came short"),
    later("fewer-sizes-later", (listing("LIST", *SIZES[:3]),), "a damaged index", refused="came short"),
    later("sizes-change-later", ("on LIST list-add 56",), "mailutils: 420, then 476"),
    later("another-order-later", (listing("UIDL", *reversed(UIDLS)), listing("LIST", *reversed(SIZES))),
          "no order is promised"),
    later("other-numbers-later", (), "another session delivers, and this one is listed first",
          messages={"a": b"Subject: a\r\n\r\n"}, files={"a": b"Subject: a\r\n\r\n"}),
    later("the-same-uidl-another-mail", (), "GreenMail: its small integers begin again", messages={"m4": OTHER},
          files={"m4": None, "m4~2": OTHER}),
]
