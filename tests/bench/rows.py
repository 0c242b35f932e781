"""The figures to reach, as data: a row is what is measured, among whom, and the ratio to reach."""

from dataclasses import dataclass
from math import exp, log
from typing import Callable

import works
from contestants import (cold_copy, cold_load, cold_load_mirror, curl, drain, drain_stored, durably, fetchmail, formula,
                         mpop, mpop_no_sync)
from world import Corpus, Line
from works import HOT

CORPORA = {
    "S": Corpus("S", 1000),
    "M": Corpus("M", 10000, "2000-4000"),
    "B": Corpus("B", 20, "25000000-50000000"),
    "L": Corpus("L", 1000000, "600"),
    "one": Corpus("one", 1, "600"),
}
QUICK = {
    "S": Corpus("S, quick", 60),
    "M": Corpus("M, quick", 300, "2000-4000"),
    "B": Corpus("B, quick", 3, "5000000-10000000"),
    "L": Corpus("L, quick", 10000, "600"),
    "one": Corpus("one", 1, "600"),
}

NEAR, NEARER, FAR = Line(), Line(20), Line(80)
FAR_SLOW = Line(80, 100_000_000)


# ---- goals: results are {contestant: {figure: median}} ----

@dataclass(frozen=True)
class Goal:
    """value(results) is to be at most `most`, or at least `least`."""

    words: str
    value: Callable
    most: float = None
    least: float = None

    def reached(self, value):
        return value <= self.most if self.most is not None else value >= self.least

    @property
    def bound(self):
        return f"<= {self.most:.3g}" if self.most is not None else f">= {self.least:.3g}"


def figure(contestant, name="seconds"):
    return lambda results: results[contestant][name]


def best(*contestants):
    """The least seconds of those who were there."""
    def value(results):
        there = [results[c]["seconds"] for c in contestants if c in results]
        if not there:
            raise KeyError(" or ".join(contestants))
        return min(there)
    return value


def ratio(of, to, most, words=None, name="seconds"):
    """A figure of one contestant against the same figure of another, or against a bound (a function)."""
    bound = to if callable(to) else figure(to, name)
    return Goal(words or f"{of} / {to}" + ("" if name == "seconds" else f", {name}"),
                lambda results: figure(of, name)(results) / bound(results), most)


def both(to, most, words=None):
    """The ratio of pop3fs in its usual way, and as a mirror."""
    return tuple(ratio(of, to, most, f"{of} / {words or to}") for of in ("pop3fs", "pop3fs, mirror"))


def bound(words, of, seconds):
    """A contestant's seconds against a bound that follows from the line."""
    return Goal(f"{of} / ({words})", lambda results: results[of]["seconds"] / seconds, 1.0)


def geometric_mean(of, to, most):
    def value(results):
        return exp(sum(log(results[of][c] / results[to][c]) for c in HOT) / len(HOT))
    return Goal(f"{of} / {to}, geometric mean", value, most)


def worst(of, to, most):
    return Goal(f"{of} / {to}, the worst", lambda results: max(results[of][c] / results[to][c] for c in HOT), most)


# ---- rows ----

@dataclass(frozen=True)
class Row:
    number: int
    name: str
    title: str
    work: Callable
    goals: tuple
    slow: tuple = ()     # contestants that have one turn only: lockstep over a long line


POP3FS = {"pop3fs": cold_load, "pop3fs, mirror": cold_load_mirror}
DURABLY = {name: durably(contestant) for name, contestant in POP3FS.items()}
LIMITS = {"limit 2": drain_stored, "limit 1": drain}
MPOP_FREE = "mpop, no sync"
PEERS = "best of mpop, curl, fetchmail"


def _wire_time(trips):
    return formula(f"octets / rate + {trips} round trips",
                   lambda place: place.octets * 8 / place.wire.rate + trips * place.wire.trip)


