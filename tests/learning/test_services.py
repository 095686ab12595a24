"""Embedding shards, and asking for a refit."""

import numpy as np
import pytest

from labeller.jobs.models import Job
from labeller.learning import rounds, services
from labeller.learning.models import EmbeddingRun, EmbeddingShard
from labeller.projects.models import Question
from labeller.samples import services as samples
from labeller.samples.models import Refusal, Sample
from tests import factories
from tests.factories import photograph

pytestmark = pytest.mark.django_db


def refits():
    return list(Job.objects.filter(kind="refit", state="queued"))


# --- embedding ------------------------------------------------------------------------------------


@pytest.fixture
def imported(foxes, folder):
    for number in range(5):
        photograph(folder / f"{number}.png", number)
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    return folder


def test_a_shard_is_embedded_and_asks_for_a_refit_of_every_question(foxes, imported):
    Question.objects.create(project=foxes.project, key="age", text="How old?")
    (job,) = factories.work("embed")
    assert (job.state, job.done, job.total) == (Job.State.DONE, 5, 5)
    shard = EmbeddingShard.objects.get()
    assert (shard.number, shard.embedded, shard.failed) == (0, 5, 0)
    embedded = rounds.load_embeddings(services.current_run(foxes.project))
    assert embedded.ids.tolist() == sorted(Sample.objects.values_list("pk", flat=True))
    assert len(np.unique(embedded.vectors, axis=0)) == 5
    assert len(refits()) == 2


def test_embedding_twice_changes_nothing(foxes, imported):
    factories.work("embed")
    before = EmbeddingShard.objects.values().get()
    Job.objects.filter(kind="embed").update(state="queued", attempts=0)
    factories.work("embed")
    assert EmbeddingShard.objects.values().get() == before


def test_a_file_that_broke_since_its_import_has_no_vector_and_is_named(foxes, imported):
    (imported / "3.png").write_bytes(b"")
    factories.work("embed")
    shard = EmbeddingShard.objects.get()
    assert (shard.embedded, shard.failed) == (4, 1)
    assert Refusal.objects.values_list("path", "reason").get() == ("3.png", "empty")
    assert Sample.objects.count() == 5
    broken = Sample.objects.get(path="3.png")
    assert broken.pk not in rounds.load_embeddings(services.current_run(foxes.project)).ids


def test_a_shard_without_samples_writes_nothing(foxes):
    services.jobs.enqueue("embed", key="x", project=foxes.project, payload={"shard": 4})
    (job,) = factories.work("embed")
    assert job.state == Job.State.DONE
    assert not EmbeddingShard.objects.exists()


def test_another_featuriser_gets_a_run_of_its_own(foxes, monkeypatch):
    first = services.current_run(foxes.project)
    assert services.current_run(foxes.project) == first
    monkeypatch.setattr(
        services.featurisers, "get", lambda name: type("F", (), {"name": "b", "fingerprint": "f" * 16, "dimension": 3})
    )
    assert services.current_run(foxes.project) != first
    assert EmbeddingRun.objects.count() == 2


# --- asking for a refit ---------------------------------------------------------------------------


@pytest.fixture
def labelled(foxes):
    """Label so many more samples."""

    def give(count):
        for sample in factories.samples(foxes.project, count):
            factories.label(foxes.question, sample, foxes.ana, foxes.class_id("fox"))

    return give


def test_a_refit_waits_for_enough_new_labels_and_is_debounced(
    foxes, labelled, sent, django_capture_on_commit_callbacks
):
    labelled(foxes.project.refit_every - 1)
    services.request_refit(foxes.question)
    assert refits() == []
    labelled(1)
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(50):
            services.request_refit(foxes.question)
    assert len(refits()) == 1
    assert [countdown for *_, countdown in sent] == [services.REFIT_DEBOUNCE]


def test_labels_the_current_round_knows_do_not_count(foxes, labelled):
    labelled(foxes.project.refit_every)
    made = factories.ranking(foxes.question, [])
    made.last_label = foxes.question.labels.order_by("-pk")[0].pk
    made.save()
    services.request_refit(foxes.question)
    assert (refits(), services.new_labels(foxes.question)) == ([], 0)
    labelled(foxes.project.refit_every)
    services.request_refit(foxes.question)
    assert len(refits()) == 1


def test_a_refit_may_be_asked_for_at_once(foxes):
    services.request_refit(foxes.question, at_once=True)
    assert len(refits()) == 1


def test_while_one_runs_one_more_may_wait(foxes):
    services.request_refit(foxes.question, at_once=True)
    Job.objects.update(state=Job.State.RUNNING)
    for _ in range(3):
        services.request_refit(foxes.question, at_once=True)
    assert sorted(Job.objects.values_list("state", flat=True)) == ["queued", "running"]


def test_stale_questions_are_refitted_however_few_their_labels(foxes, labelled):
    quiet = factories.project("quiet").first_question
    assert services.retrain_stale() == 0
    labelled(1)
    assert services.retrain_stale() == 1
    assert [job.key for job in refits()] == [f"question:{foxes.question.pk}"]
    assert quiet.labels.count() == 0


def test_a_question_whose_round_knows_all_labels_is_not_stale(foxes, labelled):
    labelled(2)
    made = factories.ranking(foxes.question, [])
    made.last_label = foxes.question.labels.order_by("-pk")[0].pk
    made.save()
    assert services.retrain_stale() == 0
    labelled(1)
    assert services.retrain_stale() == 1
