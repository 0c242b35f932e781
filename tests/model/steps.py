"""Random sequences of everything that users, servers, networks and deaths do, checked against the promise.

A step is (word, number): the number chooses among what there is then, so that any part of a sequence can be played
again, and a failing one be shortened. Sequence(...).play(steps) raises Broken with the place of the first step after
which a promise did not hold.
"""

import random
from dataclasses import dataclass

from eventually import eventually
from hands import Dead
from promise import Promise, key_of, letter

# What the server does wrong from then on.
FAULTS = [
    'on QUIT err "no"',
    'on QUIT err "no" done',
    "on QUIT cut 0",
    "on QUIT cut 2",
    "on QUIT close",
    "on QUIT swallow",
    "on DELE no-delete",
    "on DELE delete-now",
    'on DELE err "no"',
    'on DELE nth=2 err "no"',
    "on QUIT delete-first 1",
    "on DELE nth=2 close",
    "on DELE nth=2 cut 0",
    "on DELE close-after",
    "on DELE reply \"\\x01what?\\r\\n\"",
    "on RETR cut 300",
    "on RETR nth=2 close",
    'on RETR err "no"',
    "on UIDL conn=2- cut 10",
    "on UIDL no-end close-after",
    "on LIST nth=1 close",
    "on TOP cut 20",
    "on TOP close",
    'on PASS total=1 err "[IN-USE] busy"',
    'on STAT reply "+OK 99 99\\r\\n"',
    "on CONNECT total=1 close",
]
POINTS = ("line.wrote", "commit.sent", "commit.deleted", "commit.quits", "commit.marked", "mark.done", "mark.kept",
          "outcomes.done", "outcomes.kept", "publish.done", "publish.kept", "unlink.done", "unlink.kept",
          "undelete.done", "undelete.kept", "body.done", "chunk.kept", "merge.done", "listing.known", "end.done")
WEIGHTS = {
    "unlink": 16, "undelete": 6, "commit": 9, "refresh": 5, "read": 6, "deliver": 8, "remove": 3, "fault": 9, "calm": 6,
    "unplug": 3, "restart": 3, "kill": 2, "kill-in": 4, "arm": 3, "settle": 3, "deliver-first": 2, "down": 1,
}
MOST = 15      # messages: fewer than those of which a loss is held back
LEAST = 3


class Broken(Exception):
    """A promise did not hold. `at`: the number of the step."""

    def __init__(self, at, why):
        super().__init__(why)
        self.at = at


@dataclass(frozen=True)
class Kind:
    """Of a sequence: who plays it, and how the server names messages."""

    counted: bool = False
    pipelining: bool = True
    idle: int = 30000


def random_steps(source, count):
    words = source.choices(list(WEIGHTS), WEIGHTS.values(), k=count)
    return [(word, source.randrange(1 << 30)) for word in words]


