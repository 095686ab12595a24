# ruff: noqa: N803, N806 - matrices are X and Z here, as in scikit-learn
"""What one question's head foresees, as input to another's: made without leaks, and kept only where it helps.

A sample that teaches the helping question must not be told what it taught: its helper would be surer of it than of any
other. So there are several heads, each fitted without one part of the labels; which of them speaks about a sample is
decided by the sample's own embedding, labelled or not. Imports scikit-learn: workers only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import finite_unit_rows
from tl_core.heads.logistic import LogisticHead
from tl_core.heads.multilabel import MultiLabelHead
from tl_core.spaces.foreseen import PARTS, UNKNOWN, Foreseen, parts_of

ENOUGH_LABELS = 50  # of each question
_LEAST = 1e-3  # a probability: one label that nothing could know must not decide
_SURE = 1.96  # standard errors


@dataclass(frozen=True)
class Help:
    """Whether what another question's heads foresee helps a question, on its own labels.

    Attributes
    ----------
    n : int
        Labels compared, all held out in turn.
    alone, joined : float
        Share that was right without and with it.
    gain, low, high : float
        Their difference, with its 95 % interval.
    loss, loss_low, loss_high : float
        By how much the log loss fell, with its 95 % interval.
    """

    n: int
    alone: float
    joined: float
    gain: float
    low: float
    high: float
    loss: float
    loss_low: float
    loss_high: float

    @property
    def helps(self) -> bool:
        """The loss fell beyond its interval, and no label more is wrong."""
        return self.loss_low > 0 and self.gain >= 0


def foresee(X: NDArray[np.float32], y: NDArray[Any], center: NDArray[np.float32]) -> Foreseen:
    """Fit the heads of a question that may help others.

    Parameters
    ----------
    X : ndarray of float32, shape (n, d)
        Its labelled embeddings, as they are stored.
    y : ndarray, shape (n,) of class ids, or of bool, shape (n, c)
        One class each, or several. Two classes at least.
    center : ndarray of float32, shape (d,)
        The pool's mean.

    Returns
    -------
    Foreseen
        Maps any embedding; those it was fitted on by a head that did not know them.

    Raises
    ------
    ValueError
        There are fewer than 50 labels or than two classes.
    """
    classes = np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])
    if len(y) < ENOUGH_LABELS or len(classes) < 2:
        raise ValueError(f"expected {ENOUGH_LABELS} labels of two classes or more, got {len(y)} of {len(classes)}")
    part = parts_of(X)
    coef = np.zeros((PARTS, len(classes), X.shape[1]), np.float32)
    intercept = np.full((PARTS, len(classes)), UNKNOWN, np.float32)
    for number in range(PARTS):
        inside = np.flatnonzero(part != number)
        if y.ndim == 1 and len(np.unique(y[inside])) < 2:
            intercept[number, np.isin(classes, y[inside])] = 0.0
            continue
        head: Any = LogisticHead(pool_mean=center) if y.ndim == 1 else MultiLabelHead(pool_mean=center)
        linear = head.fit(X[inside], y[inside]).linear()
        columns = np.searchsorted(classes, linear.classes) if y.ndim == 1 else np.arange(len(classes))
        coef[number, columns], intercept[number, columns] = linear.coef, linear.intercept
    return Foreseen(coef, intercept, np.asarray(center, np.float32), np.array([y.ndim == 2]))


@dataclass(frozen=True, eq=False)
class Answered:
    """The answers to one question.

    Attributes
    ----------
    X : ndarray of float32, shape (n, d)
        Embeddings as they are stored.
    y : ndarray, shape (n,) of class ids, or of bool, shape (n, c)
        One class each, or several.
    ids : ndarray of int64, shape (n,)
        Of the samples: the same sample has the same one in every question.
    """

    X: NDArray[np.float32]
    y: NDArray[Any]
    ids: NDArray[np.int64]


def compare(
    asked: Answered,
    helper: Answered,
    center: NDArray[np.float32],
    groups: NDArray[np.int64] | None,
    rng: np.random.Generator,
) -> Help:
    """Compare a question's head with and without what another's foresee, label by label, on the same folds.

    What is held out is held out of both questions. Else it would leak: what heads foresee that were fitted without one
    label lies a little on the other side of it, and a head that learns this from some labels knows the others by it.

    Parameters
    ----------
    asked : Answered
        The question that may be helped; 50 labels at least.
    helper : Answered
        The question that may help it.
    center : ndarray of float32, shape (d,)
        The pool's mean.
    groups : ndarray of int64, shape (n,), or None
        Of the first question's labels what must not be torn apart, as pictures of one camera or event; -1 = on its own.
        None = nothing.
    rng : numpy.random.Generator
        Deals out the folds.

    Returns
    -------
    Help
        Intervals are those of paired differences; of groups, where there are any.

    Raises
    ------
    ValueError
        There are fewer than 50 labels.
    """
    n = len(asked.y)
    if n < ENOUGH_LABELS:
        raise ValueError(f"expected {ENOUGH_LABELS} labels or more, got {n}")
    own = np.arange(n) if groups is None else np.where(groups < 0, groups.max(initial=0) + 1 + np.arange(n), groups)
    _, member = np.unique(own, return_inverse=True)
    fold = rng.permutation(member.max() + 1)[member] % PARTS
    Z = finite_unit_rows(asked.X, center)
    judged = np.zeros((2, n)), np.zeros((2, n), np.bool_)
    for number in range(PARTS):
        inside, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        columns = _columns(asked, helper, center, inside, held_out)
        for way, W in enumerate((Z, np.hstack([Z, columns]))):
            loss, right = _judged(W[inside], asked.y[inside], W[held_out], asked.y[held_out])
            judged[0][way, held_out], judged[1][way, held_out] = loss, right
    (loss, loss_joined), (right, right_joined) = judged
    gain = _interval(right_joined.astype(float) - right, member)
    fell = _interval(loss - loss_joined, member)
    return Help(n, float(right.mean()), float(right_joined.mean()), *gain, *fell)


def _columns(
    asked: Answered,
    helper: Answered,
    center: NDArray[np.float32],
    inside: NDArray[np.intp],
    held_out: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return what is foreseen of all samples where nothing is known of those held out, on one scale: (n, c)."""
    kept = ~np.isin(helper.ids, asked.ids[held_out])
    try:
        told = foresee(helper.X[kept], helper.y[kept], center).apply(asked.X)
    except ValueError:  # too little is left
        return np.zeros((len(asked.X), 1), np.float32)
    deviation = np.maximum(told[inside].std(axis=0), np.float32(1e-6))
    columns = (told - told[inside].mean(axis=0)) / deviation / np.float32(np.sqrt(told.shape[1]))
    return np.asarray(columns, np.float32)


