"""What is probably still undiscovered, by the class counts among audit labels."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Richness:
    """How many classes there are.

    Attributes
    ----------
    observed : int
        Classes seen.
    estimate : float
        Chao1; at least ``observed``.
    low, high : int
        Interval.
    """

    observed: int
    estimate: float
    low: int
    high: int

    @property
    def missing(self) -> float:
        """Classes that are probably there and were not seen."""
        return self.estimate - self.observed


@dataclass(frozen=True)
class Coverage:
    """The share of the pool that belongs to classes already seen.

    Attributes
    ----------
    estimate : float
        0..1.
    low, high : float
        Interval, 0..1.
    """

    estimate: float
    low: float
    high: float


def chao1(counts: ArrayLike, confidence: float = 0.95) -> Richness:
    """Estimate the number of classes, seen and unseen.

    Chao1 estimates a *lower bound*: it takes the unseen classes for as frequent as those seen once. Where many are
    far rarer, as in a long tail, there are more of them than ``estimate`` and often than ``high``; ``low`` still
    holds. With a large part of the pool among the audit labels, the estimate is too high.

    Parameters
    ----------
    counts : array-like of int, shape (c,)
        Audit labels of each class; zeros are ignored. Audit labels only: they are drawn uniformly, others are not.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Richness
        The estimate is the bias-corrected form where no class was seen twice. The interval is log-normal, rounded
        outwards. Where nothing is estimated missing, ``high`` takes in classes about as rare as one in n instead.

    Raises
    ------
    ValueError
        No labels, negative counts or confidence out of range.

    References
    ----------
    Chao: Estimating the population size for capture-recapture data with unequal catchability, 1987.
    """
    n, observed, once, twice = _frequencies(counts, confidence)
    shrink = (n - 1) / n
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    if twice:
        missing, ratio = shrink * once**2 / (2 * twice), once / twice
        variance = twice * (shrink / 2 * ratio**2 + shrink**2 * ratio**3 + shrink**2 / 4 * ratio**4)
    else:
        missing = shrink * once * (once - 1) / 2
        variance = missing + shrink**2 * (once * (2 * once - 1) ** 2 / 4 - once**4 / (4 * (observed + missing)))
    if missing == 0:
        return Richness(observed, observed, observed, math.ceil(observed + _most_missing(once, twice, z)))
    spread = math.exp(z * math.sqrt(math.log1p(variance / missing**2)))
    low, high = math.floor(observed + missing / spread), math.ceil(observed + missing * spread)
    return Richness(observed, observed + missing, low, high)


def coverage(counts: ArrayLike, confidence: float = 0.95) -> Coverage:
    """Estimate the share of the pool that belongs to classes already seen.

    Parameters
    ----------
    counts : array-like of int, shape (c,)
        Audit labels of each class; zeros are ignored.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    Coverage
        Good-Turing's estimate 1 - f1/n. The interval is Esty's; the lower end is the score form of it (the variance
        that belongs to the end itself, not to the estimate), so that it stays below 1 where no class was seen once.

    Raises
    ------
    ValueError
        No labels, negative counts or confidence out of range.

    References
    ----------
    Good: The population frequencies of species and the estimation of population parameters, 1953.
    Esty: A normal limit law for a nonparametric estimator of the coverage of a random sample, 1983.
    """
    n, _, once, twice = _frequencies(counts, confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    least = max(0.0, once - z * math.sqrt(once + 2 * twice))
    return Coverage(1 - once / n, max(0.0, 1 - _most_missing(once, twice, z) / n), 1 - least / n)


def rule_of_three(n: int, confidence: float = 0.95) -> float:
    """Return the share above which a class would probably have been seen among ``n`` audit labels.

    Parameters
    ----------
    n : int
        Audit labels; 0 gives 1: nothing would.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    float
        0..1, about 3/n at 95 %. It speaks of one class, not of all rare classes together: that is `coverage`.

    Raises
    ------
    ValueError
        ``n`` or the confidence is out of range.

    References
    ----------
    Hanley, Lippman-Hand: If nothing goes wrong, is everything all right?, 1983.
    """
    if n < 0 or not 0 < confidence < 1:
        raise ValueError(f"expected n >= 0 and 0 < confidence < 1, got {n}, {confidence}")
    return float(-math.expm1(math.log1p(-confidence) / n)) if n else 1.0


def _frequencies(counts: ArrayLike, confidence: float) -> tuple[int, int, int, int]:
    """Return labels, classes, classes seen once and classes seen twice."""
    seen = np.asarray(counts)
    if seen.ndim != 1 or np.any(seen < 0) or np.any(seen != np.floor(seen)) or seen.sum() == 0:
        raise ValueError("expected one count of audit labels for each class, with at least one label in all")
    if not 0 < confidence < 1:
        raise ValueError(f"expected 0 < confidence < 1, got {confidence}")
    return int(seen.sum()), int((seen > 0).sum()), int((seen == 1).sum()), int((seen == 2).sum())


def _most_missing(once: int, twice: int, z: float) -> float:
    """Return the upper end of n * (1 - coverage): the x above f1 where (x - f1)^2 = z^2 (x + 2 f2)."""
    return once + z * z / 2 + z * math.sqrt(once + z * z / 4 + 2 * twice)
