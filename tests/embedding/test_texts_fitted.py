"""Featurisers that are fitted to a project's texts, the encoder beside them, and fitting anew."""

import csv

import numpy as np
import pytest

from labeller.embedding import mixing, runs, text_featurisers
from labeller.embedding.models import EmbeddingRun
from labeller.jobs.models import Job
from labeller.learning import hunting
from labeller.learning.choosing import Aim
from labeller.managing import opening
from labeller.projects.models import Project
from labeller.samples import ingesting
from labeller.samples.layouts import TextLayout
from labeller.samples.models import Text
from labeller.transfer import fitting_texts
from tests import factories
from tl_core.texts.base import TextFeaturiser

pytestmark = pytest.mark.django_db

WORDS = ("apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel", "iris", "juniper", "kale", "lime")


class Lengths(TextFeaturiser):
    """An encoder that knows how long a text is, and no more."""

    name, dimension, fingerprint = "lengths", 2, "00000000000000aa"

    def embed(self, texts):
        return np.array([[len(text), 1] for text in texts], np.float32)


@pytest.fixture(autouse=True)
def _encoder(monkeypatch):
    make = text_featurisers.registry.make
    monkeypatch.setattr(text_featurisers.registry, "default", lambda language: ("svd", "lengths"))
    monkeypatch.setattr(text_featurisers.registry, "make", lambda spec: Lengths() if spec == "lengths" else make(spec))


def table(path, count):
    with path.open("w", newline="") as file:
        rows = [(f"{WORDS[n % 12]} {WORDS[n // 12 % 12]} {WORDS[n * 7 % 12]} {n * 7919}",) for n in range(count)]
        csv.writer(file).writerows([("text",), *rows])
    return path


def opened(path):
    project = opening.open_new(folder=path, owner=None, layout=TextLayout())
    factories.work()
    return Project.objects.get(pk=project.pk)


def test_a_project_learns_from_what_was_fitted_and_weighs_an_encoder_beside(tmp_path):
    project = opened(table(tmp_path / "reviews.csv", 40))
    assert project.featuriser.startswith("svd/")
    run = EmbeddingRun.in_use(project)
    assert run.fitted_on == 40
    assert run.shards.get().embedded == 40
    (companion,) = mixing.companions(run)
    assert (companion.featuriser, companion.shards.get().embedded) == ("lengths", 40)
    found = hunting.search(project.first_question, Aim(text="banana banana"), 3)
    assert all("banana" in Text.objects.get(pk=pk).content for pk, _cosine in found.tiles)


def test_all_texts_are_read_by_what_is_fitted_before_the_slow_encoder_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", 20)
    project = opened(table(tmp_path / "reviews.csv", 60))
    run = EmbeddingRun.in_use(project)
    jobs = Job.objects.filter(kind="embed").order_by("pk").values_list("payload__run", flat=True)
    assert list(jobs) == [run.pk] * 3 + [run.companions.get().pk] * 3


def test_it_is_fitted_anew_when_there_are_twice_as_many_texts(tmp_path):
    path = table(tmp_path / "reviews.csv", 40)
    project = opened(path)
    before = EmbeddingRun.in_use(project)
    table(path, 60)
    ingesting.ask_for_scan(project.sources.get())
    factories.work()
    assert EmbeddingRun.in_use(Project.objects.get(pk=project.pk)) == before
    assert before.shards.count() == 2
    table(path, 90)
    ingesting.ask_for_scan(project.sources.get())
    factories.work()
    project.refresh_from_db()
    after = EmbeddingRun.in_use(project)
    assert after != before
    assert (after.fitted_on, sum(after.shards.values_list("embedded", flat=True))) == (90, 90)
    assert [each.featuriser for each in mixing.companions(after)] == ["lengths"]
    assert project.switches.get().former == before


def test_there_is_nothing_to_learn_from_before_it_is_fitted(tmp_path):
    path = table(tmp_path / "reviews.csv", 20)
    project = opening.open_new(folder=path, owner=None, layout=TextLayout())
    with pytest.raises(runs.NotFitted):
        runs.current_run(project)
    factories.work("plan")
    assert Job.objects.filter(kind="fit", state="queued").exists()
    with pytest.raises(runs.NotFitted):  # the import is under way
        fitting_texts.fit(_Told(project))


class _Told:
    """A job's progress, of which nobody is told."""

    def __init__(self, project):
        self.project = project

    def __call__(self, *args, **kwargs):
        pass


def test_of_a_large_table_only_some_texts_of_all_of_it_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", 20)
    project = opened(table(tmp_path / "reviews.csv", 400))
    read = list(text_featurisers.drawn(project, 90))
    assert 90 <= len(read) <= 110, "whole shards, from which near-copies may be gone"
    assert read == list(text_featurisers.drawn(project, 90))
    numbers = np.array([int(content.split()[-1]) // 7919 for content in read])
    assert min(np.histogram(numbers, 4, (0, 400))[0]) >= 20
    assert sorted(text_featurisers.drawn(project, 1000)) == sorted(text_featurisers.contents(project))
    monkeypatch.setattr(fitting_texts.svd, "SAMPLE", 90)
    page = fitting_texts.shown(project)
    assert page.read == 90 < page.fitted_on
