"""From embeddings and labels to heads: which rows, which head, which parameters."""

import sys
import types

import numpy as np
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from labeller.embedding import runs
from labeller.embedding.loading import Embedded, load_embeddings
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning import asking, fitting
from labeller.learning.fitting import HeldOut
from labeller.learning.models import Head, Round
from labeller.messages import sentence
from labeller.projects.models import Question
from labeller.samples.models import Deployment, File, Sample, Sequence
from tests import factories
from tl_core import importing
from tl_core.heads import files as head_files
from tl_core.heads import strokes
from tl_core.store.vectors import Vectors

NAMES = ("fox", "badger", "empty")


# --- embeddings -----------------------------------------------------------------------------------


def embedded(ids, vectors=None):
    vectors = np.zeros((len(ids), 3), np.float32) if vectors is None else vectors
    mean = vectors.mean(axis=0) if len(ids) else np.zeros(vectors.shape[1], np.float32)
    return Embedded(np.array(ids, np.int64), Vectors([vectors], [None], vectors.shape[1]), mean)


IDS = st.lists(st.integers(1, 10**12), unique=True, max_size=30)


@given(IDS, IDS)
def test_samples_are_found_where_they_stand_and_others_nowhere(ids, others):
    where = {sample_id: position for position, sample_id in enumerate(ids)}
    wanted = [*others, *ids[::2]]
    assert embedded(ids).positions(wanted).tolist() == [where.get(each, -1) for each in wanted]
    left = embedded(ids).without(set(wanted))
    assert [ids[position] for position in left] == [each for each in ids if each not in set(wanted)]


def test_norms_are_distances_from_the_mean():
    vectors = np.random.default_rng(0).normal(3, 2, (50, 5)).astype(np.float32)
    found = embedded(range(1, 51), vectors)
    np.testing.assert_allclose(found.norms, np.linalg.norm(vectors - vectors.mean(axis=0), axis=1), rtol=1e-5)
    assert found.norms.dtype == np.float32
    assert embedded([]).norms.shape == (0,)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=20))
def test_scores_of_held_out_labels_are_those_of_scikit_learn(pairs):
    true, predicted = np.array(pairs).T
    true = np.concatenate([true, np.arange(3)])  # every class has a label, else it would be none
    predicted = np.concatenate([predicted, np.arange(3)])
    held_out = HeldOut(true[:, None] == np.arange(3), predicted[:, None] == np.arange(3), [0, 1, 2])
    assert held_out.accuracy == pytest.approx((true == predicted).mean())
    assert held_out.macro_f1 == pytest.approx(f1_score(true, predicted, average="macro"))
    assert held_out.balanced_accuracy == pytest.approx(balanced_accuracy_score(true, predicted))


# --- heads ----------------------------------------------------------------------------------------


@pytest.fixture
def labelled(foxes):
    """60 embedded samples in three groups, twelve of them labelled."""
    vectors, groups = factories.clusters(60, 3)
    made = factories.samples(foxes.project, 60)
    factories.embed(foxes.project, made, vectors)
    factories.labelled_each(
        foxes.question,
        [(sample, NAMES[group]) for sample, group in zip(made[:12], groups[:12], strict=True)],
        foxes.ana,
    )
    return vectors.astype(np.float32), groups


def learn_by(foxes, **fields):
    Question.objects.filter(pk=foxes.question.pk).update(**fields)
    asking.request_refit(foxes.question, at_once=True)
    return factories.work("refit")


@pytest.mark.parametrize("name", ["transductive", "logistic", "centroid", "svm", "knn", "sklearn.svm.LinearSVC"])
def test_the_project_says_what_head_it_is(foxes, labelled, settings, name):
    vectors, groups = labelled
    learn_by(foxes, head=name)
    head = Head.objects.get()
    assert head.name == name
    stored = head_files.load(settings.HEADS / head.directory)
    truth = [foxes.class_id(NAMES[group]) for group in groups]
    assert np.array(head.class_ids)[stored.predict_proba(vectors).argmax(axis=1)].tolist() == truth


def test_a_head_that_cannot_be_stored_ranks_all_the_same_but_is_not_exported(client, foxes, labelled):
    learn_by(foxes, head="sklearn.neighbors.KNeighborsClassifier")
    assert Head.objects.get().directory == ""
    assert Round.objects.get(is_current=True).entries.exclude(suggestions=[]).exists()
    client.force_login(foxes.mia)
    assert client.get("/projects/foxes/export/predictions.csv").status_code == 404


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"head": "no.such.Classifier"}, "The head no.such.Classifier can't be used"),
        ({"head": "wiped"}, "The head wiped can't be used"),
        ({"head": "collections.OrderedDict"}, "The head collections.OrderedDict can't be used"),
        ({"strategy": "no.such.strategy"}, "The strategy no.such.strategy can't be used"),
        ({"strategy": "quits.strategy"}, "SystemExit"),
    ],
)
def test_what_cannot_be_had_is_said_and_the_queue_goes_on(foxes, labelled, monkeypatch, fields, named):
    class Quits(types.ModuleType):
        def __getattr__(self, name):
            raise SystemExit(1)

    monkeypatch.setitem(sys.modules, "quits", Quits("quits"))
    monkeypatch.setattr(importing, "_allowed", {*importing.ALLOWED, "quits", "no.such"})
    assert learn_by(foxes, **fields)[-1].state == Job.State.FAILED
    job = Job.objects.filter(kind="refit").latest("pk")
    assert named in sentence(job.error) and "settings" in sentence(job.error)
    assert learn_by(foxes, head="logistic", strategy="margin")[-1].state == Job.State.DONE


