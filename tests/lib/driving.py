"""The session and the store without a file system (tests/session/driver.c), against a server of popserver."""

import os
import re
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import variants
from eventually import PATIENCE, eventually
from leftovers import end
from programs import program

PIPELINING_OFF = 2   # as the driver has it


class Drivers:
    """Starts drivers and ends those that still run."""

    def __init__(self, root):
        self._root = root
        self._drivers = []

    def start(self, server, **options):
        """A driver of the server's account, by STLS. `store` is another driver's, to go on with what that one
        stored; `password` instead of the server's; `env` is added to our environment. Anything else is NAME=NUMBER
        of the driver: idle=0, retry=500."""
        driver = Driver(self._root, server, options)
        self._drivers.append(driver)
        return driver

    def finish(self):
        for driver in self._drivers:
            driver.finish()


class Driver:
    """A running session. say() a command; what comes of it is waited for."""

    def __init__(self, root, server, options):
        options = dict(options)
        if variants.given().get("pipelining") == "off":
            options.setdefault("pipelining", PIPELINING_OFF)
        env = {**os.environ, **options.pop("env", {})}
        home = Path(tempfile.mkdtemp(prefix="driver-", dir=root))
        self.store = options.pop("store", None) or home / "store"
        password = options.pop("password", server.password)
        self._out, self._err = home / "out", home / "err"
        argv = [program("session-driver", root), "localhost", server.port, server.user, password, "starttls", server.ca,
                self.store, *(f"{name}={number}" for name, number in options.items())]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE, stdout=out, stderr=err,
                                             env=env)

    def say(self, *commands):
        for command in commands:
            self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()

    def lines(self):
        """What came of it, a list of lines."""
        return self._out.read_text(errors="replace").split("\n")[:-1]

    def log(self):
        return self._err.read_text(errors="replace")

    def wait_for(self, pattern, count=1, seconds=PATIENCE):
        """Waits until so many lines match, and returns them."""
        def seen():
            assert self._process.poll() in (None, 0), f"the driver ended: {self.log()}"
            lines = [line for line in self.lines() if re.search(pattern, line)]
            return lines if len(lines) >= count else None
        return eventually(seen, f"{count} lines like {pattern!r} of {self.lines()[-20:]}", seconds)

    def answer(self, command, pattern):
        """Says it, and returns the first line of those that come then that matches."""
        before = len([line for line in self.lines() if re.search(pattern, line)])
        self.say(command)
        return self.wait_for(pattern, before + 1)[before]

    def is_dead(self):
        """It was killed, or did it itself."""
        return self._process.poll() == -signal.SIGKILL

    def kill9(self):
        self._process.kill()
        self._process.wait()

    def end(self):
        """To its end, which must be a good one."""
        self.say("end")
        assert self._process.wait(PATIENCE) == 0, self.log()

    def finish(self):
        if self._process.poll() is None:
            end(self._process.pid)
        self._process.wait()
        with suppress(BrokenPipeError):   # of a command that a dead one never took
            self._process.stdin.close()
