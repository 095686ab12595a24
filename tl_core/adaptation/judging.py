# ruff: noqa: N803 - matrices are X here, as in scikit-learn
"""Whether a trained network is better than what there was: the same folds, the same pictures, in pairs. For workers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.adaptation.outputs import Target

At = NDArray[np.intp]
FOLDS = 3
SURE = 1.5  # reaches of the interval beyond which a gain must lie for a change: one in many would be chance
HELD_OUT = 0.15  # of what a network is trained on, to tell when to stop


@dataclass(frozen=True)
class Comparison:
    """Two ways to answer one question, on pictures that neither was fitted on.

    Attributes
    ----------
    tuned, rival : float
        Shares that are right, 0 to 1.
    gain, low, high : float
        Their difference and its interval (95 %).
    n : int
        Pictures judged.
    """

    tuned: float
    rival: float
    gain: float
    low: float
    high: float
    n: int

    @property
    def is_better(self) -> bool:
        """Whether the gain is beyond doubt."""
        return self.low > 0

    @property
    def is_sure(self) -> bool:
        """Whether the gain is worth a change of what everybody works with: three standard errors from nothing."""
        return self.gain > SURE * (self.gain - self.low)

    @property
    def is_worse(self) -> bool:
        """Whether the loss is beyond doubt."""
        return self.high < 0


def folds(target: Target, groups: NDArray[Any] | None, seed: int, count: int = FOLDS) -> NDArray[np.intp]:
    """Assign pictures to folds: no group in two, classes as even as groups allow.

    Parameters
    ----------
    target : Target
        The question whose classes are spread evenly.
    groups : ndarray of int, shape (n,), or None
        What belongs together, such as a camera's pictures; None, or all in one = each picture is by itself.
    seed : int
        Of the shuffle.
    count : int
        Folds, 2 or more, and at most as many as groups.

    Returns
    -------
    ndarray of int, shape (n,)
        0 to count - 1.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    n = len(target.codes)
    single = target.codes.ndim == 1
    if groups is not None and len(np.unique(groups)) < 2:
        groups = None
    count = max(2, min(count, n if groups is None else len(np.unique(groups))))
    rarest = np.bincount(target.codes[target.codes >= 0]).max() if single else 0
    even = single and rarest >= count
    splitter: Any
    if groups is None:
        splitter = StratifiedKFold if even else KFold
        parts = splitter(count, shuffle=True, random_state=seed).split(np.zeros(n), target.codes if single else None)
    else:
        splitter = StratifiedGroupKFold if even else GroupKFold
        labels = target.codes if single else None
        parts = splitter(count, shuffle=True, random_state=seed).split(np.zeros(n), labels, groups)
    assigned = np.zeros(n, np.intp)
    for number, (_, tested) in enumerate(_quietly(parts)):
        assigned[tested] = number
    return assigned


def held_out(target: Target, groups: NDArray[Any] | None, fitted: At, seed: int) -> tuple[At, At]:
    """Part what is trained on into pictures to fit and pictures that tell when to stop.

    Groups stay whole, unless they are so few that this would take too much away from training.

    Parameters
    ----------
    target, groups
        As in `folds`.
    fitted : ndarray of int
        Pictures that may be used.
    seed : int
        Of the shuffle.

    Returns
    -------
    tuple of ndarray of int
        To fit on, and held out (about a seventh).
    """
    part = Target(target.codes[fitted], target.classes)
    count = round(1 / HELD_OUT)
    together = groups[fitted] if groups is not None and len(np.unique(groups[fitted])) >= count else None
    inner = folds(part, together, seed, count)
    return fitted[inner != 0], fitted[inner == 0]


def some(at: At, most: int, seed: int) -> At:
    """Draw pictures to train on.

    Parameters
    ----------
    at : ndarray of int
        Those that may be.
    most : int
        So many of them.
    seed : int
        Of the draw.

    Returns
    -------
    ndarray of int
        All, where they are no more.
    """
    if len(at) <= most:
        return at
    return np.sort(np.random.default_rng(seed).choice(at, most, replace=False))


def head_right(X: NDArray[np.floating[Any]], target: Target, fitted: At, tested: At) -> NDArray[np.bool_]:
    """Fit the default head on some pictures, and return of others whether it is right.

    Parameters
    ----------
    X : ndarray of float, shape (n, d)
        Embeddings of all.
    target : Target
        Its answers; pictures without one are neither fitted on nor right.
    fitted, tested : ndarray of int
        Pictures.

    Returns
    -------
    ndarray of bool, shape (len(tested),)
    """
    from tl_core.heads.logistic import LogisticHead
    from tl_core.heads.multilabel import MultiLabelHead

    fitted = fitted[target.known[fitted]]
    single = target.codes.ndim == 1
    if single and len(np.unique(target.codes[fitted])) < 2:
        return np.zeros(len(tested), np.bool_)
    head: Any = LogisticHead(pool_mean=X.mean(axis=0)) if single else MultiLabelHead(pool_mean=X.mean(axis=0))
    head.fit(X[fitted], target.codes[fitted] if single else target.codes[fitted] == 1)
    predicted = head.predict(X[tested])
    if single:
        return np.asarray(predicted == target.codes[tested])
    return np.asarray((predicted == (target.codes[tested] == 1)).all(axis=1))


def compare(tuned: NDArray[np.bool_], rival: NDArray[np.bool_], groups: NDArray[Any] | None) -> Comparison:
    """Compare two answers to the same pictures.

    The interval is Student's with an error that counts groups, not pictures: of few groups it is wide.

    Parameters
    ----------
    tuned, rival : ndarray of bool, shape (n,)
        Whether each is right; n is 1 or more.
    groups : ndarray of int, shape (n,), or None
        What belongs together, and tells little more than one picture of it; None, or all in one = nothing does.

    Returns
    -------
    Comparison

    References
    ----------
    Liang, Zeger: Longitudinal data analysis using generalized linear models, 1986 (the error of clustered means).
    """
    difference = tuned.astype(np.float64) - rival
    gain = float(difference.mean())
    reach = _reach(difference, np.arange(len(difference)))
    if groups is not None and len(np.unique(groups)) > 1:  # the wider: a few groups may agree by chance
        reach = max(reach, _reach(difference, groups))
    return Comparison(float(tuned.mean()), float(rival.mean()), gain, gain - reach, gain + reach, len(tuned))


def _reach(difference: NDArray[np.float64], groups: NDArray[Any]) -> float:
    """How far the interval of the mean difference reaches to either side."""
    from scipy.special import stdtrit

    _, member = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(member, difference), np.bincount(member)
    if len(sums) < 2:
        return 1.0
    squares = float(((sums - difference.mean() * sizes) ** 2).sum())
    clustered = math.sqrt(len(sums) / (len(sums) - 1) * squares) / len(difference)
    return float(stdtrit(len(sums) - 1, 0.975)) * clustered


def is_better(comparisons: Sequence[Comparison]) -> bool:
    """Whether to change: surely better for the first question, and for no other one worse."""
    return comparisons[0].is_sure and not any(each.is_worse for each in comparisons[1:])


def _quietly(parts: Any) -> list[tuple[At, At]]:
    import warnings

    with warnings.catch_warnings(action="ignore"):  # a class with fewer pictures than folds: as even as can be
        return list(parts)
