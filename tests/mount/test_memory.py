"""The daemon's memory grows neither with the size of a message nor much with their number."""

import os
import select

from eventually import eventually
from popserver import capabilities
from programs import program

HUGE = 200_000_000
HUGE_COST = 32 * 1024        # KiB, while it is fetched and read
MANY = 100_000
MANY_COST = 20 * 1024        # KiB in all, listed and looked at
SOME = 10_000                # with their headers
SOME_COST = 5 * 1024         # KiB in all, when the mount has come to rest; before, it is 8 MiB and more


def peak_while(process, measure):
    """The highest figure seen until the process ends."""
    peak = measure()
    handle = os.pidfd_open(process.pid)
    try:
        while not select.select([handle], [], [], 0.01)[0]:
            peak = max(peak, measure())
    finally:
        os.close(handle)
    assert process.wait() == 0
    return max(peak, measure())


def test_a_huge_message(person, mounts, serve):
    server = serve(synthetic=f"2:{HUGE}")
    mount = mounts.mount(server, person, way="plain")

    def anonymous():
        return mount.memory("RssAnon")

    before = anonymous()
    for _ in ("cold", "warm"):
        reader = mount.person.start("sh", "-c", f"test $(wc -c <{mount.path}/m0000000) = {HUGE}")
        assert peak_while(reader, anonymous) - before < HUGE_COST
    assert mount.umount() == 0


def test_many_messages(root, person, mounts, serve):
    server = serve(synthetic=f"{MANY}:1000")
    mount = mounts.mount(server, person, way="plain")
    lister = mount.person.start("sh", "-c", f"test $(ls -f {mount.path} | wc -l) = {MANY + 2}")
    peak = peak_while(lister, lambda: mount.memory("RssAnon"))
    lister = mount.person.start("sh", "-c", f"test $(find {mount.path} -size +0 -type f | wc -l) = {MANY}")
    assert max(peak, peak_while(lister, lambda: mount.memory("RssAnon"))) < MANY_COST
    for _ in range(3):   # what one listing needed for a while is not kept for the next
        mount.run(program("pop3fs", root), "refresh", mount.path).ok()
    assert mount.memory("RssAnon") < MANY_COST
    assert mount.umount() == 0


def test_headers_are_learnt_and_their_memory_is_given_back(person, mounts, serve):
    server = serve(*capabilities("PIPELINING"), synthetic=f"{SOME}:2000")
    mount = mounts.mount(server, person, way="plain", prefetch=0)
    assert server.sent("TOP") == SOME
    eventually(lambda: mount.memory("RssAnon") < SOME_COST)
    assert mount.umount() == 0
