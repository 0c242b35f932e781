"""Answers to RETR and TOP that break off, fail, are another's, or come where none was asked for."""

from .row import EIO, ETIMEDOUT, MAIL, SILENCE, Row, quoted, reply, top

FOUR = MAIL["m4"]
MANY = 25   # more than anybody may ask for one message
WHOLE = b"+OK\r\n" + FOUR + b".\r\n"


def says(octets, how="reply"):
    """An action: octets instead of the reply, or before or behind it."""
    return f"{how} {quoted(octets)}"


def once(name, what, why, clients="", **more):
    """Something happens to m4's RETR once: the reader sees nothing of it."""
    return Row(name, why, clients, rules=(f"on RETR 4 times=1 {what}",), **more)


def always(name, what, why, clients="", error=EIO, **more):
    """It happens each time: m4 cannot be had."""
    return Row(name, why, clients, rules=(f"on RETR 4 {what}",), files={"m4": error}, **more)


def other_header(name, header, why, **more):
    """TOP's header of m4 is not that of RETR: two equal fetches are believed."""
    return Row(name, why, rules=(reply("TOP 4", top(header)),), **more)


def blind(name, rules, why, *capabilities, **more):
    """A server without TOP: there is no header by which to know whose answer it is."""
    words = ("USER", "UIDL", *capabilities)
    return Row(name, why, rules=rules, options=tuple(w for line in words for w in ("--capa", line)), **more)


def behind_each(octets):
    return ("on RETR " + says(octets, "append"),)


def before_the_next(octets):
    """The same, when the next is asked for: so late that nobody can see it before."""
    return ("on RETR from=2 " + says(octets, "prepend"),)


STRAY = b"+OK\r\n" + MAIL["m5"] + b".\r\n"
BREAKS = "curl: exit 0, cut body. mpop: endless loop writing newlines. fetchmail: delivers the fragment. getmail6: safe"
SILENT = dict(mount={"timeout": SILENCE})

