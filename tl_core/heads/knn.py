# ruff: noqa: N803 - matrices are X, Z, P and W here, as in scikit-learn
"""The nearest labelled samples vote. Imports scikit-learn: workers only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from tl_core.heads.base import Classifier, Float32
from tl_core.heads.plain import NearestHead


class KnnHead(Classifier):
    """The ``k`` labelled samples of the highest cosine vote, the nearer the more.

    Parameters
    ----------
    k : int
        How many vote, at least 1.
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    temperature : float or None
        Divides the logarithms of the votes, above 0; None = found by cross-validation in every fit of 50 labels or
        more, else 1.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        Sorted class ids or keys.
    vectors_ : ndarray of float32, shape (n, d)
        What was fitted on, centred and of length one.
    codes_ : ndarray of int32, shape (n,)
        Their classes, as positions in ``classes_``.
    weights_ : ndarray of float32, shape (n,)
    center_ : ndarray of float32, shape (d,)
    temperature_ : float

    References
    ----------
    Wu et al.: Unsupervised feature learning via non-parametric instance discrimination, arXiv 1805.01978.
    """

    def __init__(self, k: int = 10, pool_mean: NDArray[Any] | None = None, temperature: float | None = None) -> None:
        self.k = k
        self.pool_mean = pool_mean
        self.temperature = temperature

    def nearest(self) -> NearestHead:
        """Return the head as plain numbers: to store it, or to score a pool.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "vectors_")
        return NearestHead(
            self.classes_, self.vectors_, self.codes_, self.weights_, self.center_, self.k, self.temperature_
        )

    def logits(self, X: Any) -> Float32:
        """Return log shares of the vote, divided by the temperature; see `Classifier.logits`."""
        return self.nearest().logits(X)

    def _fit_units(self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, not {self.k}")
        self.vectors_, self.codes_, self.weights_ = Z, codes.astype(np.int32), weight
