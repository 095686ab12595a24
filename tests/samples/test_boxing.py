"""Boxes by hand: drawn, moved and taken away, once each, without a label lost."""

import uuid

import pytest

from labeller.embedding import loading, runs
from labeller.labels import tallies
from labeller.labels.models import Answer
from labeller.samples import boxing, ingesting, parts, set_aside
from labeller.samples.boxing import Wish
from labeller.samples.models import BoxEdit, Sample
from tests import factories

pytestmark = pytest.mark.django_db
HERE, THERE, ELSEWHERE = (0.1, 0.1, 0.2, 0.2), (0.5, 0.5, 0.25, 0.25), (0.6, 0.1, 0.2, 0.2)


@pytest.fixture
def photograph(foxes):
    return factories.samples(foxes.project, 1)[0]


@pytest.fixture
def found(foxes, photograph):
    """A box that a detector found."""
    (pk,) = parts.add_boxes(foxes.project, [(photograph.file_id, HERE)])
    set_aside.detected({pk: 0.6})
    return Sample.objects.get(pk=pk)


@pytest.fixture
def wish(foxes, photograph):
    def fulfil(box, of=None, who="ana", **fields):
        given = {"uuid": uuid.uuid4(), "project": foxes.project, "author": getattr(foxes, who), **fields}
        return boxing.fulfil(Wish(**{"beside": photograph.pk, **given}, box=box, of=of and of.pk))

    return fulfil


def test_a_drawn_box_is_a_sample_of_its_photograph_and_says_who_drew_it(foxes, photograph, wish):
    key = uuid.uuid4()
    first, again = wish(THERE, uuid=key), wish(THERE, uuid=key)
    assert (first.status, again.status) == (200, 200) and first.edit == again.edit
    sample = Sample.objects.get(part="box")
    assert (sample.file_id, sample.box, sample.confidence) == (photograph.file_id, THERE, None)
    edit = BoxEdit.objects.get()
    assert (edit.author, edit.before, edit.after, edit.sample) == (foxes.ana, None, list(THERE), sample)
    assert Sample.objects.count() == tallies.samples(foxes.project) == 2 and not tallies.recount(foxes.project)


def test_what_lies_outside_is_cut_off_and_what_is_too_small_refused(wish):
    assert wish((-0.2, 0.9, 0.5, 0.5)).edit.after == [0.0, 0.9, 0.3, 0.1]
    # The photograph has 640 x 480 pixels.
    assert wish((0.5, 0.5, 8 / 640, 8 / 480)).status == 200
    for refused in ((0.5, 0.5, 7.9 / 640, 0.5), (0.5, 0.5, 0.5, 7.9 / 480), (1.5, 0.5, 0.5, 0.5)):
        answer = wish(refused)
        assert answer.status == 422 and answer.detail
    assert Sample.objects.filter(part="box").count() == 2


def test_a_moved_box_keeps_its_labels_and_its_detector_finds_it_again(foxes, photograph, found, wish):
    factories.label(foxes.question, found, foxes.ana, foxes.class_id("fox"))
    assert wish(THERE, of=found).status == 200
    moved = Sample.objects.get(part="box")
    assert (moved.pk, moved.box, moved.confidence) == (found.pk, THERE, None)
    assert Answer.objects.get().class_ids == {foxes.class_id("fox")}
    edit = BoxEdit.objects.get()
    assert (edit.before, edit.after, edit.confidence) == (list(HERE), list(THERE), 0.6)
    assert parts.add_boxes(foxes.project, [(photograph.file_id, HERE)]) == [found.pk]
    set_aside.detected({found.pk: 0.9})
    moved.refresh_from_db()
    assert (moved.box, moved.confidence) == (THERE, None), "what a person put somewhere is theirs"


def test_moved_back_it_is_the_detectors_again(found, wish):
    there = wish(THERE, of=found).edit
    assert wish(HERE, of=found, supersedes=there.uuid).status == 200
    found.refresh_from_db()
    assert (found.box, found.confidence) == (HERE, 0.6)


