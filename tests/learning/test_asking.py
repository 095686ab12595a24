"""Asking for a refit."""

import pytest

from labeller.jobs.models import Job
from labeller.learning import asking
from tests import factories

pytestmark = pytest.mark.django_db


def refits():
    return list(Job.objects.filter(kind="refit", state="queued"))


# --- asking for a refit ---------------------------------------------------------------------------


@pytest.fixture
def labelled(foxes):
    """Label so many more samples."""

    def give(count):
        factories.labelled(foxes.question, factories.samples(foxes.project, count), foxes.ana, "fox")

    return give


def test_a_refit_waits_for_enough_new_labels_and_is_debounced(
    foxes, labelled, sent, django_capture_on_commit_callbacks
):
    labelled(foxes.question.refit_every - 1)
    asking.request_refit(foxes.question)
    assert refits() == []
    labelled(1)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(50):
            asking.request_refit(foxes.question)
    assert len(refits()) == 1
    assert [countdown for *_, countdown in sent] == [asking.REFIT_DEBOUNCE]


def test_labels_the_current_round_knows_do_not_count(foxes, labelled):
    labelled(foxes.question.refit_every)
    made = factories.ranking(foxes.question, [])
    made.last_label = foxes.question.labels.order_by("-pk")[0].pk
    made.save()
    asking.request_refit(foxes.question)
    assert (refits(), asking.new_labels(foxes.question)) == ([], 0)
    labelled(foxes.question.refit_every)
    asking.request_refit(foxes.question)
    assert len(refits()) == 1


def test_a_refit_may_be_asked_for_at_once(foxes):
    asking.request_refit(foxes.question, at_once=True)
    assert len(refits()) == 1


def test_while_one_runs_one_more_may_wait(foxes):
    asking.request_refit(foxes.question, at_once=True)
    Job.objects.update(state=Job.State.RUNNING)
    for _ in range(3):
        asking.request_refit(foxes.question, at_once=True)
    assert sorted(Job.objects.values_list("state", flat=True)) == ["queued", "running"]


def test_stale_questions_are_refitted_however_few_their_labels(foxes, labelled):
    quiet = factories.project("quiet").first_question
    assert asking.retrain_stale() == 0
    labelled(1)
    assert asking.retrain_stale() == 1
    assert [job.key for job in refits()] == [f"question:{foxes.question.pk}"]
    assert quiet.labels.count() == 0


def test_a_question_whose_round_knows_all_labels_is_not_stale(foxes, labelled):
    labelled(2)
    made = factories.ranking(foxes.question, [])
    made.last_label = foxes.question.labels.order_by("-pk")[0].pk
    made.save()
    assert asking.retrain_stale() == 0
    labelled(1)
    assert asking.retrain_stale() == 1


# --- questions that follow ------------------------------------------------------------------------


def test_a_question_that_follows_is_stale_by_its_own_labels_and_by_those_it_is_asked_because_of(foxes, labelled):
    follower = foxes.project.questions.create(key="doing", text="What does it do?", follows=foxes.question)
    labelled(1)
    assert asking.retrain_stale() == 2
    for question in (foxes.question, follower):
        made = factories.ranking(question, [])
        made.last_label = foxes.question.labels.latest("pk").pk
        made.save()
    assert asking.retrain_stale() == 0
    factories.label(follower, foxes.project.samples.get(), foxes.ana, follower.classes.create(name="rests").pk)
    assert asking.retrain_stale() == 1
    assert {job.key for job in refits()} == {f"question:{foxes.question.pk}", f"question:{follower.pk}"}


def test_after_a_large_import_new_labels_are_counted_only_as_far_as_it_matters(foxes, labelled):
    labelled(2 * foxes.question.refit_every)
    assert asking.new_labels(foxes.question, foxes.question.refit_every) == foxes.question.refit_every
