"""The same deeds through a real mount and through the session driver: start, read, unlink, undelete, refresh, commit,
end. And the same sudden death.

A hand keeps what it stored from one start to the next. start(kill="NAME:COUNT") arms a point (src/base/point.h).
Whatever finds that pop3fs has died raises Dead; then after_death() takes away what it left. A deed that failed
otherwise returns False or None: the tests judge by what is there afterwards, not by what was said.
"""

import errno
import mmap
import os
import re
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eventually import eventually
from programs import program

KILL = "POP3FS_KILL"
DYING = 5   # seconds that a death may take; where there was none the deed failed


class Dead(Exception):
    """The daemon is dead."""


@dataclass(frozen=True)
class Seen:
    """A message as it is shown. `identity` never changes."""

    identity: tuple
    hidden: bool


def has_points(root):
    """Whether the program was built with -Dpoints=true."""
    return KILL.encode() in program("pop3fs", root).read_bytes()


class Driven:
    """The session driver as a hand, on a scripted server."""

    kind = "driven"

    def __init__(self, drive, server, **options):
        self._drive, self._server, self._options = drive, server, options
        self._driver = self._store = None

    def start(self, kill=None, env=None):
        env = {**({KILL: kill} if kill else {}), **(env or {})}
        store = {"store": self._store} if self._store else {}
        self._driver = self._drive(self._server, env=env, **store, **self._options)
        self._store = self._driver.store
        with self._watched():
            self._driver.wait_for("^listed")
        return self.refresh()

    @contextmanager
    def _watched(self):
        try:
            yield
        except (AssertionError, BrokenPipeError) as error:
            try:
                eventually(self._driver.is_dead, "its death", DYING)
            except AssertionError:
                raise error from None
            raise Dead from None

    def _answer(self, command, pattern):
        with self._watched():
            return self._driver.answer(command, pattern)

    def begin(self, command, *names):
        """Says it and waits for nothing."""
        with self._watched():
            self._driver.say(" ".join((command, *names)))

    def shown(self):
        """{name: Seen}, the hidden ones too."""
        with self._watched():
            before = len(self._driver.lines())
            self._answer("list", "^end-of-list")
            words = [line.split() for line in self._driver.lines()[before:] if line.startswith("message ")]
        return {w[1]: Seen((w[2], w[5]), w[-1] == "hidden") for w in words}

    def read(self, name):
        if not self._good(f"fetch {name}", "fetched", name):
            return None
        path = Path(f"{self._store}.octets")
        saved = self._answer(f"save {name} {path}", "^(saved|not-saved|unknown)")
        return path.read_bytes() if saved.startswith("saved") else None

    def _good(self, command, word, name):
        line = self._answer(command, rf"^({word} {re.escape(name)} |{word} #|unknown {re.escape(name)}$)")
        return line.startswith(f"{word} {name} OK")

    def appear(self, _name):
        return True   # what a listing has is there

    def header(self, name):
        return self._good(f"header {name}", "headed", name)

    def unlink(self, name):
        return self._good(f"unlink {name}", "unlinked", name)

    def undelete(self, name):
        return self._good(f"undelete {name}", "undeleted", name)

    def sync(self):
        return True   # there is no directory

    def verify(self):
        return True   # ... and no verbs

    def spoil(self, _name):
        return True   # ... and nobody who reads

    def refresh(self):
        return self._answer("refresh", "^(refreshed|not-listed)").startswith("refreshed")

    def commit(self):
        return " OK " in self._answer("commit", "^committed.* live")

    def end(self):
        """The last commit, and the end."""
        good = " OK " in self._answer("final", "^committed.* final")
        with self._watched():
            self._driver.end()
        return good

    def kill(self):
        self._driver.kill9()

    def after_death(self):
        pass

    def log(self):
        return self._driver.log()


