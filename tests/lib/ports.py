"""Ports of the loopback for servers that cannot find one themselves (port 0), and for "nobody listens there".

A port that is looked up and let go again can be taken before the server has it: by another test, or as the near
end of anybody's connection. So these lie outside of the range from which the kernel takes such ends, and
each is reserved by a name in the abstract namespace of Unix sockets, which lives in the same network namespace
as the ports, and is free again when this process has ended. Strangers' servers may still be there: a server
that says IN_USE is begun anew on other ports.
"""

import random
import select
import socket
from pathlib import Path

from eventually import PATIENCE, PAUSE

FIRST = 10000            # below are ports of well-known services
LAST = 65535
TRIES = 20               # ends of a server because of its ports, until the test fails
IN_USE = "Address already in use"
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

_reserved = []           # sockets whose names keep others from the ports that we were given


class Taken(Exception):
    """A server ended because somebody else has its port."""


def take(count=1):
    """So many ports on which nobody listens, reserved for this process until it ends."""
    found = []
    candidates = outside(*map(int, RANGE.read_text().split()))
    random.SystemRandom().shuffle(candidates)
    for port in candidates:
        if len(found) == count:
            break
        if _reserve(port):
            found.append(port)
    assert len(found) == count, "all ports are taken"
    return found


def outside(low, high):
    """The ports that no connection is given as its near end."""
    return [port for port in range(FIRST, LAST + 1) if not low <= port <= high]


def _reserve(port):
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0pop3fs-test-port-{port}")
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        name.close()
        return False
    _reserved.append(name)
    return True


def somewhere(begin, count=1):
    """begin(port, ...) starts a server, and raises Taken if it ended with IN_USE: then it is called with other
    ports. Returns what it returned."""
    for left in reversed(range(TRIES)):
        try:
            return begin(*take(count))
        except Taken:
            if not left:
                raise


def greets(port, lives):
    """Whether a server says "+OK" at a port. lives() says whether ours is there: what answers without it is a
    stranger."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
            while lives():
                if select.select([s], [], [], PAUSE)[0]:
                    return s.makefile("rb").readline().startswith(b"+OK") and lives()
    except OSError:
        pass
    return False
