"""The row that says what stands of a sample, against a plain reference over its labels."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from labeller.labels import answering, applying, checks, recording, selectors, tallies
from labeller.labels.models import Answer, Label, LabelledClass, Tally
from labeller.labels.recording import adopt_known
from tests import factories
from tests.labels import reference

Mode, State, Verdict = Label.Mode, Answer.State, Label.Verdict


def rows(question):
    """What the rows hold, in the words of the reference."""
    return {
        answer.sample_id: {name: getattr(answer, name) for name in reference.COLUMNS}
        for answer in Answer.objects.filter(question=question)
    }


def is_right(question):
    return rows(question) == reference.rows(question)


def stand(foxes, sample):
    return Answer.objects.of(foxes.question).get(sample=sample)


# --- whatever people do ---------------------------------------------------------------------------

PEOPLE = ("ana", "bo", "mia", "olga")
WORDS = [
    "fox", "badger", "both", "skip", "unsure", "ignore", "withdraw", "import", "import nothing", "follower", "check",
    "merge",
]  # fmt: skip
ACTIONS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(PEOPLE), st.sampled_from(WORDS), st.booleans()), max_size=16
)


class TestWhateverPeopleDo(TestCase):
    def happens(self, actions):
        """A project in which these people say these words of three samples, some of them as reviews."""
        foxes = factories.cast(multi_label=True)
        follower = foxes.project.questions.create(key="what", text="What does it do?", follows=foxes.question)
        self.classes = {name: [foxes.question.classes.get(name=name)] for name in ("fox", "badger")}
        self.classes |= {
            "both": list(foxes.question.classes.filter(name__in=self.classes)),
            "follower": [follower.classes.create(name="rests")],
        }
        made = factories.samples(foxes.project, 3)
        for place, who, word, as_review in actions:
            if word.startswith("import"):
                known = frozenset() if word == "import nothing" else frozenset([foxes.class_id("fox")])
                adopt_known(None, foxes.question, {made[place].pk: known})
            elif word == "merge":
                self.merge(foxes, made)
            else:
                self.say(foxes, follower, made[place], getattr(foxes, who), word, as_review)
        return foxes, follower

    def merge(self, foxes, made):
        """Every fox becomes a badger, as whoever merges classes would write it."""
        badger = foxes.class_id("badger")
        foxes_named = LabelledClass.objects.filter(label_class=foxes.class_id("fox"))
        with transaction.atomic(), answering.kept([sample.pk for sample in made]):
            foxes_named.filter(label__in=Label.objects.filter(classes=badger)).delete()
            foxes_named.update(label_class=badger)

    def say(self, foxes, follower, sample, person, word, as_review):
        question = follower if word == "follower" else foxes.question
        named = [each.pk for each in self.classes.get(word, [])]
        if word == "check":
            checks.record(factories.judgement(question, sample, person, foxes.class_id("fox")), frozenset([1]))
            return
        current = Label.objects.filter(question=question, sample=sample, annotator=person, is_current=True).first()
        recording.record(
            factories.judgement(
                question, sample, person, *named,
                verdict=Verdict.ANSWER if named else word,
                mode=Mode.REVIEW if as_review or word == "ignore" else Mode.SINGLE,
                supersedes=current.uuid if current else None,
            )
        )  # fmt: skip

    @settings(max_examples=150)
    @given(ACTIONS)
    def test_the_row_is_what_the_labels_say(self, actions):
        foxes, follower = self.happens(actions)
        assert is_right(foxes.question) and is_right(follower)
        assert not answering.check(foxes.project)

    @settings(max_examples=50)
    @given(ACTIONS)
    def test_reads_are_what_the_labels_say(self, actions):
        foxes, follower = self.happens(actions)
        labels = reference.current(foxes.question)
        answered = {each: found for each, said in labels.items() if (found := reference.classes(said)) is not None}
        assert selectors.consensus(foxes.question) == answered
        assert applying.asked_ids(follower).tolist() == sorted(answered)  # no class is blank
        assert set(selectors.consensus(follower)) <= set(answered)
        of_state = {each: reference.state(said) for each, said in labels.items()}
        assert selectors.settled(foxes.question) == {each for each, state in of_state.items() if state != State.OPEN}
        answers = Answer.objects.of(foxes.question)
        for found, wanted in (
            (answers.disputed(), {each for each, state in of_state.items() if state == State.DISPUTED}),
            (answers.left_out(), {each for each, state in of_state.items() if state == State.LEFT_OUT}),
            (answers.doubted(), {each for each, said in labels.items() if reference.is_doubted(said)}),
            (answers.reviewed(), {each for each, said in labels.items() if reference.reviews(said)}),
            (answers.closed(), {each for each, said in labels.items() if reference.is_closed(said)}),
        ):
            assert set(found.values_list("sample", flat=True)) == wanted
        fox = foxes.class_id("fox")
        naming = {each for each, classes in answered.items() if fox in classes}
        assert set(selectors.newest_naming(foxes.question, fox, 99)) == naming

    @settings(max_examples=50)
    @given(ACTIONS)
    def test_an_upgrade_writes_the_same_rows_and_counts(self, actions):
        foxes, follower = self.happens(actions)
        before = [rows(question) for question in (foxes.question, follower)]
        Answer.objects.all().delete()
        Tally.objects.filter(what=Tally.What.CLASS).delete()
        migration = import_module("labeller.labels.migrations.0008_fill_answers")
        migration.TOGETHER = 2
        migration.fill(apps, None)
        migration.count_classes(apps, None)
        import_module("labeller.labels.migrations.0010_asked").count(apps, None)
        assert [rows(question) for question in (foxes.question, follower)] == before
        assert tallies.kept_now(foxes.project) == tallies.counted(foxes.project)


# --- by example -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_answer_of_two_is_answered(foxes):
    foxes.question.redundancy = 2
    foxes.question.save()
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    assert (stand(foxes, sample).state, stand(foxes, sample).votes) == (State.ANSWERED, 1)
    factories.label(foxes.question, sample, foxes.bo, foxes.class_id("fox"))
    assert (stand(foxes, sample).state, stand(foxes, sample).votes) == (State.ANSWERED, 2)


@pytest.mark.django_db
def test_what_is_left_out_is_not_disputed_whatever_is_said_of_it_later(foxes):
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.mia, verdict=Verdict.IGNORE, mode=Mode.REVIEW)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    factories.label(foxes.question, sample, foxes.bo, foxes.class_id("badger"))
    assert stand(foxes, sample).state == State.LEFT_OUT


@pytest.mark.django_db
def test_the_newest_class_is_the_one_whose_first_answer_came_last(foxes):
    made = factories.samples(foxes.project, 4)
    for sample, name in zip(made, ("fox", "badger", "fox", "badger"), strict=True):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id(name))
    assert selectors.newest_class(foxes.question) == stand(foxes, made[1]).label_id


@pytest.mark.django_db
def test_the_training_set_comes_in_the_order_in_which_it_was_labelled_whatever_a_page_holds(foxes, monkeypatch):
    monkeypatch.setattr(applying, "PAGE", 2)
    made = factories.samples(foxes.project, 5)
    for sample in reversed(made):
        factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    assert list(selectors.consensus(foxes.question)) == [sample.pk for sample in reversed(made)]
    assert selectors.settled(foxes.question) == {sample.pk for sample in made}


@pytest.mark.django_db
def test_a_row_that_stays_as_it_is_is_not_written(foxes, django_assert_num_queries):
    (sample,) = factories.samples(foxes.project, 1)
    factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
    with django_assert_num_queries(2 + (connection.vendor == "postgresql")), answering.kept([sample.pk]):
        pass


@pytest.mark.django_db
def test_a_label_that_is_refused_leaves_no_row(foxes):
    (sample,) = factories.samples(foxes.project, 1)
    stale = factories.judgement(foxes.question, sample, foxes.ana, foxes.class_id("fox"), supersedes=uuid.uuid4())
    assert recording.record(stale).status == 409
    assert not Answer.objects.exists()


# --- at the same moment ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
def test_two_people_who_answer_a_sample_at_the_same_moment_are_both_in_its_row(transactional_db):
    foxes = factories.cast()
    made = factories.samples(foxes.project, 20)
    start = threading.Barrier(3)

    def say(person, mode, verdict, *classes):
        try:
            for sample in made:
                start.wait()
                said = factories.judgement(foxes.question, sample, person, *classes, verdict=verdict, mode=mode)
                assert recording.record(said).status == 200
        finally:
            connection.close()

    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    people = [
        (foxes.ana, Mode.SINGLE, Verdict.ANSWER, fox),
        (foxes.bo, Mode.GRID, Verdict.ANSWER, badger),
        (foxes.olga, Mode.SINGLE, Verdict.UNSURE),
    ]
    with ThreadPoolExecutor(len(people)) as threads:
        for done in [threads.submit(say, *each) for each in people]:
            done.result()
    assert is_right(foxes.question)
    assert {(each.state, each.votes, each.is_doubted) for each in Answer.objects.all()} == {(State.DISPUTED, 2, True)}
    assert not answering.check(foxes.project)
