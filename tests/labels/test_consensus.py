"""What stands for a sample: majority, what a reviewer says, what a reviewer leaves out."""

import pytest

from labeller.labels import recording, selectors, tallies
from labeller.labels.models import Answer, Label
from tests import factories

pytestmark = pytest.mark.django_db

Mode, Verdict = Label.Mode, Label.Verdict


@pytest.fixture
def say(foxes):
    """Let somebody say something of the sample; a name of a class, or a verdict."""
    (sample,) = factories.samples(foxes.project, 1)

    def label(who, what, **fields):
        current = Label.objects.filter(sample=sample, annotator=who, is_current=True).first()
        fields = {"supersedes": current.uuid if current else None, **fields}
        if what in Verdict.values:
            return factories.label(foxes.question, sample, who, verdict=what, **fields)
        return factories.label(foxes.question, sample, who, foxes.class_id(what), **fields)

    label.sample = sample
    return label


def stands(foxes):
    """Names of the classes that stand for the one sample; None where nothing does."""
    found = selectors.consensus(foxes.question)
    names = dict(foxes.question.classes.values_list("pk", "name"))
    assert len(found) <= 1
    return {names[each] for each in next(iter(found.values()))} if found else None


def counted(foxes):
    names = dict(foxes.question.classes.values_list("pk", "name"))
    return {names[each]: n for each, n in tallies.of(foxes.question).classes.items()}


def test_a_review_decides_outright(foxes, say):
    for who in (foxes.ana, foxes.bo):
        say(who, "fox")
    say(foxes.mia, "badger", mode=Mode.REVIEW)
    assert stands(foxes) == {"badger"}
    assert counted(foxes) == {"badger": 1}


def test_the_latest_review_decides_whatever_others_say_later(foxes, say):
    say(foxes.mia, "badger", mode=Mode.REVIEW)
    say(foxes.olga, "empty", mode=Mode.REVIEW)
    say(foxes.ana, "fox")
    assert stands(foxes) == {"empty"}


def test_a_manager_who_labels_as_everybody_has_one_vote(foxes, say):
    say(foxes.mia, "badger")
    say(foxes.ana, "fox")
    say(foxes.bo, "fox")
    assert stands(foxes) == {"fox"}
    assert counted(foxes) == {"fox": 1}


def test_a_review_that_is_taken_back_decides_nothing(foxes, say):
    say(foxes.ana, "fox")
    say(foxes.mia, "badger", mode=Mode.REVIEW)
    say(foxes.mia, "withdraw", mode=Mode.REVIEW)
    assert stands(foxes) == {"fox"}
    assert counted(foxes) == {"fox": 1}


def test_what_a_reviewer_leaves_out_is_in_no_answer_and_no_count(foxes, say):
    say(foxes.ana, "fox", strategy="audit")
    assert selectors.audit(foxes.question).n == 0  # nothing was predicted
    say(foxes.mia, "ignore", mode=Mode.REVIEW)
    assert stands(foxes) is None
    assert counted(foxes) == {}
    assert not Answer.objects.of(foxes.question).answered().exists()
    assert selectors.newest_class(foxes.question) == 0
    assert not selectors.trail(foxes.question).audited
    assert selectors.settled(foxes.question) == {say.sample.pk}


def test_what_was_left_out_stays_out_whatever_annotators_say_until_a_reviewer_answers(foxes, say):
    say(foxes.mia, "ignore", mode=Mode.REVIEW)
    say(foxes.ana, "fox")
    assert stands(foxes) is None
    say(foxes.olga, "badger", mode=Mode.REVIEW)
    assert stands(foxes) == {"badger"}
    assert not Answer.objects.of(foxes.question).left_out().exists()


def test_a_reviewer_who_is_unsure_leaves_the_answers_as_they_are(foxes, say):
    say(foxes.ana, "fox")
    say(foxes.mia, "unsure", mode=Mode.REVIEW)
    assert stands(foxes) == {"fox"}


def test_only_a_review_leaves_a_sample_out(foxes, say):
    answer = recording.record(factories.judgement(foxes.question, say.sample, foxes.mia, verdict="ignore"))
    assert answer.status == 422
    assert "review" in answer.detail


@pytest.mark.parametrize("verdict", ["unsure", "skip"])
def test_unsure_settles_a_sample_as_skipping_does(foxes, say, verdict):
    say(foxes.ana, verdict)
    assert selectors.settled(foxes.question) == {say.sample.pk}
    assert stands(foxes) is None


def test_only_some_samples_may_be_asked_for(foxes, say):
    say(foxes.ana, "fox")
    assert selectors.consensus(foxes.question, [say.sample.pk]) != {}
    assert selectors.consensus(foxes.question, [0]) == {}


def test_several_classes_are_one_answer(db):
    cast = factories.cast(multi_label=True)
    (sample,) = factories.samples(cast.project, 1)
    fox, badger, empty = (cast.class_id(name) for name in ("fox", "badger", "empty"))
    factories.label(cast.question, sample, cast.ana, fox, badger)
    factories.label(cast.question, sample, cast.bo, empty)
    factories.label(cast.question, sample, cast.mia, badger, empty, mode=Mode.REVIEW)
    assert selectors.consensus(cast.question) == {sample.pk: frozenset([badger, empty])}


def test_the_number_of_queries_does_not_grow(foxes, say, django_assert_num_queries):
    say(foxes.ana, "fox")
    say(foxes.mia, "ignore", mode=Mode.REVIEW)
    with django_assert_num_queries(2):  # the second: which boxes were taken away
        selectors.consensus(foxes.question)
    with django_assert_num_queries(1):
        tallies.of(foxes.question)


def test_the_newest_of_a_class_are_found_page_by_page(foxes, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(selectors, "NEWEST_PAGE", 2)
    samples, fox = factories.samples(foxes.project, 7), foxes.class_id("fox")
    for sample in samples:
        factories.label(foxes.question, sample, foxes.ana, fox)
    for sample in samples[3:6]:  # these were foxes, and are no more
        said = Label.objects.get(sample=sample, is_current=True)
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("badger"), supersedes=said.uuid)
    found = selectors.newest_naming(foxes.question, fox, 3)
    assert found == [samples[at].pk for at in (6, 2, 1)]
    assert selectors.newest_naming(foxes.question, foxes.class_id("empty"), 3) == []
    monkeypatch.undo()
    with django_assert_num_queries(2):  # never a join over all answers, of which there may be a million
        assert selectors.newest_naming(foxes.question, fox, 9) == [samples[at].pk for at in (6, 2, 1, 0)]
