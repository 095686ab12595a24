# ruff: noqa: N803, N806 - matrices are X and Z here, as in scikit-learn
"""What one question's head foresees, as input to another's: made without leaks, and kept only where it helps.

A sample that teaches the helping question must not be told what it taught: its helper would be surer of it than of any
other. So there are several heads, each fitted without one part of the labels; which of them speaks about a sample is
decided by the sample's own embedding, labelled or not. Imports scikit-learn: workers only.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import finite_unit_rows, softmax
from tl_core.heads.logistic import LogisticHead
from tl_core.heads.multilabel import MultiLabelHead
from tl_core.spaces.maps import VectorMap

PARTS = 5
ENOUGH_LABELS = 50  # of each question
_LOWEST = -8.0  # a logarithm of a probability: what is impossible must not outweigh all else
_UNKNOWN = -12.0  # the logit of a class that a part's head was never taught
_HASHED = 32  # columns that say which part an embedding belongs to
_LEAST = 1e-3  # a probability: one label that nothing could know must not decide
_SURE = 1.96  # standard errors


@dataclasses.dataclass(frozen=True, eq=False)
class Foreseen(VectorMap):
    """What heads of one question foresee of an embedding: a logarithm a class.

    Attributes
    ----------
    coef : ndarray of float32, shape (parts, c, d)
        Of each part's head, fitted without the labels of that part.
    intercept : ndarray of float32, shape (parts, c)
        As ``coef``.
    center : ndarray of float32, shape (d,)
        Subtracted from embeddings, which are then scaled to length one.
    several : ndarray of bool, shape (1,)
        Whether a sample may have several classes: then each logarithm is that of its own chances.
    """

    kind: ClassVar[str] = "foreseen"
    format: ClassVar[str] = "foreseen-1"

    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    center: NDArray[np.float32]
    several: NDArray[np.bool_]

    @property
    def width(self) -> int:
        """How many numbers an embedding has."""
        return len(self.center)

    @property
    def dimension(self) -> int:
        """How many classes the question has."""
        return int(self.intercept.shape[1])

    def _mapped(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        part, Z = parts_of(block, len(self.coef)), finite_unit_rows(block, self.center)
        logits = np.empty((len(Z), self.dimension), np.float32)
        for number in range(len(self.coef)):
            rows = np.flatnonzero(part == number)
            logits[rows] = Z[rows] @ self.coef[number].T + self.intercept[number]
        if self.several[0]:
            return np.clip(logits, _LOWEST, -_LOWEST).astype(np.float32)
        return np.log(np.maximum(softmax(logits), np.float32(np.exp(_LOWEST)))).astype(np.float32)


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


def parts_of(X: NDArray[np.float32], parts: int = PARTS) -> NDArray[np.intp]:
    """Return which part each embedding belongs to: always the same one, and as good as drawn.

    Parameters
    ----------
    X : ndarray of float32, shape (n, d)
        Embeddings as they are stored.
    parts : int
        How many there are.

    Returns
    -------
    ndarray of intp, shape (n,)
        0 to ``parts`` - 1.
    """
    bits = np.ascontiguousarray(X[:, :_HASHED], np.float32).view(np.uint32).astype(np.uint64)
    factors = np.random.default_rng(0).integers(1, 2**62, bits.shape[1], np.uint64) | np.uint64(1)
    mixed = (bits * factors).sum(axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(33)
    mixed *= np.uint64(0xFF51AFD7ED558CCD)
    belongs: NDArray[np.intp] = ((mixed >> np.uint64(40)) % np.uint64(parts)).astype(np.intp)
    return belongs


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
    intercept = np.full((PARTS, len(classes)), _UNKNOWN, np.float32)
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
