"""Vectors of words: what is taken of a file of them, and what makes vectors of words it lacks."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

COMMON = 50_000  # words taken besides the wanted ones
WIDEST = 4096  # numbers of a vector: what says more is no file of vectors


class Subwords(ABC):
    """Makes a vector for a word nobody has seen, from its letters."""

    @abstractmethod
    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return float32 (d,), or None where the word has no part that is known."""


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors of some words.

    Attributes
    ----------
    words : list of str
        In small letters, each once, most frequent first where the file has that order.
    matrix : ndarray of float32, shape (n, d)
        Their vectors, finite.
    subwords : Subwords or None
        Makes vectors of other words, where the file has what it takes.
    """

    words: list[str]
    matrix: NDArray[np.float32]
    subwords: Subwords | None = None

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.matrix.shape[1])

    @cached_property
    def rows(self) -> dict[str, int]:
        """Which row is whose."""
        return {word: row for row, word in enumerate(self.words)}

    def find(self, word: str) -> NDArray[np.float32] | None:
        """Return the vector (d,) of a word that has one, else None."""
        row = self.rows.get(word)
        return None if row is None else self.matrix[row]


class Taking:
    """Gathers vectors while a file is read: the wanted words, and the first ``common`` ones.

    A file may know a word in capitals only (*Paris*), texts are read in small letters: then the first such form serves.

    Parameters
    ----------
    wanted : collection of str
        In small letters.
    common : int
        How many of the file's first words are taken whatever they are.
    """

    def __init__(self, wanted: Collection[str], common: int) -> None:
        self.wanted, self.common = wanted if isinstance(wanted, set | frozenset) else set(wanted), common
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._exact: set[str] = set()
        self._seen = 0

    def wants(self, word: str) -> bool:
        """Return whether the next word's vector is to be added; counts the word."""
        self._seen += 1
        small = word.lower()
        if small in self._exact or (small != word and small in self._vectors):
            return False
        return self._seen <= self.common or small in self.wanted

    def add(self, word: str, vector: NDArray[np.float32]) -> None:
        """Keep a copy of a vector (d,)."""
        small = word.lower()
        if small == word:
            self._exact.add(word)
        self._vectors[small] = np.array(vector, np.float32)

    def taken(self, dimension: int, subwords: Subwords | None = None) -> WordVectors:
        """Return what was gathered, in the file's order."""
        matrix = np.stack(list(self._vectors.values())) if self._vectors else np.zeros((0, dimension), np.float32)
        return WordVectors(list(self._vectors), matrix, subwords)
