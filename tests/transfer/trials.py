"""Networks that need no weights, and pictures of three kinds to try them on."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from labeller.jobs.models import Job
from labeller.samples import ingesting
from labeller.samples.models import Sample
from labeller.transfer import advising, candidates
from labeller.transfer.candidates import Missing, Rival, Variant
from tests import factories
from tests.conftest import FakeFeaturiser, FakeRuntime
from tl_core.featurisers import baselines

GOOD = FakeFeaturiser(name="good", fingerprint="00000000000000aa", dimension=12)
POOR = FakeFeaturiser(name="poor", fingerprint="00000000000000bb", dimension=1)


@dataclass
class Counting(FakeRuntime):
    """Counts what it embeds."""

    embedded: int = 0

    def embed(self, batch):
        self.embedded += len(batch)
        return super().embed(batch)


def network(featuriser, runtime=None, stored=()):
    columns = ((slice(0, featuriser.dimension), False),)
    variant = Variant(candidates.LAST, featuriser.name, columns)
    load = partial(lambda made: made, runtime or FakeRuntime(featuriser))
    return Rival(featuriser.name, True, (variant,), 1.0, stored, load)


@pytest.fixture
def tried(monkeypatch):
    """Two networks and small pictures are at hand; others may be put beside them."""
    pixels = Rival(baselines.PIXELS, False, (Variant("", "", baselines.SmallPicture.parts),), load=OneColour)
    listed = [network(GOOD), network(POOR), pixels]
    monkeypatch.setattr(candidates, "of", lambda project, runtime: (listed, [Missing("far", "pip install far")]))
    return listed


class OneColour(baselines.SmallPicture):
    """Pixels of which only one is left: hardly anything."""

    def embed(self, batch):
        return super().embed(batch) * np.float32([1] + [0] * 767)


@pytest.fixture
def pictures(foxes, folder):
    """Sixty pictures of three kinds, in the order of their names."""
    for number in range(60):
        image = np.asarray(factories.picture(number % 3, (32, 24)), np.float32)
        image += np.random.default_rng(number).normal(0, 25, image.shape)
        factories.Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    ingesting.add_source(foxes.project, folder)
    factories.work("scan", "ingest")
    Job.objects.all().delete()
    foxes.project.refresh_from_db()
    return list(Sample.objects.filter(project=foxes.project).order_by("file__path"))


@pytest.fixture
def labelled(foxes, pictures):
    classes = [foxes.class_id(name) for name in ("fox", "badger", "empty")]
    factories.labelled_each(
        foxes.question, [(sample, classes[number % 3]) for number, sample in enumerate(pictures)], foxes.ana
    )
    Job.objects.all().delete()
    return pictures


def measured(project, samples=100):
    return advising.measure(project, samples, lambda *args, **kwargs: None).report


def line_of(report, name):
    return next(line for line in report["candidates"] if line["name"] == name)
