"""Honest numbers about a head. Cheap to import."""

import numpy as np
from numpy.typing import ArrayLike


def binomial_interval(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a proportion: covers the truth at least as often as it says.

    Parameters
    ----------
    correct : int
        Successes, 0..n.
    n : int
        Trials; 0 gives (0, 1): nothing is known.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    tuple of float
        Lower and upper end, 0..1.

    Raises
    ------
    ValueError
        The counts or the confidence are out of range.

    References
    ----------
    Clopper, Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial, 1934.
    """
    if not 0 <= correct <= n or not 0 < confidence < 1:
        raise ValueError(f"expected 0 <= correct <= n and 0 < confidence < 1, got {correct}, {n}, {confidence}")
    from scipy.special import betaincinv  # here: the import costs more than numpy's

    tail = (1 - confidence) / 2
    low = 0.0 if correct == 0 else float(betaincinv(correct, n - correct + 1, tail))
    high = 1.0 if correct == n else float(betaincinv(correct + 1, n - correct, 1 - tail))
    return low, high


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
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    if true.ndim != 1 or true.shape != predicted.shape or len(true) == 0:
        raise ValueError(f"expected two equally long lists, got {true.shape} and {predicted.shape}")
    classes, codes = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    of_true, of_predicted = codes[: len(true)], codes[len(true) :]
    count = len(classes)
    hits = np.bincount(of_true[of_true == of_predicted], minlength=count)
    total = np.bincount(of_true, minlength=count) + np.bincount(of_predicted, minlength=count)
    return float(np.mean(2 * hits / total))
