"""Blank, unknown, set-up and not reviewed are four things."""

import pytest

from labeller.projects.models import LabelClass
from labeller.projects.states import State, state_of, state_of_name


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("fox", State.ANIMAL),
        ("Leeg", State.BLANK),
        ("Unidentified", State.UNKNOWN),
        ("set-up", State.SETUP),
        ("Setup_Pickup", State.SETUP),
        ("knocked down", State.SETUP),
        ("Homo sapiens", State.HUMAN),
        ("véhicule", State.VEHICLE),
        ("No CV Result", State.UNCLASSIFIED),
        ("Empty quarter lizard", State.ANIMAL),
        ("unknown deer", State.ANIMAL),
    ],
)
def test_names_are_known_however_they_are_spelt(name, state):
    assert state_of_name(name) is state


def test_a_mark_a_scientific_name_and_a_class_above_say_it_too():
    assert state_of(LabelClass(name="no deer", is_blank=True)) is State.BLANK
    assert state_of(LabelClass(name="hiker", scientific_name="Homo sapiens")) is State.HUMAN
    ranger = LabelClass(name="ranger", parent=LabelClass(name="people"))
    assert state_of(ranger) is State.HUMAN
    assert state_of(LabelClass(name="red fox", parent=LabelClass(name="mammal"))) is State.ANIMAL
