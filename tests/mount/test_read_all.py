"""After LTP's read_all: every file there is, by name and in every way, by many processes at once. Nothing hangs, nobody is
told another error than the one that is meant, and the mount is as it was."""

import errno
import os
import random
import stat

import pytest

import shapes
from mounting import digest

READERS = 8
ROUNDS = 3
BOUND = 100    # seconds for all of them
DIRECTORIES = [".", ".pop3fs", ".pop3fs/headers", ".pop3fs/deleted", ".pop3fs/maildir", ".pop3fs/maildir/cur",
               ".pop3fs/maildir/new", ".pop3fs/maildir/tmp"]
WAYS = [os.O_RDONLY, os.O_RDONLY | os.O_NONBLOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, os.O_RDONLY | os.O_DIRECT,
        os.O_RDONLY | os.O_SYNC, os.O_PATH]
SPOKEN = {errno.EINVAL, errno.EISDIR, errno.ENODATA, errno.EBADF, errno.ENOTTY, errno.EPERM}


def messages():
    return {f"m{n}": shapes.header(str(n)) + b"line\r\n" * (n * 50 + 1) for n in range(30)}


def read_in_pieces(descriptor, chance):
    """All of it, in pieces of chance sizes, now and then from the front."""
    whole = b""
    while piece := os.pread(descriptor, chance.choice([1, 100, 4096, 1 << 17]), len(whole)):
        whole += piece
        os.pread(descriptor, 1, chance.randrange(len(whole)))
    return whole


def tried(call, *args):
    try:
        return call(*args)
    except OSError as error:
        assert error.errno in SPOKEN, error
        return None


def one_file(path, chance, seen):
    flags = chance.choice(WAYS)
    descriptor = tried(os.open, path, flags)
    if descriptor is None:
        return
    status = os.fstat(descriptor)
    for name in tried(os.listxattr, path) or []:
        tried(os.getxattr, path, name)
    tried(os.getxattr, path, "user.pop3fs.state")
    if flags & os.O_PATH or stat.S_ISDIR(status.st_mode):
        tried(os.read, descriptor, 10)
    elif not flags & os.O_DIRECT:
        octets = read_in_pieces(descriptor, chance)
        seen.setdefault(path, set()).add(digest(octets))
    else:
        tried(os.pread, descriptor, 4096, 0)
    os.close(descriptor)


def read_all(top, seed):
    """{path: the sums of what was read}."""
    chance, seen = random.Random(seed), {}
    for _ in range(ROUNDS):
        paths = [os.path.join(top, where, name) for where in DIRECTORIES for name in ["", *os.listdir(os.path.join(top, where))]]
        chance.shuffle(paths)
        for path in paths:
            one_file(path, chance, seen)
    return seen


def all_at_once(top):
    """A process for each reader; what the first saw of each file, if all saw the same."""
    children = []
    for seed in range(READERS):
        child = os.fork()
        if child == 0:
            try:
                read_all(top, seed)
                os._exit(0)
            except BaseException as error:
                os.write(2, f"reader {seed}: {error!r}\n".encode())
                os._exit(1)
        children.append(child)
    seen = read_all(top, -1)
    return seen, [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def test_every_file_in_every_way_by_many_at_once(anyone, mounts, serve):
    server = serve(messages=messages())
    mount = mounts.mount(server, anyone, refresh="1d")
    mount.call(lambda: [os.unlink(mount.path / f"m{n}") for n in range(5)] and None)
    seen, codes = mount.call(lambda: all_at_once(str(mount.path)), deadline=BOUND)
    assert codes == [0] * READERS
    still = {path: sums for path, sums in seen.items() if not path.endswith("/status")}
    assert [path for path, sums in still.items() if len(sums) != 1] == []
    assert {os.path.basename(p): s.pop() for p, s in still.items() if os.path.dirname(p).rstrip("/.") == str(mount.path)} \
        .items() <= {name: digest(octets) for name, octets in messages().items()}.items()
    assert mount.sums() == {f"m{n}": digest(messages()[f"m{n}"]) for n in range(5, 30)}
    assert sorted(server.messages()) == sorted(messages())
    assert server.sent("DELE") == 0


@pytest.mark.parametrize("first", [1, 3])
def test_numbers_for_descriptors_run_out_and_nothing_else_does(person, mounts, serve, first):
    """As many files open at once as a process may have; those that are closed cost the daemon nothing."""
    mount = mounts.mount(serve(messages=messages()), person)

    def play():
        held = []
        try:
            while True:
                held.append(os.open(mount.path / f"m{first + len(held) % 20}", os.O_RDONLY))
        except OSError as error:
            assert error.errno == errno.EMFILE
        got = [os.pread(descriptor, 100, 0) for descriptor in held[::100]]
        for descriptor in held:
            os.close(descriptor)
        return got and all(got)

    before = len(os.listdir(f"/proc/{mount.pid}/fd"))
    for _ in range(2):
        assert mount.call(play)
    assert len(os.listdir(f"/proc/{mount.pid}/fd")) <= before
    assert mount.sums() == {name: digest(octets) for name, octets in messages().items()}
