# ruff: noqa: N803, N806 - matrices are X and Z here, as in scikit-learn
"""k-centre: far from everything labelled, and without a pass over the pool for every pick."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.geometry import each, lengths, mean_row, refuse_nan, unit_rows
from tl_core.query.base import Picks, Pool, contracted, highest
from tl_core.query.diversity import labelled_rows

_FARTHEST = 4.0  # squared distance of opposite unit vectors
_CENTRES = 256  # multiplied at a time
_CANDIDATES = 1000
_REFERENCE = 5000
_SOME = 1000
_SKIPPED = 10.0


@contracted
def kcenter(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    X_labelled: NDArray[Any] | None = None,
    nearest: NDArray[np.float32] | None = None,
    mean: NDArray[np.float32] | None = None,
    norms: NDArray[np.float32] | None = None,
    isolated: float = 0.0,
) -> Picks:
    """Pick, one after the other, the sample farthest from all labelled and picked ones: finds unseen classes.

    ``X_labelled`` (m, d) are the labelled embeddings; without it a modAL learner's ``X_training``. Without either the
    first pick is random. Distances are between unit vectors around ``mean`` (d,), by default the mean of what may be
    picked; ``norms`` (n,) are `geometry.lengths` around it. Whoever keeps ``nearest`` (n,), the squared distance of
    each to the nearest labelled, from round to round by `bring_nearer` passes it instead of ``X_labelled``, and
    ``mean`` with it.

    Picks are those of the greedy algorithm. Distances only fall, so among the farthest thousand it goes on without
    the rest of the pool until their farthest is nearer than some outside were: a pass for many picks, not for one.

    ``isolated`` is a share of the pool, such as 0.005: the samples that are farthest from their nearest neighbour (in
    a part of 5,000, where the pool is larger) come after all others. They are mostly broken frames.

    Scores are distances at the time of picking, 0..2 (2 for a random first), so they fall from pick to pick.

    References
    ----------
    Gonzalez: Clustering to minimize the maximum intercluster distance, 1985; Sener & Savarese, arXiv 1708.00489.
    """
    refuse_nan(X_pool, "embeddings", allowed)
    mean = mean_row(X_pool, allowed) if mean is None else mean
    norms = lengths(X_pool, mean) if norms is None else norms
    if nearest is None:
        nearest = np.full(len(X_pool), _FARTHEST, np.float32)
        bring_nearer(nearest, X_pool, labelled_rows(classifier, X_labelled, X_pool.shape[1]), mean=mean, norms=norms)
    nearest = np.where(allowed, np.maximum(nearest, 0), -np.inf).astype(np.float32)
    if isolated:
        _postpone_isolated(nearest, X_pool, mean, isolated, max(_CANDIDATES, 4 * n_instances), rng)
    picked: list[int] = []
    scores: list[float] = []
    while len(picked) < n_instances:
        fresh = _greedy(nearest, X_pool, mean, n_instances - len(picked), rng)
        picked += [position for position, _ in fresh]
        scores += [float(np.sqrt(np.clip(squared, 0, _FARTHEST))) for _, squared in fresh]
        if len(picked) < n_instances:
            bring_nearer(nearest, X_pool, X_pool[[position for position, _ in fresh]], mean=mean, norms=norms)
            nearest[picked] = -np.inf  # never again, also where copies of it lie at distance 0
            nearest[~allowed] = -np.inf  # a broken row has no distance
    return np.array(picked, np.intp), np.minimum.accumulate(scores)


def bring_nearer(
    nearest: NDArray[np.float32],
    X_pool: Pool,
    X_labelled: NDArray[Any],
    *,
    mean: NDArray[np.float32],
    norms: NDArray[np.float32],
) -> None:
    """Lower ``nearest`` in place where newly labelled samples are nearer: what `kcenter` needs from round to round.

    Parameters
    ----------
    nearest : ndarray of float32, shape (n,)
        Squared distance of each sample to the nearest labelled one; begin with all 4, the largest there is.
    X_pool : ndarray or Vectors, shape (n, d)
        Embeddings; read once for every 256 labelled.
    X_labelled : ndarray, shape (m, d)
        Newly labelled embeddings.
    mean : ndarray of float32, shape (d,)
        Distances are between unit vectors around it.
    norms : ndarray of float32, shape (n,)
        `geometry.lengths` around ``mean``.
    """
    centres = unit_rows(X_labelled, mean)
    safe = np.maximum(norms, np.float32(1e-12))
    for start in range(0, len(centres), _CENTRES):
        some = centres[start : start + _CENTRES]
        shift = mean @ some.T

        def lower(where: slice, block: NDArray[Any], some: Any = some, shift: Any = shift) -> None:
            # (x - mean) . c without a centred copy of x
            cosine = (np.asarray(block, np.float32) @ some.T - shift).max(axis=1) / safe[where]
            np.minimum(nearest[where], 2 - 2 * cosine, out=nearest[where])

        each(X_pool, lower)


def _greedy(
    nearest: NDArray[np.float32], X_pool: Pool, mean: NDArray[np.float32], k: int, rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Return the next picks, at least one, and their squared distances, as far as the farthest samples tell them."""
    left = int(np.count_nonzero(np.isfinite(nearest)))
    m = min(max(_CANDIDATES, 4 * k), left)
    candidates, squared = highest(nearest, m, rng)
    outside = squared[-1] if m < left else -np.inf
    Z = unit_rows(X_pool[candidates], mean)
    picks: list[tuple[int, float]] = []
    with threads.single():
        while len(picks) < min(k, m):
            best = int(squared.argmax())
            if squared[best] < outside:
                break
            picks.append((int(candidates[best]), float(squared[best])))
            np.minimum(squared, 2 - 2 * (Z @ Z[best]), out=squared)
            squared[best] = -np.inf
    return picks


def _postpone_isolated(
    nearest: NDArray[np.float32],
    X_pool: Pool,
    mean: NDArray[np.float32],
    share: float,
    wanted: int,
    rng: np.random.Generator,
) -> None:
    """Put the most isolated samples after all others, until the farthest ``wanted`` hold none."""
    positions = np.flatnonzero(np.isfinite(nearest))
    reference = rng.choice(positions, min(_REFERENCE, len(positions)), replace=False)
    Z = unit_rows(X_pool[reference], mean)
    typical = _to_others(Z[:_SOME], reference[:_SOME], Z, reference)
    limit = np.quantile(typical, share, method="lower")
    while True:
        farthest, values = highest(nearest, min(wanted, len(positions)), rng)
        farthest = farthest[values >= 0]
        if not len(farthest):
            return
        lonely = farthest[_to_others(unit_rows(X_pool[farthest], mean), farthest, Z, reference) < limit]
        nearest[lonely] -= _SKIPPED
        if not len(lonely):
            return


def _to_others(
    Z: NDArray[np.float32], positions: NDArray[np.intp], others: NDArray[np.float32], theirs: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the cosine (m,) of each row to the nearest other one."""
    cosines = Z @ others.T
    cosines[positions[:, None] == theirs] = -1
    best: NDArray[np.float32] = cosines.max(axis=1)
    return best