def test_whoever_did_not_know_the_last_place_is_told_it_and_may_insist(found, wish):
    first = wish(THERE, of=found, who="ana").edit
    late = wish(ELSEWHERE, of=found, who="bo")
    assert (late.status, late.current) == (409, first)
    assert wish(None, of=found, who="bo").status == 409
    found.refresh_from_db()
    assert found.box == THERE and found.taken_away_at is None
    assert wish(ELSEWHERE, of=found, who="bo", supersedes=first.uuid).status == 200
    assert list(BoxEdit.objects.order_by("pk").values_list("author__username", "is_current")) == [
        ("ana", False),
        ("bo", True),
    ]


def test_a_box_that_was_drawn_here_is_named_by_that_until_its_number_is_known(wish):
    drawn = wish(THERE).edit
    gone = wish(None, supersedes=drawn.uuid).edit
    assert gone.sample == drawn.sample and Sample.objects.get(part="box").taken_away_at
    assert wish(THERE, supersedes=gone.uuid).status == 200
    assert Sample.objects.get(part="box").taken_away_at is None


def test_a_box_that_was_taken_away_stays_with_its_labels_and_comes_back(foxes, found, wish):
    factories.label(foxes.question, found, foxes.ana, foxes.class_id("fox"))
    gone = wish(None, of=found).edit
    assert (gone.before, gone.after) == (list(HERE), None)
    assert set_aside.ids(foxes.project) == {found.pk} and Answer.objects.get().sample_id == found.pk
    assert wish(HERE, of=found, supersedes=gone.uuid).status == 200
    found.refresh_from_db()
    assert (found.taken_away_at, found.confidence, set_aside.ids(foxes.project)) == (None, 0.6, set())


def test_drawn_in_the_very_place_of_one_that_was_taken_away_it_is_that_one(found, wish):
    wish(None, of=found)
    assert wish(HERE).edit.sample == found
    assert Sample.objects.get(part="box").taken_away_at is None


def test_two_boxes_never_lie_in_one_place(found, wish):
    other = wish(THERE).edit
    answer = wish(HERE, of=other.sample, supersedes=other.uuid)
    assert answer.status == 422 and "already" in answer.detail
    assert Sample.objects.filter(part="box").count() == 2


def test_boxes_of_others_are_not_there(foxes, found, wish):
    stranger = factories.samples(factories.project("bears"), 1)[0]
    assert wish(THERE, beside=stranger.pk).status == 404
    beside = factories.samples(foxes.project, 1)[0]
    assert wish(THERE, of=found, beside=beside.pk).status == 404, "a box lies in its own photograph"
    assert wish(THERE, of=beside).status == 404, "no box"
    assert wish(THERE, supersedes=uuid.uuid4()).status == 404
    assert wish(None).status == 422


def test_a_uuid_of_somebody_else_tells_nothing(wish):
    key = uuid.uuid4()
    wish(THERE, uuid=key)
    answer = wish(ELSEWHERE, uuid=key, who="bo")
    assert (answer.status, answer.edit, answer.current) == (409, None, None)


def test_a_moved_box_is_embedded_anew(foxes, folder):
    factories.photograph(folder / "one.png", 3)
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "embed")
    whole = Sample.objects.get()
    (pk,) = parts.add_boxes(foxes.project, [(whole.file_id, (0.0, 0.0, 0.25, 0.25))])
    factories.work("embed")
    before = vector(foxes, pk)
    far = (0.7, 0.7, 0.3, 0.3)
    boxing.fulfil(Wish(uuid=uuid.uuid4(), project=foxes.project, author=foxes.ana, beside=whole.pk, box=far, of=pk))
    factories.work("embed")
    assert (vector(foxes, pk) != before).any()


def vector(foxes, pk):
    embedded = loading.load_embeddings(runs.current_run(foxes.project))
    return embedded.vectors[[embedded.ids.tolist().index(pk)]]
