"""Somebody in between who has a good certificate: TLS ends there, and another TLS goes on to the server."""

import socket
import ssl

from between import Between


class Relay(Between):
    """Shows `leaf`, and passes all on to the TLS port of a server on this machine. `said` is what clients sent."""

    def __init__(self, leaf, port):
        self.said = b""
        self._port = port
        self._inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._inward.load_cert_chain(leaf.cert, leaf.key)
        self._outward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._outward.check_hostname = False
        self._outward.verify_mode = ssl.CERT_NONE
        super().__init__()

    def _serve(self, raw):
        try:
            with self._inward.wrap_socket(raw, server_side=True) as client, self._outward.wrap_socket(
                    socket.create_connection(("127.0.0.1", self._port))) as server:
                self._talk(client, server)
        except OSError:
            pass

    def _talk(self, client, server):
        """A greeting, then a line for a line: enough for a login."""
        answers = server.makefile("rb")
        client.sendall(answers.readline())
        for line in client.makefile("rb"):
            self.said += line
            server.sendall(line)
            answer = answers.readline()
            client.sendall(answer)
            while line == b"CAPA\r\n" and answer != b".\r\n":
                answer = answers.readline()
                client.sendall(answer)
