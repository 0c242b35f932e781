"""A trial: a hand does a bit of everything while calls fail. All may go well, or be refused with an error, or, for want
of memory, end the daemon at once; then a clean start shows that the promise was kept. Nothing hangs, nothing crashes.

A hand of here notices how its daemon ended (`code`), and that it would not start: Refused.
"""

import signal
from contextlib import contextmanager
from pathlib import Path

from eventually import eventually
from faults import planned, surroundings
from hands import Dead, Driven, Mounted
from popserver import capabilities
from sweep import Scripted, World

MESSAGES = 4                   # at the beginning of a trial
OUT_OF_MEMORY = ("alloc", "map")   # ends the process at once (src/base/alloc.h)
PIPELINING = capabilities("PIPELINING")
SOON = {"timeout": 5, "retry": 5, "commit_timeout": 10}   # seconds a mount may wait
SOON_DRIVEN = {"timeout": 5000, "commit": 8000}
DAMAGED = ".damaged-"          # part of the name of a database that was moved aside


class Refused(Exception):
    """It would not start, and said why."""


class FaultyDriven(Driven):
    """The session driver, which may end by itself."""

    code = None

    def start(self, kill=None, env=None):
        self.code = None
        try:
            good = super().start(kill, env)
        except Dead:
            if self.code == 2:
                raise Refused(self.log()) from None
            raise
        return good

    @contextmanager
    def _watched(self):
        try:
            yield
        except (AssertionError, OSError) as error:
            try:
                self.code = eventually(lambda: (self._driver.ended(),) if self._driver.ended() is not None else None,
                                       "its end", 1)[0]
            except AssertionError:
                raise error from None
            raise Dead from None

    def stored(self):
        return Path(self._store).parent

    def clean(self):
        """Whether nothing of it is left."""
        return self._driver.ended() is not None


class FaultyMounted(Mounted):
    """A mount whose daemon may end by itself."""

    code = None

    def start(self, kill=None, env=None):
        self.code = None
        with surroundings(env or {}):
            self._mount, done = self._mounts.attempt(self._account, self._person, cache=self._cache, refresh=900,
                                                     **self._options)
        self._said = done.err
        if done.code != 0:
            self._start_failed(done)
        self._mount.pid = self._find_daemon()
        if self._mount.pid is None or self._is_dead():   # between "ready" and now
            raise Dead
        return True

    def _start_failed(self, done):
        assert done.err.strip(), "it failed without a word"
        if done.code < 0 or "ended by signal" in done.err:
            self.code = done.code if done.code < 0 else -int(done.err.split("ended by signal ")[1].split(";")[0])
            raise Dead
        raise Refused(done.err)

    def _find_daemon(self):
        """Of its two processes the one with threads."""
        pids = self._mount.processes()
        threads = {pid: len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids}
        return max(threads, key=threads.get) if threads else None

    def end(self):
        if self._is_dead():
            raise Dead
        done = self._mount.run("fusermount3", "-u", self._mount.path)
        if done.code != 0 and self._mount.is_mounted():
            return False
        self.code = self._mount.wait()
        if self.code is not None and self.code < 0:
            raise Dead
        return self.code == 0

    def after_death(self):
        if self._mount and self._mount.pid is not None:
            eventually(self._is_dead, "its death")
            self.code = self._mount.wait()
        self._mount.finish()

    def stored(self):
        return self._cache

    def clean(self):
        return not self._mount.is_mounted() and not self._mount.processes()