def read_past_the_pages(path):
    """A small file's octets, as the file system has them now."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, 1 << 20) as room:
            return room[:os.readv(file, [room])]
    finally:
        os.close(file)


class Mounted:
    """A mount as a hand."""

    kind = "mounted"

    def __init__(self, mounts, account, person, root, spoils=False, **options):
        self._mounts, self._account, self._person, self._options = mounts, account, person, options
        self._spoils = spoils
        self._pop3fs = program("pop3fs", root)
        self._cache = person.directory("cache")
        self._mount = None
        self._said = ""

    def start(self, kill=None):
        if kill:
            os.environ[KILL] = kill
        try:
            self._mount, done = self._mounts.attempt(self._account, self._person, cache=self._cache, refresh=900,
                                                     **self._options)
        finally:
            os.environ.pop(KILL, None)
        self._said = done.err
        if kill and (done.code != 0 or not self._mount.is_mounted()):
            raise Dead
        done.ok()
        with self._watched():
            self._mount.pid = self._mount.find_daemon()
        return True

    def _is_dead(self):
        pid = self._mount.pid
        if pid is None:
            return not self._mount.processes()
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True

    @contextmanager
    def _watched(self):
        try:
            yield
        except OSError as error:
            try:
                eventually(self._is_dead, "its death", DYING)
            except AssertionError:
                raise error from None
            raise Dead from None

    def _deed(self, function, *args):
        """What it returns; None for an OSError of a living mount."""
        try:
            with self._watched():
                return self._mount.call(function, *args)
        except OSError:
            return None

    def _verb(self, *words):
        done = self._mount.run(self._pop3fs, words[0], self._mount.path, *words[1:])
        if done.code != 0 and self._is_dead():
            raise Dead
        return done.code == 0

    def begin(self, command, *names):
        deeds = {"unlink": ["rm", "-f"], "fetch": ["cat"], "undelete": None, "commit": None, "refresh": None}
        argv = deeds[command]
        if argv:
            argv = [*argv, *(self._mount.path / name for name in names)]
        else:
            argv = [self._pop3fs, command, self._mount.path, *names]
        with open(os.devnull, "wb") as null:
            self._begun = self._person.start(*argv, stdout=null, stderr=null)

    def shown(self):
        path = self._mount.path

        def look():
            def stats(where, inode):
                return {e.name: (inode(e.stat().st_ino), int(e.stat().st_mtime)) for e in os.scandir(where)}
            return stats(path, lambda ino: ino >> 3), stats(path / ".pop3fs/deleted", lambda ino: ino >> 3)

        with self._watched():
            shown, hidden = self._mount.call(look)
        return {**{name: Seen(identity, False) for name, identity in shown.items()},
                **{name: Seen(identity, True) for name, identity in hidden.items()}}

    def read(self, name):
        read = (self._mount.path / name).read_bytes
        octets = self._deed(read)
        if octets is not None or not self._spoils:
            return octets
        # lost in the life before, which ended before it was thrown away: this one has just found out
        return eventually(lambda: self._deed(read), f"{name} to come anew")

    def unlink(self, name):
        return self._deed(lambda: os.unlink(self._mount.path / name) or True) is True

    def undelete(self, name):
        return self._deed(lambda: os.rename(self._mount.path / ".pop3fs/deleted" / name, self._mount.path / name)
                          or True) is True

    def sync(self):
        def sync():
            directory = os.open(self._mount.path, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)
            return True
        return self._deed(sync) is True

    def appear(self, name):
        """A mirror shows new mail when it has come whole."""
        def shown():
            if self._is_dead():
                raise Dead
            return self._deed((self._mount.path / name).lstat)
        return eventually(shown, f"{name} to be shown") is not None

    def header(self, name):
        return self._deed((self._mount.path / ".pop3fs/headers" / name).read_bytes) is not None

    def verify(self):
        return self._verb("verify")

    def spoil(self, name):
        """Its body is lost in the cache: who reads it has an error, and then it comes anew."""
        path = self._mount.path / name

        def lose():
            with sqlite3.connect(next(self._cache.glob("*.db")), timeout=30) as database:
                database.execute("DELETE FROM chunk WHERE key >> 24 = "
                                 "(SELECT id FROM message WHERE uidl = CAST(? AS BLOB))", (name,))

        # Past the pages: while a READ has one locked, the notice that forgets it waits in the kernel, and a daemon that
        # is killed then does not end before somebody aborts the connection.
        def is_lost():
            try:
                return not read_past_the_pages(path)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return True

        if not self._spoils:
            return True
        self._deed(lose)
        lost = self._deed(is_lost)
        return lost and eventually(lambda: self._deed(is_lost) is False, f"{name} to come anew")

    def refresh(self):
        return self._verb("refresh")

    def commit(self):
        return self._verb("commit")

    def end(self):
        if self._is_dead():
            raise Dead
        code = self._mount.umount()
        if code in (None, -9):
            raise Dead
        return code == 0

    def kill(self):
        pid = self._mount.pid
        os.kill(pid, 9)
        eventually(self._is_dead, "its death")

    def after_death(self):
        """What it left is unmounted."""
        if self._mount.pid is not None:
            eventually(self._is_dead, "its death")
        self._mount.finish()

    def log(self):
        return self._said
