"""umount(8) with its helper, and `pop3fs umount`: what they wait for, and what their exit status says."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import leftovers
import shapes
from eventually import eventually
from filled import filled, names_of, remove
from programs import program
from promise import letter

COUNT = 6
FOREVER = 600   # seconds: no time-out ends a wait in these tests
DONE, WAITING, BUSY = 0, 64, 32   # exit status; busy is umount(8)'s

HELPER = Path("/sbin/umount.fuse.pop3fs")
LOCK = Path("/run/lock/pop3fs-test-helper")
# For the mounts of these tests only: whoever else unmounts meanwhile notices nothing.
SCRIPT = """#!/bin/sh
# of a run of pop3fs's tests
program=${1%%/home-*}/bin/umount.fuse.pop3fs
[ -x "$program" ] && exec "$program" "$@"
exec umount -i "$@"
"""


@pytest.fixture(scope="module")
def as_helper(root):
    """The program under its other name."""
    link = root / "bin" / HELPER.name
    link.symlink_to(program("pop3fs", root))
    yield link
    link.unlink()


@pytest.fixture(scope="module")
def helper(as_helper):
    """umount(8) finds the helper. Several runs at once share it; the last one takes it away."""
    if os.geteuid() != 0:
        pytest.skip("only root can install umount's helper")
    if HELPER.exists() and HELPER.read_bytes() != SCRIPT.encode():
        pytest.skip(f"{HELPER} is installed")
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        new = HELPER.with_name(f"{HELPER.name}.{os.getpid()}")
        new.write_text(SCRIPT)
        new.chmod(0o755)
        new.rename(HELPER)
        yield
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            HELPER.unlink(missing_ok=True)
        except BlockingIOError:
            pass   # somebody else still needs it


def has_row(mount):
    """Many mounts come and go at once in these tests, and libmount writes its table anew for each."""
    return str(mount.path) in Path("/run/mount/utab").read_text()


@pytest.fixture(params=["umount", "verb"])
def umount(request, root):
    """umount(mount, flag...): by umount(8) with its helper, and by the verb; as the mount's owner."""
    if request.param == "umount":
        request.getfixturevalue("helper")

    def run(mount, *flags, person=None, **options):
        if request.param == "umount" and mount.person.uid == 0 and mount.is_mounted() and not has_row(mount):
            pytest.skip("libmount's table has lost the mount, so that umount(8) does not ask who it is")
        how = ["umount"] if request.param == "umount" else [program("pop3fs", root), "umount"]
        return (person or mount.person).run(*how, *flags, mount.path, **options)

    run.waiting = WAITING if request.param == "umount" else 1
    run.busy = BUSY if request.param == "umount" else 1
    return run


@pytest.fixture
def box(dovecot):
    return filled(dovecot, COUNT)


def has_ended(mount):
    """The daemon is gone: an exited child of ours, at most."""
    return mount.pid not in leftovers.children()


# ---- deletions that take effect ----

def test_all_is_done_when_it_returns(box, anyone, mounts, umount):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0], names[3])
    done = umount(mount).ok()
    assert (done.out, done.err) == ("", "")
    assert not mount.is_mounted()
    assert names_of(box) == names[1:3] + names[4:]
    assert has_ended(mount)


def test_nothing_to_do(box, anyone, mounts, umount):
    mount = mounts.mount(box, anyone)
    logins = box.sent("UIDL")
    umount(mount).ok()
    assert not mount.is_mounted() and has_ended(mount)
    assert box.sent("UIDL") == logins   # nobody logs in for nothing


@pytest.mark.parametrize("flag", ["-l", "-f", "-v", "-n", "-r"])
def test_umounts_flags(box, root_person, mounts, helper, flag):
    names = names_of(box)
    mount = mounts.mount(box, root_person)
    remove(mount, names[1])
    done = mount.run("umount", flag, mount.path).ok()
    assert not mount.is_mounted()
    assert names_of(box) == names[:1] + names[2:]
    assert ("1 deleted on the server" in done.out) == (flag == "-v")
    eventually(lambda: has_ended(mount), "the end of the daemon")


def test_the_flags_that_umount_hands_on(box, root_person, mounts, as_helper):
    names = names_of(box)
    mount = mounts.mount(box, root_person)
    remove(mount, names[1])
    mount.run(as_helper, mount.path, "-n", "-v", "-t", "fuse.pop3fs", "-N", "/proc/self/ns/mnt").ok()
    assert not mount.is_mounted() and has_ended(mount)
    assert names_of(box) == names[:1] + names[2:]
    for words in ([], ["-x", mount.path], [mount.path, mount.path]):
        assert mount.run(as_helper, *words).code == 1


