"""All embeddings of a run as arrays, kept by the process, and what they are summed up by where a job has done that."""

import functools
import hashlib
import json
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeller.codes import WorkerCode
from labeller.embedding import mixing, runs
from labeller.embedding.models import EmbeddingRun
from tl_core import geometry, query, summing
from tl_core.notices import notice
from tl_core.spaces.mixing import Mix
from tl_core.spaces.mixing import fit as fit_mix
from tl_core.store.arrays import ArraysCorrupt
from tl_core.store.embeddings import Embeddings, Shard
from tl_core.store.shards import StoreCorrupt
from tl_core.store.vectors import Vectors

log = logging.getLogger(__name__)

LARGE_POOL = 20_000  # from here on a pool is summed up beside its shards; less is worked out in no time
SUMMARY = "pool-"  # what the names of summaries begin with, beside a run's shards

Parts = tuple[tuple[int, tuple[Shard, ...]], ...]  # the runs that embeddings are of, each with its finished shards


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: the cached object stands for its arrays
class Embedded:
    """Embeddings of a run: `ids` int64 (N,), `vectors` (N, D) read where they lie, the `mean` of all, float32 (D,).

    Where they are not all, `part` says of which, and where they stand among them. `mix` is the digest of what they are
    beside the run's own, see `mixing`. What the `summary` knows is not worked out anew.
    """

    ids: NDArray[np.int64]
    vectors: Vectors
    mean: NDArray[np.float32]
    part: "tuple[Embedded, NDArray[np.intp]] | None" = None
    mix: str = ""
    summary: summing.PoolSummary | None = None

    @functools.cached_property
    def norms(self) -> NDArray[np.float32] | None:
        """Each embedding's distance from the mean, (N,); None where that takes a pass that others make anyway."""
        if self.part is not None:
            whole, at = self.part
            return None if whole.norms is None else whole.norms[at]
        if self.summary is not None:
            return self.summary.norms
        if len(self.ids) >= LARGE_POOL:
            return None
        return geometry.lengths(self.vectors, self.mean) if len(self.ids) else np.zeros(0, np.float32)

    @functools.cached_property
    def units(self) -> query.Units | None:
        """The pool in a quarter of its size, where it is large and summed up."""
        if self.part is not None:
            whole, at = self.part
            return whole.units.only(at) if whole.units is not None and len(at) >= LARGE_POOL else None
        return None if self.summary is None else self.summary.units

    @functools.cached_property
    def graph(self) -> Any:
        """Neighbours among a sample of the pool, for heads that learn from it; the same one in every process."""
        return summing.pool_graph(self.vectors, self.mean) if self.summary is None else self.summary.graph

    @functools.cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self.ids, kind="stable")  # ascending already, mostly: that takes next to no time then

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
        return Embedded(self.ids[at], self.vectors.only(at), self.mean, (self, at), self.mix)


def load_embeddings(run: EmbeddingRun, mix: str = "") -> Embedded:
    """All embeddings of a run, or a mix of them and its companions'; kept by the process until a shard is added."""
    shards = parts(run, mix)
    return _load(run.pk, mix, shards, summary(run, mix, shards))


def parts(run: EmbeddingRun, mix: str) -> Parts:
    """What the embeddings of a run, or of a mix, consist of now."""
    members = mixing.parts(run, mix) if mix else [run]
    return tuple((each.pk, tuple(runs.shards(each))) for each in members)


def summary(run: EmbeddingRun, mix: str, shards: Parts) -> summing.PoolSummary | None:
    """What these embeddings are summed up by, mapped once a process; None where no job has done that (yet)."""
    if sum(shard.count for shard in shards[0][1]) < LARGE_POOL:
        return None
    try:
        return _summary(run, summary_name(mix, shards))
    except FileNotFoundError:
        return None
    except ArraysCorrupt as error:
        log.error("what %s is summed up by is written anew: %s", run, error)
        return None


