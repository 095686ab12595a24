"""Words nobody has seen: how many of a pool's words pretrained vectors lack, which, and what that means.

Counting unknown words alone tells little: of French law vectors lacked under one word in a hundred and served poorly.
So where there are labels the verdict asks whether a head does as well on these vectors as on the pool's own counts.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tl_core.adaptation.gains import HEAD, Gain
from tl_core.notices import Notice, notice, percent
from tl_core.texts.counting import TOLD, WordCounts
from tl_core.texts.tokens import is_number, tokens
from tl_core.texts.vectors import WordVectors
from tl_core.texts.word_notices import WordCode

MOST_LISTED = 200
LIKE = 3  # known words that a made vector is told by
_MOST_LABELLED = 5000
_MOST_COMPARED = 20_000  # known words among which the likest are looked for
_MASS = (0.03, 0.15)  # of the IDF mass unknown: few words, many
_MARGIN = 0.05  # of accuracy: what nobody would notice
_REACHED = (0.6, 0.9)  # of what the SVD gains over guessing

Grade = Literal["knows", "half", "does-not"]
MappedTo = Literal["subwords", "context", "nothing"]


@dataclass(frozen=True)
class WordCoverage:
    """What of a pool has no vector. Shares, 0 to 1; numbers are no words here.

    Attributes
    ----------
    tokens : float
        Of all words said.
    types : float
        Of the different words.
    mass : float
        Of all words said, each weighed by its inverse document frequency: rare words tell more.
    texts : float
        Of the texts, those with an unknown word.
    blank : float
        Of the texts, those without any known word.
    n_tokens, n_types, n_texts : int
        Of how many.
    """

    tokens: float
    types: float
    mass: float
    texts: float
    blank: float
    n_tokens: int
    n_types: int
    n_texts: int


@dataclass(frozen=True)
class UnknownWord:
    """A word without a vector.

    Attributes
    ----------
    word : str
        In small letters.
    count, texts : int
        How often it is said, and in how many texts.
    weight : float
        How much it tells classes apart: see `telling`; 0 where nobody asked.
    mapped_to : str
        ``"subwords"``, ``"context"`` or ``"nothing"``: what it gets a vector of.
    like : tuple of str
        The known words that vector is likest to.
    """

    word: str
    count: int
    texts: int
    weight: float = 0.0
    mapped_to: MappedTo = "nothing"
    like: tuple[str, ...] = ()


@dataclass(frozen=True)
class FieldVerdict:
    """Whether embeddings know a field.

    Attributes
    ----------
    grade : str
        ``"knows"``, ``"half"`` or ``"does-not"``.
    by : str
        ``"labels"`` where it rests on accuracy, else ``"words"``.
    reasons : tuple of Notice
        Why, and what it does not mean.
    """

    grade: Grade
    by: Literal["labels", "words"]
    reasons: tuple[Notice, ...]


@dataclass(frozen=True)
class VocabularyReport:
    """All of it.

    Attributes
    ----------
    coverage : WordCoverage
        Shares without a vector.
    frequent, telling : tuple of UnknownWord
        The most frequent unknown words, and those that tell classes apart best; the latter empty without labels.
    verdict : FieldVerdict
        What it comes to.
    """

    coverage: WordCoverage
    frequent: tuple[UnknownWord, ...]
    telling: tuple[UnknownWord, ...]
    verdict: FieldVerdict


def coverage(
    counts: WordCounts, known: Collection[str], texts: Iterable[str], tell: Callable[[int], None] = lambda done: None
) -> WordCoverage:
    """Measure what has no vector, in one pass over the pool.

    Parameters
    ----------
    counts : WordCounts
        Of the pool.
    known : collection of str
        Words that have a vector of their own, to be asked for membership.
    texts : iterable of str
        The pool once more.
    tell : callable
        Told how many texts are done; what it raises stops the work.

    Returns
    -------
    WordCoverage
        All shares 0 where nothing is said.
    """
    words = counts.vocabulary()
    said = np.array([counts.of_word[word] for word in words], np.float64)
    mass = said * np.array([counts.idf(word) for word in words])
    lacking = np.array([word not in known for word in words], np.bool_)
    n = with_unknown = blank = 0
    for text in texts:
        own = {word for word in tokens(text) if not is_number(word)}
        unknown = sum(word not in known for word in own)
        with_unknown += unknown > 0
        blank += unknown == len(own)
        n += 1
        if n % TOLD == 0:
            tell(n)
    tell(n)
    return WordCoverage(
        tokens=_share(said, lacking),
        types=_share(np.ones(len(words)), lacking),
        mass=_share(mass, lacking),
        texts=with_unknown / max(n, 1),
        blank=blank / max(n, 1),
        n_tokens=int(said.sum()),
        n_types=len(words),
        n_texts=n,
    )


def telling(texts: Sequence[str], labels: Sequence[Any], rng: np.random.Generator) -> dict[str, float]:
    """Return how much each word speaks for some class, by a linear head on counts. Imports scikit-learn.

    Parameters
    ----------
    texts : sequence of str
        Labelled ones; of more than 5,000 so many are drawn.
    labels : sequence
        The class of each.
    rng : numpy.random.Generator
        Draws.

    Returns
    -------
    dict of str to float
        The largest weight over all classes; words in one text alone are left out. Empty where there is one class.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    at = rng.permutation(len(texts))[:_MOST_LABELLED]
    classes = np.unique([labels[place] for place in at], return_inverse=True)[1]
    if len(np.unique(classes)) < 2:
        return {}
    vectorizer = TfidfVectorizer(analyzer=tokens, min_df=2, sublinear_tf=True)
    try:
        X = vectorizer.fit_transform([texts[place] for place in at])  # noqa: N806
    except ValueError:  # no word is in two texts
        return {}
    weights = LogisticRegression(C=30.0, max_iter=100, tol=1e-3).fit(X, classes).coef_
    largest = np.abs(weights).max(axis=0) if len(weights) == 1 else weights.max(axis=0)
    return {
        word: float(largest[column])
        for word, column in vectorizer.vocabulary_.items()
        if not is_number(word) and largest[column] > 0
    }


