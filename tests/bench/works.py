"""What the rows measure. A work is a function of a World that yields {contestant: function}; each function does its
work once and returns figures. The rows are in rows.py, whole loads' contestants in contestants.py.
"""

import os
import shutil
import subprocess
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import leftovers
from contestants import MIRROR, curl_url, curl_words, drain, mpop_config, read_all
from machine import (Broken, PeakMemory, Requests, drop_caches, find, memory, processor, resident, switches, tick)
from world import PASSWORD, Line, Mount, Place

ACTIVE_FOR = 1.0       # seconds that a bulk load has run when another message is wanted
IDLE_FOR = 20          # seconds that an idle mount is watched
HOT_TIMES = 5          # a hot read is done so often, and the median taken


# ---- whole loads ----

def load(corpus, line, contestants, tls=False):
    """All of a maildrop."""
    @contextmanager
    def work(world):
        place = Place(world, world.corpus(corpus), line, tls)
        yield {name: partial(contestant, place) for name, contestant in contestants.items()}
    return work


# ---- mounted and listed ----

def mounting(corpus, line):
    """Until `ls -l` is complete, headers off."""
    @contextmanager
    def work(world):
        places = {tls: Place(world, world.corpus(corpus), line, tls) for tls in (False, True)}
        known = world.fresh("known")
        _mount_and_list(places[False], cache=known, headers=0)
        away, remembered = _server_that_was(world, corpus)
        yield {
            "pop3fs": lambda: _mount_and_list(places[False], headers=0),
            "pop3fs, noxattr": lambda: _mount_and_list(places[False], headers=0, noxattr=True),
            "pop3fs, TLS": lambda: _mount_and_list(places[True], headers=0),
            "pop3fs, a known server": lambda: _mount_and_list(places[False], cache=known, headers=0),
            "pop3fs, no server": lambda: _mount_and_list(away, cache=remembered, headers=0, offline=True),
            "pop3fs, no server, noxattr": lambda: _mount_and_list(away, cache=remembered, headers=0, offline=True,
                                                                  noxattr=True),
            "curl, LIST alone": lambda: world.run(*curl_words(places[False]), curl_url(places[False]) + "/").figures(),
        }
    return work


def _mount_and_list(place, **options):
    begun = tick()
    with Mount(place, **options) as mount:
        mount.start()
        cost = place.world.run("ls", "-l", mount.path)
        seconds = tick() - begun
        found = len(os.listdir(mount.path))
        if found != place.corpus.count:
            raise Broken(f"{found} of {place.corpus.count} messages are listed")
        mount.umount()
    return {"seconds": seconds, "cpu": cost.cpu + mount.cost.cpu, "peak": mount.cost.peak}


def _server_that_was(world, corpus):
    """A server that is gone, and a cache that knows it."""
    server = world.start_server(world.corpus(corpus), "--keep")
    place, cache = Place(world, world.corpus(corpus), server=server), world.fresh("known")
    _mount_and_list(place, cache=cache, headers=0)
    server["program"].stop()
    return place, cache


# ---- one message ----

def one_message(corpus, line):
    """An uncached message while the session is open and has nothing else to do."""
    @contextmanager
    def work(world):
        place = Place(world, world.corpus(corpus), line)
        with Mount(place, **_if_known(world, prefetch=0)) as mount:
            mount.start()
            names = iter(_far_apart(os.listdir(mount.path)))
            (mount.path / next(names)).read_bytes()      # opens the session
            yield {
                "pop3fs": lambda: _read_one(mount.path / next(names)),
                "curl": lambda: world.run(*curl_words(place), f"{curl_url(place)}/7").figures(),
            }
            mount.umount()
    return work


def one_message_meanwhile(corpus, line):
    """An uncached message while everything before it is being read by somebody else."""
    @contextmanager
    def work(world):
        place = Place(world, world.corpus(corpus), line)
        yield {"pop3fs": lambda: _read_last(place)}
    return work


