# ruff: noqa: N803, N806 - matrices are X, Z and W here
"""A pool kept in a quarter of its size, to be scored round after round.

Heads see centred unit rows only, and what a head makes of them hardly changes where they are rounded to one byte a
number. How much each row lost is kept as well, so scores come with a bound, and only close ones are worked out again
from the pool itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import each, unit_rows
from tl_core.query.base import Pool

_STEPS = 127  # of int8, either way from 0
_ROWS = 128  # coded at a time: what is gone over many times should stay in the core's own cache
_SINGLE = 2.0**-24  # unit roundoff of float32


@dataclass(frozen=True, eq=False)
class Units:
    """The centred unit rows of a pool, nearly: row i is ``steps[i] * codes[i]``. See `compact`.

    Attributes
    ----------
    codes : ndarray of int8, shape (n, d)
        Zeros where the embedding is not finite.
    steps : ndarray of float32, shape (n,)
        NaN where the embedding is not finite.
    lost : ndarray of float32, shape (n,)
        How far, as a length, the unit row is from that.
    mean : ndarray of float32, shape (d,)
        The centre.
    """

    codes: NDArray[np.int8]
    steps: NDArray[np.float32]
    lost: NDArray[np.float32]
    mean: NDArray[np.float32]

    def only(self, positions: NDArray[np.intp]) -> "Units":
        """Return those of some of the rows, ``positions`` (m,): copies."""
        return Units(self.codes[positions], self.steps[positions], self.lost[positions], self.mean)

    def products(self, W: NDArray[np.float32]) -> tuple[Callable[[slice], NDArray[np.float32]], NDArray[np.float32]]:
        """Multiply rows with a few weight vectors, in integers.

        Parameters
        ----------
        W : ndarray of float32, shape (c, d)
            Weights.

        Returns
        -------
        multiply : callable
            From a slice of m rows to float32 (c, m), a new array.
        bounds : ndarray of float32, shape (n,)
            How far the products of each row may be from those of its unit row, also where that is worked out in
            float32. By Cauchy and Schwarz, so seldom nearly as far.
        """
        steps, codes = _coded(W)
        multiplied = integer_products(codes)
        missed = float(np.linalg.norm(W - codes * steps[:, None], axis=1).max())
        longest = float(np.linalg.norm(W, axis=1).max())

        def multiply(where: slice) -> NDArray[np.float32]:
            # Classes first: they are compared row with row, many samples at a time.
            product = multiplied(self.codes[where]).T.astype(np.float32, order="C")
            product *= steps[:, None]
            product *= self.steps[where]
            return product

        summing = 2 * W.shape[1] * _SINGLE * longest
        return multiply, np.float32(longest + missed) * self.lost + np.float32(missed + summing)

    def refuse_other(self, X_pool: Pool, center: NDArray[np.float32]) -> None:
        """Raise ValueError where these cannot be the pool's unit rows around ``center``; looks at a few rows."""
        if self.codes.shape != X_pool.shape:
            raise ValueError(f"units must be of a pool of shape {X_pool.shape}, got {self.codes.shape}")
        some = np.linspace(0, len(X_pool) - 1, 16).astype(np.intp)
        with np.errstate(invalid="ignore", over="ignore"):
            off = np.abs(unit_rows(X_pool[some], center) - self.codes[some] * self.steps[some, None])
        if not np.array_equal(self.mean, center) or (off > self.steps[some, None]).any():
            raise ValueError("units are not those of these embeddings around the head's centre: see query.compact")


def integer_products(codes: NDArray[np.int8]) -> Callable[[NDArray[np.int8]], NDArray[np.int32]]:
    """Return what multiplies rows of codes (n, d) with these, (m, d), exactly: int32 (n, m)."""
    from numkong import dots_pack, dots_packed

    packed = dots_pack(codes)
    return lambda rows: np.asarray(dots_packed(rows, packed))


def compact(
    X_pool: Pool,
    mean: NDArray[np.float32],
    positions: NDArray[np.intp] | None = None,
    *,
    codes: NDArray[np.int8] | None = None,
) -> Units:
    """Round the centred unit rows of a pool to one byte a number.

    Neither the pool nor its mean changes while nothing is embedded, so a caller does this once, before or between
    rounds, and passes it to strategies as ``units``. Takes as long as several rounds of scoring.

    Parameters
    ----------
    X_pool : ndarray or Vectors, shape (n, d)
        Embeddings. Read once.
    mean : ndarray of float32, shape (d,)
        The head's centre, which is the pool's mean.
    positions : ndarray of intp, shape (n,), or None
        Rows of the pool; None = all.
    codes : ndarray of int8, shape (n, d), or None
        Where to write the codes, a mapped file for one; None = into memory.

    Returns
    -------
    Units
        n x (d + 8) bytes.
    """
    n, d = len(X_pool) if positions is None else len(positions), X_pool.shape[1]
    codes = np.empty((n, d), np.int8) if codes is None else codes
    steps, lost = np.empty(n, np.float32), np.empty(n, np.float32)

    def encode(where: slice, block: NDArray[Any]) -> None:
        for start in range(0, len(block), _ROWS):
            rows = slice(where.start + start, min(where.start + start + _ROWS, where.stop))
            with np.errstate(invalid="ignore", over="ignore"):  # the caller is told when they are scored
                Z = unit_rows(block[start : start + _ROWS], mean)
                steps[rows], codes[rows] = _coded(Z)
                Z -= codes[rows] * steps[rows, None]
                lost[rows] = np.sqrt(np.vecdot(Z, Z))

    each(X_pool, encode, positions)
    return Units(codes, steps, lost, np.asarray(mean, np.float32))


def _coded(Z: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return the step (m,) of each row (m, d) and how many steps its numbers are; NaN and zeros where not finite."""
    steps = np.maximum(Z.max(axis=1), -Z.min(axis=1)) / np.float32(_STEPS)
    codes = Z / np.where(steps > 0, steps, 1)[:, None]
    np.rint(codes, out=codes)
    codes[np.isnan(steps)] = 0
    return steps, codes.astype(np.int8)
