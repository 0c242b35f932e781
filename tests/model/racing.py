"""Unlinks, undeletes and commits at once, while lines drop, mail comes and the server does wrong in the middle of a
commit. Each name belongs to one of those who race, who knows what he was told last: whatever was taken back is on the
server for good, whatever was not is gone after a commit that nothing hinders."""

import errno
import fcntl
import os
import random
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from eventually import eventually
from popserver import capabilities
from promise import letter

MESSAGES = 36      # in the maildrop, at the beginning of each round
RACERS = 9         # threads, each with so many of them
LONGEST = 0.06     # seconds that a racer waits between two deeds: about as long as a commit takes
SPELL = 0.3        # seconds of a round
WORDS, NAME, FAILURE = 480, 256, 8
ROUNDS = 50        # in one mount
DEADLINE = 100     # seconds for a round
KINDS = [{}, {"idle": 0}, {"pipelining": "off"}, {"nocache": True}, {"prefetch": 0, "headers": 0},
         {"prefetch": "all"}]    # options of mounts
# Where in a commit something happens; N is one of its DELEs, K a place in the answer.
FAULTS = ["", "on DELE nth={n} close", "on DELE nth={n} done close", "on DELE nth={n} cut {k}", "on DELE nth={n} close-after",
          'on DELE nth={n} err "no"', "on DELE delay 3", "on DELE delete-now", "on DELE nth={n} delete-now close-after",
          "on QUIT close", "on QUIT done close", "on QUIT cut {k}", "on QUIT delay 20", "on QUIT delay 20 close-after",
          'on QUIT err "no"', 'on QUIT err "no" done', "on QUIT delete-first 1", "on DELE no-delete", "on UIDL delay 20",
          "on CONNECT nth=2 close", "on LIST total={n} close"]


def ioctl(number, size, write):
    return (3 if write else 2) << 30 | size << 16 | ord("P") << 8 | number


COMMIT = ioctl(0xF1, 32 + FAILURE + WORDS, True)
UNDELETE = ioctl(0xF3, NAME + 16 + FAILURE + WORDS, True)
REFRESH = ioctl(0xF2, FAILURE + WORDS, False)


@dataclass
class Saw:
    """What those who raced were told."""

    licensed: dict = field(default_factory=dict)     # {name: whether it may go}
    wrong: list = field(default_factory=list)
    deeds: Counter = field(default_factory=Counter)


class Racers:
    """The inside of a round, in a process of the mount's owner."""

    def __init__(self, path, names, seed):
        self._path, self._names, self._seed = str(path), names, seed
        self._over = threading.Event()
        self._saw = Saw()

    def run(self):
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        racers = [threading.Thread(target=self._race, args=(number, descriptor)) for number in range(RACERS)]
        racers.append(threading.Thread(target=self._commit, args=(descriptor,)))
        for racer in racers:
            racer.start()
        time.sleep(SPELL)
        self._over.set()
        for racer in racers:
            racer.join()
        os.close(descriptor)
        return self._saw

    def _commit(self, descriptor):
        chance = random.Random(f"{self._seed} commit")
        while not self._over.wait(chance.random() * LONGEST):
            fcntl.ioctl(descriptor, COMMIT, bytearray(32 + FAILURE + WORDS))
            self._saw.deeds["commit"] += 1

    def _race(self, number, descriptor):
        chance = random.Random(f"{self._seed} {number}")
        mine = self._names[number::RACERS]
        licensed = dict.fromkeys(mine, False)
        while not self._over.wait(chance.random() * LONGEST):
            name = chance.choice(mine)
            if not licensed[name]:
                licensed[name] = self._unlink(name)
            else:
                licensed[name] = not (self._undelete if chance.random() < 0.7 else self._rename)(descriptor, name)
        self._saw.licensed.update(licensed)

    def _unlink(self, name):
        """It was told last that it is there."""
        try:
            os.unlink(f"{self._path}/{name}")
            self._saw.deeds["unlink"] += 1
            return True
        except OSError as error:
            self._saw.wrong.append(f"{name} was there, or taken back; its unlink: {error}")
            return False

    def _undelete(self, descriptor, name):
        wish = bytearray(NAME + 16 + FAILURE + WORDS)
        wish[:len(name)] = name.encode()
        fcntl.ioctl(descriptor, UNDELETE, wish)
        done, refused = struct.unpack_from("=QQ", wish, NAME)
        self._saw.deeds[f"undelete {done}{refused}"] += 1
        if done + refused != 1:
            self._saw.wrong.append(f"undelete {name}: {done} done, {refused} refused")
        # The server has refused it for good: it is shown, and has not to be taken back.
        return done == 1 or wish[NAME + 16 + FAILURE:].startswith(f"{name} is not deleted".encode())

    def _rename(self, _descriptor, name):
        try:
            os.rename(f"{self._path}/.pop3fs/deleted/{name}", f"{self._path}/{name}")
        except OSError as error:
            self._saw.deeds[f"rename {errno.errorcode[error.errno]}"] += 1
            return False
        self._saw.deeds["rename"] += 1
        return True


