"""Several embeddings of the same samples, read side by side as one matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.store.vectors import Vectors


class Mixed(Vectors):
    """The columns of several `Vectors` beside each other, each column times a number; read where they are asked.

    Parameters
    ----------
    sources : sequence of Vectors
        Of the same N samples in the same order, one or more.
    scales : sequence of ndarray of float32, shape (d_i,)
        What each source's columns are multiplied by.

    Raises
    ------
    ValueError
        The sources have different lengths, or a scale does not fit.
    """

    def __init__(self, sources: Sequence[Vectors], scales: Sequence[NDArray[np.float32]]) -> None:
        if len({len(source) for source in sources}) != 1:
            raise ValueError(f"expected sources of one length, got {[len(source) for source in sources]}")
        if [scale.shape for scale in scales] != [source.shape[1:] for source in sources]:
            raise ValueError(f"scales {[s.shape for s in scales]} do not fit {[s.shape for s in sources]}")
        self._sources, self._scales = list(sources), [np.asarray(scale, np.float32) for scale in scales]
        self._stops = np.cumsum([len(scale) for scale in scales]).tolist()
        self.shape = (len(sources[0]), self._stops[-1])

    def only(self, positions: NDArray[np.intp]) -> "Mixed":
        """Return some of the rows as vectors of their own; see `Vectors.only`."""
        return Mixed([source.only(positions) for source in self._sources], self._scales)

    def spans(self, rows: int) -> list[tuple[int, int]]:
        """Return where `blocks` would cut; see `Vectors.spans`."""
        return self._sources[0].spans(rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return it as one array, for numpy. Raises ValueError where ``copy`` is False: it has to be copied."""
        if copy is False:
            raise ValueError("mixed vectors cannot be one array without a copy")
        return np.asarray(self[:], dtype=dtype)

    def _between(self, start: int, stop: int) -> NDArray[np.float32]:
        return self._beside([source._between(start, stop) for source in self._sources])

    def _gathered(self, positions: NDArray[np.intp]) -> NDArray[np.float32]:
        return self._beside([source._gathered(positions) for source in self._sources])

    def _beside(self, blocks: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        out = np.empty((len(blocks[0]), self.shape[1]), np.float32)
        for block, scale, stop in zip(blocks, self._scales, self._stops, strict=True):
            np.multiply(block, scale, out=out[:, stop - len(scale) : stop])
        return out
