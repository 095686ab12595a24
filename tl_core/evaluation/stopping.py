"""When to stop labelling: three things at once, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tl_core.evaluation.discovery import Coverage, Richness
from tl_core.notices import Code, Notice, notice, percent

STABLE_KAPPA = 0.99
STABLE_ROUNDS = 3
QUIET_LABELS = 100
WANTED_COVERAGE = 0.95


@dataclass(frozen=True)
class Criterion:
    """One condition for stopping.

    Attributes
    ----------
    name : str
        "stable", "accurate" or "explored".
    met : bool
        Whether it holds.
    value, wanted : float
        What it is and what it should be at least; ``value`` is 0 where nothing is known.
    reason : Notice
        Why.
    """

    name: str
    met: bool
    value: float
    wanted: float
    reason: Notice


@dataclass(frozen=True)
class StopAdvice:
    """Whether to stop, and why or why not.

    Attributes
    ----------
    stable, accurate, explored : Criterion
        The predictions changed little, the accuracy is surely above the target, the classes are known.
    """

    stable: Criterion
    accurate: Criterion
    explored: Criterion

    @property
    def criteria(self) -> tuple[Criterion, Criterion, Criterion]:
        """All three, in the order people read them."""
        return self.stable, self.accurate, self.explored

    @property
    def stop(self) -> bool:
        """All three are met."""
        return all(criterion.met for criterion in self.criteria)


def kappa(a: ArrayLike, b: ArrayLike) -> float:
    """Return Cohen's kappa: how far two lists of classes agree beyond chance.

    Parameters
    ----------
    a, b : array-like, shape (n,)
        Classes of the same samples, ``n`` at least 1.

    Returns
    -------
    float
        1 for equal lists (also where both hold one class only), 0 for agreement by chance, at least -1.

    Raises
    ------
    ValueError
        Lengths differ or there is nothing to compare.

    References
    ----------
    Cohen: A coefficient of agreement for nominal scales, 1960.
    """
    first, second = np.asarray(a), np.asarray(b)
    if first.ndim != 1 or first.shape != second.shape or len(first) == 0:
        raise ValueError(f"expected two equally long lists, got {first.shape} and {second.shape}")
    classes, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    of_first, of_second = codes[: len(first)], codes[len(first) :]
    if len(classes) == 1:
        return 1.0
    agreed = float((of_first == of_second).mean())
    shares = [np.bincount(each, minlength=len(classes)) / len(first) for each in (of_first, of_second)]
    by_chance = float(shares[0] @ shares[1])
    return (agreed - by_chance) / (1 - by_chance)


def stop_advice(
    kappas: Sequence[float],
    accuracy: tuple[float, float],
    target: float,
    quiet_labels: int,
    richness: Richness | None,
    seen: Coverage | None,
) -> StopAdvice:
    """Say whether to stop labelling one question.

    Parameters
    ----------
    kappas : sequence of float
        `kappa` of the pool's predictions between successive rounds, oldest first.
    accuracy : tuple of float
        Interval of the head's accuracy. By `intervals.confidence_sequence`: this advice is asked for again and again,
        and an interval for one look would say "stop" by luck sooner or later.
    target : float
        Accuracy wanted, between 0 and 1.
    quiet_labels : int
        Labels since the last one that brought a new class.
    richness, seen : Richness and Coverage, or None
        From `discovery`, by audit labels; None where there are none yet.

    Returns
    -------
    StopAdvice
        ``stop`` is right about the accuracy as often as the interval is. Thresholds are this module's constants.

    Raises
    ------
    ValueError
        The target is out of range.

    References
    ----------
    Bloodgood, Vijay-Shanker: A method for stopping active learning based on stabilizing predictions, 2009, arXiv
    1409.5165.
    """
    if not 0 < target < 1:
        raise ValueError(f"expected a target accuracy between 0 and 1, got {target}")
    return StopAdvice(_stable(kappas), _accurate(accuracy[0], target), _explored(quiet_labels, richness, seen))


def _stable(kappas: Sequence[float]) -> Criterion:
    if len(kappas) < STABLE_ROUNDS:
        reason = notice(Code.FEW_ROUNDS, n=len(kappas), wanted=STABLE_ROUNDS)
        return Criterion("stable", False, 0.0, STABLE_KAPPA, reason)
    value = float(min(kappas[-STABLE_ROUNDS:]))
    met = value >= STABLE_KAPPA
    reason = notice(Code.STABLE if met else Code.NOT_STABLE, kappa=round(value, 3), wanted=STABLE_KAPPA)
    return Criterion("stable", met, value, STABLE_KAPPA, reason)


def _accurate(low: float, target: float) -> Criterion:
    met = low >= target
    reason = notice(Code.ACCURATE if met else Code.NOT_ACCURATE, low=percent(low), target=percent(target))
    return Criterion("accurate", met, low, target, reason)


def _explored(quiet_labels: int, richness: Richness | None, seen: Coverage | None) -> Criterion:
    if richness is None or seen is None:
        return Criterion("explored", False, 0.0, WANTED_COVERAGE, notice(Code.NOTHING_AUDITED))
    quiet, known = quiet_labels >= QUIET_LABELS, seen.low >= WANTED_COVERAGE and richness.missing < 1
    if not quiet:
        reason = notice(Code.NEW_CLASS, n=quiet_labels, wanted=QUIET_LABELS)
    elif not known:
        missing = round(float(richness.missing), 1)
        reason = notice(Code.NOT_EXPLORED, low=percent(seen.low), wanted=percent(WANTED_COVERAGE), missing=missing)
    else:
        reason = notice(Code.EXPLORED, n=quiet_labels, low=percent(seen.low))
    return Criterion("explored", quiet and known, seen.low, WANTED_COVERAGE, reason)
