# ruff: noqa: N803, N806 - matrices are X, Z and K here
"""The default strategy: cover the pool's doubts. Where heads know little it explores, where they know much it refines.

Its shape and its constants were chosen by replaying labelled sets with ``benchmarks.label_efficiency``:
docs/decisions/0011.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.geometry import all_finite, each, unit_rows
from tl_core.query.base import Picks, Pool, contracted
from tl_core.query.clustering import kmeans, nearest_to_middles, projection
from tl_core.query.diversity import labelled_rows
from tl_core.query.scoring import linear_head, scan, top
from tl_core.query.uncertainty import MARGIN, margin_scores
from tl_core.query.units import Units

COLD_START = 100  # clusters whose middles are labelled first: `spread_centroids`
COLD_LABELS = 20  # labels taken from them before a head is asked
_CANDIDATES = 2000  # of the lowest margins, and as many random ones
_COVERED = 4000
_REACH = 0.4  # a pick covers another sample by exp((cosine - 1) / reach)
_DIMENSIONS = 256
_SAMPLE = 20_000
_AT_ONCE = 32


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
    random part of 4,000; beyond 256 dimensions, cosines are those of a random projection.

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
    place = _placing(center, rng)
    Z, Z_covered = (np.concatenate(each(X_pool, place, positions)) for positions in (candidates, covered))
    Z_labelled = np.concatenate(each(labelled, place)) if len(labelled) else Z[:0]
    if not np.isfinite(Z).all():
        raise ValueError("embeddings are not finite")
    known = np.isfinite(Z_covered.sum(axis=1))  # samples that are not allowed may be anything
    covered, Z_covered = covered[known], Z_covered[known]
    doubt = 1 + scan(classifier, X_pool, margin_scores, covered)
    reached = np.zeros(len(covered), np.float32)
    for start in range(0, len(labelled), _COVERED):
        kernel = _kernel(Z_covered, Z_labelled[start : start + _COVERED])
        np.maximum(reached, kernel.max(axis=1), out=reached)
    picked, gains = _greedy(_kernel(Z, Z_covered), (doubt / len(doubt)).astype(np.float32), reached, n_instances)
    return candidates[picked], gains


def _mean(X: NDArray[Any]) -> NDArray[np.float32]:
    """Return the mean of the rows that are finite."""
    return np.asarray(X[np.isfinite(X).all(axis=1)].mean(axis=0, dtype=np.float64), np.float32)


def _placing(
    center: NDArray[np.float32], rng: np.random.Generator
) -> Callable[[slice, NDArray[Any]], NDArray[np.float32]]:
    """Return what turns a block of embeddings into centred unit vectors, in fewer dimensions where there are many."""
    W = projection(len(center), rng, _DIMENSIONS)

    def place(_: slice, block: NDArray[Any]) -> NDArray[np.float32]:
        with np.errstate(invalid="ignore"):  # not finite: the caller looks at what comes out
            Z = unit_rows(block, center)
            return Z if W is None else Z @ W

    return place


def _kernel(A: NDArray[np.float32], B: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far samples ``A`` (n, d) cover samples ``B`` (m, d): float32 (n, m), 0 to 1."""

    def rows(_: slice, block: NDArray[np.float32]) -> NDArray[np.float32]:
        K: NDArray[np.float32] = block @ B.T
        K -= 1
        K /= np.float32(_REACH)
        return np.exp(np.minimum(K, 0, out=K), out=K)  # projected cosines may exceed 1

    return np.concatenate(each(A, rows))


def _greedy(
    K: NDArray[np.float32], share: NDArray[np.float32], reached: NDArray[np.float32], n: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Pick rows of ``K`` that add most. Gains only fall, so only those are worked out that might still be highest.

    References
    ----------
    Minoux: Accelerated greedy algorithms for maximizing submodular set functions, 1978.
    """

    def gains(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        added: NDArray[np.float32] = np.maximum(K[rows] - reached, 0) @ share
        return added

    with threads.single():
        everyone = np.arange(len(K))
        bounds = np.concatenate([gains(everyone[start : start + 256]) for start in range(0, len(K), 256)])
        picked, scores = np.empty(n, np.intp), np.empty(n)
        for place in range(n):
            fresh = np.zeros(len(K), np.bool_)
            while not fresh[best := int(bounds.argmax())]:
                stale = np.where(fresh, -np.inf, bounds)
                some = np.argpartition(-stale, min(_AT_ONCE, len(K)) - 1)[:_AT_ONCE]
                some = some[np.isfinite(stale[some])]
                bounds[some], fresh[some] = gains(some), True
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
