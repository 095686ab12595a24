"""Word vectors that somebody else trained: those of the words that are wanted, read from whatever file they come in.

A file may have millions of words and a pool thousands, so nothing is read whole: text files line by line, all others
mapped. Taken are the words that are wanted and the file's first, which are its most frequent by custom, so that texts
which come later are read too. What a file is, its content says.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tl_core.notices import notice
from tl_core.texts.word_notices import VectorsRefused, WordCode

COMMON = 50_000  # words taken besides the wanted ones
WIDEST = 4096  # numbers of a vector: what says more is no file of vectors
_FASTTEXT = (793712314).to_bytes(4, "little")


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


def read(source: str, wanted: Collection[str], common: int = COMMON) -> WordVectors:
    """Read word vectors.

    Parameters
    ----------
    source : str
        A path: text of word2vec, fastText or GloVe (``.vec``, ``.txt``, with and without header, also gzipped), binary
        word2vec, fastText's ``.bin`` (not quantised), gensim's ``.kv``, a spaCy pipeline's folder. Or the name of an
        installed spaCy pipeline, or ``glove-6b-50d``.
    wanted : collection of str
        Words in small letters.
    common : int
        How many of the file's first words are taken besides.

    Returns
    -------
    WordVectors
        Of those that are there.

    Raises
    ------
    VectorsRefused
        It is not there, is no such file or is broken; file and line are named.
    FeaturiserUnavailable
        A package it takes is not installed; the message says which.
    """
    from tl_core.texts import vector_packages

    taking = Taking(wanted, common)
    if source in vector_packages.NAMED:
        return vector_packages.NAMED[source](taking)
    path = Path(source)
    if not path.exists():
        folder = vector_packages.spacy_folder(source)
        if folder is None:
            raise VectorsRefused("missing", notice(WordCode.VECTORS_MISSING, file=path.name))
        path = folder
    try:
        return vector_packages.of_spacy(path, taking) if path.is_dir() else _of_file(path, taking)
    except OSError as error:
        detail = notice(WordCode.VECTORS_UNREADABLE, file=path.name, error=error.strerror or str(error))
        raise VectorsRefused("unreadable", detail) from error


def _of_file(path: Path, taking: Taking) -> WordVectors:
    from tl_core.texts import fasttext_files, vector_files, vector_pickles

    with path.open("rb") as file:
        start = file.read(1 << 16)
    if start[:4] == _FASTTEXT:
        return fasttext_files.read(path, taking)
    if start[:1] == b"\x80":
        return vector_pickles.read(path, taking)
    if vector_files.is_binary(start):
        return vector_files.read_binary(path, taking)
    return vector_files.read_text(path, taking)
