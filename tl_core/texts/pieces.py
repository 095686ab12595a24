"""What texts are counted by: words, pairs of neighbouring words, and the pieces words are made of."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.texts.tokens import tokens

SHORTEST, LONGEST = 3, 5  # characters of a piece, with the blanks around a word
MOST_REMEMBERED = 1_000_000  # words: a pool of a million texts has about as many


def pieces(word: str) -> list[str]:
    """Return the pieces of a word: all runs of 3 to 5 characters of it, with a blank before and behind.

    Parameters
    ----------
    word : str
        From `tl_core.texts.tokens.tokens`.

    Returns
    -------
    list of str
        With repetitions; a word of one letter is one piece.
    """
    padded = f" {word} "
    return [
        padded[start : start + length]
        for length in range(SHORTEST, LONGEST + 1)
        for start in range(len(padded) - length + 1)
    ]


class Vocabulary:
    """The words and pieces that are counted, each with a column; counts those of texts.

    Parameters
    ----------
    words : sequence of str
        Words and pairs of words with a blank between, in the order of their columns.
    parts : sequence of str
        Pieces of words, in the order of theirs.
    """

    def __init__(self, words: Sequence[str], parts: Sequence[str]) -> None:
        self.words = {word: column for column, word in enumerate(words)}
        self.parts = {part: column for column, part in enumerate(parts)}
        self._known: dict[str, NDArray[np.int32]] = {}

    def counts(self, texts: Iterable[str]) -> tuple[Any, Any]:
        """Count.

        Parameters
        ----------
        texts : iterable of str
            Some hundreds.

        Returns
        -------
        words, parts : scipy.sparse.csr_matrix of float32, shapes (n, words) and (n, parts)
            How often each is in each text.
        """
        return self._counts([tokens(text) for text in texts])

    def counts_of(self, cut: list[str]) -> tuple[Any, Any]:
        """Count as `counts` does, in one text that is cut into words already: matrices of one row."""
        return self._counts([cut])

    def by_word(self, cut: Sequence[str], by_column: Mapping[int, float]) -> dict[str, float]:
        """Bring what columns add to a text to its words.

        Parameters
        ----------
        cut : sequence of str
            The text's words, in their order.
        by_column : mapping of int to float
            What each column adds each time that it is counted; pieces come after words.

        Returns
        -------
        dict of str to float
            What each word adds each time that it occurs: by itself, by its pieces, and half of each pair it is in.
        """
        times, first = Counter(cut), len(self.words)
        adds = {}
        for word in times:
            pieces_add = sum(by_column.get(first + int(column), 0.0) for column in self._parts_of(word))
            adds[word] = by_column.get(self.words.get(word, -1), 0.0) + pieces_add
        for pair in itertools.pairwise(cut):
            half = by_column.get(self.words.get(" ".join(pair), -1), 0.0) / 2
            for word in pair:
                adds[word] += half / times[word]
        return adds

    def _counts(self, cut: list[list[str]]) -> tuple[Any, Any]:
        of_words = [self._columns(one) for one in cut]
        # Each word is taken apart once, however many texts it is in: that is most of the time otherwise.
        distinct: dict[str, int] = {}
        rows = [np.fromiter((distinct.setdefault(word, len(distinct)) for word in one), np.int32) for one in cut]
        taken_apart = sparse_counts([self._parts_of(word) for word in distinct], len(self.parts))
        return sparse_counts(of_words, len(self.words)), sparse_counts(rows, len(distinct)) @ taken_apart

    def _columns(self, cut: list[str]) -> NDArray[np.int32]:
        known = self.words
        single = [known[word] for word in cut if word in known]
        pairs = [known[pair] for pair in map(" ".join, itertools.pairwise(cut)) if pair in known]
        return np.array(single + pairs, np.int32)

    def _parts_of(self, word: str) -> NDArray[np.int32]:
        columns = self._known.get(word)
        if columns is None:
            columns = np.array([self.parts[part] for part in pieces(word) if part in self.parts], np.int32)
            if len(self._known) < MOST_REMEMBERED:
                self._known[word] = columns
        return columns


def sparse_counts(columns: Sequence[NDArray[np.int32]], width: int) -> Any:
    """Return how often each column is named in each row.

    Parameters
    ----------
    columns : sequence of ndarray of int32
        A row each, with repetitions, in any order.
    width : int
        Of the matrix.

    Returns
    -------
    scipy.sparse.csr_matrix of float32, shape (n, width)
        In canonical form.
    """
    from scipy.sparse import csr_matrix

    starts = np.concatenate([[0], np.cumsum([len(row) for row in columns], dtype=np.int64)])
    named = np.concatenate(columns) if columns else np.empty(0, np.int32)
    matrix = csr_matrix((np.ones(len(named), np.float32), named, starts), shape=(len(columns), width))
    matrix.sum_duplicates()
    return matrix
