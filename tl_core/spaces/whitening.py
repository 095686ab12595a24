# ruff: noqa: N803, N806 - matrices are X and W here, as in scikit-learn
"""PCA-whitening fitted on the pool: fewer, uncorrelated dimensions of variance one."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as arrays_to_bytes

from tl_core import threads
from tl_core.geometry import blocks
from tl_core.store.storage import Storage

_FORMAT = "whitening-1"
_ARRAYS = ("mean", "projection", "variances")
_CHUNK = 4096


class WhiteningCorrupt(Exception):
    """A whitening's file is not what was saved. The message names it; fit again."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """A linear map that centres embeddings, turns them to the pool's main directions and scales these to variance one.

    Attributes
    ----------
    mean : ndarray of float32, shape (D,)
        Of the pool.
    projection : ndarray of float32, shape (D, dimension)
        Its main directions, by falling variance, each divided by the (regularised) standard deviation along it.
    variances : ndarray of float64, shape (dimension,)
        Of the pool along these directions, before regularising.
    """

    mean: NDArray[np.float32]
    projection: NDArray[np.float32]
    variances: NDArray[np.float64]

    @property
    def dimension(self) -> int:
        """How many dimensions are left."""
        return int(self.projection.shape[1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal. Embeddings whitened under different digests must not be mixed."""
        sha256 = hashlib.sha256(_FORMAT.encode())
        for name in _ARRAYS:
            array = getattr(self, name)
            sha256.update(json.dumps([name, array.dtype.str, array.shape]).encode())
            sha256.update(np.ascontiguousarray(array).data)
        return sha256.hexdigest()

    def apply(self, X: Any) -> NDArray[np.float32]:
        """Whiten embeddings, a few thousand at a time, so that a memory-mapped pool is never copied whole.

        Parameters
        ----------
        X : array or Vectors of float32, shape (n, D)
            Not changed.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            Whitened.

        Raises
        ------
        ValueError
            Wrong shape, or a value that is not finite.
        """
        if len(X.shape) != 2 or X.shape[1] != len(self.mean):
            raise ValueError(f"expected embeddings of shape (n, {len(self.mean)}), got {X.shape}")
        out = np.empty((len(X), self.dimension), np.float32)
        for start, block in blocks(X, _CHUNK):
            rows = slice(start, start + len(block))
            with np.errstate(invalid="ignore", over="ignore"):
                np.matmul(np.asarray(block, np.float32) - self.mean, self.projection, out=out[rows])
            if not np.isfinite(out[rows]).all():
                raise ValueError("embeddings are not finite")
        return out

    def save(self, storage: Storage) -> str:
        """Write it as ``whitening-<digest>.safetensors``.

        Parameters
        ----------
        storage : Storage
            Where. The same whitening is the same file.

        Returns
        -------
        str
            The digest, for `load`.

        Raises
        ------
        OSError
            From writing.
        """
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}
        storage.write(_name(self.digest), arrays_to_bytes(arrays, {"format": _FORMAT}))
        return self.digest


def fit(
    blocks: Iterable[NDArray[np.float32]], dimension: int, *, shrinkage: float = 0.0, epsilon: float = 1e-6
) -> Whitening:
    """Fit on embeddings that are handed over block by block, in one pass; memory is D x D, not N x D.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, each of shape (n, D)
        The pool, in any cuts; those of `Vectors.blocks` for one. How it is cut changes rounding only.
    dimension : int
        How many directions to keep, at least 1, at most D and below the number of rows.
    shrinkage : float
        0 to 1: how far each variance is moved towards the mean variance of all D directions before dividing. More
        is safer where rows are few, for then small variances are underestimated.
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
    if dimension < 1 or not 0 <= shrinkage <= 1 or not 0 < epsilon <= 1:
        raise ValueError("expected dimension of 1 or more, shrinkage from 0 to 1, epsilon above 0 and at most 1")
    with threads.single():
        n, mean, scatter = _moments(blocks)
    if n <= dimension:
        raise ValueError(f"{n} rows cannot be whitened to {dimension} dimensions: embed more, or keep below {n}")
    if dimension > len(mean):
        raise ValueError(f"cannot whiten {len(mean)} dimensions to {dimension}: keep at most {len(mean)}")
    with threads.single():  # 0.4 s for 1,280 dimensions; two threads beside another busy process: 7 s
        ascending, vectors = np.linalg.eigh(scatter / (n - 1))
    variances = np.maximum(ascending[::-1], 0)
    # Equal rows leave rounding errors, not zeros.
    if variances[0] <= (np.finfo(np.float32).eps * np.abs(mean).max(initial=0)) ** 2:
        raise ValueError("the rows are all alike: there is nothing to whiten")
    W = vectors[:, ::-1][:, :dimension]
    W = W * np.where(W[np.abs(W).argmax(axis=0), np.arange(dimension)] < 0, -1, 1)
    regular = (1 - shrinkage) * variances + shrinkage * variances.mean()
    regular = np.maximum(regular, epsilon * regular[0])[:dimension]
    return Whitening(mean.astype(np.float32), (W / np.sqrt(regular)).astype(np.float32), variances[:dimension])


def load(storage: Storage, digest: str) -> Whitening:
    """Read a whitening.

    Parameters
    ----------
    storage : Storage
        As given to `Whitening.save`.
    digest : str
        As it returned.

    Returns
    -------
    Whitening
        Equal to the one saved.

    Raises
    ------
    FileNotFoundError
        There is none.
    OSError
        From fetching it.
    WhiteningCorrupt
        The file is damaged.
    """
    try:
        return _load(storage.local(_name(digest)).read_bytes(), digest)
    except WhiteningCorrupt:
        return _load(storage.local(_name(digest), fresh=True).read_bytes(), digest)  # a cached copy may be damaged


def _load(content: bytes, digest: str) -> Whitening:
    try:
        whitening = Whitening(**arrays_from_bytes(content))
        if whitening.digest == digest:
            return whitening
    except (SafetensorError, ValueError, TypeError) as error:
        raise WhiteningCorrupt(f"{_name(digest)} is damaged: {error}") from error
    raise WhiteningCorrupt(f"{_name(digest)} is damaged: its digest is {whitening.digest}")


def _name(digest: str) -> str:
    return f"whitening-{digest}.safetensors"


def _moments(blocks: Iterable[NDArray[np.float32]]) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Return the number of rows, their mean (D,) and their scatter around it (D, D), in float64.

    Sums are taken around the first block's mean, which is near enough for no digits to be lost in their difference.
    """
    n, origin, total, scatter = 0, np.zeros(0), np.zeros(0), np.zeros((0, 0))
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
            origin, total, scatter = X.mean(axis=0), np.zeros(X.shape[1]), np.zeros((X.shape[1], X.shape[1]))
        X = X - origin
        total += X.sum(axis=0)
        scatter += X.T @ X
        n += len(X)
    scatter -= np.outer(total, total) / max(n, 1)
    return n, origin + total / max(n, 1), scatter
