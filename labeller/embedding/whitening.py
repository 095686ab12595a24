"""Runs of whitened embeddings: made from another run's, by a PCA-whitening fitted on its pool once.

Which whitening it was is part of the run's fingerprint. Shards imported later are whitened by the same one.
"""

import hashlib
from typing import Any

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from tl_core.notices import notice
from tl_core.spaces import whitening

BLOCK = 4096


class BaseMissing(jobs.Postponed):
    """The shard isn't embedded yet from which this one is made."""

    seconds = 5.0


def start(base: EmbeddingRun, dimension: int) -> EmbeddingRun:
    """Fit a whitening on all that the base run has embedded, and make the run of what comes out of it.

    Raises ValueError where there are too few embeddings for so many dimensions.
    """
    spec = f"{base.featuriser}{runs.WHITEN}{dimension}"
    known = base.whitened.filter(featuriser=spec).first()
    if known is not None:
        return known
    store = runs.store(base)
    vectors = store.open(runs.shards(base)).vectors
    fitted = whitening.fit((block for _, block in vectors.blocks(BLOCK)), dimension)
    digest = fitted.save(store.storage)
    fingerprint = hashlib.sha256(f"{base.fingerprint} {digest}".encode()).hexdigest()[:16]
    run, _ = EmbeddingRun.objects.get_or_create(
        project=base.project,
        fingerprint=fingerprint,
        defaults={"featuriser": spec, "dimension": dimension, "base": base, "whitening": digest},
    )
    return run


def whitened(run: EmbeddingRun, number: int) -> tuple[Any, Any]:
    """A shard's whitened vectors (n, dimension) and validity (n,).

    Raises BaseMissing where the base run lacks the shard.
    """
    base = run.base
    if base is None:
        raise ValueError(f"{run} is not whitened from another run")
    shard = base.shards.filter(number=number).first()
    if shard is None:
        raise BaseMissing(notice(WorkerCode.SHARD_WAITS, n=number, name=base.featuriser))
    store = runs.store(base)
    found = store.read_shard(number, sha256=shard.sha256)
    return whitening.load(store.storage, run.whitening).apply(found.vectors), found.valid