@functools.lru_cache(maxsize=4)
def summary_name(mix: str, shards: Parts) -> str:
    """What the file is called: it follows from all that a summary does, so none is ever taken for another's."""
    made_of = [[[each.number, each.count, each.sha256] for each in of_part] for _, of_part in shards]
    return SUMMARY + hashlib.sha256(json.dumps([summing.way(), mix, made_of]).encode()).hexdigest()


# As many as pools are kept. One that is missing, or damaged, is looked for again.
@functools.lru_cache(maxsize=2)
def _summary(run: EmbeddingRun, name: str) -> summing.PoolSummary:
    return summing.read(runs.store(run).storage, name)


def load_beside(run: EmbeddingRun, companion: EmbeddingRun, mix: str = "") -> tuple[Mix, Embedded]:
    """A run, or a mix of it, and a companion beside each other: what weights are tried on. Not kept.

    The companion weighs 1, as the run does; a mix weighs what it weighs.
    """
    members = mixing.parts(run, mix) if mix else [run]
    parts = _alike([_opened(each.pk, tuple(runs.shards(each))) for each in (*members, companion)])
    vectors = [part.vectors for part in parts]
    rng = np.random.default_rng(0)
    own = mixing.named(run, mix) if mix else fit_mix([(run.fingerprint, vectors[0], False)], rng)
    even = own.beside(fit_mix([(companion.fingerprint, vectors[-1], True)], rng))
    mixed = even.apply(vectors)
    return even, Embedded(parts[0].ids, mixed, geometry.mean_row(mixed), mix=even.digest)


def read_shard(run: EmbeddingRun, mix: str, number: int) -> Embeddings:
    """One shard as a head sees it that was fitted on this mix; "" = on the run's embeddings alone."""
    parts = mixing.parts(run, mix) if mix else [run]
    return _mixed(run, mix, [runs.store(part).open([number]) for part in parts])


# Two: questions of one project may have chosen differently.
@functools.lru_cache(maxsize=2)
def _load(run_id: int, mix: str, shards: Parts, known: summing.PoolSummary | None) -> Embedded:
    run = EmbeddingRun.objects.get(pk=run_id)
    whole = opened(run, mix, shards)
    if known is not None:
        return Embedded(whole.ids, whole.vectors, known.mean, mix=mix, summary=known)
    dimension = whole.vectors.shape[1]
    mean = geometry.mean_row(whole.vectors) if len(whole.ids) else np.zeros(dimension, np.float32)
    return Embedded(whole.ids, whole.vectors, mean, mix=mix)


def opened(run: EmbeddingRun, mix: str, shards: Parts) -> Embeddings:
    """The embeddings that consist of these parts, opened anew."""
    return _mixed(run, mix, [_opened(part, of_part) for part, of_part in shards])


def _opened(run_id: int, shards: tuple[Shard, ...]) -> Embeddings:
    run = EmbeddingRun.objects.get(pk=run_id)
    try:
        return runs.store(run).open(shards)
    except (StoreCorrupt, FileNotFoundError) as error:
        raise runs.Repairing(notice(WorkerCode.REPAIRING, n=runs.repair(run))) from error


def _mixed(run: EmbeddingRun, mix: str, parts: list[Embeddings]) -> Embeddings:
    """Parts beside each other, of the samples that all of them know."""
    if not mix:
        return parts[0]
    alike = _alike(parts)
    return Embeddings(alike[0].ids, mixing.named(run, mix).apply([part.vectors for part in alike]))


def _alike(parts: list[Embeddings]) -> list[Embeddings]:
    """The samples that all parts know, in one order: shards are in the same one, and samples in each."""
    if all(np.array_equal(part.ids, parts[0].ids) for part in parts[1:]):
        return parts
    common = functools.reduce(np.intersect1d, [part.ids for part in parts])
    rows = [np.flatnonzero(np.isin(part.ids, common)) for part in parts]
    return [Embeddings(part.ids[kept], part.vectors.only(kept)) for part, kept in zip(parts, rows, strict=True)]
