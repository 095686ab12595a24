# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Strategies that ask where the head is unsure. Scores work on probabilities, so one scoring of the pool serves all."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.query.base import Picks, contracted, highest, refuse_nan

_CHUNK = 65536


def _checked(P: ArrayLike) -> NDArray[Any]:
    P = np.asarray(P)
    if P.ndim != 2 or P.shape[1] == 0:
        raise ValueError(f"expected probabilities of shape (n, c), got {P.shape}")
    refuse_nan(P, "probabilities")
    return P


def margin_scores(P: ArrayLike) -> NDArray[np.float64]:
    """Return minus the lead of the likeliest class over the second.

    Parameters
    ----------
    P : array-like, shape (n, c)
        Class probabilities.

    Returns
    -------
    ndarray of float64, shape (n,)
        -1 (sure) to 0 (torn between two); 0 where there is only one class.

    Raises
    ------
    ValueError
        Wrong shape or a value that is not finite.

    References
    ----------
    Scheffer, Decomain, Wrobel: Active hidden Markov models for information extraction, 2001.
    """
    P = _checked(P)
    scores = np.zeros(len(P))
    if P.shape[1] > 1:
        for start in range(0, len(P), _CHUNK):
            rows = slice(start, start + _CHUNK)
            top = np.partition(P[rows], -2, axis=1)[:, -2:].astype(np.float64)
            scores[rows] = top[:, 0] - top[:, 1]
    return scores


def entropy_scores(P: ArrayLike) -> NDArray[np.float64]:
    """Return the entropy of each row, in nats.

    Parameters
    ----------
    P : array-like, shape (n, c)
        Class probabilities.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 (sure) to log c.

    Raises
    ------
    ValueError
        Wrong shape or a value that is not finite.

    References
    ----------
    Shannon: A mathematical theory of communication, 1948.
    """
    P = _checked(P)
    scores = np.empty(len(P))
    for start in range(0, len(P), _CHUNK):
        rows = slice(start, start + _CHUNK)
        p = P[rows].astype(np.float64)
        scores[rows] = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)
    return scores


def least_confidence_scores(P: ArrayLike) -> NDArray[np.float64]:
    """Return one minus the likeliest class's probability.

    Parameters
    ----------
    P : array-like, shape (n, c)
        Class probabilities.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 (sure) to 1 - 1/c.

    Raises
    ------
    ValueError
        Wrong shape or a value that is not finite.

    References
    ----------
    Lewis, Gale: A sequential algorithm for training text classifiers, arXiv cmp-lg/9407020.
    """
    scores: NDArray[np.float64] = 1.0 - _checked(P).max(axis=1).astype(np.float64)
    return scores


@contracted
def margin(classifier: Any, X_pool: NDArray[Any], n_instances: int, rng: np.random.Generator, **_: Any) -> Picks:
    """Pick by `margin_scores` of ``classifier.predict_proba(X_pool)``. Equal scores: drawn from the seed."""
    return highest(margin_scores(classifier.predict_proba(X_pool)), n_instances, rng)


@contracted
def entropy(classifier: Any, X_pool: NDArray[Any], n_instances: int, rng: np.random.Generator, **_: Any) -> Picks:
    """Pick by `entropy_scores` of ``classifier.predict_proba(X_pool)``. Equal scores: drawn from the seed."""
    return highest(entropy_scores(classifier.predict_proba(X_pool)), n_instances, rng)


@contracted
def least_confidence(
    classifier: Any, X_pool: NDArray[Any], n_instances: int, rng: np.random.Generator, **_: Any
) -> Picks:
    """Pick by `least_confidence_scores` of ``classifier.predict_proba(X_pool)``. Equal scores: drawn from the seed."""
    return highest(least_confidence_scores(classifier.predict_proba(X_pool)), n_instances, rng)
