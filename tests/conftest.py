"""Fixtures for all tests of the site."""

import contextlib
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from django.db.backends.signals import connection_created
from django.test import override_settings
from hypothesis import settings
from PIL import Image

from labeller.embedding import computing, loading, neighbours, runs, text_featurisers
from labeller.jobs import queueing as jobs
from labeller.learning import choosing, fitting, reading
from tests import factories, graphs, prepared

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
    precision: str = "float32"

    @property
    def recipe(self):
        return {"how": "resize", "resize": 8, "crop": 8, "interpolation": "bicubic", "squash": True, "longest": 32}

    def export_onnx(self, path):
        graphs.write_corners(path, self.image_size, self.dimension)

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


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """Begin with tables that the migrations made once, instead of having every process migrate."""
    connection_created.connect(_with_tables)


def _with_tables(connection, **_):
    is_in_memory = connection.vendor == "sqlite" and connection.is_in_memory_db()
    if is_in_memory and not connection.connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        with contextlib.closing(sqlite3.connect(prepared.site() / prepared.DATABASE)) as made:
            made.backup(connection.connection)


@pytest.fixture(scope="session")
def _data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def _own_files(_data):
    """Give each test its own data directory, and forget what a worker process would have kept from another one."""
    data = Path(tempfile.mkdtemp(dir=_data))  # pytest's own would look at those of all tests before
    names = ("MEDIA", "EMBEDDINGS", "NETWORKS", "HEADS", "MODELS", "CACHE")
    cache.clear()
    loading._load.cache_clear()
    fitting._learner.cache_clear()
    neighbours._loaded.cache_clear()
    text_featurisers.loaded.cache_clear()
    choosing._start.cache_clear()
    choosing._is_grouped.cache_clear()
    reading._only.cache_clear()
    with override_settings(DATA=data, **{name: data / name.lower() for name in names}):
        yield


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