def test_lazily_while_it_is_in_use(box, anyone, mounts, umount):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    octets = box.retr(names[0])[names[0]]
    reader = anyone.start("sh", "-c", 'exec <"$1" && read -r line <"$2" && cat >"$3"', "sh",
                          mount.path / names[0], fifo(anyone), out := anyone.file("copy", b""))
    eventually(lambda: any(str(mount.path) in os.readlink(f"/proc/{reader.pid}/fd/0") for _ in [0]), "the open file")
    remove(mount, names[0], names[1])
    umount(mount, "-l").ok()
    assert not mount.is_mounted()
    assert names_of(box) == names[2:]
    assert not has_ended(mount)
    fifo(anyone).write_bytes(b"go\n")
    assert reader.wait(60) == 0
    assert out.read_bytes() == octets
    eventually(lambda: has_ended(mount), "the end of the daemon")


def fifo(person):
    path = person.home / "fifo"
    if not path.exists():
        os.mkfifo(path)
        person.own(path)
    return path


def test_root_ends_a_users_mount(box, ordinary_person, root_person, mounts, umount):
    if os.geteuid() != 0:
        pytest.skip("we are not root")
    names = names_of(box)
    mount = mounts.mount(box, ordinary_person)
    remove(mount, names[0])
    umount(mount, person=root_person).ok()
    assert not mount.is_mounted() and has_ended(mount)
    assert names_of(box) == names[1:]


def test_a_stranger_ends_nothing(box, ordinary_person, root_person, mounts, umount):
    if os.geteuid() != 0:
        pytest.skip("we are not root")
    names = names_of(box)
    os.chmod(root_person.home, 0o711)
    mount = mounts.mount(box, root_person)
    remove(mount, names[0])
    assert umount(mount, person=ordinary_person).code != 0
    assert mount.is_mounted()
    assert names_of(box) == names


def test_two_mounts_end_one_by_one(dovecot, box, anyone, mounts, umount):
    other = dovecot.account(pop3_uidl_format="%f")
    other.deliver(shapes.ordinary(1))
    first, second = mounts.mount(box, anyone), mounts.mount(other, anyone)
    name = names_of(other)[0]
    remove(second, name)
    umount(second).ok()
    assert first.is_mounted() and not second.is_mounted()
    assert names_of(other) == [] and len(first.names()) == COUNT
    umount(first).ok()


def test_umount_in_the_middle_of_a_commit(person, mounts, serve, umount, root):
    server = serve(synthetic="5:1000", rules=["on DELE times=1 delay 2000"])
    mount = mounts.mount(server, person)
    remove(mount, "m0000001")
    commit = person.start(program("pop3fs", root), "commit", mount.path)
    server.wait_for("> DELE")
    remove(mount, "m0000003")
    umount(mount).ok()
    assert commit.wait(60) == 0
    assert [line.split()[1] for line in server.lines() if line.startswith("DELETED")] == ["m0000001", "m0000003"]


# ---- and those that do not ----

def test_a_server_that_refuses_and_the_next_mount(anyone, mounts, serve, umount):
    server = serve(synthetic="5:1000", rules=['on QUIT err "no, the disk is full"'])
    mount = mounts.mount(server, anyone)
    remove(mount, "m0000001", "m0000003")
    done = umount(mount)
    assert done.code == umount.waiting, done
    assert len(done.err.splitlines()) == 1
    assert "unmounted, but 2 deletions wait in the journal: " in done.err and "the disk is full" in done.err
    assert not mount.is_mounted() and has_ended(mount)
    assert server.sent("DELE") == 2   # it is not tried twice for one umount
    server.rules()
    later = mounts.mount(server, anyone, cache=mount.cache)
    assert later.names() == ["m0000000", "m0000002", "m0000004"]
    umount(later).ok()
    assert sorted(line.split()[1] for line in server.lines() if line.startswith("DELETED")) == ["m0000001", "m0000003"]


def test_a_server_that_is_away(anyone, mounts, serve, umount):
    server = serve(synthetic="5:1000")
    mount = mounts.mount(server, anyone, idle=0)
    server.wait_for("close")
    server.down()
    remove(mount, "m0000001")
    done = umount(mount)
    assert done.code == umount.waiting
    assert "1 deletion waits in the journal: " in done.err
    assert not mount.is_mounted() and has_ended(mount)


