"""Recall of a rare class: which part of it has been found."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The totals that the mixture weighs, log-spaced: a rare class may have one sample left or a hundred thousand.
_GRID = 1000


@dataclass(frozen=True)
class Recall:
    """The part of a class that has been found.

    Attributes
    ----------
    found : int
        Samples of the class labelled so far.
    estimate : float or None
        By the head's expectation, moved into the interval where it lies outside; None without one.
    low, high : float
        Interval, by the audit draws alone.
    missed : int
        Samples of the class still unlabelled, at most: what ``low`` stands for.
    """

    found: int
    estimate: float | None
    low: float
    high: float
    missed: int


def rare_class_recall(
    found: int,
    found_before: ArrayLike,
    unseen: ArrayLike,
    drawn: ArrayLike,
    positives: ArrayLike,
    expected: float | None = None,
    confidence: float = 0.95,
) -> Recall:
    """Estimate the recall of one class from audit draws out of what was not labelled yet.

    Each round draws audit samples uniformly from the samples unlabelled at that moment (an elusion sample), while a
    strategy looks for the class in the rest. Every draw tells of the one unknown number, the class's total in the
    pool: before round r, the unlabelled part holds the total less what was found before. The head's word never
    enters the interval, and the interval stays valid however often people look.

    Parameters
    ----------
    found : int
        Samples of the class labelled by now, however they were picked.
    found_before : array-like of int, shape (r,)
        Of these, labelled before each audit draw. At least one round; only rounds whose draws are all labelled.
    unseen : array-like of int, shape (r,)
        Unlabelled samples before each audit draw.
    drawn : array-like of int, shape (r,)
        Audit samples drawn from them, uniformly and each at most once.
    positives : array-like of int, shape (r,)
        Audit samples of the class among those drawn.
    expected : float or None
        Calibrated probabilities of the class, summed over the samples that are unlabelled now.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Recall
        Of the samples that were there at the first round (those imported later need rounds of their own); a class
        without any sample has recall 1. Where nothing was drawn, the interval
        is what is certain: from found / (found + everything unlabelled) to 1.

    Raises
    ------
    ValueError
        Numbers that contradict each other or are out of range.

    Notes
    -----
    A round's positives are hypergeometric given the past, so the ratio of a mixture of likelihoods over totals to the
    likelihood of the true total is a martingale that exceeds 1 / (1 - confidence) with at most the error probability.
    The likelihood is log-concave in the total: what is not refuted is an interval.

    References
    ----------
    Waudby-Smith, Ramdas: Confidence sequences for sampling without replacement, arXiv 2006.04347.
    Roitblat: Measurement in eDiscovery, 2013 (elusion).
    """
    rounds = np.stack(np.broadcast_arrays(*(np.atleast_1d(x) for x in (found_before, unseen, drawn, positives))))
    _check(found, rounds, expected, confidence)
    before, size, draws, hits = rounds = rounds.astype(np.int64)
    # What is certain: a total includes what was found, and excludes what turned out to be something else.
    least, most = int((before + hits).max()), int((before + size - draws + hits).min())
    if not least <= found <= most:
        raise ValueError("the rounds contradict each other: more of the class was found than can have been there")
    fewest, largest = _unrefuted(least, most, rounds, confidence)
    low, high = _share(found, max(largest - found, 0)), _share(found, max(fewest - found, 0))
    estimate = None if expected is None else min(max(_share(found, expected), low), high)
    return Recall(found, estimate, low, high, max(largest - found, 0))


def _check(found: int, rounds: NDArray[Any], expected: float | None, confidence: float) -> None:
    if rounds.ndim != 2 or rounds.shape[1] == 0 or not 0 < confidence < 1:
        raise ValueError("expected at least one round with one number in each list, and 0 < confidence < 1")
    before, size, draws, hits = rounds
    if np.any(hits < 0) or np.any(hits > draws) or np.any(draws > size) or np.any(before < 0):
        raise ValueError("expected 0 <= positives <= drawn <= unseen and found_before >= 0 in every round")
    if np.any(before + hits > found):
        raise ValueError("found counts every labelled sample of the class, with those of the audit draws")
    if expected is not None and not 0 <= expected < math.inf:
        raise ValueError(f"expected a sum of probabilities, got {expected}")


def _share(found: int, missed: float) -> float:
    return found / (found + missed) if found + missed > 0 else 1.0


def _unrefuted(least: int, most: int, rounds: NDArray[np.int64], confidence: float) -> tuple[int, int]:
    """Return the smallest and largest total that the draws do not refute."""
    # Grid and weights rest on the first round only: chosen by what came later, they would break the martingale.
    start, pool = rounds[0, 0], rounds[1, 0]
    missed = np.unique(np.round(np.geomspace(1, pool + 1, _GRID)).astype(np.int64)) - 1
    weight = np.diff(np.log1p(missed), append=math.log(pool + 2))
    with np.errstate(divide="ignore"):
        mixture = np.logaddexp.reduce(_log_likelihood(start + missed, rounds) + np.log(weight / weight.sum()))
    limit = mixture + math.log(1 - confidence)

    def log_likelihood(total: int) -> float:
        return float(_log_likelihood(np.array([total]), rounds)[0])

    low, high = least, most
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if log_likelihood(middle) < log_likelihood(middle + 1) else (low, middle)

    def last_kept(inside: int, end: int) -> int:
        if log_likelihood(end) > limit:
            return end
        while abs(end - inside) > 1:
            middle = (inside + end) // 2
            inside, end = (middle, end) if log_likelihood(middle) > limit else (inside, middle)
        return inside

    return last_kept(low, least), last_kept(low, most)


def _log_likelihood(totals: NDArray[np.int64], rounds: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return log P(positives of every round | total), up to a constant, for ``totals`` (t,)."""
    from scipy.special import gammaln

    before, size, draws, hits = rounds
    held = totals[:, None] - before
    others = size - held
    left, others_left = held - hits, others - (draws - hits)
    possible = ((left >= 0) & (others_left >= 0)).all(axis=1)
    with np.errstate(invalid="ignore"):  # infinity less infinity, where the total is impossible
        chances = gammaln(held + 1) - gammaln(left + 1) + gammaln(others + 1) - gammaln(others_left + 1)
    return np.where(possible, np.where(possible[:, None], chances, 0).sum(axis=1), -np.inf)
