# ruff: noqa: N803, N806 - matrices are X here, as in scikit-learn
"""Which parts of an embedding a head should see, and how much of each: by cross-validation. For workers.

Where pictures are like those a network was trained on, intermediate levels drown its last layer; where they are far
from them, the last layer has forgotten what matters. Labels tell which it is from some fifty on: docs/transfer.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENOUGH_LABELS = 50
MOST_LABELS = 3000  # more decide no better, and fits take longer
FOLDS = 5
_LEAST = 1e-3  # a probability: one label that nothing could know must not decide


@dataclass(frozen=True, eq=False)
class Weighed:
    """What cross-validation said of candidates.

    Attributes
    ----------
    chosen : int
        The candidate to take: the first, unless another one's loss is lower by more than a standard error of the
        difference.
    losses : ndarray of float64, shape (k,)
        Each candidate's mean log loss on held-out labels.
    accuracies : ndarray of float64, shape (k,)
        Share of held-out labels that were right, in all their classes.
    errors : ndarray of float64, shape (k,)
        Standard error of each candidate's lead in loss over the first; 0 for that one.
    """

    chosen: int
    losses: NDArray[np.float64]
    accuracies: NDArray[np.float64]
    errors: NDArray[np.float64]


def weigh(
    candidates: Sequence[NDArray[np.float32]],
    y: NDArray[Any],
    centres: Sequence[NDArray[np.float32]],
    groups: NDArray[np.int64] | None,
    rng: np.random.Generator,
) -> Weighed:
    """Compare ways of reading the same embeddings, on the same folds.

    Parameters
    ----------
    candidates : sequence of ndarray of float32, shapes (n, d_i)
        The labelled samples, each way; the first is the one to keep unless there is reason.
    y : ndarray, shape (n,) of ids, or of bool, shape (n, c)
        One class each, or several.
    centres : sequence of ndarray of float32, shape (d_i,)
        The pool's mean, each way.
    groups : ndarray of int64, shape (n,), or None
        What must not be torn apart, as pictures of one camera or event; -1 = on its own. None = nothing.
    rng : numpy.random.Generator
        Deals out the folds, and draws labels where there are more than 3,000.

    Returns
    -------
    Weighed
        The first is chosen below 50 labels.

    Raises
    ------
    ValueError
        From fitting.
    """
    n, k = len(y), len(candidates)
    if n < ENOUGH_LABELS or k == 1:
        return Weighed(0, np.zeros(k), np.zeros(k), np.zeros(k))
    kept = np.sort(rng.permutation(n)[:MOST_LABELS])
    y, groups = y[kept], None if groups is None else groups[kept]
    fold = folds(len(kept), groups, rng)
    judged = [_judged(X[kept], y, centre, fold) for X, centre in zip(candidates, centres, strict=True)]
    losses = np.stack([loss for loss, _ in judged])
    leads = losses[0] - losses
    errors = leads.std(axis=1, ddof=1) / np.sqrt(len(kept))
    means = leads.mean(axis=1)
    best = int(means.argmax())
    chosen = best if means[best] > errors[best] else 0
    return Weighed(chosen, losses.mean(axis=1), np.array([right.mean() for _, right in judged]), errors)


def folds(n: int, groups: NDArray[np.int64] | None, rng: np.random.Generator) -> NDArray[np.intp]:
    """Deal samples out to folds of about equal size, whole groups each.

    Parameters
    ----------
    n : int
        Samples.
    groups : ndarray of int64, shape (n,), or None
        As for `weigh`.
    rng : numpy.random.Generator
        Shuffles.

    Returns
    -------
    ndarray of intp, shape (n,)
        0 to `FOLDS` - 1.
    """
    own = np.arange(n) if groups is None else np.where(groups < 0, groups.max(initial=0) + 1 + np.arange(n), groups)
    _, member, sizes = np.unique(own, return_inverse=True, return_counts=True)
    fold_of = np.empty(len(sizes), np.intp)
    filled = np.zeros(FOLDS)
    shuffled = rng.permutation(len(sizes))
    # The largest first, each to the emptiest: sizes come out as even as groups allow.
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[member]


def _judged(
    X: NDArray[np.float32], y: NDArray[Any], centre: NDArray[np.float32], fold: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each label's log loss by a head that was fitted without its fold, and whether it was right: (n,) both."""
    # Here: every process of a site imports this module, and few scikit-learn.
    from tl_core.heads.logistic import LogisticHead
    from tl_core.heads.multilabel import MultiLabelHead

    losses, right = np.full(len(y), -np.log(_LEAST)), np.zeros(len(y), np.bool_)
    for number in range(FOLDS):
        inside, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if not len(held_out) or len(np.unique(y[inside], axis=0)) < 2:
            continue
        # A new one each time: one that is fitted again starts from labels that are held out here.
        head: Any = LogisticHead(pool_mean=centre) if y.ndim == 1 else MultiLabelHead(pool_mean=centre)
        P = head.fit(X[inside], y[inside]).predict_proba(X[held_out])
        if y.ndim == 2:
            own = np.where(y[held_out], P, 1 - P)
            losses[held_out] = -np.log(np.maximum(own, _LEAST, dtype=np.float64)).mean(axis=1)
            right[held_out] = (own > 0.5).all(axis=1)
            continue
        columns = np.searchsorted(head.classes_, y[held_out]).clip(max=P.shape[1] - 1)
        known = head.classes_[columns] == y[held_out]
        own = np.where(known, P[np.arange(len(P)), columns], 0.0)
        losses[held_out] = -np.log(np.maximum(own, _LEAST, dtype=np.float64))
        right[held_out] = known & (P.argmax(axis=1) == columns)
    return losses, right
