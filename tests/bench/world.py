"""Where the contest takes place: one directory, in it corpora, servers, lines, and the mounts of pop3fs."""

import os
import poplib
import re
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import leftovers
from machine import Broken, Cost, Missing, Program, Runner, find, tick

USER, PASSWORD = "bench", "secret"


@dataclass(frozen=True)
class Corpus:
    """What the server holds. `tail`: so many messages of program corpus; else made up by the server itself."""

    name: str
    count: int
    synthetic: str = ""

    @property
    def words(self):
        return f"{self.count:,} messages ({self.name})"


@dataclass(frozen=True)
class Line:
    """What lies between client and server. Round trip in milliseconds; rate in bits a second, 0 for any."""

    rtt: int = 0
    rate: int = 0

    @property
    def trip(self):
        return self.rtt / 1000     # seconds

    @property
    def words(self):
        return (f"{self.rtt} ms" if self.rtt else "no delay") + (f", {self.rate // 10**6} Mbit/s" if self.rate else "")


class World:
    def __init__(self, build, directory, corpora, quick=False, dovecot=False):
        self._build = build
        self.tool("cost")          # nothing is made where nothing is built
        self.root = Path(tempfile.mkdtemp(prefix="pop3fs-bench-", dir=directory))
        self.root.chmod(0o755)     # Dovecot's own users go through it
        self.quick = quick
        self._corpora = corpora
        self._dovecot = RealServer(self) if dovecot else None
        self._ends = ExitStack()
        self._servers, self._lines, self._octets = {}, {}, {}
        self._made = 0
        self._options = None
        self.password_file = self.root / "password"
        self.password_file.write_text(PASSWORD + "\n")
        self.password_file.chmod(0o600)
        self.run = Runner(self.tool("cost"), self.root)
        leftovers.adopt_orphans()

    def corpus(self, letter):
        return self._corpora[letter]

    def at_end(self, function):
        self._ends.callback(function)

    def close(self):
        self._ends.close()
        for mountpoint, minor in leftovers.mounts_below(self.root):
            leftovers.force_off(mountpoint, minor)
        for pid in leftovers.children():
            leftovers.end(pid)
        shutil.rmtree(self.root, ignore_errors=True)

    def fresh(self, name):
        """A new empty directory."""
        self._made += 1
        path = self.root / f"{name}-{self._made}"
        path.mkdir()
        return path

    def tool(self, name):
        """A program that this tree builds."""
        places = {"pop3fs": "src", "pop3-server": "tests/server"}
        path = self._build / places.get(name, "tests/bench") / name
        if not path.exists():
            raise Missing(f"{path} is not built")
        return path

    def _option(self, name):
        """What --help says of an option; None: this pop3fs does not know it."""
        if self._options is None:
            done = subprocess.run([self.tool("pop3fs"), "--help"], capture_output=True, text=True, check=True)
            self._options = dict(re.findall(r"^ +(?:-\w, +--)?(\w+)(.*)", done.stdout, re.M))
        return self._options.get(name)

    def has_option(self, name):
        return self._option(name) is not None

    def need_option(self, name, value=""):
        words = self._option(name)
        if words is None or (value == "all" and "all" not in words.split("; ")[-1]):
            raise Missing(f"this pop3fs has no option {name}" + (f"={value}" if value else ""))

    # ---- servers and lines ----

    def start_server(self, corpus, *options):
        """A server of its own, for whoever changes what it holds. Returns {"plain": port, "tls": port}."""
        self._made += 1
        ca = self.root / f"ca-{self._made}"
        if corpus.synthetic:
            mail = ("--synthetic", f"{corpus.count}:{corpus.synthetic}")
        else:
            mail = ("--dir", self._directory(corpus), "--raw")
        program = Program(
            [self.tool("pop3-server"), *mail, "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0",
             "--write-ca", ca, *options],
            r"listening plain \S+ (?P<plain>\d+)\nlistening tls \S+ (?P<tls>\d+)\n", self.root / f"server-{self._made}")
        self._ends.callback(program.stop)
        ports = {kind: int(port) for kind, port in program.said.groupdict().items()}
        return {**ports, "ca": ca, "user": USER, "program": program}

    def server(self, corpus):
        """The one that all contestants talk to; it keeps what is deleted."""
        if corpus not in self._servers:
            server = self.start_server(corpus, "--keep")
            self._servers[corpus] = self._dovecot.serve(corpus, server) if self._dovecot else server
        return self._servers[corpus]

    def forget(self, corpus):
        """Its server ends: what it holds in memory is free for the next one."""
        self._servers.pop(corpus)["program"].stop()

    def _directory(self, corpus):
        path = self.root / f"corpus-{corpus.count}"
        if not path.exists():
            self.run(self.tool("corpus"), corpus.count, path)
        return path

    def line(self, port, line):
        """The port at which a server's port is reached over this line."""
        if not line.rtt and not line.rate:
            return port
        if (port, line) not in self._lines:
            self._made += 1
            program = Program([self.tool("delay"), "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{port}",
                               "--rtt", line.rtt, "--rate", line.rate],
                              r"listening (\d+)\n", self.root / f"line-{self._made}")
            self._ends.callback(program.stop)
            self._lines[port, line] = int(program.said[1])
        return self._lines[port, line]

    def octets(self, corpus):
        """What all its messages have together, as the server says."""
        if corpus not in self._octets:
            server = self.server(corpus)
            listing = subprocess.run(
                [self.tool("drain"), f"127.0.0.1:{server['plain']}", server["user"], PASSWORD],
                capture_output=True, text=True, check=True).stdout
            self._octets[corpus] = int(re.search(r"(\d+) octets", listing)[1])
        return self._octets[corpus]


