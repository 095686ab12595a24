# ruff: noqa: N806 - matrices are X and Z here, as in scikit-learn
"""Whether an adaptation helps on this pool: in pairs, on the same samples, with the same folds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tl_core.evaluation import likeness, transferability
from tl_core.evaluation.transferability import Resamples

HEAD, NEIGHBOURS, MATES, TWINS = "head", "neighbours", "mates", "twins"
WITH_LABELS, WITHOUT = (HEAD, NEIGHBOURS), (MATES, TWINS)
LEAST_LABELS = 40  # below, five folds say nothing
LEAST_OF_CLASS = 5  # answers of a class; rarer ones don't count
LEAST_PAIRS = 20  # twins, or frames with a mate


@dataclass(frozen=True)
class Views:
    """A sample as one network, or one map, sees it.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n, d)
        Embeddings.
    twins : ndarray of float32, shape (m, d)
        Of altered copies of some of the sample; ``m`` may be 0.
    """

    vectors: NDArray[np.float32]
    twins: NDArray[np.float32]


@dataclass(frozen=True)
class Facts:
    """What is known of the sample besides.

    Attributes
    ----------
    originals : ndarray of intp, shape (m,)
        Which rows the twins were made of.
    codes : ndarray of int, shape (n,)
        The class of each, below 0 = nobody said.
    cameras, events : ndarray of int, shape (n,)
        Which camera took it, and of which burst it is; below 0 = none.
    small : ndarray of float32, shape (n, e), or None
        Unit rows of its pixels, as `likeness.mates_correct` wants them.
    """

    originals: NDArray[np.intp]
    codes: NDArray[np.intp]
    cameras: NDArray[np.intp]
    events: NDArray[np.intp]
    small: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Gain:
    """What one measure says of both.

    Attributes
    ----------
    measure : str
        ``"head"``: a cross-validated linear head, ``"neighbours"``: the majority of the nearest five, both as the mean
        over classes; ``"mates"``: the nearest is of the same burst; ``"twins"``: an altered copy is nearest to what it
        was made of.
    n : int
        Samples that it judged.
    base, adapted : float
        Share that is right, 0 to 1.
    low, high : float
        95 % interval of the difference.
    """

    measure: str
    n: int
    base: float
    adapted: float
    low: float
    high: float


def judge(base: Views, adapted: Views, known: Facts, rng: np.random.Generator, *, beside: bool = False) -> list[Gain]:
    """Compare an adaptation with what it was made from.

    Parameters
    ----------
    base, adapted : Views
        Of the same samples and the same altered copies.
    known : Facts
        What is known of them; what is not, is not judged by.
    rng : numpy.random.Generator
        For folds and resamples.
    beside : bool
        The adapted ones are looked at as a further block beside the base's, each block weighing the same.

    Returns
    -------
    list of Gain
        Those measures for which there is enough, labels first.

    Raises
    ------
    ValueError
        The two are not of the same samples.
    """
    if len(base.vectors) != len(adapted.vectors) or len(base.twins) != len(adapted.twins):
        raise ValueError(f"not the same samples: {base.vectors.shape} and {adapted.vectors.shape}")
    pairs = [_units(base), _units(adapted, base if beside else None)]
    return [*_by_labels(pairs, known, rng), *_without(pairs, known, rng)]


def helps(gains: list[Gain]) -> bool:
    """Say whether it is better beyond doubt: by the head where there are labels for one, else by what needs none."""
    by_head = [gain for gain in gains if gain.measure == HEAD]
    deciding = by_head or [gain for gain in gains if gain.measure in WITHOUT]
    return any(gain.low > 0 for gain in deciding) and not any(gain.high < 0 for gain in deciding)


def _units(views: Views, beside: Views | None = None) -> Views:
    """As centred unit rows, twins and pictures alike, of one block or two."""
    both = np.concatenate([views.vectors, views.twins])
    parts = [(slice(0, both.shape[1]), False)]
    if beside is not None:
        first = np.concatenate([beside.vectors, beside.twins])
        both = np.concatenate([first, both], axis=1)
        # What an encoder or a level gives is of many scales, so its columns are brought to one.
        parts = [(slice(0, first.shape[1]), False), (slice(first.shape[1], both.shape[1]), True)]
    Z = transferability.mixed(both, parts)
    return Views(Z[: len(views.vectors)], Z[len(views.vectors) :])


def _by_labels(pairs: list[Views], known: Facts, rng: np.random.Generator) -> list[Gain]:
    classes, counts = np.unique(known.codes[known.codes >= 0], return_counts=True)
    rows = np.flatnonzero(np.isin(known.codes, classes[counts >= LEAST_OF_CLASS]))
    y = known.codes[rows]
    if len(rows) < LEAST_LABELS or len(np.unique(y)) < 2:
        return []
    groups = transferability.units(y, known.cameras[rows], known.events[rows])
    fold, resamples = transferability.folds(y, groups, rng), Resamples(y, groups, rng)
    labelled = [views.vectors[rows] for views in pairs]
    by_head = [transferability.head_correct(Z, y, fold) for Z in labelled]
    by_neighbours = [likeness.neighbours_correct(Z, y, groups) for Z in labelled]
    return [_gain(HEAD, resamples, by_head), _gain(NEIGHBOURS, resamples, by_neighbours)]


def _without(pairs: list[Views], known: Facts, rng: np.random.Generator) -> list[Gain]:
    gains = []
    if known.small is not None:
        small = known.small
        asked, before = likeness.mates_correct(pairs[0].vectors, known.events, small)
        if len(asked) >= LEAST_PAIRS:
            _, after = likeness.mates_correct(pairs[1].vectors, known.events, small)
            drawn = Resamples(np.zeros(len(asked), int), known.events[asked], rng)
            gains.append(_gain(MATES, drawn, [before, after]))
    if len(known.originals) >= LEAST_PAIRS:
        alone = np.arange(len(known.originals))
        correct = [likeness.twins_correct(views.vectors, views.twins, known.originals) for views in pairs]
        gains.append(_gain(TWINS, Resamples(np.zeros(len(alone), int), alone, rng), correct))
    return gains


def _gain(measure: str, resamples: Resamples, correct: list[NDArray[np.bool_]]) -> Gain:
    before, after = correct
    low, high = transferability.interval(resamples.scores(after) - resamples.scores(before))
    return Gain(measure, len(before), resamples.score(before), resamples.score(after), low, high)
