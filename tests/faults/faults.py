"""Calls that fail: the other side of shim.h. A plan is a file that all processes of a mount have mapped.

    with planned(root) as plan:
        with plan.loaded():                 # what is started here has the shim
            mount = mounts.mount(...)
        plan.fail("write", errno=ENOSPC)    # the first write from now on, once
        plan.fail("alloc", first=7, times=0)   # the seventh allocation, and all after it
        plan.clock = 86400                  # tomorrow

A place is where in the program a call is made, by the code addresses that led to it: the same in every run.
"""

import errno as errors
import mmap
import os
import struct
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from programs import program

KINDS = ("none", "alloc", "map", "open", "socket", "poll", "read", "write", "path", "process", "random", "sqlite", "fuse",
         "pipe")
HALF, STALL = 0, -1   # instead of an errno: half of it is done; it waits until the plan is another
IOERR, FULL, BUSY, NOMEM = 10, 13, 5, 7   # SQLite's
NUMBERS = {"alloc": errors.ENOMEM, "map": errors.ENOMEM, "open": errors.EMFILE, "socket": errors.ECONNRESET,
           "poll": errors.EINTR, "read": errors.EIO, "write": errors.EIO, "path": errors.EACCES, "process": errors.EAGAIN,
           "random": errors.EIO, "sqlite": IOERR, "fuse": errors.EIO, "pipe": errors.EIO}
DEPTH = 6      # code addresses of a place, where none is given

# struct fault_page, in words of 8 octets
FIELDS = ("kind", "place", "first", "times", "number", "others", "clock", "recording", "depth", "passed", "failed", "pid")
SIGNED = ("number", "clock")
CALLS = 8 * len(FIELDS)
STORY = CALLS + 8 * len(KINDS)
STORY_ROOM = 1536
PLACES = STORY + STORY_ROOM
MOST_PLACES = 16384
SIZE = PLACES + 16 * MOST_PLACES


class Plan:
    """The fields of the page are attributes: plan.failed, plan.clock = 3600."""

    def __init__(self, path, shim):
        self.environment = {"LD_PRELOAD": str(shim), "POP3FS_FAULTS": str(path)}
        self._path = path
        path.write_bytes(b"\0" * SIZE)
        path.chmod(0o666)
        with path.open("r+b") as file:
            self.__dict__["_page"] = mmap.mmap(file.fileno(), SIZE)
        self.depth = DEPTH

    def finish(self):
        self._page.close()
        self._path.unlink()

    def __getattr__(self, name):
        if name not in FIELDS:
            raise AttributeError(name)
        return struct.unpack_from("<q" if name in SIGNED else "<Q", self._page, 8 * FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        if name in FIELDS:
            struct.pack_into("<q" if name in SIGNED else "<Q", self._page, 8 * FIELDS.index(name), value)
        else:
            self.__dict__[name] = value

    @contextmanager
    def loaded(self):
        """What is started meanwhile has the shim."""
        with surroundings(self.environment):
            yield

    def fail(self, kind, errno=None, first=1, times=1, place=0, others=False):
        """From now on: the first-th call of the kind (from that place; of other threads than the first), and so many in
        all; times=0: all after it."""
        self.calm()
        self.place, self.first, self.times, self.others = place, first, times, others
        self.number = NUMBERS[kind] if errno is None else errno
        self.passed = self.failed = 0
        self._page[STORY:STORY + STORY_ROOM] = b"\0" * STORY_ROOM
        self.kind = KINDS.index(kind)

    def calm(self):
        """No call fails any more."""
        self.kind = 0

    def record(self, kind):
        """Writes down from now on where calls of the kind come from; None: no more."""
        if kind:
            self._page[PLACES:SIZE] = b"\0" * (SIZE - PLACES)
        self.recording = KINDS.index(kind or "none")

    def places(self):
        """{place: calls} of what was recorded."""
        pairs = struct.iter_unpack("<QQ", self._page[PLACES:SIZE])
        return {place: calls for place, calls in pairs if place}

    def calls(self, kind):
        """So many there have been since the beginning."""
        return struct.unpack_from("<Q", self._page, CALLS + 8 * KINDS.index(kind))[0]

    def story(self):
        """The first call that was made to fail, and where it came from, MODULE+OFFSET."""
        return self._page[STORY:STORY + STORY_ROOM].split(b"\0")[0].decode(errors="replace")

    def explained(self, most=12):
        """The same, with functions and lines where debugging information has them."""
        name, *frames = self.story().split(" ")
        lines = [f"{name} fails in process {self.pid}"]
        for frame in frames[:most]:
            module, _, offset = frame.partition("+")
            lines.append(f"  {frame}  {_line_of(module, offset)}")
        return "\n".join(lines)


def _line_of(module, offset):
    paths = [Path(os.environ[name]) for name in ("POP3FS", "SESSION_DRIVER") if name in os.environ]
    for path in (path for path in paths if path.name == module):
        found = subprocess.run(["addr2line", "-Cfpe", path, hex(int(offset, 16) - 1)], capture_output=True, text=True,
                               check=False)
        return found.stdout.strip()
    return ""


@contextmanager
def surroundings(environment):
    """Meanwhile our environment has these, too."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def shim(root):
    """The library, where an ordinary user can load it."""
    return program("faults.so", root)


@contextmanager
def planned(root):
    handle, path = tempfile.mkstemp(prefix="faults-", dir=root)
    os.close(handle)
    plan = Plan(Path(path), shim(root))
    try:
        yield plan
    finally:
        plan.finish()
