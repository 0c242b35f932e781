"""A POP3 session on a bare socket: the octets a server sends, which poplib does not keep."""

import socket

PATIENCE = 60     # seconds for one answer of the server


class Raw:
    """A session in the clear, logged in, with any account that has user, password, port and utf8 (whether to say
    UTF8 first, as RFC 6856 has it). Leaving it says QUIT."""

    def __init__(self, account):
        self._socket = socket.create_connection(("127.0.0.1", account.port), PATIENCE)
        self._in = self._socket.makefile("rb", buffering=1 << 16)
        self._in.readline()
        try:
            if account.utf8:
                self.command("UTF8")
            self.command(f"USER {account.user}")
            self.command(f"PASS {account.password}")
        except BaseException:
            self._close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.command("QUIT")
        finally:
            self._close()

    def _close(self):
        self._in.close()
        self._socket.close()

    def command(self, words):
        self._socket.sendall(words.encode("latin-1") + b"\r\n")
        reply = self._in.readline()
        assert reply.startswith(b"+OK"), (words, reply)
        return reply

    def _lines(self):
        lines = []
        while (line := self._in.readline()) != b".\r\n":
            assert line, "the server closed in the middle of a reply"
            lines.append(line)
        return lines

    def uidls(self):
        """The UIDLs in the server's order; the first is of message 1."""
        self.command("UIDL")
        return [line.rstrip(b"\r\n").split(b" ", 1)[1].decode("latin-1") for line in self._lines()]

    def sizes(self):
        """The sizes as LIST says, in the server's order."""
        self.command("LIST")
        return [int(line.split()[1]) for line in self._lines()]

    def numbers(self):
        """{uidl: number in this session}."""
        return {uidl: number for number, uidl in enumerate(self.uidls(), 1)}

    def retr(self, number):
        self.command(f"RETR {number}")
        # A line is split at LF; only a "." between two CRLFs ends the message.
        octets = bytearray(b"\r\n")
        while True:
            line = self._in.readline()
            assert line, "the server closed in the middle of a message"
            if line == b".\r\n" and octets.endswith(b"\r\n"):
                break
            octets += line
        return bytes(octets).replace(b"\r\n.", b"\r\n")[2:]

    def everything(self):
        """[(uidl, octets)] of all messages, in the server's order."""
        return [(uidl, self.retr(number)) for number, uidl in enumerate(self.uidls(), 1)]
