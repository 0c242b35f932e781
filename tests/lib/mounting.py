"""Mounts of pop3fs, made as a given person, looked into as that person, and always taken away again."""

import hashlib
import os
import pty
import signal
import subprocess
import tempfile
from pathlib import Path

import leftovers
import variants
from eventually import eventually
from programs import program

MOUNTING = 90      # seconds for pop3fs to return
ENDING = 120       # seconds for a daemon to commit and end
COPIES = 600       # seconds for somebody else's container to end, which began while it was mounted


class Mounts:
    """Makes mounts and remembers them, so that finish() can take away what a failed test left."""

    def __init__(self, root):
        self._root = root
        self._mounts = []

    def mount(self, account, person, **options):
        """Mounts an account of Dovecot or of a scripted server; the test fails if pop3fs does. Options are as in
        attempt(); the same cache=mount.cache is how a later mount finds what an earlier one stored."""
        mount, done = self._start(account, person, options)
        done.ok()
        mount.pid = mount.find_daemon()
        return mount

    def attempt(self, account, person, **options):
        """Runs pop3fs and returns (mount, how pop3fs ended), whatever it says.

        way: tls, stls or plain. source, mountpoint, cache, password, ca: instead of what the account and the
        defaults say; None leaves the option out. stdin: octets for pop3fs to read there. Anything else is an option of pop3fs: refresh=0, ro=True."""
        return self._start(account, person, options)

    def _start(self, account, person, options):
        mount = Mount(self._root, account, person, options)
        self._mounts.append(mount)
        return mount, mount.start()

    def foreground(self, account, person, *flags, **options):
        """Mounts with -f and these flags; `mount.said()` is what it has printed so far."""
        mount = self.begin(account, person, *flags, **options)
        mount.wait_until_it_answers()
        return mount

    def begin(self, account, person, *flags, **options):
        """The same, but does not wait (and under=words stand before the command): `mount.process` may come to a mount or to an end."""
        mount = Mount(self._root, account, person, options, ("-f", *flags))
        self._mounts.append(mount)
        mount.start_foreground()
        return mount

    def on_terminal(self, account, person, **options):
        """Mounts with a terminal as standard error; returns (mount, what the terminal got)."""
        mount = Mount(self._root, account, person, options)
        self._mounts.append(mount)
        text = mount.start_on_terminal()
        mount.pid = mount.find_daemon()
        return mount, text

    def finish(self):
        for mount in reversed(self._mounts):
            mount.finish()


class Mount:
    """One mount. Every look into it goes through `person`, in a child process with a deadline."""

    def __init__(self, root, account, person, options, flags=()):
        options = dict(options)
        variants.add(options)
        way = options.pop("way", "tls")
        self.person = person
        self.path = options.pop("mountpoint", None) or person.directory("mnt")
        self.cache = options.pop("cache", None) or person.directory("cache")
        self.source = options.pop("source", None) or account.source(way)
        self.pid = self.process = None
        self._stdin = options.pop("stdin", b"")
        password = options.pop("password", account.password)
        if password is not None:
            options["password_file"] = person.file("password", password.encode() + b"\n")
        options["cache_dir"] = self.cache
        if way == "plain":
            options["tls"] = "off"
        else:
            options.setdefault("ca", account.ca)
        self.argv = [*options.pop("under", ()), program("pop3fs", root), *flags]
        self._output = None
        for name, value in options.items():
            if value is not None:
                text = name if value is True else f"{name}={value}"
                self.argv += ["-o", text.replace("\\", "\\\\").replace(",", "\\,")]
        self.argv += [self.source, self.path]

    def start(self):
        """Runs pop3fs, which returns when the mount answers. Not to be called twice."""
        with self._input() as stdin:
            return self.person.run(*self.argv, deadline=MOUNTING, stdin=stdin)

    def _input(self):
        file = tempfile.TemporaryFile()
        file.write(self._stdin)
        file.seek(0)
        return file

    def start_foreground(self):
        """Starts pop3fs, which stays."""
        self._output = self.person.file("output", b"")
        with self._output.open("ab") as output, self._input() as stdin:
            self.process = self.person.start(*self.argv, stdin=stdin, stdout=output, stderr=output)
        self.pid = self.process.pid

    def wait_until_it_answers(self):
        def answers():
            assert self.process.poll() is None, f"pop3fs ended with {self.process.returncode}: {self.said()}"
            return self.is_mounted() and self.status()

        eventually(answers, "the mount", MOUNTING)

    def start_on_terminal(self):
        """Runs pop3fs, which returns when the mount answers; what it wrote to its terminal."""
        ours, theirs = pty.openpty()
        process = self.person.start(*self.argv, stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        text = b""
        try:
            while piece := os.read(ours, 4096):
                text += piece
        except OSError:   # EIO: nobody has the terminal open any more
            pass
        os.close(ours)
        assert process.wait(MOUNTING) == 0, text
        return text.decode(errors="replace")

    def said(self):
        return self._output.read_text(errors="replace")

    def run(self, *argv, **options):
        """A command as the mount's owner."""
        return self.person.run(*argv, **options)

    def call(self, function, *args, **options):
        """A function as the mount's owner, in a child."""
        return self.person.call(function, *args, **options)

    def names(self):
        return sorted(self.call(os.listdir, self.path))

    def sizes(self):
        """{name: st_size}."""
        return self.call(lambda: {e.name: e.stat().st_size for e in os.scandir(self.path)})

    def read(self, name):
        return self.call(lambda: (self.path / name).read_bytes())

    def sums(self):
        """{name: sha256} of all messages, read through the mount."""
        return self.call(lambda: {name: digest((self.path / name).read_bytes()) for name in os.listdir(self.path)})

    def status(self):
        """.pop3fs/status as {key: value}."""
        text = self.call(lambda: (self.path / ".pop3fs/status").read_text())
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    def find_daemon(self):
        return int(self.status()["pid"])

    def is_mounted(self):
        return any(where == str(self.path) for where, _ in leftovers.mounts_below(self.path))

    def umount(self):
        """Unmounts as its owner does, waits for the daemon's end, after the commit, and returns its exit code."""
        command = ["umount"] if self.person.is_root else ["fusermount3", "-u"]

        def done():   # whoever looks at all mounts, as df does, is in each of them for a moment
            result = self.run(*command, self.path)
            return "busy" not in result.err and result.ok()

        eventually(done, f"the unmount of {self.path}")
        return self.wait()

    def terminate(self):
        """SIGTERM, and waits for the daemon's end."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def wait(self):
        pid, self.pid = self.pid, None
        try:
            return leftovers.wait_for_end(pid, ENDING)
        except AssertionError:
            held = leftovers.holders(self.path)
            if not held or self.is_mounted():
                raise
        eventually(lambda: not leftovers.holders(self.path), f"the end of the copies that {held} have of it", COPIES)
        return leftovers.wait_for_end(pid, ENDING)

    def kill9(self):
        """The daemon dies at once; what it leaves is unmounted."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()
        self.finish()

    def processes(self):
        """The pids of all processes of this mount that became our children."""
        return [pid for pid, words in leftovers.children().items() if str(self.path) in words]

    def memory(self, key):
        """A figure of the daemon's /proc/PID/status in KiB: VmHWM, RssAnon ..."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1])
        raise AssertionError(f"no {key} of process {self.pid}")

    def finish(self):
        """Takes everything of this mount away, whatever happened."""
        for where, minor in leftovers.mounts_below(self.path):
            leftovers.force_off(where, minor)
        for pid in self.processes():
            leftovers.end(pid)


def digest(octets):
    return hashlib.sha256(octets).hexdigest()
