# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""A linear support vector machine on centred unit vectors. Imports scikit-learn: workers only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.heads.base import Float32, LinearClassifier
from tl_core.heads.descent import descend, one_hot, squared_hinge, start_values


class SvmHead(LinearClassifier):
    """One linear SVM a class against the rest, with the squared hinge, quick to refit after a few more labels.

    Minimises ``C * sum(weight * hinge^2) + |coef|^2 / 2`` for each class, as scikit-learn's ``LinearSVC`` does but with
    a free intercept. Fitting again starts from the last fit.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty, above 0.
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    temperature : float or None
        Divides the margins, above 0, to make logits of them; None = found by cross-validation in every fit of 50
        labels or more, else 1: margins by themselves are no logits.
    max_iter : int
        Iterations of L-BFGS at most.
    tol : float
        As for `tl_core.heads.logistic.LogisticHead`.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        Sorted class ids or keys.
    coef_ : ndarray of float32, shape (c, d)
        One row a class, also where there are one or two classes. Without the temperature.
    intercept_ : ndarray of float32, shape (c,)
        As ``coef_``.
    center_ : ndarray of float32, shape (d,)
    temperature_ : float
    n_iter_ : int
        Iterations used by the last fit of two classes or more.

    References
    ----------
    Fan et al.: LIBLINEAR: a library for large linear classification, 2008.
    """

    def __init__(
        self,
        C: float = 1.0,
        pool_mean: NDArray[Any] | None = None,
        temperature: float | None = None,
        max_iter: int = 300,
        tol: float = 1e-4,
    ) -> None:
        self.C = C
        self.pool_mean = pool_mean
        self.temperature = temperature
        self.max_iter = max_iter
        self.tol = tol

    def _weights(
        self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32
    ) -> tuple[Float32, Float32]:
        Y = one_hot(codes, len(classes))
        start = start_values(Z, Y, classes, self._last())
        loss = squared_hinge(Y)
        coef, intercept, self.n_iter_ = descend(loss, Z, weight, start, C=self.C, tol=self.tol, max_iter=self.max_iter)
        return coef, intercept
