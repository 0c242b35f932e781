"""A directory as the kernel gives it: getdents64(2) with a buffer of any size, and the cookies by which it is taken up
again. os.scandir hides all of that."""

import ctypes
import errno
import os
import struct
from dataclasses import dataclass

GETDENTS64 = 217       # on x86-64 (61 where system calls have their new numbers)
if os.uname().machine in ("aarch64", "riscv64"):
    GETDENTS64 = 61
HEAD = struct.Struct("=QqHB")      # d_ino, d_off, d_reclen, d_type
ONE = 24 + 256         # octets that any one entry fits into

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Entry:
    """`cookie` is where the entry behind it begins."""

    ino: int
    cookie: int
    type: int
    name: str


def piece(descriptor, octets=ONE):
    """The entries that fit into so many octets; [] at the end of the directory."""
    room = ctypes.create_string_buffer(octets)
    got = libc.syscall(GETDENTS64, descriptor, room, octets)
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    entries, at = [], 0
    while at < got:
        ino, cookie, length, kind = HEAD.unpack_from(room.raw, at)
        name = room.raw[at + HEAD.size:at + length].split(b"\0", 1)[0]
        entries.append(Entry(ino, cookie, kind, os.fsdecode(name)))
        at += length
    return entries


def rest(descriptor, octets=32768):
    """All that is left, read in pieces of so many octets."""
    found = []
    while some := piece(descriptor, octets):
        found += some
    return found


def open_directory(path):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def all_of(path, octets=32768):
    descriptor = open_directory(path)
    try:
        return rest(descriptor, octets)
    finally:
        os.close(descriptor)


def resumed(descriptor, cookie, octets=32768):
    """What comes from a cookie on."""
    os.lseek(descriptor, cookie, os.SEEK_SET)
    return rest(descriptor, octets)


def too_small(descriptor, octets):
    """Whether the kernel says that no entry fits."""
    try:
        piece(descriptor, octets)
    except OSError as error:
        return error.errno == errno.EINVAL
    return False
