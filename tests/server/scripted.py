"""Starts pop3-server for tests, and speaks to it octet by octet.

The program's path comes from the environment, POP3_SERVER. Nothing here waits for the clock: a
test waits for a line of the server's log, an answer, or the end of a connection; TIMEOUT only
bounds a test that has failed.
"""

import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import time

TIMEOUT = 20
POLL = 0.005


class Server:
    """A running server with its mail in DIR/mail, its log in DIR/log, its CA in DIR/ca.pem."""

    def __init__(self, directory, *options, mail=None, tls=False):
        self.directory = pathlib.Path(directory)
        self.mail, self.log = self.directory / "mail", self.directory / "log"
        self.ca = self.directory / "ca.pem"
        self.mail.mkdir(exist_ok=True)
        for name, octets in (mail or {}).items():
            (self.mail / name).write_bytes(octets)
        command = [os.environ["POP3_SERVER"], "--log", self.log, "--listen", "127.0.0.1:0"]
        if "--synthetic" not in options:
            command += ["--dir", self.mail]
        if tls:
            command += ["--tls-listen", "127.0.0.1:0", "--stls"]
            if "--cert" not in options:
                command += ["--write-ca", self.ca]
        self.process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        self.ports = {}
        for _ in range(2 if tls else 1):
            _, kind, _, port = self.process.stdout.readline().split()
            self.ports[kind] = int(port)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.terminate()
        assert self.process.wait(TIMEOUT) == 0
        self.process.stdout.close()

    def signal(self, number, line):
        """Sends a signal and waits for the line it brings into the log."""
        before = len(self.logged(line))
        self.process.send_signal(number)
        self.wait_for(line, before + 1)

    def script(self, *rules):
        """Replaces the script of a server that was started with --script."""
        (self.directory / "script").write_text("\n".join(rules))
        self.signal(signal.SIGHUP, "SCRIPT read")

    def logged(self, pattern):
        """The log's lines that hold the pattern."""
        return [line for line in self.log.read_text().splitlines() if re.search(pattern, line)]

    def wait_for(self, pattern, count=1):
        deadline = time.monotonic() + TIMEOUT
        while len(self.logged(pattern)) < count:
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.log.read_text()}"
            time.sleep(POLL)
        return self.logged(pattern)

    def context(self):
        """Trusts the server's CA only, and minds an end without goodbye."""
        context = ssl.create_default_context(cafile=self.ca)
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        return context

    def connect(self, kind="plain", greeting=True):
        client = Client(socket.create_connection(("127.0.0.1", self.ports[kind]), TIMEOUT))
        if kind == "tls":
            client.start_tls(self.context())
        if greeting:
            assert client.line().startswith(b"+OK")
        return client

    def login(self, kind="plain"):
        client = self.connect(kind)
        assert client.ask("USER me").startswith(b"+OK")
        assert client.ask("PASS secret").startswith(b"+OK")
        return client


class Client:
    """A client that takes every octet as it comes."""

    def __init__(self, sock):
        self.socket, self.waiting = sock, bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.socket.close()

    def start_tls(self, context, name="localhost"):
        self.socket = context.wrap_socket(
            self.socket, server_hostname=name, suppress_ragged_eofs=False
        )

    def send(self, octets):
        self.socket.sendall(octets)

    def more(self):
        octets = self.socket.recv(1 << 20)
        self.waiting += octets
        return octets

    def take(self, count):
        """Exactly that many octets."""
        while len(self.waiting) < count:
            assert self.more(), f"closed after {self.waiting!r}"
        octets = bytes(self.waiting[:count])
        del self.waiting[:count]
        return octets

    def until(self, end):
        """Octets to the first `end`, that included."""
        start = 0
        while (at := self.waiting.find(end, start)) < 0:
            start = max(0, len(self.waiting) - len(end))
            assert self.more(), f"closed after {bytes(self.waiting[-200:])!r}"
        return self.take(at + len(end))

    def line(self):
        return self.until(b"\r\n")

    def ask(self, command):
        self.send(command.encode() + b"\r\n")
        return self.line()

    def ask_many(self, command):
        """A multi-line reply: its first line, and the rest without the final dot."""
        first = self.ask(command)
        assert first.startswith(b"+OK"), first
        return first, self.body()

    def body(self):
        """Lines to the final dot, which is left out; dots are not undoubled."""
        first = self.line()
        if first == b".\r\n":
            return b""
        self.waiting[:0] = first
        return self.until(b"\r\n.\r\n")[:-3]

    def rest(self):
        """All that comes until the server closes; a reset is raised."""
        while self.more():
            pass
        return self.take(len(self.waiting))

    def is_silent(self):
        """Nothing has come that was not asked for."""
        self.socket.setblocking(False)
        try:
            self.more()
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        self.socket.settimeout(TIMEOUT)
        return not self.waiting
