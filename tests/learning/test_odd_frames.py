"""Frames that say something else than the rest of their burst are looked at again."""

from datetime import UTC, datetime

import pytest

from labeller.learning import assessing
from labeller.learning.models import Assessment
from labeller.learning.odd_frames import odd_frames
from labeller.learning.suspects import suspects
from labeller.projects.making import ensure_class
from labeller.samples import parts
from labeller.samples.models import Deployment, File, Sequence
from tests import factories

pytestmark = pytest.mark.django_db
FOX, BADGER, EMPTY = "fox", "badger", "empty"


@pytest.fixture
def burst(foxes):
    """Make a burst of so many frames as there are names, and label each by its own; none where there is none."""
    ensure_class(foxes.question, EMPTY)
    camera, _ = Deployment.objects.get_or_create(project=foxes.project, name="north")

    def make(*names):
        made = factories.samples(foxes.project, len(names))
        sequence = Sequence.objects.create(deployment=camera, started_at=datetime(2026, 5, 1, tzinfo=UTC))
        File.objects.filter(samples__in=made).update(deployment=camera, sequence=sequence)
        for sample, name in zip(made, names, strict=True):
            if name:
                factories.label(foxes.question, sample, foxes.ana, foxes.class_id(name))
        return made

    return make


def test_the_one_that_the_others_contradict_is_odd(foxes, burst):
    burst(FOX, FOX, FOX)
    few = burst(FOX, FOX, BADGER)
    many = burst(BADGER, FOX, FOX, FOX, FOX, "")
    told = {"given": foxes.class_id(BADGER), "suggested": foxes.class_id(FOX)}
    assert odd_frames(foxes.question, 60) == [
        {"sample": many[0].pk, **told, "burst": 4},
        {"sample": few[2].pk, **told, "burst": 2},
    ]
    assert odd_frames(foxes.question, 1) == [{"sample": many[0].pk, **told, "burst": 4}]


@pytest.mark.parametrize(
    "names",
    [
        (FOX, EMPTY, EMPTY, EMPTY),  # it walked by, and is gone
        (EMPTY, FOX, FOX, EMPTY),
        (FOX, BADGER),  # one against one says nothing
        (FOX, FOX, BADGER, BADGER),  # two animals at one place
        (FOX, FOX, BADGER, EMPTY, BADGER),
    ],
)
def test_what_is_as_it_should_be_is_not(foxes, burst, names):
    burst(*names)
    assert odd_frames(foxes.question, 60) == []


def test_boxes_of_one_picture_may_differ(foxes, burst):
    frames = burst(FOX, FOX, FOX)
    for at in (0.1, 0.5):
        (box,) = parts.add_boxes(foxes.project, [(frames[0].file_id, (at, 0.1, 0.2, 0.2))])
        factories.label(foxes.question, foxes.project.samples.get(pk=box), foxes.ana, foxes.class_id(BADGER))
    assert odd_frames(foxes.question, 60) == []


def test_it_is_a_suspect_until_somebody_has_looked(foxes, burst):
    *_, odd = burst(FOX, FOX, FOX, BADGER)
    report = {"label_errors": [], "odd_frames": odd_frames(foxes.question, 60)}
    assessment = Assessment.objects.create(question=foxes.question, n_labels=4, report=report)
    (found,) = suspects(foxes.question, assessment)
    assert (found.sample_id, found.burst, found.suggested) == (odd.pk, 3, {foxes.class_id(FOX)})
    factories.label(foxes.question, odd, foxes.mia, foxes.class_id(BADGER), mode="review")
    assert suspects(foxes.question, assessment) == []


def test_what_heads_say_of_it_comes_first(foxes, burst):
    *_, odd = burst(FOX, FOX, FOX, BADGER)
    frames = odd_frames(foxes.question, 60)
    other, _ = burst(FOX, "")
    said = [{"sample": each, "given": foxes.class_id(name), "suggested": foxes.class_id(EMPTY), "margin": -0.9}
            for each, name in ((other.pk, FOX), (odd.pk, BADGER))]  # fmt: skip
    for errors, first in ((said[:1], [(other.pk, 0), (odd.pk, 3)]), (said[1:], [(odd.pk, 0)])):
        report = {"label_errors": errors, "odd_frames": frames}
        assessment = Assessment.objects.create(question=foxes.question, n_labels=5, report=report)
        assert [(each.sample_id, each.burst) for each in suspects(foxes.question, assessment)] == first


def test_an_assessment_looks_for_them(foxes, burst):
    *frames, odd = burst(FOX, FOX, FOX, BADGER)
    vectors, _ = factories.clusters(4, 2)
    factories.embed(foxes.project, [*frames, odd], vectors)
    (found,) = assessing.assess(foxes.question).report["odd_frames"]
    assert found["sample"] == odd.pk
