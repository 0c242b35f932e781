"""What the fixtures of conftest.py give, for long runs that are no tests: `with Stage(build) as stage`."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import leftovers
import people
from certs import Authority
from dovecot import Dovecot
from driving import Drivers
from mounting import Mounts
from popserver import Servers

PROGRAMS = {"POP3FS": "src/pop3fs", "POP3_SERVER": "tests/server/pop3-server",
            "SESSION_DRIVER": "tests/session/session-driver"}


class Stage:
    """serve, drive and mounts are as the fixtures of these names, until sweep(); dovecot starts when asked for."""

    def __init__(self, build):
        for name, place in PROGRAMS.items():
            os.environ[name] = str(Path(build).resolve() / place)

    def __enter__(self):
        leftovers.adopt_orphans()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.root = Path(tempfile.mkdtemp(prefix="pop3fs-run-"))
        os.chmod(self.root, 0o755)
        os.environ.update(leftovers.sanitizer_environment(self.root))
        home = self.root / "home"
        home.mkdir(mode=0o700)
        self.person = people.ordinary(home)
        if os.geteuid() == 0:
            self.person.own(home)
        self._authority = Authority(self.root / "authority")
        self._dovecot = None
        self._begin()
        return self

    def __exit__(self, *_):
        self._end()
        if self._dovecot:
            self._dovecot.stop()
        left = leftovers.clean(self.root)
        reports = leftovers.sanitizer_reports(self.root)
        shutil.rmtree(self.root, ignore_errors=True)
        assert not left, f"left behind: {left}"
        assert not reports, reports

    def _begin(self):
        self._servers = Servers(self.root, self._authority)
        self._drivers = Drivers(self.root)
        self.mounts = Mounts(self.root)
        self.serve, self.drive = self._servers.start, self._drivers.start

    def _end(self):
        self.mounts.finish()
        self._drivers.finish()
        self._servers.stop()

    def sweep(self):
        """Ends what was started, and its directories with it."""
        self._end()
        for old in (*self.root.glob("server-*"), *self.root.glob("driver-*"), *(self.root / "home").glob("*")):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        self._begin()

    @property
    def dovecot(self):
        if not self._dovecot:
            self._dovecot = Dovecot(self.root / "dovecot", self._authority)
            self._dovecot.start()
        return self._dovecot
