"""A room: a process sees the machine as if a package were installed on it, with users of its own.

Debian's POP3 servers exclude each other, and want system users and files at fixed places. contrib/servers
unpacks them into directories; a room lays such a directory over /usr and /etc, our own files over that, and
empty file systems over /var and /run, in a mount and PID namespace that ends with its first process. The
machine itself is never changed. Only root can make one.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from leftovers import descendants, end
from programs import TOP

USER, PASSWORD = "tester", "a secret, with a comma"
UID = GID = 64002     # of USER, whom only the room knows
MAIL_GID = 8
SERVICE_UID = 64003   # the first of the users that servers want for themselves

# Mounts of other tests would live on in our copy, and their daemons with them.
FORGET_OTHERS = """\
sed -n 's/^\\([^ ]* \\)\\{4\\}\\([^ ]*\\) .* - fuse\\..*/\\2/p' /proc/self/mountinfo | while read -r other; do
	umount -i -l "$(printf %b "$(echo "$other" | sed 's/\\\\/\\\\0/g')")"
done
"""

SCRIPT = FORGET_OTHERS.replace("{", "{{").replace("}", "}}") + """\
mount -t overlay overlay -o lowerdir={package}/usr:/usr /usr &&
	mount -t overlay overlay -o lowerdir={home}/etc{etc}:/etc /etc &&
	mount -t tmpfs tmpfs /run &&
	mount -t tmpfs tmpfs /var &&
	mkdir -p /var/mail {directories} &&
	mount --bind {home}/mail /var/mail || exit
"$@"
"""

PASSWD = f"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n{USER}:x:{UID}:{GID}::{{home}}/user:/bin/sh\n"
GROUP = f"root:x:0:\nmail:x:{MAIL_GID}:\nnogroup:x:65534:\n{USER}:x:{GID}:\n"
PAM = "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n"


def packages(name):
    """Where contrib/servers unpacked a server; the test is skipped where it did not, or cannot be used."""
    path = Path(os.environ.get("POP3_SERVERS") or TOP / "build-servers").resolve() / name
    if not path.is_dir():
        pytest.skip(f"{name} is not in {path.parent}: contrib/servers did not fetch it")
    if os.geteuid() != 0:
        pytest.skip(f"{name} needs system users: only root can give it a room with its own")
    return path


class Room:
    """`home` is a new directory with, in it, what the room shows: etc, mail (/var/mail), user (USER's home)."""

    def __init__(self, name, home, users=(), pam="", directories=()):
        """users are the names that the server wants to run as, pam is its PAM service, directories are made
        for it below /var and /run."""
        self.home = home
        self._log = home / "log"
        self._process = None
        package = packages(name)
        for part in ("etc/pam.d", "mail", "user"):
            (home / part).mkdir(parents=True)
        os.chown(home / "user", UID, GID)
        os.chmod(home / "mail", 0o1777)
        self._write_users(users)
        self.write({f"pam.d/{pam}": PAM})
        etc = f":{package}/etc" if (package / "etc").is_dir() else ""
        (home / "script").write_text(SCRIPT.format(package=package, home=home, etc=etc,
                                                   directories=" ".join(directories)))

    def write(self, files):
        """Puts {place in /etc: text} into the room, before it is started."""
        for place, text in files.items():
            path = self.home / "etc" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o600 if "PRIVATE KEY" in text else 0o644)

    def _write_users(self, users):
        hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True,
                                text=True, check=True).stdout.strip()
        own = list(enumerate(users, SERVICE_UID))
        files = {"passwd": PASSWD.format(home=self.home) + "".join(f"{u}:x:{i}:{i}::/:/bin/false\n" for i, u in own),
                 "group": GROUP + "".join(f"{u}:x:{i}:\n" for i, u in own),
                 "shadow": f"{USER}:{hashed}:19000:0:99999:7:::\n"}
        for name, text in files.items():
            (self.home / "etc" / name).write_text(text)
        os.chmod(self.home / "etc/shadow", 0o600)

    def start(self, *argv):
        """Starts a command in the room."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
                 "sh", self.home / "script", *map(str, argv)],
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        """Ends all that runs in the room."""
        if self._process is None:
            return
        inside = descendants(self._process.pid)
        self._process.kill()   # unshare heeds no SIGTERM while it waits
        self._process.wait()
        self._process = None
        for pid in inside:   # the kernel has killed them; they are our children now
            end(pid)

    def lives(self):
        return self._process is not None and self._process.poll() is None

    def said(self):
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def remove(self):
        shutil.rmtree(self.home, ignore_errors=True)
