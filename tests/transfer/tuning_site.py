"""A project whose network is tiny and whose embeddings say nothing, so that any training is a gain."""

import numpy as np

from labeller.embedding import computing, runs
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.samples import ingesting
from labeller.samples.models import Sample
from tests import factories
from tests.tl_core import tuned
from tl_core.featurisers import registry

N = 72
RUNTIME = computing.runtime  # before tests put another in its place


def prepare(cast, folder, networks, monkeypatch=None):
    """Striped pictures, all labelled by their stripes; returns the project."""
    if monkeypatch is not None:
        monkeypatch.setattr(runs.featurisers, "get", registry.get)
        monkeypatch.setattr(computing, "runtime", RUNTIME)
    spec = tuned.featuriser(networks).name
    Project.objects.filter(pk=cast.project.pk).update(featuriser=spec, keeps_levels=False)
    cast.project.refresh_from_db()
    cast.question.project = cast.project
    _, codes = tuned.pictures(folder, N)
    ingesting.add_source(cast.project, folder)
    factories.work("scan", "ingest")
    Job.objects.filter(state="queued").delete()
    samples = list(Sample.objects.filter(project=cast.project).order_by("file__path"))
    vectors = np.random.default_rng(0).normal(size=(N, runs.current_run(cast.project).dimension))
    factories.embed(cast.project, samples, vectors)
    Job.objects.filter(state="queued").delete()
    factories.labelled_each(
        cast.question,
        [(sample, ("fox", "badger", "empty")[code]) for sample, code in zip(samples, codes, strict=True)],
        cast.ana,
    )
    return cast.project
