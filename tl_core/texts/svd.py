# ruff: noqa: N803, N806 - matrices are X and C here, as in scikit-learn
"""TF-IDF of words and of their pieces, brought to a few hundred numbers by truncated SVD that is fitted on a pool.

References
----------
Deerwester, Dumais, Furnas, Landauer, Harshman: Indexing by latent semantic analysis, 1990.
Halko, Martinsson, Tropp: Finding structure with randomness, 2011.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.texts import fitted
from tl_core.texts.base import Fittable, TextFeaturiser
from tl_core.texts.pieces import Vocabulary, pieces
from tl_core.texts.tokens import tokens

KIND = "svd"
DIMENSION = 300
SAMPLE = 30_000  # texts that are learnt from: vocabulary, weights and directions hardly change beyond
MOST_CHARACTERS = 20_000  # of a text; what a document is about it says before
MOST_WORDS, MOST_PARTS = 60_000, 60_000
PAIRS = 0.5  # what a pair of words counts beside a word: at 1 long texts lose, without any short ones do
LEAST_TEXTS = 2  # that a word, a pair or a piece must be in
_CHUNK = 512
_PASSES = 2


class SvdFitting(Fittable):
    """Learns what is counted, how much each counts, and the directions in which texts differ most.

    Parameters
    ----------
    dimension : int
        Most numbers of an embedding; a pool of fewer texts or words gives fewer.
    sample : int
        Texts that are learnt from, drawn at random with a fixed seed: one pass, and memory that does not grow.
    """

    kind = KIND

    def __init__(self, dimension: int = DIMENSION, sample: int = SAMPLE) -> None:
        self.dimension = dimension
        self.sample = sample

    def fit(
        self, texts: Callable[[], Iterable[str]], tell: Callable[[int], None] = lambda done: None
    ) -> Mapping[str, NDArray[Any]]:
        """See `Fittable.fit`.

        Returns
        -------
        mapping of str to ndarray
            ``words`` and ``parts``, packed; ``weights`` float32 (features,), the inverse document frequencies;
            ``directions`` float32 (features, dimension).

        Raises
        ------
        ValueError
            There is no word in any text.
        """
        sample = _drawn(texts(), self.sample, tell)
        words, parts = _vocabulary(sample)
        if not words and not parts:
            raise ValueError("there is no word in any of the texts")
        vocabulary = Vocabulary(words, parts)
        counted = [vocabulary.counts(chunk) for chunk in _chunks(sample)]
        weights = _inverse_frequencies(counted, len(sample))
        weights[: len(words)] *= [PAIRS if " " in word else 1.0 for word in words]
        X = _stacked([_weighted(each, weights) for each in counted])
        tell(len(sample))
        return {
            "words": fitted.packed(words),
            "parts": fitted.packed(parts),
            "weights": weights,
            "directions": _directions(X, self.dimension),
        }


class Svd(TextFeaturiser):
    """What `SvdFitting` learnt, ready to embed.

    Parameters
    ----------
    spec : str
        ``svd/DIGEST``, from `tl_core.texts.fitted.save`.
    """

    source = "the words of this project's texts"

    def __init__(self, spec: str) -> None:
        fitted.file_name(spec)  # a spec that is none is better told now than by a worker
        self.name = spec

    @property
    def dimension(self) -> int:  # type: ignore[override]
        """Length of an embedding."""
        return int(self._directions.shape[1])

    @property
    def fingerprint(self) -> str:
        """See `TextFeaturiser.fingerprint`: the digest of what was learnt."""
        return self.name.partition("/")[2]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `TextFeaturiser.embed`. Embeddings are of length one; a text without a known word has zeros."""
        out = np.zeros((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _CHUNK):
            counts = self._vocabulary.counts(_cut(text) for text in texts[start : start + _CHUNK])
            rows = _weighted(counts, self._weights) @ self._directions
            out[start : start + len(rows)] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return out

    def word_weights(
        self, text: str, places: Sequence[tuple[int, int]], direction: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return what the words of a text add to its embedding along a direction.

        Parameters
        ----------
        text : str
            The text.
        places : sequence of (int, int)
            First character of each word, and the one after its last.
        direction : ndarray of float32, shape (dimension,)
            Such as a class's weights in a linear head.

        Returns
        -------
        ndarray of float64, shape (len(places),)
            All words of the text together add the embedding times the direction. A word that occurs twice adds the same
            each time; what a pair of neighbours adds is halved between them.
        """
        cut = tokens(_cut(text))
        counts = self._vocabulary.counts_of(cut)
        row = _weighted(counts, self._weights)
        length = max(float(np.linalg.norm(row @ self._directions)), 1e-9)
        added = row.data * (self._directions[row.indices] @ direction) / length
        times = np.concatenate([matrix.data for matrix in counts])
        by_column = dict(zip(row.indices.tolist(), (added / times).tolist(), strict=True))
        by_word = self._vocabulary.by_word(cut, by_column)
        sums = (sum(by_word.get(word, 0.0) for word in tokens(text[start:end])) for start, end in places)
        return np.fromiter(sums, np.float64, len(places))

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        return fitted.load(self.name)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(fitted.unpacked(self._arrays["words"]), fitted.unpacked(self._arrays["parts"]))

    @property
    def _weights(self) -> NDArray[np.float32]:
        return self._arrays["weights"]

    @property
    def _directions(self) -> NDArray[np.float32]:
        return self._arrays["directions"]


def _cut(text: str) -> str:
    return text[:MOST_CHARACTERS]


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), _CHUNK):
        yield texts[start : start + _CHUNK]


def _drawn(texts: Iterable[str], most: int, tell: Callable[[int], None]) -> list[str]:
    """Draw so many texts from an iterator of unknown length, each as likely as any other (Vitter's algorithm R)."""
    rng = np.random.default_rng(0)
    drawn: list[str] = []
    for seen, text in enumerate(texts):
        if seen < most:
            drawn.append(_cut(text))
        elif (place := int(rng.integers(seen + 1))) < most:
            drawn[place] = _cut(text)
        if seen % _CHUNK == 0:
            tell(seen)
    return drawn


def _vocabulary(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words and pairs of words, and the pieces, that are in enough texts: the most frequent."""
    ids: dict[str, int] = {}
    cut = [np.array([ids.setdefault(word, len(ids)) for word in tokens(text)], np.int64) for text in texts]
    names = list(ids)
    of_words = np.bincount(np.concatenate([np.unique(one) for one in cut]), minlength=len(ids)) if ids else np.array([])
    frequencies = {names[at]: int(of_words[at]) for at in np.flatnonzero(of_words >= LEAST_TEXTS)}
    keys = [np.unique(one[:-1] * len(ids) + one[1:]) for one in cut if len(one) > 1]
    pairs, of_pairs = np.unique(np.concatenate(keys), return_counts=True) if keys else (np.array([]), np.array([]))
    for at in np.flatnonzero(of_pairs >= LEAST_TEXTS):
        first, second = divmod(int(pairs[at]), len(ids))
        frequencies[f"{names[first]} {names[second]}"] = int(of_pairs[at])
    of_parts: Counter[str] = Counter()
    for name, times in zip(names, of_words.tolist(), strict=True):
        for part in set(pieces(name)):
            of_parts[part] += times
    return _most_frequent(frequencies, MOST_WORDS), _most_frequent(of_parts, MOST_PARTS)


def _most_frequent(frequencies: Mapping[str, int], most: int) -> list[str]:
    enough = sorted(((-times, name) for name, times in frequencies.items() if times >= LEAST_TEXTS))
    return sorted(name for _, name in enough[:most])


def _inverse_frequencies(counted: Sequence[tuple[Any, Any]], n: int) -> NDArray[np.float32]:
    """Return ln((1 + n) / (1 + texts with it)) + 1 for each column, words first."""
    frequencies = [sum(matrix.getnnz(axis=0) for matrix in matrices) for matrices in zip(*counted, strict=True)]
    return (np.log((1 + n) / (1 + np.concatenate(frequencies))) + 1).astype(np.float32)


def _weighted(counts: tuple[Any, Any], weights: NDArray[np.float32]) -> Any:
    """Return sublinear TF-IDF, sparse float32 (n, features): words and pieces each of length one."""
    from scipy.sparse import hstack

    sides, start = [], 0
    for matrix in counts:
        weighted = matrix.copy()
        weighted.data = (1 + np.log(matrix.data)) * weights[start + matrix.indices]
        lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        weighted.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(matrix.indptr)).astype(np.float32)
        sides.append(weighted)
        start += matrix.shape[1]
    return hstack(sides, format="csr", dtype=np.float32)


def _stacked(matrices: Sequence[Any]) -> Any:
    from scipy.sparse import vstack

    return vstack(matrices, format="csr", dtype=np.float32)


def _directions(X: Any, most: int) -> NDArray[np.float32]:
    """Return the right singular vectors, each times its singular value, float32 (features, d).

    So a direction counts by the square of its singular value, not by the value itself: what many texts share counts
    more than what a few do, which helps most where labels are few (docs/texts.md).
    """
    from sklearn.utils.extmath import randomized_svd

    dimension = min(most, *X.shape)
    with threads.single():
        _, singular, rows = randomized_svd(X, dimension, n_iter=_PASSES, random_state=0)
    return np.ascontiguousarray((rows * (singular / singular[0])[:, None]).T, np.float32)
