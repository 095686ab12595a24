"""Answers and counts that writers keep: always what going through all labels gives."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from labeller.annotating import saving
from labeller.annotating.forms import Event
from labeller.labels import answering, recording, tallies
from labeller.labels.models import Answer, Label, Tally
from labeller.samples.signals import labels_known, shard_known
from tests import factories

Mode, Verdict = Label.Mode, Label.Verdict


def is_right(foxes):
    """Whether what is kept is what going through everything gives."""
    return tallies.kept_now(foxes.project) == tallies.counted(foxes.project) and not answering.check(foxes.project)


def test_one_question_s_counts(foxes):
    one, two, three = factories.samples(foxes.project, 3)
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    factories.label(foxes.question, one, foxes.ana, fox)
    factories.label(foxes.question, one, foxes.bo, badger)
    factories.label(foxes.question, two, foxes.ana, verdict=Verdict.SKIP)
    assert tallies.of(foxes.question) == tallies.Counts(3, 1, 2, 2, {badger: 1})
    factories.label(foxes.question, one, foxes.mia, fox, mode=Mode.REVIEW)
    assert tallies.of(foxes.question) == tallies.Counts(3, 1, 2, 1, {fox: 1})
    factories.label(foxes.question, three, foxes.ana, fox)
    assert tallies.of(foxes.question) == tallies.Counts(3, 2, 3, 2, {fox: 2})
    assert tallies.of_projects([foxes.project]) == {foxes.project.pk: (3, 2)}


def test_imports_are_counted(foxes):
    made = factories.samples(foxes.project, 2)
    badger = foxes.question.classes.get(name="badger")
    labels_known.send(None, question=foxes.question, known=[(made[0], badger), (made[1], badger)])
    assert tallies.of(foxes.question) == tallies.Counts(2, 2, 2, 2, {badger.pk: 2})


def test_a_shard_s_samples_are_counted(foxes, sent):
    shard_known.send(None, project=foxes.project, shard=0, count=7)
    assert (tallies.samples(foxes.project), tallies.of(foxes.question).samples) == (7, 7)


def test_the_same_uuid_again_counts_once(foxes):
    (sample,) = factories.samples(foxes.project, 1)
    given = factories.judgement(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    assert [recording.record(given).status for _ in range(2)] == [200, 200]
    assert tallies.of(foxes.question).answers == 1


def test_folding_changes_no_count(foxes):
    made = factories.samples(foxes.project, 5)
    for sample in made:
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    before = tallies.of(foxes.question)
    assert tallies.fold() == 4 * 4  # labelled, settled, answers and one class, five times each
    assert tallies.of(foxes.question) == before
    assert Tally.objects.count() == 5
    assert tallies.fold() == 0


def test_reading_takes_one_query_whatever_there_is(foxes, django_assert_num_queries):
    for sample in factories.samples(foxes.project, 3):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    with django_assert_num_queries(1):
        tallies.of(foxes.question)


def test_what_went_wrong_is_counted_anew(foxes, capsys):
    one, two = factories.samples(foxes.project, 2)
    factories.label(foxes.question, one, foxes.ana, foxes.class_id("fox"))
    factories.label(foxes.question, one, foxes.bo, foxes.class_id("badger"))
    factories.label(foxes.question, two, foxes.bo, foxes.class_id("badger"))
    Tally.objects.filter(what=Tally.What.LABELLED).update(n=9)
    Answer.objects.filter(sample=one).update(state=Answer.State.ANSWERED)
    Answer.objects.filter(sample=two).delete()
    call_command("recount", "--check")
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("foxes: 2 answers and ")
    assert told[1] == f"  question {foxes.question.pk}, sample {one.pk}: state answered, not disputed"
    assert f"sample {two.pk}: state nothing, not answered; classes nothing, not {foxes.class_id('badger')};" in told[2]
    assert not Answer.objects.filter(sample=two).exists(), "it only looked"
    call_command("recount")
    assert is_right(foxes)
    call_command("recount")
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if not line.startswith("  ")] == [
        "foxes: 2 answers and 1 counts were off",
        "foxes: all answers and counts were right",
    ]


def test_everything_is_gone_through_a_part_at_a_time(foxes, monkeypatch):
    monkeypatch.setattr(answering, "PAGE", 2)
    for sample in factories.samples(foxes.project, 5):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    Answer.objects.all().delete()
    assert answering.recount(foxes.project).answers == 5
    assert is_right(foxes)


# --- whatever people do ---------------------------------------------------------------------------

PEOPLE = ("ana", "bo", "mia")
ACTIONS = st.tuples(
    st.integers(0, 2),  # which sample
    st.sampled_from(PEOPLE),
    st.sampled_from(["fox", "badger", "both", "skip", "unsure", "ignore", "withdraw", "import", "follower", "stale"]),
    st.booleans(),  # as a review
)


class TestWhateverPeopleDo(TestCase):
    @settings(max_examples=60)
    @given(st.lists(ACTIONS, max_size=14), st.integers(0, 14))
    def test_the_counts_are_right(self, actions, folded_after):
        foxes = factories.cast(multi_label=True)
        follower = foxes.project.questions.create(key="what", text="What does it do?", follows=foxes.question)
        rests = follower.classes.create(name="rests")
        made = factories.samples(foxes.project, 3)
        for number, (place, who, what, review) in enumerate(actions):
            self.act(foxes, made[place], getattr(foxes, who), what, review, rests)
            if number == folded_after:
                tallies.fold()
        assert is_right(foxes)

    def act(self, foxes, sample, person, what, review, rests):
        fox, badger = foxes.question.classes.filter(name__in=["fox", "badger"]).order_by("name").reverse()
        imported = what == "import"
        if imported and Label.objects.filter(sample=sample, annotator=None).exists():
            return
        question = rests.question if what == "follower" else foxes.question
        classes = {"fox": [fox], "badger": [badger], "both": [fox, badger], "import": [fox], "follower": [rests]}
        given = [each.pk for each in classes.get(what, [])]
        current = Label.objects.filter(question=question, sample=sample, annotator=person, is_current=True).first()
        verdict = Verdict.ANSWER if given else what if what in Verdict.values else Verdict.SKIP
        recording.record(
            factories.judgement(
                question,
                sample,
                None if imported else person,
                *given,
                verdict=verdict,
                mode=Mode.IMPORT if imported else Mode.REVIEW if review or what == "ignore" else Mode.SINGLE,
                supersedes=uuid.uuid4() if what == "stale" else current.uuid if current and not imported else None,
            )
        )


@pytest.mark.parametrize("mode", [Mode.SINGLE, Mode.GRID])
def test_a_label_that_is_refused_counts_nothing(foxes, mode):
    (sample,) = factories.samples(foxes.project, 1)
    assert recording.record(factories.judgement(foxes.question, sample, foxes.ana, 10**6, mode=mode)).status == 422
    assert tallies.of(foxes.question) == tallies.Counts(1, 0, 0, 0, {})


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_people_who_label_the_same_samples_at_the_same_moment_are_counted_rightly(transactional_db):
    foxes = factories.cast()
    made = factories.samples(foxes.project, 6)
    start = threading.Barrier(4)

    def label(person, samples):
        try:
            start.wait()
            for _ in range(5):
                saving.save(foxes.member(person), foxes.question, [event(foxes, person, sample) for sample in samples])
        finally:
            connection.close()

    # One of each pair goes through the samples in the opposite order.
    people = [(foxes.ana, made), (foxes.bo, made[::-1]), (foxes.mia, made), (foxes.olga, made[::-1])]
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(label, *each) for each in people]:
            done.result()
    assert is_right(foxes)
    assert tallies.of(foxes.question).answers == 24


def event(foxes, person, sample):
    current = Label.objects.filter(sample=sample, annotator=person, is_current=True).first()
    given = factories.judgement(
        foxes.question, sample, person, foxes.class_id("fox"), supersedes=current.uuid if current else None
    )
    return Event(str(given.uuid), given, None, sample_id=sample.pk)
