# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Strategies that need no head: they look at the embeddings only, or at nothing."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.query.base import Picks, contracted, refuse_nan

KMEANS_SAMPLE = 20_000
_CHUNK = 16384


@contracted
def random_batch(classifier: Any, X_pool: NDArray[Any], n_instances: int, rng: np.random.Generator, **_: Any) -> Picks:
    """Draw uniformly without replacement. Scores are all 1: every sample's chance is the same."""
    refuse_nan(X_pool, "embeddings")
    return rng.choice(len(X_pool), n_instances, replace=False), np.ones(n_instances)


@contracted
def kmeans_centroid(
    classifier: Any, X_pool: NDArray[Any], n_instances: int, rng: np.random.Generator, **_: Any
) -> Picks:
    """Pick the sample nearest to the middle of each of ``n_instances`` k-means clusters: for a cold start.

    Clusters the centred unit vectors; of a pool beyond 20,000 (or ten a cluster) a random part, in mini-batches.

    Scores are the clusters' sizes, as shares of what was clustered: what most of the pool looks like comes first. Where
    the pool has fewer distinct embeddings than ``n_instances``, the rest is drawn at random with score 0.

    References
    ----------
    Pourahmadi, Nooralinejad, Pirsiavash: A simple baseline for low-budget active learning, arXiv 2110.12033.
    """
    refuse_nan(X_pool, "embeddings")
    k = n_instances
    limit = max(KMEANS_SAMPLE, 10 * k)
    rows = np.sort(rng.choice(len(X_pool), limit, replace=False)) if len(X_pool) > limit else np.arange(len(X_pool))
    Z = _centred_units(X_pool[rows])
    clusters, distances = _cluster(Z, k, rng, in_batches=len(X_pool) > limit)
    sizes = np.bincount(clusters, minlength=k)
    # Sorted by cluster, then distance: the first of each run is the sample nearest to that cluster's middle.
    order = np.lexsort((distances, clusters))
    present, first = np.unique(clusters[order], return_index=True)
    largest_first = np.argsort(-sizes[present], kind="stable")
    picked = rows[order[first]][largest_first]
    scores = sizes[present][largest_first] / len(rows)
    missing = k - len(picked)
    if missing:
        rest = np.setdiff1d(np.arange(len(X_pool)), picked, assume_unique=True)
        picked = np.concatenate([picked, rng.choice(rest, missing, replace=False)])
        scores = np.concatenate([scores, np.zeros(missing)])
    return picked, scores


@contracted
def kcenter(
    classifier: Any,
    X_pool: NDArray[Any],
    n_instances: int,
    rng: np.random.Generator,
    *,
    X_labelled: NDArray[Any] | None = None,
    **_: Any,
) -> Picks:
    """Pick, one after the other, the sample farthest from all labelled and picked ones: finds unseen classes.

    ``X_labelled`` (m, d) are the labelled embeddings; without it a modAL learner's ``X_training``. Without either the
    first pick is random. Distances are between centred unit vectors; the pool is not copied.

    Scores are distances at the time of picking, 0..2 (2 for a random first), so they fall from pick to pick.

    References
    ----------
    Gonzalez: Clustering to minimize the maximum intercluster distance, 1985; Sener & Savarese, arXiv 1708.00489.
    """
    refuse_nan(X_pool, "embeddings")
    if X_labelled is None:
        X_labelled = getattr(classifier, "X_training", None)
    mean = X_pool.mean(axis=0, dtype=np.float64).astype(np.float32)
    norms = _norms(X_pool, mean)
    nearest = np.full(len(X_pool), 4.0, np.float32)  # squared distance to the nearest centre; 4 is the largest possible
    if X_labelled is not None and len(X_labelled):
        refuse_nan(np.asarray(X_labelled), "labelled embeddings")
        centers = _centred_units(np.asarray(X_labelled), mean)
        for start in range(0, len(centers), 256):
            _bring_nearer(nearest, X_pool, mean, norms, centers[start : start + 256])
    else:
        nearest[rng.integers(len(X_pool))] = 4.5  # any sample may come first
    picked = np.empty(n_instances, np.intp)
    scores = np.empty(n_instances)
    for step in range(n_instances):
        best = int(nearest.argmax())
        picked[step], scores[step] = best, np.sqrt(np.clip(nearest[best], 0, 4))
        _bring_nearer(nearest, X_pool, mean, norms, _centred_units(X_pool[best : best + 1], mean))
        nearest[picked[: step + 1]] = -1  # never again, also where copies of it lie at distance 0
    return picked, scores


def _centred_units(X: NDArray[Any], mean: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    Z = X.astype(np.float32)
    Z -= Z.mean(axis=0) if mean is None else mean
    Z /= np.maximum(np.linalg.norm(Z, axis=1, keepdims=True), 1e-12)
    return Z


def _norms(X: NDArray[Any], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the lengths of centred rows, a chunk at a time."""
    chunks = [np.linalg.norm(X[i : i + _CHUNK] - mean, axis=1) for i in range(0, len(X), _CHUNK)]
    norms: NDArray[np.float32] = np.maximum(np.concatenate(chunks), 1e-12).astype(np.float32)
    return norms


def _bring_nearer(
    nearest: NDArray[np.float32],
    X: NDArray[Any],
    mean: NDArray[np.float32],
    norms: NDArray[np.float32],
    centers: NDArray[np.float32],
) -> None:
    """Lower ``nearest`` to the squared distance from ``centers`` (m, d), unit vectors, where that is smaller."""
    for start in range(0, len(X), _CHUNK):
        rows = slice(start, start + _CHUNK)
        # (x - mean) . c without a centred copy of x
        cosine = ((X[rows] @ centers.T - mean @ centers.T) / norms[rows, None]).max(axis=1)
        np.minimum(nearest[rows], 2 - 2 * cosine, out=nearest[rows])


def _cluster(
    Z: NDArray[np.float32], k: int, rng: np.random.Generator, *, in_batches: bool
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the cluster of each row and its distance to that cluster's middle."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    seed = int(rng.integers(2**31))
    if in_batches:
        kmeans = MiniBatchKMeans(k, batch_size=1024, n_init=1, max_iter=5, random_state=seed)
    else:
        kmeans = KMeans(k, n_init=1, max_iter=50, random_state=seed)
    with threads.single(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct points than clusters: the caller fills up
        clusters = kmeans.fit_predict(Z)
    distances = np.linalg.norm(Z - kmeans.cluster_centers_[clusters], axis=1)
    return clusters, distances
