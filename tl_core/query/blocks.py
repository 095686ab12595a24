# ruff: noqa: N803 - matrices are X, Z, P and W here, as in scikit-learn
"""Read a pool block by block, on all cores, without ever copying it whole."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.query.base import Pool
from tl_core.vectors import Vectors

# What a thread works on at a time: large enough for matrix products, small enough to stay in its core's cache.
BLOCK = 2048
_GATHERED = 512  # rows picked one by one are a copy, and memory for a large one comes fresh from the system each time

Result = TypeVar("Result")


def each(
    X_pool: Pool, function: Callable[[slice, NDArray[Any]], Result], positions: NDArray[np.intp] | None = None
) -> list[Result]:
    """Call ``function(where, block)`` for every block, a thread a core; numpy lets them run at the same time.

    Parameters
    ----------
    X_pool : ndarray or Vectors, shape (n, d)
        Read, never copied whole.
    function : callable
        ``where`` is the block's slice of the pool, or of ``positions``; ``block`` (at most `BLOCK`, d), not to be
        changed. Called from several threads, with BLAS on one thread each.
    positions : ndarray of intp, shape (m,), or None
        Rows to read, in this order; None = all.

    Returns
    -------
    list
        What the calls returned, in order.
    """
    if positions is None and isinstance(X_pool, Vectors):
        spans = X_pool.spans(BLOCK)
    else:
        n, rows = (len(X_pool), BLOCK) if positions is None else (len(positions), _GATHERED)
        spans = [(start, min(start + rows, n)) for start in range(0, n, rows)]

    def call(span: tuple[int, int]) -> Result:
        where = slice(*span)
        return function(where, X_pool[where if positions is None else positions[where]])

    with threads.single():
        if len(spans) < 2:
            return [call(span) for span in spans]
        with ThreadPoolExecutor(_cores()) as executor:
            return list(executor.map(call, spans))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def mean_row(X_pool: Pool, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Return the mean of the ``allowed`` embeddings, at least one: float32 (d,). One pass."""

    def add(where: slice, block: NDArray[Any]) -> NDArray[Any]:
        some = block if allowed is None or allowed[where].all() else block[allowed[where]]
        # A block's rows lose nothing in float32; the sums of all blocks would.
        total: NDArray[Any] = np.add.reduce(some, axis=0, dtype=np.result_type(some, np.float32))
        return total

    n = len(X_pool) if allowed is None else np.count_nonzero(allowed)
    return np.asarray(np.sum(each(X_pool, add), axis=0, dtype=np.float64) / n, np.float32)


def lengths(X_pool: Pool, mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance of every embedding from ``mean`` (d,): float32 (n,). One pass.

    Neither changes while nothing is embedded, so a caller computes them once and passes them to strategies as
    ``norms``.
    """
    out = np.empty(len(X_pool), np.float32)

    def measure(where: slice, block: NDArray[Any]) -> None:
        out[where] = block_lengths(block, mean)

    each(X_pool, measure)
    return out


def block_lengths(block: NDArray[Any], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance of each row of one block (m, d) from ``mean`` (d,): float32 (m,)."""
    centred = block - mean
    norms: NDArray[np.float32] = np.sqrt(np.vecdot(centred, centred), dtype=np.float32)
    return norms


def refuse_nan(X_pool: Pool, what: str, allowed: NDArray[np.bool_] | None = None) -> None:
    """Raise ValueError where ``X_pool`` (n, d) holds NaN or infinity in a row that is ``allowed``. One pass."""

    def check(where: slice, block: NDArray[Any]) -> bool:
        return all_finite(block if allowed is None or allowed[where].all() else block[allowed[where]])

    if not all(each(X_pool, check)):
        raise ValueError(f"{what} are not finite")


def all_finite(block: NDArray[Any]) -> bool:
    """Say whether every number is finite, without a mask of them all."""
    with np.errstate(over="ignore", invalid="ignore"):
        # Summed as they are, finite numbers may still overflow: then once more, wider.
        return bool(np.isfinite(block.sum())) or bool(np.isfinite(block.sum(dtype=np.float64)))
