"""A sample of the fault sweep (tests/faults/run makes the long one): calls fail, one in each trial, at places spread
over all from which they are made; the promise holds each time."""

import pytest

from faults import KINDS
from trial import PIPELINING, FaultyDriven, FaultyMounted, SOON, SOON_DRIVEN, Trial
from sweep import Scripted

SAMPLE = {"alloc": 20, "sqlite": 20}   # places of a kind
FEW = 6                                # of the others
HANDS = ("driven", "mounted")
OF_MOUNTS = ("fuse", "pipe")           # the driver's pipe is the test's own
CASES = [(hand, kind) for hand in HANDS for kind in KINDS[1:] if hand == "mounted" or kind not in OF_MOUNTS]


@pytest.fixture
def world(request, plan, serve, drive, mounts, person, root):
    """world(hand) is a Trial of it."""
    def make(hand):
        drop = Scripted(serve, *PIPELINING)
        if hand == "driven":
            return Trial(drop, FaultyDriven(drive, drop.server, **SOON_DRIVEN), plan)
        return Trial(drop, FaultyMounted(mounts, drop.server, person, root, **SOON), plan)
    return make


@pytest.mark.parametrize("hand, kind", CASES)
def test_a_call_that_fails_breaks_no_promise(plan, world, hand, kind):
    one = world(hand)
    places = sorted(one.rehearse(kind))
    assert places, f"no call of the kind {kind}"
    step = max(1, len(places) // SAMPLE.get(kind, FEW))
    for place in places[::step]:
        try:
            one.run(kind, place=place)
        except BaseException:
            print(f"tests/faults/run --kind {kind} --hand {hand} --place {place:x}:", plan.explained(), sep="\n")
            raise


