"""What every test may ask for. The helpers are in lib/; each says there what it gives."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

import leftovers
import people
import variants
from certs import Authority
from dovecot import Dovecot
from driving import Drivers
from mounting import Mounts
from popserver import Servers
from realservers import RealServers


def pytest_collection_modifyitems(items):
    """Leaves out what makes no sense under $POP3FS_TEST_OPTIONS (lib/variants.py)."""
    for item in items:
        reason = variants.why_not(f"{item.path.parent.name}/{item.path.name}", item.name)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def root():
    """The directory that holds everything these tests make. At the end nothing of it may still be alive."""
    leftovers.adopt_orphans()
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # so that what follows the yields is done then, too
    signal.signal(signal.SIGINT, signal.default_int_handler)    # a shell's background jobs ignore it, and so would ours
    signal.signal(signal.SIGHUP, signal.SIG_DFL)                # ... and so does what nohup started
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)               # the same
    path = Path(tempfile.mkdtemp(prefix="pop3fs-test-"))
    os.chmod(path, 0o755)
    os.environ.update(leftovers.sanitizer_environment(path))
    yield path
    found = leftovers.clean(path)
    reports = leftovers.sanitizer_reports(path)
    shutil.rmtree(path, ignore_errors=True)
    assert not found, "left behind: " + "; ".join(found)
    assert not reports, reports


@pytest.fixture(autouse=True)
def no_sanitizer_report(root):
    """A report of ASan, UBSan or TSan fails the test in which it was written, whoever wrote it."""
    yield
    reports = leftovers.sanitizer_reports(root)
    assert not reports, reports


@pytest.fixture(scope="session")
def root_person(root):
    return _person(root, "root")


@pytest.fixture(scope="session")
def ordinary_person(root):
    return _person(root, "ordinary")


@pytest.fixture
def person(root_person, ordinary_person):
    """Whoever mounts in a test that is not about people: an ordinary user, as most are."""
    return ordinary_person


@pytest.fixture(params=["root", "ordinary"])
def anyone(request, root):
    """Runs the test twice: as root, and as an ordinary user."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("we are not root")
    return request.getfixturevalue(f"{request.param}_person")


def _person(root, kind):
    home = root / f"home-{kind}"
    home.mkdir(mode=0o700)
    person = getattr(people, kind)(home)
    if os.geteuid() == 0:
        person.own(home)
    return person


@pytest.fixture(scope="session")
def authority(root):
    return Authority(root / "authority")


@pytest.fixture(scope="session")
def dovecot(root, authority):
    """One Dovecot for all; take an account() of it. For another configuration start your own (see Dovecot)."""
    server = Dovecot(root / "dovecot", authority)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def account(dovecot):
    """A fresh, empty maildrop on Dovecot."""
    return dovecot.account()


@pytest.fixture
def real(root, authority, dovecot):
    """real(name) starts a server from Debian, or takes an account of Dovecot; see realservers.RealServers."""
    servers = RealServers(root, authority, dovecot)
    yield servers.start
    servers.stop()


@pytest.fixture
def serve(root, authority):
    """serve(option, ...) starts a scripted server and returns it; see popserver.Server."""
    servers = Servers(root, authority)
    yield servers.start
    servers.stop()


@pytest.fixture
def drive(root):
    """drive(server, idle=0, ...) starts a session without a file system; see driving.Driver."""
    drivers = Drivers(root)
    yield drivers.start
    drivers.finish()


@pytest.fixture
def mounts(root):
    """Mounts, and failed attempts at them; see mounting.Mounts. Whatever is still mounted at the end is taken away."""
    made = Mounts(root)
    yield made
    made.finish()
