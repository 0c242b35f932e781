"""A soak: a server that drops its lines every few seconds, new mail, one mount, and a crowd in it. In cycles, after each
of which all is still: then every message is what it must be, those are gone that were removed and no others, and the
daemon holds as many descriptors and as much memory as before."""

import os
import random
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

import crowd
from eventually import eventually
from programs import program

KEPT = 250           # messages that stay, and ...
REMOVABLE = 120      # ... those that may go, at the beginning of each cycle
FRESH = 10           # messages that stay, new in each cycle
MOST_DROPS = 6       # seconds from one drop of all lines to the next
QUIET = 120          # seconds to be still in
SLACK = 12 * 1024    # KiB that memory may come and go by: freed pages are the allocator's business
SANITIZED_SLACK = 200 * 1024
# Each mount of a soak has the next of these; the same cache goes on.
LEGS = [{}, {"cache_size": "6M"}, {"nocache": True, "memory": "4M"}, {"pipelining": "off", "prefetch": 0},
        {"eol": "crlf", "mtime": "seen"}, {"cache_size": "20M", "idle": 0}]


@dataclass
class Sum:
    """What all cycles came to."""

    cycles: int = 0
    drops: int = 0
    seen: Counter = field(default_factory=Counter)
    removed: int = 0
    back: int = 0
    refused: int = 0     # given up by the daemon, after three commits that broke
    held: list = field(default_factory=list)     # (descriptors, KiB) after each cycle of the mount

    def story(self):
        reads = self.seen["done"]
        unlucky = {key: count for key, count in sorted(self.seen.items()) if key != "done"}
        return (f"{self.cycles} cycles, {reads} deeds, {self.drops} drops, {self.removed} removed, {self.back} taken back, "
                f"{self.refused} given up; "
                f"told to readers: {unlucky or 'nothing'}; held: {self.held}")


class Soak:
    """One maildrop that is soaked, mount after mount."""

    def __init__(self, serve, mounts, person, root, seed=1):
        self._mounts, self._person = mounts, person
        self._chance = random.Random(seed)
        self._seed = seed
        self._server = serve("--one-session", messages={})
        self._command = program("pop3fs", root)
        self._cache = person.directory("cache")
        self._kept, self._left, self._numbers = [], set(), iter(range(1 << 30))
        self.sum = Sum()
        for _ in range(KEPT):
            self._deliver(crowd.KEPT)

    def _deliver(self, kind):
        name = f"{kind}{next(self._numbers):06}"
        self._server.deliver(name, crowd.octets(name))
        if kind == crowd.KEPT:
            self._kept.append(name)
        else:
            self._left.add(name)

    def leg(self, options, cycles, seconds):
        """One mount with these options, and so many cycles in it."""
        # A reader who has seen five lines drop under its message may be told so; nobody waits longer than a minute.
        mount = self._mounts.mount(self._server, self._person, cache=self._cache, refresh=3, timeout=60, retry=60,
                                   **{"idle": 2, **options})
        self.sum.held = []
        for _ in range(cycles):
            self._cycle(mount, seconds)
            print(f"{options or 'as it comes'}: {self.sum.story()}", flush=True)
        self._flat(mount)
        assert mount.umount() == 0

    def _cycle(self, mount, seconds):
        while len(self._left) < REMOVABLE:
            self._deliver(crowd.REMOVED)
        self._seed += 1
        over = threading.Event()
        stirring = threading.Thread(target=self._stir, args=(over, seconds))
        stirring.start()
        try:
            said = mount.call(crowd.crowd, str(mount.path), str(self._command), str(self._person.home), seconds, self._seed,
                              deadline=seconds + 2 * crowd.BOUND + 2 * crowd.GRIEF)
        finally:
            over.set()
            stirring.join()
        self.sum.cycles += 1
        self.sum.seen.update(said["seen"])
        self._settle(mount, said)

    def _stir(self, over, seconds):
        """New mail comes, and lines drop, while the crowd is there."""
        fresh = FRESH
        while not over.wait(self._chance.random() * MOST_DROPS):
            self._server.unplug()
            self.sum.drops += 1
            if fresh:
                fresh -= 1
                self._deliver(crowd.KEPT)

    # ---- when all is still ----

    def _settle(self, mount, said):
        assert said["wrong"] == [], "\n".join(said["wrong"][:20])
        gone = {name for name, count in Counter(said["removed"]).items() if count > said["back"].count(name)}
        self.sum.removed += len(gone)
        self.sum.back += len(said["back"])
        mount.run(self._command, "commit", mount.path).ok()
        mount.run(self._command, "refresh", mount.path).ok()
        self._remove_again(mount, gone)
        self._left -= gone
        wanted = sorted([*self._kept, *self._left])
        held = set(os.listdir(self._server.directory))
        assert held == set(wanted), (f"the server lacks {sorted(set(wanted) - held)}, "
                                     f"and still holds {sorted(held - set(wanted))}; {said['removed']}, {said['back']}")
        assert mount.names() == wanted, "the mount does not show what the server holds"
        wrong = mount.call(self._read_all, str(mount.path), deadline=QUIET + crowd.BOUND)
        assert wrong == []
        self._measure(mount)

    def _remove_again(self, mount, gone):
        """Three commits whose answers a dropped line has taken along give a deletion up: the message is shown again."""
        shown = gone & set(mount.names())
        if shown:
            assert mount.run("rm", "-f", "--", *(mount.path / name for name in shown)).ok()
            mount.run(self._command, "commit", mount.path).ok()
            self.sum.refused += len(shown)

    @staticmethod
    def _read_all(top):
        wrong = []
        for name in os.listdir(top):
            with open(os.path.join(top, name), "rb") as file:
                whole = file.read()
            if (len(whole), sha256(whole).digest()) != crowd.truth(name):
                wrong.append(name)
        return wrong

    def _measure(self, mount):
        eventually(lambda: mount.status()["state"] == "closed", "the end of the connection", QUIET)
        self.sum.held.append((self._descriptors(mount), mount.memory("RssAnon")))

    @staticmethod
    def _descriptors(mount):
        return len(os.listdir(f"/proc/{mount.pid}/fd"))

    def _flat(self, mount):
        """After the first cycle, which warms it up, nothing has grown. (A connection may come and go meanwhile.)"""
        descriptors, memory = self.sum.held[0]
        eventually(lambda: self._descriptors(mount) <= descriptors, f"{descriptors} descriptors, {self.sum.held}", QUIET)
        grown = self.sum.held[-1][1] - memory
        assert grown <= (SANITIZED_SLACK if self._is_sanitized(mount) else SLACK), self.sum.held

    @staticmethod
    def _is_sanitized(mount):
        with open(f"/proc/{mount.pid}/maps", encoding="utf-8") as maps:
            return re.search("lib[at]san", maps.read()) is not None
