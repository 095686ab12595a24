"""Embeds a shard: by the network, or by a map of another run's embeddings.

The file is written first and then its row; done twice, the same file is written again.
"""

import errno
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from labeller.codes import WorkerCode
from labeller.embedding import ahead, deriving, runs, text_featurisers
from labeller.embedding.models import EmbeddingRun, EmbeddingShard
from labeller.embedding.signals import embeddings_changed
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.samples import refusing
from labeller.samples.ingesting import NoSpace, check_disk
from labeller.samples.models import Sample, Text
from tl_core import featurisers
from tl_core.images import is_url
from tl_core.notices import notice

if TYPE_CHECKING:
    from tl_core.featurisers.base import Featuriser
    from tl_core.images import ImageRefused
    from tl_core.pipeline import Runtime


class SourceGone(jobs.Postponed):
    """The folder with the photographs isn't there at the moment: a disk was taken out, a share is down."""


def plan(progress: jobs.Progress) -> None:
    """Make the run of the project's featuriser, queue what it lacks, and load the network for what comes.

    For workers: it takes the weights to know.
    """
    project = Project.objects.get(pk=progress.project.pk)  # as it is now: it may have been fitted meanwhile
    if project.kind == Project.Kind.TEXT and text_featurisers.unfitted(project.featuriser):
        runs.ask_for_fit(project)
        return
    run = runs.current_run(project)
    if run.state == EmbeddingRun.State.ACTIVE:
        runs.enqueue(run, runs.missing(run))
        if run.base is None:
            load(run)


def load(run: EmbeddingRun) -> None:
    """Load what a run's jobs embed by, once a worker process. Raises what keeps it from being had here."""
    if run.project.kind == Project.Kind.TEXT:
        text_featurisers.loaded(run.featuriser)
    else:
        runtime(runs.spec_of_pass(run), settings.DEVICE)


@functools.lru_cache(maxsize=1)
def runtime(spec: str, device: str) -> "Runtime":
    """The network, loaded once a worker process, on that device ("" = the fastest there is)."""
    from tl_core.featurisers import torch_runtime

    runs.import_own()
    return on_device(featurisers.get(spec), device or torch_runtime.detect())


def on_device(featuriser: "Featuriser", device: str) -> "Runtime":
    """That featuriser on that device; in 8-bit integers on the CPUs, whatever else there is.

    Others compute it in floats, and their vectors would lie among those of the integers, under the same fingerprint.
    """
    if device == "cpu" or featuriser.precision == "int8":
        from tl_core.featurisers.onnx_runtime import OnnxRuntime

        return OnnxRuntime(featuriser, settings.MODELS)
    from tl_core.featurisers.torch_runtime import TorchRuntime

    return TorchRuntime(featuriser, device)


def embed_shard(progress: jobs.Progress) -> None:
    """Embed one shard's samples into the store; done twice, it writes the same file again."""
    payload = progress.job.payload
    run = EmbeddingRun.objects.select_related("project", "base").get(pk=payload["run"])
    rows = Sample.objects.filter(project=run.project_id, shard=payload["shard"]).order_by("pk")
    is_text = run.project.kind == Project.Kind.TEXT
    samples = list(rows.only("pk") if is_text else rows.select_related("file__source"))
    if run.state == EmbeddingRun.State.CANCELLED or not samples:
        jobs.cancel(Job.objects.filter(pk=progress.job.pk))
        return
    check_disk()
    embedded: tuple[Any, Any, list[Any]]
    if run.base is not None:
        embedded = (*deriving.derived(run, payload["shard"]), [])
    elif is_text:
        embedded = _embedded_texts(run, samples, progress)
    else:
        embedded = _embedded(run, samples, progress)
    # Whoever was silent so long that another worker got the job leaves the shard to that one. Else the file could
    # become one's and the row the other's, and on two kinds of machine a vector's last digits differ.
    progress(len(samples), len(samples), now=True)
    _write(run, payload["shard"], samples, *embedded)
    ahead.forget(run, payload["shard"])


