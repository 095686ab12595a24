"""What a worker process reads once and keeps of a run's embeddings, and what it never needs."""

import numpy as np
import pytest

from labeller.embedding import runs
from labeller.embedding.loading import load_embeddings
from labeller.embedding.models import EmbeddingShard
from labeller.learning import choosing, rounds
from tests import factories

pytestmark = pytest.mark.django_db


def test_the_mean_is_that_of_all_shards(foxes):
    vectors, _ = factories.clusters(50, 3)
    for shard, rows in enumerate((slice(0, 30), slice(30, 50))):
        made = factories.samples(foxes.project, len(vectors[rows]), shard)
        factories.embed(foxes.project, made, vectors[rows], shard)
    found = load_embeddings(runs.current_run(foxes.project))
    np.testing.assert_allclose(found.mean, vectors.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.norms, np.linalg.norm(vectors - vectors.mean(axis=0), axis=1), rtol=1e-5)


def test_a_run_in_which_every_file_was_broken_has_no_embeddings(foxes):
    run = runs.current_run(foxes.project)
    ids = np.array([sample.pk for sample in factories.samples(foxes.project, 3)])
    written = runs.store(run).write_shard(0, ids, np.zeros((3, run.dimension), np.float32), np.zeros(3, bool))
    EmbeddingShard.objects.create(run=run, number=0, embedded=0, failed=3, sha256=written.sha256)
    found = load_embeddings(run)
    assert (len(found.ids), found.mean.tolist()) == (0, [0.0] * run.dimension)
    assert rounds.rank(foxes.question) is None


def test_the_pool_is_clustered_for_the_first_labels_only(foxes, monkeypatch):
    vectors, groups = factories.clusters(60, 3)
    made = factories.samples(foxes.project, 60)
    factories.embed(foxes.project, made, vectors)
    class_ids = [foxes.class_id(name) for name in ("fox", "badger", "empty")]
    factories.labelled_each(
        foxes.question,
        [(sample, class_ids[group]) for sample, group in zip(made[:25], groups[:25], strict=True)],
        foxes.ana,
    )
    monkeypatch.setattr(choosing.query, "spread_centroids", lambda *_: pytest.fail("clustered for nothing"))
    assert rounds.rank(foxes.question).entries
