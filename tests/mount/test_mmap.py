"""Every way in which a kernel hands out a file's octets: maps, sendfile, splice, pread at any place, direct and
not-waiting reads, holes. After xfstests; each is held against what the server has."""

import ctypes
import errno
import mmap
import os
import random
import resource
import signal
import socket

import pytest

import shapes

PAGE = mmap.PAGESIZE
SIZE = 5 * PAGE + 123
NAMES = {"odd": SIZE, "page": PAGE, "pages": 32 * PAGE, "two": 2, "chunks": 2 * 131072 + 7}
FAILED = ctypes.c_void_p(-1).value
RWF_NOWAIT = 8
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def octets(name):
    """So many, and no page is like another."""
    size = NAMES[name] - 2
    return (shapes.header(name) + random.Random(name).randbytes(size))[:size] + b"\r\n"


@pytest.fixture
def mount(serve, mounts, anyone):
    return mounts.mount(serve(messages={name: octets(name) for name in NAMES}), anyone)


def opened(mount, name, play, flags=os.O_RDONLY):
    """What play(descriptor) returns, as the mount's owner."""
    def run():
        descriptor = os.open(mount.path / name, flags)
        try:
            return play(descriptor)
        finally:
            os.close(descriptor)
    return mount.call(run)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [mmap.MAP_PRIVATE, mmap.MAP_SHARED], ids=["private", "shared"])
def test_a_map_shows_the_octets(mount, name, kind):
    def play(descriptor):
        with mmap.mmap(descriptor, 0, flags=kind, prot=mmap.PROT_READ) as seen:
            return bytes(seen)

    assert opened(mount, name, play) == octets(name)


def test_a_map_shows_the_same_as_reads_in_between(mount):
    want = octets("pages")

    def play(descriptor):
        chance = random.Random(1)
        with mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ) as seen:
            for _ in range(500):
                at, size = chance.randrange(len(want)), chance.randrange(1, 3 * PAGE)
                assert os.pread(descriptor, size, at) == seen[at:at + size] == want[at:at + size]

    opened(mount, "pages", play)


def test_behind_the_end_a_page_is_empty_and_then_there_is_none(mount):
    """In the file's last page zeros, behind it SIGBUS."""
    def play(descriptor):
        at = libc.mmap(None, SIZE + 3 * PAGE, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        assert at != FAILED
        assert ctypes.string_at(at, SIZE) == octets("odd")
        assert ctypes.string_at(at + SIZE, PAGE - SIZE % PAGE) == bytes(PAGE - SIZE % PAGE)
        child = os.fork()
        if child == 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGBUS, signal.SIG_DFL)
            ctypes.string_at(at + 6 * PAGE, 1)
            os._exit(0)
        libc.munmap(at, SIZE + 3 * PAGE)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert opened(mount, "odd", play) == -signal.SIGBUS


