"""A sample of the model test (tests/model/run makes the long one): whatever users, servers, networks and deaths do, in
any order, the promise of deleting holds."""

from types import SimpleNamespace

import pytest

from playing import of_seed, play, shorten, story
from racing import KINDS, Races
from steps import Broken

DRIVEN, DRIVEN_STEPS = 10, 50
MOUNTED, MOUNTED_STEPS = 4, 15
RACES = 3          # rounds in each kind of mount
SHORTENING = 60   # seconds


@pytest.fixture
def stage(serve, drive, mounts, person, root):
    return SimpleNamespace(serve=serve, drive=drive, mounts=mounts, person=person, root=root)


def check(stage, seed, count, mounted):
    kind, steps = of_seed(seed, count)
    try:
        play(stage, kind, steps, mounted)
    except Broken as broken:
        _, shorter = shorten(lambda fewer: play(stage, kind, fewer, mounted), steps[:broken.at + 1], SHORTENING)
        pytest.fail(story(seed, kind, shorter or broken), pytrace=False)


@pytest.mark.parametrize("seed", range(DRIVEN))
def test_the_promise_holds(stage, seed):
    check(stage, seed, DRIVEN_STEPS, mounted=False)


@pytest.mark.parametrize("seed", range(MOUNTED))
def test_the_promise_holds_in_a_mount(stage, seed):
    check(stage, 100 + seed, MOUNTED_STEPS, mounted=True)


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_what_is_taken_back_stays_whatever_races_with_it(stage, seed):
    races = Races(stage, seed)
    for _ in range(RACES):
        races.round()
