"""Taking samples out of a project that goes on without them: counts, embeddings and rankings stay right.

Vectors go first, so that no ranking names them any more, then the samples with all that hangs on them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from labeller.codes import WorkerCode
from labeller.embedding import ahead, loading, neighbours, runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import answering, tallies
from labeller.learning import asking
from labeller.learning.models import TileGroup
from labeller.managing.closure import let_go, tied
from labeller.projects.models import Project
from labeller.samples.models import Deployment, File, Sample, Text
from tl_core.notices import notice
from tl_core.store.shards import StoreCorrupt


def take_out(project: Project, pks: Sequence[int], still: Callable[[Sequence[int]], list[int]]) -> int:
    """Take a few samples out of the project, with all that hangs on them; returns how many.

    `still` says which of them may go, inside the transaction in which they do, and before anything of it is done.
    """
    going = Sample.objects.filter(project=project, pk__in=list(pks))
    numbers = list(going.order_by().values_list("shard", flat=True).distinct())
    for run in project.embedding_runs.all():
        forget_vectors(run, going, numbers)
    with transaction.atomic():
        gone = still(list(going.select_for_update().order_by("pk").values_list("pk", flat=True)))
        remove_batch(project, gone)
    for run in project.embedding_runs.all():
        forget_shards(run, numbers)
    if len(gone) < len(pks):  # what stays is embedded again
        for run in project.embedding_runs.all():
            run.shards.filter(number__in=numbers).delete()
    listing(project).delete()
    for question in project.questions.all():
        asking.request_refit(question, at_once=True)
    return len(gone)


class Embedding(jobs.Postponed):
    """Vectors are being written: those of samples that go would come back."""

    seconds = 5.0


def wait_for_embedding(project: Project) -> None:
    """Raises Embedding while shards of the project are being embedded."""
    if Job.objects.filter(project=project, kind="embed", state__in=Job.OPEN).exists():
        raise Embedding(notice(WorkerCode.EMBEDDED_BEFORE))


def listing(project: Project) -> "QuerySet[TileGroup]":
    """What lists samples that may be gone; the next ranking brings others."""
    return TileGroup.objects.filter(question__project=project, round__isnull=False).order_by()


def remove_batch(project: Project, pks: list[int]) -> int:
    """Delete samples with all that hangs on them, and take them out of the counts; returns how many labels went."""
    labels = 0
    groups = set(Text.objects.filter(sample__in=pks).values_list("deployment", flat=True)) - {None}
    answering.forget(pks)
    for each in tied(Sample):
        for lookup in each.lookups:
            gone = list(each.rows(lookup, pks).values_list("pk", flat=True))
            let_go(each.model, gone)
            each.model._base_manager.filter(pk__in=gone).delete()
            labels += len(gone) if each.model._meta.label == "labels.Label" else 0
    let_go(Sample, pks)
    Sample.objects.filter(pk__in=pks).delete()
    remove_empty(Deployment, groups)
    tallies.add_samples(None, project=project, count=-len(pks))
    return labels


def remove_empty(model: Any, pks: set[Any]) -> None:
    """Delete bursts and places of which no file is left, and no text."""
    name = model._meta.model_name
    left = [~Exists(File.objects.filter(**{name: OuterRef("pk")}))]
    if model is Deployment:
        left.append(~Exists(Text.objects.filter(deployment=OuterRef("pk"))))
    model.objects.filter(*left, pk__in=pks).delete()


# --- embeddings -----------------------------------------------------------------------------------


def forget_vectors(run: EmbeddingRun, going: "QuerySet[Sample]", numbers: list[int]) -> None:
    """Overwrite the vectors of these samples, so that no ranking names them any more.

    A file and its row disagree for a moment; where this ends in between, the shard is embedded again as a damaged one.
    """
    files = runs.store(run)
    for number in numbers:  # what a halted run has not taken over yet
        ahead.forget(run, number)
    for row in run.shards.filter(number__in=numbers):
        gone = np.array(going.filter(shard=row.number).order_by().values_list("pk", flat=True), np.int64)
        try:
            shard = files.read_shard(row.number, sha256=row.sha256)
        except (StoreCorrupt, FileNotFoundError):
            run.shards.filter(pk=row.pk).delete()
            continue
        valid = shard.valid & ~np.isin(shard.ids, gone)
        written = files.write_shard(row.number, np.array(shard.ids), np.array(shard.vectors, np.float32), valid)
        lost = len(valid) - int(valid.sum())
        run.shards.filter(pk=row.pk).update(embedded=int(valid.sum()), failed=lost, sha256=written.sha256)
    for name in [neighbours.FILE, *files.storage.names(loading.SUMMARY)]:
        files.storage.delete(name)
    EmbeddingRun.objects.filter(pk=run.pk).update(indexed=F("indexed") + 1)


def forget_shards(run: EmbeddingRun, numbers: list[int]) -> None:
    """Delete shards of which no sample is left."""
    for number in numbers:
        if not Sample.objects.filter(project=run.project_id, shard=number).exists():
            run.shards.filter(number=number).delete()
            run.given_up.filter(number=number).delete()
            runs.store(run).delete_shard(number)
