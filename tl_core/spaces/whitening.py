# ruff: noqa: N806 - matrices are X and W here, as in scikit-learn
"""PCA-whitening fitted on the pool: fewer, uncorrelated dimensions of variance one."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tl_core import threads
from tl_core.spaces.maps import VectorMap


@dataclass(frozen=True, eq=False)
class Whitening(VectorMap):
    """A linear map that centres embeddings, turns them to the pool's main directions and scales these to variance one.

    Attributes
    ----------
    mean : ndarray of float32, shape (width,)
        Of the pool.
    projection : ndarray of float32, shape (width, dimension)
        Its main directions, by falling variance, each divided by the (regularised) standard deviation along it.
    variances : ndarray of float64, shape (dimension,)
        Of the pool along these directions, before regularising.
    """

    kind = "whitening"
    format = "whitening-1"

    mean: NDArray[np.float32]
    projection: NDArray[np.float32]
    variances: NDArray[np.float64]

    @property
    def width(self) -> int:
        """How many numbers an embedding has before."""
        return len(self.mean)

    @property
    def dimension(self) -> int:
        """How many dimensions are left."""
        return int(self.projection.shape[1])

    def affine(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the projection, and what the mean becomes."""
        return self.projection, np.asarray(-self.mean @ self.projection, np.float32)

    def _mapped(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((block - self.mean) @ self.projection, np.float32)


@dataclass(frozen=True)
class Moments:
    """What one pass over a pool tells of it.

    Attributes
    ----------
    n : int
        Rows.
    mean : ndarray of float64, shape (D,)
        Of the rows.
    scatter : ndarray of float64, shape (D, D)
        Sum of the outer products of the rows' differences from the mean.
    fourth : float
        Sum of the fourth powers of these differences' lengths.
    """

    n: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    fourth: float

    def shrinkage(self) -> float:
        """Return how far the covariance should be moved towards a multiple of the identity: 0 to 1.

        The share that minimises the expected squared error, estimated from the same rows: near 0 where there are many
        rows for each dimension, near 1 where there are few.

        References
        ----------
        Ledoit, Wolf: A well-conditioned estimator for large-dimensional covariance matrices, 2004.
        """
        covariance = self.scatter / max(self.n, 1)
        squared = float((covariance**2).sum())
        unlike = squared - float(np.trace(covariance)) ** 2 / len(covariance)  # how far from a multiple of the identity
        noise = (self.fourth / max(self.n, 1) - squared) / max(self.n, 1)
        return 1.0 if unlike <= 0 else float(np.clip(noise / unlike, 0, 1))


def fit(
    blocks: Iterable[NDArray[np.float32]],
    dimension: int,
    *,
    shrinkage: float | None = 0.0,
    epsilon: float = 1e-6,
) -> Whitening:
    """Fit on embeddings that are handed over block by block, in one pass; memory is D x D, not N x D.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, each of shape (n, D)
        The pool, in any cuts; those of `Vectors.blocks` for one. How it is cut changes rounding only.
    dimension : int
        How many directions to keep, at least 1, at most D and, without shrinkage, below the number of rows.
    shrinkage : float or None
        0 to 1: how far each variance is moved towards the mean variance of all D directions before dividing. More
        is safer where rows are few, for then small variances are underestimated. None = as the rows say, see
        `Moments.shrinkage`: then there may be fewer rows than dimensions.
    epsilon : float
        Variances below this share of the largest count as that much, so that directions in which the pool hardly
        differs are not blown up.

    Returns
    -------
    Whitening
        Each direction points to where its largest entry is positive, so that the same pool gives the same signs.

    Raises
    ------
    ValueError
        Blocks do not fit together or are not finite; too few rows, or all alike; an argument out of range.

    References
    ----------
    Kessy, Lewin, Strimmer: Optimal whitening and decorrelation, The American Statistician, 2018.
    """
    if dimension < 1 or not 0 <= (shrinkage or 0) <= 1 or not 0 < epsilon <= 1:
        raise ValueError("expected dimension of 1 or more, shrinkage from 0 to 1, epsilon above 0 and at most 1")
    with threads.single():
        measured = moments(blocks)
    share = measured.shrinkage() if shrinkage is None and measured.n else shrinkage or 0.0
    if measured.n <= (1 if share else dimension):
        raise ValueError(
            f"{measured.n} rows cannot be whitened to {dimension} dimensions: embed more, or keep below {measured.n}"
        )
    width = len(measured.mean)
    if dimension > width:
        raise ValueError(f"cannot whiten {width} dimensions to {dimension}: keep at most {width}")
    with threads.single():  # 0.4 s for 1,280 dimensions; two threads beside another busy process: 7 s
        ascending, vectors = np.linalg.eigh(measured.scatter / (measured.n - 1))
    variances = np.maximum(ascending[::-1], 0)
    # Equal rows leave rounding errors, not zeros.
    if variances[0] <= (np.finfo(np.float32).eps * np.abs(measured.mean).max(initial=0)) ** 2:
        raise ValueError("the rows are all alike: there is nothing to whiten")
    W = vectors[:, ::-1][:, :dimension]
    W = W * np.where(W[np.abs(W).argmax(axis=0), np.arange(dimension)] < 0, -1, 1)
    regular = (1 - share) * variances + share * variances.mean()
    regular = np.maximum(regular, epsilon * regular[0])[:dimension]
    return Whitening(measured.mean.astype(np.float32), (W / np.sqrt(regular)).astype(np.float32), variances[:dimension])


def moments(blocks: Iterable[NDArray[np.float32]]) -> Moments:
    """Return what one pass over embeddings tells of them.

    Sums are taken around the first block's mean, which is near enough for no digits to be lost in their difference.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, each of shape (n, D)
        The pool, in any cuts.

    Returns
    -------
    Moments
        In float64; of no rows and no dimensions where there are no rows.

    Raises
    ------
    ValueError
        Blocks do not fit together or are not finite.
    """
    n, origin, total, scatter, squares, weighted = 0, np.zeros(0), np.zeros(0), np.zeros((0, 0)), 0.0, np.zeros(0)
    for block in blocks:
        X = np.asarray(block, np.float64)
        if X.ndim != 2 or (n and X.shape[1] != len(origin)):
            raise ValueError(f"expected blocks of shape (n, {len(origin) or 'D'}), got {X.shape}")
        if not len(X):
            continue
        with np.errstate(invalid="ignore"):
            whole = np.isfinite(X.sum())  # as it is in float64 where all float32 values are
        if not whole:
            raise ValueError("embeddings are not finite")
        if not n:
            d = X.shape[1]
            origin, total, scatter, weighted = X.mean(axis=0), np.zeros(d), np.zeros((d, d)), np.zeros(d)
        X = X - origin
        lengths = np.einsum("ij,ij->i", X, X)
        total += X.sum(axis=0)
        scatter += X.T @ X
        squares += float(lengths @ lengths)
        weighted += lengths @ X
        n += len(X)
    off = total / max(n, 1)  # of the mean from the origin
    apart = float(off @ off)
    # The sum of (|x|^2 - 2 off.x + |off|^2)^2, multiplied out.
    fourth = squares + 4 * float(off @ scatter @ off) - 4 * float(off @ weighted) + 2 * apart * float(np.trace(scatter))
    fourth += n * apart**2 - 4 * apart * float(off @ total)
    scatter -= np.outer(total, total) / max(n, 1)
    return Moments(n, origin + off, scatter, max(fourth, 0.0))
