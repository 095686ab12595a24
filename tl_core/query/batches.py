# ruff: noqa: N803, N806 - matrices are X, Z, P, Q and K here
"""Strategies that ask where the head is unsure, but not the same question many times in one batch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.geometry import all_finite, each, mean_row, unit_rows
from tl_core.query.base import Picks, Pool, contracted, highest
from tl_core.query.clustering import kmeans, nearest_to_middles, project
from tl_core.query.diversity import labelled_rows
from tl_core.query.scoring import linear_head, scan, top
from tl_core.query.uncertainty import MARGIN, margin_scores
from tl_core.query.units import Units

OVERSAMPLED = 25  # lowest margins for each pick of cluster_margin
BADGE_ROWS = 20_000
UHERDING_ROWS = 10_000
_UHERDING_DIMENSIONS = 256
_NARROWEST = 0.1
_WIDEST = 1.0
_AT_A_TIME = 16


@contracted
def cluster_margin(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    norms: NDArray[np.float32] | None = None,
    units: Units | None = None,
) -> Picks:
    """Cluster the samples of the lowest margins, 25 a pick, and pick the one nearest to each cluster's middle.

    k-means on centred unit vectors, each weighted by one minus its margin. Scores are minus the margin, highest first.
    Where fewer samples than ``n_instances`` are distinct, the next lowest margins fill up.

    References
    ----------
    Citovsky et al.: Batch active learning at scale, arXiv 2107.14263; Gupte et al.: Revisiting active learning in the
    era of vision foundation models, arXiv 2401.14555.
    """
    m = min(OVERSAMPLED * n_instances, int(np.count_nonzero(allowed)))
    positions, scores = top(classifier, X_pool, m, MARGIN, rng, allowed=allowed, norms=norms, units=units)
    if m == n_instances:
        return positions, scores
    X = X_pool[positions]
    Z = unit_rows(X, _center(classifier, X))
    weights = np.maximum(1 + scores, 1e-3).astype(np.float32)
    rows = nearest_to_middles(Z, kmeans(Z, n_instances, rng, weights), weights)[1]
    others = np.delete(np.arange(m), rows)
    chosen = np.sort(np.concatenate([rows, others[: n_instances - len(rows)]]))  # by score, as they came
    return positions[chosen], scores[chosen]


@contracted
def badge(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    norms: NDArray[np.float32] | None = None,
    units: Units | None = None,
) -> Picks:
    """Pick by k-means++ on the gradients that the head's own guesses would give its weights.

    A gradient is the outer product of the probabilities' error q (c,) and the centred unit vector z (d,), so products
    of gradients are products of two small numbers, and no gradient is ever written out. Of a pool beyond 20,000 (or ten
    a pick) the lowest margins are looked at.

    Scores are the distances to the nearest gradient picked before (for the first its length), highest first.

    References
    ----------
    Ash, Zhang, Krishnamurthy, Langford, Agarwal: Deep batch active learning by diverse, uncertain gradient lower
    bounds, arXiv 1906.03671.
    """
    positions = np.flatnonzero(allowed)
    limit = max(BADGE_ROWS, 10 * n_instances)
    if len(positions) > limit:
        positions = top(classifier, X_pool, limit, MARGIN, rng, allowed=allowed, norms=norms, units=units)[0]
    Q = scan(classifier, X_pool, _guess_errors, positions)
    X = X_pool[positions]
    if not (all_finite(Q) and all_finite(X)):
        raise ValueError("embeddings or probabilities are not finite")
    Z = unit_rows(X, _center(classifier, X))
    squares = np.einsum("ij,ij->i", Q, Q) * np.einsum("ij,ij->i", Z, Z)
    longest = highest(squares, 1, rng)
    picked, scores = longest[0].tolist(), longest[1].tolist()
    nearest, free = np.full(len(positions), np.inf, np.float32), np.ones(len(positions), np.bool_)
    while len(picked) < n_instances:
        last = picked[-1]
        free[last] = False
        distances = np.maximum(squares + squares[last] - 2 * _product(Q, Z, last), 0)
        nearest = np.where(free, np.minimum(nearest, distances), 0)
        picked.append(_drawn(nearest, free, rng))
        scores.append(float(nearest[picked[-1]]))
    by_score = np.argsort(-np.array(scores), kind="stable")
    return positions[picked][by_score], np.sqrt(scores)[by_score]


def _guess_errors(P: NDArray[Any]) -> NDArray[np.float32]:
    """Return probabilities (m, c) minus the likeliest class's indicator."""
    Q = P.astype(np.float32)
    Q[np.arange(len(Q)), Q.argmax(axis=1)] -= 1
    return Q


def _product(Q: NDArray[np.float32], Z: NDArray[np.float32], row: int) -> NDArray[np.float32]:
    """Return the products of all gradients with one."""
    products: NDArray[np.float32] = np.concatenate(each(Z, lambda where, block: (Q[where] @ Q[row]) * (block @ Z[row])))
    return products


def _drawn(weights: NDArray[np.float32], free: NDArray[np.bool_], rng: np.random.Generator) -> int:
    """Draw a row in proportion to its weight, or, where all are 0, any free one."""
    total = weights.sum(dtype=np.float64)
    if total > 0:
        return int(rng.choice(len(weights), p=weights / total))
    return int(rng.choice(np.flatnonzero(free)))


