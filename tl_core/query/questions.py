"""One queue for several questions: whose turn it is, and which of the others to ask about the same picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEAST_SHARE = 0.15  # of the places, for each question
REACH = 0.4  # a question with half of the places is also asked where others' pictures are among its fifth of most doubt
_HALF_KNOWN = 50  # labels that halve the distance of a question of which nothing else is known
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Place:
    """A sample in the ranking of one question.

    Attributes
    ----------
    sample : int
        Its id, of any kind.
    doubts : tuple of float
        For each question of the queue which share of its pool it is surer of than of this sample, 0 to 1; NaN where the
        question is not to be asked here: it does not apply, or is decided. The sample's own question is asked whatever
        stands here.
    """

    sample: int
    doubts: tuple[float, ...]


@dataclass(frozen=True)
class Turn:
    """A sample of the queue.

    Attributes
    ----------
    sample : int
        Its id.
    question : int
        Which question it comes for, as a position among the questions.
    others : tuple of int
        Which others are asked about it too, the one of most doubt first.
    """

    sample: int
    question: int
    others: tuple[int, ...]


def distance(target: float, labelled: int, audited: int = 0, correct: int = 0) -> float:
    """Return how far a question is from its target.

    Parameters
    ----------
    target : float
        Accuracy at which labelling may stop, between 0 and 1.
    labelled : int
        Answered samples.
    audited, correct : int
        Audit samples, and those of them that the head was right about.

    Returns
    -------
    float
        0 to 1: what is missing of the target by the audit, counted as if one more had been right and one more wrong,
        for a few audit samples say little. Without any, the less the more labels there are.
    """
    if not audited:
        return max(0.0, target - 0.5) / (1 + labelled / _HALF_KNOWN)
    return max(0.0, target - (correct + 1) / (audited + 2))


def shares(distances: ArrayLike, least: float = LEAST_SHARE) -> NDArray[np.float64]:
    """Return which part of the queue each question has.

    Parameters
    ----------
    distances : array-like, shape (q,)
        From the target, 0 or more; see `distance`.
    least : float
        What each question has in any case; of very many questions each has an equal part.

    Returns
    -------
    ndarray of float64, shape (q,)
        They add up to one; what is above the least is in proportion to the distances, and equal where all are zero.

    Raises
    ------
    ValueError
        A distance is negative or not finite.
    """
    far = np.asarray(distances, np.float64)
    if far.ndim != 1 or not np.isfinite(far).all() or (far < 0).any():
        raise ValueError("distances must be finite and not negative")
    if not len(far):
        return far
    total = far.sum()
    needs = far / total if total > 0 else np.full(len(far), 1 / len(far))
    floor = min(least, 1 / len(far))
    parts: NDArray[np.float64] = floor + (1 - floor * len(far)) * needs
    return parts


def turns(parts: ArrayLike, start: int, n: int) -> NDArray[np.intp]:
    """Return whose turn each place is.

    A place goes to the question whose stretch of the unit interval its multiple of the golden ratio falls into. So any
    run of places, however it is cut into requests, is shared out evenly, and nobody has to remember where they were.

    Parameters
    ----------
    parts : array-like, shape (q,)
        As of `shares`.
    start : int
        The number of the first place, 0 or more: decisions made so far, say.
    n : int
        Places.

    Returns
    -------
    ndarray of intp, shape (n,)
        Positions among the questions.

    References
    ----------
    Kuipers, Niederreiter: Uniform distribution of sequences, 1974.
    """
    ends = np.cumsum(np.asarray(parts, np.float64))
    at = (np.arange(start, start + n) * _GOLDEN) % 1.0
    return np.minimum(np.searchsorted(ends, at * ends[-1], side="right"), len(ends) - 1) if n else np.empty(0, np.intp)


def merge(queues: Sequence[Sequence[Place]], parts: ArrayLike, start: int, n: int) -> list[Turn]:
    """Make one queue of the rankings of several questions.

    Where it is a question's turn, the best of its ranking comes that is not in the queue yet; where it has no more, the
    one with most places to come takes its turn. Asked about the same sample are the others that rank it themselves, and
    those to whom it is among the samples of most doubt, the more generously the larger their part.

    Parameters
    ----------
    queues : sequence of sequences of Place
        A ranking for each question, soonest first.
    parts : array-like, shape (q,)
        See `shares`.
    start, n : int
        The first place, and how many; see `turns`.

    Returns
    -------
    list of Turn
        min(n, distinct samples); the same for the same input.
    """
    parts = np.asarray(parts, np.float64)
    ranked = [{place.sample for place in queue} for queue in queues]
    waiting = [list(reversed(queue)) for queue in queues]
    taken: set[int] = set()
    queue: list[Turn] = []
    for question in turns(parts, start, n).tolist() if len(parts) else ():
        by_part = sorted(range(len(queues)), key=lambda each: -parts[each])
        turn = next((at for each in (question, *by_part) if (at := _next(waiting, each, taken))), None)
        if turn is None:
            break
        whose, place = turn
        taken.add(place.sample)
        queue.append(Turn(place.sample, whose, _others(place, whose, ranked, parts)))
    return queue


def _next(waiting: Sequence[list[Place]], question: int, taken: set[int]) -> tuple[int, Place] | None:
    """Take the best that is left of a question's ranking."""
    queue = waiting[question]
    while queue:
        place = queue.pop()
        if place.sample not in taken:
            return question, place
    return None


def _others(place: Place, whose: int, ranked: Sequence[set[int]], parts: NDArray[np.float64]) -> tuple[int, ...]:
    """Return which other questions are asked about a sample."""
    asked = [
        (doubt, other)
        for other, doubt in enumerate(place.doubts)
        if other != whose
        and not math.isnan(doubt)
        and (place.sample in ranked[other] or is_doubtful(doubt, parts[other]))
    ]
    return tuple(other for _, other in sorted(asked, key=lambda each: (-each[0], each[1])))


def is_doubtful(doubt: float, part: float) -> bool:
    """Return whether a question with that part of the queue is asked about a sample that others brought.

    Parameters
    ----------
    doubt : float
        Which share of its pool it is surer of, 0 to 1.
    part : float
        Its part of the queue, 0 to 1; see `shares`.
    """
    return bool(doubt >= 1 - REACH * part)


def doubt_ranks(scores: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Return acquisition scores as ranks, so that those of different questions can be compared.

    Parameters
    ----------
    scores : array-like, shape (n,)
        Higher = more doubt, in any unit.
    reference : array-like, shape (m,)
        Scores of the same kind of a sample of the pool, in any order.

    Returns
    -------
    ndarray of float64, shape (n,)
        The share of the reference that is lower, equal ones counting half; 1 where there is no reference.
    """
    scores, sorted_ = np.asarray(scores, np.float64), np.sort(np.asarray(reference, np.float64))
    if not len(sorted_):
        return np.ones(len(scores))
    low, high = (np.searchsorted(sorted_, scores, side=side) for side in ("left", "right"))
    ranks: NDArray[np.float64] = (low + high) / (2 * len(sorted_))
    return ranks
