# ruff: noqa: N806 - the matrix is X here, as in scikit-learn
"""Which question helps which: measured, kept only where it helps, and seen by the head that it helps."""

import numpy as np
import pytest
from django.db import transaction
from django.urls import reverse

from labeller.embedding import mixing, runs
from labeller.jobs.models import Job
from labeller.labels import answering, recording
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning import asking, reading, weighing
from labeller.learning.models import Head, Helping
from labeller.projects.making import ensure_class
from labeller.projects.models import Question
from labeller.transfer import helping as page
from tests import factories

pytestmark = pytest.mark.django_db
N = 240


def answer(question, samples, given, who):
    made = [
        factories.judgement(question, sample, who, class_id) for sample, class_id in zip(samples, given, strict=True)
    ]
    with transaction.atomic(), answering.kept([sample.pk for sample in samples]):
        recording.record_together(made)


@pytest.fixture
def asked(foxes):
    """Which of three stripes a sample lies in; and whether it is the middle one, which no line through it tells."""
    stripes = Question.objects.create(project=foxes.project, key="stripe", text="Which stripe?", position=1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, factories.DIMENSION))
    stripe = np.digitize(X[:, 0], [-0.43, 0.43])
    samples = factories.samples(foxes.project, N)
    factories.embed(foxes.project, samples, X)
    of_stripe = [ensure_class(stripes, name)[0].pk for name in ("left", "middle", "right")]
    answer(stripes, samples, [of_stripe[each] for each in stripe], foxes.ana)
    names = [foxes.class_id("fox"), foxes.class_id("badger")]
    answer(foxes.question, samples[:180], [names[int(each == 1)] for each in stripe[:180]], foxes.ana)
    return foxes, stripes


def test_what_helps_is_kept_and_the_head_sees_it(asked, client):
    foxes, stripes = asked
    page.ask(foxes.project)
    (done,) = factories.work("help")
    assert done.state == Job.State.DONE, done.error
    helped = Helping.objects.get(question=foxes.question, helper=stripes)
    assert helped.companion is not None
    assert helped.joined > helped.alone + 0.1
    assert Helping.objects.filter(question=stripes).count() == 1
    factories.work("embed")
    run = runs.current_run(foxes.project)
    assert helped.companion in weighing.allowed(foxes.question, mixing.companions(run))
    assert helped.companion not in weighing.allowed(stripes, mixing.companions(run))
    digest = weighing.choose(foxes.question, run, labels.consensus(foxes.question))
    assert digest
    embeddings = reading.embeddings_of(foxes.question, run, digest)
    assert embeddings.vectors.shape == (N, factories.DIMENSION + 3)
    # Through a whole full refit, scoring and an export.
    asking.request_retrain(foxes.question)
    assert {each.state for each in factories.work("retrain")} == {Job.State.DONE}
    head = Head.objects.filter(question=foxes.question).latest("version")
    assert head.mix == digest
    assert any(",foresee=stripe-" in name for name, _ in head.weights)
    client.force_login(foxes.olga)
    response = client.get(reverse("exchange:predictions_csv", args=[foxes.project.slug]) + "?question=species")
    rows = b"".join(response.streaming_content).decode().splitlines()
    assert len(rows) == N + 1
    shown = client.get(reverse("transfer:featuriser", args=[foxes.project.slug])).content.decode()
    assert "Which stripe?" in shown and 'data-testid="helping-rows"' in shown


def test_what_does_not_help_any_more_is_let_go(asked):
    foxes, stripes = asked
    page.ask(foxes.project)
    factories.work("help", "embed")
    helped = Helping.objects.get(question=foxes.question, helper=stripes)
    former = helped.companion
    # Everything is answered at random now.
    rng = np.random.default_rng(5)
    names = [foxes.class_id("fox"), foxes.class_id("badger")]
    factories.forget(Label.objects.filter(question=foxes.question))
    answer(foxes.question, list(foxes.project.samples.order_by("pk")), rng.choice(names, N).tolist(), foxes.bo)
    page.ask(foxes.project)
    factories.work("help")
    helped.refresh_from_db()
    assert helped.companion is None
    former.refresh_from_db()
    assert (former.beside, former.state) == (None, former.State.CANCELLED)


def test_few_labels_are_not_compared(foxes):
    Question.objects.create(project=foxes.project, key="other", text="Other?", position=1)
    factories.embed(foxes.project, factories.samples(foxes.project, 3), np.eye(3, factories.DIMENSION))
    page.ask(foxes.project)
    (done,) = factories.work("help")
    assert done.state == Job.State.DONE
    assert page.shown(foxes.project) == {"is_several": True, "rows": [], "job": None}