def _read_last(place):
    with Mount(place) as mount:
        mount.start()
        last = max((e for e in os.scandir(mount.path)), key=lambda e: e.inode())
        others = subprocess.Popen(read_all(mount.path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(ACTIVE_FOR / 10 if place.world.quick else ACTIVE_FOR)
            if others.poll() is not None:
                raise Broken("the bulk load was over too soon")
            return _read_one(Path(last.path))
        finally:
            others.kill()
            others.wait()


def _read_one(path):
    begun = tick()
    path.read_bytes()
    return {"seconds": tick() - begun}


def _far_apart(names):
    """So that no one is the next of another."""
    step = max(1, len(names) // 64)
    return names[::step]


def _if_known(world, **options):
    return {name: value for name, value in options.items() if world.has_option(name)}


# ---- local reads ----

def _hot_commands(directory, scratch):
    """{name: (command, exit codes that are good)}; scratch is empty for each."""
    return {
        "ls -U": (("ls", "-U", directory), (0,)),
        "ls -l": (("ls", "-l", directory), (0,)),
        "find -size": (("find", directory, "-size", "+100k"), (0,)),
        # without a match, or grep would stop at the first: it sees that its output is /dev/null
        "grep -r": (("grep", "-r", "words that no message has", directory), (1,)),
        "cat": (read_all(directory), (0,)),
        "cp -r": (("cp", "-r", directory, scratch / "cp"), (0,)),
        "rsync": (("rsync", "-a", f"{directory}/", scratch / "rsync"), (0,)),
        "rsync again": (("rsync", "-a", f"{directory}/", scratch / "rsync"), (0,)),
        # tar, too, reads nothing when it writes to /dev/null itself
        "tar": (("sh", "-c", 'tar -cf - -C "$1" . | cat', "sh", directory), (0,)),
    }


HOT = tuple(_hot_commands(Path("/"), Path("/")))


def _empty(scratch):
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()


def _hot_pass(world, directory, times=HOT_TIMES):
    """{name: seconds}, each the median of some runs after one that does not count."""
    scratch = world.root / "scratch"
    figures = {}
    for name, (command, good) in _hot_commands(directory, scratch).items():
        seconds = []
        for _ in range(times + 1):
            if name != "rsync again":
                _empty(scratch)
            seconds.append(world.run(*command, good=good).seconds)
        figures[name] = sorted(seconds[1:])[times // 2]
    return {"seconds": sum(figures.values()), **figures}


@contextmanager
def _warm_cache(place, **options):
    """A cache directory that holds everything."""
    cache = place.world.fresh("warm")
    with Mount(place, cache=cache, **options) as mount:
        mount.start()
        place.world.run(*read_all(mount.path))
        mount.umount()
    yield cache


def _warm(stack, place):
    return stack.enter_context(_warm_cache(place))


@contextmanager
def _mounted(place, cache, **options):
    with Mount(place, cache=cache, **options) as mount:
        mount.start()
        yield mount
        mount.umount()


@contextmanager
def _bindfs(world, directory):
    path = world.fresh("bindfs")
    before = set(leftovers.children())
    world.run(find("bindfs"), directory, path)
    strays = [pid for pid in leftovers.children() if pid not in before]
    try:
        yield path
    finally:
        leftovers.detach(path)
        for pid in strays:
            leftovers.end(pid)


def _copy_out(place, cache):
    """The same files on the disk's own file system."""
    with _mounted(place, cache) as mount:
        copy = place.world.fresh("disk")
        place.world.run("cp", "-r", f"{mount.path}/.", copy)
    return copy


def hot_reads(corpus):
    """Everything is cached and was read before."""
    @contextmanager
    def work(world):
        place = Place(world, world.corpus(corpus))
        with ExitStack() as stack:
            cache = stack.enter_context(_warm_cache(place))
            copy = _copy_out(place, cache)
            mount = stack.enter_context(_mounted(place, cache))
            yield {
                "disk": lambda: _hot_pass(world, copy),
                "pop3fs": lambda: _hot_pass(world, mount.path),
                "pop3fs, noxattr": _once_mounted(stack, _mounted(place, _warm(stack, place), noxattr=True),
                                                 lambda m: _hot_pass(world, m.path)),
                "pop3fs, mirror": _once_mounted(stack, _mirror(place), lambda m: _hot_pass(world, m.path)),
                "bindfs": _once_mounted(stack, _bindfs(world, copy), lambda path: _hot_pass(world, path)),
            }
    return work


def _once_mounted(stack, manager, work):
    """A contestant that is mounted when its first turn comes, for all turns."""
    held = []

    def turn():
        if not held:
            held.append(stack.enter_context(manager))
        return work(held[0])
    return turn


@contextmanager
def _mirror(place):
    with _warm_cache(place) as cache, _mounted(place, cache, **MIRROR) as mount:
        yield mount


def first_reads(corpus):
    """Everything is cached, but this mount has not shown any of it yet."""
    @contextmanager
    def work(world):
        place = Place(world, world.corpus(corpus))
        with _warm_cache(place) as cache:
            copy = _copy_out(place, cache)
            yield {
                "disk, hot": lambda: _hot_pass(world, copy),
                "pop3fs": lambda: _first_pass(world, lambda: _mounted(place, cache)),
                "pop3fs, mirror": lambda: _first_pass(world, lambda: _mounted(place, cache, **MIRROR)),
                "bindfs": lambda: _first_pass(world, lambda: _bindfs(world, copy)),
            }
    return work


def _first_pass(world, mounted):
    """{name: seconds}, each in a mount of its own."""
    scratch = world.root / "scratch"
    figures = {}
    for name in HOT:
        if name != "rsync again":
            _empty(scratch)
        with mounted() as mount:
            path = getattr(mount, "path", mount)
            command, good = _hot_commands(path, scratch)[name]
            if name == "cat":
                with Requests(path, world.root) as requests:
                    figures[name] = world.run(*command, good=good).seconds
                messages = len(os.listdir(path))
                if requests.count is not None:
                    figures["requests"] = requests.count / messages
            else:
                figures[name] = world.run(*command, good=good).seconds
    return {"seconds": sum(figures[name] for name in HOT), **figures}


# ---- a million ----

def million(corpus):
    """Listings: the first, one with nothing new, and how they are read."""
    @contextmanager
    def work(world):
        place = Place(world, world.corpus(corpus))
        few = Place(world, world.corpus("one"))
        known = world.fresh("known")
        with Mount(place, cache=known, headers=0) as mount:
            mount.start()
            mount.umount()
        lives = shutil.copytree(known, world.fresh("lives"), dirs_exist_ok=True)
        with ExitStack() as stack:
            yield {
                "pop3fs, first listing": lambda: _listing(place, few, headers=0),
                "pop3fs, nothing new": lambda: _listing(place, few, cache=known, headers=0),
                "pop3fs, a poll": _once_mounted(stack, _mounted(place, lives, headers=0), lambda m: _poll(world, m)),
                "mpop, nothing new": _mpop_poll(place),
                "limit 1: listing": lambda: drain(place, "--list"),
                "limit 2: listing": lambda: drain(place, "--list", "--store", world.fresh("drain") / "db"),
                "pop3fs, ls -U": lambda: _ls_mount(place, known),
                "disk, ls -U": _ls_disk(world, place.corpus.count),
            }
    return work


def _listing(place, few, **options):
    """How long until pop3fs has returned, and what a message costs of its memory."""
    with Mount(place, **options) as mount, Mount(few, headers=0) as small:
        seconds = mount.start()
        small.start()
        used = memory(mount.find_pid()) - memory(small.find_pid())
        mount.umount()
        small.umount()
    return {"seconds": seconds, "cpu": mount.cost.cpu, "peak": mount.cost.peak,
            "octets a message": used / place.corpus.count}


def _poll(world, mount):
    """A mount that lives lists again, with a login of its own, as it does by itself every now and then: until
    `pop3fs refresh` has returned, in which the listing is compared with the one before, and what is shown is it."""
    pid = mount.pid or mount.find_pid()
    before = processor(pid)
    cost = world.run(world.tool("pop3fs"), "refresh", mount.path)
    cost.add(processor(pid) - before, resident(pid) / 2**20)
    return cost.figures()


def _mpop_poll(place):
    """mpop knows all messages: its file of UIDLs is written for it, as it would have done."""
    where = []

    def turn():
        if not where:
            program = find("mpop")
            path = place.world.fresh("mpop")
            config = mpop_config(place, path, only_new=True)
            uidls = path / "uidls"
            names = [f"m{n:07}\n" for n in range(place.corpus.count)]
            uidls.write_text(f" {len(names)} 127.0.0.1 {place.user}\n" + "".join(names))
            uidls.chmod(0o600)
            where.append((program, config, path))
        program, config, path = where[0]
        figures = place.world.run(program, "-q", f"--file={config}").figures()
        if any((path / "maildir/new").iterdir()):
            raise Broken("mpop did not know the messages")
        return figures
    return turn


def _ls_mount(place, cache):
    """`ls -U` right after a mount, and again."""
    with _mounted(place, cache, headers=0) as mount:
        cold = place.world.run("ls", "-U", mount.path)
        hot = place.world.run("ls", "-U", mount.path)
    return {"seconds": cold.seconds, "hot": hot.seconds}


def _ls_disk(world, count):
    made = []

    def turn():
        if not made:
            path = world.fresh("many")
            for n in range(count):
                os.close(os.open(path / f"m{n:07}", os.O_CREAT | os.O_WRONLY, 0o600))
            made.append(path)
        drop_caches()
        cold = world.run("ls", "-U", made[0])
        hot = world.run("ls", "-U", made[0])
        return {"seconds": cold.seconds, "hot": hot.seconds}
    return turn


# ---- large messages, deleting, idling ----

def large(corpus):
    """Large messages into the cache: how fast, and in how much memory."""
    @contextmanager
    def work(world):
        place = Place(world, world.corpus(corpus))

        def pop3fs():
            with Mount(place) as mount:
                mount.start()
                with PeakMemory(mount.find_pid()) as peak:
                    cost = world.run(*read_all(mount.path))
                mount.umount()
            return {"seconds": cost.seconds, "cpu": cost.cpu + mount.cost.cpu, "peak": mount.cost.peak,
                    "MB/s": place.octets / cost.seconds / 1e6, "MiB, no file's": peak.octets / 2**20}

        def limit():
            figures = drain(place, "--store", world.fresh("drain") / "db")
            return {**figures, "MB/s": place.octets / figures["seconds"] / 1e6}

        yield {"pop3fs": pop3fs, "limit 2": limit, "limit 1": lambda: drain(place)}
    return work


def deleting(corpus, line):
    """All files removed; then the unmount that deletes them on the server, until the daemon has ended."""
    @contextmanager
    def work(world):
        what = world.corpus(corpus)

        def limit(over):
            with _server_to_empty(world, what) as server:
                return drain(Place(world, what, over, server=server), "--delete")

        yield {
            "pop3fs, session closed": lambda: _delete_all(world, what, line, closed=True),
            "pop3fs, session open": lambda: _delete_all(world, what, line, closed=False),
            "limit 1": lambda: limit(line),
            "limit 1, no delay": lambda: limit(Line()),
        }
    return work


@contextmanager
def _server_to_empty(world, corpus):
    server = world.start_server(corpus)
    try:
        yield server
    finally:
        server["program"].stop()


def _delete_all(world, corpus, line, closed):
    with _server_to_empty(world, corpus) as server:
        with Mount(Place(world, corpus, line, server=server), idle="1s" if closed else "10m") as mount:
            mount.start()
            world.run("find", mount.path, "-type", "f", "-delete")
            if closed:
                _wait_until_closed(mount)
            begun = tick()
            mount.umount()
            seconds = tick() - begun
        left = subprocess.run([world.tool("drain"), "--list", f"127.0.0.1:{server['plain']}", server["user"], PASSWORD],
                              capture_output=True, text=True, check=True).stdout
    if " 0 messages" not in left:
        raise Broken(f"not all was deleted: {left.strip()}")
    return {"seconds": seconds, "cpu": mount.cost.cpu, "peak": mount.cost.peak}


def _wait_until_closed(mount):
    while mount.status()["state"] != "closed":
        time.sleep(0.2)


def idling(corpus):
    """A mount that nobody uses, its connection closed."""
    @contextmanager
    def work(world):
        place = Place(world, world.corpus(corpus))
        with Mount(place, idle="1s") as mount:
            mount.start()
            pid = mount.find_pid()
            _wait_until_closed(mount)
            time.sleep(1)

            def watch():
                before, seconds = switches(pid), 2 if world.quick else IDLE_FOR
                time.sleep(seconds)
                return {"seconds": seconds, "wake-ups": switches(pid) - before, "resident MiB": resident(pid) / 2**20}

            yield {"pop3fs": watch}
            mount.umount()
    return work