def test_a_server_that_says_nothing_has_commit_timeout(anyone, mounts, serve, umount):
    server = serve(synthetic="5:1000")
    mount = mounts.mount(server, anyone, commit_timeout=2, timeout=FOREVER)
    remove(mount, "m0000001")
    server.rules("on DELE stall 1")
    done = umount(mount)
    assert done.code == umount.waiting, done
    assert not mount.is_mounted()
    leftovers.wait_for_end(mount.pid, 30)     # the last try of the daemon itself is bounded, too


def test_a_dead_mount_goes_away_and_what_waits_is_not_known(box, anyone, mounts, umount):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0])
    pid, mount.pid = mount.pid, None
    os.kill(pid, signal.SIGKILL)
    leftovers.wait_for_end(pid, 30)
    done = umount(mount)
    assert done.code == umount.waiting, done
    assert "is not known" in done.err and "dead" in done.err
    assert not mount.is_mounted()
    assert names_of(box) == names


def test_a_daemon_that_hangs_is_not_waited_for_for_ever(box, root_person, mounts, helper):
    if os.geteuid() != 0:
        pytest.skip("only root can unmount what does not answer")
    mount = mounts.mount(box, root_person)
    remove(mount, names_of(box)[0])
    os.kill(mount.pid, signal.SIGSTOP)
    try:
        done = mount.run("umount", "-l", mount.path)
        assert done.code == WAITING and "in time" in done.err, done
        assert not mount.is_mounted()
    finally:
        os.kill(mount.pid, signal.SIGCONT)
    eventually(lambda: has_ended(mount), "the end of the daemon")


@contextlib.contextmanager
def somebody_in(mount):
    sitting = mount.person.start("sh", "-c", 'cd "$1" && exec sleep 600', "sh", mount.path)
    eventually(lambda: os.readlink(f"/proc/{sitting.pid}/cwd") == str(mount.path), "somebody in the mount")
    try:
        yield
    finally:
        sitting.kill()
        sitting.wait()


def test_a_mount_in_use_stays_and_says_what_was_deleted(box, anyone, mounts, umount):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0], names[1])
    with somebody_in(mount):
        done = umount(mount)
    assert done.code == umount.busy, done
    assert f"{mount.path} stays mounted; 2 deleted on the server" in done.err
    assert mount.is_mounted() and mount.names() == names[2:] == names_of(box)
    remove(mount, names[2])
    umount(mount).ok()
    assert names_of(box) == names[3:]


@pytest.mark.parametrize("flag, code, how", [
    ("-r", DONE, "stays mounted, read-only"),
    ("-f", BUSY, "stays, but cut off from its daemon: umount -l takes it away"),
])
def test_other_ways_of_staying(box, root_person, mounts, helper, flag, code, how):
    names = names_of(box)
    mount = mounts.mount(box, root_person)
    remove(mount, names[0])
    with somebody_in(mount):
        done = mount.run("umount", flag, mount.path)
        assert done.code == code, done
        assert f"{mount.path} {how}; 1 deleted on the server" in done.err
        assert mount.is_mounted()
    assert names_of(box) == names[1:]


@pytest.fixture
def intruder(anyone):
    """intruder(mount, name): the environment in which whatever unmounts has somebody remove a file just before."""
    def make(mount, name, *, then="exec \"$real\" \"$@\""):
        folder = anyone.directory("bin")
        for word in ("umount", "fusermount3"):
            script = folder / word
            script.write_text(f"#!/bin/sh\nreal=$(PATH=${{PATH#*:}} command -v {word})\n"
                              f"rm -f {mount.path / name} 2>>{folder}/said\n{then}\n")
            script.chmod(0o755)
            anyone.own(script)
        return folder / "said", {"PATH": f"{folder}:{os.environ['PATH']}"}
    return make


def test_what_comes_between_the_commit_and_the_unmount_is_refused(box, anyone, mounts, root, intruder):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0])
    said, environment = intruder(mount, names[1])
    anyone.run(program("pop3fs", root), "umount", mount.path, env=environment).ok()
    assert "Read-only file system" in said.read_text()
    assert not mount.is_mounted() and has_ended(mount)
    assert names_of(box) == names[1:]