ROWS = [
    once("closes-in-the-middle-once", "cut 100", "a line that breaks", BREAKS),
    always("closes-in-the-middle-always", "cut 100", "a message that crashes its server", BREAKS),
    once("resets-in-the-middle-once", "abort 100", "a line that breaks", BREAKS),
    always("resets-in-the-middle-always", "abort 100", "a message that crashes its server", BREAKS),
    always("closes-before-the-last-lf", "cut -1", "the worst place to close", BREAKS),
    always("closes-before-the-last-crlf", "cut -2", "the same", BREAKS),
    always("closes-before-the-dot", "cut -3", "the same", BREAKS),
    always("closes-behind-a-cr", "cut -4", "the same", BREAKS),
    always("closes-behind-ok", "cut 5", "seen: +OK, then a close", BREAKS),
    once("closes-instead-of-an-answer", "close", "a server that crashes", BREAKS),
    always("silent-behind-ok", "stall 20", "seen: +OK, then silence for ever", error=ETIMEDOUT, **SILENT),
    always("silent-in-the-middle", "stall 100", "the same, later", error=ETIMEDOUT, **SILENT),
    always("silent-before-the-dot", "stall -3", "the same, last", error=ETIMEDOUT, **SILENT),
    always("silent-instead-of-an-answer", "stall", "the same, at once", error=ETIMEDOUT, **SILENT),
    once("forgets-an-answer", "swallow", "the next reply is not that of this command",
         files={"m4": [FOUR, EIO, ETIMEDOUT]}, **SILENT),

    always("refuses-one-message", 'err "no"', "a damaged file",
           "curl, mpop: stop. fetchmail, getmail6: go on"),
    always("refuses-one-message-for-good", 'err "[SYS/PERM] damaged"', "RFC 3206", "as refuses-one-message"),
    always("refuses-one-message-for-now", 'err "[SYS/TEMP] later"', "RFC 3206", "as refuses-one-message", error=11),
    once("closes-instead-and-it-is-gone", "vanish close-after", "the same, and the line closes", files={"m4": [EIO, 2]},
         left=tuple(name for name in MAIL if name != "m4")),
    always("a-message-vanishes-while-listed", "vanish", "another session deleted it", error=[EIO, 2],
           left=tuple(name for name in MAIL if name != "m4")),
    always("neither-ok-nor-err", says(b"* BYE Autologout\r\n"), "an IMAP server's words"),
    always("an-empty-status-line", says(b"\r\n"), "a proxy that lost a line"),
    always("a-status-line-of-nine-kilobytes", says(b"+OK " + b"x" * 9000 + b"\r\n"), "no end in sight"),
    always("an-answer-without-status", says(FOUR + b".\r\n"), "twisted, when it crashes"),
    once("neither-ok-nor-err-once", says(b"421 try again\r\n"), "a proxy"),
    once("one-ok-too-many-before", says(b"+OK\r\n", "prepend"), "the body then begins with a status line"),
    once("one-ok-too-many-behind", says(b"+OK\r\n", "append"), "a reply that nobody asked for"),
    once("an-unasked-line-behind", says(b"421 too long\r\n", "append"), "a proxy's idle timeout"),
    once("inactivity-and-close", says(b"-ERR inactivity\r\n", "append") + " close-after",
         "Dovecot, after ten minutes", "curl, mpop, fetchmail, getmail6: stop"),
    Row("closes-after-every-message", "a server that counts commands", rules=("on RETR close-after",)),
    once("another-reply-behind", says(STRAY, "append"), "the next command's answer then is not its own"),
    Row("another-reply-behind-each", "the same, always", rules=behind_each(STRAY)),
    Row("another-reply-behind-each-late", "the same, when the next is asked for", rules=before_the_next(STRAY)),
    Row("one-ok-too-many-behind-each", "the same, a status line alone", rules=behind_each(b"+OK\r\n")),
    Row("one-ok-too-many-behind-each-late", "the same", rules=before_the_next(b"+OK\r\n")),
    *(blind(f"blind-{name}{with_windows}", rules, "the same, and no TOP to tell them apart", *words)
      for with_windows, words in (("", ()), ("-in-windows", ("PIPELINING",)))
      for name, rules in (("another-reply-behind-each", behind_each(STRAY)),
                          ("another-reply-behind-each-late", before_the_next(STRAY)),
                          ("one-ok-too-many-behind-each", behind_each(b"+OK\r\n")),
                          ("one-ok-too-many-behind-each-late", before_the_next(b"+OK\r\n")))),
    blind("blind-noop-is-unknown", ('on NOOP err "unknown command"',), "a home-made server", fires=None),
    blind("blind-list-with-a-number-is-refused", tuple(f'on LIST {n} err "no"' for n in range(1, 8)),
          "a home-made server"),
    Row("the-first-line-is-a-dot", "Dovecot does not stuff it: the message seems to end, the rest comes as a reply",
        rules=(reply("RETR 4", b"+OK\r\n.\r\nSubject: x\r\n\r\n+OK 5 octets\r\nbody\r\n.\r\n"),),
        files={"m4": [b"", EIO]}),
    Row("refuses-three-and-closes", "solid, after five -ERR of any kind",
        rules=('on RETR 3-5 err "no"', "on RETR 5 close-after"), files={"m3": EIO, "m4": EIO, "m5": EIO}),
    Row("noop-is-unknown", "a home-made server", rules=('on NOOP err "unknown command"',), fires=None),
    Row("noop-has-no-answer", "out of step, most likely", rules=("on NOOP swallow",), fires=None,
        insists=False),
    Row("noop-closes", "a server that crashes", rules=("on NOOP close",), fires=None),
    Row("another-message-instead", "a server that counts wrong",
        rules=(reply("RETR 4", b"+OK\r\n" + MAIL["m5"] + b".\r\n", "times=1"),)),
    Row("never-two-fetches-alike", "a server that rewrites headers as it goes",
        rules=tuple(reply("RETR 4", b"+OK\r\nX-Seen: %d\r\n" % n + FOUR + b".\r\n", f"total={n}") for n in range(1, MANY)),
        files={"m4": [EIO, *(b"X-Seen: %d\r\n" % n + FOUR for n in range(1, MANY))]}),

    Row("replies-land-inside-the-mail-before", "WildDuck, under PIPELINING", rules=("on RETR corrupt-pipelined",)),
    Row("one-command-a-segment", "n3: what follows the first command in a segment is lost",
        rules=("on PASS one-command-per-segment", "on AUTH one-command-per-segment"), mount={"timeout": SILENCE},
        insists=False),
    Row("closes-at-the-third-fetch-of-a-line", "E-MailRelay, at ten large ones in a queue",
        rules=("on RETR nth=3 abort",)),

    Row("top-is-refused", "announced all the same", rules=('on TOP err "no"',)),
    Row("top-closes", "a server that crashes at TOP", rules=("on TOP close",)),
    Row("top-is-silent", "the same, and waits", rules=("on TOP stall",), mount={"timeout": SILENCE}),
    Row("top-has-no-end", "the same, later", rules=("on TOP no-end stall -1",), mount={"timeout": SILENCE}),
    Row("top-is-no-reply", "out of step", rules=(reply("TOP", b"what?\r\n"),)),
    other_header("top-is-cut", b"Received: from a by b;", "some cut TOP at 64 to 82 KB"),
    other_header("top-is-not-stuffed", b"Subject: x\r\n.hidden: y\r\n", "some do not stuff TOP"),
    other_header("top-is-another-message-s", MAIL["m5"].split(b"\r\n\r\n")[0] + b"\r\n", "a server that counts wrong"),
    other_header("top-is-empty", b"", "a server without TOP that says +OK"),
    Row("top-brings-the-whole-message", "a server that ignores TOP's count", rules=(reply("TOP 4", WHOLE),)),
    Row("delayed", "a slow server", rules=("on RETR delay 50", "on TOP delay 20")),
]
