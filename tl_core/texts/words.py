"""Texts as weighted means of word vectors: pretrained ones, or any that were trained on the pool.

Rare words count more: by their inverse document frequency, or smoothly by their frequency (SIF), after which what all
texts share, the first principal component of the pool, is taken off.

References
----------
Arora, Liang, Ma: A simple but tough-to-beat baseline for sentence embeddings, 2017 (SIF).
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tl_core.texts import fitted
from tl_core.texts.base import Fittable, TextFeaturiser
from tl_core.texts.contexts import from_contexts
from tl_core.texts.counting import TOLD, Cumulative, WordCounts, count
from tl_core.texts.tokens import tokens
from tl_core.texts.vector_reading import read
from tl_core.texts.vectors import COMMON, WordVectors

KIND = "words"
SMOOTH = 1e-3  # of SIF: a word of this share of all that is said counts half
_CHUNK = 1000  # texts embedded together
Weighting = Literal["sif", "idf", "mean"]
Unknown = Literal["subwords", "context", "nothing"]
Tell = Callable[[int], None]
Texts = Callable[[], Iterable[str]]


class WordFeaturiser(TextFeaturiser):
    """The weighted mean of the vectors of a text's words; words without one are passed over.

    Parameters
    ----------
    spec : str
        ``words/DIGEST``, from `fitted.save` of what `finished` returned.
    arrays : mapping of str to ndarray, or None
        What it was fitted to; None = read where it is needed.
    """

    def __init__(self, spec: str, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        self.name = spec
        self._given = arrays

    @cached_property
    def _arrays(self) -> Mapping[str, NDArray[Any]]:
        return fitted.load(self.name) if self._given is None else self._given

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the vectors are: ``source``, ``weighting``, ``languages``, and whatever their maker wrote down."""
        about: dict[str, Any] = json.loads(fitted.unpacked(self._arrays["about"])[0])
        return about

    @property
    def source(self) -> str:  # type: ignore[override]
        """Where the vectors come from, for people."""
        return str(self.about["source"])

    @property
    def fitted_on(self) -> int:  # type: ignore[override]
        """Texts that its vectors were trained on."""
        return int(self.about.get("texts", 0))

    @property
    def dimension(self) -> int:  # type: ignore[override]
        """Length of an embedding."""
        return int(self._arrays["matrix"].shape[1])

    @property
    def fingerprint(self) -> str:
        """The digest of all that was fitted; see the base class."""
        return self.name.partition("/")[2]

    @cached_property
    def rows(self) -> dict[str, int]:
        """Which row of the matrix is whose."""
        return {word: row for row, word in enumerate(fitted.unpacked(self._arrays["words"]))}

    @cached_property
    def _weighted(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        weights = np.asarray(self._arrays["weights"], np.float32)
        return np.asarray(self._arrays["matrix"], np.float32) * weights[:, None], weights

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See the base class; a text of which no word is known has zeros."""
        out = np.zeros((len(texts), self.dimension), np.float32)
        component = np.asarray(self._arrays["component"], np.float32)
        for start in range(0, len(texts), _CHUNK):
            rows = slice(start, start + _CHUNK)
            out[rows] = means(texts[rows], self.rows, *self._weighted)
            # Row by row: a product of matrices would differ in its last bits with the number of rows.
            out[rows] -= (out[rows] * component).sum(axis=1, keepdims=True) * component
        return out


class PretrainedWords(Fittable):
    """Fits pretrained word vectors to a pool: which words it has, how telling they are, what all its texts share.

    Parameters
    ----------
    source : str
        As for `tl_core.texts.vector_reading.read`.
    weighting : str
        ``"sif"``, ``"idf"`` or ``"mean"``: which is best differs by language (docs/texts.md).
    unknown : str
        What a word without a vector gets: one of its ``"subwords"`` where the file has them, one of its
        ``"context"`` (see `tl_core.texts.contexts`), or ``"nothing"``.
    languages : tuple of str
        ISO 639-1 codes of what it was made for.
    """

    kind = KIND

    def __init__(
        self,
        source: str,
        weighting: Weighting = "mean",
        unknown: Unknown = "subwords",
        languages: tuple[str, ...] = (),
    ) -> None:
        if weighting not in ("sif", "idf", "mean"):
            raise ValueError(f"words are weighted by sif, idf or mean, not {weighting!r}")
        self.source, self.weighting, self.unknown, self.languages = source, weighting, unknown, languages

    def fit(self, texts: Texts, tell: Tell = lambda done: None) -> Mapping[str, NDArray[Any]]:
        """See the base class. Told are texts read in all passes: one to three.

        Raises
        ------
        VectorsRefused
            The source is broken, or is not there.
        FeaturiserUnavailable
            A package it takes is not installed.
        """
        tell = Cumulative(tell)
        counts = count(texts(), tell)
        vectors = known(self.source, counts, self.unknown, texts, tell)
        about = {"source": self.source, "unknown": self.unknown, "languages": list(self.languages)}
        return finished(vectors, counts, texts, tell, weighting=self.weighting, about=about)


def known(
    source: str, counts: WordCounts, unknown: Unknown, texts: Texts, tell: Tell = lambda done: None
) -> WordVectors:
    """Read the vectors of a pool's words, and make those of unknown ones.

    Parameters
    ----------
    source, unknown
        As for `PretrainedWords`.
    counts : WordCounts
        Of the pool.
    texts : callable
        Returns an iterator over all texts.
    tell : callable
        Told how many texts are done.

    Returns
    -------
    WordVectors
        Of the pool's words and the file's most frequent ones.
    """
    vectors = read(source, counts.of_word.keys(), COMMON)
    missing = [word for word in counts.vocabulary() if word not in vectors.rows]
    if unknown == "subwords" and vectors.subwords is not None:
        return with_more(vectors, {word: vectors.subwords.vector(word) for word in missing})
    if unknown == "context":
        return with_more(vectors, from_contexts(vectors, counts, missing, texts, tell))
    return vectors


def with_more(vectors: WordVectors, more: Mapping[str, NDArray[np.float32] | None]) -> WordVectors:
    """Return vectors with those of further words behind them; None is none."""
    made = {word: vector for word, vector in more.items() if vector is not None}
    if not made:
        return vectors
    matrix = np.concatenate([vectors.matrix, np.stack(list(made.values())).astype(np.float32)])
    return WordVectors([*vectors.words, *made], matrix, vectors.subwords)


def finished(
    vectors: WordVectors,
    counts: WordCounts,
    texts: Texts,
    tell: Tell = lambda done: None,
    *,
    weighting: Weighting,
    about: Mapping[str, Any],
) -> dict[str, NDArray[Any]]:
    """Weigh words by a pool and find what its texts share.

    Parameters
    ----------
    vectors : WordVectors
        Kept as float16: the third digit of a vector says nothing.
    counts : WordCounts
        Of the pool.
    texts : callable
        Returns an iterator over all texts; called once.
    tell : callable
        Told how many texts are done.
    weighting : str
        As for `PretrainedWords`.
    about : mapping
        To write down; JSON.

    Returns
    -------
    dict of str to ndarray
        ``words``, ``matrix`` float16 (n, d), ``weights`` float32 (n,), ``component`` float32 (d,), ``about``; for
        `fitted.save` and `WordFeaturiser`.
    """
    largest = float(np.finfo(np.float16).max)
    matrix = np.clip(vectors.matrix, -largest, largest).astype(np.float16)
    weights = np.array([_weight(counts, word, weighting) for word in vectors.words], np.float32)
    component = np.zeros(vectors.dimension, np.float32)
    if weighting == "sif":
        component = _shared(matrix, weights, vectors.rows, texts, tell)
    written = json.dumps({**about, "weighting": weighting}, sort_keys=True)
    return {
        "words": fitted.packed(list(vectors.words)),
        "matrix": matrix,
        "weights": weights,
        "component": component,
        "about": fitted.packed([written]),
    }


def _weight(counts: WordCounts, word: str, weighting: Weighting) -> float:
    if weighting == "mean":
        return 1.0
    return counts.idf(word) if weighting == "idf" else SMOOTH / (SMOOTH + counts.share(word))


def means(
    texts: Sequence[str], rows: Mapping[str, int], weighted: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the mean of each text's weighted vectors.

    Parameters
    ----------
    texts : sequence of str
        Any.
    rows : mapping of str to int
        Which words have a vector, and where.
    weighted : ndarray of float32, shape (n, d)
        Vectors times their weights.
    weights : ndarray of float32, shape (n,)
        What to divide by.

    Returns
    -------
    ndarray of float32, shape (len(texts), d)
        Sums in the order of the words, so the same whatever texts are beside it; zeros where no word is known.
    """
    out = np.zeros((len(texts), weighted.shape[1]), np.float32)
    for place, text in enumerate(texts):
        at = [row for word in tokens(text) if (row := rows.get(word)) is not None]
        if at:
            out[place] = weighted[at].sum(axis=0) / weights[at].sum()
    return out


def _shared(
    matrix: NDArray[np.float16], weights: NDArray[np.float32], rows: Mapping[str, int], texts: Texts, tell: Tell
) -> NDArray[np.float32]:
    """Return the first principal component (d,) of the pool's embeddings, not centred, of length 1."""
    weighted = matrix.astype(np.float32) * weights[:, None]
    moments = np.zeros((matrix.shape[1], matrix.shape[1]))
    done = 0
    for chunk in chunks(texts(), TOLD):
        X = means(chunk, rows, weighted, weights).astype(np.float64)  # noqa: N806
        moments += X.T @ X
        done += len(chunk)
        tell(done)
    component = np.linalg.eigh(moments)[1][:, -1]
    if not moments.any():
        return np.zeros(matrix.shape[1], np.float32)
    sign = np.sign(component[np.abs(component).argmax()])  # either is one: the same, on every machine
    return np.asarray(component * sign, np.float32)


def chunks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield texts in lists of ``size``, the last one shorter."""
    iterator = iter(texts)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