ROWS = (
    Row(1, "S-80ms", "cold load of S at 80 ms", works.load("S", FAR, {
        **POP3FS, MPOP_FREE: mpop_no_sync, "curl": curl, "fetchmail": fetchmail, **LIMITS,
    }), (*both(MPOP_FREE, 0.40), *both("limit 2", 1.10)), slow=("curl", "fetchmail")),
    Row(1, "S-80ms-copies", "the same, read by cp and rsync", works.load("S", FAR, {
        "pop3fs, cp -r": cold_copy(("cp", "-r")), "pop3fs, rsync -a": cold_copy(("rsync", "-a")),
        MPOP_FREE: mpop_no_sync, "limit 2": drain_stored,
    }), (ratio("pop3fs, cp -r", MPOP_FREE, 0.40), ratio("pop3fs, rsync -a", MPOP_FREE, 0.40),
         ratio("pop3fs, cp -r", "limit 2", 1.10), ratio("pop3fs, rsync -a", "limit 2", 1.10))),
    Row(2, "M-80ms", "cold load of M at 80 ms", works.load("M", FAR, {
        **POP3FS, "mpop": mpop, "curl": curl, "fetchmail": fetchmail, **LIMITS,
    }), (*both("mpop", 1 / 12), *both("limit 2", 1.20)), slow=("curl", "fetchmail")),
    *(Row(3, f"{corpus}-100mbit", f"cold load of {corpus} at 80 ms and 100 Mbit/s", works.load(corpus, FAR_SLOW, {
        **POP3FS, "mpop": mpop, **LIMITS, "the line": _wire_time(6.5),
    }), both("the line", 1.04, "(octets / rate + 6.5 round trips)")) for corpus in "SM"),
    *(Row(4, f"{corpus}-near", f"cold load of {corpus} at no delay, stored durably", works.load(corpus, NEAR, {
        **DURABLY, "mpop": durably(mpop), "curl": durably(curl), "fetchmail": durably(fetchmail),
        **LIMITS,
    }), (*both(best("mpop", "curl", "fetchmail"), most, PEERS), ratio("pop3fs", "curl", 0.4, name="cpu"),
         ratio("pop3fs, mirror", "curl", 0.4, name="cpu")))
      for corpus, most in (("S", 0.60), ("M", 0.25))),
    Row(5, "S-tls", "cold load of S over TLS at no delay, stored durably", works.load("S", NEAR, {
        **DURABLY, "mpop": durably(mpop), "curl": durably(curl), "fetchmail": durably(fetchmail),
        **LIMITS,
    }, tls=True), both(best("mpop", "curl", "fetchmail"), 0.70, PEERS)),
    Row(5, "S-tls-20ms", "cold load of S over TLS at 20 ms", works.load("S", NEARER, {
        **POP3FS, "mpop": mpop, **LIMITS,
    }, tls=True), both("mpop", 0.5)),
    Row(6, "mounting", "mounted and `ls -l` complete, M, headers off, at 80 ms", works.mounting("M", FAR), (
        bound("5 round trips + 50 ms", "pop3fs", 5 * FAR.trip + 0.05),
        bound("6 round trips + 50 ms", "pop3fs, TLS", 6 * FAR.trip + 0.05),
        bound("4 round trips + 50 ms", "pop3fs, a known server", 4 * FAR.trip + 0.05),
        bound("40 ms", "pop3fs, no server", 0.04),
    )),
    Row(7, "one-message", "one uncached message at 80 ms, the session open", works.one_message("M", FAR), (
        bound("1 round trip + 10 ms", "pop3fs", FAR.trip + 0.01),
    )),
    Row(7, "one-meanwhile", "the last message of S while the others are loaded, at 80 ms and 100 Mbit/s",
        works.one_message_meanwhile("S", FAR_SLOW), (
            # a window is what the line holds in one round trip
            bound("2.5 round trips + one window", "pop3fs", 3.5 * FAR_SLOW.trip),
        )),
    Row(8, "hot", "hot local reads of S against the disk's file system", works.hot_reads("S"), (
        geometric_mean("pop3fs", "disk", 1.0), worst("pop3fs", "disk", 1.15),
        geometric_mean("pop3fs, mirror", "disk", 1.0), worst("pop3fs, mirror", "disk", 1.15),
    )),
    Row(9, "first-pass", "first pass over S after a warm mount, against the disk's file system hot",
        works.first_reads("S"), (
            geometric_mean("pop3fs", "disk, hot", 1.7), geometric_mean("pop3fs, mirror", "disk, hot", 1.7),
            Goal("pop3fs, FUSE requests a message, cat", figure("pop3fs", "requests"), 0.1),
            Goal("pop3fs, mirror, FUSE requests a message, cat", figure("pop3fs, mirror", "requests"), 0.1),
        )),
    Row(10, "million", "listings of L", works.million("L"), (
        ratio("pop3fs, nothing new", "mpop, nothing new", 0.5),
        ratio("pop3fs, a poll", "mpop, nothing new", 0.5),
        Goal("pop3fs, octets of memory a message", figure("pop3fs, first listing", "octets a message"), 100),
        bound("2.5 s", "pop3fs, first listing", 2.5),
        ratio("pop3fs, ls -U", "disk, ls -U", 1.3, "pop3fs / disk, ls -U, cold"),
        ratio("pop3fs, ls -U", "disk, ls -U", 0.6, "pop3fs / disk, ls -U, hot", "hot"),
    )),
    Row(11, "large", "B into the cache", works.large("B"), (
        Goal("pop3fs, MB/s", figure("pop3fs", "MB/s"), least=200),
        Goal("pop3fs, peak MiB that no file backs", figure("pop3fs", "MiB, no file's"), 32),
    )),
    Row(12, "deleting", "unmount that deletes all of M, at 80 ms", works.deleting("M", FAR), (
        # connecting, greeting, CAPA and AUTH are a login's four; the server's time is what the limit needs without
        # a delay
        Goal("pop3fs, session closed / (login + 2 round trips + server)",
             lambda r: r["pop3fs, session closed"]["seconds"] / (6 * FAR.trip + r["limit 1, no delay"]["seconds"]), 1.0),
        Goal("pop3fs, session open / (2 round trips + server)",
             lambda r: r["pop3fs, session open"]["seconds"] / (2 * FAR.trip + r["limit 1, no delay"]["seconds"]), 1.0),
    )),
    Row(13, "idle", "an idle mount", works.idling("M"), (
        Goal("pop3fs, wake-ups", figure("pop3fs", "wake-ups"), 0),
        Goal("pop3fs, resident MiB", figure("pop3fs", "resident MiB"), 8),
    )),
)
