"""Boxes that nobody is asked about: those below the threshold, and those that were taken away."""

import pytest
from django.utils import timezone

from labeller.annotating.handing import single, state, tiles
from labeller.annotating.holding import Wanted
from labeller.exchange import exporting
from labeller.labels import selectors
from labeller.projects.models import Project
from labeller.samples import parts, set_aside
from labeller.samples.models import Sample
from tests import factories

pytestmark = pytest.mark.django_db
SURE, UNSURE, GONE, DRAWN = range(4)


@pytest.fixture
def boxes(foxes):
    """Of one photograph: one that a detector is sure of, one that it isn't, one that was taken away, and one drawn."""
    (whole,) = factories.samples(foxes.project, 1)
    places = [(whole.file_id, (0.2 * number, 0.1, 0.1, 0.1)) for number in range(4)]
    pks = parts.add_boxes(foxes.project, places)
    set_aside.detected(dict(zip(pks[:3], (0.2, 0.19, 0.9), strict=True)))
    Sample.objects.filter(pk=pks[GONE]).update(taken_away_at=timezone.now())
    return list(Sample.objects.filter(pk__in=pks).order_by("box_left"))


def lower(foxes, threshold):
    Project.objects.filter(pk=foxes.project.pk).update(box_threshold=threshold)
    foxes.project.box_threshold = threshold
    foxes.question.refresh_from_db()


def test_nobody_is_handed_one_until_the_threshold_is_lowered(foxes, boxes):
    factories.ranking(foxes.question, boxes)

    def handed():
        batch = single.next_batch(foxes.ana, foxes.question, Wanted(10))
        return [each.sample for each in batch.assignments]

    assert handed() == [boxes[SURE], boxes[DRAWN]]
    lower(foxes, 0.1)
    assert handed() == [boxes[SURE], boxes[UNSURE], boxes[DRAWN]]


def test_by_name_comes_what_a_detector_is_unsure_of_but_not_what_was_taken_away(foxes, boxes):
    for number, comes in ((UNSURE, True), (GONE, False)):
        batch = single.next_batch(foxes.ana, foxes.question, Wanted(0, sample=boxes[number].pk))
        assert bool(batch.assignments) is comes


def test_they_are_in_no_pool_and_no_group_of_tiles(foxes, boxes):
    aside = {boxes[UNSURE].pk, boxes[GONE].pk}
    assert set_aside.ids(foxes.project) == selectors.settled(foxes.question) == aside
    assert len(set_aside.ids(foxes.project)) == 2
    holder = tiles.Holder(foxes.ana, foxes.question)
    assert tiles._free(holder, [each.pk for each in boxes]) == {boxes[SURE].pk, boxes[DRAWN].pk}
    assert set(set_aside.shown(foxes.project)) == {boxes[SURE], boxes[DRAWN]}


def test_what_was_said_of_one_that_was_taken_away_teaches_no_more_and_goes_out_no_more(foxes, boxes):
    given = [factories.label(foxes.question, each, foxes.ana, foxes.class_id("fox")) for each in boxes]
    there = {boxes[number].pk for number in (SURE, UNSURE, DRAWN)}
    assert set(selectors.consensus(foxes.question)) == there
    rows = list(exporting.label_rows(foxes.question, exporting.newest_label(foxes.question)))
    at = rows[0].index("uuid")
    assert {row[at] for row in rows[1:]} == {each.uuid for each in given if each.sample_id in there}

    Sample.objects.filter(pk=boxes[GONE].pk).update(taken_away_at=None)
    assert set(selectors.consensus(foxes.question)) == {each.pk for each in boxes}


def test_everything_is_labelled_once_the_others_are(foxes, boxes):
    fox = foxes.class_id("fox")
    factories.label(foxes.question, boxes[GONE], foxes.ana, fox)  # before it was taken away
    factories.label(foxes.question, boxes[SURE], foxes.ana, fox)
    factories.label(foxes.question, boxes[DRAWN], foxes.ana, fox)
    assert state.has_open_samples(foxes.question), "the whole photograph"
    factories.label(foxes.question, Sample.objects.get(part="whole"), foxes.ana, fox)
    assert not state.has_open_samples(foxes.question)
    lower(foxes, 0.1)
    assert state.has_open_samples(foxes.question)


def test_of_several_detectors_the_surest_counts(foxes, boxes):
    pk = boxes[UNSURE].pk
    for told in (0.05, 0.7, 0.1):
        set_aside.detected({pk: told})
    assert Sample.objects.get(pk=pk).confidence == 0.7
