"""Embedding shards, and asking for a refit."""

import functools
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from labeller.jobs import services as jobs
from labeller.labels.models import Label
from labeller.learning.models import EmbeddingRun, EmbeddingShard, Round
from labeller.projects.models import Project, Question
from labeller.samples.models import Refusal, Sample
from labeller.samples.services import check_disk
from tl_core import featurisers
from tl_core.store import EmbeddingStore

REFIT_DEBOUNCE = 0.2  # seconds in which labels that arrive together share one refit


def current_run(project: Project) -> EmbeddingRun:
    """The embedding run of the project's featuriser, made where it is missing."""
    featuriser = featurisers.get(project.featuriser)
    run, _ = EmbeddingRun.objects.get_or_create(
        project=project,
        fingerprint=featuriser.fingerprint,
        defaults={"featuriser": featuriser.name, "dimension": featuriser.dimension},
    )
    return run


def store(run: EmbeddingRun) -> EmbeddingStore:
    """Where this run's embeddings lie."""
    return EmbeddingStore(settings.EMBEDDINGS / f"project-{run.project_id}", run.fingerprint, run.dimension)


@functools.lru_cache(maxsize=1)
def _runtime(name: str):  # type: ignore[no-untyped-def]  # importing the runtime's type would load onnxruntime
    """The network, loaded once a worker process."""
    from tl_core.featurisers.onnx_runtime import OnnxRuntime

    return OnnxRuntime(featurisers.get(name), settings.MODELS)


def embed_shard(progress: jobs.Progress) -> None:
    """Embed one shard's samples into the store; done twice, it writes the same file again."""
    from tl_core.pipeline import embed_images

    project, number = progress.job.project, progress.job.payload["shard"]
    run = current_run(project)
    check_disk()
    samples = list(Sample.objects.filter(project=project, shard=number).select_related("source").order_by("pk"))
    if not samples:
        return
    paths = [Path(sample.source.path, sample.path) for sample in samples]
    progress(0, len(samples), "loading the network", now=True)
    vectors, valid, refused = _empty(len(samples), run.dimension)
    for done, embedded in enumerate(embed_images(paths, _runtime(project.featuriser)), start=1):
        if embedded.vector is None:
            refused.append((samples[embedded.index], embedded.refused))
        else:
            vectors[embedded.index], valid[embedded.index] = embedded.vector, True
        progress(done, len(samples))
    shard = store(run).write_shard(number, _ids(samples), vectors, valid)
    with transaction.atomic():
        EmbeddingShard.objects.update_or_create(
            run=run,
            number=number,
            defaults={"embedded": int(valid.sum()), "failed": len(refused), "sha256": shard.sha256},
        )
        for sample, reason in refused:
            _note_refusal(sample, reason)
        for question in project.questions.all():
            request_refit(question, at_once=True)


def _empty(n: int, dimension: int):  # type: ignore[no-untyped-def]  # numpy stays out of the web process's imports
    import numpy as np

    return np.zeros((n, dimension), np.float32), np.zeros(n, bool), []


def _ids(samples: list[Sample]):  # type: ignore[no-untyped-def]
    import numpy as np

    return np.array([sample.pk for sample in samples], np.int64)


def _note_refusal(sample: Sample, refused) -> None:  # type: ignore[no-untyped-def]
    """A file that was fine at import and isn't now: it keeps its sample, and the manager sees why it has no vector."""
    Refusal.objects.update_or_create(
        source=sample.source,
        path=sample.path,
        defaults={
            "project": sample.project,
            "bytes": sample.bytes,
            "modified_ns": sample.modified_ns,
            "reason": refused.reason,
            "detail": refused.detail[:500],
        },
    )


def request_refit(question: Question, *, at_once: bool = False) -> None:
    """Ask for a refit once enough labels are new: debounced, and one pending at most."""
    if at_once or new_labels(question) >= question.project.refit_every:
        jobs.enqueue(
            "refit",
            key=f"question:{question.pk}",
            project=question.project,
            payload={"question": question.pk},
            delay=REFIT_DEBOUNCE,
        )


def new_labels(question: Question) -> int:
    """Labels the current round doesn't know of."""
    known = Round.objects.filter(question=question, is_current=True).aggregate(known=Max("last_label"))["known"] or 0
    return Label.objects.filter(question=question, pk__gt=known).count()


def retrain_stale() -> int:
    """Periodic: ask for a refit wherever labels wait that no round knows, however few."""
    latest = Round.objects.filter(question=OuterRef("pk"), is_current=True).values("last_label")
    stale = Question.objects.filter(
        Exists(Label.objects.filter(question=OuterRef("pk"))),
    ).annotate(known=latest[:1], newest=Max("labels__pk"))
    found = [question for question in stale.select_related("project") if question.newest > (question.known or 0)]
    for question in found:
        request_refit(question, at_once=True)
    return len(found)