class Trial(World):
    """A World whose rounds are trials of a plan."""

    def __init__(self, drop, hand, plan):
        super().__init__(drop, hand)
        self.plan = plan
        self.kind = None      # of the calls that fail
        self.seen = False     # this hand has known a maildrop

    def run(self, kind, **fault):
        """Returns how it went: fine, error, refused, or died; and "missed" if there was no such call."""
        while len(self.promise.mail) < MESSAGES:
            self.deliver()
        self.kind, self.errors = kind, 0
        how = None
        self.plan.fail(kind, **fault)
        try:
            self._live_through()
        except Refused:
            how = "refused"
        except Dead:
            how = "died"
        self._over()
        if self.plan.failed == 0:
            assert how is None and self.errors == 0, f"{how}, {self.errors} errors, and no call failed: {self.hand.log()}"
            return "missed"
        return how or ("error" if self.errors else "fine")

    def rehearse(self, kind):
        """The same with no fault: {place: calls} of this kind."""
        while len(self.promise.mail) < MESSAGES:
            self.deliver()
        self.kind, self.errors = kind, 0
        self.plan.calm()
        self.plan.record(kind)
        self._live_through()
        self.plan.record(None)
        self._over()
        assert self.errors == 0, self.hand.log()
        return self.plan.places()

    def _over(self):
        hand = self.hand
        self.plan.calm()
        hand.after_death()
        self._judge_end(hand.code)
        self.promise.tried()
        self.drop.settled()
        self.promise.look()
        self._look_again()
        eventually(hand.clean, "the end of all that was started")
        aside = [path.name for path in hand.stored().iterdir() if DAMAGED in path.name]
        assert not aside, f"a fault that passed is no damage: {aside}"

    def _judge_end(self, code):
        if code is None or code >= 0:
            return
        assert self.kind in OUT_OF_MEMORY, f"ended by signal {-code}: {self.hand.log()}"
        assert code == -signal.SIGABRT or self._is_the_library_s(), f"ended by signal {-code}: {self.hand.log()}"

    def _is_the_library_s(self):
        """glibc 2.36's getaddrinfo does not look whether its first table of name services could be had, nor libseccomp
        2.5 whether its filter could grow."""
        return all(frame.startswith(("libc.so", "libseccomp.so")) for frame in self.plan.story().split(" ")[1:5])

    def _live_through(self):
        hand = self.hand
        hand.start(env=self.plan.environment)
        try:
            names = sorted(name for name, message in hand.shown().items() if not message.hidden)
        except OSError:   # not even the directory can be read
            names, self.errors = [], self.errors + 1
        late = self.deliver(big=True)
        deeds = [
            *(("header", name) for name in names[3:4]),
            *(("fetch", name) for name in names[:2]),
            *(("unlink", name) for name in names[1:3]),
            *(("undelete", name) for name in names[1:2]),
            ("sync",), ("commit",), ("refresh",), ("fetch", late), ("unlink", late), ("verify",), ("end",),
        ]
        for words in deeds:
            self._try(*words)

    def _try(self, word, name=None):
        hand = self.hand
        if word == "fetch":
            octets = hand.read(name)
            if octets is None:
                self.errors += 1
            else:
                self.promise.read(name, octets)
            return
        try:
            good = getattr(hand, word)(*([name] if name else []))
        except Dead:
            self._expect(word, name, answered=False)
            raise
        if good:
            self._expect(word, name)
        else:
            self._failed(word, name)
        self.promise.look()
        if good and word in ("commit", "end"):
            self.promise.committed()

    def _failed(self, word, name):
        """An unlink that failed has done nothing: but where the answer itself did not get through, nobody knows. An
        undelete may have been done, and not be on disk."""
        self.errors += 1
        if word == "undelete" or (word == "unlink" and self.kind == "fuse"):
            self._expect(word, name, answered=False)
        elif word in ("commit", "end"):
            self.promise.tried()


@contextmanager
def trial(stage, hand):
    """A Trial of a hand, driven or mounted, on a server of its own."""
    drop = Scripted(stage.serve, *PIPELINING)
    with planned(stage.root) as plan:
        if hand == "driven":
            yield Trial(drop, FaultyDriven(stage.drive, drop.server, **SOON_DRIVEN), plan)
        else:
            yield Trial(drop, FaultyMounted(stage.mounts, drop.server, stage.person, stage.root, **SOON), plan)
