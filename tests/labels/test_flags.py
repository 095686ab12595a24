"""Raising and lowering flags: once per UUID, at most one open for each person and sample."""

import uuid

import pytest

from labeller.labels import flags
from labeller.labels.models import Flag, Label
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample(foxes):
    return factories.samples(foxes.project, 1)[0]


@pytest.fixture
def flag(foxes, sample):
    def wave(who, note="", **fields):
        given = {"uuid": uuid.uuid4(), "sample_id": sample.pk, **fields}
        return flags.raise_flag(given["uuid"], foxes.question, given["sample_id"], who, note)

    return wave


def notes(foxes):
    return list(flags.open_flags(foxes.project).order_by("pk").values_list("note", flat=True))


def test_the_same_flag_twice_is_one_flag(foxes, flag):
    name = uuid.uuid4()
    assert [flag(foxes.ana, "tail?", uuid=name).status for _ in range(2)] == [200, 200]
    assert Flag.objects.count() == 1


def test_a_name_that_is_taken_tells_nothing_but_that(foxes, flag):
    name = uuid.uuid4()
    flag(foxes.ana, "tail?", uuid=name)
    answer = flag(foxes.bo, "mine", uuid=name)
    assert (answer.status, answer.label, answer.current) == (409, None, None)
    assert "tail" not in answer.detail
    assert notes(foxes) == ["tail?"]


def test_a_second_flag_of_a_person_takes_the_place_of_the_first(foxes, flag):
    flag(foxes.ana, "tail?")
    flag(foxes.bo, "blurred")
    flag(foxes.ana, "two tails")
    assert notes(foxes) == ["blurred", "two tails"]
    closed = Flag.objects.get(note="tail?")  # nothing is overwritten
    assert closed.closed_by == foxes.ana
    assert closed.closed_at is not None


def test_the_first_flag_sent_again_late_does_not_come_back(foxes, flag):
    name = uuid.uuid4()
    flag(foxes.ana, "tail?", uuid=name)
    flag(foxes.ana, "two tails")
    assert flag(foxes.ana, "tail?", uuid=name).status == 200
    assert notes(foxes) == ["two tails"]


def test_samples_are_flagged_apart(foxes, flag):
    (other,) = factories.samples(foxes.project, 1)
    flag(foxes.ana, "tail?")
    flag(foxes.ana, "blurred", sample_id=other.pk)
    assert notes(foxes) == ["tail?", "blurred"]


@pytest.mark.parametrize(("who", "status"), [("ana", 200), ("bo", 404), ("mia", 200), ("ada", 200), ("sam", 404)])
def test_a_flag_is_closed_by_its_author_and_by_managers(foxes, flag, who, status):
    name = uuid.uuid4()
    flag(foxes.ana, "tail?", uuid=name)
    assert [flags.lower_flag(name, foxes.question, foxes.member(who)).status for _ in range(2)] == [status, status]
    assert notes(foxes) == ([] if status == 200 else ["tail?"])


def test_closing_again_keeps_who_closed_it_first(foxes, flag):
    name = uuid.uuid4()
    flag(foxes.ana, "tail?", uuid=name)
    flags.lower_flag(name, foxes.question, foxes.member("ana"))
    before = Flag.objects.get().closed_at
    flags.lower_flag(name, foxes.question, foxes.member("mia"))
    assert (Flag.objects.get().closed_by, Flag.objects.get().closed_at) == (foxes.ana, before)


def test_flags_of_another_project_are_not_reached(foxes, flag):
    name = uuid.uuid4()
    flag(foxes.ana, "tail?", uuid=name)
    other = factories.project("other").first_question
    assert flags.lower_flag(name, other, foxes.member("ada")).status == 404
    assert notes(foxes) == ["tail?"]


def test_a_review_answers_a_flag_until_it_is_taken_back(foxes, flag, sample):
    flag(foxes.ana, "tail?")
    fox = foxes.class_id("fox")
    review = factories.label(foxes.question, sample, foxes.mia, fox, mode=Label.Mode.REVIEW)
    assert notes(foxes) == []
    assert flags.reviewed_flags(foxes.project).count() == 1
    factories.label(
        foxes.question, sample, foxes.mia, verdict="withdraw", supersedes=review.uuid, mode=Label.Mode.REVIEW
    )
    assert notes(foxes) == ["tail?"]
    assert not flags.reviewed_flags(foxes.project).exists()


def test_a_flag_after_a_review_is_open_again(foxes, flag, sample):
    factories.label(foxes.question, sample, foxes.mia, foxes.class_id("fox"), mode=Label.Mode.REVIEW)
    flag(foxes.ana, "still no fox")
    assert notes(foxes) == ["still no fox"]


def test_an_ordinary_label_answers_no_flag(foxes, flag, sample):
    flag(foxes.ana, "tail?")
    factories.label(foxes.question, sample, foxes.mia, foxes.class_id("fox"))
    assert notes(foxes) == ["tail?"]


def test_notes_come_by_sample(foxes, flag, sample):
    flag(foxes.ana, "tail?")
    flag(foxes.bo)
    assert flags.notes(foxes.question) == {sample.pk: ["tail?", ""]}
    assert flags.notes(foxes.question, [0]) == {}
