"""Full refits: what they choose, how long it counts, and when they are due."""

from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.learning import asking, rounds, tasks
from labeller.learning.models import Head, Round
from labeller.projects.models import Question
from tests import factories
from tl_core.heads import files as head_files
from tl_core.heads.calibration import C_GRID

pytestmark = pytest.mark.django_db

NAMES = ("fox", "badger", "empty")


@pytest.fixture
def pool(foxes):
    """90 embedded samples in three groups that overlap a little, sixty of them labelled."""
    vectors, groups = factories.clusters(90, 3)
    made = factories.samples(foxes.project, 90)
    factories.embed(foxes.project, made, vectors / 4)
    factories.labelled_each(
        foxes.question,
        [(sample, NAMES[group]) for sample, group in zip(made[:60], groups[:60], strict=True)],
        foxes.ana,
    )
    return made, groups


@pytest.fixture(autouse=True)
def _nights_only(monkeypatch):
    monkeypatch.setattr(asking, "FIRST_FULL_REFIT", 1000)


def retrain(foxes):
    asking.request_retrain(foxes.question)
    (job,) = factories.work("retrain")
    assert job.state == Job.State.DONE, job.error
    return Head.last_full(foxes.question)


def refit(foxes):
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    return Head.objects.latest("version")


def newest(foxes):
    return foxes.question.labels.latest("pk").pk


# --- what they choose -----------------------------------------------------------------------------


def test_a_full_refit_chooses_and_the_quick_ones_keep_to_it(foxes, pool):
    quick = refit(foxes)
    assert (quick.is_full, quick.C, quick.temperature) == (False, None, None)
    full = retrain(foxes)
    assert full.is_full and full.C > 0 and full.temperature > 0
    assert full.cv_accuracy == full.cv_macro_f1 == 1.0
    assert (full.n_labels, full.last_label) == (60, newest(foxes))
    assert Round.objects.get(is_current=True).head == full
    quick = refit(foxes)
    assert (quick.is_full, quick.C, quick.temperature) == (False, full.C, full.temperature)
    assert (quick.cv_accuracy, quick.version) == (None, full.version + 1)


def test_what_was_chosen_for_one_kind_of_head_does_not_count_for_another(foxes, pool):
    retrain(foxes)
    Question.objects.update(head="svm")
    quick = refit(foxes)
    assert (quick.name, quick.C, quick.temperature) == ("svm", None, None)


def test_a_rare_new_class_leaves_the_penalty_as_it_was(foxes, pool):
    made, _ = pool
    Question.objects.update(head="logistic")
    Head.objects.filter(pk=retrain(foxes).pk).update(C=77.0)
    otter = foxes.question.classes.create(name="otter")
    factories.label(foxes.question, made[70], foxes.ana, otter.pk)
    again = retrain(foxes)
    assert otter.pk in again.class_ids and again.C == 77.0


def test_several_classes_a_sample_are_cross_validated_too():
    foxes = factories.cast(multi_label=True)
    vectors, groups = factories.clusters(40, 2)
    made = factories.samples(foxes.project, 40)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, *("fox", "badger")[: group + 1]) for sample, group in zip(made[:30], groups[:30], strict=True)],
        foxes.ana,
    )
    full = retrain(foxes)
    assert full.cv_accuracy == full.cv_macro_f1 == 1.0
    assert full.C in C_GRID and full.temperature == 1.0  # it takes more labels to find one
    asking.request_refit(foxes.question, at_once=True)
    factories.work("refit")
    quick = Head.objects.order_by("-version").first()
    assert (quick.is_full, quick.C, quick.temperature) == (False, full.C, full.temperature)


def test_without_two_classes_there_is_a_round_but_no_head(foxes, pool):
    factories.forget(Label.objects.exclude(classes=foxes.class_id("fox")))
    assert retrain(foxes) is None
    assert Round.objects.get(is_current=True).head is None


def test_when_everything_is_labelled_the_full_refit_still_leaves_its_head(foxes, pool):
    made, groups = pool
    factories.labelled_each(
        foxes.question,
        [(sample, NAMES[group]) for sample, group in zip(made[60:], groups[60:], strict=True)],
        foxes.ana,
    )
    refit(foxes)
    assert Round.objects.get(is_current=True).n_pool == 0
    assert retrain(foxes).n_labels == 90


