# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Labels that are probably wrong, by confident learning."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.heads.plain import HALF


@dataclass(frozen=True)
class LabelErrors:
    """Labels to look at again, the most suspicious first.

    Attributes
    ----------
    indices : ndarray of intp, shape (k,)
        Rows of what was given.
    suggested : ndarray of intp, shape (k,)
        The class that is more likely, as a column; of several a sample, the one that is missing or too many.
    margin : ndarray of float64, shape (k,)
        Probability of what was given less that of the likeliest other answer, -1..1; rising.
    self_confidence : ndarray of float64, shape (k,)
        Probability of what was given, 0..1.
    """

    indices: NDArray[np.intp]
    suggested: NDArray[np.intp]
    margin: NDArray[np.float64]
    self_confidence: NDArray[np.float64]


def find_label_errors(labels: ArrayLike, P: ArrayLike) -> LabelErrors:
    """Find labels that the head contradicts more firmly than its confidence in that class explains.

    A sample counts for a class where its probability reaches the mean over the samples labelled so: a class that the
    head is unsure of in general needs less. Candidates are those that count for another class than their label.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        Given classes, as columns of ``P``.
    P : array-like, shape (n, c)
        Probabilities *out of sample*: a head that was trained on a label believes it. Cross-validate.

    Returns
    -------
    LabelErrors
        Ranked by margin, then by position. A class with no label suggests nothing.

    Raises
    ------
    ValueError
        Shapes do not fit, labels are no columns of ``P``, or probabilities are not finite.

    References
    ----------
    Northcutt, Jiang, Chuang: Confident learning, arXiv 1911.00068.
    """
    given, P = np.asarray(labels), np.asarray(P, np.float64)
    if P.ndim != 2 or given.shape != (len(P),):
        raise ValueError(f"expected labels (n,) and probabilities (n, c), got {given.shape} and {P.shape}")
    if not np.isfinite(P).all():
        raise ValueError("probabilities are not finite")
    if len(P) == 0:
        return LabelErrors(np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0), np.empty(0))
    if not np.issubdtype(given.dtype, np.integer) or given.min() < 0 or given.max() >= P.shape[1]:
        raise ValueError(f"expected labels to be columns 0 to {P.shape[1] - 1} of the probabilities")
    counts = np.bincount(given, minlength=P.shape[1])
    own = P[np.arange(len(P)), given]
    sums = np.bincount(given, weights=own, minlength=P.shape[1])
    thresholds = np.divide(sums, counts, out=np.full(len(counts), np.inf), where=counts > 0)
    # A mean of equal numbers may come out a rounding error above them.
    counting = np.where(thresholds * (1 - 1e-12) <= P, P, -np.inf)
    suggested = counting.argmax(axis=1)
    others = P.copy()
    others[np.arange(len(P)), given] = -np.inf
    margin = own - others.max(axis=1)
    candidates = np.flatnonzero((counting.max(axis=1) > -np.inf) & (suggested != given))
    ranked = candidates[np.argsort(margin[candidates], kind="stable")]
    return LabelErrors(ranked, suggested[ranked], margin[ranked], own[ranked])


def find_set_errors(Y: ArrayLike, P: ArrayLike) -> LabelErrors:
    """Find classes that are missing from labels of several classes, or too many: each class's yes and no by itself.

    Parameters
    ----------
    Y : array-like of bool, shape (n, c)
        Which classes each sample was given.
    P : array-like, shape (n, c)
        Each class's own probability *out of sample*; NaN where the head knew nothing of the class.

    Returns
    -------
    LabelErrors
        Ranked by margin; a row for each class in doubt. Only what is less likely than not is doubted. Nor is a class
        too many that the head finds in none of the samples given it: there it is the head that errs.

    Raises
    ------
    ValueError
        Shapes do not fit, or a probability is infinite.

    References
    ----------
    As for `find_label_errors`.
    """
    given, P = np.asarray(Y, bool), np.asarray(P, np.float64)
    if P.ndim != 2 or given.shape != P.shape:
        raise ValueError(f"expected labels and probabilities (n, c), got {given.shape} and {P.shape}")
    of_classes = []
    for column in range(P.shape[1]):
        rows = np.flatnonzero(~np.isnan(P[:, column]))
        yes = P[rows, column]
        is_given = given[rows, column]
        errors = find_label_errors(is_given.astype(np.intp), np.stack([1 - yes, yes], axis=1))
        is_found = bool((yes[is_given] >= HALF).any())
        doubted = (errors.margin < 0) & (is_found | ~is_given[errors.indices])
        of_classes.append((rows[errors.indices[doubted]], errors.margin[doubted], errors.self_confidence[doubted]))
    lengths = [len(rows) for rows, *_ in of_classes]
    columns = np.repeat(np.arange(len(of_classes)), lengths)
    rows, margin, own = (np.concatenate([each[part] for each in of_classes] or [np.empty(0)]) for part in range(3))
    order = np.lexsort((columns, rows, margin))
    return LabelErrors(rows[order].astype(np.intp), columns[order].astype(np.intp), margin[order], own[order])
