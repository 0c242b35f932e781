"""mount(8), fstab(5), findmnt(8) and umount(8) on a machine where pop3fs is installed."""

import os
import signal

import pytest

from eventually import eventually
from installed import Installed, escaped

USAGE, NOT_MOUNTED = 1, 32   # exit status: as in mount(8)
MESSAGES = {"one": b"Subject: one\r\n\r\n1\r\n", "two": b"Subject: two\r\n\r\n2\r\n"}
ALWAYS = {"nosuid", "nodev", "noexec"}


@pytest.fixture(scope="module")
def machine(root):
    installed = Installed(root / "installed")
    yield installed
    installed.stop()


@pytest.fixture(autouse=True)
def empty_again(request):
    yield
    if "machine" in request.fixturenames:
        machine = request.getfixturevalue("machine")
        machine.fstab()
        left = machine.clear()
        eventually(lambda: not machine.daemons(), "the end of the daemons")
        assert not left, f"still mounted: {left}"


class Box:
    """A maildrop of a scripted server, and what a person needs to mount it."""

    def __init__(self, serve, person, user="alice"):
        self.server = serve("--user", user, messages=MESSAGES)
        self.person = person
        self.mountpoint = person.directory("mnt")
        self.source = f"pop3s://{user}@localhost:{self.server.tls_port}"
        secret = person.file("password", self.server.password.encode() + b"\n")
        self.options = f"password_file={secret},ca={self.server.ca},cache_dir={person.directory('cache')}"

    def line(self, options="defaults"):
        """Its line in fstab."""
        return f"{escaped(self.source)} {escaped(self.mountpoint)} pop3fs {options},{escaped(self.options)} 0 0"


@pytest.fixture
def box(serve, root_person):
    return Box(serve, root_person)


@pytest.fixture
def user_box(serve, ordinary_person):
    return Box(serve, ordinary_person)


def only(machine, box):
    """What mountinfo says of the one mount there."""
    found = machine.mountinfo(box.mountpoint)
    assert len(found) == 1, found
    return found[0]


def names(machine, box):
    return sorted(machine.run(box.person, "ls", box.mountpoint).ok().out.split())


def left(box):
    """What the server still holds."""
    return sorted(box.server.messages())


def umounted(machine, box, *words):
    machine.run(box.person, "umount", *words).ok()
    assert machine.mountinfo(box.mountpoint) == []


# ---- by hand ----

@pytest.mark.parametrize("kind", ["pop3fs", "fuse.pop3fs"])
def test_mount_by_type(machine, box, kind):
    machine.run(box.person, "mount", "-t", kind, box.source, box.mountpoint, "-o", box.options).ok()
    seen = only(machine, box)
    assert seen["type"] == "fuse.pop3fs" and seen["source"] == box.source
    assert seen["options"] >= ALWAYS | {"rw"}
    assert names(machine, box) == sorted(MESSAGES)
    machine.run(box.person, "rm", box.mountpoint / "one").ok()
    umounted(machine, box, box.mountpoint)
    assert left(box) == ["two"]


def test_read_only(machine, box):
    machine.run(box.person, "mount", "-r", "-t", "pop3fs", box.source, box.mountpoint, "-o", box.options).ok()
    assert "ro" in only(machine, box)["options"]
    done = machine.run(box.person, "rm", box.mountpoint / "one")
    assert done.code == 1 and "Read-only file system" in done.err
    umounted(machine, box, box.mountpoint)


def test_what_mount_keeps_for_itself_is_passed_over(machine, box):
    noise = ("auto,noauto,user,users,owner,group,nouser,nofail,_netdev,defaults,async,suid,dev,exec,relatime,"
             "norelatime,strictatime,nodiratime,lazytime,x-systemd.automount,x-gvfs-hide,comment=of mine")
    helper = machine.run(box.person, "/sbin/mount.pop3fs", box.source, box.mountpoint, "-n", "-o",
                         f"rw,{noise},{box.options}")
    helper.ok()
    assert only(machine, box)["options"] >= ALWAYS
    umounted(machine, box, box.mountpoint)


def test_words_in_another_order(machine, box):
    machine.run(box.person, "/sbin/mount.fuse.pop3fs", "-o", box.options, box.source, "-v", box.mountpoint).ok()
    umounted(machine, box, box.mountpoint)


def test_verbose_says_what_is_mounted(machine, box):
    done = machine.run(box.person, "mount", "-v", "-t", "pop3fs", box.source, box.mountpoint, "-o", box.options).ok()
    assert f"{box.source} mounted on {box.mountpoint}" in done.out
    umounted(machine, box, box.mountpoint)


