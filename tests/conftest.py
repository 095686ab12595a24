"""Fixtures for all tests of the site."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from hypothesis import settings
from PIL import Image

from labeller.embedding import computing, loading, neighbours, runs, text_featurisers
from labeller.jobs import queueing as jobs
from labeller.learning import choosing, fitting, reading
from tests import factories

# How long an example takes says more of the machine's other work than of the program.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@dataclass
class FakeFeaturiser:
    """What the site asks of a featuriser, without weights."""

    name: str = "efficientnet-lite0"
    fingerprint: str = "0123456789abcdef"
    dimension: int = factories.DIMENSION
    image_size: int = 8
    decode_side: int = 8

    def preprocess(self, image):
        return np.asarray(Image.fromarray(image).resize((8, 8)), np.uint8)


@dataclass
class FakeRuntime:
    """Embeds a picture as the means of its colours in the four corners, cut to the dimension."""

    featuriser: FakeFeaturiser
    threads: int = 1
    batch_size: int = 4
    in_flight: int = 2

    def embed(self, batch):
        corners = batch.reshape(len(batch), 2, 4, 2, 4, 3).mean(axis=(2, 4)).reshape(len(batch), -1)
        return corners[:, : self.featuriser.dimension].astype(np.float32)


@pytest.fixture(autouse=True)
def _fake_featuriser(request, monkeypatch):
    """Embed with a few lines of numpy: the network has tests of its own."""
    if {"tl_core", "docs"} & set(request.node.nodeid.split("/")) or request.node.get_closest_marker("faults"):
        return
    monkeypatch.setattr(runs.featurisers, "get", lambda name="": FakeFeaturiser())
    monkeypatch.setattr(computing, "runtime", lambda name, device: FakeRuntime(FakeFeaturiser()))
    monkeypatch.setattr(text_featurisers.registry, "default", lambda language: ("svd",))  # what needs no weights


@pytest.fixture(autouse=True)
def _own_files(settings, tmp_path_factory, monkeypatch):
    """Give each test its own data directory, and forget what a worker process would have kept from another one."""
    data = tmp_path_factory.mktemp("data")
    settings.DATA = data
    for name in ("MEDIA", "EMBEDDINGS", "NETWORKS", "HEADS", "MODELS", "CACHE"):
        setattr(settings, name, data / name.lower())
    cache.clear()
    loading._load.cache_clear()
    fitting._learner.cache_clear()
    neighbours._loaded.cache_clear()
    text_featurisers.loaded.cache_clear()
    choosing._start.cache_clear()
    choosing._is_grouped.cache_clear()
    reading._only.cache_clear()


@pytest.fixture
def sent(monkeypatch):
    """The messages that would go to the broker: (job id, queue, countdown)."""
    messages = []

    class App:
        @staticmethod
        def send_task(name, args, queue, countdown, **options):
            assert name == jobs.RUN_TASK
            messages.append((args[0], queue, countdown))

    monkeypatch.setattr(jobs, "current_app", App)
    return messages


@pytest.fixture
def foxes(db):
    """The cast around a project of foxes with single-label answers."""
    return factories.cast()


@pytest.fixture
def folder(tmp_path) -> Path:
    """An empty folder for photographs."""
    path = tmp_path / "photographs"
    path.mkdir()
    return path
