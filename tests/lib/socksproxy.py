"""A SOCKS5 proxy, by which every name leads to one server of this machine."""

import socket
import threading

from between import Between


class Proxy(Between):
    """Just enough of RFC 1928: no login, CONNECT by name. Every name leads to `server`, or is refused with `code`."""

    def __init__(self, server, code=0):
        self.names = []
        self._server = server
        self._code = code
        super().__init__()

    def _serve(self, client):
        with client, client.makefile("rb") as incoming:
            methods = incoming.read(2)[1]
            incoming.read(methods)
            client.sendall(b"\x05\x00")
            version, command, _, kind = incoming.read(4)
            assert (version, command, kind) == (5, 1, 3)
            self.names.append(incoming.read(incoming.read(1)[0]).decode())
            incoming.read(2)
            client.sendall(bytes([5, self._code, 0, 1]) + bytes(6))
            if self._code == 0:
                self._join(client, incoming)

    def _join(self, client, incoming):
        with socket.create_connection(("127.0.0.1", self._server)) as server:
            back = threading.Thread(target=self._pump, args=(server.recv, client), daemon=True)
            back.start()
            self._pump(incoming.read1, server)
            back.join()

    @staticmethod
    def _pump(read, to):
        try:
            while octets := read(65536):
                to.sendall(octets)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass
