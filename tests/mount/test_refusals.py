"""What open, unlink, rename and all that would write answer: pjdfstest's expectations as a table of our own, of a mount
as it comes, read-only, and with the kernel's permission check. Nothing of it changes a thing."""

import ctypes
import errno
import fcntl
import os
import socket
import stat
from dataclasses import dataclass

import pytest

import shapes
from errno import (EACCES, EBADF, EBUSY, EEXIST, EFAULT, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENODATA, ENOENT, ENOTDIR,
                   ENOTEMPTY, EOPNOTSUPP, EPERM, EROFS, EXDEV)

MESSAGE, OTHER, GONE = "m1", "m2", "nothing"
NAMES = ["m1", "m2", "m3"]
LONG = "n" * 256
MODES = {
    "as it comes": {},
    "read-only": {"ro": True},
    "kernel's check": {"default_permissions": True},
    "read-only, kernel's check": {"ro": True, "default_permissions": True},
}
libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Row:
    """What is done to the mount's directory, and the errno that comes of it (0: it is done): as it comes, read-only, with
    the kernel's check (for an ordinary user, for root). A later one is as the one before where it is left out."""

    name: str
    do: object
    plain: int
    ro: int = None
    checked: int = None
    checked_root: int = None

    def wanted(self, mode, is_root):
        """All that may come of it. Where both keep it from being done, either may say so."""
        checked = self.checked_root if is_root else self.checked
        found = set()
        for which, one in (("read-only", self.ro), ("check", checked)):
            if which in mode and one is not None:
                found |= as_set(one)
        return found or as_set(self.plain)


def as_set(one):
    return one if isinstance(one, set) else {one}


def c(name, *args):
    """A call of the C library that Python has not, or not so."""
    if getattr(libc, name)(*args) == -1:
        raise OSError(ctypes.get_errno(), name)


def opening(name, flags):
    def do(top):
        os.close(os.open(f"{top}/{name}", flags, 0o600))
    return do


def with_file(play, flags=os.O_RDONLY, name=MESSAGE):
    def do(top):
        descriptor = os.open(f"{top}/{name}", flags)
        try:
            play(descriptor)
        finally:
            os.close(descriptor)
    return do


def renaming(old, new, flags=0):
    return lambda top: c("renameat2", -100, f"{top}/{old}".encode(), -100, f"{top}/{new}".encode(), flags)


def bind(path):
    with socket.socket(socket.AF_UNIX) as one:
        os.chdir(os.path.dirname(path))        # a path may be too long for a socket's name
        try:
            one.bind(os.path.basename(path))
        finally:
            os.chdir("/")


def access(path, how):
    c("access", path.encode(), how)


def lease(descriptor):
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def watch(path):
    descriptor = libc.inotify_init1(0o4000)
    try:
        c("inotify_add_watch", descriptor, path.encode(), 0xFFF)
    finally:
        os.close(descriptor)


NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
OPEN_ROWS = [
    Row("open", opening(MESSAGE, os.O_RDONLY), 0),
    Row("open of nothing", opening(GONE, os.O_RDONLY), ENOENT),
    Row("open below a message", opening(f"{MESSAGE}/x", os.O_RDONLY), ENOTDIR),
    Row("open with a slash behind", opening(f"{MESSAGE}/", os.O_RDONLY), ENOTDIR),
    Row("open of too long a name", opening(LONG, os.O_RDONLY), ENAMETOOLONG),
    Row("open of too long a path", opening("/".join(["."] * 2100), os.O_RDONLY), ENAMETOOLONG),
    Row("open of the longest name", opening(LONG[1:], os.O_RDONLY), ENOENT),
    Row("open for writing", opening(MESSAGE, os.O_WRONLY), EPERM, EROFS, EACCES, EPERM),
    Row("open for both", opening(MESSAGE, os.O_RDWR), EPERM, EROFS, EACCES, EPERM),
    Row("open and truncate", opening(MESSAGE, os.O_RDONLY | os.O_TRUNC), EPERM, EROFS, EACCES, EPERM),
    Row("open to append", opening(MESSAGE, os.O_WRONLY | os.O_APPEND), EPERM, EROFS, EACCES, EPERM),
    Row("open, reading only, with O_APPEND", opening(MESSAGE, os.O_RDONLY | os.O_APPEND), 0),
    Row("open or create what is there", opening(MESSAGE, os.O_RDONLY | os.O_CREAT), 0),
    Row("create what is there", opening(MESSAGE, os.O_RDONLY | os.O_CREAT | os.O_EXCL), EEXIST),
    Row("create", opening(GONE, os.O_WRONLY | os.O_CREAT), EPERM, EROFS),
    Row("create, and only create", opening(GONE, os.O_WRONLY | os.O_CREAT | os.O_EXCL), EPERM, EROFS),
    Row("create below nothing", opening(f"{GONE}/x", os.O_WRONLY | os.O_CREAT), ENOENT),
    Row("a file without a name", opening(".", os.O_TMPFILE | os.O_RDWR), EOPNOTSUPP, EROFS),
    Row("a message as a directory", opening(MESSAGE, os.O_RDONLY | os.O_DIRECTORY), ENOTDIR),
    Row("the directory for writing", opening(".", os.O_WRONLY), EISDIR),
    Row("the directory as one", opening(".", os.O_RDONLY | os.O_DIRECTORY), 0),
    Row("open, not through a link", opening(MESSAGE, os.O_RDONLY | os.O_NOFOLLOW), 0),
    Row("open of the place alone", opening(MESSAGE, os.O_PATH), 0),
    Row("status for writing", opening(".pop3fs/status", os.O_WRONLY), EPERM, EROFS, EACCES, EPERM),
    Row("a header for writing", opening(".pop3fs/headers/m1", os.O_RDWR), EPERM, EROFS, EACCES, EPERM),
    Row("create in .pop3fs", opening(".pop3fs/new", os.O_WRONLY | os.O_CREAT), EPERM, EROFS, {EPERM, EACCES}),
    Row("open at a wrong address", lambda top: c("open", ctypes.c_void_p(1), 0), EFAULT),
    Row("read to a wrong address", with_file(lambda fd: c("pread", fd, ctypes.c_void_p(1), 10, 0)), EFAULT),
    Row("read of the directory", with_file(lambda fd: os.read(fd, 1), name="."), EISDIR),
    Row("write to what was opened for reading", with_file(lambda fd: os.write(fd, b"x")), EBADF),
    Row("read past the end", with_file(lambda fd: os.pread(fd, 10, 1 << 40)), 0),
    Row("seek before the front", with_file(lambda fd: os.lseek(fd, -1, os.SEEK_SET)), EINVAL),
    Row("getdents of a message", with_file(lambda fd: os.listdir(fd)), ENOTDIR),
]
REMOVING_ROWS = [
    Row("unlink of nothing", lambda top: os.unlink(f"{top}/{GONE}"), ENOENT, {ENOENT, EROFS}),
    Row("unlink below a message", lambda top: os.unlink(f"{top}/{MESSAGE}/x"), ENOTDIR),
    Row("unlink with a slash behind", lambda top: os.unlink(f"{top}/{MESSAGE}/"), ENOTDIR, {ENOTDIR, EROFS}),
    Row("unlink of too long a name", lambda top: os.unlink(f"{top}/{LONG}"), ENAMETOOLONG, {ENAMETOOLONG, EROFS}),
    Row("unlink at a wrong address", lambda top: c("unlink", ctypes.c_void_p(1)), EFAULT),
    Row("unlink of .", lambda top: os.unlink(f"{top}/."), {EINVAL, EISDIR}, {EINVAL, EISDIR, EROFS}),
    Row("unlink of the mountpoint", os.unlink, {EISDIR, EBUSY}, {EISDIR, EBUSY, EROFS}),
    Row("unlink of .pop3fs", lambda top: os.unlink(f"{top}/.pop3fs"), {EISDIR, EPERM}, {EISDIR, EROFS}),
    Row("unlink of status", lambda top: os.unlink(f"{top}/.pop3fs/status"), EPERM, EROFS, {EPERM, EACCES}),
    Row("unlink of a header", lambda top: os.unlink(f"{top}/.pop3fs/headers/m1"), EPERM, EROFS, {EPERM, EACCES}),
    Row("rmdir of a message", lambda top: os.rmdir(f"{top}/{MESSAGE}"), ENOTDIR, {ENOTDIR, EROFS}),
    Row("rmdir of nothing", lambda top: os.rmdir(f"{top}/{GONE}"), ENOENT, {ENOENT, EROFS}),
    Row("rmdir of .", lambda top: os.rmdir(f"{top}/."), EINVAL, {EINVAL, EROFS}),
    Row("rmdir of ..", lambda top: os.rmdir(f"{top}/.pop3fs/.."), ENOTEMPTY, {ENOTEMPTY, EROFS}),
    Row("rmdir of the mountpoint", os.rmdir, EBUSY, {EBUSY, EROFS}),
    Row("rmdir of .pop3fs", lambda top: os.rmdir(f"{top}/.pop3fs"), EPERM, EROFS),
]
RENAMING_ROWS = [
    Row("rename", renaming(MESSAGE, GONE), EPERM, EROFS),
    Row("rename over another", renaming(MESSAGE, OTHER), EPERM, EROFS),
    Row("rename to itself", renaming(MESSAGE, MESSAGE), 0, {0, EROFS}),
    Row("rename and replace nothing", renaming(MESSAGE, GONE, NOREPLACE), EPERM, EROFS),
    Row("rename, NOREPLACE, what is there", renaming(MESSAGE, OTHER, NOREPLACE), EEXIST, {EEXIST, EROFS}),
    Row("exchange", renaming(MESSAGE, OTHER, EXCHANGE), EPERM, {EPERM, EROFS}),
    Row("rename with both flags", renaming(MESSAGE, OTHER, NOREPLACE | EXCHANGE), EINVAL),
    Row("rename and leave a whiteout", renaming(MESSAGE, GONE, WHITEOUT), EPERM, EROFS, {EPERM, EINVAL}),
    Row("rename of nothing", renaming(GONE, "x"), ENOENT, {ENOENT, EROFS}),
    Row("rename to below a message", renaming(MESSAGE, f"{OTHER}/x"), ENOTDIR),
    Row("rename to too long a name", renaming(MESSAGE, LONG), ENAMETOOLONG, {ENAMETOOLONG, EROFS}),
    Row("rename over a directory", renaming(MESSAGE, ".pop3fs"), EISDIR, {EISDIR, EROFS}),
    Row("rename of a directory over a message", renaming(".pop3fs", MESSAGE), ENOTDIR, {ENOTDIR, EROFS}),
    Row("rename of .pop3fs", renaming(".pop3fs", GONE), EPERM, EROFS),
    Row("rename of .pop3fs into itself", renaming(".pop3fs", ".pop3fs/headers/x"), EINVAL, {EINVAL, EROFS}),
    Row("rename of .", renaming(".", GONE), EBUSY, {EBUSY, EROFS}),
    Row("rename into .pop3fs", renaming(MESSAGE, ".pop3fs/x"), EPERM, EROFS, {EPERM, EACCES}),
    Row("rename into deleted", renaming(MESSAGE, ".pop3fs/deleted/m1"), EPERM, EROFS, {EPERM, EACCES}),
    Row("rename of a header", renaming(".pop3fs/headers/m1", "x"), EPERM, EROFS, {EPERM, EACCES}),
    Row("rename out of the mount", lambda top: os.rename(f"{top}/{MESSAGE}", f"{top}/../out"), EXDEV, {EXDEV, EROFS}),
    Row("rename into the mount", lambda top: os.rename(f"{top}/../outside", f"{top}/in"), EXDEV, {EXDEV, EROFS}),
]
MAKING_ROWS = [
    Row("mkdir", lambda top: os.mkdir(f"{top}/{GONE}"), EPERM, EROFS),
    Row("mkdir of what is there", lambda top: os.mkdir(f"{top}/{MESSAGE}"), EEXIST),
    Row("mkdir in .pop3fs", lambda top: os.mkdir(f"{top}/.pop3fs/{GONE}"), EPERM, EROFS, {EPERM, EACCES}),
    Row("a fifo", lambda top: os.mkfifo(f"{top}/{GONE}"), EPERM, EROFS),
    Row("a socket", lambda top: os.mknod(f"{top}/{GONE}", stat.S_IFSOCK | 0o600), EPERM, EROFS),
    Row("a device", lambda top: os.mknod(f"{top}/{GONE}", stat.S_IFCHR | 0o600, os.makedev(1, 3)), EPERM, {EROFS, EPERM}),
    Row("a symbolic link", lambda top: os.symlink("x", f"{top}/{GONE}"), EPERM, EROFS),
    Row("a symbolic link over a message", lambda top: os.symlink("x", f"{top}/{MESSAGE}"), EEXIST),
    Row("a link", lambda top: os.link(f"{top}/{MESSAGE}", f"{top}/{GONE}"), EPERM, EROFS),
    Row("a link to what is there", lambda top: os.link(f"{top}/{MESSAGE}", f"{top}/{OTHER}"), EEXIST),
    Row("a link out of the mount", lambda top: os.link(f"{top}/{MESSAGE}", f"{top}/../link"), EXDEV, {EXDEV, EROFS}),
    Row("a link into the mount", lambda top: os.link(f"{top}/../outside", f"{top}/in"), EXDEV, {EXDEV, EROFS}),
    Row("binding a socket", lambda top: bind(f"{top}/s"), EPERM, EROFS),
    Row("readlink of a message", lambda top: os.readlink(f"{top}/{MESSAGE}"), EINVAL),
]
CHANGING_ROWS = [
    Row("truncate", lambda top: os.truncate(f"{top}/{MESSAGE}", 0), EPERM, EROFS, EACCES, EPERM),
    Row("truncate to its own size", lambda top: os.truncate(f"{top}/{MESSAGE}", os.stat(f"{top}/{MESSAGE}").st_size), EPERM,
        EROFS, EACCES, EPERM),
    Row("ftruncate", with_file(lambda fd: os.ftruncate(fd, 0)), EINVAL),
    Row("truncate of the directory", lambda top: os.truncate(top, 0), EISDIR),
    Row("chmod", lambda top: os.chmod(f"{top}/{MESSAGE}", 0o600), EPERM, EROFS),
    Row("chmod to what it is", lambda top: os.chmod(f"{top}/{MESSAGE}", 0o400), EPERM, EROFS),
    Row("fchmod", with_file(lambda fd: os.fchmod(fd, 0o600)), EPERM, EROFS),
    Row("chmod of the directory", lambda top: os.chmod(top, 0o755), EPERM, EROFS),
    Row("chown", lambda top: os.chown(f"{top}/{MESSAGE}", os.geteuid(), os.getegid()), EPERM, EROFS),
    Row("chown of nothing to nobody", lambda top: os.chown(f"{top}/{GONE}", -1, -1), ENOENT),
    Row("times", lambda top: os.utime(f"{top}/{MESSAGE}", (1, 1)), EPERM, EROFS),
    Row("times to now", lambda top: os.utime(f"{top}/{MESSAGE}"), EPERM, EROFS, {EPERM, EACCES}),
    Row("times of the directory", lambda top: os.utime(top), EPERM, EROFS),
    Row("fallocate", with_file(lambda fd: os.posix_fallocate(fd, 0, 100)), EBADF),
    Row("an attribute", lambda top: os.setxattr(f"{top}/{MESSAGE}", "user.x", b"y"), {EPERM, EOPNOTSUPP}, EROFS,
        {EPERM, EACCES, EOPNOTSUPP}, {EPERM, EOPNOTSUPP}),
    Row("ours of the attributes", lambda top: os.setxattr(f"{top}/{MESSAGE}", "user.pop3fs.uidl", b"y"), {EPERM, EOPNOTSUPP},
        EROFS, {EPERM, EACCES, EOPNOTSUPP}, {EPERM, EOPNOTSUPP}),
    Row("taking an attribute away", lambda top: os.removexattr(f"{top}/{MESSAGE}", "user.pop3fs.uidl"), {EPERM, EOPNOTSUPP},
        EROFS, {EPERM, EACCES, EOPNOTSUPP}, {EPERM, EOPNOTSUPP}),
    Row("an attribute that is not there", lambda top: os.getxattr(f"{top}/{MESSAGE}", "user.nothing"), ENODATA),
    Row("a label", lambda top: os.getxattr(f"{top}/{MESSAGE}", "security.selinux"), {ENODATA, EOPNOTSUPP}),
    Row("access for reading", lambda top: access(f"{top}/{MESSAGE}", os.R_OK), 0),
    Row("access for writing", lambda top: access(f"{top}/{MESSAGE}", os.W_OK), 0, EROFS, EACCES, 0),
    Row("access for running", lambda top: access(f"{top}/{MESSAGE}", os.X_OK), {0, EACCES}, None, EACCES, EACCES),
    Row("access to the directory", lambda top: access(top, os.R_OK | os.X_OK), 0),
    Row("running a message", lambda top: os.execv(f"{top}/{MESSAGE}", ["x"]), EACCES),
]
LOCKING_ROWS = [
    Row("flock, shared", with_file(lambda fd: fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)), 0),
    Row("flock, exclusive", with_file(lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)), 0),
    Row("flock of the directory", with_file(lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB), name="."), 0),
    Row("a lock for reading", with_file(lambda fd: fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)), 0),
    Row("a lock for writing", with_file(lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)), EBADF),
    Row("a lease for reading", with_file(lambda fd: lease(fd)), {0, EINVAL, EOPNOTSUPP}),
    Row("fsync", with_file(os.fsync), {0, EINVAL}),
    Row("fsync of the directory", with_file(os.fsync, name="."), 0),
    Row("syncfs", with_file(lambda fd: c("syncfs", fd)), 0),
    Row("watched", lambda top: watch(f"{top}/{MESSAGE}"), 0),
    Row("the directory watched", watch, 0),
    Row("flags of a message", with_file(lambda fd: fcntl.ioctl(fd, 0x80086601, bytes(8))), {errno.ENOTTY, EPERM, errno.ENOSYS}),
    Row("a file system's freeze", with_file(lambda fd: fcntl.ioctl(fd, 0xC0045877, 0), name="."),
        {errno.ENOTTY, EPERM, EOPNOTSUPP}),
    Row("statfs", os.statvfs, 0),
]
TABLE = OPEN_ROWS + REMOVING_ROWS + RENAMING_ROWS + MAKING_ROWS + CHANGING_ROWS + LOCKING_ROWS


def errno_of(do, top):
    try:
        do(top)
        return 0
    except OSError as error:
        return error.errno


def words(code):
    return errno.errorcode.get(code, str(code))


@pytest.mark.parametrize("mode", MODES)
def test_each_call_answers_what_it_should_and_changes_nothing(anyone, mounts, serve, mode):
    messages = {name: shapes.header(name) for name in NAMES}
    server = serve(messages=messages)
    mount = mounts.mount(server, anyone, refresh="1d", **MODES[mode])
    outside = mount.path.parent / "outside"
    mount.call(outside.write_bytes, b"")
    sums = mount.sums()

    def play():
        return {row.name: errno_of(row.do, str(mount.path)) for row in TABLE}

    seen = mount.call(play)
    wanted = {row.name: row.wanted(mode, anyone.is_root) for row in TABLE}
    wrong = {name: (words(code), [words(one) for one in wanted[name]]) for name, code in seen.items()
             if code not in wanted[name]}
    assert wrong == {}
    assert mount.names() == NAMES and mount.sums() == sums
    assert mount.status()["pending deletions"] == "0"
    assert mount.umount() == 0
    assert sorted(server.messages()) == NAMES and server.sent("DELE") == 0
    mount.call(outside.unlink)


def test_symbolic_links_to_a_message_are_followed_as_far_as_the_kernel_goes(person, mounts, serve):
    mount = mounts.mount(serve(messages={"m1": b"Subject: x\r\n\r\nx\r\n"}), person)
    place = person.directory("links")

    def play():
        os.symlink(mount.path / "m1", place / "good")
        os.symlink(place / "round", place / "round")
        with open(place / "good", "rb") as file:
            got = file.read()
        return got, errno_of(lambda p: os.open(p, os.O_RDONLY), place / "round"), \
            errno_of(lambda p: os.open(p, os.O_RDONLY | os.O_NOFOLLOW), place / "good")

    assert mount.call(play) == (b"Subject: x\r\n\r\nx\r\n", ELOOP, ELOOP)


def test_read_only_refuses_to_remove(anyone, mounts, serve):
    server = serve(messages={"m1": shapes.header("1")})
    mount = mounts.mount(server, anyone, ro=True)
    assert mount.call(errno_of, os.unlink, mount.path / "m1") == EROFS
    assert mount.names() == ["m1"]


def test_the_names_of_a_table_are_names():
    assert len({row.name for row in TABLE}) == len(TABLE) >= 100