def _judged(
    Z: NDArray[np.float32], y: NDArray[Any], Z_held: NDArray[np.float32], y_held: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return each held-out label's log loss by a head fitted on the others, and whether it was right: (m,) both."""
    if not len(y_held) or len(np.unique(y, axis=0)) < 2:
        return np.full(len(y_held), -np.log(_LEAST)), np.zeros(len(y_held), np.bool_)
    center = np.zeros(Z.shape[1], np.float32)
    head: Any = LogisticHead(pool_mean=center) if y.ndim == 1 else MultiLabelHead(pool_mean=center)
    P = head.fit(Z, y).predict_proba(Z_held).astype(np.float64)
    if y.ndim == 2:
        chance = np.where(y_held, P, 1 - P)
        return -np.log(np.maximum(chance, _LEAST)).mean(axis=1), (chance > 0.5).all(axis=1)
    column = np.searchsorted(head.classes_, y_held).clip(max=P.shape[1] - 1)
    known = head.classes_[column] == y_held
    chance = np.where(known, P[np.arange(len(P)), column], 0.0)
    return -np.log(np.maximum(chance, _LEAST)), known & (P.argmax(axis=1) == column)


def _interval(differences: NDArray[np.float64], member: NDArray[np.intp]) -> tuple[float, float, float]:
    """Return a mean of paired differences and its 95 % interval, by groups that were held out together."""
    mean = float(differences.mean())
    sums = np.bincount(member, differences - mean)
    groups = len(sums)
    half = _SURE * float(np.sqrt(np.square(sums).sum() * groups / max(groups - 1, 1))) / len(differences)
    return mean, mean - half, mean + half
