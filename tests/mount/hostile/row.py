"""What a row of the table of hostile servers is made of."""

import errno
from dataclasses import dataclass, field

EIO, ETIMEDOUT = errno.EIO, errno.ETIMEDOUT
SILENCE = 2   # seconds of `timeout` where a row's server falls silent


def message(number):
    """An everyday message; no two have the same size."""
    return (b"Received: from a by b; Tue, 3 Feb 2026 10:20:30 +0100\r\nFrom: a%d@example.org\r\n"
            b"Message-ID: <%d@example.org>\r\nSubject: number %d\r\n\r\n" % (number, number, number)
            + b"line of a body\r\n" * number)


# Two are fetched alone before any window is opened: what a server does to a window it does from m3 on.
MAIL = {f"m{n}": message(n) for n in range(1, 8)}


def quoted(octets):
    """Octets as TEXT of a fault rule."""
    return '"' + "".join(chr(o) if 32 <= o < 127 and o not in b'"\\' else f"\\x{o:02x}" for o in octets) + '"'


def reply(command, octets, *conditions):
    return f"on {command} {' '.join(conditions)} reply {quoted(octets)}"


def listing(command, *lines):
    """A rule: this listing instead of the server's own."""
    return reply(command, b"".join(line + b"\r\n" for line in (b"+OK", *lines, b".")))


def top(header):
    """What is answered to TOP, with this header."""
    return b"+OK\r\n" + header + b"\r\n.\r\n"


@dataclass
class Then:
    """A second mount of the same account: other rules, more or other messages. `refused`: as of a Row, and a third one
    is made, without rules."""

    rules: tuple = ()
    messages: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    refused: str = ""


@dataclass
class Row:
    """A server that does what `rules` and `options` say (tests/server/README.md), and what comes of it.

    Each name in `files` has its octets, or the errno of its open, or a list of what may come; names that are not in it
    have the octets of `messages`; None: there is no such file. `refused`: the mount does not come about, and this is
    said. `status`: words in lines of .pop3fs/status. `sent`: how many commands of a verb."""

    name: str
    why: str                        # who does it
    clients: str = ""               # what becomes of others there: curl, mpop, fetchmail, getmail6
    rules: tuple = ()
    options: tuple = ()
    messages: dict = field(default_factory=lambda: MAIL)
    files: dict = field(default_factory=dict)
    refused: str = ""
    status: dict = field(default_factory=dict)
    sent: dict = field(default_factory=dict)
    mount: dict = field(default_factory=dict)    # options of pop3fs
    way: str = "plain"
    pieces: int = 1                 # octets in each of the server's writes, where it cuts
    remove: tuple = ()              # names to unlink
    left: tuple = ()                # what the server holds afterwards, where it is not all
    fires: bool = True              # false: it would do something if pop3fs did; None: not always
    code: int = 0                   # of the daemon's end
    then: Then = None
    insists: bool = True            # with pipelining=on it can be mounted, too
    fails: str = ""                 # what pop3fs is known to do wrong here, and who mends it

    def wanted(self):
        """{name: octets, errno, or a list of these}."""
        return {name: want for name, want in {**self.messages, **self.files}.items() if want is not None}
