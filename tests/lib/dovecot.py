"""Debian's Dovecot as a POP3 server of our own: its own configuration, users and mail, on free loopback ports.

One Dovecot serves as many accounts as the tests want; each test takes a fresh one, so tests share nothing.
What a client said is in the account's rawlog (Dovecot's `rawlog_dir`), one line a command as it came, from
the login on: that is how RETRs are counted, while the session is still open.
"""

import os
import poplib
import pwd
import shutil
import ssl
import subprocess
from dataclasses import dataclass

import ports
from eventually import eventually
from leftovers import descendants, end
from raw import PATIENCE, Raw
from stores import Maildir, Mbox

PASSWORD = "a secret, with a comma"

CONFIG = """\
protocols = pop3
listen = 127.0.0.1
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
auth_verbose = yes
auth_failure_delay = 0
auth_mechanisms = plain login
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{leaf.cert}
ssl_key = <{leaf.key}
ssl_min_protocol = TLSv1.2
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
default_vsz_limit = 0
first_valid_uid = 0
mail_max_userip_connections = 1000
rawlog_dir = {root}/rawlog/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/users/%u
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {root}/users/%u
}}
service anvil {{
  chroot = {chroot}
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot = {chroot}
}}
service pop3-login {{
  chroot = {login_chroot}
  service_count = 0
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
{extra}
"""