@contracted
def uherding(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    X_labelled: NDArray[Any] | None = None,
) -> Picks:
    """Pick what covers most of the pool's uncertainty: many samples, unsure ones, not yet near a label or a pick.

    Coverage is a Gaussian kernel between centred unit vectors, as wide as the two nearest of ``X_labelled`` (m, d;
    without it a modAL learner's ``X_training``) are apart, 0.1 to 1. Uncertainty is one minus the margin. Of a pool
    beyond 10,000 (or two a pick) a random part is covered and picked from; beyond 256 dimensions, distances are those
    of a random projection.

    Scores are the mean uncertainty that each pick covers in addition; they fall from pick to pick.

    References
    ----------
    Bae, Oliveira, Sutherland: Uncertainty herding, one active learning method for all label budgets, arXiv 2412.20644;
    Minoux: Accelerated greedy algorithms for maximizing submodular set functions, 1978.
    """
    limit = max(UHERDING_ROWS, 2 * n_instances)
    positions = rng.permutation(np.flatnonzero(allowed))[:limit]  # in random order, so the first of equals is drawn
    uncertainty = 1 + scan(classifier, X_pool, margin_scores, positions)
    labelled = labelled_rows(classifier, X_labelled, X_pool.shape[1])
    X = X_pool[positions]
    if not all_finite(X):
        raise ValueError("embeddings are not finite")
    Z = unit_rows(np.concatenate([X, labelled]), _center(classifier, X))
    Z = project(Z, rng, _UHERDING_DIMENSIONS)
    width = _width(Z[len(X) :])
    cover = _Cover(Z[: len(X)], uncertainty, width)
    for start in range(0, len(labelled), _AT_A_TIME):
        cover.add(Z[len(X) + start : len(X) + start + _AT_A_TIME])
    bounds = np.concatenate(each(cover.Z, lambda _, block: cover.gains(block)))
    with threads.single():
        return _lazily(cover, bounds, positions, n_instances)


class _Cover:
    """How much of their uncertainty samples have in reach of a label or pick."""

    def __init__(self, Z: NDArray[np.float32], uncertainty: NDArray[np.float64], width: float) -> None:
        self.Z, self.width = Z, np.float32(width)
        self.share = (uncertainty / len(Z)).astype(np.float32)
        self.squares = np.einsum("ij,ij->i", Z, Z)
        self.reached = np.zeros(len(Z), np.float32)

    def kernel(self, centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far centres (m, d) reach samples: (n, m), 0 to 1."""
        K: NDArray[np.float32] = self.Z @ centres.T
        K *= 2
        K -= self.squares[:, None]
        K -= np.einsum("ij,ij->i", centres, centres)
        K /= self.width**2
        return np.exp(np.minimum(K, 0, out=K), out=K)

    def gains(self, Z: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what picking each of some samples (m, d) would add."""
        K = self.kernel(Z)
        K -= self.reached[:, None]
        gains: NDArray[np.float32] = self.share @ np.maximum(K, 0, out=K)
        return gains

    def add(self, centres: NDArray[np.float32]) -> None:
        """Count what centres (m, d) reach."""
        np.maximum(self.reached, self.kernel(centres).max(axis=1), out=self.reached)


def _lazily(cover: _Cover, bounds: NDArray[np.float32], positions: NDArray[np.intp], n_instances: int) -> Picks:
    """Pick greedily. Gains only fall below ``bounds``, so only what might still be the highest is worked out again."""
    picked: list[int] = []
    scores: list[float] = []
    while len(picked) < n_instances:
        fresh = np.zeros(len(bounds), np.bool_)
        while not fresh[best := int(bounds.argmax())]:
            stale = np.where(fresh, -np.inf, bounds)
            some = np.argpartition(-stale, min(_AT_A_TIME, len(stale)) - 1)[:_AT_A_TIME]
            some = some[np.isfinite(stale[some])]
            bounds[some], fresh[some] = cover.gains(cover.Z[some]), True
        picked.append(best)
        scores.append(float(bounds[best]))
        cover.add(cover.Z[best : best + 1])
        bounds[best] = -np.inf
    return positions[picked], np.minimum.accumulate(scores)


def _width(Z: NDArray[np.float32]) -> float:
    """Return the distance of the two nearest labelled rows, within limits."""
    if len(Z) < 2:
        return _WIDEST
    nearest = np.inf
    squares = np.einsum("ij,ij->i", Z, Z)
    for start in range(0, len(Z), 1024):
        distances = squares[start : start + 1024, None] + squares - 2 * (Z[start : start + 1024] @ Z.T)
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        nearest = min(nearest, float(distances.min()))
    return float(np.clip(np.sqrt(max(nearest, 0)), _NARROWEST, _WIDEST))


def _center(classifier: Any, X: NDArray[Any]) -> NDArray[np.float32]:
    """Return where a linear head has its centre, else the mean of some embeddings."""
    head = linear_head(classifier)
    return mean_row(X) if head is None else head.center
