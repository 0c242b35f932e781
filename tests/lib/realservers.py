"""POP3 servers from Debian other than Dovecot, each in a room of its own (see room), with one maildrop.

All have what tests ask of a Dovecot account: deliver() and messages(), speak() for a session on a bare socket,
user, password, port, ca and source() for mount(). `way` is the best way they can be mounted.
"""

import sys
import tempfile
from pathlib import Path

import pytest

import ports
from eventually import eventually
from raw import Raw
from room import GID, PASSWORD, UID, USER, Room
from stores import Maildir, Mbox

INETD = Path(__file__).with_name("inetd.py")


class RealServer:
    """What they have in common. Each says which room it wants, where its mail is, and how it is started."""

    user, password = USER, PASSWORD
    way = "plain"
    utf8 = False    # whether it offers UTF8 (RFC 6856)
    room = {}

    def __init__(self, root, authority):
        self.ca = authority.ca
        self.port = None
        self._leaf = authority.leaf()
        home = Path(tempfile.mkdtemp(prefix=f"{self.package}-", dir=root))
        home.chmod(0o755)
        self._room = Room(self.package, home, **self.room)
        self.store = self.make_store(home)

    def files(self):
        """{place in /etc: text}: its configuration."""
        return {}

    def make_store(self, home):
        return Mbox(home / "mail" / USER, UID, GID)

    def start(self):
        """Starts it; where it does not run (no namespaces, a library is missing), the test is skipped."""
        ports.somewhere(self._start)
        return self

    def _start(self, port):
        self.port = port
        self._room.write(self.files())
        self._room.start(*self.command())
        eventually(self._answers, f"the greeting of {self.package}")

    def stop(self):
        self._room.stop()
        self._room.remove()

    def _answers(self):
        if not self._room.lives() and ports.IN_USE in self._room.said():
            self._room.stop()
            raise ports.Taken
        if not self._room.lives():
            pytest.skip(f"{self.package} does not start: {self._room.said()}")
        return ports.greets(self.port, self._room.lives)

    def source(self, way=None):
        """What pop3fs is given to mount it, by stls or plain."""
        return f"pop3://{USER}@localhost:{self.port}"

    def deliver(self, octets):
        return self.store.deliver(octets)

    def messages(self):
        return self.store.messages()

    def speak(self):
        return Raw(self)

    def said(self):
        """The server's own log."""
        return self._room.said()


class Popa3d(RealServer):
    """mbox; no CAPA, no TLS; a UIDL is a hash of the header, so equal messages have equal ones."""

    package = "popa3d"
    room = {"users": ("popa3d",), "pam": "popa3d", "directories": ("/var/lib/popa3d",)}

    def command(self):
        return [sys.executable, INETD, self.port, "/usr/sbin/popa3d"]


class Solid(RealServer):
    """mbox; no CAPA, no TLS; UIDLs repeat; five -ERR end the session."""

    package = "solid"
    room = {"users": ("spop3d",), "pam": "solid-pop3d", "directories": ("/var/lib/solid-pop3d/bulletins",)}

    def command(self):
        return [sys.executable, INETD, self.port, "/usr/sbin/solid-pop3d"]


class Mailutils(RealServer):
    """mbox; CAPA is malformed; sizes change as UIDLs are given, and the header is rewritten at QUIT."""

    package = "mailutils"
    way = "stls"
    room = {"pam": "gnu-mailutils"}

    def files(self):
        return {"pop3d.conf": f"""\
mode daemon;
foreground yes;
pidfile /run/pop3d.pid;
logging {{ syslog no; }};
auth {{ authorization clear; authorization system; authentication clear; authentication system:pam; }};
mailbox {{ mail-spool "/var/mail"; }};
tls {{
  ssl-certificate-file "/etc/server.pem";
  ssl-key-file "/etc/server.key";
}};
server 127.0.0.1:{self.port} {{ tls-mode ondemand; }};
""", "server.pem": self._leaf.cert.read_text(), "server.key": self._leaf.key.read_text()}

    def command(self):
        return ["/usr/sbin/pop3d", "--config-file=/etc/pop3d.conf"]


class Courier(RealServer):
    """Maildir; "+OK" to QUIT comes before anything is deleted."""

    package = "courier"
    way = "stls"
    utf8 = True     # without it, 8-bit headers come with a notice around them
    room = {"users": ("courier",), "pam": "pop3", "directories": ("/run/courier/authdaemon",)}

    def files(self):
        return {"courier/authdaemonrc": """\
authmodulelist="authpam"
authmodulelistorig="authpam"
daemons=2
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
""", "courier/start": f"""\
set -a
. /etc/courier/authdaemonrc
/usr/lib/courier/courier-authlib/authdaemond &
. /etc/courier/pop3d-ssl
. /etc/courier/pop3d
TLS_CERTFILE=/run/courier/server.pem
install -m 600 -o courier /etc/courier/server.pem $TLS_CERTFILE
TLS_CACHEFILE=
/usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=100 -maxperip=100 -nodnslookup -noidentlookup {self.port} \\
	/usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir
""", "courier/server.pem": self._leaf.key.read_text() + self._leaf.cert.read_text()}

    def make_store(self, home):
        return Maildir(home / "user/Maildir", UID, GID)

    def command(self):
        return ["sh", "/etc/courier/start"]


SERVERS = {server.package: server for server in (Courier, Mailutils, Popa3d, Solid)}

# Dovecot, and what an account of it is made with.
DOVECOTS = {
    "dovecot": {},
    "dovecot-mbox": {"box": "mbox"},
    "dovecot-locked": {"pop3_lock_session": "yes"},
    "dovecot-mbox-locked": {"box": "mbox", "pop3_lock_session": "yes"},
    "dovecot-file": {"pop3_uidl_format": "%f"},
    "dovecot-guid": {"pop3_uidl_format": "%g"},
    "dovecot-v.u": {"pop3_uidl_format": "%v.%u"},
    "dovecot-decimal": {"pop3_uidl_format": "%u"},
    "dovecot-mbox-md5": {"box": "mbox", "pop3_uidl_format": "%m"},   # of a few lines of the header: they repeat
}

NAMES = (*DOVECOTS, *SERVERS)


class RealServers:
    """Starts servers by name, and ends those that still run."""

    def __init__(self, root, authority, dovecot):
        self._root, self._authority, self._dovecot = root, authority, dovecot
        self._servers = []

    def start(self, name):
        if name in DOVECOTS:
            return self._dovecot.account(**DOVECOTS[name])
        server = SERVERS[name](self._root, self._authority)
        self._servers.append(server)
        return server.start()

    def stop(self):
        for server in self._servers:
            server.stop()
