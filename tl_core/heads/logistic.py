# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""The default head: multinomial logistic regression on centred unit vectors. Imports scikit-learn: workers only."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.heads.base import Float32, LinearClassifier
from tl_core.heads.descent import cross_entropy, descend, one_hot, start_values
from tl_core.heads.plain import LinearHead


class LogisticHead(LinearClassifier):
    """Multinomial logistic regression, quick to refit after a few more labels.

    Minimises ``C * sum(weight * cross-entropy) + |coef|^2 / 2``, as scikit-learn's ``LogisticRegression`` does, by
    L-BFGS with float32 products. Fitting again starts from the last fit, also when classes came or went.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty, above 0.
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    start : LinearHead or None
        A head from an earlier round to start from where this object was not fitted before.
    max_iter : int
        Iterations of L-BFGS at most.
    tol : float
        Stops when no component of the mean loss's gradient exceeds this; beyond 1,000 labels it shrinks, so that a
        new label counts however many there are.
    logit_adjustment : float
        How much of the log of each class's share of the labels is taken off its logit: 0 leaves them, 1 treats all
        classes as equally frequent.
    temperature : float or None
        Divides the adjusted logits, above 0; None = found by cross-validation in every fit of 50 labels or more.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        Sorted class ids or keys.
    coef_ : ndarray of float32, shape (c, d)
        One row a class, also where there are one or two classes. As fitted: without adjustment and temperature.
    intercept_ : ndarray of float32, shape (c,)
        As ``coef_``.
    center_ : ndarray of float32, shape (d,)
    class_prior_ : ndarray of float32, shape (c,)
        Each class's share of the (weighted) labels.
    temperature_ : float
    n_iter_ : int
        Iterations used by the last fit of two classes or more.

    References
    ----------
    Menon et al.: Long-tail learning via logit adjustment, arXiv 2007.07314 (post-hoc).
    """

    def __init__(
        self,
        C: float = 30.0,
        pool_mean: NDArray[Any] | None = None,
        start: LinearHead | None = None,
        max_iter: int = 300,
        tol: float = 1e-4,
        logit_adjustment: float = 0.0,
        temperature: float | None = 1.0,
    ) -> None:
        self.C = C
        self.pool_mean = pool_mean
        self.start = start
        self.max_iter = max_iter
        self.tol = tol
        self.logit_adjustment = logit_adjustment
        self.temperature = temperature

    def linear(self) -> LinearHead:
        """Return the head as plain numbers, adjustment and temperature included; see `LinearClassifier.linear`."""
        plain = super().linear()
        taken_off = self.logit_adjustment * np.log(self.class_prior_) / np.float32(self.temperature_)
        return replace(plain, intercept=(plain.intercept - taken_off).astype(np.float32))

    def _weights(
        self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32
    ) -> tuple[Float32, Float32]:
        c = len(classes)
        start = start_values(Z, one_hot(codes, c), classes, self._last() or self.start)
        # For two classes scikit-learn fits one weight vector, we two of half its length: penalised twice they agree.
        C = self.C / 2 if c == 2 else self.C
        loss = cross_entropy(codes)
        coef, intercept, self.n_iter_ = descend(loss, Z, weight, start, C=C, tol=self.tol, max_iter=self.max_iter)
        return coef, intercept

    def _fit_units(self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32) -> None:
        super()._fit_units(Z, classes, codes, weight)
        self.class_prior_ = (np.bincount(codes, weight) / weight.sum(dtype=np.float64)).astype(np.float32)
