# ruff: noqa: N803, N806 - matrices are X and W here, as in scikit-learn
"""Take out of embeddings what tells cameras apart and little else: place and lens are not the animal."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core import threads
from tl_core.spaces.maps import VectorMap
from tl_core.spaces.whitening import moments

LEAST_ROWS = 5  # of a camera: the mean of fewer says more of the pictures than of the camera
LEAST_CAMERAS = 2


@dataclass(frozen=True, eq=False)
class CameraProjection(VectorMap):
    """A linear map that takes some directions' share out of embeddings and leaves the rest as it is.

    Attributes
    ----------
    mean : ndarray of float32, shape (width,)
        Of the pool: what stays where it is.
    readout : ndarray of float32, shape (width, k)
        How much of each direction an embedding holds.
    directions : ndarray of float32, shape (k, width)
        What is taken out, by that much.
    ratios : ndarray of float64, shape (k,)
        Along each direction, the variance between cameras divided by the one within them, falling.
    """

    kind = "cameras"
    format = "cameras-1"

    mean: NDArray[np.float32]
    readout: NDArray[np.float32]
    directions: NDArray[np.float32]
    ratios: NDArray[np.float64]

    @property
    def width(self) -> int:
        """How many numbers an embedding has."""
        return len(self.mean)

    @property
    def dimension(self) -> int:
        """The same: nothing is dropped."""
        return len(self.mean)

    def affine(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what takes the directions out, and what it takes out of the mean."""
        held = self.readout @ self.directions
        return np.asarray(np.eye(self.width) - held, np.float32), np.asarray(self.mean @ held, np.float32)

    def _mapped(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        held = (block - self.mean) @ self.readout
        return np.asarray(block - held @ self.directions, np.float32)


def fit(X: NDArray[np.float32], cameras: ArrayLike, *, least: float = 0.5, most: int = 32) -> CameraProjection:
    """Find the directions in which cameras differ far more than pictures of one camera do.

    What differs within cameras too, as classes do that several cameras see, is kept: a direction counts by the ratio
    of the variance between the cameras' means to the variance within cameras, and what is taken out along it is what
    the others do not share with it (an oblique projection, orthogonal in the metric of the variance within cameras).

    Parameters
    ----------
    X : ndarray of float32, shape (n, D)
        Embeddings of a sample of the pool, all cameras mixed.
    cameras : array-like of int, shape (n,)
        Which camera took each; below 0 = unknown, which counts for nothing.
    least : float
        The smallest ratio, above 0. At 0.5 a third of a direction's variance is the cameras'.
    most : int
        Directions at most, 1 or more.

    Returns
    -------
    CameraProjection
        Where nothing tells cameras apart that clearly, the map of no directions, which changes nothing.

    Raises
    ------
    ValueError
        Shapes disagree, embeddings are not finite, an argument is out of range, or there are fewer than two cameras
        with five pictures each.

    References
    ----------
    Solomonoff, Campbell, Boardman: Advances in channel compensation for SVM speaker recognition, 2005 (nuisance
    attribute projection). FINO, arXiv 2606.05107, for why what cameras differ in should not be in the features.
    """
    camera = np.asarray(cameras)
    if X.ndim != 2 or camera.shape != (len(X),) or least <= 0 or most < 1:
        raise ValueError(f"expected X (n, D), cameras (n,), least above 0, most from 1; got {X.shape}, {camera.shape}")
    keys, codes, counts = np.unique(camera, return_inverse=True, return_counts=True)
    used = np.flatnonzero((keys >= 0) & (counts >= LEAST_ROWS))
    if len(used) < LEAST_CAMERAS:
        raise ValueError(f"{len(used)} cameras have {LEAST_ROWS} pictures or more: two are needed to compare them")
    with threads.single():
        means = np.stack([X[codes == each].mean(axis=0, dtype=np.float64) for each in used])
        within = moments((X[codes == each] - mean).astype(np.float32) for each, mean in zip(used, means, strict=True))
        if not within.scatter.any():
            raise ValueError("the pictures of each camera are all alike: nothing tells what cameras differ in besides")
        total = (counts[used] / within.n) @ means
        inverse, root = _roots(within.scatter / within.n, within.shrinkage())
        offsets = np.sqrt(counts[used] / within.n)[:, None] * (means - total)
        _, strength, V = np.linalg.svd(offsets @ inverse, full_matrices=False)
    # A camera's mean of m independent pictures varies by a share of 1 / m even where cameras do not differ.
    ratios = strength**2 - len(used) / within.n
    kept = np.flatnonzero(ratios >= least)[: min(most, len(used) - 1)]
    directions = V[kept]
    return CameraProjection(
        total.astype(np.float32),
        (inverse @ directions.T).astype(np.float32),
        (directions @ root).astype(np.float32),
        ratios[kept],
    )


def _roots(covariance: NDArray[np.float64], shrinkage: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the inverse root and the root of the shrunk covariance, each (D, D)."""
    values, W = np.linalg.eigh(covariance)
    values = np.maximum(values, 0)
    regular = (1 - shrinkage) * values + shrinkage * values.mean()
    regular = np.sqrt(np.maximum(regular, 1e-6 * max(float(regular.max()), np.finfo(np.float64).tiny)))
    return (W / regular) @ W.T, (W * regular) @ W.T
