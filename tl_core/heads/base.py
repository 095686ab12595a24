# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""What all heads share. Imports scikit-learn: workers only.

Every head sees embeddings centred on the pool's mean and scaled to length one: SimpleShot's transformation (Wang et
al., arXiv 1911.04623), which makes one set of parameters fit every featuriser.
"""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from tl_core import threads
from tl_core.geometry import softmax, unit_rows
from tl_core.heads.plain import LinearHead

Float32 = NDArray[np.float32]


def checked(X: ArrayLike, n_labels: int, sample_weight: ArrayLike | None) -> tuple[Float32, Float32]:
    """Return embeddings and weights as float32, or say what is wrong with them.

    Parameters
    ----------
    X : array-like, shape (n, d)
        Embeddings.
    n_labels : int
        How many labels came with them.
    sample_weight : array-like, shape (n,), or None
        None = 1 each.

    Returns
    -------
    ndarray of float32, shape (n, d), ndarray of float32, shape (n,)
        Finite.

    Raises
    ------
    ValueError
        Shapes disagree, there is nothing to fit, or a value is not finite.
    """
    X = np.asarray(X, dtype=np.float32)
    weight = np.ones(len(X), np.float32) if sample_weight is None else np.asarray(sample_weight, np.float32)
    if X.ndim != 2 or len(X) == 0 or n_labels != len(X) or weight.shape != (len(X),):
        raise ValueError(
            f"expected X (n, d), n labels and sample_weight (n,); got {X.shape}, {n_labels} labels and {weight.shape}"
        )
    if not np.isfinite(X).all():
        raise ValueError("an embedding is not finite")
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.sum() > 0):
        raise ValueError("sample weights must be finite, none negative, not all zero")
    return X, weight


def centre_of(X: Float32, pool_mean: ArrayLike | None) -> Float32:
    """Return ``pool_mean`` (d,) or, where it is None, the mean of ``X`` (n, d). ValueError where it does not fit."""
    center: Float32 = X.mean(axis=0) if pool_mean is None else np.asarray(pool_mean, np.float32)
    if center.shape != X.shape[1:] or not np.isfinite(center).all():
        raise ValueError(f"pool_mean has shape {center.shape}, expected {X.shape[1]} finite numbers")
    return center


class Classifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier of embeddings; heads say how centred unit vectors are fitted and scored.

    Parameters
    ----------
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    temperature : float or None
        Divides the logits, above 0; None = found by cross-validation in every fit of 50 labels or more, else 1.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        Sorted class ids or keys.
    center_ : ndarray of float32, shape (d,)
        What was subtracted.
    temperature_ : float
        What the logits are divided by.
    """

    pool_mean: NDArray[Any] | None
    temperature: float | None

    @property
    def takes_weights(self) -> bool:
        """Whether labels may count differently in `fit`."""
        return True

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to labelled embeddings.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Embeddings, finite, ``n`` at least 1.
        y : array-like, shape (n,)
            Class ids (int) or keys (str). One class alone is fine.
        sample_weight : array-like, shape (n,), or None
            How much each label counts, 0 (as if it were not there) or more; None = 1 each.

        Returns
        -------
        Classifier
            This object.

        Raises
        ------
        ValueError
            Shapes disagree, nothing to fit, or a value is not finite; a parameter is out of range.
        """
        y = np.asarray(y)
        if y.ndim != 1:
            raise ValueError(f"expected one class a sample, y of shape (n,); got {y.shape}")
        if self.temperature is not None and not 0 < self.temperature < np.inf:
            raise ValueError(f"temperature must be above 0 and finite, not {self.temperature}")
        X, weight = checked(X, len(y), sample_weight)
        center = centre_of(X, self.pool_mean)
        kept = weight > 0
        if not kept.all():
            X, y, weight = X[kept], y[kept], weight[kept]
        classes, codes = np.unique(y, return_inverse=True)
        with threads.single():
            self._fit_units(unit_rows(X, center), classes, codes, weight)
        self.classes_, self.center_, self.n_features_in_ = classes, center, X.shape[1]
        self.temperature_ = self._best_temperature(X, y, weight) if self.temperature is None else self.temperature
        return self

    @abstractmethod
    def _fit_units(self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32) -> None:
        """Fit to centred unit rows ``Z`` (n, d); ``codes`` (n,) are positions in ``classes``. Weights are above 0.

        ``classes_`` and ``center_`` still are those of the last fit, if there was one.
        """

    @abstractmethod
    def logits(self, X: Any) -> Float32:
        """Return logits of embeddings.

        Parameters
        ----------
        X : array-like or Vectors, shape (n, d)
            Embeddings, scored block by block.

        Returns
        -------
        ndarray of float32, shape (n, c)
            One column a class, also where there are one or two.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            ``X`` is not (n, d), or a value is not finite.
        """

    def predict_proba(self, X: Any) -> Float32:
        """Return class probabilities of embeddings ``X`` (n, d): float32 (n, c), rows sum to 1. Raises as `logits`."""
        return softmax(self.logits(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each embedding in ``X`` (n, d). Raises as `logits`."""
        logits = self.logits(X)
        best: NDArray[Any] = self.classes_[logits.argmax(axis=1)]
        return best

    def _best_temperature(self, X: Float32, y: NDArray[Any], weight: Float32) -> float:
        from tl_core.heads import calibration  # it fits heads, so it comes after them

        return calibration.cross_validated_temperature(self, X, y, sample_weight=weight)


class LinearClassifier(Classifier):
    """A head whose logits are linear in the centred unit vectors.

    Attributes
    ----------
    coef_ : ndarray of float32, shape (c, d)
        One row a class, also where there are one or two classes. Without the temperature.
    intercept_ : ndarray of float32, shape (c,)
        As ``coef_``.
    """

    coef_: Float32
    intercept_: Float32

    def linear(self) -> LinearHead:
        """Return the head as plain numbers, temperature included: to store it, or to score a pool fast.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "coef_")
        scale = np.float32(1 / self.temperature_)
        return LinearHead(self.classes_, self.coef_ * scale, self.intercept_ * scale, self.center_)

    def logits(self, X: Any) -> Float32:
        """Return logits of embeddings; see `Classifier.logits`."""
        return self.linear().logits(X)

    @abstractmethod
    def _weights(
        self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32
    ) -> tuple[Float32, Float32]:
        """Return weights (c, d) and intercepts (c,) for two classes or more; see `Classifier._fit_units`."""

    def _fit_units(self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32) -> None:
        if len(classes) == 1:
            self.coef_, self.intercept_ = np.zeros((1, Z.shape[1]), np.float32), np.zeros(1, np.float32)
        else:
            self.coef_, self.intercept_ = self._weights(Z, classes, codes, weight)

    def decision_function(self, X: Any) -> Float32:
        """Return logits as scikit-learn wants them: (n, c), but (n,), the second class's lead, for two classes."""
        logits = self.logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def _last(self) -> LinearHead | None:
        """The last fit as it was found, without temperature, to start from; None before the first."""
        if not hasattr(self, "coef_"):
            return None
        return LinearHead(self.classes_, self.coef_, self.intercept_, self.center_)
