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
UNLEARNT = ("header.",)                             # where no header was asked for
BY_A_MIRROR = ("ahead.",)                           # nothing else asks before it knows
SPOILT = ("damaged.",)                              # where a body is lost in the cache
BY_A_MOUNT = ("sync.", "used.", "check.", *NARROW, *UNLEARNT, *SPOILT)   # the driver does nothing of it
OF_A_MIRROR = [point for point in points("mail") if point.startswith(BY_A_MIRROR)]
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
    return World(drop, Mounted(mounts, drop.server, person, root, headers=1))   # the others are brought when asked for


@pytest.fixture
def narrow(mounts, serve, person, root):
    """A cache with room for some small messages and no big one."""
    drop = Scripted(serve, *PIPELINING)
    return World(drop, Mounted(mounts, drop.server, person, root, cache_size="300"))


@pytest.fixture
def unlearnt(mounts, serve, person, root):
    drop = Scripted(serve, *PIPELINING)
    return World(drop, Mounted(mounts, drop.server, person, root, headers=0, prefetch=0))


@pytest.fixture
def spoilt(mounts, serve, person, root):
    drop = Scripted(serve, *PIPELINING)
    return World(drop, Mounted(mounts, drop.server, person, root, spoils=True, cache_min_free=0))


@pytest.fixture
def mirrored(mounts, serve, person, root):
    """All is fetched at once, and what is new is shown when it is here."""
    drop = Scripted(serve, *PIPELINING)
    return World(drop, Mounted(mounts, drop.server, person, root, prefetch="all", default_permissions=True))


@pytest.fixture
def of_dovecot(mounts, dovecot, person, root):
    drop = OfDovecot(dovecot)
    return World(drop, Mounted(mounts, drop.account, person, root))


@pytest.mark.parametrize("point", [point for point in points("mail") if point not in OF_A_MOUNT + OF_A_MIRROR])
def test_death_at_a_point(needs_points, request, point):
    world = request.getfixturevalue("patient" if point.startswith("remember.") else "driven")
    assert world.round(kill=f"{point}:1")
    world.round(kill=f"{point}:2")


@pytest.mark.parametrize("point", points("fs") + sorted({*OF_A_MOUNT, *points("mail")[::5]} - {*OF_A_MIRROR}))
def test_death_of_a_mount_at_a_point(needs_points, request, point):
    kinds = {"narrow": NARROW, "unlearnt": UNLEARNT, "spoilt": SPOILT}
    world = request.getfixturevalue(next((k for k, those in kinds.items() if point.startswith(those)), "mounted"))
    assert world.round(kill=f"{point}:1")


@pytest.mark.parametrize("point", sorted({*points("fs"), *points("mail")[::4]} - {*OF_A_MOUNT}))
def test_death_of_a_mirror_at_a_point(needs_points, mirrored, point):
    mirrored.round(kill=f"{point}:1")
    mirrored.round(kill=f"{point}:2")


@pytest.mark.parametrize("point", OF_A_MIRROR)
def test_death_at_a_point_of_a_mirror(needs_points, mirrored, point):
    assert mirrored.round(kill=f"{point}:1")


@pytest.mark.parametrize("point", ["commit.marked", "commit.sent", "commit.quits", "line.wrote", "chunk.kept"])
def test_death_of_a_mount_of_dovecot(needs_points, of_dovecot, point):
    of_dovecot.round(kill=f"{point}:2")


@pytest.mark.parametrize("seed", range(3))
def test_death_at_any_moment(driven, seed):
    source = random.Random(seed)
    for _ in range(MOMENTS // 3):
        assert driven.round(deed=source.choice([1, 2, 5, 7, 9, 10]), moment=source.randrange(9))
