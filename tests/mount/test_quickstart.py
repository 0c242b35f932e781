"""contrib/quickstart's demonstration with the programs under test, in a tree that needs no building: in whatever place,
and whenever it is interrupted, nothing of it stays."""

import os
import shutil
import signal
import subprocess
import threading

import pytest

import leftovers
from eventually import eventually
from mounting import COPIES
from people import PATIENCE, kill_group
from programs import TOP, program_built

BUILT = {"pop3fs": "build/src", "pop3-server": "build/tests/server"}


@pytest.fixture
def quickstart(anyone):
    """quickstart() starts it, and it makes its directories in quickstart.tmp."""
    tree = anyone.directory("a tree")
    made = [tree / "contrib/demo", *(tree / place for place in BUILT.values()), tree / "bin"]
    for directory in made:
        directory.mkdir(parents=True)
    for name in ("quickstart", "packages.sh"):
        shutil.copy(TOP / "contrib" / name, tree / "contrib")
    for message in (TOP / "contrib/demo").iterdir():
        shutil.copy(message, made[0])
    for name, place in BUILT.items():
        shutil.copy(program_built(name), tree / place)
    (tree / "build/build.ninja").touch()
    for name, script in (("ninja", "true"), ("dpkg-query", "echo installed")):
        (tree / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tree / "bin" / name).chmod(0o755)
    for path in tree.rglob("*"):
        anyone.own(path)
    tmp = anyone.directory("a tmp")
    watchdogs = []

    def start():
        process = anyone.start("sh", "-c", 'umask 077; exec "$0"', tree / "contrib/quickstart", stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, cwd=tree,
                               env={"PATH": f"{tree}/bin:{os.environ['PATH']}", "TMPDIR": str(tmp)})
        watchdogs.append(threading.Timer(PATIENCE, kill_group, [process.pid]))
        watchdogs[-1].start()
        return process

    start.tmp = tmp
    yield start
    for watchdog in watchdogs:
        watchdog.cancel()


def nothing_stays(tmp):
    assert not list(tmp.iterdir())
    assert not leftovers.mounts_below(tmp)
    eventually(lambda: not [words for words in leftovers.children().values() if str(tmp) in " ".join(words)],
               "the end of all that it had started, and of the copies that others have of its mount", COPIES)


def test_it_shows_all_and_nothing_stays(quickstart):
    process = quickstart()
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert said.count("\n$ ") == 10
    assert "[... 32 more lines]" in said and "[nothing]" in said and "[it is done]" in said
    assert said.rstrip().endswith("Your own mailbox: contrib/quickstart pop3s://you@your.server DIRECTORY")
    assert "\n0003-re-lunch-on-thursday\n\nThat was all" in said
    nothing_stays(quickstart.tmp)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", ["pop3fs -o", "grep", "rm", "pop3fs umount"])
def test_nothing_stays_when_it_is_interrupted(quickstart, anyone, step, number):
    """A terminal's signal comes to all of it."""
    process = quickstart()
    while not (line := process.stdout.readline()).startswith(f"$ {step} "):
        assert line
    os.killpg(process.pid, number)
    said, _ = process.communicate()
    assert process.returncode != 0 or "That was all" in said
    nothing_stays(quickstart.tmp)
