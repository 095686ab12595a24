"""All embeddings of a run as arrays, kept by the process."""

import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from tl_core import geometry, query
from tl_core.notices import notice
from tl_core.store.embeddings import Shard
from tl_core.store.shards import StoreCorrupt
from tl_core.store.vectors import Vectors

LARGE_POOL = 200_000  # 256 MB of a worker's memory; below, less than a tenth of a second would be saved


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: the cached object stands for its arrays
class Embedded:
    """Embeddings of a run: `ids` int64 (N,), `vectors` (N, D) read where they lie, the `mean` of all, float32 (D,).

    Where they are not all, `part` says of which, and where they stand among them.
    """

    ids: NDArray[np.int64]
    vectors: Vectors
    mean: NDArray[np.float32]
    part: "tuple[Embedded, NDArray[np.intp]] | None" = None

    @functools.cached_property
    def norms(self) -> NDArray[np.float32]:
        """Each embedding's distance from the mean, (N,)."""
        return geometry.lengths(self.vectors, self.mean) if len(self.ids) else np.zeros(0, np.float32)

    @functools.cached_property
    def units(self) -> query.Units | None:
        """The pool in a quarter of its size, where scoring it whole takes a noticeable part of a refit."""
        return query.compact(self.vectors, self.mean) if len(self.ids) >= LARGE_POOL else None

    @functools.cached_property
    def graph(self) -> Any:
        """Neighbours among a sample of the pool, for heads that learn from it; the same one in every process."""
        from tl_core.heads.transductive import PoolGraph

        return PoolGraph(self.vectors, self.mean, np.random.default_rng(0))

    @functools.cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self.ids)

    @functools.cached_property
    def _sorted(self) -> NDArray[np.int64]:
        return self.ids[self._order]

    def positions(self, sample_ids: Collection[int] | NDArray[np.int64]) -> NDArray[np.intp]:
        """Where these samples stand, -1 for one without an embedding."""
        wanted: NDArray[np.int64]
        if isinstance(sample_ids, np.ndarray):
            wanted = sample_ids
        else:
            wanted = np.fromiter(sample_ids, np.int64, len(sample_ids))
        if not len(self.ids):
            return np.full(len(wanted), -1, np.intp)
        near = np.minimum(np.searchsorted(self._sorted, wanted), len(self.ids) - 1)
        return np.where(self._sorted[near] == wanted, self._order[near], -1)

    def without(self, sample_ids: Collection[int]) -> NDArray[np.intp]:
        """Positions of all other samples, ascending."""
        left = np.ones(len(self.ids), np.bool_)
        gone = self.positions(sample_ids)
        left[gone[gone >= 0]] = False
        return np.flatnonzero(left)

    def only(self, sample_ids: NDArray[np.int64]) -> "Embedded":
        """Those of these samples alone, in the same order."""
        at = self.positions(sample_ids)
        at = np.unique(at[at >= 0])
        return Embedded(self.ids[at], self.vectors.only(at), self.mean, (self, at))


def load_embeddings(run: EmbeddingRun) -> Embedded:
    """All embeddings of a run, kept by the process until a shard is added."""
    return _load(run.pk, tuple(runs.shards(run)))


@functools.lru_cache(maxsize=1)
def _load(run_id: int, shards: tuple[Shard, ...]) -> Embedded:
    run = EmbeddingRun.objects.get(pk=run_id)
    try:
        found = runs.store(run).open(shards)
    except (StoreCorrupt, FileNotFoundError) as error:
        raise runs.Repairing(notice(WorkerCode.REPAIRING, n=runs.repair(run))) from error
    mean = geometry.mean_row(found.vectors) if len(found.ids) else np.zeros(run.dimension, np.float32)
    return Embedded(found.ids, found.vectors, mean)
