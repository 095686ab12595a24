"""Derived runs: embeddings made from another run's by a map that was fitted once, a whitening for one.

Which map it was is part of the run's fingerprint. Shards imported later are mapped by the same one.
"""

import hashlib
from typing import Any

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from tl_core.adaptation import twins  # noqa: F401 - so that files of its kind can be read
from tl_core.notices import notice
from tl_core.spaces import cameras, foreseen, maps, whitening  # noqa: F401 - the same
from tl_core.spaces.maps import VectorMap

BLOCK = 4096


class BaseMissing(jobs.Postponed):
    """The shard isn't embedded yet from which this one is made."""

    seconds = 5.0


def whiten(base: EmbeddingRun, dimension: int) -> EmbeddingRun:
    """Fit a whitening on all that the base run has embedded, and make the run of what comes out of it.

    Raises ValueError where there are too few embeddings for so many dimensions.
    """
    spec = f"{base.featuriser}{runs.WHITEN}{dimension}"
    known = base.derived.filter(featuriser=spec).first()
    if known is not None:
        return known
    vectors = runs.store(base).open(runs.shards(base)).vectors
    fitted = whitening.fit((block for _, block in vectors.blocks(BLOCK)), dimension)
    return start(base, keep(base, fitted), dimension, spec)


def keep(base: EmbeddingRun, fitted: VectorMap) -> str:
    """Write a map beside the base run's embeddings; returns its name."""
    return fitted.save(runs.store(base).storage)


def forget(base: EmbeddingRun, name: str) -> None:
    """Delete the map of that name; a missing one is fine."""
    runs.store(base).storage.delete(maps.file_name(name))


def beside(base: EmbeddingRun, fitted: VectorMap, key: str) -> EmbeddingRun:
    """The run of what the map makes of the base run's embeddings, as a companion, only ever weighed beside it.

    `key` is that of the question whose answers it foresees.
    """
    spec = f"{base.featuriser}{runs.FORESEE}{key}-{fitted.digest[:12]}"
    run = start(base, keep(base, fitted), fitted.dimension, spec)
    EmbeddingRun.objects.filter(pk=run.pk).update(beside=base, state=EmbeddingRun.State.ACTIVE)
    run.refresh_from_db()
    return run


def start(base: EmbeddingRun, name: str, dimension: int, spec: str = "") -> EmbeddingRun:
    """The run of what the kept map of that name makes of the base run's embeddings, made where it is missing."""
    digest = name.rpartition("-")[2]
    fingerprint = hashlib.sha256(f"{base.fingerprint} {digest}".encode()).hexdigest()[:16]
    run, _ = EmbeddingRun.objects.get_or_create(
        project=base.project,
        fingerprint=fingerprint,
        defaults={
            "featuriser": spec or spec_of(base, name),
            "dimension": dimension,
            "base": base,
            "adaptation": name,
        },
    )
    return run


def spec_of(base: EmbeddingRun, name: str) -> str:
    """What the run is called that the kept map of that name makes: another fit is another run."""
    kind, _, digest = name.rpartition("-")
    return f"{base.featuriser}{runs.ADAPT}{kind}-{digest[:12]}"


def derived(run: EmbeddingRun, number: int) -> tuple[Any, Any]:
    """A shard's mapped vectors (n, dimension) and validity (n,).

    Raises BaseMissing where the base run lacks the shard.
    """
    base = run.base
    if base is None:
        raise ValueError(f"{run} is not made from another run")
    shard = base.shards.filter(number=number).first()
    if shard is None:
        raise BaseMissing(notice(WorkerCode.SHARD_WAITS, n=number, name=base.featuriser))
    store = runs.store(base)
    found = store.read_shard(number, sha256=shard.sha256)
    return maps.load(store.storage, run.adaptation).apply(found.vectors), found.valid