def test_if_it_stays_mounted_files_can_be_removed_again(box, anyone, mounts, root, intruder):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0])
    said, environment = intruder(mount, names[1], then="exit 32")
    done = anyone.run(program("pop3fs", root), "umount", mount.path, env=environment)
    assert done.code == 1 and "stays mounted; 1 deleted on the server" in done.err
    assert "Read-only file system" in said.read_text()
    remove(mount, names[1])
    assert mount.umount() == 0
    assert names_of(box) == names[2:]


# ---- namespaces ----

def private(person, *namespaces):
    """The words that run a command in namespaces of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can make namespaces")
    return ["unshare", *namespaces, "--"]


def test_another_mount_namespace(box, root_person, mounts, helper):
    names = names_of(box)
    mount = mounts.mount(box, root_person)
    remove(mount, names[0])
    mount.run(*private(root_person, "-m"), "umount", mount.path).ok()
    assert mount.is_mounted() and not has_ended(mount)   # only the private copy is gone
    assert names_of(box) == names[1:] == mount.names()
    mount.run("umount", mount.path).ok()


def test_another_namespace_of_processes(box, root_person, mounts, helper):
    names = names_of(box)
    mount = mounts.mount(box, root_person)
    remove(mount, names[0])
    mount.run(*private(root_person, "-p", "--fork"), "umount", mount.path).ok()
    assert not mount.is_mounted()
    assert names_of(box) == names[1:]
    eventually(lambda: has_ended(mount), "the end of the daemon")


def test_the_same_mount_in_two_places(box, root_person, mounts, helper):
    names = names_of(box)
    mount = mounts.mount(box, root_person)
    elsewhere = root_person.directory("bind")
    root_person.run("mount", "--bind", mount.path, elsewhere).ok()
    try:
        remove(mount, names[0])
        mount.run("umount", mount.path).ok()
        assert not mount.is_mounted() and not has_ended(mount)
        assert names_of(box) == names[1:]
    finally:
        root_person.run("umount", elsewhere)
    eventually(lambda: has_ended(mount), "the end of the daemon")


def test_umounts_n_works_in_that_namespace(box, root_person, mounts, as_helper):
    if os.geteuid() != 0:
        pytest.skip("only root can make namespaces")
    names = names_of(box)
    mount = mounts.mount(box, root_person)
    remove(mount, names[0])
    other = root_person.start("unshare", "-m", "sleep", "600")
    try:
        there = f"/proc/{other.pid}/ns/mnt"
        eventually(lambda: os.readlink(there) != os.readlink("/proc/self/ns/mnt"), "another namespace")
        mount.run(as_helper, mount.path, "-N", there).ok()
        assert mount.is_mounted()
        assert str(mount.path) not in Path(f"/proc/{other.pid}/mountinfo").read_text()
    finally:
        other.kill()
        other.wait()
    assert names_of(box) == names[1:]


# ---- umount(8)'s table ----

def utab(mount):
    table = Path("/run/mount/utab")
    return table.exists() and f" TARGET={mount.path} " in table.read_text()


def test_where_there_is_no_such_table_it_is_said_who_waits(box, root_person, mounts, helper):
    without = [*private(root_person, "-m"), "sh", "-c", 'mount -t tmpfs -o ro none /run/mount && exec "$@"', "sh"]
    mount = mounts.begin(box, root_person, under=without)
    eventually(lambda: f"umount {mount.path} will not wait for deletions" in mount.said(), "a word about it")
    assert f"pop3fs umount {mount.path} does" in mount.said()
    assert mount.terminate() == 0


@pytest.mark.parametrize("end", ["umount", "fusermount3", "SIGTERM", "SIGKILL"])
def test_roots_mounts_are_in_umounts_table_while_they_last(box, root_person, mounts, end):
    if os.geteuid() != 0:
        pytest.skip("only root's mounts are")
    mount = mounts.mount(box, root_person)
    assert utab(mount)
    if end.startswith("SIG"):
        os.kill(mount.pid, getattr(signal, end))
    else:
        mount.run(*{"umount": ["umount"], "fusermount3": ["fusermount3", "-u"]}[end], mount.path).ok()
    mount.wait()
    if end == "SIGKILL":
        mount.finish()
    eventually(lambda: not utab(mount), "the entry's end")


HANGING = """#!/bin/sh
case " $* " in *" -u "*) : >{begun}; read _ <{go} ;; esac
exec {program} "$@"
"""


def test_a_fusermount3_that_hangs_holds_up_no_commit(serve, ordinary_person, mounts):
    """The line is closed by then: the commit needs the server's name, which the companion looks up."""
    place = ordinary_person.directory("bin")
    begun, go, script = place / "begun", place / "go", place / "fusermount3"
    os.mkfifo(go)
    script.write_text(HANGING.format(begun=begun, go=go, program=shutil.which("fusermount3")))
    script.chmod(0o755)
    ordinary_person.own(go, script)
    server = serve(messages={name: letter(name) for name in "abc"})
    mount = mounts.mount(server, replace(ordinary_person, environment={"PATH": f"{place}:{os.environ['PATH']}"}), idle=0)
    server.wait_for("^CONN 1 close")
    remove(mount, "b")
    os.kill(mount.pid, signal.SIGTERM)
    eventually(begun.exists, "fusermount3")
    server.wait_for("^DELETED b")
    go.write_text("on\n")
    assert mount.wait() == 0
    assert not mount.is_mounted()


