"""Users of one machine against each other: an ordinary user gets nothing of root's daemon, nor makes it read or write
anything of his, and root's commands believe nothing that an ordinary user serves."""

import json
import os
import shutil
import signal

import pytest

import pretender
from programs import program

MAIL = b"Subject: one\r\n\r\nThe body.\r\n"
THIRD = 12345   # an ordinary user who is neither root nor the person of the tests


@pytest.fixture(autouse=True)
def as_root():
    if os.geteuid() != 0:
        pytest.skip("we are not root")


def given_to(uid, path):
    os.chown(path, uid, uid)
    return path


def refused(done, mount, *words):
    assert done.code != 0 and not mount.is_mounted(), done
    for word in words:
        assert word in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("whose", ["somebody's directory", "below somebody's directory", "a link to a directory of his",
                                   "open to all", "below what is open to all"])
def test_a_cache_that_others_reach_is_refused(account, anyone, mounts, whose):
    cache = anyone.directory("cache")
    if whose == "somebody's directory":
        given_to(THIRD, cache)
    elif whose == "below somebody's directory":
        (cache / "inner").mkdir(mode=0o700)
        anyone.own(cache / "inner")
        given_to(THIRD, cache).chmod(0o755)
        cache = cache / "inner"
    elif whose == "a link to a directory of his":
        given_to(THIRD, cache)
        link = cache.with_name(cache.name + "-link")
        link.symlink_to(cache)
        cache = link
    elif whose == "open to all":
        cache.chmod(0o777)
    else:
        (cache / "inner").mkdir(mode=0o700)
        anyone.own(cache / "inner")
        cache.chmod(0o777)
        cache = cache / "inner"
    mount, done = mounts.attempt(account, anyone, cache=cache)
    refused(done, mount, "cache directory")


def test_a_cache_below_a_sticky_directory_is_as_good_as_any(account, anyone, mounts):
    top = anyone.directory("sticky")
    top.chmod(0o1777)
    cache = top / "cache"
    cache.mkdir(mode=0o700)
    anyone.own(cache)
    assert mounts.mount(account, anyone, cache=cache).umount() == 0


@pytest.mark.parametrize("what", [".db", ".lock"])
@pytest.mark.parametrize("how", ["a link", "somebody's file"])
def test_files_of_others_in_the_cache_are_not_used(account, anyone, mounts, what, how):
    """However they came there."""
    mount = mounts.mount(account, anyone)
    assert mount.umount() == 0
    file = next(mount.cache.glob("*" + what))
    target = anyone.directory("target") / "file"
    if how == "a link":
        shutil.move(file, target)
        file.symlink_to(target)
    else:
        given_to(THIRD, file).chmod(0o666)
    before = (target if how == "a link" else file).read_bytes()
    again, done = mounts.attempt(account, anyone, cache=mount.cache)
    refused(done, again)
    assert (target if how == "a link" else file).read_bytes() == before


def test_a_configuration_of_others_is_refused(account, root_person, ordinary_person, root):
    """As sudo has it where HOME is kept: the command there would be run as root."""
    ran = root_person.directory("ran") / "it"
    home = ordinary_person.directory("home")
    config = home / ".config/pop3fs/config"
    config.parent.mkdir(parents=True)
    config.write_text(f"[x]\nsource = {account.source()}\npassword_command = touch {ran}\n")
    for path in (config, *config.parents[:3]):
        ordinary_person.own(path)
    place = root_person.directory("mnt")
    done = root_person.run(program("pop3fs", root), "x", place, env={"HOME": str(home)})
    assert done.code != 0 and str(config) in done.err and "somebody else's" in done.err
    assert not ran.exists()


def test_others_get_nothing_of_a_mount(account, root_person, ordinary_person, mounts, root):
    account.deliver(MAIL)
    mount = mounts.mount(account, root_person)
    for verb in ("status", "commit", "umount"):
        done = ordinary_person.run(program("pop3fs", root), verb, mount.path)
        assert done.code != 0
    assert mount.is_mounted()
    with pytest.raises(PermissionError):
        ordinary_person.call(os.kill, mount.pid, signal.SIGTERM)
    assert mount.umount() == 0


CLEAR = "\x1b[2J\r\u009b31m"    # to a terminal it is more than text
TOLD = f"messages: {CLEAR}\npending deletions: 2{CLEAR}\nlast error: {CLEAR}\n\"a\":1,\"b{CLEAR}: x\n".encode()
HAPPENED = f"new {CLEAR} 1,\"a\":1\ncommitted 1,\"a\":{CLEAR}\n{CLEAR}\n".encode()


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["status"], ["status", "--json"], ["events"],
                                   ["events", "--json"]], ids=" ".join)
def test_what_anybody_serves_stays_within_its_line(root_person, root, words):
    """Root lists the mounts of all: what is no text is shown, and never reaches the terminal."""
    place = given_to(THIRD, root_person.directory("served"))
    answers = {pretender.STATUS: [pretender.status(TOLD)],
               pretender.EVENTS: [pretender.events(b""), pretender.events(HAPPENED)]}
    with pretender.Pretender(place, THIRD, answers):
        done = root_person.run(program("pop3fs", root), *words, *([] if words[0] == "list" else [place]))
    lines = [line for line in done.out.splitlines() if words[0] != "list" or str(place) in line]
    assert done.code == 0 and lines, done
    assert all(" " <= c <= "~" for line in lines for c in line), lines
    if "--json" in words:
        assert all("a" not in json.loads(line) for line in lines)
    assert len(lines) == {"list": 1, "status": 1 if "--json" in words else 4, "events": 3}[words[0]]
