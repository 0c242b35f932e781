"""The scripted POP3 server (tests/server): started with options and fault rules, its log read while it runs."""

import os
import re
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from eventually import PATIENCE, eventually
from leftovers import end
from programs import program

PASSWORD = "secret"
USER = "demo"
LISTENING = re.compile(r"^listening (plain|tls) (\S+) (\d+)$", re.M)


def capabilities(*more):
    """Options: what CAPA announces, before and after the login; no SASL, so that logins are by USER and PASS."""
    lines = ("TOP", "UIDL", "USER", "RESP-CODES", *more)
    return [*(word for line in (*lines, "STLS") for word in ("--capa", line)),
            *(word for line in lines for word in ("--capa-auth", line))]


class Servers:
    """Starts scripted servers and ends those that still run."""

    def __init__(self, root, authority):
        self._root = root
        self._authority = authority
        self._leaf = None
        self._servers = []

    def start(self, *options, messages=None, synthetic=None, rules=(), certificate=None):
        """messages is {file name: octets}, served as they stand; synthetic is COUNT:SIZE; rules are lines of the
        fault script; options go to the server as they are; certificate is a certs.Leaf."""
        self._leaf = self._leaf or self._authority.leaf()
        server = Server(self._root, self._authority.ca, certificate or self._leaf)
        self._servers.append(server)
        server.start(options, messages, synthetic, rules)
        return server

    def stop(self):
        for server in self._servers:
            server.stop()


class Server:
    """A running server; it answers in the clear and by STLS on `port`, by TLS on `tls_port`."""

    user, password, utf8 = USER, PASSWORD, False

    def __init__(self, root, ca, leaf):
        self.ca = ca
        self.port = self.tls_port = None
        self._root = root
        self._leaf = leaf
        self._home = Path(tempfile.mkdtemp(prefix="server-", dir=root))
        self.directory = self._home / "mail"
        self._log = self._home / "log"
        self._script = self._home / "script"
        self._process = None

    def start(self, options, messages, synthetic, rules):
        argv = [program("pop3-server", self._root), "--listen", "127.0.0.1:0", "--stls",
                "--tls-listen", "127.0.0.1:0", "--cert", self._leaf.cert, "--key", self._leaf.key,
                "--user", USER, "--password", PASSWORD, "--log", self._log, "--script", self._script]
        if synthetic is None:
            self.directory.mkdir()
            for name, octets in (messages or {}).items():
                self.deliver(name, octets)
            argv += ["--dir", self.directory, "--raw"]
        else:
            argv += ["--synthetic", synthetic]
        self._script.write_text("".join(f"{rule}\n" for rule in rules))
        out = self._home / "out"
        with out.open("wb") as stdout:
            self._process = subprocess.Popen([str(a) for a in (*argv, *options)], stdin=subprocess.DEVNULL,
                                             stdout=stdout, stderr=subprocess.STDOUT)

        def listening():
            assert self._process.poll() is None, f"the server ended: {out.read_text()}"
            ports = {kind: int(port) for kind, _, port in LISTENING.findall(out.read_text())}
            return ports if len(ports) == 2 else None

        ports = eventually(listening, "the server's listeners")
        self.port, self.tls_port = ports["plain"], ports["tls"]

    def stop(self):
        if self._process and self._process.poll() is None:
            end(self._process.pid)
        if self._process:
            self._process.wait()

    def source(self, way="tls"):
        """What pop3fs is given to mount it, by tls, stls or plain."""
        if way == "tls":
            return f"pop3s://{USER}@localhost:{self.tls_port}"
        return f"pop3://{USER}@localhost:{self.port}"

    def deliver(self, name, octets):
        """A new message in the directory, there all at once, also from several threads. The next login lists it."""
        new = self._home / f"new-{threading.get_ident()}"
        new.write_bytes(octets)
        new.rename(self.directory / name)

    def messages(self):
        """{file name: octets} of what the directory holds now."""
        return {p.name: p.read_bytes() for p in self.directory.iterdir()}

    def rules(self, *rules):
        """Other fault rules from now on; all counts begin anew."""
        self._script.write_text("".join(f"{rule}\n" for rule in rules))
        answer = self._signal(signal.SIGHUP, "^SCRIPT ")
        assert answer == "SCRIPT read", answer

    def unplug(self):
        """All connections end at once, as when a cable is pulled."""
        before = self._connections("open") - self._connections("close")
        self.drop()
        eventually(lambda: before <= self._connections("close"), "the end of all connections")

    def drop(self):
        """The same, and nobody waits for it."""
        os.kill(self._process.pid, signal.SIGUSR1)

    def settled(self):
        """Waits until all connections have ended, so that nothing more can come of them."""
        eventually(lambda: self._connections("open") <= self._connections("close"), "the end of all connections")

    def _connections(self, event):
        """The numbers of the connections of which the log says this."""
        return {line.split()[1] for line in self.lines() if line.startswith("CONN ") and line.split()[2] == event}

    def down(self):
        """Nobody listens any more; connections stay."""
        self._signal(signal.SIGUSR2, "^DOWN$")

    def up(self):
        """It listens again, on the same ports."""
        self._signal(signal.SIGUSR2, "^UP$")

    def _signal(self, number, pattern):
        """Sends a signal and returns the log line that says it was heard."""
        before = sum(bool(re.search(pattern, line)) for line in self.lines())
        os.kill(self._process.pid, number)
        return self.wait_for(pattern, before + 1)[-1]

    def lines(self):
        """The log, a list of its complete lines: `CONN 1 > STAT`, `CONN 1 < +OK 2 320`, `DELETED name` ..."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return text.split("\n")[:-1]

    def commands(self):
        """Every command received, without its connection's number."""
        found = (re.match(r"CONN \d+ > (.*)", line) for line in self.lines())
        return [m[1].rstrip("\r") for m in found if m]

    def sent(self, verb):
        """How many commands of this verb came."""
        return sum(c.split(" ")[0].upper() == verb for c in self.commands())

    def wait_for(self, pattern, count=1, seconds=PATIENCE):
        """Waits until so many lines of the log match, and returns them."""
        def seen():
            lines = [line for line in self.lines() if re.search(pattern, line)]
            return lines if len(lines) >= count else None
        return eventually(seen, f"{count} log lines like {pattern!r}", seconds)
