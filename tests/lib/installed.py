"""A machine on which pop3fs is installed: where mount(8) and umount(8) look for helpers, with an fstab of its own.

What `meson install` makes is laid over /usr, in a mount namespace in which /etc/fstab, /run and /var/cache are ours.
The machine itself is never changed. Only root can make one.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from leftovers import children, end
from programs import program_built
from room import FORGET_OTHERS

# The helpers go to /sbin whatever the prefix: on Debian a link to usr/sbin.
SCRIPT = "set -e\n" + FORGET_OTHERS.replace("{", "{{").replace("}", "}}") + """\
mount -t overlay overlay -o lowerdir={root}/usr:/usr /usr
mount -t overlay overlay -o lowerdir={root}/etc:/etc /etc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/cache
echo ready
exec sleep infinity
"""


def install(root):
    """What `meson install` makes, below `root`."""
    build = program_built("pop3fs").parents[1]
    if not (build / "build.ninja").is_file():
        pytest.skip(f"{build} is no build directory: nothing to install")
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root],
                   check=True, capture_output=True)
    for helper in (root / "sbin").iterdir():
        (root / "usr/sbin").mkdir(parents=True, exist_ok=True)
        helper.rename(root / "usr/sbin" / helper.name)


class Installed:
    """`run(person, word, ...)` runs a command there; fstab(line, ...) writes the table."""

    def __init__(self, root):
        if os.geteuid() != 0:
            pytest.skip("only root can make mount namespaces")
        self.root = root
        install(root)
        (root / "etc").mkdir(exist_ok=True)
        self.fstab()
        self._before = set(children())
        self._process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                          SCRIPT.format(root=root)], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        first = self._process.stdout.readline()
        assert first == "ready\n", first + self._process.stdout.read()

    def fstab(self, *lines):
        """Writes /etc/fstab. It is one file for all who look: written in place."""
        (self.root / "etc/fstab").write_text("".join(f"{line}\n" for line in lines))

    def run(self, person, *argv, **options):
        """A command as this person; returns how it ended (people.Done)."""
        enter = ["nsenter", "-m", "-t", self._process.pid]
        if not person.is_root:
            enter += ["setpriv", f"--reuid={person.uid}", f"--regid={person.gid}", "--clear-groups"]
        return self._root_person(person).run(*enter, "--", *argv, **options)

    @staticmethod
    def _root_person(person):
        """Root, with that person's environment: who enters a namespace must be."""
        return type(person)("root", 0, 0, person.home, person.environment)

    def mountinfo(self, mountpoint):
        """[{type, source, options, super_options}] of what is mounted there, oldest first; strings as they stand."""
        found = []
        for line in Path(f"/proc/{self._process.pid}/mountinfo").read_text().splitlines():
            words = line.split(" ")
            tail = words[words.index("-") + 1:]
            if unescaped(words[4]) == str(mountpoint):
                found.append({"type": tail[0], "source": unescaped(tail[1]), "options": set(words[5].split(",")),
                              "super_options": set(tail[2].split(","))})
        return found

    def daemons(self):
        """{pid: words} of what runs because of us, but the namespace's keeper."""
        return {pid: words for pid, words in children().items()
                if pid not in self._before and pid != self._process.pid}

    def clear(self):
        """Takes away every FUSE mount, and returns its place."""
        found = []
        for line in Path(f"/proc/{self._process.pid}/mountinfo").read_text().splitlines():
            words = line.split(" ")
            if words[words.index("-") + 1].startswith("fuse."):
                where = unescaped(words[4])
                found.append(where)
                subprocess.run(["nsenter", "-m", "-t", str(self._process.pid), "--", "umount", "-i", "-l", where],
                               check=False, capture_output=True)
        return found

    def stop(self):
        self.clear()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        for pid in self.daemons():
            end(pid)
        shutil.rmtree(self.root, ignore_errors=True)


def unescaped(word):
    return re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), word)


def escaped(text):
    """A word of fstab(5)."""
    return re.sub(r"[\s\\#]", lambda m: f"\\{ord(m[0]):03o}", str(text))
