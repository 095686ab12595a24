"""Which of the embeddings that were tried serves a set of pictures, and whether any does: rules over paired scores."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tl_core.evaluation.transferability import Resamples, interval
from tl_core.notices import Code, Notice, Parameter, notice, percent

ENOUGH = 100  # labels below which a tie says nothing
ENOUGH_A_CLASS = 5  # of the class in the middle
CLOSE = 0.005  # how far behind the best a cheaper one may be: at a whole point one half of a set misled by two
REAL = 0.02  # a gain over untrained features that pays nothing below
WELL = 1 / 3  # share of the untrained ones' errors that is gone


@dataclass(frozen=True)
class Tried:
    """What was measured of one embedding.

    Attributes
    ----------
    network : str
        Whose it is: embeddings of one network cost the same time.
    title : str or Notice
        What people are told it is.
    is_trained : bool
        False for what has learnt from no pictures: pixels, gradients, random weights. It is compared with, not chosen.
    seconds : float
        A picture.
    dimension : int
        Numbers a picture.
    correct : ndarray of bool, shape (n,)
        Of the same samples for all that were tried.
    """

    network: str
    title: Parameter
    is_trained: bool
    seconds: float
    dimension: int
    correct: NDArray[np.bool_]


@dataclass(frozen=True)
class Rated:
    """How one of them came out.

    Attributes
    ----------
    score, low, high : float
        Balanced share that is correct, with its 95 % interval.
    behind, behind_low, behind_high : float
        How much less than the best trained one, in pairs.
    """

    score: float
    low: float
    high: float
    behind: float
    behind_low: float
    behind_high: float


@dataclass(frozen=True)
class Verdict:
    """What follows.

    Attributes
    ----------
    rated : tuple of Rated
        In the order of what was tried.
    pick : int or None
        Position of the one to use; None where nothing trained was tried.
    rival : int or None
        Position of the best untrained one.
    sentence : Notice
        Whether transfer is appropriate here.
    """

    rated: tuple[Rated, ...]
    pick: int | None
    rival: int | None
    sentence: Notice


def judge(
    tried: Sequence[Tried],
    y: NDArray[np.generic],
    groups: NDArray[np.intp],
    rng: np.random.Generator,
    *,
    labelled: bool = True,
    in_use: Collection[int] = (),
) -> Verdict:
    """Rate what was tried, pick one, and say whether transfer is appropriate.

    The pick is the best; but among those that are no more than `CLOSE` behind it, with no gap beyond the paired
    interval, the one in use, or else the best of the fastest network. Transfer counts as real where the best is ahead
    of every untrained one by more than `REAL`, with all of the paired interval.

    Parameters
    ----------
    tried : sequence of Tried
        At least one.
    y : ndarray, shape (n,)
        Classes of the samples; without labels the kind of question that each answers.
    groups : ndarray of intp, shape (n,)
        See `tl_core.evaluation.transferability.units`.
    rng : numpy.random.Generator
        For the intervals.
    labelled : bool
        Whether ``correct`` goes by labels, or by what is known without any.
    in_use : collection of int
        Positions of what the project learns from, or may choose to at no cost.

    Returns
    -------
    Verdict
        With one `Rated` each.
    """
    resamples = Resamples(y, groups, rng)
    points = np.array([resamples.score(each.correct) for each in tried])
    drawn = [resamples.scores(each.correct) for each in tried]
    trained = [position for position, each in enumerate(tried) if each.is_trained]
    others = [position for position, each in enumerate(tried) if not each.is_trained]
    best = max(trained or others, key=lambda position: points[position])
    rated = tuple(
        Rated(
            float(points[position]),
            *interval(drawn[position]),
            float(points[best] - points[position]),
            *interval(drawn[best] - drawn[position]),
        )
        for position in range(len(tried))
    )
    rival = max(others, key=lambda position: points[position], default=None)
    if not trained:
        return Verdict(rated, None, rival, notice(Code.NO_NETWORK))
    pick = _pick(tried, rated, trained, in_use)
    if rival is None:
        sentence = notice(Code.NO_RIVAL)
    else:
        # Ahead of each of them: which is the best of them is by chance, too.
        lead = min(interval(drawn[best] - drawn[other])[0] for other in others)
        sentence = _sentence(tried, points, best, rival, lead, y, labelled=labelled)
    return Verdict(rated, pick, rival, sentence)


def _pick(tried: Sequence[Tried], rated: Sequence[Rated], trained: Sequence[int], in_use: Collection[int]) -> int:
    equals = [each for each in trained if rated[each].behind <= CLOSE and rated[each].behind_low <= 0]
    kept = [each for each in equals if each in in_use]
    if kept:
        return max(kept, key=lambda each: rated[each].score)
    fastest = min((tried[each].seconds, tried[each].network) for each in equals)[1]
    return max((each for each in equals if tried[each].network == fastest), key=lambda each: rated[each].score)


def _sentence(
    tried: Sequence[Tried],
    points: NDArray[np.float64],
    best: int,
    rival: int,
    lead: float,
    y: NDArray[np.generic],
    *,
    labelled: bool,
) -> Notice:
    """Say whether the best is worth more than what has learnt nothing."""
    parameters: dict[str, Parameter] = {
        "name": tried[best].title,
        "score": percent(points[best]),
        "rival": tried[rival].title,
        "other": percent(points[rival]),
    }
    if not labelled:
        return notice(Code.ALIKE_ONLY, **parameters)
    gone = (points[best] - points[rival]) / max(1e-9, 1 - points[rival])
    if lead > REAL:
        return notice(Code.TRANSFERS_WELL if gone >= WELL else Code.TRANSFERS_LITTLE, n=len(y), **parameters)
    _, counts = np.unique(y, return_counts=True)
    if len(y) < ENOUGH or np.median(counts) < ENOUGH_A_CLASS:
        return notice(Code.FEW_LABELS, n=len(y), wanted=max(ENOUGH, ENOUGH_A_CLASS * len(counts)))
    return notice(Code.NO_BETTER, n=len(y), **parameters)
