# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""The default head: multinomial logistic regression on centred unit vectors. Imports scikit-learn: workers only.

Centring and normalising are SimpleShot's (Wang et al., arXiv 1911.04623); they make one C fit every featuriser.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from tl_core import threads
from tl_core.heads.files import LinearHead, softmax, unit_rows

# Length of the weight vector a class starts with. Fits with C = 30 end at 5 (few labels) to 20 (many); starting at the
# centroid with 5 measured about a tenth fewer iterations than starting at zero.
_START_LENGTH = 5.0


class LogisticHead(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
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
        Stops when no component of the mean loss's gradient exceeds this.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        Sorted class ids or keys.
    coef_ : ndarray of float32, shape (c, d)
        One row a class, also where there are one or two classes.
    intercept_ : ndarray of float32, shape (c,)
    center_ : ndarray of float32, shape (d,)
    n_iter_ : int
        Iterations used.
    """

    def __init__(
        self,
        C: float = 30.0,
        pool_mean: NDArray[Any] | None = None,
        start: LinearHead | None = None,
        max_iter: int = 300,
        tol: float = 1e-4,
    ) -> None:
        self.C = C
        self.pool_mean = pool_mean
        self.start = start
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to labelled embeddings.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Embeddings, finite, ``n`` at least 1.
        y : array-like, shape (n,)
            Class ids (int) or keys (str). One class alone is fine.
        sample_weight : array-like, shape (n,), or None
            How much each label counts, 0 or more; None = 1 each.

        Returns
        -------
        LogisticHead
            This object.

        Raises
        ------
        ValueError
            Shapes disagree, nothing to fit, or a value is not finite.
        """
        X, y, weight = self._checked(X, y, sample_weight)
        center = X.mean(axis=0) if self.pool_mean is None else np.asarray(self.pool_mean, np.float32)
        if center.shape != X.shape[1:]:
            raise ValueError(f"pool_mean has shape {center.shape}, the embeddings have {X.shape[1]} dimensions")
        Z = unit_rows(X, center)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) == 1:
            coef, intercept, n_iter = np.zeros((1, X.shape[1])), np.zeros(1), 0
        else:
            coef, intercept = self._start_values(classes, codes, Z)
            coef, intercept, n_iter = self._minimise(Z, codes, weight, coef, intercept)
        self.classes_, self.center_, self.n_iter_ = classes, center, n_iter
        self.coef_, self.intercept_ = coef.astype(np.float32), intercept.astype(np.float32)
        self.n_features_in_ = X.shape[1]
        return self

    def logits(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return logits of embeddings ``X`` (n, d): float32 (n, c), also for one or two classes.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            ``X`` is not (n, d).
        """
        check_is_fitted(self, "coef_")
        return self._linear().logits(X)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return logits as scikit-learn wants them: (n, c), but (n,), the second class's lead, for two classes."""
        logits = self.logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return class probabilities of embeddings ``X`` (n, d): float32 (n, c), rows sum to 1. Raises as `logits`."""
        return softmax(self.logits(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likeliest class of each embedding in ``X`` (n, d). Raises as `logits`."""
        best: NDArray[Any] = self.classes_[self.logits(X).argmax(axis=1)]
        return best

    def _linear(self) -> LinearHead:
        return LinearHead(self.classes_, self.coef_, self.intercept_, self.center_)

    @staticmethod
    def _checked(
        X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float32]]:
        X, y = np.asarray(X, dtype=np.float32), np.asarray(y)
        weight = np.ones(len(X), np.float32) if sample_weight is None else np.asarray(sample_weight, np.float32)
        if X.ndim != 2 or len(X) == 0 or y.shape != (len(X),) or weight.shape != (len(X),):
            raise ValueError(f"expected X (n, d), y (n,), sample_weight (n,); got {X.shape}, {y.shape}, {weight.shape}")
        if not np.isfinite(X).all():
            raise ValueError("an embedding is not finite")
        if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.sum() > 0):
            raise ValueError("sample weights must be finite, none negative, not all zero")
        return X, y, weight

    def _start_values(
        self, classes: NDArray[Any], codes: NDArray[np.intp], Z: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where L-BFGS starts: known classes where they were, new ones at their centroid."""
        counts = np.bincount(codes, minlength=len(classes))
        one_hot = (codes[None, :] == np.arange(len(classes))[:, None]).astype(np.float32)
        coef = (one_hot @ Z / counts[:, None]).astype(np.float64)
        coef *= _START_LENGTH / np.maximum(np.linalg.norm(coef, axis=1, keepdims=True), 1e-12)
        intercept = np.zeros(len(classes))
        last = self._linear() if hasattr(self, "coef_") else self.start
        # Class ids must be of one kind to be compared, and weights of another featuriser would mean nothing.
        if last is not None and last.classes.dtype.kind == classes.dtype.kind and last.coef.shape[1] == Z.shape[1]:
            _, here, there = np.intersect1d(classes, last.classes, return_indices=True)
            coef[here], intercept[here] = last.coef[there], last.intercept[there]
        return coef, intercept

    def _minimise(
        self,
        Z: NDArray[np.float32],
        codes: NDArray[np.intp],
        weight: NDArray[np.float32],
        coef: NDArray[np.float64],
        intercept: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        c, d = coef.shape
        rows = np.arange(len(Z))
        share = (weight / weight.sum(dtype=np.float64)).astype(np.float32)
        # For two classes scikit-learn fits one weight vector, we two of half its length: penalised twice they agree.
        penalty = (2.0 if c == 2 else 1.0) / (self.C * float(weight.sum(dtype=np.float64)))

        def loss_and_gradient(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            W = flat[: c * d].reshape(c, d)
            logits = Z @ W.T.astype(np.float32) + flat[c * d :].astype(np.float32)
            logits -= logits.max(axis=1, keepdims=True)
            P = np.exp(logits)
            total = P.sum(axis=1, keepdims=True)
            losses = np.log(total[:, 0]) - logits[rows, codes]
            P /= total
            P[rows, codes] -= 1
            P *= share[:, None]
            gradient = np.empty_like(flat)
            gradient[: c * d] = (P.T @ Z).ravel() + penalty * flat[: c * d]
            gradient[c * d :] = P.sum(axis=0)
            loss = float(np.dot(share.astype(np.float64), losses)) + 0.5 * penalty * float(np.vdot(W, W))
            return loss, gradient

        options = {"maxiter": self.max_iter, "gtol": self.tol, "ftol": 64 * np.finfo(float).eps, "maxls": 50}
        begin = np.concatenate([coef.ravel(), intercept])
        with threads.single():
            result = minimize(loss_and_gradient, begin, jac=True, method="L-BFGS-B", options=options)
        return result.x[: c * d].reshape(c, d), result.x[c * d :], int(result.nit)