def unknown_words(
    counts: WordCounts,
    vectors: WordVectors,
    from_contexts: Mapping[str, NDArray[np.float32]],
    weights: Mapping[str, float],
    most: int = MOST_LISTED,
) -> tuple[tuple[UnknownWord, ...], tuple[UnknownWord, ...]]:
    """List unknown words, and what each is mapped to: its letters where the vectors have such, else its contexts.

    Parameters
    ----------
    counts : WordCounts
        Of the pool.
    vectors : WordVectors
        Of the known words.
    from_contexts : mapping of str to ndarray
        From `tl_core.texts.contexts.from_contexts`; may be empty.
    weights : mapping of str to float
        From `telling`; may be empty.
    most : int
        How many of each list.

    Returns
    -------
    tuple of UnknownWord, tuple of UnknownWord
        The most frequent, and the most telling.
    """
    lacking = [word for word in counts.vocabulary() if word not in vectors.rows]
    by_weight = sorted((word for word in lacking if word in weights), key=lambda word: (-weights[word], word))
    listed = list(dict.fromkeys([*lacking[:most], *by_weight[:most]]))
    likest = _Likest(counts, vectors)
    words = {}
    for word in listed:
        mapped_to, vector = _mapped(word, vectors, from_contexts)
        like = () if vector is None else likest.to(vector)
        weight = float(weights.get(word, 0.0))
        words[word] = UnknownWord(word, counts.of_word[word], counts.texts_with[word], weight, mapped_to, like)
    return tuple(words[word] for word in lacking[:most]), tuple(words[word] for word in by_weight[:most])


def verdict(found: WordCoverage, gain: Gain | None = None, chance: float = 0.0) -> FieldVerdict:
    """Say whether embeddings know a field.

    With labels: they do where a head on them is worse by five points at most, beyond doubt, than on the SVD of the
    pool's own counts, or reaches nine tenths of what that gains over guessing; half of it from six tenths on. Without:
    by unknown words alone.

    Parameters
    ----------
    found : WordCoverage
        Of the pool.
    gain : Gain or None
        From `tl_core.texts.comparing.compare`, with the SVD's embeddings first and these second; the measure
        ``"head"``.
    chance : float
        What guessing would get, 0 to 1: one over the number of classes.

    Returns
    -------
    FieldVerdict

    Raises
    ------
    ValueError
        The gain is of another measure.
    """
    shares = {"tokens": percent(found.tokens), "mass": percent(found.mass)}
    few = notice(WordCode.WORDS_KNOWN, **shares)
    words = few if found.mass <= _MASS[0] else notice(WordCode.WORDS_UNKNOWN, **shares)
    by_words: Grade = "knows" if found.mass <= _MASS[0] else "half" if found.mass <= _MASS[1] else "does-not"
    if gain is None:
        return FieldVerdict(by_words, "words", (words, notice(WordCode.WORDS_ALONE)))
    if gain.measure != HEAD:
        raise ValueError(f"a verdict rests on a cross-validated head, not on {gain.measure}")
    reached = (gain.adapted - chance) / max(gain.base - chance, 1e-9)
    as_good = gain.low >= -_MARGIN or reached >= _REACHED[1]
    told = {"accuracy": percent(gain.adapted), "rival": percent(gain.base), "n": gain.n}
    why = notice(WordCode.AS_ACCURATE if as_good else WordCode.LESS_ACCURATE, **told)
    grade: Grade = "knows" if as_good else "half" if reached >= _REACHED[0] else "does-not"
    return FieldVerdict(grade, "labels", (why, words))


class _Likest:
    """Finds the known words of the pool whose vectors point as another does."""

    def __init__(self, counts: WordCounts, vectors: WordVectors) -> None:
        known = (word for word in counts.vocabulary() if word in vectors.rows)
        self.words = [word for word, _ in zip(known, range(_MOST_COMPARED), strict=False)]
        matrix = vectors.matrix[[vectors.rows[word] for word in self.words]]
        self.units = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)

    def to(self, vector: NDArray[np.float32]) -> tuple[str, ...]:
        if not self.words or not vector.any():
            return ()
        near = np.argsort(-(self.units @ vector), kind="stable")[:LIKE]
        return tuple(self.words[place] for place in near)


def _mapped(
    word: str, vectors: WordVectors, from_contexts: Mapping[str, NDArray[np.float32]]
) -> tuple[MappedTo, NDArray[np.float32] | None]:
    vector = None if vectors.subwords is None else vectors.subwords.vector(word)
    if vector is not None:
        return "subwords", vector
    vector = from_contexts.get(word)
    return ("nothing", None) if vector is None else ("context", vector)


def _share(weights: NDArray[np.float64], chosen: NDArray[np.bool_]) -> float:
    total = float(weights.sum())
    return float(weights[chosen].sum()) / total if total else 0.0
