# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Strategies that need no head: they look at the embeddings only, or at nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import refuse_nan, unit_rows
from tl_core.query.base import Picks, Pool, contracted
from tl_core.query.clustering import kmeans, nearest_to_middles

KMEANS_SAMPLE = 20_000
_TYPICLUST_CLUSTERS = 500
_TYPICLUST_NEIGHBOURS = 20
_SMALL_CLUSTER = 5
_LARGE_CLUSTER = 2000


@contracted
def random_batch(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
) -> Picks:
    """Draw uniformly without replacement. Scores are all 1: every sample's chance is the same."""
    refuse_nan(X_pool, "embeddings", allowed)
    return rng.choice(np.flatnonzero(allowed), n_instances, replace=False), np.ones(n_instances)


@contracted
def kmeans_centroid(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
) -> Picks:
    """Pick the sample nearest to the middle of each of ``n_instances`` k-means clusters: for a cold start.

    Clusters the centred unit vectors; of a pool beyond 20,000 (or ten a cluster) a random part.

    Scores are the clusters' sizes, as shares of what was clustered: what most of the pool looks like comes first. Where
    the pool has fewer distinct embeddings than ``n_instances``, the rest is drawn at random with score 0.

    References
    ----------
    Pourahmadi, Nooralinejad, Pirsiavash: A simple baseline for low-budget active learning, arXiv 2110.12033.
    """
    refuse_nan(X_pool, "embeddings", allowed)
    rows, Z = _sampled_units(X_pool, allowed, max(KMEANS_SAMPLE, 10 * n_instances), rng)
    codes = kmeans(Z, n_instances, rng)
    present, middle = nearest_to_middles(Z, codes)
    sizes = np.bincount(codes)[present]
    largest_first = np.argsort(-sizes, kind="stable")
    picked, scores = rows[middle[largest_first]], sizes[largest_first] / len(rows)
    return filled_up(picked, scores, n_instances, allowed, rng)


@contracted
def typiclust(
    classifier: Any,
    X_pool: Pool,
    n_instances: int,
    rng: np.random.Generator,
    *,
    allowed: NDArray[np.bool_],
    X_labelled: NDArray[Any] | None = None,
) -> Picks:
    """Pick the most typical sample of each cluster that has no label yet, the largest cluster first: for few labels.

    Pool and ``X_labelled`` (m, d; without it a modAL learner's ``X_training``) are clustered together by k-means, one
    cluster for each label there is or will be, 500 at most. A sample is typical whose 20 nearest of its cluster are
    near. Of a pool beyond 20,000 (or ten a cluster) a random part is looked at.

    Scores are the cluster's share of what was clustered, minus the number of labels and picks it has; what had to be
    drawn at random because the clusters ran out has the lowest score.

    References
    ----------
    Hacohen, Dekel, Weinshall: Active learning on a budget, opposite strategies suit high and low budgets,
    arXiv 2202.02794.
    """
    refuse_nan(X_pool, "embeddings", allowed)
    labelled = labelled_rows(classifier, X_labelled, X_pool.shape[1])
    k = min(len(labelled) + n_instances, max(_TYPICLUST_CLUSTERS, n_instances))
    rows, Z = _sampled_units(X_pool, allowed, max(KMEANS_SAMPLE, 10 * k), rng, labelled)
    codes = kmeans(Z, min(k, len(Z)), rng)
    counts = np.bincount(codes[len(rows) :], minlength=k)
    members = [rng.permutation(np.flatnonzero(codes[: len(rows)] == cluster)) for cluster in range(k)]
    # Clusters of a few samples are mostly outliers: only where there is no other.
    sizes = np.array([len(each) for each in members])
    order = {each: (sizes[each] <= _SMALL_CLUSTER, counts[each], -sizes[each]) for each in np.flatnonzero(sizes)}
    picked, scores = [], []
    for cluster in sorted(order, key=order.__getitem__)[:n_instances]:
        picked.append(rows[members[cluster][_most_typical(Z[members[cluster]])]])
        scores.append(sizes[cluster] / len(rows) - counts[cluster] - order[cluster][0] * (1 + counts.max()))
    return filled_up(np.array(picked), np.array(scores), n_instances, allowed, rng)


def labelled_rows(classifier: Any, X_labelled: NDArray[Any] | None, dimension: int) -> NDArray[Any]:
    """Return labelled embeddings (m, d): those given, else a modAL learner's, else none. Raises ValueError on NaN."""
    if X_labelled is None:
        X_labelled = getattr(classifier, "X_training", None)
    if X_labelled is None or not len(X_labelled):
        return np.empty((0, dimension), np.float32)
    X_labelled = np.asarray(X_labelled)
    if X_labelled.ndim != 2 or X_labelled.shape[1] != dimension:
        raise ValueError(f"expected labelled embeddings of shape (m, {dimension}), got {X_labelled.shape}")
    refuse_nan(X_labelled, "labelled embeddings")
    return X_labelled


def filled_up(
    picked: NDArray[np.intp],
    scores: NDArray[np.float64],
    n_instances: int,
    allowed: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Picks:
    """Add random allowed samples to picks that fall short of a batch; they score 0, or what the last one does."""
    missing = n_instances - len(picked)
    if not missing:
        return picked, scores
    rest = allowed.copy()
    rest[picked] = False
    lowest = min(0.0, float(scores.min(initial=0.0)))
    drawn = rng.choice(np.flatnonzero(rest), missing, replace=False)
    return np.concatenate([picked, drawn]), np.concatenate([scores, np.full(missing, lowest)])


def _sampled_units(
    X_pool: Pool,
    allowed: NDArray[np.bool_],
    limit: int,
    rng: np.random.Generator,
    more: NDArray[Any] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return at most ``limit`` allowed positions, ascending, and their centred unit vectors, then those of ``more``."""
    rows = np.flatnonzero(allowed)
    if len(rows) > limit:
        rows = np.sort(rng.choice(rows, limit, replace=False))
    X = X_pool[rows]
    center = X.mean(axis=0, dtype=np.float64).astype(np.float32)
    return rows, unit_rows(X if more is None else np.concatenate([X, more]), center)


def _most_typical(Z: NDArray[np.float32]) -> int:
    """Return the row of a cluster (m, d), in random order, whose nearest are nearest on average."""
    Z = Z[:_LARGE_CLUSTER]
    k = min(_TYPICLUST_NEIGHBOURS, len(Z) - 1)
    if not k:
        return 0
    # The row itself is among the nearest, at distance 0.
    nearest = np.partition(np.maximum(2 - 2 * (Z @ Z.T), 0), k, axis=1)[:, : k + 1]
    return int(np.sqrt(nearest).sum(axis=1).argmin())
