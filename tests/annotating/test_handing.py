"""Handing samples out: nobody holds what somebody else holds, and nothing a person did is lost."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from labeller.annotating import holding, saving
from labeller.annotating.forms import Event
from labeller.annotating.handing import single, state
from labeller.annotating.holding import Wanted
from labeller.annotating.models import Assignment
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.projects.models import Question
from tests import factories
from tests.factories import judgement

pytestmark = pytest.mark.django_db


@pytest.fixture
def ranked(foxes):
    made = factories.samples(foxes.project, 6)
    factories.ranking(foxes.question, made)
    return made


def ids(batch):
    return [assignment.sample_id for assignment in batch.assignments]


def give(user, foxes, sample, name="fox", entry=None, **fields):
    given = judgement(foxes.question, sample, user, *([foxes.class_id(name)] if name else []), **fields)
    return saving.save_judgement(foxes.member(user), foxes.question, given, entry)


def redundancy(foxes, number):
    Question.objects.filter(pk=foxes.question.pk).update(redundancy=number)
    foxes.question.redundancy = number


def expire():
    Assignment.objects.filter(is_done=False).update(expires_at=timezone.now() - timedelta(seconds=1))


def test_samples_come_in_the_order_of_the_ranking(foxes, ranked):
    assert ids(single.next_batch(foxes.ana, foxes.question, Wanted(4))) == [sample.pk for sample in ranked[:4]]


def test_at_redundancy_one_each_sample_goes_to_one_person(foxes, ranked):
    ana = ids(single.next_batch(foxes.ana, foxes.question, Wanted(4)))
    bo = ids(single.next_batch(foxes.bo, foxes.question, Wanted(4)))
    assert len(ana) == 4 and len(bo) == 2
    assert not set(ana) & set(bo)


@pytest.mark.parametrize("people", [2, 3])
def test_at_higher_redundancy_each_sample_goes_to_that_many_people(foxes, ranked, people):
    redundancy(foxes, people)
    crowd = factories.annotators(foxes.project, people + 2)
    handed = [ids(single.next_batch(each, foxes.question, Wanted(6))) for each in crowd]
    assert all(len(batch) == 6 for batch in handed[:people])
    assert handed[people:] == [[], []]


def test_somebody_who_labelled_a_sample_does_not_get_it_again(foxes, ranked):
    redundancy(foxes, 2)
    single.next_batch(foxes.ana, foxes.question, Wanted(1))
    give(foxes.ana, foxes, ranked[0])
    assert ids(single.next_batch(foxes.ana, foxes.question, Wanted(6))) == [sample.pk for sample in ranked[1:]]
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(1))) == [ranked[0].pk]


def test_kept_samples_stay_and_the_others_are_given_back(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(4))
    keep = [ranked[0].pk, ranked[1].pk]
    assert ids(single.next_batch(foxes.ana, foxes.question, Wanted(1, keep))) == [ranked[2].pk]
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(6))) == [sample.pk for sample in ranked[3:]]


def test_after_a_reload_the_same_samples_come_again(foxes, ranked):
    before = ids(single.next_batch(foxes.ana, foxes.question, Wanted(3)))
    assert ids(single.next_batch(foxes.ana, foxes.question, Wanted(3))) == before


def test_keeping_what_is_not_mine_takes_nothing_from_its_holder(foxes, ranked):
    single.next_batch(foxes.bo, foxes.question, Wanted(2))
    single.next_batch(foxes.ana, foxes.question, Wanted(6, [sample.pk for sample in ranked]))
    assert set(Assignment.objects.filter(annotator=foxes.bo).values_list("sample_id", flat=True)) == {
        ranked[0].pk,
        ranked[1].pk,
    }


def test_a_new_round_takes_effect_on_what_was_not_kept(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(2))
    factories.ranking(foxes.question, ranked[::-1])
    assert ids(single.next_batch(foxes.ana, foxes.question, Wanted(2, [ranked[0].pk]))) == [
        ranked[5].pk,
        ranked[4].pk,
    ]


def test_an_expired_assignment_goes_to_the_next_person(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(6))
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(6))) == []
    expire()
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(6))) == [sample.pk for sample in ranked]


def test_asking_again_extends_what_is_kept(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(1))
    expire()
    single.next_batch(foxes.ana, foxes.question, Wanted(0, [ranked[0].pk]))
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(1))) == [ranked[1].pk]


def test_a_late_save_is_kept_beside_the_label_of_who_got_the_sample_since(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(1))
    expire()
    single.next_batch(foxes.bo, foxes.question, Wanted(1))
    assert give(foxes.ana, foxes, ranked[0], "fox").status == 200
    assert give(foxes.bo, foxes, ranked[0], "badger").status == 200
    assert Label.objects.filter(sample=ranked[0], is_current=True).count() == 2


def test_a_labelled_sample_is_out_of_the_queue_for_good(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(1))
    give(foxes.ana, foxes, ranked[0])
    expire()
    assert ranked[0].pk not in ids(single.next_batch(foxes.bo, foxes.question, Wanted(6)))


def test_undo_reopens_the_sample_for_the_same_person(foxes, ranked):
    single.next_batch(foxes.ana, foxes.question, Wanted(1))
    given = give(foxes.ana, foxes, ranked[0]).label
    back = give(foxes.ana, foxes, ranked[0], "", verdict="withdraw", supersedes=given.uuid)
    assert back.status == 200
    assert not Assignment.objects.get(sample=ranked[0]).is_done
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(1))) == [ranked[1].pk]
    assert ids(single.next_batch(foxes.ana, foxes.question, Wanted(1))) == [ranked[0].pk]


def test_what_an_import_answered_or_i_skipped_without_holding_it_is_not_handed_out(foxes, ranked):
    factories.label(foxes.question, ranked[0], None, foxes.class_id("fox"))
    factories.label(foxes.question, ranked[1], foxes.ana, verdict="skip")
    assert ids(single.next_batch(foxes.ana, foxes.question, Wanted(1))) == [ranked[2].pk]
    assert ids(single.next_batch(foxes.bo, foxes.question, Wanted(1))) == [ranked[1].pk]


def test_a_batch_has_an_upper_limit(foxes):
    factories.ranking(foxes.question, factories.samples(foxes.project, holding.MOST_AT_ONCE + 5))
    assert len(ids(single.next_batch(foxes.ana, foxes.question, Wanted(10_000)))) == holding.MOST_AT_ONCE


def test_a_sample_of_another_project_cannot_be_labelled(foxes):
    other = factories.project("other")
    (theirs,) = factories.samples(other, 1)
    assert give(foxes.ana, foxes, theirs).status == 404
    assert not Label.objects.exists()


# --- what the server knows, and the client's word does not count for --------------------------------


def test_strategy_propensity_and_prediction_come_from_the_entry(foxes):
    made = factories.samples(foxes.project, 2)
    fox, badger = foxes.class_id("fox"), foxes.class_id("badger")
    factories.ranking(foxes.question, made, audits=made[:1], suggest=[badger, fox])
    blind, ranked = single.next_batch(foxes.ana, foxes.question, Wanted(2)).assignments
    for assignment in (blind, ranked):
        result = give(
            foxes.ana, foxes, assignment.sample, entry=assignment.entry_id,
            strategy="invented", propensity=0.9, predicted_id=fox, suggestion_shown=True, head_version=99,
        )  # fmt: skip
        assert result.status == 200
    audit, other = Label.objects.order_by("pk")
    assert (audit.strategy, audit.propensity, audit.predicted_id) == ("audit", 0.25, badger)
    assert (audit.suggestion_shown, audit.head_version) == (False, None)
    assert (other.strategy, other.propensity, other.predicted_id) == ("margin", 1.0, badger)
    assert (other.suggestion_shown, other.head_version) == (True, 7)


def test_all_classes_that_were_predicted_come_from_the_entry_too(db):
    cast = factories.cast(multi_label=True)
    made = factories.samples(cast.project, 1)
    fox, badger, empty = (cast.class_id(name) for name in ("fox", "badger", "empty"))
    made_round = factories.ranking(cast.question, made, audits=made, suggest=[badger, fox, empty])
    made_round.entries.update(predicted_classes=[badger, fox])
    (assignment,) = single.next_batch(cast.ana, cast.question, Wanted(1)).assignments
    give(cast.ana, cast, assignment.sample, entry=assignment.entry_id, predicted_classes=[empty])
    label = Label.objects.get()
    assert (label.predicted_id, label.predicted_classes) == (badger, [badger, fox])


@pytest.mark.parametrize("claim", ["of another sample", "never handed out", "of another person", "made up"])
def test_an_entry_that_is_not_ones_own_says_nothing(foxes, ranked, claim):
    entry = {entry.sample_id: entry.pk for entry in state.current_round(foxes.question).entries.all()}
    single.next_batch(foxes.bo, foxes.question, Wanted(1))
    single.next_batch(foxes.ana, foxes.question, Wanted(1))
    sample, claimed = {
        "of another sample": (ranked[1], entry[ranked[2].pk]),
        "never handed out": (ranked[4], entry[ranked[4].pk]),
        "of another person": (ranked[0], entry[ranked[0].pk]),
        "made up": (ranked[1], 987654321),
    }[claim]
    result = give(foxes.ana, foxes, sample, entry=claimed, strategy="audit", propensity=0.5)
    assert (result.status, result.label.strategy, result.label.propensity) == (200, "", None)


# --- states and refits ----------------------------------------------------------------------------


def test_before_the_first_round_the_state_is_preparing(foxes):
    factories.samples(foxes.project, 2)
    batch = single.next_batch(foxes.ana, foxes.question, Wanted(5))
    assert (batch.assignments, batch.round, batch.state) == ([], None, "preparing")


def test_when_the_round_is_used_up_but_samples_are_left_a_new_one_is_asked_for(foxes):
    made = factories.samples(foxes.project, 3)
    factories.ranking(foxes.question, made[:1])
    single.next_batch(foxes.ana, foxes.question, Wanted(1))
    give(foxes.ana, foxes, made[0])
    assert single.next_batch(foxes.ana, foxes.question, Wanted(5)).state == "preparing"
    assert Job.objects.filter(kind="refit", state="queued").count() == 1


def test_when_everything_is_labelled_the_state_is_finished(foxes, ranked):
    for _ in ranked:
        (assignment,) = single.next_batch(foxes.ana, foxes.question, Wanted(1)).assignments
        give(foxes.ana, foxes, assignment.sample, entry=assignment.entry_id)
    assert single.next_batch(foxes.ana, foxes.question, Wanted(5)).state == "finished"


def test_a_refit_is_asked_for_by_new_labels_only(foxes, ranked):
    Question.objects.filter(pk=foxes.question.pk).update(refit_every=2)
    foxes.question.refit_every = 2
    first = judgement(foxes.question, ranked[0], foxes.ana, foxes.class_id("fox"))
    for _ in range(3):
        saving.save_judgement(foxes.member("ana"), foxes.question, first)
    assert not Job.objects.filter(kind="refit").exists()
    give(foxes.ana, foxes, ranked[1])
    assert Job.objects.filter(kind="refit").count() == 1


def test_one_refused_judgement_does_not_stop_the_others(foxes, ranked):
    fox = foxes.class_id("fox")
    judgements = [
        judgement(foxes.question, ranked[0], foxes.ana, fox),
        judgement(foxes.question, ranked[1], foxes.ana, 987654321),
        judgement(foxes.question, ranked[2], foxes.ana, fox, uuid=uuid.uuid4()),
    ]
    events = [Event(str(each.uuid), each, sample_id=each.sample_id) for each in judgements]
    results = saving.save(foxes.member("ana"), foxes.question, events)
    assert [result.status for result in results] == [200, 422, 200]
    assert Label.objects.count() == 2