def test_a_label_given_while_it_chooses_is_not_lost(foxes, pool, monkeypatch):
    made, _ = pool
    real = jobs.Progress.__call__

    def labelled_meanwhile(progress, done, *args, **fields):
        if done == 1:
            factories.label(foxes.question, made[80], foxes.ana, foxes.class_id("fox"))
        real(progress, done, *args, **fields)

    monkeypatch.setattr(jobs.Progress, "__call__", labelled_meanwhile)
    full = retrain(foxes)
    assert (full.n_labels, full.last_label) == (61, newest(foxes))
    assert not Round.objects.get(is_current=True).entries.filter(sample=made[80]).exists()


def test_two_refits_that_end_at_the_same_moment_do_not_touch_each_others_heads(foxes, pool, settings):
    first, second = rounds.rank(foxes.question), rounds.rank(foxes.question)
    rounds.switch(second)
    rounds.switch(first)
    heads = list(Head.objects.order_by("version"))
    assert [head.version for head in heads] == [1, 2]
    assert len({head.directory for head in heads}) == 2
    assert all(head_files.load(settings.HEADS / head.directory) for head in heads)
    assert Round.objects.get(is_current=True).head == heads[1]


# --- when they are due ----------------------------------------------------------------------------

NIGHT = datetime(2030, 5, 2, 3, tzinfo=UTC)
BEFORE, AFTER, HOUR, DAY = NIGHT - timedelta(hours=9), NIGHT + timedelta(minutes=1), timedelta(hours=1), timedelta(1)


@pytest.fixture
def clock(monkeypatch):
    """Set what time it is for the question of what is due."""

    def set_to(moment):
        monkeypatch.setattr(asking, "timezone", SimpleNamespace(localtime=lambda: moment, now=lambda: moment))

    return set_to


@pytest.fixture
def labelled(foxes):
    """Give a label at a moment."""

    def give(moment):
        (sample,) = factories.samples(foxes.project, 1)
        made = factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))
        Label.objects.filter(pk=made.pk).update(created_at=moment)

    return give


def asked():
    return Job.objects.filter(kind="retrain").count()


def done_at(moment):
    Job.objects.filter(kind="retrain", state=Job.State.QUEUED).update(state=Job.State.DONE)
    Question.objects.update(retrain_asked_at=moment)


def test_it_is_due_once_a_night_and_only_where_there_are_new_labels(foxes, clock, labelled):
    factories.project("quiet")
    clock(NIGHT - HOUR)
    labelled(BEFORE)
    assert asking.retrain_due() == 0
    clock(AFTER)
    assert asking.retrain_due() == 1
    done_at(AFTER)
    clock(AFTER + HOUR)
    assert asking.retrain_due() == 0


def test_labels_given_after_its_time_wait_for_the_next_night(foxes, clock, labelled):
    labelled(NIGHT + HOUR)
    clock(NIGHT + 2 * HOUR)
    assert asking.retrain_due() == 0
    clock(AFTER + DAY)
    assert asking.retrain_due() == 1


def test_nights_that_were_missed_are_made_up_for_once(foxes, clock, labelled):
    labelled(BEFORE)
    morning = NIGHT + 5 * DAY + 6 * HOUR
    clock(morning)
    assert asking.retrain_due() == 1
    done_at(morning)
    assert asking.retrain_due() == 0
    clock(NIGHT + 7 * DAY)
    assert asking.retrain_due() == 1, "no head came of it, so the labels still are new"


def test_labels_that_the_last_full_refit_knew_are_not_new(foxes, clock, labelled, pool):
    Label.objects.update(created_at=BEFORE)
    full = retrain(foxes)
    clock(AFTER)
    assert asking.retrain_due() == 0
    Head.objects.filter(pk=full.pk).update(last_label=full.last_label - 1)
    assert asking.retrain_due() == 1


def test_what_becomes_whole_beside_the_embeddings_in_use_is_weighed_without_waiting_for_more_labels(foxes, pool):
    Question.objects.update(retrain_at=None)
    retrain(foxes)
    beside = EmbeddingRun.objects.create(
        project=foxes.project, beside=EmbeddingRun.in_use(foxes.project), featuriser="b", fingerprint="b", dimension=1
    )
    assert asking.retrain_due() == 0, "it is not whole"
    EmbeddingShard.objects.create(run=beside, number=0, embedded=90)
    assert asking.retrain_due() == 1
    assert asking.retrain_due() == 0, "it is asked for"
    Head.objects.update(created_at=timezone.now())
    Question.objects.update(retrain_asked_at=None)
    assert asking.retrain_due() == 0, "the last full refit has seen all of it"


