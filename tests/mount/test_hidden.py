"""Whatever walks the tree never sees .pop3fs; whoever names it gets an answer."""

import os
import tarfile

import pytest

NAMES = [f"m{n}" for n in range(5)]
FILES = [".pop3fs/status", ".pop3fs/headers/m1"]
DIRECTORIES = [".pop3fs", ".pop3fs/deleted", ".pop3fs/headers"]


def body(name):
    return f"Subject: {name}\r\nX-Needle: pop3fs\r\n\r\nThis is {name}.\r\n".encode()


@pytest.fixture
def mount(serve, mounts, person):
    return mounts.mount(serve(messages={name: body(name) for name in NAMES}), person, refresh="1d")


WALKERS = {
    "ls": "ls -a .",
    "ls -R": "ls -aR .",
    "find": "find .",
    "find -name": "find . -name '.*' ! -name .",
    "grep": "grep -r X-Needle .",
    "du": "du -a .",
    "sh": "echo * .*",
    "cp": "cp -a . ../copy-cp && find ../copy-cp",
    "rsync": "rsync -an --itemize-changes ./ ../copy-rsync/",
    "tar": "tar cf ../copy.tar . && tar tf ../copy.tar",
}


def inside(mount, script):
    """A script whose working directory is the mount."""
    return mount.run("sh", "-c", f'cd "$0" && {script}', mount.path)


@pytest.mark.parametrize("way", WALKERS)
def test_a_walker_sees_the_messages_and_nothing_else(mount, way):
    said = inside(mount, WALKERS[way]).ok().out
    assert ".pop3fs" not in said and "status" not in said and "headers" not in said
    if way != "find -name":
        for name in NAMES:
            assert name in said


def test_python_walks_past_it(mount):
    def walk():
        return [(top, sorted(below), sorted(files)) for top, below, files in os.walk(mount.path)]
    assert mount.call(walk) == [(str(mount.path), [], NAMES)]


def test_tar_holds_the_messages_alone(mount, person):
    place = person.directory("tar") / "all.tar"
    mount.run("tar", "cf", place, "-C", mount.path, ".").ok()

    def names():
        with tarfile.open(place) as archive:
            return sorted(archive.getnames())
    assert mount.call(names) == [".", *(f"./{name}" for name in NAMES)]


def test_all_of_it_answers_when_it_is_named(mount):
    def look():
        for name in DIRECTORIES:
            assert os.path.isdir(mount.path / name), name
            os.listdir(mount.path / name)
        for name in FILES:
            assert (mount.path / name).read_bytes(), name
    mount.call(look)


def test_rm_of_all_removes_messages_alone(mount):
    inside(mount, "rm -rf -- * && rm -rf ./* .[!.]*").ok()
    assert mount.names() == []
    assert sorted(mount.call(lambda: os.listdir(mount.path / ".pop3fs/deleted"))) == NAMES
    assert mount.run("rm", "-rf", mount.path).code != 0   # the mountpoint itself stays, busy or not
    assert int(mount.status()["pending deletions"]) == len(NAMES)
    mount.run(mount.argv[0], "undelete", mount.path).ok()
    assert mount.names() == NAMES
