# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Unit vectors, probabilities, and matrices that are read block by block: what heads, strategies and spaces share."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core import threads
from tl_core.store.vectors import Vectors

# What a thread works on at a time: large enough for matrix products, small enough to stay in its core's cache.
BLOCK = 2048
_GATHERED = 512  # rows picked one by one are a copy, and memory for a large one comes fresh from the system each time

Rows = NDArray[Any] | Vectors
Result = TypeVar("Result")


def unit_rows(X: ArrayLike, center: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centre embeddings and scale them to length one.

    Parameters
    ----------
    X : array-like, shape (n, d)
        Embeddings. Not changed.
    center : ndarray of float32, shape (d,)
        Usually the pool's mean.

    Returns
    -------
    ndarray of float32, shape (n, d)
        Rows of length 1; a row equal to the centre stays zero.
    """
    Z = np.asarray(X, dtype=np.float32) - center
    norms = np.sqrt(np.einsum("ij,ij->i", Z, Z))
    Z /= np.where(norms > 0, norms, 1)[:, None]
    return Z


def finite_unit_rows(X: ArrayLike, center: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `unit_rows` of embeddings ``X`` (n, d), or raise ValueError where a value is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        Z = unit_rows(X, center)
        total = Z.sum()
    if not np.isfinite(total):
        raise ValueError("an embedding is not finite")
    return Z


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits into probabilities, row by row.

    Parameters
    ----------
    logits : ndarray of float32, shape (n, c)
        ``c`` at least 1. Minus infinity is fine where another of the row is finite.

    Returns
    -------
    ndarray of float32, shape (n, c)
        Rows sum to 1.
    """
    P: NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return P


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits (any shape) into probabilities, each for itself."""
    P: NDArray[np.float32] = 0.5 * (1 + np.tanh(0.5 * logits))  # unlike 1 / (1 + exp(-z)) it never overflows
    return P


def rows_of(X: Any) -> Any:
    """Return a matrix to read: `Vectors` as they are, anything else as an array."""
    return X if isinstance(X, Vectors) else np.asarray(X)


def blocks(X: Any, rows: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield the rows of ``X`` in order, at most ``rows`` at a time, each block with the position of its first row.

    Parameters
    ----------
    X : array-like or Vectors, shape (n, d)
        `Vectors` are read where they lie, shard by shard.
    rows : int
        At least 1.

    Yields
    ------
    int, ndarray of shape (1 to rows, d)
        Views where that is possible.
    """
    if isinstance(X, Vectors):
        yield from X.blocks(rows)
        return
    X = np.asarray(X)
    for start in range(0, len(X), rows):
        yield start, X[start : start + rows]


def each(
    X: Rows,
    function: Callable[[slice, NDArray[Any]], Result],
    positions: NDArray[np.intp] | None = None,
    *,
    rows: int | None = None,
) -> list[Result]:
    """Call ``function(where, block)`` for every block, a thread a core; numpy lets them run at the same time.

    Parameters
    ----------
    X : ndarray or Vectors, shape (n, d)
        Read, never copied whole.
    function : callable
        ``where`` is the block's slice of the pool, or of ``positions``; ``block`` (at most ``rows``, d), not to be
        changed. Called from several threads, with BLAS on one thread each.
    positions : ndarray of intp, shape (m,), or None
        Rows to read, in this order; None = all.
    rows : int or None
        The most rows of a block, at least 1; None = `BLOCK`.

    Returns
    -------
    list
        What the calls returned, in order.
    """
    rows = BLOCK if rows is None else rows
    if positions is None and isinstance(X, Vectors):
        spans = X.spans(rows)
    else:
        n, rows = (len(X), rows) if positions is None else (len(positions), min(rows, _GATHERED))
        spans = [(start, min(start + rows, n)) for start in range(0, n, rows)]

    def call(span: tuple[int, int]) -> Result:
        where = slice(*span)
        return function(where, X[where if positions is None else positions[where]])

    with threads.single():
        if len(spans) < 2:
            return [call(span) for span in spans]
        with ThreadPoolExecutor(_cores()) as executor:
            return list(executor.map(call, spans))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def mean_row(X: Rows, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Return the mean of the ``allowed`` embeddings, at least one: float32 (d,). One pass."""

    def add(where: slice, block: NDArray[Any]) -> NDArray[Any]:
        some = block if allowed is None or allowed[where].all() else block[allowed[where]]
        # A block's rows lose nothing in float32; the sums of all blocks would.
        total: NDArray[Any] = np.add.reduce(some, axis=0, dtype=np.result_type(some, np.float32))
        return total

    n = len(X) if allowed is None else np.count_nonzero(allowed)
    return np.asarray(np.sum(each(X, add), axis=0, dtype=np.float64) / n, np.float32)


def lengths(X: Rows, mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance of every embedding from ``mean`` (d,): float32 (n,). One pass.

    Neither changes while nothing is embedded, so a caller computes them once and passes them to strategies as
    ``norms``.
    """
    out = np.empty(len(X), np.float32)

    def measure(where: slice, block: NDArray[Any]) -> None:
        out[where] = block_lengths(block, mean)

    each(X, measure)
    return out


def block_lengths(block: NDArray[Any], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance of each row of one block (m, d) from ``mean`` (d,): float32 (m,)."""
    centred = block - mean
    norms: NDArray[np.float32] = np.sqrt(np.vecdot(centred, centred), dtype=np.float32)
    return norms


def refuse_nan(X: Rows, what: str, allowed: NDArray[np.bool_] | None = None) -> None:
    """Raise ValueError where ``X`` (n, d) holds NaN or infinity in a row that is ``allowed``. One pass."""

    def check(where: slice, block: NDArray[Any]) -> bool:
        return all_finite(block if allowed is None or allowed[where].all() else block[allowed[where]])

    if not all(each(X, check)):
        raise ValueError(f"{what} are not finite")


def all_finite(block: NDArray[Any]) -> bool:
    """Say whether every number is finite, without a mask of them all."""
    with np.errstate(over="ignore", invalid="ignore"):
        # Summed as they are, finite numbers may still overflow: then once more, wider.
        return bool(np.isfinite(block.sum())) or bool(np.isfinite(block.sum(dtype=np.float64)))