def test_each_project_has_its_own_time_or_none(foxes, clock, labelled):
    labelled(BEFORE)
    clock(NIGHT + 10 * HOUR)
    Question.objects.update(retrain_at=None)
    assert asking.retrain_due() == 0
    Question.objects.update(retrain_at=time(12, 30))
    assert asking.retrain_due() == 1


def test_two_beats_ask_for_one_and_two_workers_do_one(foxes, clock, labelled):
    labelled(BEFORE)
    clock(AFTER)
    tasks.retrain_due()
    Question.objects.update(retrain_asked_at=None)  # as if the other beat had looked before
    tasks.retrain_due()
    (job,) = Job.objects.filter(kind="retrain")
    inside = []

    def slow(progress):
        asking.request_retrain(foxes.question)  # asked for meanwhile: it waits
        inside.extend(jobs.run(each.pk, registry.get) for each in Job.objects.filter(kind="retrain"))

    assert jobs.run(job.pk, lambda kind: slow)
    assert inside == [False, False]
    assert sorted(Job.objects.values_list("state", flat=True)) == ["done", "queued"]


def test_what_failed_is_not_tried_again_before_the_next_night(foxes, clock, labelled):
    labelled(BEFORE)
    clock(AFTER)
    asking.retrain_due()
    Job.objects.update(state=Job.State.FAILED)
    Question.objects.update(retrain_asked_at=AFTER)
    assert asking.retrain_due() == 0
    clock(AFTER + DAY)
    assert asking.retrain_due() == 1


def test_a_manager_asks_for_one(client, foxes):
    client.force_login(foxes.mia)
    answer = client.post("/projects/foxes/train/")
    assert (answer.status_code, answer["Location"]) == (302, "/projects/foxes/")
    assert asked() == 1


def test_while_labels_are_few_a_full_refit_comes_whenever_they_have_doubled(foxes, pool, monkeypatch):
    Question.objects.update(retrain_at=None)
    assert asking.retrain_due() == 0
    monkeypatch.setattr(asking, "FIRST_FULL_REFIT", 50)
    assert asking.retrain_due() == 1
    assert asking.retrain_due() == 0, "it is queued already"
    factories.work("retrain")
    assert Head.last_full(foxes.question).n_labels == 60
    assert asking.retrain_due() == 0
    Head.objects.update(n_labels=30)
    assert asking.retrain_due() == 1


def test_two_people_on_each_sample_ask_for_no_full_refit_more(foxes, pool, monkeypatch):
    made, groups = pool
    factories.labelled_each(
        foxes.question,
        [(sample, NAMES[group]) for sample, group in zip(made[:60], groups[:60], strict=True)],
        foxes.bo,
    )
    Question.objects.update(retrain_at=None, redundancy=2)
    monkeypatch.setattr(asking, "FIRST_FULL_REFIT", 50)
    assert asking.retrain_due() == 1
    factories.work("retrain")
    assert asking.retrain_due() == 0, "120 labels, but of the 60 samples the head knows"


def test_labelled_samples_that_cannot_be_embedded_ask_for_no_full_refit_more(foxes, pool, monkeypatch):
    factories.labelled(foxes.question, factories.samples(foxes.project, 70), foxes.ana, "fox")
    Question.objects.update(retrain_at=None)
    monkeypatch.setattr(asking, "FIRST_FULL_REFIT", 50)
    assert asking.retrain_due() == 1
    factories.work("retrain")
    assert Head.last_full(foxes.question) is not None
    assert asking.retrain_due() == 0


def test_one_class_alone_does_not_ask_for_a_full_refit_every_minute(foxes, monkeypatch):
    monkeypatch.setattr(asking, "FIRST_FULL_REFIT", 2)
    Question.objects.update(retrain_at=None)
    vectors, _ = factories.clusters(3, 1)
    made = factories.samples(foxes.project, 3)
    factories.embed(foxes.project, made, vectors)
    factories.labelled(foxes.question, made, foxes.ana, "fox")
    assert asking.retrain_due() == 1
    factories.work("retrain")
    assert asking.retrain_due() == 0
