"""A matrix whose rows lie in many memory-mapped arrays, read where it is asked and never copied whole unasked."""

import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_NO_COPIES_OF_THE_SIGN = np.uint32(0x8FFFE000).view(np.int32)  # widening to int32 left them in bits 28 to 30

Stored = NDArray[np.float32] | NDArray[np.float16]


def _single(block: Stored) -> NDArray[np.float32]:
    """Return a block as float32: itself, or exactly the same finite numbers.

    numpy converts float16 one number at a time; scoring would wait for it. Here the bits are moved to where float32 has
    them, many at a time, and the exponents, then too small by 112, put right by a product: 6 times faster.
    """
    if block.dtype == np.float32:
        return np.asarray(block, np.float32)
    bits = block.view("<i2").astype(np.int32)
    bits <<= 13
    bits &= _NO_COPIES_OF_THE_SIGN
    single: NDArray[np.float32] = bits.view(np.float32)
    single *= np.float32(2.0**112)
    return single


def _count(part: Stored, rows: NDArray[np.intp] | None) -> int:
    return len(part if rows is None else rows)


class Vectors:
    """The valid rows of several arrays, as one read-only matrix of float32, shape (N, dimension).

    Indexing gives plain arrays: ``vectors[i]`` (dimension,), ``vectors[a:b]``, ``vectors[positions]`` and
    ``vectors[mask]`` (n, dimension). numpy functions take it as well, but copy it whole: N x dimension x 4 bytes. What
    is a view of the map is not writeable; what had to be copied or converted is.

    Parameters
    ----------
    parts : sequence of ndarray of float32 or float16, each of shape (n_i, dimension)
        In order; usually memory maps. float16 is converted as it is read; it must be finite.
    rows : sequence of ndarray of intp or None
        Which rows of each part count, ascending; None = all.
    dimension : int
        Length of a row; there may be no parts.

    Attributes
    ----------
    shape : tuple of int
        (N, dimension).
    dtype : numpy.dtype
        float32.
    ndim : int
        2.
    """

    ndim = 2
    dtype = np.dtype(np.float32)

    def __init__(self, parts: Sequence[Stored], rows: Sequence[NDArray[np.intp] | None], dimension: int) -> None:
        kept = [pair for pair in zip(parts, rows, strict=True) if _count(*pair)]
        self._parts = [part for part, _ in kept]
        self._rows = [chosen for _, chosen in kept]
        counts = np.array([_count(*pair) for pair in kept], np.intp)
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        self.shape = (int(counts.sum()), dimension)

    def __len__(self) -> int:
        """Return N."""
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        """Return one row or some.

        Parameters
        ----------
        key : int, slice, sequence of int (n,) or of bool (N,)
            Negative positions count from the end.

        Returns
        -------
        ndarray of float32, shape (dimension,) or (n, dimension)
            A slice within one part of float32 that counts whole is a view; all else is a copy.

        Raises
        ------
        IndexError
            Out of range, or any other key.
        """
        if isinstance(key, tuple | bool):
            raise IndexError(f"cannot index vectors by {key!r}: rows are chosen, whole")
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step == 1:
                return self._between(start, stop)
            return self._gathered(np.arange(start, stop, step, dtype=np.intp))
        if np.ndim(key) == 0:
            try:
                position = operator.index(key)
            except TypeError:
                raise IndexError(f"cannot index vectors by {key!r}") from None
            return self._gathered(self._positions(np.array([position]))).reshape(-1)
        return self._gathered(self._positions(np.asarray(key)))

    def only(self, positions: NDArray[np.intp]) -> "Vectors":
        """Return some of the rows as vectors of their own, which are read only where they are asked, too.

        Parameters
        ----------
        positions : ndarray of intp, shape (n,)
            Which, 0 to N - 1, ascending and each once.

        Returns
        -------
        Vectors
            Shape (n, dimension).

        Raises
        ------
        ValueError
            They are not ascending.
        IndexError
            One is out of range.
        """
        if len(positions) and not (np.diff(positions) > 0).all():
            raise ValueError("positions must be ascending, each once")
        if len(positions) and not 0 <= positions[0] <= positions[-1] < len(self):
            raise IndexError(f"there is no row {positions[0 if positions[0] < 0 else -1]} among {len(self)}")
        rows = []
        for start, end, chosen in zip(self._starts, self._ends, self._rows, strict=True):
            of_part = positions[np.searchsorted(positions, start) : np.searchsorted(positions, end)] - start
            rows.append(of_part if chosen is None else chosen[of_part])
        return Vectors(self._parts, rows, self.shape[1])

    def spans(self, rows: int) -> list[tuple[int, int]]:
        """Return where `blocks` would cut, as starts and ends: for threads that read blocks on their own.

        Parameters
        ----------
        rows : int
            As for `blocks`.

        Returns
        -------
        list of (int, int)
            ``vectors[start:end]`` is a view where the part is float32 and counts whole.

        Raises
        ------
        ValueError
            ``rows`` is below 1.
        """
        if rows < 1:
            raise ValueError("a block has at least 1 row")
        parts = zip(self._starts.tolist(), self._ends.tolist(), strict=True)
        return [(low, min(low + rows, end)) for start, end in parts for low in range(start, end, rows)]

    def blocks(self, rows: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield all rows in order, a block at a time.

        Parameters
        ----------
        rows : int
            The most rows of a block, at least 1. A block never reaches over the end of a part, for that would cost a
            copy: it is shorter there.

        Yields
        ------
        int
            The position of the block's first row.
        ndarray of float32, shape (1 to rows, dimension)
            A view where the part is float32 and counts whole.

        Raises
        ------
        ValueError
            ``rows`` is below 1.
        """
        for start, end in self.spans(rows):
            yield start, self._between(start, end)

    def mean(self, axis: int = 0, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """Return the mean row, summed in float64 in one pass.

        Parameters
        ----------
        axis : int
            0, there for numpy's sake.
        dtype : dtype
            Of the result.

        Returns
        -------
        ndarray, shape (dimension,)
            Zeros where there are no rows.

        Raises
        ------
        ValueError
            Another axis.
        """
        if axis != 0:
            raise ValueError("only the mean over rows (axis 0) is to be had")
        total = np.zeros(self.shape[1])
        for _, block in self.blocks(4096):
            total += block.sum(axis=0, dtype=np.float64)
        return (total / max(len(self), 1)).astype(dtype)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return it as one array, for numpy: a copy, or a view where there is one part of float32 that counts whole.

        Raises
        ------
        ValueError
            ``copy`` is False and a copy is needed.
        """
        mapped = len(self._parts) == 1 and self._rows[0] is None and self._parts[0].dtype == self.dtype
        if copy is False and not (mapped and np.dtype(dtype or self.dtype) == self.dtype):
            raise ValueError("vectors of several shards, or converted ones, cannot be one array without a copy")
        whole = self[:]
        return np.array(whole, dtype=dtype, copy=True) if mapped and copy else np.asarray(whole, dtype=dtype)

    def _piece(self, number: int, low: int, high: int) -> NDArray[np.float32]:
        part, rows = self._parts[number], self._rows[number]
        return _single(part[low:high] if rows is None else part[rows[low:high]])

    def _between(self, start: int, stop: int) -> NDArray[np.float32]:
        if stop <= start:
            return np.empty((0, self.shape[1]), np.float32)
        first, last = np.searchsorted(self._starts, [start, stop - 1], side="right") - 1
        if first == last:
            begin = self._starts[first]
            return self._piece(first, start - begin, stop - begin)
        out = np.empty((stop - start, self.shape[1]), np.float32)
        for number in range(first, last + 1):
            begin, end = self._starts[number], self._ends[number]
            low, high = max(start, begin), min(stop, end)
            out[low - start : high - start] = self._piece(number, low - begin, high - begin)
        return out

    def _positions(self, keys: NDArray[Any]) -> NDArray[np.intp]:
        """Return the rows that ``keys`` means, 0 to N - 1."""
        if keys.ndim != 1 or not (keys.dtype == np.bool_ or np.issubdtype(keys.dtype, np.integer) or not keys.size):
            raise IndexError(f"cannot index vectors by an array of {keys.dtype} and shape {keys.shape}")
        if keys.dtype == np.bool_:
            if len(keys) != len(self):
                raise IndexError(f"the mask has {len(keys)} rows, the vectors {len(self)}")
            return np.flatnonzero(keys)
        if keys.size and (keys.min() < -len(self) or keys.max() >= len(self)):
            raise IndexError(f"a position is out of range: there are {len(self)} rows")
        positions = keys.astype(np.intp)
        return np.where(positions < 0, positions + len(self), positions)

    def _gathered(self, positions: NDArray[np.intp]) -> NDArray[np.float32]:
        """Copy rows, one part after the other whatever their order."""
        out = np.empty((len(positions), self.shape[1]), np.float32)
        if not len(positions):
            return out
        numbers = np.searchsorted(self._starts, positions, side="right") - 1
        order = None
        if (numbers[1:] < numbers[:-1]).any():
            order = np.argsort(numbers, kind="stable")
            numbers, positions = numbers[order], positions[order]
        cuts = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
        for low, high in itertools.pairwise([0, *cuts.tolist(), len(positions)]):
            number = numbers[low]
            wanted = positions[low:high] - self._starts[number]
            rows = self._rows[number]
            where = slice(low, high) if order is None else order[low:high]
            out[where] = _single(self._parts[number][wanted if rows is None else rows[wanted]])
        return out
