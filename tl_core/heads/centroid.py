# ruff: noqa: N803 - matrices are X, Z, P and W here, as in scikit-learn
"""The head for the fewest labels: the nearest class mean. Imports scikit-learn: workers only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import unit_rows
from tl_core.heads.base import Float32, LinearClassifier


class CentroidHead(LinearClassifier):
    """Nearest centroid of centred unit vectors, by cosine.

    Probabilities are a softmax of ``scale * cosine``.

    Parameters
    ----------
    scale : float
        How fast probabilities follow the cosines, above 0.
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    temperature : float or None
        Divides the logits, above 0; None = found by cross-validation in every fit of 50 labels or more, else 1.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        Sorted class ids or keys.
    coef_ : ndarray of float32, shape (c, d)
        The centroids' directions times ``scale``. Without the temperature.
    intercept_ : ndarray of float32, shape (c,)
        Zeros.
    center_ : ndarray of float32, shape (d,)
    temperature_ : float

    References
    ----------
    Wang et al.: SimpleShot: revisiting nearest-neighbor classification for few-shot learning, arXiv 1911.04623.
    """

    def __init__(
        self, scale: float = 10.0, pool_mean: NDArray[Any] | None = None, temperature: float | None = None
    ) -> None:
        self.scale = scale
        self.pool_mean = pool_mean
        self.temperature = temperature

    def _weights(
        self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32
    ) -> tuple[Float32, Float32]:
        shares = np.where(codes == np.arange(len(classes))[:, None], weight, np.float32(0))
        directions = unit_rows(shares @ Z, np.zeros(Z.shape[1], np.float32))
        return np.float32(self.scale) * directions, np.zeros(len(classes), np.float32)
