# ruff: noqa: N803, N806 - matrices are X and Z here, as in scikit-learn
"""What heads of one question foresee, as embeddings: each sample by a head fitted without it."""

import dataclasses
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import finite_unit_rows, softmax
from tl_core.spaces.maps import VectorMap

PARTS = 5
UNKNOWN = -12.0  # the logit of a class that a part's head was never taught
_LOWEST = -8.0  # a logarithm of a probability: what is impossible must not outweigh all else
_HASHED = 32  # columns that say which part an embedding belongs to


@dataclasses.dataclass(frozen=True, eq=False)
class Foreseen(VectorMap):
    """What heads of one question foresee of an embedding: a logarithm a class.

    Attributes
    ----------
    coef : ndarray of float32, shape (parts, c, d)
        Of each part's head, fitted without the labels of that part.
    intercept : ndarray of float32, shape (parts, c)
        As ``coef``.
    center : ndarray of float32, shape (d,)
        Subtracted from embeddings, which are then scaled to length one.
    several : ndarray of bool, shape (1,)
        Whether a sample may have several classes: then each logarithm is that of its own chances.
    """

    kind: ClassVar[str] = "foreseen"
    format: ClassVar[str] = "foreseen-1"

    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    center: NDArray[np.float32]
    several: NDArray[np.bool_]

    @property
    def width(self) -> int:
        """How many numbers an embedding has."""
        return len(self.center)

    @property
    def dimension(self) -> int:
        """How many classes the question has."""
        return int(self.intercept.shape[1])

    def _mapped(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        part, Z = parts_of(block, len(self.coef)), finite_unit_rows(block, self.center)
        logits = np.empty((len(Z), self.dimension), np.float32)
        for number in range(len(self.coef)):
            rows = np.flatnonzero(part == number)
            logits[rows] = Z[rows] @ self.coef[number].T + self.intercept[number]
        if self.several[0]:
            return np.clip(logits, _LOWEST, -_LOWEST).astype(np.float32)
        return np.log(np.maximum(softmax(logits), np.float32(np.exp(_LOWEST)))).astype(np.float32)


def parts_of(X: NDArray[np.float32], parts: int = PARTS) -> NDArray[np.intp]:
    """Return which part each embedding belongs to: always the same one, and as good as drawn.

    Parameters
    ----------
    X : ndarray of float32, shape (n, d)
        Embeddings as they are stored.
    parts : int
        How many there are.

    Returns
    -------
    ndarray of intp, shape (n,)
        0 to ``parts`` - 1.
    """
    bits = np.ascontiguousarray(X[:, :_HASHED], np.float32).view(np.uint32).astype(np.uint64)
    factors = np.random.default_rng(0).integers(1, 2**62, bits.shape[1], np.uint64) | np.uint64(1)
    mixed = (bits * factors).sum(axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    belongs: NDArray[np.intp] = ((mixed >> np.uint64(40)) % np.uint64(parts)).astype(np.intp)
    return belongs
