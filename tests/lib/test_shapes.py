"""The shapes are what they say."""

import shapes


def test_there_are_a_thousand_and_they_are_the_same_every_time():
    first = shapes.all_shapes()
    assert len(first) == 1000
    assert first == shapes.all_shapes()


def test_only_the_twins_are_equal():
    messages = shapes.all_shapes()
    twins = messages.pop("twin-one")
    assert twins == messages["twin-two"]
    assert len(set(messages.values())) == len(messages)
