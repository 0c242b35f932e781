"""Somebody who serves a mount that says it is a pop3fs, and answers verbs (src/fs/ioctls.h) with what he likes: a FUSE
server of a root directory and nothing else."""

import ctypes
import errno
import os
import stat
import struct
import threading

IN = struct.Struct("=IIQQIIII")     # fuse.h: fuse_in_header
OUT = struct.Struct("=IiQ")         # fuse_out_header
GETATTR, INIT, OPENDIR, IOCTL = 3, 26, 27, 39
UNANSWERED = (2, 36, 42)            # FORGET, INTERRUPT, BATCH_FORGET
LARGEST = 1 << 20                   # octets of a request
MS_NOSUID, MS_NODEV, MNT_FORCE, MNT_DETACH = 2, 4, 1, 2

TEXT = 8184                         # octets of a verb's text
STATUS, EVENTS = 0xf4, 0xf7         # numbers of verbs

_libc = ctypes.CDLL(None, use_errno=True)


def status(text):
    """What VERB_STATUS answers."""
    return struct.pack(f"=II{TEXT}s", len(text), 0, text)


def events(text, next=1):
    """What VERB_EVENTS answers."""
    return struct.pack(f"=QQII{TEXT}s", next, 0, 0, len(text), text)


class Pretender:
    """A mount of this user's on the directory `place`, while it is entered. `answers`: by the number of a verb what is
    answered, one after the other; behind the last it is ENODEV, as when a daemon ends."""

    def __init__(self, place, uid, answers):
        self._place = bytes(place)
        self._uid = uid
        self._answers = {verb: list(all) for verb, all in answers.items()}

    def __enter__(self):
        self._fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self._fd},rootmode=40700,user_id={self._uid},group_id={self._uid}"
        if _libc.mount(b"pretender", self._place, b"fuse.pop3fs", MS_NOSUID | MS_NODEV, options.encode()) != 0:
            number = ctypes.get_errno()
            os.close(self._fd)
            raise OSError(number, os.strerror(number))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_):
        _libc.umount2(self._place, MNT_FORCE | MNT_DETACH)
        self._thread.join()
        os.close(self._fd)

    def _serve(self):
        while True:
            try:
                request = os.read(self._fd, LARGEST)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return                      # ENODEV: it is unmounted
            _, opcode, unique, _, _, _, _, _ = IN.unpack_from(request)
            if opcode in UNANSWERED:
                continue
            answer = self._answer(opcode, request[IN.size:])
            number, octets = (0, answer) if isinstance(answer, bytes) else (-answer, b"")
            os.write(self._fd, OUT.pack(OUT.size + len(octets), number, unique) + octets)

    def _answer(self, opcode, body):
        if opcode == INIT:
            return struct.pack("=IIIIHHIIHH32x", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0)
        if opcode == GETATTR:
            attributes = struct.pack("=QQQQQQIIIIIIIIII", 1, 0, 0, 0, 0, 0, 0, 0, 0, stat.S_IFDIR | 0o700, 2, self._uid,
                                     self._uid, 0, 512, 0)
            return struct.pack("=QII", 0, 0, 0) + attributes
        if opcode == OPENDIR:
            return struct.pack("=QII", 0, 0, 0)
        if opcode == IOCTL:
            _, _, command = struct.unpack_from("=QII", body)
            all = self._answers.get(command & 0xff)
            if not all:
                return errno.ENODEV
            return struct.pack("=iIII", 0, 0, 0, 0) + all.pop(0)
        return errno.ENOSYS
