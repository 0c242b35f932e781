"""Whatever octets a server gives its messages for names: each message is a file, and its name tells which."""

import hashlib
import random

from mounting import digest

COUNT = 500
LONGEST = 300          # octets of a UIDL; most are short
LONGEST_NAME = 219     # src/mail/name.h
SEED = 1939
FEW = b"a%~./-2:"      # many UIDLs that are nearly alike


def uidl(source):
    """No CR or LF, no blank at either end: LIST and UIDL are lines of words."""
    octets = [o for o in range(256) if o not in b"\r\n"]
    choices = octets if source.random() < 0.5 else FEW
    length = source.randrange(200, LONGEST) if source.random() < 0.2 else source.randrange(7)
    return bytes(source.choices(choices, k=length)).strip(b" \t")


def uidls():
    source, found = random.Random(SEED), {}
    while len(found) < COUNT:
        found[uidl(source)] = None
    return list(found)


def unescaped(name):
    """The UIDL that a name stands for, as the manual says; a short name's is only known by its hash."""
    if name == "%":
        return b""
    octets, at = bytearray(), 0
    while at < len(name):
        if name[at] == "%":
            octets += bytes.fromhex(name[at + 1:at + 3])
            at += 3
        else:
            octets += name[at].encode("ascii")
            at += 1
    return bytes(octets)


def is_name_of(name, octets):
    stem, short, tail = name.rpartition("~")
    if not short:
        return unescaped(name) == octets
    return (tail == hashlib.sha256(octets).hexdigest()[:32] and octets.startswith(unescaped(stem))
            and LONGEST_NAME - 2 <= len(name) <= LONGEST_NAME)


def test_any_two_uidls_are_two_files_that_tell_their_uidl(person, mounts, serve, root):
    octets = uidls()
    mail = {f"{n:03}": b"Subject: %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(COUNT)}
    file = root / "uidls"
    file.write_bytes(b"".join(b"".join(b"\\x%02x" % o for o in u) + b"\n" for u in octets))
    server = serve("--uidl-file", file, messages=mail)
    mount = mounts.mount(server, person)
    of = {digest(message): octets[int(name)] for name, message in mail.items()}

    def check(sums):
        assert len(sums) == COUNT and sorted(sums.values()) == sorted(of)
        assert [name for name, which in sums.items() if not is_name_of(name, of[which])] == []
        return sums

    seen = check(mount.sums())
    assert mount.umount() == 0
    later = mounts.mount(server, person, cache=mount.cache)
    assert check(later.sums()) == seen
    assert later.umount() == 0
