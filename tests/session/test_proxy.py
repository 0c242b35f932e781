"""Through a SOCKS5 proxy: the whole way, and the name of the server is the proxy's to look up."""

import socket
import threading

import pytest


class Proxy:
    """Just enough of RFC 1928: no login, CONNECT by name. Every name leads to `server`, or is refused with `code`."""

    def __init__(self, server, code=0):
        self.names = []
        self._server = server
        self._code = code
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def close(self):
        self._listener.close()

    def _run(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

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


@pytest.fixture
def proxies():
    made = []
    yield lambda *args: made.append(Proxy(*args)) or made[-1]
    for proxy in made:
        proxy.close()


def test_the_name_is_looked_up_by_the_proxy_and_nowhere_else(person, mounts, serve, proxies):
    server = serve(synthetic="3:1000")
    proxy = proxies(server.port)
    mount = mounts.mount(server, person, way="plain", proxy=f"socks5h://127.0.0.1:{proxy.port}",
                         source="pop3://demo@mail.invalid")
    assert len(mount.sums()) == 3
    assert mount.umount() == 0
    assert set(proxy.names) == {"mail.invalid"}


def test_the_servers_certificate_is_checked_through_it(person, mounts, serve, proxies):
    server = serve(synthetic="3:1000")
    proxy = proxies(server.tls_port)
    url = f"socks5h://127.0.0.1:{proxy.port}"
    mount = mounts.mount(server, person, proxy=url, source="pop3s://demo@localhost")
    assert len(mount.sums()) == 3
    assert mount.umount() == 0
    mount, done = mounts.attempt(server, person, proxy=url, source="pop3s://demo@mail.invalid", retry=0)
    assert done.code == 32 and "mail.invalid" in done.err and len(done.err.splitlines()) == 1


def test_a_proxy_that_refuses_is_named(person, mounts, serve, proxies):
    server = serve(synthetic="3:1000")
    proxy = proxies(server.port, 2)
    mount, done = mounts.attempt(server, person, proxy=f"socks5h://127.0.0.1:{proxy.port}", retry=0)
    assert done.code == 32 and "proxy" in done.err and len(done.err.splitlines()) == 1
    assert not mount.is_mounted()