def test_fake_mounts_nothing_but_checks(machine, box):
    machine.run(box.person, "mount", "-f", "-t", "pop3fs", box.source, box.mountpoint, "-o", box.options).ok()
    assert machine.mountinfo(box.mountpoint) == []
    assert not box.server.commands()
    done = machine.run(box.person, "/sbin/mount.pop3fs", box.source, box.mountpoint, "-f", "-o", "nonsense")
    assert done.code == USAGE and "nonsense" in done.err


def test_sloppy_passes_over_what_is_unknown(machine, box):
    words = ["/sbin/mount.pop3fs", box.source, box.mountpoint, "-o", f"nonsense=1,{box.options}"]
    done = machine.run(box.person, *words)
    assert done.code == USAGE and "nonsense" in done.err
    machine.run(box.person, *words, "-s").ok()
    umounted(machine, box, box.mountpoint)


def test_flags_in_one_word_as_mount_writes_them(machine, box):
    machine.run(box.person, "/sbin/mount.pop3fs", box.source, box.mountpoint, "-sfnvo", f"rw,nonsense=1,{box.options}").ok()
    assert machine.mountinfo(box.mountpoint) == [] and not box.server.commands()


@pytest.mark.parametrize("options, of_mount, of_kernel", [
    ("allow_root", ALWAYS, {"allow_other", "default_permissions"}),
    ("default_permissions", ALWAYS, {"default_permissions"}),
    ("noatime,sync,dirsync", ALWAYS | {"noatime"}, {"sync", "dirsync"}),
    ("suid,dev,exec", ALWAYS, set()),
])
def test_options_of_the_kernel(machine, box, options, of_mount, of_kernel):
    machine.run(box.person, "mount", "-t", "pop3fs", box.source, box.mountpoint, "-o", f"{options},{box.options}").ok()
    seen = only(machine, box)
    assert seen["options"] >= of_mount and seen["super_options"] >= of_kernel
    assert names(machine, box) == sorted(MESSAGES)
    umounted(machine, box, box.mountpoint)


def test_remounting_is_refused(machine, box):
    machine.run(box.person, "mount", "-t", "pop3fs", box.source, box.mountpoint, "-o", box.options).ok()
    done = machine.run(box.person, "mount", "-o", "remount,ro", box.mountpoint)
    assert done.code != 0 and "cannot be remounted" in done.err
    assert "rw" in only(machine, box)["options"] and names(machine, box) == sorted(MESSAGES)
    umounted(machine, box, box.mountpoint)


def test_a_directory_by_its_descriptor(machine, box):
    machine.run(box.person, "sh", "-c", 'exec 3<"$2"; exec /sbin/mount.pop3fs "$1" /dev/fd/3 -o "$3"', "sh",
                box.source, box.mountpoint, box.options).ok()
    assert only(machine, box)["source"] == box.source
    umounted(machine, box, box.mountpoint)


def test_an_empty_home_is_the_passwd_entrys(machine, box):
    options = ",".join(o for o in box.options.split(",") if not o.startswith("cache_dir"))
    machine.run(box.person, "mount", "-t", "pop3fs", box.source, box.mountpoint, "-o", options,
                env={"HOME": "", "XDG_CACHE_HOME": ""}).ok()
    assert machine.run(box.person, "ls", "/var/cache/pop3fs").ok().out
    umounted(machine, box, box.mountpoint)


def test_why_it_failed_comes_through(machine, box, root_person):
    wrong = root_person.file("wrong", b"wrong\n")
    done = machine.run(box.person, "mount", "-t", "pop3fs", box.source, box.mountpoint, "-o",
                       f"password_file={wrong},ca={box.server.ca},cache_dir={root_person.directory('cache')}")
    assert done.code == NOT_MOUNTED and "refused" in done.err
    assert machine.mountinfo(box.mountpoint) == []


def test_a_dead_mount_is_cleared_before_the_new_one(machine, box):
    words = ["mount", "-t", "pop3fs", box.source, box.mountpoint, "-o", box.options]
    machine.run(box.person, *words).ok()
    status = machine.run(box.person, "cat", box.mountpoint / ".pop3fs/status").ok().out
    pid = int(dict(line.split(": ", 1) for line in status.splitlines())["pid"])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: machine.run(box.person, "ls", box.mountpoint).code != 0, "the end of the mount")
    done = machine.run(box.person, *words).ok()
    assert "took away the dead mount" in done.err
    assert names(machine, box) == sorted(MESSAGES)
    only(machine, box)
    umounted(machine, box, box.mountpoint)


def test_a_living_mount_is_not_mounted_over(machine, box):
    words = ["mount", "-t", "pop3fs", box.source, box.mountpoint, "-o", box.options]
    machine.run(box.person, *words).ok()
    done = machine.run(box.person, *words)
    assert done.code != 0 and "is a pop3fs mount already" in done.err
    only(machine, box)
    umounted(machine, box, box.mountpoint)


# ---- fstab ----

def test_a_line_of_fstab(machine, box):
    machine.fstab(box.line("noauto,_netdev,x-systemd.idle-timeout=60"))
    machine.run(box.person, "mount", box.mountpoint).ok()
    assert only(machine, box)["source"] == box.source
    assert names(machine, box) == sorted(MESSAGES)
    umounted(machine, box, box.mountpoint)


def test_the_table_is_sound(machine, box):
    machine.fstab(box.line("_netdev,nofail"))
    done = machine.run(box.person, "findmnt", "--verify", "--verbose").ok()
    assert "[E]" not in done.out and "userspace options: _netdev,nofail" in done.out


@pytest.mark.parametrize("user", ["alice", "alice@example.org", "a b", "a,b", "a\\b", "a#b"])
def test_mounting_all_twice_mounts_once(machine, serve, root_person, user):
    box = Box(serve, root_person, user=user)
    machine.fstab(box.line("_netdev"))
    machine.run(box.person, "mount", "-a", "-t", "pop3fs").ok()
    machine.run(box.person, "mount", "-a", "-t", "pop3fs").ok()
    assert only(machine, box)["source"] == box.source
    found = machine.run(box.person, "findmnt", "-n", "-o", "FSTYPE", "--target", box.mountpoint).ok()
    assert found.out.strip() == "fuse.pop3fs"
    umounted(machine, box, box.mountpoint)


def test_df_shows_the_maildrop(machine, box):
    machine.fstab(box.line())
    machine.run(box.person, "mount", box.mountpoint).ok()
    out = machine.run(box.person, "df", "-B1", "--output=source,used,itotal", box.mountpoint).ok().out
    assert box.source in out.splitlines()[1]
    assert machine.run(box.person, "df", "--output=iused", box.mountpoint).ok().out.split()[1] == "2"
    umounted(machine, box, box.mountpoint)


@pytest.mark.parametrize("word", ["user", "users"])
def test_an_ordinary_user_mounts_and_unmounts_his_line(machine, user_box, word):
    machine.fstab(user_box.line(f"noauto,{word}"))
    machine.run(user_box.person, "mount", user_box.mountpoint).ok()
    seen = only(machine, user_box)
    assert seen["type"] == "fuse.pop3fs" and f"user_id={user_box.person.uid}" in seen["super_options"]
    assert seen["options"] >= ALWAYS
    assert names(machine, user_box) == sorted(MESSAGES)
    machine.run(user_box.person, "rm", user_box.mountpoint / "one").ok()
    umounted(machine, user_box, user_box.mountpoint)
    assert left(user_box) == ["two"]


def test_owner_and_permissions_come_from_the_line(machine, box, ordinary_person):
    machine.fstab(box.line(f"allow_other,uid={ordinary_person.uid},gid={ordinary_person.gid},umask=227"))
    machine.run(box.person, "mount", box.mountpoint).ok()
    os.chmod(box.person.home, 0o711)
    seen = machine.run(ordinary_person, "stat", "-c", "%u %g %a", box.mountpoint / "one").ok().out.split()
    os.chmod(box.person.home, 0o700)
    assert seen == [str(ordinary_person.uid), str(ordinary_person.gid), "440"]
    assert {"allow_other", "default_permissions"} <= only(machine, box)["super_options"]
    umounted(machine, box, box.mountpoint)


# ---- ending it ----

@pytest.mark.parametrize("way", ["directory", "source", "all", "type"])
def test_ways_to_unmount(machine, box, way):
    machine.fstab(box.line())
    machine.run(box.person, "mount", box.mountpoint).ok()
    machine.run(box.person, "rm", box.mountpoint / "two").ok()
    words = {"directory": [box.mountpoint], "source": [box.source], "all": ["-A", box.mountpoint],
             "type": ["-a", "-t", "fuse.pop3fs"]}
    umounted(machine, box, *words[way])
    assert left(box) == ["one"]
