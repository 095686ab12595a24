"""Taking the samples of one source out of a project that goes on without them."""

import time

from django.db import transaction

from labeller.learning import asking
from labeller.managing import removing_samples, traces
from labeller.managing.closure import let_go
from labeller.managing.emptying import Emptying
from labeller.samples.models import Deployment, File, Sample, Sequence, Source

TOGETHER = 100  # samples in one transaction, with all that hangs on them


def remove(source: Source, emptying: Emptying) -> None:
    """Delete the samples of a source, with their labels; counts, embeddings and rankings of the project stay right."""
    project = source.project
    numbers = list(Sample.objects.filter(file__source=source).order_by().values_list("shard", flat=True).distinct())
    for run in project.embedding_runs.all():
        removing_samples.forget_vectors(run, Sample.objects.filter(file__source=source), numbers)
    _remove_samples(source, emptying)
    _remove_files(source, emptying)
    for run in project.embedding_runs.all():
        removing_samples.forget_shards(run, numbers)
    emptying.all_of(removing_samples.listing(project))
    for question in project.questions.all():
        asking.request_refit(question, at_once=True)


def _remove_samples(source: Source, emptying: Emptying) -> None:
    of_source = Sample.objects.filter(file__source=source).order_by()
    while pks := list(of_source.values_list("pk", flat=True)[:TOGETHER]):
        with transaction.atomic():
            started = time.monotonic()
            labels = removing_samples.remove_batch(source.project, pks)
        emptying.rest(time.monotonic() - started)
        emptying.report(Sample, len(pks) + labels)


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
                removing_samples.remove_empty(model, {row[place] for row in rows} - {None})
        emptying.rest(time.monotonic() - started)
