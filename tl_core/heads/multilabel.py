# ruff: noqa: N803, N806 - matrices are X, Y and Z here, as in scikit-learn
"""The head for questions with several right answers at once. Imports scikit-learn: workers only.

Like the default head it also learns from what is not labelled: yes and no of each class spread over a graph of
neighbours, and what they and a plain regression say of samples without a label counts as labels do, with less weight.
What comes out is linear.
"""

from collections.abc import Collection, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from tl_core import threads
from tl_core.geometry import sigmoid, unit_rows
from tl_core.heads.base import Float32, centre_of, checked
from tl_core.heads.descent import descend, independent_cross_entropy, start_values
from tl_core.heads.plain import LinearHead
from tl_core.heads.transductive import BASE_C, MAX_ITER, SHARPENED, PoolGraph, Seating

_CERTAIN = 1e-4  # a probability: of what nobody labelled nothing is surer, docs/decisions/0038

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
    """One logistic regression a class, each for itself, on labels and on what is likely of samples without one.

    Minimises ``C * sum(weight * binary cross-entropy) + |coef|^2 / 2`` for each class, for all at once, by L-BFGS with
    float32 products. Fitting again starts from the last fit.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty, above 0.
    pool : PoolGraph or None
        Of the embeddings that the head is for, around ``pool_mean``; None = it learns from labels alone.
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    temperature : float
        Divides the logits, above 0.
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
        Without the temperature.
    intercept_ : ndarray of float32, shape (c,)
        As ``coef_``.
    center_ : ndarray of float32, shape (d,)
    n_iter_ : int
        Iterations used.
    """

    classes_: NDArray[Any]
    coef_: Float32
    intercept_: Float32
    center_: Float32

    def __init__(
        self,
        C: float = 30.0,
        pool: PoolGraph | None = None,
        pool_mean: NDArray[Any] | None = None,
        temperature: float = 1.0,
        classes: ArrayLike | None = None,
        max_iter: int = 300,
        tol: float = 1e-4,
    ) -> None:
        self.C = C
        self.pool = pool
        self.pool_mean = pool_mean
        self.temperature = temperature
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
            Shapes disagree, nothing to fit, or a value is not finite; a parameter is out of range.
        """
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"temperature must be above 0 and finite, not {self.temperature}")
        X, weight = checked(X, len(y), sample_weight)
        Y, classes = indicator(y, self.classes)
        center, kept = centre_of(X, self.pool_mean), weight > 0
        X, Y, weight = X[kept], Y[kept], weight[kept]
        Z, Q, tol, max_iter = unit_rows(X, center), Y.astype(np.float32), self.tol, self.max_iter
        last = LinearHead(self.classes_, self.coef_, self.intercept_, self.center_) if hasattr(self, "coef_") else None
        with threads.single():
            start = start_values(Z, Y, classes, last)
            if self.pool is not None:
                rows, likely = self._likely(self.pool, Z, Y, weight)
                Z, Q, weight = self.pool.joined(Z, Q, weight, rows, likely)
                tol, max_iter = 3 * tol, min(max_iter, MAX_ITER)
            loss = independent_cross_entropy(Q)
            coef, intercept, n_iter = descend(loss, Z, weight, start, C=self.C, tol=tol, max_iter=max_iter)
        self.classes_, self.center_, self.n_features_in_ = classes, center, X.shape[1]
        self.coef_, self.intercept_, self.n_iter_ = coef, intercept, n_iter
        return self

    def _likely(
        self, pool: PoolGraph, Z: Float32, Y: NDArray[np.bool_], weight: Float32
    ) -> tuple[NDArray[np.intp], Float32]:
        """Return nodes without a label, and how likely each class is at each, (m, c)."""
        if not hasattr(self, "_base"):
            self._seating = Seating()
            self._base = MultiLabelHead(C=BASE_C, tol=2 * self.tol)
        seats = self._seating.seats(pool, Z)
        rows = pool.unlabelled(seats)
        # All labels spread beside those that say yes: the rest of what arrives says no.
        spread = pool.spread(seats, np.hstack([Y, np.ones((len(Y), 1))]).astype(np.float32) * weight[:, None])[rows]
        base = self._base.set_params(pool_mean=np.zeros(Z.shape[1], np.float32)).fit(Z, Y, weight)
        # Few labels say yes to a rare class, and the plain regression hardly would: its odds are set against theirs.
        yes = (weight @ Y + np.float32(0.5)) / (weight.sum() + 1)
        told = sigmoid(base.logits(pool.Z[rows]) - np.log(yes / (1 - yes)))
        arrived = spread[:, -1:]
        likely = np.divide(spread[:, :-1], arrived, out=told.copy(), where=arrived > 0)
        likely = np.clip((likely + told) / 2, _CERTAIN, 1 - _CERTAIN)
        odds = (likely / (1 - likely)) ** np.float32(SHARPENED)
        return rows, odds / (1 + odds)

    def linear(self) -> LinearHead:
        """Return the head as plain numbers, temperature included: to store it, or to score a pool.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "coef_")
        scale = np.float32(1 / self.temperature)
        return LinearHead(self.classes_, self.coef_ * scale, self.intercept_ * scale, self.center_, multilabel=True)

    def logits(self, X: Any) -> Float32:
        """Return logits of embeddings ``X`` (n, d): float32 (n, c). Raises as `Classifier.logits`."""
        return self.linear().logits(X)

    def predict_proba(self, X: Any) -> Float32:
        """Return each class's own probability for embeddings ``X`` (n, d): float32 (n, c); rows need not sum to 1."""
        return self.linear().predict_proba(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return an indicator of the classes whose probability is above a half: bool (n, c)."""
        return self.linear().predict(X)