class Races:
    """Rounds of it in one mount. stage gives serve, mounts and person; the seed chooses all."""

    def __init__(self, stage, seed):
        self._chance = random.Random(seed)
        self._server = stage.serve("--one-session", *capabilities("PIPELINING"), messages={})
        self._mail, self._delivered = set(), 0
        self._fill()
        self._mount = stage.mounts.mount(self._server, stage.person, refresh=900, retry=10, timeout=20,
                                         **KINDS[seed % len(KINDS)])
        self.deeds = Counter()

    def _deliver(self, first):
        """In front of all others, which have other numbers then, or behind them."""
        self._delivered += 1
        name = f"a{999999 - self._delivered:06}" if first else f"r{self._delivered:06}"
        self._server.deliver(name, letter(name, self._delivered % 7 * 1000))
        self._mail.add(name)

    def _fill(self):
        while len(self._mail) < MESSAGES:
            self._deliver(False)

    def round(self):
        """Raises AssertionError for a broken promise."""
        self._fill()
        self._refresh()
        self._is_shown(self._mail)
        fault = self._chance.choice(FAULTS).format(n=self._chance.randint(1, 6), k=self._chance.randint(0, 4))
        self._server.rules(*([fault] if fault else []))
        drops = self._chance.choice([0, 0, 1, 1, 2, 4])
        names = sorted(self._mail)
        later = [threading.Timer(self._chance.random() * SPELL, deed, arguments) for deed, arguments in
                 [(self._server.drop, ())] * drops + [(self._deliver, (True,))] * self._chance.choice([0, 1, 3])]
        for timer in later:
            timer.start()
        saw = self._mount.call(Racers(self._mount.path, names, self._chance.random()).run, deadline=DEADLINE)
        for timer in later:
            timer.join()
        self.deeds.update(saw.deeds)
        self._judge(saw, f"{fault or 'no fault'}, {drops} drops")

    def _refresh(self):
        """Once without faults what is shown is what is there, but for what waits."""
        def ask(path):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            answer = bytearray(FAILURE + WORDS)
            fcntl.ioctl(descriptor, REFRESH, answer)
            os.close(descriptor)
            assert struct.unpack_from("=i", answer)[0] == 0, answer[FAILURE:].rstrip(b"\0")
        self._mount.call(ask, str(self._mount.path))

    def _judge(self, saw, what):
        """All is well again: what may not go is there, and what may go goes."""
        assert not saw.wrong, f"{what}: {saw.wrong}"
        self._server.rules()
        self._refresh()
        self._refresh()
        stay = self._mail - {name for name, licensed in saw.licensed.items() if licensed}
        there = set(self._server.messages())
        assert stay <= there, f"{what}: gone, though taken back or never removed: {sorted(stay - there)}"
        for _ in range(3):
            self._mount.run(self._mount.argv[0], "commit", self._mount.path)
        there = set(self._server.messages())
        assert stay <= there, f"{what}: gone later, though taken back or never removed: {sorted(stay - there)}"
        self._is_shown(there)
        self._mail = there

    def _is_shown(self, mail):
        """A mirror shows what is new once it is there."""
        eventually(lambda: set(self._mount.names()) == mail, f"{len(mail)} messages in the mount")
