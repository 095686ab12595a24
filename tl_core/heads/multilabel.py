# ruff: noqa: N803, N806 - matrices are X, Y and Z here, as in scikit-learn
"""The head for questions with several right answers at once. Imports scikit-learn: workers only."""

from collections.abc import Collection, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from tl_core import threads
from tl_core.geometry import unit_rows
from tl_core.heads.base import Float32, centre_of, checked
from tl_core.heads.descent import descend, independent_cross_entropy, start_values
from tl_core.heads.plain import LinearHead

Answers = Sequence[Collection[Any]] | NDArray[Any]


def indicator(y: Answers, classes: ArrayLike | None = None) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Return which sample is of which classes.

    Parameters
    ----------
    y : sequence of n collections of class ids or keys, or ndarray of bool or 0/1, shape (n, c)
        A sample may be of no class.
    classes : array-like, shape (c,), or None
        Of the columns; None = those that occur or, for an array, 0 to c - 1.

    Returns
    -------
    ndarray of bool, shape (n, c), ndarray, shape (c,)
        The indicator and its classes.

    Raises
    ------
    ValueError
        There is no class, columns do not fit ``classes``, or an answer is not among them.
    """
    if isinstance(y, np.ndarray) and y.ndim == 2:
        columns = np.arange(y.shape[1]) if classes is None else np.asarray(classes)
        if len(columns) != y.shape[1] or not len(columns) or not np.isin(y, (0, 1)).all():
            raise ValueError(f"expected an indicator of 0 and 1 with a column for each class, got shape {y.shape}")
        return y.astype(bool), columns
    rows = [number for number, answer in enumerate(y) for _ in answer]
    given = [each for answer in y for each in answer]
    columns = np.unique(np.asarray(given if classes is None else classes))
    if not len(columns):
        raise ValueError("no sample is of any class: give the classes")
    unknown = set(given) - set(columns.tolist())
    if unknown:
        raise ValueError(f"an answer is of no class: {sorted(unknown)[:3]}")
    Y = np.zeros((len(y), len(columns)), bool)
    Y[rows, np.searchsorted(columns, np.asarray(given, columns.dtype))] = True
    return Y, columns


class MultiLabelHead(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """One logistic regression a class, each for itself; quick to refit after a few more labels.

    Minimises ``C * sum(weight * binary cross-entropy) + |coef|^2 / 2`` for each class, for all at once, by L-BFGS with
    float32 products. Fitting again starts from the last fit.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty, above 0.
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    classes : array-like, shape (c,), or None
        Ids or keys of all classes, ascending; None = those that occur.
    max_iter : int
        Iterations of L-BFGS at most.
    tol : float
        As for `tl_core.heads.logistic.LogisticHead`.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        Class ids or keys.
    coef_ : ndarray of float32, shape (c, d)
    intercept_ : ndarray of float32, shape (c,)
    center_ : ndarray of float32, shape (d,)
    n_iter_ : int
        Iterations used.
    """

    def __init__(
        self,
        C: float = 30.0,
        pool_mean: NDArray[Any] | None = None,
        classes: ArrayLike | None = None,
        max_iter: int = 300,
        tol: float = 1e-4,
    ) -> None:
        self.C = C
        self.pool_mean = pool_mean
        self.classes = classes
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: ArrayLike, y: Answers, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to labelled embeddings.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Embeddings, finite, ``n`` at least 1.
        y : sequence of n collections of class ids or keys, or ndarray of bool or 0/1, shape (n, c)
            Which classes each sample is of; none is an answer too.
        sample_weight : array-like, shape (n,), or None
            How much each label counts, 0 or more; None = 1 each.

        Returns
        -------
        MultiLabelHead
            This object.

        Raises
        ------
        ValueError
            Shapes disagree, nothing to fit, or a value is not finite.
        """
        X, weight = checked(X, len(y), sample_weight)
        Y, classes = indicator(y, self.classes)
        center = centre_of(X, self.pool_mean)
        Z = unit_rows(X, center)
        last = self.linear() if hasattr(self, "coef_") else None
        with threads.single():
            start = start_values(Z, Y, classes, last)
            loss = independent_cross_entropy(Y)
            coef, intercept, n_iter = descend(loss, Z, weight, start, C=self.C, tol=self.tol, max_iter=self.max_iter)
        self.classes_, self.center_, self.n_features_in_ = classes, center, X.shape[1]
        self.coef_, self.intercept_, self.n_iter_ = coef, intercept, n_iter
        return self

    def linear(self) -> LinearHead:
        """Return the head as plain numbers: to store it, or to score a pool. Raises NotFittedError before `fit`."""
        check_is_fitted(self, "coef_")
        return LinearHead(self.classes_, self.coef_, self.intercept_, self.center_, multilabel=True)

    def logits(self, X: Any) -> Float32:
        """Return logits of embeddings ``X`` (n, d): float32 (n, c). Raises as `Classifier.logits`."""
        return self.linear().logits(X)

    def predict_proba(self, X: Any) -> Float32:
        """Return each class's own probability for embeddings ``X`` (n, d): float32 (n, c); rows need not sum to 1."""
        return self.linear().predict_proba(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return an indicator of the classes whose probability is above a half: bool (n, c)."""
        return self.linear().predict(X)
