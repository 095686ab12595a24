"""Runs made from another run's embeddings by a map."""

import numpy as np
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from labeller.embedding import deriving, loading, runs
from tests import factories
from tl_core.spaces import cameras


@pytest.mark.django_db
def test_a_run_is_made_by_any_map_and_another_fit_is_another_run(foxes):
    vectors = np.random.default_rng(0).normal(size=(30, factories.DIMENSION)).astype(np.float32)
    vectors[::2] += 5  # one of two cameras
    made = factories.samples(foxes.project, 30)
    factories.embed(foxes.project, made, vectors)
    base = runs.current_run(foxes.project)
    fitted = cameras.fit(vectors, np.arange(30) % 2)
    run = deriving.start(base, deriving.keep(base, fitted), fitted.dimension)
    assert deriving.start(base, fitted.name, fitted.dimension) == run and run.adaptation == fitted.name
    assert runs.is_derived(run.featuriser) and runs.underived(run.featuriser) == base.featuriser
    runs.resume(run)
    factories.work("embed")
    np.testing.assert_array_equal(loading.load_embeddings(run).vectors[:], fitted.apply(vectors))
    runs.use(run)
    foxes.project.refresh_from_db()
    assert runs.current_run(foxes.project) == run
    other = deriving.start(base, cameras.fit(vectors[:20], np.arange(20) % 2).name, fitted.dimension)
    assert other != run and other.featuriser != run.featuriser


def test_whitened_runs_of_earlier_versions_find_their_file(transactional_db):
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    before = [("embedding", "0002_kept_state")]
    executor.migrate(before)
    projects = [node for node in newest if node[0] == "projects"]
    apps = executor.loader.project_state([*projects, *before]).apps
    project = apps.get_model("projects", "Project").objects.create(slug="old", name="Old")
    make = apps.get_model("embedding", "EmbeddingRun").objects.create
    base = make(project=project, featuriser="a", fingerprint="a" * 16, dimension=4)
    make(project=project, featuriser="a,whiten=2", fingerprint="b" * 16, dimension=2, base=base, whitening="f" * 64)
    executor = MigrationExecutor(connection)
    executor.migrate(newest)
    after = executor.loader.project_state(newest).apps.get_model("embedding", "EmbeddingRun").objects
    assert list(after.order_by("pk").values_list("adaptation", flat=True)) == ["", f"whitening-{'f' * 64}"]
