"""Recording judgements: idempotent, append-only, never over somebody's newer decision."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from labeller.labels import recording, selectors
from labeller.labels.models import Label, LabelledClass
from labeller.projects.making import ensure_class
from labeller.projects.models import Question
from tests import factories
from tests.factories import judgement, label

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample(foxes):
    return factories.samples(foxes.project, 1)[0]


@pytest.fixture
def fox(foxes):
    return foxes.class_id("fox")


@pytest.fixture
def badger(foxes):
    return foxes.class_id("badger")


def classes_of(row):
    return sorted(row.labelled_classes.values_list("label_class_id", flat=True))


def test_an_answer_is_stored_with_everything_the_judgement_says(foxes, sample, fox, badger):
    given = judgement(
        foxes.question, sample, foxes.ana, fox,
        dwell_ms=1200, suggestion_shown=True, head_version=3, strategy="margin", propensity=0.5, predicted_id=badger,
    )  # fmt: skip
    recorded = recording.record(given)
    assert (recorded.status, recorded.is_new) == (200, True)
    row = Label.objects.get()
    assert row.project == foxes.project and row.annotator == foxes.ana and row.is_current
    assert (row.uuid, row.verdict, classes_of(row)) == (given.uuid, "answer", [fox])
    assert (row.dwell_ms, row.suggestion_shown, row.head_version) == (1200, True, 3)
    assert (row.strategy, row.propensity, row.predicted_id, row.mode) == ("margin", 0.5, badger, "single")


def test_the_same_uuid_again_changes_nothing_and_gets_the_same_answer(foxes, sample, fox):
    given = judgement(foxes.question, sample, foxes.ana, fox)
    first, second = recording.record(given), recording.record(given)
    assert (second.status, second.label, second.is_new) == (200, first.label, False)
    assert Label.objects.count() == LabelledClass.objects.count() == 1


def test_the_same_uuid_with_other_content_gets_the_first_answer(foxes, sample, fox, badger):
    given = label(foxes.question, sample, foxes.ana, fox)
    again = recording.record(judgement(foxes.question, sample, foxes.ana, badger, uuid=given.uuid))
    assert (again.status, classes_of(again.label)) == (200, [fox])


def test_a_replayed_uuid_is_answered_with_200_after_its_label_was_superseded(foxes, sample, fox, badger):
    old = label(foxes.question, sample, foxes.ana, fox)
    label(foxes.question, sample, foxes.ana, badger, supersedes=old.uuid)
    again = recording.record(judgement(foxes.question, sample, foxes.ana, fox, uuid=old.uuid))
    assert (again.status, again.label, again.is_new) == (200, old, False)
    assert classes_of(Label.objects.get(is_current=True)) == [badger]


def test_a_uuid_of_another_person_is_refused_and_tells_nothing(foxes, sample, fox, badger):
    label(foxes.question, sample, foxes.bo, fox, uuid=(taken := uuid.uuid4()))
    refused = recording.record(judgement(foxes.question, sample, foxes.ana, badger, uuid=taken))
    assert (refused.status, refused.label, refused.current) == (409, None, None)
    assert Label.objects.count() == 1


def test_a_uuid_used_for_another_sample_is_refused(foxes, fox):
    one, two = factories.samples(foxes.project, 2)
    taken = label(foxes.question, one, foxes.ana, fox).uuid
    refused = recording.record(judgement(foxes.question, two, foxes.ana, fox, uuid=taken))
    assert refused.status == 409
    assert not Label.objects.filter(sample=two).exists()


def test_an_answer_over_one_the_client_does_not_know_is_a_conflict_with_both_values(foxes, sample, fox, badger):
    standing = label(foxes.question, sample, foxes.ana, fox)
    refused = recording.record(judgement(foxes.question, sample, foxes.ana, badger))
    assert (refused.status, refused.current, refused.label) == (409, standing, None)
    assert Label.objects.get() == standing


def test_superseding_keeps_the_history(foxes, sample, fox, badger):
    old = label(foxes.question, sample, foxes.ana, fox)
    new = label(foxes.question, sample, foxes.ana, badger, supersedes=old.uuid)
    old.refresh_from_db()
    assert (old.is_current, new.is_current, new.supersedes) == (False, True, old)
    assert (classes_of(old), classes_of(new)) == ([fox], [badger])


def test_superseding_an_old_version_is_a_conflict(foxes, sample, fox, badger):
    old = label(foxes.question, sample, foxes.ana, fox)
    new = label(foxes.question, sample, foxes.ana, badger, supersedes=old.uuid)
    refused = recording.record(judgement(foxes.question, sample, foxes.ana, fox, supersedes=old.uuid))
    assert (refused.status, refused.current) == (409, new)


def test_nobody_supersedes_another_persons_label(foxes, sample, fox, badger):
    his = label(foxes.question, sample, foxes.bo, fox)
    refused = recording.record(judgement(foxes.question, sample, foxes.ana, badger, supersedes=his.uuid))
    assert (refused.status, refused.current) == (409, None)
    his.refresh_from_db()
    assert his.is_current


def test_superseding_what_never_was_is_a_conflict(foxes, sample, fox):
    refused = recording.record(judgement(foxes.question, sample, foxes.ana, fox, supersedes=uuid.uuid4()))
    assert (refused.status, Label.objects.count()) == (409, 0)


@pytest.mark.parametrize("names_the_withdrawal", [True, False])
def test_a_label_taken_back_may_be_answered_again(foxes, sample, fox, badger, names_the_withdrawal):
    old = label(foxes.question, sample, foxes.ana, fox)
    back = label(foxes.question, sample, foxes.ana, verdict="withdraw", supersedes=old.uuid)
    assert selectors.settled(foxes.question) == set()
    new = label(foxes.question, sample, foxes.ana, badger, supersedes=back.uuid if names_the_withdrawal else None)
    assert new.supersedes == back
    assert [each.pk for each in Label.objects.filter(is_current=True)] == [new.pk]
    assert selectors.consensus(foxes.question) == {sample.pk: frozenset({badger})}


def test_taking_back_needs_the_label_it_takes_back(foxes, sample):
    assert recording.record(judgement(foxes.question, sample, foxes.ana, verdict="withdraw")).status == 422
    nothing = judgement(foxes.question, sample, foxes.ana, verdict="withdraw", supersedes=uuid.uuid4())
    assert recording.record(nothing).status == 409
    assert not Label.objects.exists()


@pytest.mark.parametrize(
    ("verdict", "names"),
    [
        ("answer", ()),
        ("answer", ("fox", "fox")),
        ("answer", ("fox", "badger")),
        ("skip", ("fox",)),
        ("withdraw", ("fox",)),
        ("maybe", ("fox",)),
        ("", ()),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(foxes, sample, verdict, names):
    given = judgement(
        foxes.question, sample, foxes.ana, *map(foxes.class_id, names), verdict=verdict, supersedes=uuid.uuid4()
    )
    refused = recording.record(given)
    assert refused.status == 422
    assert refused.detail.endswith(".")
    assert not Label.objects.exists()


def test_a_skip_names_no_class_and_stands(foxes, sample):
    label(foxes.question, sample, foxes.ana, verdict="skip")
    assert selectors.settled(foxes.question) == {sample.pk}
    assert selectors.consensus(foxes.question) == {}


def test_a_multi_label_question_takes_several_classes(db):
    foxes = factories.cast(multi_label=True)
    (sample,) = factories.samples(foxes.project, 1)
    both = (foxes.class_id("fox"), foxes.class_id("badger"))
    assert classes_of(label(foxes.question, sample, foxes.ana, *both)) == sorted(both)
    twice = judgement(foxes.question, sample, foxes.bo, both[0], both[0])
    assert recording.record(twice).status == 422


def test_a_class_of_another_question_is_refused(foxes, sample, fox):
    other = Question.objects.create(project=foxes.project, key="age", text="How old?", multi_label=True)
    cub, _ = ensure_class(other, "cub")
    for question, classes in ((foxes.question, [cub.pk]), (other, [cub.pk, fox]), (foxes.question, [987654321])):
        assert recording.record(judgement(question, sample, foxes.ana, *classes)).status == 422
    assert not Label.objects.exists()


def test_each_annotator_has_a_label_of_their_own(foxes, sample, fox, badger):
    label(foxes.question, sample, foxes.ana, fox)
    label(foxes.question, sample, foxes.bo, badger)
    assert Label.objects.filter(sample=sample, is_current=True).count() == 2


# --- what the database itself forbids -------------------------------------------------------------


def row(foxes, sample, **fields):
    with transaction.atomic():
        return Label.objects.create(
            **{
                "uuid": uuid.uuid4(),
                "project": foxes.project,
                "question": foxes.question,
                "sample": sample,
                "annotator": foxes.ana,
                "verdict": "skip",
                **fields,
            }
        )


def test_the_database_holds_one_current_label_an_annotator(foxes, sample):
    row(foxes, sample)
    row(foxes, sample, is_current=False)
    row(foxes, sample, annotator=foxes.bo)
    with pytest.raises(IntegrityError):
        row(foxes, sample)


def test_the_database_holds_one_current_imported_label(foxes, sample):
    row(foxes, sample, annotator=None)
    row(foxes, sample, annotator=None, is_current=False)
    with pytest.raises(IntegrityError):
        row(foxes, sample, annotator=None)


def test_the_database_lets_a_label_be_superseded_once(foxes, sample):
    old = row(foxes, sample, is_current=False)
    row(foxes, sample, supersedes=old)
    with pytest.raises(IntegrityError):
        row(foxes, sample, annotator=foxes.bo, supersedes=old)


def test_the_database_takes_a_uuid_once_and_no_unknown_verdict(foxes, sample):
    old = row(foxes, sample)
    with pytest.raises(IntegrityError):
        row(foxes, sample, annotator=foxes.bo, uuid=old.uuid)
    with pytest.raises(IntegrityError):
        row(foxes, sample, annotator=foxes.bo, verdict="perhaps")


# --- reading --------------------------------------------------------------------------------------


def test_consensus_is_the_majority_and_the_latest_on_a_tie(foxes, fox, badger):
    tied, clear = factories.samples(foxes.project, 2)
    for annotator, answer in ((foxes.ana, fox), (foxes.bo, badger)):
        label(foxes.question, tied, annotator, answer)
    for annotator, answer in ((foxes.ana, fox), (foxes.mia, fox), (foxes.bo, badger)):
        label(foxes.question, clear, annotator, answer)
    assert selectors.consensus(foxes.question) == {tied.pk: frozenset({badger}), clear.pk: frozenset({fox})}
