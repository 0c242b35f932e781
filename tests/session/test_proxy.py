"""Through a SOCKS5 proxy: the whole way, and the name of the server is the proxy's to look up."""

import pytest

from socksproxy import Proxy


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

