"""Who does something: root, or an ordinary user. And how, so that a hung mount never hangs the tests.

A mount belongs to whoever made it (not even root may look into another's), so everything that touches one
is done in a child process of that person, with a deadline. The test's own process never enters a mount.
"""

import os
import pickle
import pwd
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 120   # seconds that a command may take before it is killed and the test fails
GRIEF = 5        # seconds a killed child has to die, before its mount is taken to hang


class Hung(AssertionError):
    """A child that did not come back in time."""


@dataclass
class Done:
    """How a command ended. `err` and `out` are text, `raw` is stdout's octets."""

    argv: list
    code: int
    raw: bytes
    err: str

    @property
    def out(self):
        return self.raw.decode(errors="replace")

    def ok(self):
        """This, if the command succeeded; else the test fails with what it said."""
        assert self.code == 0, f"{self.argv} ended with {self.code}: {self.out[-2000:]}{self.err[-4000:]}"
        return self


@dataclass
class Person:
    """A user id to run things as. `home` is a directory of theirs. `environment` is added to ours."""

    name: str
    uid: int
    gid: int
    home: Path
    environment: dict = field(default_factory=dict)

    @property
    def is_root(self):
        return self.uid == 0

    def own(self, *paths):
        """Gives files to this person."""
        for path in paths:
            os.chown(path, self.uid, self.gid)

    def directory(self, prefix):
        """A new directory of theirs, mode 0700, below their home."""
        path = Path(tempfile.mkdtemp(prefix=prefix + "-", dir=self.home))
        self.own(path)
        return path

    def file(self, prefix, octets, mode=0o600):
        """A new file of theirs."""
        handle, path = tempfile.mkstemp(prefix=prefix + "-", dir=self.home)
        with os.fdopen(handle, "wb") as out:
            out.write(octets)
        os.chmod(path, mode)
        self.own(path)
        return Path(path)

    def start(self, *argv, **popen):
        """Starts a command as this person, in a session of its own."""
        environment = {**os.environ, **self.environment, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        environment.update(popen.pop("env", {}))
        who = {}
        if os.geteuid() == 0 and not self.is_root:
            who = {"user": self.uid, "group": self.gid, "extra_groups": []}
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("cwd", "/")
        return subprocess.Popen([str(a) for a in argv], env=environment, start_new_session=True,
                                **who, **popen)

    def run(self, *argv, deadline=PATIENCE, **popen):
        """Runs a command to its end. Output goes through files, so a daemon that keeps stdout open does not
        hold the caller up."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.start(*argv, stdout=out, stderr=err, **popen)
            try:
                code = process.wait(deadline)
            except subprocess.TimeoutExpired:
                kill_group(process.pid)
                try:
                    process.wait(GRIEF)
                except subprocess.TimeoutExpired:
                    pass   # in state D: whoever owns the mount aborts it
                err.seek(0)
                raise Hung(f"{argv} did not end in {deadline} seconds: {err.read()[-2000:]}") from None
            out.seek(0)
            err.seek(0)
            return Done([str(a) for a in argv], code, out.read(), err.read().decode(errors="replace"))

    def call(self, function, *args, deadline=PATIENCE):
        """Calls a function as this person in a child process and returns (or raises) what it does."""
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receive)
            self._serve(send, function, args)
        os.close(send)
        try:
            answer = _read_all(receive, deadline)
        finally:
            os.close(receive)
        if answer is None:
            os.kill(child, signal.SIGKILL)
            raise Hung(f"{getattr(function, '__name__', function)} did not return in {deadline} seconds")
        os.waitpid(child, 0)
        good, value = pickle.loads(answer) if answer else (False, RuntimeError("the child died"))
        if not good:
            raise value
        return value

    def _serve(self, send, function, args):
        try:
            if os.geteuid() == 0 and not self.is_root:
                os.setgroups([])
                os.setresgid(self.gid, self.gid, self.gid)
                os.setresuid(self.uid, self.uid, self.uid)
            os.chdir("/")
            try:
                answer = pickle.dumps((True, function(*args)))
            except OSError as error:
                answer = pickle.dumps((False, error))
            except BaseException as error:   # an assertion, most often; its traceback says where
                answer = pickle.dumps((False, AssertionError(f"{error!r}\n{traceback.format_exc()}")))
            with os.fdopen(send, "wb") as out:
                out.write(answer)
        finally:
            sys.stdout.flush()
            os._exit(0)


def _read_all(pipe, deadline):
    """All that comes through the pipe; None if nothing came for so long."""
    pieces = []
    while True:
        if not select.select([pipe], [], [], deadline)[0]:
            return None
        piece = os.read(pipe, 1 << 16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def kill_group(pid):
    """SIGKILL to a process that start() made, and to its children."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def root(home):
    return Person("root", 0, 0, home)


def ordinary(home):
    """An ordinary user: ourselves if we are one, else Debian's nobody."""
    if os.geteuid() != 0:
        return Person(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid(), home)
    entry = pwd.getpwnam("nobody")
    return Person("nobody", entry.pw_uid, entry.pw_gid, home)
