"""A small project of texts of two fields, of which what it learns from knows nothing: any training is a gain."""

import csv

import numpy as np
from django.utils import timezone

from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.managing import opening
from labeller.projects.making import ensure_class
from labeller.projects.models import Project
from labeller.samples.layouts import TextLayout
from labeller.samples.models import Text
from tests import factories

COUNT = 96  # of which none is nearly another
FIELDS = {field: [f"{field}{letter}" for letter in "abcdefghijkl"] for field in ("eye", "tax")}


def project(folder):
    """Imported and embedded: nobody has said what its texts are about."""
    rng = np.random.default_rng(0)
    path = folder / "news.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text"])
        for number in range(COUNT):
            rows.writerow([sentence(rng, number)])
    owner = factories.person("olga")
    made = opening.open_new(folder=path, owner=owner, class_names=list(FIELDS), layout=TextLayout())
    factories.work()
    made = Project.objects.get(pk=made.pk)
    blind(made)
    return made


def sentence(rng, number):
    """One of either field by turns."""
    return " ".join([*rng.permutation(FIELDS[("eye", "tax")[number % 2]])[:6], f"no{number * 7919}"])


def blind(of):
    """Noise in the place of what was embedded."""
    run = EmbeddingRun.in_use(of)
    ids = np.array(of.samples.order_by("pk").values_list("pk", flat=True), np.int64)
    noise = np.random.default_rng(1).normal(size=(len(ids), run.dimension)).astype(np.float32)
    written = runs.store(run).write_shard(0, ids, noise, np.ones(len(ids), bool))
    run.shards.update(sha256=written.sha256)


def label(of, count=COUNT):
    """Say of so many texts which field they are of."""
    question, ana = of.first_question, factories.person("ana")
    classes = {name: ensure_class(question, name)[0].pk for name in FIELDS}
    factories.labelled_each(
        question,
        [
            (text.sample, classes[text.content[:3]])
            for text in Text.objects.filter(project=of).select_related("sample").order_by("pk")[:count]
        ],
        ana,
    )
    Job.objects.filter(state="queued").delete()


def work(*kinds):
    """The queued jobs of these kinds, once each: one that waits for what it queued is put back."""
    for job in Job.objects.filter(kind__in=kinds, state=Job.State.QUEUED).order_by("pk"):
        Job.objects.filter(pk=job.pk).update(not_before=timezone.now())
        jobs.run(job.pk, factories.registry.get)


def now(made):
    """The project as it is stored by now."""
    return Project.objects.get(pk=made.pk)
