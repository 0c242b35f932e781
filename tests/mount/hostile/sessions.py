"""How sessions end, and what deletions come to: nothing but what was removed is ever deleted."""

from .row import MAIL, Row, Then

KEPT = tuple(sorted(MAIL))
OTHERS = tuple(name for name in KEPT if name not in ("m3", "m5"))
GONE = {"m3": None, "m5": None}
QUIT_ENDS = "curl: ignores it. mpop, fetchmail, getmail6: an error"
IDLE = {"idle": 0}


def reads(name, rules, why, clients="", **more):
    """Nothing is removed; sessions end one after the other."""
    return Row(name, why, clients, rules=rules, mount=IDLE, **more)


def deletes(name, rules, why, left=OTHERS, **more):
    """m3 and m5 are removed; then the server is well, and it is mounted again."""
    return Row(name, why, rules=rules, remove=("m3", "m5"), left=left, **more)


ROWS = [
    reads("quit-is-refused", ('on QUIT err "no"',), "Dovecot, Stalwart, mailutils", QUIT_ENDS),
    reads("quit-has-no-answer", ("on QUIT stall",), "mailutils closes without a word", QUIT_ENDS),
    reads("quit-closes", ("on QUIT close",), "the same", QUIT_ENDS),
    reads("one-session-at-a-time", (), "RFC 1939, 3", options=("--one-session",)),
    Row("reading-deletes", "EXPIRE 0: Gmail", mount=IDLE, sent={"QUIT": 0},
        options=tuple(w for line in ("TOP", "UIDL", "USER", "EXPIRE 0") for w in ("--capa", line))),
    deletes("deletes", (), "a server that is well", then=Then(files=GONE)),
    deletes("deletes-at-once", ("on DELE delete-now",), "GreenMail, twisted", then=Then(files=GONE)),
    deletes("deletes-at-once-and-closes", ("on DELE nth=2 delete-now close-after",), "the same, and crashes",
            left=None, code=None, then=Then(files=GONE)),
    deletes("says-ok-and-deletes-nothing", ("on DELE no-delete",), "Courier, Cyrus: a store that cannot be changed",
            left=KEPT, code=None, then=Then(files=GONE)),
    deletes("deletes-one-and-says-no", ('on QUIT delete-first 1 err "some messages were not removed" done',), "qmail",
            left=None, code=None, then=Then(files=GONE)),
    deletes("refuses-one-dele", ('on DELE 3 err "no"',), "a message that is locked", left=(*OTHERS, "m3"), code=None),
    deletes("refuses-quit-of-a-commit", ('on QUIT err "not now"',), "Dovecot, Stalwart: a full disk", left=KEPT,
            code=None, then=Then(files=GONE)),
    deletes("closes-at-the-dele", ("on DELE close",), "a server that crashes", left=KEPT, code=None,
            then=Then(files=GONE), mount={"commit_timeout": 5}),
    deletes("is-silent-at-quit", ("on QUIT stall",), "a server that hangs", left=KEPT, code=None, then=Then(files=GONE),
            mount={"timeout": 2, "commit_timeout": 5}),
]
