# ruff: noqa: N803 - matrices are X, L and P here
"""What a classifier takes every sample of a pool for, in one pass: for people who look at many side by side."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import block_lengths, each, unit_rows
from tl_core.heads.plain import HALF, LinearHead
from tl_core.query import products
from tl_core.query.base import Pool
from tl_core.query.scoring import plain_head, scan
from tl_core.query.units import Units

NONE = -1

Float32 = NDArray[np.float32]
Found = tuple[NDArray[np.intp], Float32]


def likeliest(classifier: Any, X_pool: Pool, *, norms: Float32 | None = None, units: Units | None = None) -> Found:
    """Return for every sample the class that a classifier takes it for, and how sure it is.

    For a linear head this is nearly what the head itself says: products are rounded as in `scoring.estimate`, so
    probabilities move a little, and of two classes that are as likely as each other the other one may be named.

    Parameters
    ----------
    classifier : classifier
        With ``predict_proba``; fast where it is linear.
    X_pool : ndarray or Vectors, shape (n, d)
        Embeddings. Read once.
    norms : ndarray of float32, shape (n,), or None
        `geometry.lengths` around a linear head's centre, if the caller keeps them.
    units : Units or None
        `units.compact` around a linear head's centre, if the caller keeps them: faster, and needs no ``norms``.

    Returns
    -------
    columns : ndarray of intp, shape (n,)
        Places among the classifier's classes; -1 where the embedding is not finite, or where a head of several classes
        a sample names none, or more than one.
    probabilities : ndarray of float32, shape (n,)
        Of that class; 0 where there is none.
    """
    head = plain_head(classifier)
    if head is None:
        return _pairs([scan(classifier, X_pool, lambda P: _highest(np.asarray(P.T, np.float32, order="C")).T).T])
    choose = _only_of_logits if head.multilabel else _best_of_logits
    return _pairs(_pass(head, X_pool, choose, norms, units))


def most_alike(X_pool: Pool, examples: NDArray[Any], mean: Float32, *, norms: Float32 | None = None) -> Found:
    """Return for every sample which of some examples it looks most like, and the cosine around the mean.

    Parameters
    ----------
    X_pool : ndarray or Vectors, shape (n, d)
        Embeddings. Read once.
    examples : ndarray, shape (m, d)
        Embeddings, at least one, finite.
    mean : ndarray of float32, shape (d,)
        Of the pool.
    norms : ndarray of float32, shape (n,), or None
        `geometry.lengths` around the mean, if the caller keeps them.

    Returns
    -------
    places : ndarray of intp, shape (n,)
        Among the examples; -1 where the embedding is not finite.
    cosines : ndarray of float32, shape (n,)
        Nearly, as in `likeliest`; 0 where the embedding is not finite.
    """
    middles = unit_rows(examples, mean)
    head = LinearHead(np.arange(len(middles)), middles, np.zeros(len(middles), np.float32), mean)
    return _pairs(_pass(head, X_pool, _highest, norms, None))


def _pass(
    head: LinearHead,
    X_pool: Pool,
    choose: Callable[[Float32], Float32],
    norms: Float32 | None,
    units: Units | None,
) -> list[Float32]:
    """Run ``choose`` over the logits (c, m) of every block, classes first."""
    bias = head.intercept[:, None]
    if units is not None:
        multiply, _ = units.products(head.coef)
        return each(units.codes, lambda where, _: choose(multiply(where) + bias))
    shift = (head.coef @ head.center)[:, None]

    def look(where: slice, block: NDArray[Any]) -> Float32:
        length = block_lengths(block, head.center) if norms is None else norms[where]
        with np.errstate(invalid="ignore", over="ignore"):  # not finite: told by its place
            logits = product(block)
            logits -= shift
            logits /= np.where(length > 0, length, np.float32(1))
            logits += bias
            return choose(logits)

    with products.with_weights(head.coef, len(X_pool)) as product:
        return each(X_pool, look)


def _pairs(pieces: list[NDArray[Any]]) -> Found:
    """Take apart rows of place and number; a place below 0 or a number that isn't finite means none."""
    pairs = np.concatenate(pieces, axis=1)
    places, numbers = pairs[0].astype(np.intp), pairs[1].astype(np.float32)
    nothing = (places < 0) | ~np.isfinite(numbers)
    places[nothing], numbers[nothing] = NONE, 0
    return places, numbers


def _highest(L: Float32) -> Float32:
    """Return the place and the value of the highest of each column (c, m): (2, m)."""
    best = L.max(axis=0)
    # argmax along the first axis would take four times as long.
    return np.stack([(best == L).argmax(axis=0).astype(np.float32), best])


def _best_of_logits(L: Float32) -> Float32:
    best = _highest(L)
    with np.errstate(invalid="ignore"):
        best[1] = 1 / np.exp(L - best[1]).sum(axis=0)
    return best


def _only_of_logits(L: Float32) -> Float32:
    with np.errstate(invalid="ignore", over="ignore"):
        return _only(np.asarray(1 / (1 + np.exp(-L)), np.float32))


def _only(P: Float32) -> Float32:
    """Return place and probability of the one class (c, m) that is there: (2, m)."""
    best = _highest(P)
    best[0, (P >= HALF).sum(axis=0) != 1] = NONE
    return best
