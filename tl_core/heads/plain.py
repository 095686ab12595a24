# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Fitted heads as plain numbers: what is stored of a head, and all that predicting takes. Cheap to import."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tl_core.geometry import blocks, finite_unit_rows, rows_of, sigmoid, softmax

_BLOCK = 1024
_LABELLED_BLOCK = 4096
HALF = 0.5  # of several classes a sample, those as likely as this are said to be there


def scored(
    X: Any, center: NDArray[np.float32], columns: int, score: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Score embeddings block by block, so that a memory-mapped pool is never copied whole.

    Parameters
    ----------
    X : array-like or Vectors, shape (n, d)
        Embeddings.
    center : ndarray of float32, shape (d,)
        Subtracted before rows are scaled to length one.
    columns : int
        What ``score`` gives.
    score : callable
        From centred unit rows (m, d) to (m, columns).

    Returns
    -------
    ndarray of float32, shape (n, columns)
        Of all rows.

    Raises
    ------
    ValueError
        ``X`` is not (n, d), or a value is not finite.
    """
    X = rows_of(X)
    if len(X.shape) != 2 or X.shape[1] != len(center):
        raise ValueError(f"expected embeddings of shape (n, {len(center)}), got {X.shape}")
    out = np.empty((X.shape[0], columns), np.float32)
    for start, block in blocks(X, _BLOCK):
        out[start : start + len(block)] = score(finite_unit_rows(block, center))
    return out


def present(P: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Say which classes are there, where a sample may be of several and is of one at least.

    Parameters
    ----------
    P : ndarray, shape (n, c)
        Each class's own probability, ``c`` at least 1.

    Returns
    -------
    ndarray of bool, shape (n, c)
        Those as likely as not; where there is none, the likeliest.
    """
    named = P >= HALF
    silent = np.flatnonzero(~named.any(axis=1))
    named[silent, P[silent].argmax(axis=1)] = True
    return named


def all_right(P: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return for each row of probabilities (n, c) how likely it is that `present` is right in all classes: (n,).

    As if classes came independently. The least sure of its answers alone tells right from wrong less well (area under
    the curve .86 against .88, docs/decisions/0038).
    """
    product: NDArray[np.floating[Any]] = np.where(present(P), P, 1 - P).prod(axis=1)
    return product


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A fitted head that is linear on centred unit vectors. Gives the probabilities the fitted head gave.

    Attributes
    ----------
    classes : ndarray, shape (c,)
        Class ids (int64) or keys (str), in the order of the columns of the probabilities.
    coef : ndarray of float32, shape (c, d)
        Weights on centred unit vectors, with the head's temperature in them.
    intercept : ndarray of float32, shape (c,)
        Added to the logits, with the temperature and the adjustment to class frequencies in it.
    center : ndarray of float32, shape (d,)
        Subtracted from embeddings.
    meta : dict
        What was given to `tl_core.heads.files.save`.
    multilabel : bool
        Several classes may be right at once: each probability is a sigmoid of its own, and rows need not sum to 1.
    """

    classes: NDArray[Any]
    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    center: NDArray[np.float32]
    meta: dict[str, Any] = field(default_factory=dict)
    multilabel: bool = False

    def linear(self) -> Self:
        """Return itself, so that whoever asks a head for its linear form may ask this one too."""
        return self

    def logits(self, X: Any) -> NDArray[np.float32]:
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
        ValueError
            ``X`` is not (n, d), or a value is not finite.
        """
        return scored(X, self.center, len(self.classes), lambda Z: Z @ self.coef.T) + self.intercept

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Return class probabilities of embeddings ``X`` (n, d): float32 (n, c). Raises as `logits`."""
        return sigmoid(self.logits(X)) if self.multilabel else softmax(self.logits(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each embedding in ``X`` (n, d). Raises as `logits`.

        With ``multilabel`` an indicator instead: bool (n, c), where the probability is above a half.
        """
        logits = self.logits(X)
        return logits > 0 if self.multilabel else self.classes[logits.argmax(axis=1)]


@dataclass(frozen=True, eq=False)
class NearestHead:
    """A fitted head that is its labelled samples: the nearest ones vote, the nearer the more.

    Attributes
    ----------
    classes : ndarray, shape (c,)
        Class ids (int64) or keys (str), in the order of the columns of the probabilities.
    vectors : ndarray of float32, shape (m, d)
        Labelled embeddings, centred and of length one.
    codes : ndarray of int32, shape (m,)
        Their classes, as positions in ``classes``.
    weights : ndarray of float32, shape (m,)
        How much each counts, above 0.
    center : ndarray of float32, shape (d,)
        Subtracted from embeddings.
    k : int
        How many vote.
    temperature : float
        Divides the logits.
    meta : dict
        What was given to `tl_core.heads.files.save`.
    """

    classes: NDArray[Any]
    vectors: NDArray[np.float32]
    codes: NDArray[np.int32]
    weights: NDArray[np.float32]
    center: NDArray[np.float32]
    k: int
    temperature: float
    meta: dict[str, Any] = field(default_factory=dict)

    # A vote falls to 1/e for each .07 of cosine (Wu et al., arXiv 1805.01978). A hundredth of all votes is spread over
    # the classes, so that none is ever impossible and logarithms stay finite.
    REACH = 0.07
    SPREAD = 0.01

    def nearest(self) -> Self:
        """Return itself, as `LinearHead.linear` does."""
        return self

    def logits(self, X: Any) -> NDArray[np.float32]:
        """Return log shares of the vote, divided by the temperature: float32 (n, c). Raises as `LinearHead.logits`."""
        return scored(X, self.center, len(self.classes), self._logarithms)

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Return class probabilities of embeddings ``X`` (n, d): float32 (n, c). Raises as `LinearHead.logits`."""
        return softmax(self.logits(X))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each embedding in ``X`` (n, d). Raises as `LinearHead.logits`."""
        best: NDArray[Any] = self.classes[self.logits(X).argmax(axis=1)]
        return best

    def _logarithms(self, Z: NDArray[np.float32]) -> NDArray[np.float32]:
        cosines, near = self._voters(Z)
        votes = np.exp((cosines - cosines.max(axis=1, keepdims=True)) / self.REACH) * self.weights[near]
        c = len(self.classes)
        columns = np.arange(len(Z))[:, None] * c + self.codes[near]
        totals = np.bincount(columns.ravel(), votes.ravel(), len(Z) * c).reshape(len(Z), c)
        shares = totals / totals.sum(axis=1, keepdims=True)
        logarithms = np.log((1 - self.SPREAD) * shares + self.SPREAD / c)
        logits: NDArray[np.float32] = (logarithms / self.temperature).astype(np.float32)
        return logits

    def _voters(self, Z: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """Return the cosines and positions of the k labelled samples nearest to each row, in no order."""
        k = min(self.k, len(self.vectors))
        cosines, near = np.empty((len(Z), 0), np.float32), np.empty((len(Z), 0), np.intp)
        for start in range(0, len(self.vectors), _LABELLED_BLOCK):
            fresh = Z @ self.vectors[start : start + _LABELLED_BLOCK].T
            positions = np.broadcast_to(np.arange(start, start + fresh.shape[1]), fresh.shape)
            cosines, near = np.hstack([cosines, fresh]), np.hstack([near, positions])
            if cosines.shape[1] > k:
                best = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
                cosines, near = np.take_along_axis(cosines, best, 1), np.take_along_axis(near, best, 1)
        return cosines, near