def test_what_a_private_map_writes_nobody_else_sees(mount):
    def play(descriptor):
        with mmap.mmap(descriptor, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as mine:
            mine[:] = bytes(SIZE)
            mine.flush()
            return os.pread(descriptor, SIZE, 0)

    assert opened(mount, "odd", play) == octets("odd")


def test_a_shared_map_cannot_be_written_nor_made_writable(mount):
    def play(descriptor):
        with pytest.raises(PermissionError):
            mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        at = libc.mmap(None, SIZE, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        refused = libc.mprotect(ctypes.c_void_p(at), SIZE, mmap.PROT_READ | mmap.PROT_WRITE), ctypes.get_errno()
        libc.munmap(at, SIZE)
        return refused

    assert opened(mount, "odd", play) == (-1, errno.EACCES)


def test_a_map_outlives_its_descriptor_and_its_file(mount):
    def play():
        descriptor = os.open(mount.path / "chunks", os.O_RDONLY)
        seen = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ)
        os.unlink(mount.path / "chunks")
        os.close(descriptor)
        seen.madvise(mmap.MADV_DONTNEED)
        with seen:
            return bytes(seen)

    assert mount.call(play) == octets("chunks")


@pytest.mark.parametrize("name", ["odd", "page", "two"])
def test_pread_at_every_place(mount, name):
    want = octets(name)

    def play(descriptor):
        for at in range(len(want) + 2):
            for size in (1, 2, 511, PAGE):
                assert os.pread(descriptor, size, at) == want[at:at + size], (at, size)
        assert os.pread(descriptor, 10, (1 << 63) - 20) == b""
        with pytest.raises(OSError):
            os.pread(descriptor, 1, -1)

    opened(mount, name, play)


def test_readv_gives_each_buffer_its_part(mount):
    def play(descriptor):
        parts = [bytearray(n) for n in (1, PAGE, 0, 77, 3 * PAGE)]
        got = os.preadv(descriptor, parts, 5)
        return got, b"".join(parts)

    want = octets("odd")[5:5 + 1 + PAGE + 77 + 3 * PAGE]
    assert opened(mount, "odd", play) == (len(want), want)


@pytest.mark.parametrize("name", NAMES)
def test_sendfile_to_a_socket_and_to_a_file(mount, name, person):
    copy = mount.person.file("copy", b"")

    def play(descriptor):
        ours, theirs = socket.socketpair()
        ours.settimeout(30)
        got, at = b"", 0
        while at < NAMES[name]:
            at += os.sendfile(theirs.fileno(), descriptor, at, 65536)
            while len(got) < at:
                got += ours.recv(1 << 20)
        for one in (ours, theirs):
            one.close()
        with open(copy, "wb") as out:
            while os.sendfile(out.fileno(), descriptor, None, 1 << 20):
                pass
        return got, copy.read_bytes()

    assert opened(mount, name, play) == (octets(name), octets(name))


def test_splice_into_a_pipe(mount):
    def play(descriptor):
        out, into = os.pipe()
        got = b""
        while moved := os.splice(descriptor, into, 65536, offset_src=len(got)):
            while moved:
                piece = os.read(out, moved)
                got, moved = got + piece, moved - len(piece)
        os.close(out)
        os.close(into)
        return got

    assert opened(mount, "chunks", play) == octets("chunks")


@pytest.mark.parametrize("name", NAMES)
def test_copy_file_range_out_of_the_mount_copies_or_says_that_it_is_another_file_system(mount, name):
    copy = mount.person.file("copy", b"")

    def play(descriptor):
        with open(copy, "wb") as out:
            try:
                while os.copy_file_range(descriptor, out.fileno(), 1 << 20):
                    pass
            except OSError as error:
                return error.errno
        return copy.read_bytes()

    assert opened(mount, name, play) in (octets(name), errno.EXDEV, errno.EOPNOTSUPP)


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_all_data(mount, name):
    size = NAMES[name]

    def play(descriptor):
        places = sorted({0, 1, size // 2, size - 1} & set(range(size)))
        assert [os.lseek(descriptor, at, os.SEEK_DATA) for at in places] == places
        assert [os.lseek(descriptor, at, os.SEEK_HOLE) for at in places] == [size] * len(places)
        assert os.lseek(descriptor, 0, os.SEEK_END) == size
        for how in (os.SEEK_DATA, os.SEEK_HOLE):
            with pytest.raises(OSError) as raised:
                os.lseek(descriptor, size, how)
            assert raised.value.errno == errno.ENXIO
        assert os.lseek(descriptor, size + 10, os.SEEK_SET) == size + 10
        return os.read(descriptor, 1)

    assert opened(mount, name, play) == b""


@pytest.mark.parametrize("name", NAMES)
def test_a_direct_read_is_the_same_or_refused(mount, name):
    """Whatever its place and length."""
    want = octets(name)

    def play():
        try:
            descriptor = os.open(mount.path / name, os.O_RDONLY | os.O_DIRECT)
        except OSError as error:
            return error.errno == errno.EINVAL
        with mmap.mmap(-1, 8 * PAGE) as room:       # begins at a page
            for at in range(0, len(want) + PAGE, PAGE):
                got = os.preadv(descriptor, [room], at)
                assert bytes(room)[:got] == want[at:at + 8 * PAGE]
        os.close(descriptor)
        return True

    assert mount.call(play)


def test_a_read_that_may_not_wait_gives_true_octets_or_says_so(mount):
    """And once they are in memory, octets."""
    want = octets("chunks")

    def play(descriptor):
        def now(at):
            room = bytearray(PAGE)
            try:
                return bytes(room[:os.preadv(descriptor, [room], at, RWF_NOWAIT)])
            except OSError as error:
                assert error.errno in (errno.EAGAIN, errno.EOPNOTSUPP), error
                return error.errno
        for at in range(0, len(want), 3 * PAGE):
            got = now(at)
            assert isinstance(got, int) or got == want[at:at + len(got)]
        os.pread(descriptor, len(want), 0)
        return [now(at) for at in range(0, len(want), PAGE)]

    got = opened(mount, "chunks", play)
    assert got in ([want[at:at + PAGE] for at in range(0, len(want), PAGE)], [errno.EOPNOTSUPP] * len(got))


def test_advice_changes_nothing(mount):
    want = octets("chunks")

    def play(descriptor):
        for advice in (os.POSIX_FADV_SEQUENTIAL, os.POSIX_FADV_WILLNEED, os.POSIX_FADV_RANDOM, os.POSIX_FADV_NOREUSE,
                       os.POSIX_FADV_DONTNEED, os.POSIX_FADV_NORMAL):
            os.posix_fadvise(descriptor, 0, 0, advice)
            assert os.pread(descriptor, len(want), 0) == want
        assert libc.readahead(descriptor, ctypes.c_long(0), len(want)) in (0, -1)
        return os.pread(descriptor, len(want), 0)

    assert opened(mount, "chunks", play) == want


def test_a_descriptor_can_be_opened_again_through_proc(mount):
    def play(descriptor):
        again = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
        os.lseek(descriptor, 100, os.SEEK_SET)
        got = os.read(again, SIZE)
        os.close(again)
        with pytest.raises(PermissionError):
            os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR)
        return got

    assert opened(mount, "odd", play) == octets("odd")