def test_with_several_classes_a_sample_each_has_a_probability_of_its_own(db, settings):
    foxes = factories.cast(multi_label=True)
    vectors, groups = factories.clusters(40, 4)
    made = factories.samples(foxes.project, 40)
    factories.embed(foxes.project, made, vectors)
    answers = (("fox",), ("badger",), ("fox", "badger"), ("empty",))
    factories.labelled_each(
        foxes.question,
        [(sample, *answers[group]) for sample, group in zip(made[:20], groups[:20], strict=True)],
        foxes.ana,
    )
    learn_by(foxes)
    head = Head.objects.get()
    assert (head.name, head.n_labels) == (fitting.MULTI_LABEL, 20)
    likely = head_files.load(settings.HEADS / head.directory).predict(vectors.astype(np.float32))
    expected = [[class_id in map(foxes.class_id, answers[group]) for class_id in head.class_ids] for group in groups]
    assert likely.tolist() == expected
    found = {entry.sample_id: entry.predicted_classes for entry in Round.objects.get(is_current=True).entries.all()}
    assert len(found) == 20
    for sample, group in zip(made, groups, strict=True):
        if sample.pk in found:
            assert found[sample.pk] == sorted(map(foxes.class_id, answers[group]))


# --- strokes --------------------------------------------------------------------------------------


def weights(foxes):
    """How much each sample's label counts in a fit."""
    run = runs.current_run(foxes.project)
    data = fitting.training(foxes.question, load_embeddings(run), labels.consensus(foxes.question))
    return dict(zip(data.sample_ids.tolist(), data.weight.tolist(), strict=True))


def test_tiles_of_a_class_count_as_its_other_labels_do_and_a_burst_as_one(foxes):
    vectors, _ = factories.clusters(60, 3)
    made = factories.samples(foxes.project, 60)
    factories.embed(foxes.project, made, vectors)
    alone, page, others, burst = made[:5], made[5:35], made[35:40], made[40:44]
    deployment = Deployment.objects.create(project=foxes.project, name="north")
    sequence = Sequence.objects.create(deployment=deployment, started_at=timezone.now())
    File.objects.filter(samples__in=burst).update(sequence=sequence)
    factories.labelled(foxes.question, alone, foxes.ana, "fox")
    factories.labelled_each(
        foxes.question,
        [(sample, name) for sample, name in [(each, "fox") for each in page] + [(each, "empty") for each in others]],
        foxes.ana,
        mode="grid",
    )
    factories.labelled(foxes.question, burst, foxes.ana, "badger", mode="sequence")
    found = weights(foxes)
    assert [found[each.pk] for each in alone] == [1.0] * 5
    assert sum(found[each.pk] for each in page) == pytest.approx(5)
    assert sum(found[each.pk] for each in others) == pytest.approx(strokes.LEAST)
    assert sum(found[each.pk] for each in burst) == pytest.approx(1)

    confirmed = Label.objects.get(sample=page[0])
    factories.label(foxes.question, page[0], foxes.ana, foxes.class_id("badger"), supersedes=confirmed.uuid)
    assert weights(foxes)[page[0].pk] == 1, "looked at alone since"


def test_a_page_of_tiles_does_not_tilt_the_head(foxes, settings):
    """Two classes that overlap: forty confirmed tiles of one must not make the other vanish where they meet."""
    rng = np.random.default_rng(0)
    side = np.repeat([0, 1], 60)
    vectors = rng.normal(0, 1, (120, 8)).astype(np.float32)
    vectors[:, 0] += np.where(side == 0, -0.9, 0.9)
    made = factories.samples(foxes.project, 120)
    factories.embed(foxes.project, made, vectors)
    factories.labelled(foxes.question, made[:10], foxes.ana, "fox")
    factories.labelled(foxes.question, made[60:70], foxes.ana, "badger")
    learn_by(foxes, head="logistic")
    factories.labelled(foxes.question, made[10:50], foxes.ana, "fox", mode="grid")
    learn_by(foxes, head="logistic")
    before, after = Head.objects.order_by("version")
    badgers = rng.normal(0, 1, (2000, 8)).astype(np.float32)
    badgers[:, 0] += 0.9

    def found(head):
        classes = np.array(head.class_ids)
        predicted = classes[head_files.load(settings.HEADS / head.directory).predict_proba(badgers).argmax(axis=1)]
        return (predicted == foxes.class_id("badger")).mean()

    assert found(after) > found(before) - 0.1


def test_a_classifier_that_takes_no_weights_learns_all_the_same(foxes, labelled):
    factories.labelled(foxes.question, Sample.objects.order_by("pk")[20:40], foxes.ana, "fox", mode="grid")
    assert learn_by(foxes, head="sklearn.neighbors.KNeighborsClassifier")[-1].state == Job.State.DONE
