# ruff: noqa: N803, N806 - matrices are X, Z and K here
"""The default strategy: cover the pool's doubts. Where heads know little it explores, where they know much it refines.

Its shape and its constants were chosen by replaying labelled sets with ``benchmarks.label_efficiency``:
docs/decisions/0011.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.geometry import all_finite, each, unit_rows
from tl_core.query.base import Picks, Pool, contracted
from tl_core.query.clustering import kmeans, nearest_to_middles
from tl_core.query.diversity import labelled_rows
from tl_core.query.scoring import linear_head, scan, top
from tl_core.query.uncertainty import MARGIN, margin_scores
from tl_core.query.units import Units, compact, integer_products

COLD_START = 100  # clusters whose middles are labelled first: `spread_centroids`
COLD_LABELS = 20  # labels taken from them before a head is asked
_CANDIDATES = 2000  # of the lowest margins, and as many random ones
_COVERED = 4000
_REACH = 0.4  # a pick covers another sample by exp((cosine - 1) / reach)
_SAMPLE = 20_000
_AT_ONCE = 32
_ROWS = 128  # of a matrix of 4,000 columns: what is gone over several times should stay in the core's own cache


@contracted
def auto(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    X_labelled: NDArray[Any] | None = None,
    norms: NDArray[np.float32] | None = None,
    units: Units | None = None,
) -> Picks:
    """Pick, one after the other, what covers most of the pool's doubt that no label or pick covers yet.

    Uncertainty herding with a wide kernel: a pick covers what looks like it, and a sample counts by its doubt, one
    minus the head's margin. So what many unsure samples look like comes before outliers, and nothing comes twice.
    Candidates are the 2,000 lowest margins (or two a pick) and as many random samples; what is to be covered is a
    random part of 4,000. Cosines are those of rows rounded to one byte a number: off by some thousandths at most.

    ``X_labelled`` (m, d) are the labelled embeddings; without it a modAL learner's ``X_training``. Scores are the mean
    doubt that each pick covers in addition, 0 to 1; they fall from pick to pick.

    References
    ----------
    Bae, Oliveira, Sutherland: Uncertainty herding, one active learning method for all label budgets, arXiv 2412.20644.
    """
    free = np.flatnonzero(allowed)
    m = min(max(_CANDIDATES, 2 * n_instances), len(free))
    unsure, _scores = top(classifier, X_pool, m, MARGIN, rng, allowed=allowed, norms=norms, units=units)
    others = rng.choice(free, min(_CANDIDATES, len(free)), replace=False)
    candidates = rng.permutation(np.union1d(unsure, others))  # in random order: the first of equal ones is drawn
    covered = rng.choice(len(X_pool), min(_COVERED, len(X_pool)), replace=False)
    labelled = labelled_rows(classifier, X_labelled, X_pool.shape[1])
    head = linear_head(classifier)
    center = _mean(X_pool[covered]) if head is None else head.center
    kept = units if head is not None else None  # around the head's centre
    Z, Z_covered = (_coded(X_pool, positions, center, kept) for positions in (candidates, covered))
    if not np.isfinite(Z.steps).all():
        raise ValueError("embeddings are not finite")
    known = np.flatnonzero(np.isfinite(Z_covered.steps))  # samples that are not allowed may be anything
    covered, Z_covered = covered[known], Z_covered.only(known)
    doubt = 1 + scan(classifier, X_pool, margin_scores, covered)
    reached = np.zeros(len(covered), np.float32)
    for start in range(0, len(labelled), _COVERED):
        np.maximum(reached, _reached(Z_covered, compact(labelled[start : start + _COVERED], center)), out=reached)
    picked, gains = _greedy(_kernel(Z, Z_covered), (doubt / len(doubt)).astype(np.float32), reached, n_instances)
    return candidates[picked], gains


def _coded(X_pool: Pool, positions: NDArray[np.intp], center: NDArray[np.float32], units: Units | None) -> Units:
    """Return these rows of the pool as `Units` around the centre: of those kept, or the same made anew."""
    return compact(X_pool, center, positions) if units is None else units.only(positions)


def _mean(X: NDArray[Any]) -> NDArray[np.float32]:
    """Return the mean of the rows that are finite."""
    return np.asarray(X[np.isfinite(X).all(axis=1)].mean(axis=0, dtype=np.float64), np.float32)


def _kernel(A: Units, B: Units) -> NDArray[np.float32]:
    """Return how far samples ``A`` (n, d) cover samples ``B`` (m, d): float32 (n, m), 0 to 1."""
    multiply = integer_products(B.codes)
    out = np.empty((len(A.codes), len(B.codes)), np.float32)

    def rows(where: slice, block: NDArray[np.int8]) -> None:
        K = out[where]
        np.copyto(K, multiply(block))
        K *= A.steps[where, None]
        K *= B.steps
        _cover(K)

    each(A.codes, rows, rows=_ROWS)
    return out


def _reached(A: Units, B: Units) -> NDArray[np.float32]:
    """Return how far each of samples ``A`` (n, d) is covered by the one of ``B`` (m, d) nearest to it: float32 (n,)."""
    multiply = integer_products(B.codes)

    def rows(where: slice, block: NDArray[np.int8]) -> NDArray[np.float32]:
        nearest: NDArray[np.float32] = (multiply(block).astype(np.float32) * B.steps).max(axis=1)
        return nearest * A.steps[where]

    return _cover(np.concatenate(each(A.codes, rows, rows=_ROWS)))


def _cover(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn cosines into how far one sample covers the other, in place."""
    cosines -= 1
    cosines *= np.float32(1 / _REACH)
    # Those of rounded rows may exceed 1.
    return np.exp(np.minimum(cosines, 0, out=cosines), out=cosines)


