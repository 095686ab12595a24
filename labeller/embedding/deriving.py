"""Derived runs: embeddings made from another run's by a map that was fitted once, a whitening for one.

Which map it was is part of the run's fingerprint. Shards imported later are mapped by the same one.
"""

import hashlib
from typing import TYPE_CHECKING, Any

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from tl_core.notices import notice
from tl_core.spaces import cameras, foreseen, maps, whitening  # noqa: F401 - so that files of these kinds can be read

if TYPE_CHECKING:
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
    return start(base, spec, whitening.fit((block for _, block in vectors.blocks(BLOCK)), dimension))


def adapt(base: EmbeddingRun, fitted: "VectorMap") -> EmbeddingRun:
    """The run of what that map makes of the base run's embeddings. Another fit is another run."""
    return start(base, f"{base.featuriser}{runs.ADAPT}{fitted.kind}-{fitted.digest[:12]}", fitted)


def beside(base: EmbeddingRun, fitted: "VectorMap") -> EmbeddingRun:
    """As `adapt`, but what comes out is a companion of the base run, only ever weighed beside it."""
    run = start(base, f"{base.featuriser}{runs.FORESEE}{fitted.digest[:12]}", fitted)
    EmbeddingRun.objects.filter(pk=run.pk).update(beside=base, state=EmbeddingRun.State.ACTIVE)
    run.refresh_from_db()
    return run


def start(base: EmbeddingRun, spec: str, fitted: "VectorMap") -> EmbeddingRun:
    """Keep the map beside the base run's embeddings, then make the run; done twice, it is the same run."""
    name = fitted.save(runs.store(base).storage)
    fingerprint = hashlib.sha256(f"{base.fingerprint} {fitted.digest}".encode()).hexdigest()[:16]
    run, _ = EmbeddingRun.objects.get_or_create(
        project=base.project,
        fingerprint=fingerprint,
        defaults={"featuriser": spec, "dimension": fitted.dimension, "base": base, "adaptation": name},
    )
    return run


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
