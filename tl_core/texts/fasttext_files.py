"""fastText's binary files: words, and vectors of pieces of words from which others are made."""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.notices import notice
from tl_core.texts.vectors import WIDEST, Subwords, Taking, WordVectors
from tl_core.texts.word_notices import VectorsRefused, WordCode

_HEADER = struct.Struct("<14i")  # magic, version, and the arguments up to how often the rate is changed
_LONGEST_WORD = 4096  # bytes


@dataclass(frozen=True, eq=False)
class Pieces(Subwords):
    """Vectors of n-grams of letters, found by their hash.

    Attributes
    ----------
    matrix : ndarray of float32, shape (buckets, d)
        May be mapped.
    shortest, longest : int
        Letters of an n-gram, the signs of begin and end counted.
    """

    matrix: NDArray[np.float32]
    shortest: int
    longest: int

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """See the base class: the mean of all n-grams."""
        rows = [fnv(piece) % len(self.matrix) for piece in pieces(word, self.shortest, self.longest)]
        return None if not rows else np.asarray(self.matrix[rows].mean(axis=0), np.float32)


def pieces(word: str, shortest: int, longest: int) -> Iterator[bytes]:
    """Yield the n-grams of a word as fastText cuts it, UTF-8; a begin or an end alone is none."""
    marked = f"<{word}>"
    for start in range(len(marked)):
        for end in range(start + shortest, min(start + longest, len(marked)) + 1):
            if end - start > 1 or 0 < start < len(marked) - 1:
                yield marked[start:end].encode("utf-8", "replace")


def with_pieces(own: NDArray[Any], word: str, subwords: Pieces | None) -> NDArray[np.float32]:
    """Return a known word's vector (d,): the mean of its own and of its n-grams'."""
    if subwords is None:
        return np.asarray(own, np.float32)
    buckets = len(subwords.matrix)
    rows = [fnv(piece) % buckets for piece in pieces(word, subwords.shortest, subwords.longest)]
    return np.asarray((own + subwords.matrix[rows].sum(axis=0)) / (len(rows) + 1), np.float32)


def fnv(piece: bytes) -> int:
    """Return fastText's hash of an n-gram, 32 bits: FNV-1a, in which bytes above 127 are negative."""
    value = 2166136261
    for byte in piece:
        value = ((value ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return value


def read(path: Path, taking: Taking) -> WordVectors:
    """Read a model; its matrix is mapped.

    Parameters
    ----------
    path : Path
        As ``fasttext skipgram`` or ``cbow`` writes it, not quantised.
    taking : Taking
        Which words.

    Returns
    -------
    WordVectors
        A word's vector is the mean of its own and of its n-grams', as fastText computes it.

    Raises
    ------
    VectorsRefused
        It is quantised, or ends too early.
    OSError
        From reading.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            dimension, buckets, shortest, longest = _arguments(path, content)
            words, place = _words(path, content)
            quantised, rows, columns = struct.unpack_from("<?2q", content, place)
        except struct.error as error:
            raise _cut(path, 1, 1) from error
    if quantised:
        raise VectorsRefused("unsupported", notice(WordCode.NOT_SUPPORTED, file=path.name, kind="quantised fastText"))
    start = place + struct.calcsize("<?2q")
    if columns != dimension or rows != len(words) + buckets:
        raise VectorsRefused("damaged", notice(WordCode.BAD_LINE, file=path.name, place=1, error=f"{rows} x {columns}"))
    if path.stat().st_size < start + 4 * rows * columns:
        raise _cut(path, (path.stat().st_size - start) // (4 * columns), rows)
    matrix: NDArray[Any] = np.memmap(path, "<f4", "r", offset=start, shape=(rows, columns))
    subwords = Pieces(matrix[len(words) :], shortest, longest) if buckets and longest else None
    for row, word in enumerate(words):
        if word != "</s>" and taking.wants(word):
            taking.add(word, _vector(path, matrix, row, word, subwords))
    return taking.taken(dimension, subwords)


def _vector(path: Path, matrix: NDArray[Any], row: int, word: str, subwords: Pieces | None) -> NDArray[np.float32]:
    vector = with_pieces(matrix[row], word, subwords)
    if not np.isfinite(vector).all():
        error = "a number is not finite"
        raise VectorsRefused("damaged", notice(WordCode.BAD_LINE, file=path.name, place=row + 1, error=error))
    return vector


def _arguments(path: Path, content: mmap.mmap) -> tuple[int, int, int, int]:
    """Return dimension, buckets, and the lengths of n-grams."""
    values = _HEADER.unpack_from(content, 0)
    dimension, buckets, shortest, longest = values[2], values[10], values[11], values[12]
    if not (1 <= dimension <= WIDEST and buckets >= 0 and 0 <= shortest <= 100 and 0 <= longest <= 100):
        raise VectorsRefused("not-vectors", notice(WordCode.NO_VECTORS, file=path.name))
    return dimension, buckets, max(1, shortest), longest


def _words(path: Path, content: mmap.mmap) -> tuple[list[str], int]:
    """Return the words, and where the matrix begins."""
    place = _HEADER.size + 8
    entries, _, _, _, pruned = struct.unpack_from("<3i2q", content, place)
    place += struct.calcsize("<3i2q")
    words = []
    for number in range(1, entries + 1):
        end = content.find(b"\0", place, place + _LONGEST_WORD)
        if end < 0:
            raise _cut(path, number, entries)
        _, kind = struct.unpack_from("<qb", content, end + 1)
        if kind == 0:  # else the label of a classifier
            words.append(content[place:end].decode("utf-8", "replace"))
        place = end + 10
    return words, place + 8 * max(0, pruned)


def _cut(path: Path, place: int, wanted: int) -> VectorsRefused:
    return VectorsRefused("truncated", notice(WordCode.CUT_AT, file=path.name, place=place, wanted=wanted))
