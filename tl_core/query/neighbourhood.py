# ruff: noqa: N803 - matrices are X and Z here
"""Ask only among the neighbours of what is labelled: a round's cost no longer grows with the pool."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.geometry import each, mean_row, unit_rows
from tl_core.query.base import Picks, Pool, Strategy, contracted, wanted
from tl_core.query.diversity import labelled_rows

NEIGHBOURS = 100
_LABELLED = 256  # compared at a time


class Index(Protocol):
    """Finds neighbours; `tl_core.spaces.neighbours.NeighbourIndex` is one, if its ids are positions in the pool."""

    def search(self, queries: Any, k: int, /) -> tuple[ArrayLike, ArrayLike]:
        """Return positions in the pool (m, k) of the nearest to each query (m, d), and their cosines (m, k).

        A position of -1 is one that is not in the pool.
        """


def seals(strategy: Strategy, neighbours: int = NEIGHBOURS) -> Strategy:
    """Let a strategy choose among the neighbours of the labelled samples only.

    Parameters
    ----------
    strategy : callable
        One of ours, or made so by `as_pair`.
    neighbours : int
        Of each labelled sample.

    Returns
    -------
    callable
        With modAL's signature. Takes the strategy's keywords, ``X_labelled`` (m, d; without it a modAL learner's
        ``X_training``) and ``index``, which finds the neighbours. Without one they are exact, by products of all
        labelled with the whole pool, which is meant for pools up to about 100,000. While nothing is labelled, or the
        neighbours are fewer than the batch, random samples join them.

    References
    ----------
    Coleman et al.: Similarity search for efficient active learning and search of rare concepts, arXiv 2007.00077.
    """

    def among_neighbours(
        classifier: Any,
        X_pool: Pool,
        n_instances: int,
        rng: np.random.Generator,
        *,
        allowed: NDArray[np.bool_],
        X_labelled: NDArray[Any] | None = None,
        index: Index | None = None,
        **kw: Any,
    ) -> Picks:
        labelled = labelled_rows(classifier, X_labelled, X_pool.shape[1])
        k = min(neighbours, len(X_pool))
        near = np.zeros(len(X_pool), np.bool_)
        if len(labelled):
            near[_exact(X_pool, labelled, k) if index is None else positions_near(index, labelled, k)] = True
        near &= allowed
        missing = max(n_instances, neighbours) - int(np.count_nonzero(near))
        if missing > 0:
            near[rng.permutation(np.flatnonzero(allowed & ~near))[:missing]] = True
        labels = wanted(strategy, {"X_labelled": labelled})
        picks: Picks = strategy(classifier, X_pool, n_instances, random_state=rng, allowed=near, **labels, **kw)
        return picks

    return contracted(among_neighbours, passed_on=strategy.takes)  # type: ignore[attr-defined]


def positions_near(index: Index, queries: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Return the positions in the pool of the ``k`` nearest of each of ``queries`` (m, d), each once."""
    positions = np.unique(np.asarray(index.search(queries, k)[0], np.intp))
    return positions[positions >= 0]


def _exact(X_pool: Pool, labelled: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Return the positions of the k nearest of each labelled sample, each once."""
    mean = mean_row(X_pool)
    centres = unit_rows(labelled, mean)
    nearest_rows: list[NDArray[np.intp]] = []
    for start in range(0, len(centres), _LABELLED):
        some = centres[start : start + _LABELLED]

        def nearest(where: slice, block: NDArray[Any], some: Any = some) -> tuple[NDArray[Any], NDArray[Any]]:
            cosines = unit_rows(block, mean) @ some.T
            m = min(k, len(block))
            rows = np.argpartition(-cosines, m - 1, axis=0)[:m]
            return rows + where.start, np.take_along_axis(cosines, rows, axis=0)

        pieces = each(X_pool, nearest)
        rows, cosines = np.concatenate([r for r, _ in pieces]), np.concatenate([c for _, c in pieces])
        best = np.argpartition(-cosines, k - 1, axis=0)[:k]
        nearest_rows.append(np.unique(np.take_along_axis(rows, best, axis=0)))
    return np.unique(np.concatenate(nearest_rows))
