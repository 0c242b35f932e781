"""A sample of the crash sweep (tests/crash/run makes the long one): the daemon is killed at every point that the source
names, and at other moments, and then no mail is lost, none is half there, and all that was unlinked goes in the end.

The points are there in a build with -Dpoints=true; else only the other moments are tried.
"""

import random

import pytest

from hands import Driven, Mounted, has_points
from popserver import capabilities
from sweep import OfDovecot, Scripted, World, points

PIPELINING = capabilities("PIPELINING")
PATIENT = capabilities("PIPELINING", "LOGIN-DELAY 1")
NARROW = ("evict.", "spare.")                       # where the cache is too small
BY_A_MOUNT = ("sync.", "used.", "check.", *NARROW)   # the driver does nothing of it
OF_A_MOUNT = [point for point in points("mail") if point.startswith(BY_A_MOUNT)]
MOMENTS = 12


@pytest.fixture
def needs_points(root):
    if not has_points(root):
        pytest.skip("the program has no points: build it with -Dpoints=true")


@pytest.fixture
def driven(drive, serve):
    drop = Scripted(serve, *PIPELINING)
    return World(drop, Driven(drive, drop.server))


@pytest.fixture
def patient(drive, serve):
    """Where every login is remembered, and no other follows at once."""
    drop = Scripted(serve, *PATIENT)
    return World(drop, Driven(drive, drop.server))


@pytest.fixture
def mounted(mounts, serve, person, root):
    drop = Scripted(serve, *PIPELINING)
    return World(drop, Mounted(mounts, drop.server, person, root))


@pytest.fixture
def narrow(mounts, serve, person, root):
    """A cache with room for some small messages and no big one."""
    drop = Scripted(serve, *PIPELINING)
    return World(drop, Mounted(mounts, drop.server, person, root, cache_size="300"))


@pytest.fixture
def of_dovecot(mounts, dovecot, person, root):
    drop = OfDovecot(dovecot)
    return World(drop, Mounted(mounts, drop.account, person, root))


@pytest.mark.parametrize("point", [point for point in points("mail") if point not in OF_A_MOUNT])
def test_death_at_a_point(needs_points, request, point):
    world = request.getfixturevalue("patient" if point.startswith("remember.") else "driven")
    assert world.round(kill=f"{point}:1")
    world.round(kill=f"{point}:2")


@pytest.mark.parametrize("point", points("fs") + sorted({*OF_A_MOUNT, *points("mail")[::5]}))
def test_death_of_a_mount_at_a_point(needs_points, request, point):
    world = request.getfixturevalue("narrow" if point.startswith(NARROW) else "mounted")
    assert world.round(kill=f"{point}:1")


@pytest.mark.parametrize("point", ["commit.marked", "commit.sent", "commit.quits", "line.wrote", "chunk.kept"])
def test_death_of_a_mount_of_dovecot(needs_points, of_dovecot, point):
    of_dovecot.round(kill=f"{point}:2")


@pytest.mark.parametrize("seed", range(3))
def test_death_at_any_moment(driven, seed):
    source = random.Random(seed)
    for _ in range(MOMENTS // 3):
        assert driven.round(deed=source.choice([0, 1, 4, 6, 8, 9]), moment=source.randrange(9))