# A copy of all mounts, and of those of other tests none for longer than it takes. umount(8) would forget the helpers of
# those that are meant to stay.
ONE_COPY = """
import ctypes, re, sys
for line in open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape"):
    where = line.split()[4]
    if " - fuse.pop3fs " in line and where != sys.argv[1]:
        ctypes.CDLL(None).umount2(re.sub(r"\\\\(\\d{3})", lambda m: chr(int(m[1], 8)), where).encode("utf-8", "surrogateescape"), 2)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def copied():
    """copied(mount) begins a process with mounts of its own, a copy of this one among them, and returns it; it ends at the
    end of its input."""
    if os.geteuid() != 0:
        pytest.skip("only root can make namespaces")
    processes = []

    def copy(mount):
        words = ["unshare", "-m", sys.executable, "-c", ONE_COPY, str(mount.path)]
        processes.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"))
        assert processes[-1].stdout.readline() == b"ready\n"
        return processes[-1]

    yield copy
    for process in processes:
        process.communicate()


def test_what_was_removed_is_deleted_though_another_namespace_has_a_copy(box, anyone, mounts, copied):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    holder = copied(mount)
    remove(mount, names[0])
    mount.run(*(["umount", "-i"] if anyone.is_root else ["fusermount3", "-u"]), mount.path).ok()
    eventually(lambda: names_of(box) == names[1:], "the commit")
    assert not mount.is_mounted() and not has_ended(mount)     # it serves those who have the copy
    holder.communicate()
    assert mount.wait() == 0


def test_umount_says_who_has_a_copy_and_does_not_wait_for_him(box, root_person, mounts, copied, umount):
    names = names_of(box)
    mount = mounts.mount(box, root_person, commit_timeout=FOREVER)
    holder = copied(mount)
    remove(mount, names[0])
    said = umount(mount).ok().err
    assert f"process {mount.pid} goes on: process {holder.pid} still has the mount" in said
    assert names_of(box) == names[1:]
    holder.communicate()
    assert mount.wait() == 0


def test_what_umount_was_refused_is_not_tried_again_behind_it(serve, root_person, mounts, copied, umount, root):
    """The daemon that goes on elsewhere asks the server for nothing that umount has just said is not done."""
    server = serve(synthetic="5:1000", rules=['on QUIT err "no, the disk is full"'])
    mount = mounts.foreground(server, root_person, commit_timeout=FOREVER)
    holder = copied(mount)
    remove(mount, "m0000001", "m0000003")
    assert umount(mount).code == umount.waiting
    eventually(lambda: "unmounted, but not gone" in mount.said(), "the daemon's notice of it")
    server.rules()
    mount.run("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--", program("pop3fs", root), "refresh", mount.path).ok()
    assert server.sent("DELE") == 2
    holder.communicate()
    mount.wait()


def test_a_file_that_is_open_keeps_the_mount_and_not_the_deletions(box, anyone, mounts):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    reader = anyone.start("sh", "-c", f"exec 3<{mount.path / names[1]} && echo ready && read _", stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
    assert reader.stdout.readline() == b"ready\n"
    remove(mount, names[0])
    mount.run(*(["umount", "-i", "-l"] if anyone.is_root else ["fusermount3", "-u", "-z"]), mount.path).ok()
    eventually(lambda: names_of(box) == names[1:], "the commit")
    assert not has_ended(mount)
    reader.communicate()
    assert mount.wait() == 0
