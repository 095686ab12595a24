"""Levels beside the last layer: kept while a question gains by them, deleted and made again on demand."""

import pytest
from django.urls import reverse

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.learning.models import Head
from labeller.learning.signals import learnt
from labeller.projects.models import Project, Question
from labeller.samples import ingesting as samples
from labeller.transfer import levels
from tests import factories
from tests.embedding.test_mixing import with_levels  # noqa: F401 - a fixture
from tests.factories import photograph

pytestmark = pytest.mark.django_db


@pytest.fixture
def embedded(foxes, folder, with_levels):  # noqa: F811
    for number in range(6):
        photograph(folder / f"{number}.png", number)
    samples.add_source(foxes.project, folder)
    factories.work("scan", "ingest", "plan", "embed")
    return foxes.project


@pytest.fixture
def mia(foxes, client):
    client.force_login(foxes.mia)
    return client


def full(question, *, labels, weights=()):
    run = runs.current_run(question.project)
    return Head.objects.create(
        question=question, run=run, version=Head.next_version(question), name="logistic", class_ids=[1, 2],
        n_labels=labels, fit_seconds=0.1, is_full=True, weights=list(weights), mix="0" * 64 if weights else "",
    )  # fmt: skip


def keeps(project):
    return Project.objects.get(pk=project.pk).keeps_levels


def test_they_go_once_every_question_speaks_for_the_last_layer(foxes, embedded):
    behaviour = Question.objects.create(project=embedded, key="behaviour", text="What does it do?", position=1)
    full(foxes.question, labels=levels.ENOUGH_TO_LEAVE)
    learnt.send(None, question=foxes.question)
    assert keeps(embedded)  # the other one has not spoken
    full(behaviour, labels=levels.ENOUGH_TO_LEAVE - 1)
    learnt.send(None, question=behaviour)
    assert keeps(embedded)  # nor loudly enough
    full(behaviour, labels=levels.ENOUGH_TO_LEAVE)
    learnt.send(None, question=behaviour)
    assert not keeps(embedded)
    factories.work("levels")
    run = EmbeddingRun.objects.get()
    assert run.featuriser == "efficientnet-lite0" and run.shards.count() == 2
    assert not [name for name in runs.root().names("project-") if "fedcba" in name]


def test_they_stay_where_one_question_gains(foxes, embedded):
    behaviour = Question.objects.create(project=embedded, key="behaviour", text="What does it do?", position=1)
    full(foxes.question, labels=900)
    full(behaviour, labels=900, weights=[("efficientnet-lite0", 1.0), ("efficientnet-lite0,output=levels", 2.0)])
    learnt.send(None, question=foxes.question)
    assert keeps(embedded)


def test_a_manager_deletes_them_and_has_them_made_again(embedded, mia):
    where = reverse("transfer:levels", args=["foxes"])
    mia.post(where, {"keeps": "no"})
    factories.work("levels")
    assert EmbeddingShard.objects.count() == 2
    assert "Keep levels, too" in mia.get(reverse("transfer:featuriser", args=["foxes"])).content.decode()
    mia.post(where, {"keeps": "yes"})
    factories.work("levels", "embed")
    assert EmbeddingShard.objects.count() == 4
    assert levels.shown(embedded).missing == 0


def test_the_page_tells_what_each_question_sees(foxes, embedded, mia):
    full(foxes.question, labels=120, weights=[("efficientnet-lite0", 1.0), ("efficientnet-lite0,output=levels", 3.0)])
    page = mia.get(reverse("transfer:featuriser", args=["foxes"])).content.decode()
    assert "chosen at 120 labels" in page and 'value="0.75"' in page
    assert levels.shown(embedded).megabytes == pytest.approx(6 * 4 * 2 / 1e6)


def test_a_question_without_labels_sees_the_last_layer(embedded, mia):
    assert "not enough labels yet" in mia.get(reverse("transfer:featuriser", args=["foxes"])).content.decode()
