"""The whole report of words nobody has seen, from a pool and the name of some vectors. For workers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tl_core.adaptation.gains import HEAD, Gain
from tl_core.texts.comparing import compare
from tl_core.texts.contexts import from_contexts
from tl_core.texts.counting import WordCounts, count
from tl_core.texts.vector_reading import read
from tl_core.texts.vectors import WordVectors
from tl_core.texts.vocabulary import MOST_LISTED, VocabularyReport, coverage, telling, unknown_words, verdict
from tl_core.texts.words import KIND, Tell, Texts, WordFeaturiser, finished


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Texts whose class is known, for what only labels tell.

    Attributes
    ----------
    texts : sequence of str
        Of the pool.
    codes : ndarray of int, shape (n,)
        Their classes, 0 and above.
    rival : ndarray of float32, shape (n, d), or None
        Their embeddings by the SVD of the pool's own counts; without, the verdict rests on words alone.
    groups : ndarray of int, shape (n,), or None
        Texts that belong together; below 0 = alone.
    """

    texts: Sequence[str]
    codes: NDArray[np.intp]
    rival: NDArray[np.float32] | None = None
    groups: NDArray[np.intp] | None = None


def report(
    source: str,
    texts: Texts,
    rng: np.random.Generator,
    labelled: LabelledTexts | None = None,
    tell: Tell = lambda done: None,
    most: int = MOST_LISTED,
) -> VocabularyReport:
    """VocabularyReport what word vectors know of a pool.

    Parameters
    ----------
    source : str
        As for `tl_core.texts.vector_reading.read`.
    texts : callable
        Returns an iterator over all texts; called three times, four where there are labels.
    rng : numpy.random.Generator
        For folds and resamples.
    labelled : LabelledTexts or None
        With them there are the most telling words, and with a rival the verdict rests on accuracy.
    tell : callable
        Told how many texts of a pass are done; what it raises stops the work.
    most : int
        Words of each list.

    Returns
    -------
    VocabularyReport

    Raises
    ------
    VectorsRefused, FeaturiserUnavailable
        As from `tl_core.texts.vector_reading.read`.
    """
    counts = count(texts(), tell)
    vectors = read(source, counts.of_word.keys())
    covered = coverage(counts, vectors.rows, texts(), tell)
    missing = [word for word in counts.vocabulary() if word not in vectors.rows]
    made = from_contexts(vectors, counts, missing, texts, tell) if vectors.subwords is None else {}
    weights = {} if labelled is None else telling(labelled.texts, labelled.codes.tolist(), rng)
    frequent, speaking = unknown_words(counts, vectors, made, weights, most)
    if labelled is None or labelled.rival is None:
        return VocabularyReport(covered, frequent, speaking, verdict(covered))
    gain = _gain(vectors, counts, texts, labelled, labelled.rival, rng, tell)
    chance = 1 / max(len(np.unique(labelled.codes)), 1)
    return VocabularyReport(covered, frequent, speaking, verdict(covered, gain, chance))


def _gain(
    vectors: WordVectors,
    counts: WordCounts,
    texts: Texts,
    labelled: LabelledTexts,
    rival: NDArray[np.float32],
    rng: np.random.Generator,
    tell: Tell,
) -> Gain | None:
    """Compare the better of two ways to weigh the vectors with the SVD; None where labels are too few."""
    compared = []
    for weighting in ("mean", "sif"):
        arrays = finished(vectors, counts, texts, tell, weighting=weighting, about={"source": ""})
        own = WordFeaturiser(f"{KIND}/report", arrays).embed(labelled.texts)
        gains = compare(rival, own, labelled.codes, rng, labelled.groups)
        compared += [gain for gain in gains if gain.measure == HEAD]
    return max(compared, key=lambda gain: gain.adapted, default=None)
