"""What pop3fs promises of deleting, as a small model: it is told of every deed, and looks at the server after each.

A message has a key: its file's name on the server; its octets hold it, too. What the mount calls it is its name: the
same, but where a server numbers its UIDLs anew in each session.
"""

import re

KEY = re.compile(rb"Message-ID: <([^@]+)@")


def letter(key, size=0):
    """A message with this key, and about so many octets."""
    head = (f"Received: from a by b; Tue, 3 Feb 2026 10:20:30 +0100\r\nSubject: {key}\r\n"
            f"Message-ID: <{key}@example.org>\r\n\r\n")
    line = f".{key} and so on\r\n"
    return head.encode() + line.encode() * (1 + size // len(line))


def key_of(octets):
    found = KEY.search(octets)
    return found and found[1].decode()


class Promise:
    """`server` has messages(): {key: octets}. `counted`: its UIDLs are numbers of the session."""

    def __init__(self, server, counted=False):
        self._server = server
        self.counted = counted
        self.mail = {}       # what the server should have
        self.gone = set()    # keys that went as they might
        self.licensed = {}   # {name: keys that may go: it was unlinked as they were read under it}
        self.maybe = {}      # the same, where no answer to the unlink or the undelete came
        self.tries = {}      # {name: commits that may have tried it}
        self.known = {}      # {name: its identity}

    def delivered(self, key, octets):
        self.mail[key] = octets

    def removed_by_others(self, key):
        self.mail.pop(key, None)

    def unlinked(self, name, key, answered=True):
        if answered:
            self.licensed.setdefault(name, set()).add(key)
            self.tries.setdefault(name, 0)
        else:
            self.maybe.setdefault(name, set()).add(key)

    def undeleted(self, name, answered=True):
        keys = self.licensed.pop(name, set())
        if answered:
            assert self.counted or name not in self.gone, f"{name} was taken back, and it is gone"
            self.tries.pop(name, None)
        else:
            self.maybe.setdefault(name, set()).update(keys)

    def tried(self):
        """A commit may have gone out."""
        for name in self.licensed:
            self.tries[name] = self.tries.get(name, 0) + 1

    def look(self):
        """Nothing is gone that nobody unlinked."""
        there = self._server.messages()
        gone = set(self.mail) - set(there)
        may_go = set().union(*self.licensed.values(), *self.maybe.values())
        assert gone <= may_go, f"gone from the server, though nobody unlinked them: {sorted(gone - may_go)}"
        assert set(there) <= set(self.mail), f"on the server again: {sorted(set(there) - set(self.mail))}"
        self.gone |= gone
        for key in gone:
            del self.mail[key]
        for keys in (*self.licensed.values(), *self.maybe.values()):
            keys -= gone
        for key, octets in there.items():
            assert octets == self.mail[key]

    def shown(self, seen, fresh):
        """What is shown, {name: hands.Seen}, agrees with what was done. fresh: the server was listed just now."""
        if self.counted:
            assert not fresh or len(seen) == len(self.mail), f"{len(seen)} shown, {len(self.mail)} there"
            return
        for name, message in seen.items():
            known = self.known.setdefault(name, message.identity)
            assert message.identity == known, f"{name} was {known} and is {message.identity}"
            self._judge(name, message.hidden)
        names = set(seen)
        if fresh:
            assert names == set(self.mail), f"shown {sorted(names)}, there {sorted(self.mail)}"

    def _judge(self, name, hidden):
        """An unlink or undelete without an answer was done or not; what is shown now says which."""
        if name in self.maybe:
            keys = self.maybe.pop(name)
            if hidden:
                self.licensed[name] = keys
                self.tries.setdefault(name, 0)
            else:
                self.licensed.pop(name, None)
        elif name in self.licensed and not hidden:
            assert self.tries[name] >= 3, f"{name} was unlinked, and is shown after {self.tries[name]} commits"
            del self.licensed[name]   # given up
            del self.tries[name]
        else:
            assert hidden == (name in self.licensed), f"{name} is hidden, and nobody unlinked it"

    def read(self, name, octets):
        """Octets that were read are the message's, all of them."""
        key = key_of(octets) if self.counted else name
        assert key in self.mail, f"read {name}: {octets[:200]!r}"
        assert octets == self.mail[key], f"{name} has {len(octets)} octets of {len(self.mail[key])}"

    def committed(self):
        """A commit that nothing hindered is over: what was unlinked is gone."""
        left = set(self.mail) & set().union(*self.licensed.values())
        assert self.counted or not left, f"still on the server after a good commit: {sorted(left)}"
