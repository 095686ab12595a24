"""Taking the samples of one source out of a project that goes on without them."""

import time
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from labeller.embedding import neighbours, runs
from labeller.embedding.models import EmbeddingRun
from labeller.labels import answering, tallies
from labeller.learning import asking
from labeller.learning.models import TileGroup
from labeller.managing import traces
from labeller.managing.closure import let_go, tied
from labeller.managing.emptying import Emptying
from labeller.projects.models import Project
from labeller.samples.models import Deployment, File, Sample, Sequence, Source, Text
from tl_core.store.shards import StoreCorrupt

TOGETHER = 100  # samples in one transaction, with all that hangs on them


def remove(source: Source, emptying: Emptying) -> None:
    """Delete the samples of a source, with their labels; counts, embeddings and rankings of the project stay right."""
    project = source.project
    numbers = list(Sample.objects.filter(file__source=source).order_by().values_list("shard", flat=True).distinct())
    for run in project.embedding_runs.all():
        _forget_vectors(run, source, numbers)
    _remove_samples(source, emptying)
    _remove_files(source, emptying)
    for run in project.embedding_runs.all():
        _forget_shards(run, numbers)
    # They list samples that are gone; the next ranking brings others.
    emptying.all_of(TileGroup.objects.filter(question__project=project, round__isnull=False).order_by())
    for question in project.questions.all():
        asking.request_refit(question, at_once=True)


def _remove_samples(source: Source, emptying: Emptying) -> None:
    of_source = Sample.objects.filter(file__source=source).order_by()
    while pks := list(of_source.values_list("pk", flat=True)[:TOGETHER]):
        with transaction.atomic():
            started = time.monotonic()
            labels = _remove_batch(source.project, pks)
        emptying.rest(time.monotonic() - started)
        emptying.report(Sample, len(pks) + labels)


def _remove_batch(project: Project, pks: list[int]) -> int:
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
    _remove_empty(Deployment, groups)
    tallies.add_samples(None, project=project, count=-len(pks))
    return labels


def _remove_files(source: Source, emptying: Emptying) -> None:
    """Delete what the source's files have left: their small pictures, their rows, bursts and places of theirs only."""
    of_source = File.objects.filter(source=source).order_by()
    while rows := list(of_source.values_list("pk", "sha256", "sequence", "deployment")[: 10 * TOGETHER]):
        pks = [row[0] for row in rows]
        traces.delete(traces.of_pictures(source.project_id, [row[1] for row in rows]))
        with transaction.atomic():
            started = time.monotonic()
            let_go(File, pks)
            File.objects.filter(pk__in=pks).delete()
            for model, place in ((Sequence, 2), (Deployment, 3)):
                _remove_empty(model, {row[place] for row in rows} - {None})
        emptying.rest(time.monotonic() - started)


def _remove_empty(model: Any, pks: set[Any]) -> None:
    """Delete bursts and places of which no file is left, and no text."""
    name = model._meta.model_name
    left = [~Exists(File.objects.filter(**{name: OuterRef("pk")}))]
    if model is Deployment:
        left.append(~Exists(Text.objects.filter(deployment=OuterRef("pk"))))
    model.objects.filter(*left, pk__in=pks).delete()


# --- embeddings -----------------------------------------------------------------------------------


def _forget_vectors(run: EmbeddingRun, source: Source, numbers: list[int]) -> None:
    """Overwrite the vectors of these samples, so that no ranking names them any more.

    A file and its row disagree for a moment; where this ends in between, the shard is embedded again as a damaged one.
    """
    files = runs.store(run)
    for row in run.shards.filter(number__in=numbers):
        of_source = Sample.objects.filter(file__source=source, shard=row.number).order_by()
        gone = np.array(of_source.values_list("pk", flat=True), np.int64)
        try:
            shard = files.read_shard(row.number, sha256=row.sha256)
        except (StoreCorrupt, FileNotFoundError):
            run.shards.filter(pk=row.pk).delete()
            continue
        valid = shard.valid & ~np.isin(shard.ids, gone)
        written = files.write_shard(row.number, np.array(shard.ids), np.array(shard.vectors, np.float32), valid)
        lost = len(valid) - int(valid.sum())
        run.shards.filter(pk=row.pk).update(embedded=int(valid.sum()), failed=lost, sha256=written.sha256)
    files.storage.delete(neighbours.FILE)
    EmbeddingRun.objects.filter(pk=run.pk).update(indexed=F("indexed") + 1)


def _forget_shards(run: EmbeddingRun, numbers: list[int]) -> None:
    """Delete shards of which no sample is left."""
    for number in numbers:
        if not Sample.objects.filter(project=run.project_id, shard=number).exists():
            run.shards.filter(number=number).delete()
            run.given_up.filter(number=number).delete()
            runs.store(run).delete_shard(number)
