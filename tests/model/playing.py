"""Plays a random sequence from the beginning, on a server and a store of its own; a broken promise is shortened."""

import random
import time

from hands import Driven, Mounted, has_points
from popserver import capabilities
from steps import Broken, Kind, Sequence, random_steps

TIMEOUT = 2000      # milliseconds: for the answers that never come
KINDS = [Kind(counted=counted, pipelining=pipelining, idle=idle)
         for idle in (0, 30000) for pipelining in (True, False) for counted in (False, True)]


def play(stage, kind, steps, mounted=False):
    """stage gives serve, drive, mounts, person and root. Returns the steps that were done, in words; Broken has them
    as `done`."""
    options = [*capabilities(*(["PIPELINING"] if kind.pipelining else [])), *(["--uidl", "%n"] if kind.counted else [])]
    server = stage.serve(*options, messages={})
    if mounted:
        hand = Mounted(stage.mounts, server, stage.person, stage.root, idle=max(1, kind.idle // 1000), timeout=5,
                       commit_timeout=10)
    else:
        hand = Driven(stage.drive, server, idle=kind.idle, timeout=TIMEOUT)
    sequence = Sequence(server, hand, kind.counted, has_points(stage.root))
    try:
        sequence.play(steps)
    except Broken as broken:
        broken.done = sequence.done
        raise
    return sequence.done


def of_seed(seed, count):
    """(kind, steps)."""
    return KINDS[seed % len(KINDS)], random_steps(random.Random(seed), count)


def shorten(again, steps, seconds):
    """The shortest part of steps found in this time for which again(steps) still raises Broken; and what it raised."""
    end, broken, piece = time.monotonic() + seconds, None, max(1, len(steps) // 2)
    while piece and time.monotonic() < end:
        at = 0
        while at < len(steps) and time.monotonic() < end:
            fewer = steps[:at] + steps[at + piece:]
            try:
                again(fewer)
                at += piece
            except Broken as error:
                steps, broken = fewer[:error.at + 1], error
        piece //= 2
    return steps, broken


def story(seed, kind, broken):
    """For whoever must find out why."""
    return "\n".join([f"seed {seed}, {kind}: {broken}", *(f"  {line}" for line in broken.done)])
