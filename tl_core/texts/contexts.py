"""Vectors for words nobody has seen, from the words around them ("à la carte").

The mean of the vectors around a word, mapped linearly: by the map that gives the known words their own vectors back.

References
----------
Khodak et al.: A la carte embedding: cheap but effective induction of semantic feature vectors, 2018.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tl_core.texts.counting import TOLD, WordCounts
from tl_core.texts.tokens import tokens
from tl_core.texts.vectors import WordVectors

WINDOW = 5  # words to either side
MOST_FITTED = 20_000  # known words that the map is fitted on
MOST_MADE = 50_000  # unknown words that get a vector, the most frequent
LEAST = 3  # times an unknown word has to be said
_RIDGE = 1e-3


def from_contexts(
    vectors: WordVectors,
    counts: WordCounts,
    missing: Sequence[str],
    texts: Callable[[], Iterable[str]],
    tell: Callable[[int], None] = lambda done: None,
) -> dict[str, NDArray[np.float32]]:
    """Make vectors of unknown words from their contexts in a pool, in one pass.

    Parameters
    ----------
    vectors : WordVectors
        Of the known words.
    counts : WordCounts
        Of the pool.
    missing : sequence of str
        The unknown words, the most frequent first.
    texts : callable
        Returns an iterator over all texts; called once.
    tell : callable
        Told how many texts are done.

    Returns
    -------
    dict of str to ndarray of float32, shape (d,)
        Of those that are said three times or more, among known words.
    """
    made = [word for word in missing if counts.of_word[word] >= LEAST][:MOST_MADE]
    if not made or not len(vectors.words):
        return {}
    fitted = [word for word in counts.by_frequency(LEAST) if word in vectors.rows][:MOST_FITTED]
    means = _means(vectors, [*fitted, *made], texts, tell)
    around, own = means[: len(fitted)], vectors.matrix[[vectors.rows[word] for word in fitted]]
    # A word said often has a steadier context: it counts for more.
    weight = np.log([counts.of_word[word] for word in fitted])[:, None]
    gram = around.T @ (weight * around)
    gram += _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    if not np.trace(gram):
        return {}
    mapping = np.linalg.solve(gram, around.T @ (weight * own))
    around_made = means[len(fitted) :]
    return {
        word: np.asarray(mean @ mapping, np.float32) for word, mean in zip(made, around_made, strict=True) if mean.any()
    }


def _means(
    vectors: WordVectors, words: Sequence[str], texts: Callable[[], Iterable[str]], tell: Callable[[int], None]
) -> NDArray[np.float64]:
    """Return the mean vector around each word, float64 (n, d)."""
    d = vectors.dimension
    places = {word: place for place, word in enumerate(words)}
    sums, seen = np.zeros((len(words), d)), np.zeros(len(words))
    padded = np.concatenate([vectors.matrix, np.zeros((1, d), np.float32)])
    for done, text in enumerate(texts(), 1):
        said = tokens(text)
        rows = np.array([vectors.rows.get(word, -1) for word in said], np.intp)
        at = np.array([places.get(word, -1) for word in said], np.intp)
        if (at >= 0).any():
            totals, numbers = _around(padded[rows], rows >= 0)
            np.add.at(sums, at[at >= 0], totals[at >= 0])
            np.add.at(seen, at[at >= 0], numbers[at >= 0])
        if done % TOLD == 0:
            tell(done)
    return np.asarray(sums / np.maximum(seen, 1)[:, None])


def _around(said: NDArray[np.float32], is_known: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each word of a text the sum of the known vectors around it, and how many they are."""
    n = len(said)
    total = np.concatenate([np.zeros((1, said.shape[1])), np.cumsum(said, axis=0, dtype=np.float64)])
    number = np.concatenate([[0.0], np.cumsum(is_known)])
    start = np.maximum(np.arange(n) - WINDOW, 0)
    stop = np.minimum(np.arange(n) + WINDOW + 1, n)
    return total[stop] - total[start] - said, number[stop] - number[start] - is_known
