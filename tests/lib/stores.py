"""Where servers keep mail: a Maildir or an mbox. Deliver into one, and see what it holds."""

import os
import re

BOUNDARY = re.compile(rb"(?:\A|\n)From [^\n]*\n")
NEEDS_QUOTING = re.compile(rb"^(>*From )", re.M)
QUOTED = re.compile(rb"^>(>*From )", re.M)


class Maildir:
    """A Maildir that belongs to uid and gid."""

    def __init__(self, path, uid, gid):
        self.path, self._uid, self._gid = path, uid, gid
        self._delivered = 0
        for name in ("", "cur", "new", "tmp"):
            (path / name).mkdir(mode=0o700)
            os.chown(path / name, uid, gid)

    def deliver(self, octets):
        """Puts a message, its line ends as they are, where one lies that was seen. Returns its file's name."""
        self._delivered += 1
        name = f"{1700000000 + self._delivered}.M{self._delivered}.localhost"
        new = self.path / "tmp" / name
        new.write_bytes(octets)
        os.chown(new, self._uid, self._gid)
        new.rename(self.path / "cur" / f"{name}:2,S")
        return name

    def freeze(self, frozen=True):
        """Nothing can be deleted any more, nor delivered, until it is thawed."""
        for name in ("cur", "new"):
            os.chmod(self.path / name, 0o500 if frozen else 0o700)

    def messages(self):
        """{file name without its flags: octets}."""
        files = [p for d in ("cur", "new") for p in (self.path / d).iterdir()]
        return {p.name.split(":")[0]: p.read_bytes() for p in files}


class Mbox:
    """An mbox that belongs to uid and gid; lines that begin with "From " are quoted, as delivery agents do."""

    def __init__(self, path, uid, gid):
        self.path = path
        path.touch(mode=0o600)
        os.chown(path, uid, gid)

    def deliver(self, octets):
        """Appends a message. Returns None: only the server names it."""
        with self.path.open("ab") as box:
            box.write(b"From sender@example.org Mon Jan  5 10:00:00 2026\n" + NEEDS_QUOTING.sub(rb">\1", octets))
            box.write(b"\n" if octets.endswith(b"\n") else b"\n\n")

    def messages(self):
        """{place, from "1" on: octets}. What servers add to the header is in them."""
        pieces = BOUNDARY.split(b"\n" + self.path.read_bytes())[1:]
        return {str(place): QUOTED.sub(rb"\1", piece) for place, piece in enumerate(pieces, 1)}
