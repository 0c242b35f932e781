"""Processes and what they cost, by the operating system's account."""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/lib"))

PATIENCE = 3600    # seconds for one run of one contestant
GREETING = 120     # seconds for a server to say where it listens
SAMPLING = 0.02    # seconds between two looks at a process's memory


class Missing(Exception):
    """A contestant that is not here: not installed, or an option that this pop3fs does not have."""


class Broken(Exception):
    """A contestant that did not do its work; its figures would mean nothing."""


def tick():
    return time.monotonic()


@dataclass
class Cost:
    """What some processes cost together."""

    seconds: float = 0
    cpu: float = 0
    peak: float = 0     # MiB, of the largest

    def add(self, cpu, peak):
        self.cpu += cpu
        self.peak = max(self.peak, peak)

    def figures(self, **more):
        return {"seconds": self.seconds, "cpu": self.cpu, "peak": self.peak, **more}


def _end_of(process, seconds):
    """Its exit code, at once: Popen.wait with a time-out looks every 50 ms, which the clock of a row would count."""
    fd = os.pidfd_open(process.pid)
    try:
        select.select([fd], [], [], seconds)
    finally:
        os.close(fd)
    return process.wait(0)


class Runner:
    """Runs commands by program cost, which accounts for them."""

    def __init__(self, cost, root):
        self._cost, self._file = cost, root / "cost"

    def __call__(self, *argv, cost=None, env=None, good=(0,), said=None):
        """Runs a command to its end. Its output goes nowhere. Returns its Cost, added to `cost` if there is one.
        `said`: a file for its stderr, which also goes to processes that it leaves behind."""
        cost = cost or Cost()
        with said.open("w+b") if said else tempfile.TemporaryFile() as words:
            process = subprocess.Popen([self._cost, self._file, *map(str, argv)], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=words, env={**os.environ, **(env or {})},
                                       start_new_session=True)
            try:
                code = _end_of(process, PATIENCE)
            except BaseException:     # too long, or somebody has had enough
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            if code not in good:
                words.seek(0)
                text = words.read().decode(errors="replace").strip().splitlines()
                raise Broken(f"{Path(str(argv[0])).name} ended with {code}: {'; '.join(text[-3:])}")
        seconds, cpu, peak = map(float, self._file.read_text().split())
        cost.seconds += seconds
        cost.add(cpu, peak / 1024)
        return cost


def find(name):
    """A program of this machine, or Missing."""
    for directory in os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/usr/local/bin"]:
        path = Path(directory) / name
        if path.is_file() and os.access(path, os.X_OK):
            return path
    raise Missing(f"{name} is not installed")


class Program:
    """A program in the background that says on stdout, once it is ready, what `pattern` finds."""

    def __init__(self, argv, pattern, log):
        self._out = log
        with log.open("wb") as out:
            self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.said = self._wait(pattern)

    def _wait(self, pattern):
        end = tick() + GREETING
        while tick() < end:
            text = self._out.read_text(errors="replace")
            found = re.search(pattern, text)
            if found:
                return found
            if self.process.poll() is not None:
                raise Broken(f"{self.process.args[0]} ended: {text.strip()[-500:]}")
            time.sleep(0.01)
        raise Broken(f"{self.process.args[0]} says nothing")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def memory(pid):
    """Memory of a process that no file backs, in octets."""
    text = Path(f"/proc/{pid}/status").read_text()
    return 1024 * sum(int(n) for n in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+)", text, re.M))


def resident(pid):
    """All its resident memory, in octets, pages of files included."""
    return 1024 * int(re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def processor(pid):
    """The seconds that its threads have spent, of those that there are."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def switches(pid):
    """How often its threads have given the processor away: each wake-up ends in one."""
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)[1])
               for task in Path(f"/proc/{pid}/task").iterdir())


class PeakMemory:
    """Looks at memory() again and again; `octets` is the most that was seen. For with."""

    def __init__(self, pid):
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.octets = 0

    def _look(self):
        while not self._over.wait(SAMPLING):
            try:
                self.octets = max(self.octets, memory(self._pid))
            except OSError:
                return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


class Requests:
    """Counts the FUSE requests of one mount by the kernel's own tracepoint; `count` is None where there is none (it
    takes root and a recent kernel). For with."""

    def __init__(self, mountpoint, root):
        self._device = os.stat(mountpoint).st_dev
        self._root = root / "tracefs"
        self.count = None
        self._mine = None

    def __enter__(self):
        self._root.mkdir(exist_ok=True)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if subprocess.call(["mount", "-t", "tracefs", "tracefs", self._root], **quiet) != 0:
            return self
        self._mine = self._root / "instances" / f"pop3fs-bench-{os.getpid()}"
        try:
            self._mine.mkdir()
            event = self._mine / "events/fuse/fuse_request_send"
            (event / "filter").write_text(f"connection == {os.minor(self._device)}")
            (event / "enable").write_text("1")
        except OSError:
            self._end()
        return self

    def __exit__(self, *_):
        if self._mine:
            self.count = sum(int(n) for cpu in (self._mine / "per_cpu").iterdir()
                             for n in re.findall(r"^(?:entries|overrun): (\d+)", (cpu / "stats").read_text(), re.M))
            self._end()

    def _end(self):
        if self._mine.is_dir():
            (self._mine / "events/fuse/enable").write_text("0")
            self._mine.rmdir()
        self._mine = None
        subprocess.call(["umount", self._root])


def drop_caches():
    """The kernel forgets files and directories; Missing if we are not root."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError as error:
        raise Missing("only root can make the kernel forget files") from error
