"""The crowd of a soak: readers of every kind, programs, whoever removes and whoever uses the verbs, all in one mount at
once. Each is a process that knows what every message must be from its name alone, says what it saw, and has a deadline for
each thing it does."""

import errno
import json
import mmap
import os
import random
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections import Counter
from functools import lru_cache
from hashlib import sha256

BOUND = 150          # seconds that one deed may take: far beyond timeout= and all that is queued before it
GRIEF = 30           # and a killed process to die
KEPT, REMOVED = "m", "v"     # the first letters of names: who stays, and who may be unlinked
LARGEST_BLOCK = 4096           # of fio
SIZES = [(70, 200, 8000), (20, 20_000, 100_000), (9, 200_000, 600_000), (1, 3_000_000, 3_000_000)]   # weight, from, to
GONE = {errno.ENOENT, errno.ESTALE}
# What a reader may be told while lines are dropped under it all the time, more than once for the same message.
UNLUCKY = {errno.EIO, errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EAGAIN,
           errno.EBUSY, errno.EPROTO}


# ---- the truth ----

def octets(name):
    """The message of that name, which no other one is like at any place."""
    chance = random.Random(name)
    _, least, most = chance.choices(SIZES, [weight for weight, _, _ in SIZES])[0]
    size = chance.randint(least, most)
    head = f"Received: from a by b; Tue, 3 Feb 2026 10:20:30 +0100\r\nSubject: {name}\r\n\r\n"
    lines = (f"{name} {number:07} {chance.getrandbits(64):016x} soaked in words\r\n" for number in range(size // 50))
    return (head + "".join(lines)).encode()


@lru_cache(4096)
def truth(name):
    """(length, sum)."""
    whole = octets(name)
    return len(whole), sha256(whole).digest()


# ---- one of the crowd ----

class Late(Exception):
    """A deed took longer than it may."""


class One:
    """A process of the crowd: its tools, and its account of what it saw."""

    def __init__(self, mount, command, home, seed, end):
        self.mount, self.command, self.home, self.end = mount, command, home, end
        self.chance = random.Random(seed)
        self.seen = Counter()
        self.wrong = []
        self.removed, self.back = [], []     # names
        signal.signal(signal.SIGALRM, self._late)

    def _late(self, *_):
        raise Late

    def go_on(self, deed):
        """Does it until the time is over."""
        while time.monotonic() < self.end and len(self.wrong) < 5:
            signal.alarm(BOUND)
            try:
                deed(self)
                self.seen["done"] += 1
            except OSError as error:
                if error.errno not in GONE | UNLUCKY:
                    self.wrong.append(f"{deed.__name__}: {error}")
                self.seen[errno.errorcode[error.errno]] += 1
            except Late:
                self.wrong.append(f"{deed.__name__}: nothing came of it in {BOUND} seconds")
            signal.alarm(0)

    def path(self, name):
        return os.path.join(self.mount, name)

    def names(self):
        return os.listdir(self.mount)

    def check(self, name, whole):
        if (len(whole), sha256(whole).digest()) != truth(name):
            self.wrong.append(f"{name}: {len(whole)} octets, which are not those of the server ({truth(name)[0]})")

    def program(self, *argv, good=(0,)):
        done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, timeout=BOUND,
                              check=False)
        if done.returncode not in good:
            said = (done.stderr + done.stdout).decode(errors="replace")
            if not any(os.strerror(code) in said for code in UNLUCKY | GONE):
                self.wrong.append(f"{' '.join(map(str, argv))} ended with {done.returncode}: {said[:600]}")
            self.seen[f"{os.path.basename(str(argv[0]))}: {done.returncode}"] += 1
        return done


# ---- what they do ----

def read_one(one):
    """Any message, in any way."""
    name = one.chance.choice(one.names())
    descriptor = os.open(one.path(name), os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        if size != truth(name)[0]:
            one.wrong.append(f"{name}: {size} octets after its open, not {truth(name)[0]}")
        one.check(name, one.chance.choice(WAYS)(one, descriptor, size))
        if one.chance.random() < 0.3:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def at_once(one, descriptor, size):
    return os.read(descriptor, size + 1)


def in_pieces(one, descriptor, size):
    pieces, at = [], 0
    while piece := os.pread(descriptor, one.chance.choice([1000, 4096, 131072]), at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def backwards(one, descriptor, size):
    step = max(4096, size // 20)
    return b"".join([os.pread(descriptor, step, at) for at in range(size // step * step, -1, -step)][::-1])


def by_map(one, descriptor, size):
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as seen:
        return bytes(seen)


WAYS = [at_once, in_pieces, backwards, by_map]


def read_in_order(one):
    """All of them: by name, by arrival, or the newest first; and half of the time only the front."""
    names = one.names()
    order = one.chance.choice(["name", "arrival", "newest", "half"])
    names = sorted(names) if order == "name" else names[::-1] if order == "newest" else names
    for name in names[:len(names) // 2] if order == "half" else names:
        if time.monotonic() > one.end:
            return
        signal.alarm(BOUND)
        try:
            with open(one.path(name), "rb") as file:
                one.check(name, file.read())
        except OSError as error:
            if error.errno not in GONE | UNLUCKY:
                raise
            one.seen[errno.errorcode[error.errno]] += 1


def look(one):
    """ls -l and more: no message that stays is ever missing, and none is there twice."""
    names = []
    with os.scandir(one.mount) as entries:
        for entry in entries:
            names.append(entry.name)
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue
            if not stat.S_ISREG(status.st_mode) or status.st_size != truth(entry.name)[0]:
                one.wrong.append(f"{entry.name}: stat says {status.st_mode:o}, {status.st_size} octets")
    if len(set(names)) != len(names):
        one.wrong.append("a listing has a name twice")
    kept = sum(name.startswith(KEPT) for name in names)
    if kept < getattr(one, "kept", 0):
        one.wrong.append(f"{kept} messages that stay, after {one.kept}")
    one.kept = kept
    os.statvfs(one.mount)
    for name in one.chance.sample(names, min(10, len(names))):
        try:
            if os.getxattr(one.path(name), "user.pop3fs.uidl") != name.encode():
                one.wrong.append(f"{name} says that it is another")
        except OSError as error:
            if error.errno not in GONE:
                raise


def look_inside(one):
    """What is under .pop3fs."""
    with open(one.path(".pop3fs/status"), encoding="utf-8") as file:
        if "messages: " not in file.read():
            one.wrong.append("status says nothing")
    names = os.listdir(one.path(".pop3fs/headers"))
    for name in one.chance.sample(names, min(20, len(names))):
        with open(one.path(f".pop3fs/headers/{name}"), "rb") as file:
            if not octets(name).startswith(file.read() or b"?"):
                one.wrong.append(f"headers/{name} is another's")
    os.listdir(one.path(".pop3fs/maildir/cur"))


def find(one):
    one.program("find", one.mount, "-type", "f", "-size", "+1000k", good=(0, 1))


def grep(one):
    done = one.program("grep", "-rc", "soaked in words", one.mount, good=(0, 1, 2))
    for line in done.stdout.decode(errors="replace").splitlines():
        name, _, count = os.path.basename(line).rpartition(":")
        if int(count) and int(count) != octets(name).count(b"\n") - 3:
            one.wrong.append(f"grep counts {count} lines in {name}")


def rsync(one):
    """What it brings is right, whatever it could not bring."""
    copy = tempfile.mkdtemp(prefix="copy-", dir=one.home)
    one.program("rsync", "-a", f"{one.mount}/", copy, good=(0, 24))
    for name in os.listdir(copy):
        if not name.startswith("."):
            with open(os.path.join(copy, name), "rb") as file:
                one.check(name, file.read())
    shutil.rmtree(copy)


def fio(one):
    """Three of those that stay, so that its files are there to the end. It refuses files that are all below its block."""
    names = one.chance.sample(sorted(name for name in one.names() if name.startswith(KEPT)
                                     and len(octets(name)) >= LARGEST_BLOCK), 3)
    for name in names:
        with open(one.path(name), "rb"):
            pass      # its true size is known
    how = one.chance.choice(["randread", "read"])
    engine = one.chance.choice(["psync", "mmap"])
    # In order through maps once only: when it begins anew it keeps its old maps, until there may be no more.
    bound = [] if (how, engine) == ("read", "mmap") else ["--time_based"]
    one.program("fio", "--readonly", "--name=soak", "--minimal", "--filename=" + ":".join(map(one.path, names)),
                f"--rw={how}", f"--ioengine={engine}", f"--bs={one.chance.choice([1024, LARGEST_BLOCK])}", "--runtime=3", *bound,
                "--fallocate=none", "--invalidate=0", "--allow_file_create=0", "--nrfiles=3")


def remove(one):
    """One of those that may go; and half of them come back."""
    names = [name for name in one.names() if name.startswith(REMOVED)]
    if not names:
        time.sleep(0.2)
        return
    name = one.chance.choice(names)
    os.unlink(one.path(name))
    one.removed.append(name)
    if one.chance.random() < 0.5:
        done = subprocess.run([one.command, "undelete", one.mount, name], capture_output=True, timeout=BOUND, check=False)
        if done.returncode == 0:
            one.back.append(name)
    time.sleep(one.chance.random() / 5)


def verbs(one):
    one.program(one.command, one.chance.choice(["refresh", "refresh", "refresh", "status", "commit", "verify", "fetch"]),
                one.mount, good=(0, 1))
    time.sleep(one.chance.random())


CROWD = {read_one: 40, read_in_order: 12, look: 4, look_inside: 2, find: 1, grep: 1, rsync: 1, fio: 2, remove: 1, verbs: 2}
READERS = sum(CROWD.values()) - CROWD[remove] - CROWD[verbs]


# ---- all of them ----

def report(path, one):
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"seen": one.seen, "wrong": one.wrong, "removed": one.removed, "back": one.back}, out)


def start(deed, path, *tools):
    child = os.fork()
    if child:
        return child
    one = One(*tools)
    try:
        one.go_on(deed)
    except BaseException as error:      # a fault of the soak, or of what it looks at: either is told
        one.wrong.append(f"{deed.__name__}: {error!r}")
    report(path, one)
    os._exit(0)


def wait_for(children, end):
    """Waits for all; {pid: name} of those that did not come to an end."""
    waiting = dict(children)
    while waiting and time.monotonic() < end:
        for child in list(waiting):
            if os.waitpid(child, os.WNOHANG)[0]:
                del waiting[child]
        time.sleep(0.05)
    for child in waiting:
        os.kill(child, signal.SIGKILL)
    return waiting


def crowd(mount, command, home, seconds, seed):
    """All of them at once, for so long: what they saw, in sum. To be called as the mount's owner, whose home it is."""
    place = tempfile.mkdtemp(prefix="crowd-", dir=home)
    end = time.monotonic() + seconds
    children, paths = {}, []
    for deed, count in CROWD.items():
        for _ in range(count):
            paths.append(os.path.join(place, str(len(paths))))
            children[start(deed, paths[-1], mount, command, home, f"{seed} {len(paths)}", end)] = deed.__name__
    hung = wait_for(children, end + BOUND + GRIEF)
    total = {"seen": Counter(), "wrong": [f"{name} did not end" for name in hung.values()], "removed": [], "back": []}
    for path in paths:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                said = json.load(file)
            total["seen"].update(said["seen"])
            for key in ("wrong", "removed", "back"):
                total[key] += said[key]
    shutil.rmtree(place)
    return total
