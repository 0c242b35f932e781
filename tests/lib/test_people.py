"""Things are done as the person they are to be done as, and never for ever."""

import os
import time

import pytest

import leftovers
from people import Hung


def test_a_function_runs_as_that_person(anyone):
    assert anyone.call(lambda: (os.getuid(), os.getgid())) == (anyone.uid, anyone.gid)


def test_a_command_runs_as_that_person(anyone):
    assert anyone.run("id", "-u").ok().out == f"{anyone.uid}\n"
    assert anyone.run("sh", "-c", "echo $HOME").ok().out == f"{anyone.home}\n"


def test_what_a_function_raises_arrives(person):
    with pytest.raises(FileNotFoundError):
        person.call(os.stat, "/nonexistent")
    with pytest.raises(AssertionError, match="one is two"):
        person.call(_assert_nonsense)


def _assert_nonsense():
    assert False, "one is two"


def test_what_never_ends_is_ended(person):
    with pytest.raises(Hung):
        person.call(time.sleep, 1000, deadline=0.2)
    with pytest.raises(Hung):
        person.run("sleep", "1000", deadline=0.2)


def test_a_background_process_holds_nobody_up(person):
    done = person.run("sh", "-c", "sleep 1000 & echo $! >&2").ok()
    leftovers.end(int(done.err))