def _greedy(
    K: NDArray[np.float32], share: NDArray[np.float32], reached: NDArray[np.float32], n: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Pick rows of ``K`` that add most. Gains only fall, so only those are worked out that might still be highest.

    References
    ----------
    Minoux: Accelerated greedy algorithms for maximizing submodular set functions, 1978.
    """

    def gains(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        added = np.subtract(rows, reached)
        return np.maximum(added, 0, out=added) @ share

    bounds = np.concatenate(each(K, lambda _, rows: gains(rows), rows=_ROWS))
    with threads.single():
        picked, scores = np.empty(n, np.intp), np.empty(n)
        for place in range(n):
            fresh = np.zeros(len(K), np.bool_)
            while not fresh[best := int(bounds.argmax())]:
                stale = np.where(fresh, -np.inf, bounds)
                some = np.argpartition(-stale, min(_AT_ONCE, len(K)) - 1)[:_AT_ONCE]
                some = some[np.isfinite(stale[some])]
                bounds[some], fresh[some] = gains(K[some]), True
            picked[place], scores[place] = best, bounds[best]
            np.maximum(reached, K[best], out=reached)
            bounds[best] = -np.inf
    return picked, np.minimum.accumulate(scores)


def spread_centroids(X_pool: Pool, n: int, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return where to begin: samples in the middle of ``n`` clusters, each far from those before it.

    Parameters
    ----------
    X_pool : ndarray or Vectors, shape (m, d)
        Embeddings, at least one. Of more than 20,000 a random part is clustered.
    n : int
        Clusters of k-means, at most.
    rng : numpy.random.Generator
        Draws the part and the start of k-means.

    Returns
    -------
    positions : ndarray of intp, shape (up to n,)
        The middle of the largest cluster, then always the one that is farthest from all before.
    scores : ndarray of float64, of the same shape
        That distance, 0 to 2; 2 for the first.

    Raises
    ------
    ValueError
        An embedding is not finite.
    """
    m = len(X_pool)
    rows = rng.choice(m, _SAMPLE, replace=False) if m > _SAMPLE else np.arange(m)
    X = X_pool[rows]
    if not all_finite(X):
        raise ValueError("embeddings are not finite")
    Z = unit_rows(X, X.mean(axis=0, dtype=np.float64).astype(np.float32))
    codes = kmeans(Z, min(n, len(rows)), rng)
    clusters, middles = nearest_to_middles(Z, codes)
    M = Z[middles]
    best = int(np.bincount(codes)[clusters].argmax())
    nearest = np.full(len(M), 4.0)
    order, scores = [], []
    for _ in range(len(M)):
        order.append(best)
        scores.append(float(np.sqrt(max(nearest[best], 0.0))))
        nearest = np.minimum(nearest, 2 - 2 * (M @ M[best]))
        nearest[order] = -1
        best = int(nearest.argmax())
    return rows[middles[order]], np.array(scores)
