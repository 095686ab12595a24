"""Scores of predictions and of whole learning curves."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.evaluation.intervals import binomial_interval


@dataclass(frozen=True)
class Proportion:
    """A share with the number of samples it rests on.

    Attributes
    ----------
    hits, n : int
        Counted and counted among.
    low, high : float
        Clopper-Pearson interval, 0..1.
    """

    hits: int
    n: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The share; None where ``n`` is 0."""
        return self.hits / self.n if self.n else None


@dataclass(frozen=True)
class ClassScore:
    """How well one class is told.

    Attributes
    ----------
    key : int or str
        The class, as given.
    precision : Proportion
        Of what was predicted so, what is so.
    recall : Proportion
        Of what is so, what was predicted so.
    """

    key: Any
    precision: Proportion
    recall: Proportion


def macro_f1(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean over classes of F1: every class counts the same, however rare.

    Parameters
    ----------
    y_true, y_pred : array-like, shape (n,)
        True and predicted classes, ``n`` at least 1.

    Returns
    -------
    float
        0..1, over all classes that occur in either; as scikit-learn's ``f1_score(average="macro")``.

    Raises
    ------
    ValueError
        Lengths differ or there is nothing to judge.
    """
    _, hits, of_true, of_predicted = _tallies(y_true, y_pred)
    return float(np.mean(2 * hits / (of_true + of_predicted)))


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the mean over the true classes of recall.

    Parameters
    ----------
    y_true, y_pred : array-like, shape (n,)
        True and predicted classes, ``n`` at least 1.

    Returns
    -------
    float
        0..1, as scikit-learn's ``balanced_accuracy_score``.

    Raises
    ------
    ValueError
        Lengths differ or there is nothing to judge.

    References
    ----------
    Brodersen, Ong, Stephan, Buhmann: The balanced accuracy and its posterior distribution, 2010.
    """
    _, hits, of_true, _ = _tallies(y_true, y_pred)
    return float(np.mean(hits[of_true > 0] / of_true[of_true > 0]))


def per_class(y_true: ArrayLike, y_pred: ArrayLike, confidence: float = 0.95) -> tuple[ClassScore, ...]:
    """Return precision and recall of every class, each with its interval.

    Parameters
    ----------
    y_true, y_pred : array-like, shape (n,)
        True and predicted classes of audit samples, ``n`` at least 1.
    confidence : float
        Between 0 and 1, for each interval by itself: of many intervals, some miss.

    Returns
    -------
    tuple of ClassScore
        Sorted by class, over all classes that occur in either.

    Raises
    ------
    ValueError
        Lengths differ, there is nothing to judge or the confidence is out of range.
    """
    classes, hits, of_true, of_predicted = _tallies(y_true, y_pred)

    def proportion(hit: int, n: int) -> Proportion:
        return Proportion(hit, n, *binomial_interval(hit, n, confidence))

    rows = zip(classes.tolist(), hits.tolist(), of_predicted.tolist(), of_true.tolist(), strict=True)
    return tuple(
        ClassScore(key, proportion(hit, predicted), proportion(hit, true)) for key, hit, predicted, true in rows
    )


def aubc(labels: ArrayLike, scores: ArrayLike, budget: float) -> float:
    """Return the area under a learning curve up to a budget, which counts as 1: the mean score on the way.

    Parameters
    ----------
    labels : array-like, shape (r,)
        Label counts, rising.
    scores : array-like, shape (r,)
        Scores there.
    budget : float
        From above the first label count to the last.

    Returns
    -------
    float
        On the scale of the scores. By trapezoids from the first label count on; between points a straight line.

    Raises
    ------
    ValueError
        Label counts do not rise or the curve does not span the budget.

    References
    ----------
    Zhan, Liu, Li, Chan: A comparative survey: benchmarking for pool-based active learning, 2021.
    """
    n, score = _curve(labels, scores)
    if not n[0] < budget <= n[-1]:
        raise ValueError(f"expected a budget above {n[0]:g} and up to {n[-1]:g}, where the curve is, got {budget}")
    inside = n < budget
    x = np.append(n[inside], budget)
    y = np.append(score[inside], np.interp(budget, n, score))
    return float(np.trapezoid(y, x) / (budget - n[0]))


def labels_to(labels: ArrayLike, scores: ArrayLike, target: float) -> float | None:
    """Return the label count where a learning curve first reaches a target.

    Parameters
    ----------
    labels : array-like, shape (r,)
        Label counts, rising.
    scores : array-like, shape (r,)
        Scores there.
    target : float
        On the scale of the scores.

    Returns
    -------
    float or None
        On the straight line between two points; None where the target is never reached.

    Raises
    ------
    ValueError
        Label counts do not rise.
    """
    n, score = _curve(labels, scores)
    reached = np.flatnonzero(score >= target)
    if len(reached) == 0:
        return None
    i = int(reached[0])
    if i == 0:
        return float(n[0])
    return float(n[i - 1] + (target - score[i - 1]) / (score[i] - score[i - 1]) * (n[i] - n[i - 1]))


def _curve(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n, score = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if n.ndim != 1 or n.shape != score.shape or len(n) == 0:
        raise ValueError(f"expected two equally long lists, got {n.shape} and {score.shape}")
    if not (np.all(np.diff(n) > 0) and np.isfinite(n).all() and np.isfinite(score).all()):
        raise ValueError("expected label counts that rise and finite scores")
    return n, score


def _tallies(
    y_true: ArrayLike, y_pred: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the classes and, for each, how often it was right, true and predicted."""
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    if true.ndim != 1 or true.shape != predicted.shape or len(true) == 0:
        raise ValueError(f"expected two equally long lists, got {true.shape} and {predicted.shape}")
    classes, codes = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    of_true, of_predicted = codes[: len(true)], codes[len(true) :]

    def tally(each: NDArray[np.intp]) -> NDArray[np.intp]:
        return np.bincount(each, minlength=len(classes))

    return classes, tally(of_true[of_true == of_predicted]), tally(of_true), tally(of_predicted)