class RealServer:
    """Dovecot, which holds the same messages as the server that makes them up."""

    def __init__(self, world):
        self._world = world
        self._running = None

    def _start(self):
        if not self._running:
            import certs
            import dovecot
            dovecot.PASSWORD = PASSWORD
            find("dovecot")
            self._running = dovecot.Dovecot(self._world.root / "dovecot",
                                            certs.Authority(self._world.root / "authority")).start()
            self._world.at_end(self._running.stop)
        return self._running

    def serve(self, corpus, source):
        running = self._start()
        account = running.account()
        line = poplib.POP3("127.0.0.1", source["plain"])
        line.user(USER)
        line.pass_(PASSWORD)
        for number in range(1, corpus.count + 1):
            account.deliver(b"".join(text + b"\r\n" for text in line.retr(number)[1]))
        line.quit()
        source["program"].stop()
        return {"plain": running.port, "tls": running.tls_port, "ca": running.ca, "user": account.user}


class Place:
    """A server over a line, as a row wants it."""

    def __init__(self, world, corpus, line=Line(), tls=False, server=None):
        server = server or world.server(corpus)
        self.world, self.corpus, self.wire, self.tls = world, corpus, line, tls
        self.ca, self.user = server["ca"], server["user"]
        self.port = world.line(server["tls" if tls else "plain"], line)

    @property
    def octets(self):
        return self.world.octets(self.corpus)


class Mount:
    """A mount of pop3fs, which ends with its daemon. For with: what is still mounted at the end is taken away."""

    def __init__(self, place, cache=None, **options):
        self.place = place
        self.path = place.world.fresh("mnt")
        self.cache = cache or place.world.fresh("cache")
        self.cost = Cost()          # of all its processes, once it has ended
        self.pid = None
        self._strays = []
        for name, value in options.items():
            place.world.need_option(name, value)
        options = {"password_file": place.world.password_file, "cache_dir": self.cache, "refresh": "1h", **options,
                   **({"ca": place.ca} if place.tls else {"tls": "off"})}
        self._argv = [place.world.tool("pop3fs")]
        for name, value in options.items():
            self._argv += ["-o", name if value is True else f"{name}={value}"]
        self._argv += [f"{'pop3s' if place.tls else 'pop3'}://{place.user}@127.0.0.1:{place.port}", self.path]

    def start(self):
        """Returns the seconds until pop3fs has returned: listed, and mounted."""
        before = set(leftovers.children())
        seconds = self.place.world.run(*self._argv, cost=self.cost, said=self.path.with_suffix(".said")).seconds
        self._strays = [pid for pid in leftovers.children() if pid not in before]
        return seconds

    def status(self):
        """.pop3fs/status as {key: value}."""
        text = (self.path / ".pop3fs/status").read_text()
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    def find_pid(self):
        self.pid = int(self.status()["pid"])
        return self.pid

    def umount(self):
        """Unmounts, and waits for the end of all its processes."""
        command = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]
        if subprocess.call([*command, self.path]) != 0:
            raise Broken("the mount is busy")
        self.wait()

    def timed_umount(self):
        """The seconds of it."""
        begun = tick()
        self.umount()
        return tick() - begun

    def wait(self):
        for pid in self._strays:
            try:
                usage = os.wait4(pid, 0)[2]
                self.cost.add(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
            except ChildProcessError:
                pass
        self._strays = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for mountpoint, minor in leftovers.mounts_below(self.path):
            leftovers.force_off(mountpoint, minor)
        for pid in self._strays:
            leftovers.end(pid)