class Sequence:
    """`server` is a scripted one that serves a directory, `hand` of hands, `points` whether it has any."""

    def __init__(self, server, hand, counted, points):
        self._server, self._hand, self._points = server, hand, points
        self._promise = Promise(server, counted)
        self._counted = counted
        self._delivered = 0
        self._faulty = self._is_down = False
        self.done = []

    def play(self, steps):
        at = -1
        try:
            for number in range(LEAST + 2):
                self._deliver(number * 7919)
            self._start()
            for at, (word, number) in enumerate(steps):
                self.done.append(f"{word} {number}")
                self._step(word, number)
            self._settle_at_last()
        except AssertionError as error:
            raise Broken(at, str(error)) from error

    def _settle_at_last(self):
        try:
            self._settle(0)
        except Dead:   # of a point that was still armed
            self._revive()
            self._settle(0)

    def _say(self, words):
        self.done[-1:] = [f"{self.done[-1]}: {words}" if self.done else words]

    def _step(self, word, number):
        try:
            getattr(self, "_" + word.replace("-", "_"))(number)
        except Dead:
            self._say("died")
            self._revive()
        self._promise.look()
        try:
            self._promise.shown(self._hand.shown(), fresh=False)
        except Dead:
            self._say("died")
            self._revive()

    # ---- what is there to choose from ----

    def _choose(self, number, hidden):
        names = sorted(name for name, message in self._hand.shown().items() if message.hidden == hidden)
        return names[number % len(names)] if names else None

    # ---- deaths and lives ----

    def _start(self, kill=None):
        if self._hand.start(kill) and not self._is_down:
            self._promise.shown(self._hand.shown(), fresh=True)

    def _revive(self):
        self._hand.after_death()
        self._server.settled()
        self._promise.tried()
        self._promise.look()
        self._well()
        self._start()

    def _kill(self, _number):
        self._hand.kill()
        raise Dead

    def _kill_in(self, number):
        """In the middle of something."""
        source = random.Random(number)
        word = source.choice(["unlink", "undelete", "commit", "commit", "refresh", "fetch"])
        name = None
        if word in ("unlink", "undelete", "fetch"):
            name = self._choose(number, word == "undelete")
            if name is None:
                return
        key = self._key(name) if word == "unlink" else None
        if word == "unlink" and key is None:
            return
        before, moment = len(self._server.lines()), source.randrange(12)
        if word == "unlink":
            self._promise.unlinked(name, key, answered=False)
        elif word == "undelete":
            self._promise.undeleted(name, answered=False)
        self._say(f"{word} {name or ''} and {moment} lines")
        self._hand.begin(word, *([name] if name else []))
        try:
            eventually(lambda: len(self._server.lines()) >= before + moment, seconds=0.1)
        except AssertionError:
            pass
        self._hand.kill()
        raise Dead

    def _arm(self, number):
        """It will die at a point of its next life."""
        if not self._points:
            return
        kill = f"{POINTS[number % len(POINTS)]}:{1 + number // len(POINTS) % 5}"
        self._say(kill)
        self._end_this_life()
        self._start(kill)

    def _restart(self, _number):
        self._end_this_life()
        self._start()

    def _end_this_life(self):
        self._promise.tried()
        good = self._hand.end()
        self._server.settled()
        self._promise.look()
        self._judge_commit(good)
        if self._hand.kind == "mounted":
            self._well()   # a mount that cannot be listed is none

    # ---- users ----

    def _key(self, name):
        """Whose octets are shown under this name."""
        if not self._counted:
            return name
        octets = self._hand.read(name)
        return octets and key_of(octets)

    def _unlink(self, number):
        name = self._choose(number, hidden=False)
        key = name and self._key(name)
        if not key:
            return
        self._say(name)
        try:
            if self._hand.unlink(name):
                self._promise.unlinked(name, key)
        except Dead:
            self._promise.unlinked(name, key, answered=False)
            raise

    def _undelete(self, number):
        name = self._choose(number, hidden=True)
        if not name:
            return
        self._say(name)
        try:
            if self._hand.undelete(name):
                self._promise.undeleted(name)
        except Dead:
            self._promise.undeleted(name, answered=False)
            raise

    def _read(self, number):
        name = self._choose(number, hidden=False)
        octets = name and self._hand.read(name)
        if octets and (name in self._promise.mail or self._counted and key_of(octets) in self._promise.mail):
            self._promise.read(name, octets)

    def _refresh(self, _number):
        if self._hand.refresh():
            self._promise.shown(self._hand.shown(), fresh=True)

    def _commit(self, _number):
        self._promise.tried()
        good = self._hand.commit()
        self._promise.look()
        self._judge_commit(good)

    def _judge_commit(self, good):
        """Where nothing went wrong, all that was unlinked is gone. Whether it is cannot be told where another message
        has its UIDL afterwards."""
        if not self._faulty and not self._counted:
            assert good, f"the commit failed: {self._hand.log()}"
            self._promise.committed()

    # ---- servers, networks, other clients ----

    def _deliver(self, number, first=False):
        if len(self._promise.mail) >= MOST:
            return
        self._delivered += 1
        key = f"{'a' if first else 'bcdef'[number % 5]}{self._delivered:04}"
        octets = letter(key, (number // 5) % 4 * 1000)
        self._promise.delivered(key, octets)
        self._server.deliver(key, octets)

    def _deliver_first(self, number):
        """All others have other numbers from now on."""
        self._deliver(number, first=True)

    def _remove(self, number):
        """Another client deletes."""
        keys = sorted(self._promise.mail)
        if len(keys) > LEAST:
            key = keys[number % len(keys)]
            self._say(key)
            self._promise.removed_by_others(key)
            (self._server.directory / key).unlink()

    def _fault(self, number):
        rule = FAULTS[number % len(FAULTS)]
        self._say(rule)
        self._server.rules(rule)
        self._faulty = True

    def _calm(self, _number):
        if not self._is_down:
            self._server.rules()

    def _unplug(self, _number):
        self._server.unplug()

    def _down(self, _number):
        if not self._is_down:
            self._server.down()
            self._server.unplug()
        self._is_down = self._faulty = True

    def _well(self):
        self._server.rules()
        if self._is_down:
            self._server.up()
        self._is_down = False

    def _settle(self, _number):
        """All is well; whatever went wrong before, now all that is still unlinked goes."""
        self._well()
        assert self._hand.refresh(), f"a listing failed: {self._hand.log()}"
        self._promise.shown(self._hand.shown(), fresh=True)
        self._faulty = False
        self._commit(0)
        assert self._hand.refresh()
        self._promise.shown(self._hand.shown(), fresh=True)
