"""One round of the crash sweep: a hand does a bit of everything and is killed somewhere; then all must be as promised.

A world is a maildrop, a hand and a promise that live through many rounds, so that what a death left behind meets the
next one, too.
"""

import re

from eventually import eventually
from hands import Dead
from programs import TOP
from promise import Promise, letter
from raw import Raw

MESSAGES = 6            # at the beginning of a round
BIG = 300 * 1000        # octets of every third message: some chunks
BREAK = "on RETR {}-{} times=1 cut 200000"   # a line that breaks in a big body, once a round
STORE_STEPS = ("done", "kept", "told")


def points(floor="*"):
    """The names of all points in the source (src/base/point.h), or in that of a floor."""
    text = "".join(path.read_text() for path in sorted((TOP / "src").glob(f"{floor}/*.c")))
    named = re.findall(r'POINT\("(\w+)", "(\w+)"\)', text)
    tasks = re.findall(r'\[TASK_\w+\] = \{\w+, \w+, "(\w+)"', text)
    return [f"{of}.{step}" for of, step in named] + [f"{task}.{step}" for task in tasks for step in STORE_STEPS]


class Scripted:
    """A maildrop of the scripted server."""

    def __init__(self, serve, *options):
        self.server = serve(*options, messages={})

    def messages(self):
        return self.server.messages()

    def deliver(self, key, octets):
        self.server.deliver(key, octets)
        return key

    def begin(self, first, last):
        """A round begins in which one of these messages is cut short."""
        self.server.rules(BREAK.format(first, last))

    def settled(self):
        self.server.settled()

    def plain(self):
        """{uidl: octets}, as an ordinary client sees them."""
        self.server.rules()
        with Raw(self.server) as raw:
            return dict(raw.everything())

    def heard(self):
        return len(self.server.lines())


class OfDovecot:
    """A maildrop of a Dovecot, whose UIDLs are the names of the files."""

    def __init__(self, dovecot):
        # a login waits until the session before it has ended, expunges and all
        self.account = dovecot.account(pop3_uidl_format="%f", pop3_lock_session="yes")

    def messages(self):
        return self.account.messages()

    def deliver(self, _key, octets):
        return self.account.deliver(octets)

    def begin(self, first, last):
        pass

    def settled(self):
        self.plain()

    def plain(self):
        def look():
            try:
                return self.account.retr()
            except AssertionError:   # [IN-USE]
                return None
        found = eventually(lambda: [look()] if look() is not None else None, "a login")
        return found[0]

    def heard(self):
        return len(self.account.commands())


class World:
    """drop is one of the above, hand one of hands."""

    def __init__(self, drop, hand):
        self.drop, self.hand = drop, hand
        self.promise = Promise(drop)
        self._delivered = 0

    def deliver(self, big=False):
        self._delivered += 1
        key = f"m{self._delivered:05}"
        octets = letter(key, BIG if big or self._delivered % 3 == 0 else 0)
        key = self.drop.deliver(key, octets)
        self.promise.delivered(key, octets)
        return key

    def round(self, kill=None, deed=None, moment=0):
        """kill: a point, "NAME:COUNT". Or deed: the number of one that is begun and then killed, when the server has
        got so many more lines. Returns whether it was killed; AssertionError if a promise was broken."""
        while len(self.promise.mail) < MESSAGES:
            self.deliver()
        last = len(self.promise.mail) + 1   # the late one; a commit will have been before it
        self.drop.begin(last - 1, last)
        killed = False
        try:
            self._live(kill, deed, moment)
        except Dead:
            killed = True
            self.hand.after_death()
            self.promise.tried()
        self.drop.settled()
        self.promise.look()
        self._look_again()
        return killed

    def _live(self, kill, deed, moment):
        hand = self.hand
        hand.start(kill)
        names = sorted(name for name, message in hand.shown().items() if not message.hidden)
        late = self.deliver(big=True)
        deeds = [
            ("header", names[4]),   # first: what is read in order brings the bodies of the next, too
            ("fetch", names[0]), ("fetch", names[1]), ("fetch", names[2]), ("fetch", names[3]),
            ("unlink", names[1]), ("unlink", names[2]), ("undelete", names[1]), ("sync",),
            ("commit",), ("refresh",), ("appear", late), ("fetch", late), ("unlink", late), ("unlink", names[4]),
            ("header", names[5]), ("verify",), ("spoil", names[0]), ("end",),
        ]
        for number, words in enumerate(deeds):
            if number == deed and words[0] not in ("sync", "appear", "header", "verify", "spoil", "end"):
                self._begin(words, moment)
            self._do(*words)

    def _begin(self, words, moment):
        before = self.drop.heard()
        self._expect(*words, answered=False)
        self.hand.begin(*words)
        try:
            eventually(lambda: self.drop.heard() >= before + moment, seconds=0.2)
        except AssertionError:
            pass   # it does not say that much
        self.hand.kill()
        raise Dead

    def _expect(self, word, name=None, answered=True):
        if word == "unlink":
            self.promise.unlinked(name, name, answered)
        elif word == "undelete":
            self.promise.undeleted(name, answered)
        elif word in ("commit", "end"):
            self.promise.tried()

    def _do(self, word, name=None):
        hand = self.hand
        if word == "fetch":
            octets = hand.read(name)
            assert octets is not None, f"{name} could not be read: {hand.log()}"
            self.promise.read(name, octets)
            return
        try:
            good = getattr(hand, word)(*([name] if name else []))
        except Dead:
            self._expect(word, name, answered=False)
            raise
        assert good, f"{word} {name or ''} failed: {hand.log()}"
        self._expect(word, name)
        self.promise.look()
        if word in ("commit", "end"):
            self.promise.committed()

    def _look_again(self):
        """Another life, undisturbed: all is as before, all that was unlinked goes, and nothing else."""
        self.drop.begin(1, 2)
        self.hand.start()
        seen = self.hand.shown()
        self.promise.shown(seen, fresh=True)
        for name, message in seen.items():
            if not message.hidden:
                octets = self.hand.read(name)
                assert octets is not None, f"{name} cannot be read: {self.hand.log()}"
                self.promise.read(name, octets)
        assert self.hand.end(), f"the last commit failed: {self.hand.log()}"
        self.promise.tried()
        self.promise.look()
        self.promise.committed()
        assert self.drop.plain() == self.promise.mail
