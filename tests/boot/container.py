"""A machine of its own: Debian with the package of pop3fs installed, booted with systemd in a container.

It is laid over a root that tests/boot/root made, and over files that a test wrote before the boot; nothing of it
outlives `stop()`, and not the tests either. The network is the host's, so that servers on 127.0.0.1 are seen, and their
maildrops looked into when the machine is off. Only root can boot one.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from eventually import eventually
from leftovers import descendants
from people import Person
from programs import TOP

BOOTING = 120    # seconds
ENDING = 180
LAST = 30        # lines of the journal that are shown of a test that failed
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ME = 1000        # the uid of the user `me`

SCRIPT = """\
set -e
for group in {groups}; do echo 0 >$group/cgroup.procs; done
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t tmpfs tmpfs {work}
mkdir {work}/upper {work}/inner {work}/root
mount -t overlay overlay -o lowerdir={files}:{tree},upperdir={work}/upper,workdir={work}/inner {work}/root
cp {package} {work}/root/package.deb
chroot {work}/root dpkg -i /package.deb
exec systemd-nspawn --register=no --keep-unit --link-journal=no --machine=pop3fs \\
	--directory={work}/root --bind=/dev/fuse --bind=/dev/autofs --bind={journal}:/var/log/journal --boot
"""


def control_groups():
    """Where we are in the hierarchies by which a systemd tells its units' processes."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for top in {"": ("unified", "."), "name=systemd": ("systemd",)}.get(controllers, ()):
            group = Path("/sys/fs/cgroup") / top / path.lstrip("/")
            if (group / "cgroup.procs").exists():
                yield group
                break


def are_gone(groups):
    """Takes the groups away, those below them first. False: there is still somebody in one."""
    for group in groups:
        for at, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(at)
            except OSError:
                return False
    return True


class Machine:
    """Write its files, boot() it, run() commands there, poweroff() or stop() it."""

    def __init__(self, root, tree, package):
        self._home = Path(tempfile.mkdtemp(prefix="machine-", dir=root))
        self._root = Person("root", 0, 0, self._home)
        self._tree, self._package = tree, package
        self._files, self._journal, self._work = (self._home / n for n in ("files", "journal", "work"))
        for directory in (self._files, self._journal, self._work):
            directory.mkdir(mode=0o755)
        self._process = self._leader = None
        self._groups = []   # its own: else units of one name would share theirs with those of another machine

    def write(self, path, text, mode=0o644, owner=0):
        """A file of the machine, before it boots or while it runs; the directories above it are made, and are the owner's
        where they are below his home."""
        if self._leader:
            self.run("install", "-D", "-m", f"{mode:o}", "-o", owner, "-g", owner, "/dev/stdin", path,
                     stdin=text.encode()).ok()
            return
        place = self._files / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        if owner:
            for at in (place, *place.parents):
                if at == self._files / "home":
                    break
                os.chown(at, owner, owner)

    @staticmethod
    def example(name):
        """What the package brings as an example, by its place in contrib."""
        return (TOP / "contrib" / name).read_text()

    def boot(self):
        self._groups = [group / self._home.name for group in control_groups()]
        for group in self._groups:
            group.mkdir()
        with (self._home / "console").open("wb") as console:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "slave", "--mount-proc", "--pid",
                 "--fork", "--kill-child", "sh", "-c",   # so that all dies with it, and it with us
                 SCRIPT.format(work=self._work, files=self._files, tree=self._tree, package=self._package,
                               journal=self._journal, groups=" ".join(map(str, self._groups)))],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, start_new_session=True)
        self._leader = eventually(self._find_leader, "the machine's first process", BOOTING)
        eventually(lambda: self._alive() and not self.run("test", "-S", "/run/systemd/private").code,
                   "systemd", BOOTING)
        self.run("systemctl", "is-system-running", "--wait", deadline=BOOTING)   # degraded is a matter of the tests

    def _alive(self):
        assert self._process.poll() is None, f"the machine has ended: {self.console()}"
        return True

    def _find_leader(self):
        """The pid of its systemd: the first of a pid namespace below the one in which nspawn is."""
        self._alive()
        for pid in descendants(self._process.pid):
            try:
                if re.search(r"^NSpid:\t\d+\t\d+\t1$", Path(f"/proc/{pid}/status").read_text(), re.M):
                    return pid
            except OSError:
                pass   # it was one of the processes that prepare it
        return None

    def console(self):
        text = (self._home / "console").read_text(errors="replace")
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", text)

    def words(self, *argv, user="root", env=None):
        """A command of ours that runs another one there, as root or as `me`."""
        home, uid = ("/root", 0) if user == "root" else (f"/home/{user}", ME)
        environment = {"PATH": PATH, "HOME": home, "LC_ALL": "C.UTF-8", "XDG_RUNTIME_DIR": f"/run/user/{uid}", **(env or {})}
        enter = ["nsenter", "--all", f"--target={self._leader}"]
        if user != "root":
            enter += ["setpriv", f"--reuid={ME}", f"--regid={ME}", "--init-groups"]
        return [*enter, "env", "-i", "-C", "/", *(f"{k}={v}" for k, v in environment.items()), *map(str, argv)]

    def run(self, *argv, stdin=b"", deadline=120, **options):
        """That command; returns how it ended (people.Done)."""
        with tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            return self._root.run(*self.words(*argv, **options), stdin=given, deadline=deadline)

    def sh(self, script, **options):
        return self.run("sh", "-c", script, **options)

    def mounts(self, target):
        """[{source, fstype, options}] of what pop3fs has mounted there."""
        done = self.run("findmnt", "-n", "-r", "-t", "fuse.pop3fs", "-o", "SOURCE,FSTYPE,OPTIONS", "--mountpoint", target)
        return [dict(zip(("source", "fstype", "options"), line.split(" "))) for line in done.out.splitlines()]

    def names(self, directory, **options):
        return self.run("ls", directory, **options).ok().out.split()

    def journal(self, *words):
        """The messages of the journal, also when the machine is off; [(priority, identifier, text)]."""
        done = subprocess.run(["journalctl", "--directory", str(self._journal), "--no-pager", "-q", "-o", "verbose",
                               "--output-fields=PRIORITY,SYSLOG_IDENTIFIER,MESSAGE", *words], capture_output=True, text=True,
                              check=True)
        found = []
        for entry in re.split(r"^\S.*\n", done.stdout, flags=re.M)[1:]:
            field = dict(re.findall(r"^    ([A-Z_]+)=(.*)", entry, re.M))
            found.append((int(field.get("PRIORITY", 6)), field.get("SYSLOG_IDENTIFIER", ""), field.get("MESSAGE", "")))
        return found

    def said(self, identifier="pop3fs"):
        """[(priority, text)] of what pop3fs has put into the journal, without its name."""
        return [(priority, text.removeprefix(f"{identifier}: "))
                for priority, who, text in self.journal() if who == identifier]

    def last_words(self):
        """For a test that failed: the end of the journal."""
        return "\n".join(f"{who}: {text}" for _, who, text in self.journal()[-LAST:])

    def poweroff(self):
        """As an administrator does it; returns when the machine is off."""
        self.run("systemctl", "--no-block", "poweroff")
        self._leader = None
        self._process.wait(ENDING)

    def stop(self):
        """The plug is pulled."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        eventually(lambda: are_gone(self._groups), "the end of all that ran in the machine", ENDING)
        shutil.rmtree(self._home, ignore_errors=True)