def _embedded(run: EmbeddingRun, samples: list[Sample], progress: jobs.Progress) -> tuple[Any, Any, list[Any]]:
    """Vectors (n, dimension of the pass) and validity (n,) of the samples, and which were refused with what reason."""
    import numpy as np

    known = ahead.found(run, progress.job.payload["shard"])
    whole = {at: known.get(sample.file.sha256) for at, sample in enumerate(samples) if sample.box is None}
    there = {at: vector for at, vector in whole.items() if vector is not None}
    rest = [at for at in range(len(samples)) if at not in there]
    vectors, refused = _computed(run, [samples[at] for at in rest], len(there), progress) if rest else ({}, [])
    there |= {rest[at]: vector for at, vector in vectors.items()}
    dimension = len(next(iter(there.values()))) if there else runs.dimension_of_pass(run)
    embedded, valid = np.zeros((len(samples), dimension), np.float32), np.zeros(len(samples), bool)
    for at, vector in there.items():
        embedded[at], valid[at] = vector, True
    return embedded, valid, refused


def _computed(
    run: EmbeddingRun, samples: list[Sample], done: int, progress: jobs.Progress
) -> tuple[dict[int, Any], list[Any]]:
    """The samples' vectors by their place, and which were refused with what reason; others are `done` already."""
    from tl_core.pipeline import Picture, embed_images

    for source in {sample.file.source for sample in samples}:
        if not is_url(source.path) and not Path(source.folder).is_dir():
            raise SourceGone(notice(WorkerCode.SOURCE_GONE, path=source.path))
    total = done + len(samples)
    progress(done, total, notice(WorkerCode.LOADING_NETWORK), now=True)
    found = runtime(runs.spec_of_pass(run), settings.DEVICE)
    _check_fingerprint(run, featurisers.get(run.featuriser).fingerprint)
    progress(done, total, now=True)
    vectors = {}
    refused: list[tuple[Sample, ImageRefused]] = []
    pictures = [Picture(sample.file.source.location(sample.file.path), sample.box) for sample in samples]
    for embedded in embed_images(pictures, found):
        if embedded.refused is not None:
            refused.append((samples[embedded.index], embedded.refused))
        else:
            vectors[embedded.index] = embedded.vector
        progress(done + embedded.index + 1, total)
    return vectors, refused


def _check_fingerprint(run: EmbeddingRun, here: str) -> None:
    if here != run.fingerprint:
        raise featurisers.FeaturiserUnavailable(
            f"{run.featuriser} has other weights or another version on this machine ({here}) "
            f"than the embeddings there are ({run.fingerprint}); they must not be mixed."
        )


def _embedded_texts(
    run: EmbeddingRun, samples: list[Sample], progress: jobs.Progress
) -> tuple[Any, Any, list[tuple[Sample, Any]]]:
    """The same of texts: none of them is refused, and the file they came from need not be there any more."""
    import numpy as np

    progress(0, len(samples), notice(WorkerCode.LOADING_NETWORK), now=True)
    _check_fingerprint(run, text_featurisers.loaded(run.featuriser).fingerprint)
    contents = dict(Text.objects.filter(sample__in=samples).values_list("sample", "content"))
    parts = []
    for part in text_featurisers.vectors(run.featuriser, [contents.get(sample.pk, "") for sample in samples]):
        parts.append(part)
        progress(min(len(samples), len(parts) * text_featurisers.AT_ONCE), len(samples))
    return np.concatenate(parts), np.ones(len(samples), bool), []


def _write(run: EmbeddingRun, number: int, samples: list[Sample], vectors: Any, valid: Any, refused: list[Any]) -> None:
    """Write the shard's files, its companion's last columns first, and then the rows."""
    import numpy as np

    ids = np.array([sample.pk for sample in samples], np.int64)
    parts = [(run, vectors[:, : run.dimension])]
    if vectors.shape[1] > run.dimension and (companion := runs.passed_with(run)) is not None:
        parts.insert(0, (companion, vectors[:, run.dimension :]))
    try:
        written = [(each, runs.store(each).write_shard(number, ids, part, valid)) for each, part in parts]
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise NoSpace(notice(WorkerCode.NO_SPACE, path=str(settings.EMBEDDINGS))) from error
        raise
    with transaction.atomic():
        for each, shard in written:
            EmbeddingShard.objects.update_or_create(
                run=each,
                number=number,
                defaults={"embedded": int(valid.sum()), "failed": len(refused), "sha256": shard.sha256},
            )
            each.given_up.filter(number=number).delete()
        for sample, reason in refused:
            refusing.note(sample.file, reason.reason, reason.detail)
        if run.featuriser == run.project.featuriser:
            embeddings_changed.send(EmbeddingRun, project=run.project)