class Dovecot:
    """A running Dovecot. `port` answers in the clear and by STLS, `tls_port` by TLS, for `ca` and "localhost"."""

    def __init__(self, root, authority, extra=""):
        self.root = root
        self.ca = authority.ca
        self._leaf = authority.leaf()
        self._extra = extra
        self._accounts = 0
        self._process = None
        self.port = self.tls_port = None
        for name in ("", "users", "mail", "rawlog"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def start(self):
        if self.port:
            self._start(self.port, self.tls_port)
        else:
            ports.somewhere(self._start, 2)
        return self

    def _start(self, port, tls_port):
        self.port, self.tls_port = port, tls_port
        (self.root / "conf").write_text(self._config())
        self._process = subprocess.Popen(
            [shutil.which("dovecot") or "/usr/sbin/dovecot", "-F", "-c", self.root / "conf"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers, f"Dovecot's greeting ({self.root}/log)")

    def stop(self):
        """Ends it and all its children."""
        if self._process is None:
            return
        helpers = descendants(self._process.pid)
        end(self._process.pid)
        self._process.wait()
        self._process = None
        for pid in helpers:   # ours now; one in the middle of something may need telling
            end(pid)

    def _config(self):
        root = os.geteuid() == 0
        me = pwd.getpwuid(os.geteuid()).pw_name
        group = subprocess.run(["id", "-gn"], capture_output=True, text=True, check=True).stdout.strip()
        return CONFIG.format(
            root=self.root, leaf=self._leaf, port=self.port, tls_port=self.tls_port, extra=self._extra,
            internal="dovecot" if root else me, group="dovecot" if root else group,
            login="dovenull" if root else me, chroot="empty" if root else "",
            login_chroot="login" if root else "")

    def _lives(self):
        return self._process.poll() is None

    def _answers(self):
        if not self._lives() and ports.IN_USE in self.log():
            (self.root / "log").unlink()
            raise ports.Taken
        assert self._lives(), f"Dovecot ended: {self.log()}"
        return ports.greets(self.port, self._lives)

    def log(self):
        """Dovecot's own log."""
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    def account(self, box="maildir", **settings):
        """A new, empty account. box is maildir or mbox; settings are Dovecot's own, for this user alone
        (pop3_uidl_format="%f", pop3_lock_session="yes")."""
        self._accounts += 1
        user = f"user{self._accounts}"
        home = self.root / "mail" / user
        uid, gid = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        boxes = {"maildir": "maildir:~/box", "mbox": "mbox:~/mbox:INBOX=~/box"}
        fields = [f"userdb_mail={boxes[box]}"] + [f"userdb_{k}={v}".replace("%", "%%") for k, v in settings.items()]
        (self.root / "users" / user).write_text(
            f"{user}:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{home}::{' '.join(fields)}\n")
        (self.root / "rawlog" / user).mkdir()
        home.mkdir()
        subprocess.run(["chown", "-R", f"{uid}:{gid}", home, self.root / "rawlog" / user], check=True)
        store = {"maildir": Maildir, "mbox": Mbox}[box](home / "box", uid, gid)
        return Account(self, user, store)


@dataclass
class Account:
    """One maildrop of a Dovecot: put mail in, see what is there, see what clients did."""

    server: Dovecot
    user: str
    store: Maildir | Mbox
    password: str = PASSWORD
    way = "tls"    # the best way to mount it
    utf8 = False   # Dovecot sends 8-bit headers without being told to

    def source(self, way="tls"):
        """What pop3fs is given to mount it, by tls, stls or plain."""
        if way == "tls":
            return f"pop3s://{self.user}@localhost:{self.server.tls_port}"
        return f"pop3://{self.user}@localhost:{self.server.port}"

    @property
    def ca(self):
        return self.server.ca

    @property
    def port(self):
        return self.server.port

    @property
    def path(self):
        """The Maildir, or the mbox."""
        return self.store.path

    def change_password(self, password):
        """From the next login on; Dovecot looks at the file once a second."""
        file = self.server.root / "users" / self.user
        file.write_text(file.read_text().replace("{PLAIN}" + self.password, "{PLAIN}" + password))
        self.password = password
        eventually(self._lets_in, "the new password")

    def _lets_in(self):
        try:
            self.session().quit()
        except poplib.error_proto:
            return False
        return True

    def deliver(self, octets):
        """Puts a message into the maildrop, its line ends as they are. Returns the name of its file, in a Maildir."""
        return self.store.deliver(octets)

    def messages(self):
        """{name: octets} of what the maildrop holds now."""
        return self.store.messages()

    def speak(self):
        """A session on a bare socket."""
        return Raw(self)

    def count(self):
        return len(self.messages())

    def session(self, way="plain"):
        """A logged-in poplib session."""
        if way == "tls":
            pop = poplib.POP3_SSL("localhost", self.server.tls_port, timeout=PATIENCE, context=self.context())
        else:
            pop = poplib.POP3("127.0.0.1", self.server.port, timeout=PATIENCE)
            if way == "stls":
                pop.host = "localhost"
                pop.stls(self.context())
        pop.user(self.user)
        pop.pass_(self.password)
        return pop

    def context(self):
        return ssl.create_default_context(cafile=self.server.ca)

    def uidls(self):
        """The UIDLs in the server's order."""
        pop = self.session()
        try:
            return [line.split(b" ", 1)[1].decode("latin-1") for line in pop.uidl()[1]]
        finally:
            pop.quit()

    def listed(self):
        """{uidl: size as LIST says}."""
        pop = self.session()
        try:
            return dict(zip((line.split(b" ", 1)[1].decode("latin-1") for line in pop.uidl()[1]),
                            (int(line.split()[1]) for line in pop.list()[1])))
        finally:
            pop.quit()

    def retr(self, *uidls):
        """{uidl: octets} as RETR sends them, dots undone and nothing else. Of all, if none is named."""
        with Raw(self) as raw:
            numbers = raw.numbers()
            return {u: raw.retr(numbers[u]) for u in uidls or numbers}

    def commands(self):
        """Every command that any client sent after its login, ours too, in order of the sessions' start."""
        result = []
        for path in sorted((self.server.root / "rawlog" / self.user).glob("*.in"), key=lambda p: p.stat().st_ctime):
            for line in path.read_bytes().split(b"\n"):
                words = line.split(b" ", 1)   # "1795612646.848315 LIST"
                if len(words) == 2:
                    result.append(words[1].strip(b"\r").decode("latin-1"))
        return result

    def sent(self, verb):
        """How many commands of this verb clients sent."""
        return sum(c.split(" ")[0].upper() == verb for c in self.commands())

    def retrs(self):
        return self.sent("RETR")
