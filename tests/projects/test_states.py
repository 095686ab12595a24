"""Blank, unknown, set-up and not reviewed are four things."""

import pytest

from labeller.projects.making import ensure_class
from labeller.projects.models import LabelClass, Project
from labeller.projects.states import State, humans, state_of, state_of_name


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


@pytest.mark.django_db
def test_people_are_known_by_what_their_class_lies_below(foxes, django_assert_num_queries):
    def made(name, parent=None):
        label_class, _ = ensure_class(foxes.question, name)
        LabelClass.objects.filter(pk=label_class.pk).update(parent=parent)
        return label_class.pk

    person = made("person")
    ranger = made("ranger", made("staff", person))
    one, other = made("one"), made("other")
    LabelClass.objects.filter(pk=one).update(parent=other)
    LabelClass.objects.filter(pk=other).update(parent=one)  # two people at once can make a circle
    everything = set(foxes.question.classes.values_list("pk", flat=True))
    assert humans(everything) == {person, ranger, LabelClass.objects.get(name="staff").pk}
    fox = foxes.class_id("fox")
    with django_assert_num_queries(1):
        assert humans({fox, person}) == {person}
    Project.objects.update(kind=Project.Kind.TEXT)
    assert not humans(everything)
