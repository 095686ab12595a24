# ruff: noqa: N803, N806 - matrices are X, Z, P, Q and F here
"""The default head: logistic regression that also learns from what is not labelled. Imports scikit-learn: workers only.

Labels spread over a graph of neighbours among a sample of the pool (label propagation); what they and a plain
regression say about samples without a label then counts as labels do, with less weight. What comes out is linear: it
scores a pool in one pass and is stored like any other linear head.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array, diags_array

from tl_core import threads
from tl_core.geometry import unit_rows
from tl_core.heads.base import Float32, LinearClassifier
from tl_core.heads.descent import descend, one_hot, soft_cross_entropy, start_values
from tl_core.heads.logistic import LogisticHead
from tl_core.spaces import whitening
from tl_core.spaces.neighbours import graph, nearest
from tl_core.spaces.whitening import Whitening

# What follows was chosen on clothing10, grocery81 and a long-tailed popular_animals22: docs/decisions/0011.
NODES = 6000
_NEIGHBOURS = 10
_POWER = 3  # a link weighs its cosine to this power
_DIMENSIONS, _SHRINKAGE = 512, 0.5  # of the whitening
_ALPHA = 0.95  # how far labels spread: the share a node takes from its neighbours
_ITERATIONS = 15
BASE_C, _BASE_ADJUSTMENT = 300.0, 0.5
_PSEUDO_ROWS = 1500
_PSEUDO_WEIGHT = 1.5  # of all samples without a label together, as a multiple of the labels'
SHARPENED = 2.0
MAX_ITER = 40
_TINY = np.float32(1e-30)
_SAME = 1 - 1e-5  # a cosine above this is the same embedding
# How a graph comes about: one that was kept is another graph where any of this has changed.
GRAPH_FORMAT = f"graph-1 {NODES} {_NEIGHBOURS} {_POWER} {_DIMENSIONS} {_SHRINKAGE}"
_LINKS = ("data", "indices", "indptr")


class PoolGraph:
    """A sample of the pool and who is near whom in it: built once a pool, used by every fit. Not to be changed.

    Cosines are taken between whitened unit vectors: plain ones are ruled by the few directions in which the pool varies
    most (macro-F1 of propagation alone .42 with them, .47 whitened, on grocery81 at 300 random labels).

    Parameters
    ----------
    X : ndarray or Vectors, shape (n, d)
        The pool, finite; ``n`` at least 2.
    center : ndarray of float32, shape (d,)
        Its mean.
    rng : numpy.random.Generator
        Draws the sample.
    nodes : int
        How many samples at most.

    Attributes
    ----------
    Z : ndarray of float32, shape (m, d)
        The sample's centred unit vectors, in random order.
    """

    def __init__(self, X: Any, center: Float32, rng: np.random.Generator, nodes: int = NODES) -> None:
        n, d = X.shape
        if n < 2:
            raise ValueError("a graph needs at least two embeddings")
        self.Z = unit_rows(X[rng.permutation(n)[:nodes]], center)
        with threads.single():
            self._whitening: Whitening | None = None
            try:
                dimensions = min(_DIMENSIONS, d, len(self.Z) - 1)
                self._whitening = whitening.fit([self.Z], dimensions, shrinkage=_SHRINKAGE)
            except ValueError:
                pass  # all alike: plain cosines tell as much
            self._W = self._whitened(self.Z)
            links = graph(self._W, _NEIGHBOURS, np.zeros(self._W.shape[1], np.float32))
        links.data **= _POWER
        self._links = links + links.T

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that it consists of, by name: for a file. See `of`."""
        links = {name: getattr(self._links, name) for name in _LINKS}
        return {"Z": self.Z, "W": self._W} | links | ({} if self._whitening is None else self._whitening.arrays)

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the graph that consists of these `arrays`: it does what the one does that gave them."""
        self = cls.__new__(cls)
        self.Z, self._W = arrays["Z"], arrays["W"]
        data, indices, indptr = (arrays[name] for name in _LINKS)
        self._links = csr_array((data, indices, indptr), shape=(len(self.Z), len(self.Z)))
        parts = [each.name for each in dataclasses.fields(Whitening)]
        self._whitening = Whitening(*(arrays[name] for name in parts)) if parts[0] in arrays else None
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself: scikit-learn copies the parameters of a head that it clones."""
        return self

    def seats(self, Z: Float32) -> "Seats":
        """Find where labelled embeddings belong.

        Parameters
        ----------
        Z : ndarray of float32, shape (n, d)
            Centred unit vectors.

        Returns
        -------
        Seats
            One each.
        """
        columns, cosines = nearest(self._whitened(Z), self._W, _NEIGHBOURS)
        first = cosines.argmax(axis=1)[:, None]
        same = np.take_along_axis(cosines, first, 1)[:, 0] > _SAME
        node = np.where(same, np.take_along_axis(columns, first, 1)[:, 0], -1)
        return Seats(node, columns, np.maximum(cosines, 0) ** _POWER)

    def unlabelled(self, seats: "Seats") -> NDArray[np.intp]:
        """Return the nodes that are none of these labelled samples, (k,): as many as heads learn from."""
        free = np.ones(len(self.Z), np.bool_)
        free[seats.node[seats.node >= 0]] = False
        return np.flatnonzero(free)[:_PSEUDO_ROWS]

    def joined(
        self, Z: Float32, Q: Float32, weight: Float32, rows: NDArray[np.intp], likely: Float32
    ) -> tuple[Float32, Float32, Float32]:
        """Return labels and, after them, what is likely of nodes without one: as one set to fit a head to.

        Parameters
        ----------
        Z, Q, weight : ndarray of float32, shapes (n, d), (n, c), (n,)
            Centred unit vectors of the labelled samples, how much each is of each class, and how much it counts.
        rows : ndarray of intp, shape (k,)
            Of the nodes, as from `unlabelled`.
        likely : ndarray of float32, shape (k, c)
            How likely each is of each class.

        Returns
        -------
        ndarray of float32, shapes (n + k, d), (n + k, c), (n + k,)
            All nodes together count a fixed multiple of what the labels do.
        """
        share = _PSEUDO_WEIGHT * weight.sum() / max(len(rows), 1)
        weights = np.concatenate([weight, np.full(len(rows), share, np.float32)])
        return np.concatenate([Z, self.Z[rows]]), np.concatenate([Q, likely]), weights

    def spread(self, seats: "Seats", Y: Float32) -> Float32:
        """Let labels spread from their seats.

        Parameters
        ----------
        seats : Seats
            Of ``n`` labelled samples.
        Y : ndarray of float32, shape (n, c)
            How much each is of each class.

        Returns
        -------
        ndarray of float32, shape (m, c)
            Shares of the classes at each node: rows sum to 1, or to 0 where no label reaches.

        References
        ----------
        Zhou, Bousquet, Lal, Weston, Schölkopf: Learning with local and global consistency, 2003.
        """
        m, k = len(self.Z), seats.columns.shape[1]
        guests = seats.node < 0
        n = int(guests.sum())
        ends = np.arange(0, n * k + 1, k)
        ties = csr_array((seats.weights[guests].ravel(), seats.columns[guests].ravel(), ends), shape=(n, m))
        A = block_array([[self._links, ties.T], [ties, None]], format="csr") if n else self._links
        scale = diags_array((1 / np.sqrt(np.maximum(A.sum(axis=1), 1e-12))).astype(np.float32))
        seeds = np.zeros((m + n, Y.shape[1]), np.float32)
        np.add.at(seeds, np.where(guests, m + np.cumsum(guests) - 1, seats.node), Y)
        F = np.maximum(_solve((scale @ A @ scale).tocsr(), seeds)[:m], np.float32(0))
        total = F.sum(axis=1, keepdims=True)
        shares: Float32 = np.divide(F, total, out=np.zeros_like(F), where=total > 0)
        return shares

    def _whitened(self, Z: Float32) -> Float32:
        if self._whitening is None:
            return Z
        W = self._whitening.apply(Z)
        return unit_rows(W, np.zeros(W.shape[1], np.float32))


@dataclass(frozen=True, eq=False)
class Seats:
    """Where ``n`` labelled samples belong in a graph.

    Attributes
    ----------
    node : ndarray of intp, shape (n,)
        The node that is the same embedding; -1 = none, the sample is a guest.
    columns : ndarray of intp, shape (n, k)
        Nodes a guest is linked to.
    weights : ndarray of float32, shape (n, k)
        How strongly.
    """

    node: NDArray[np.intp]
    columns: NDArray[np.intp]
    weights: Float32


class Seating:
    """The seats of labelled samples, kept from fit to fit: only those of new samples are looked for."""

    def __init__(self) -> None:
        self._of: PoolGraph | None = None
        self._kept: dict[bytes, tuple[Any, ...]] = {}

    def seats(self, pool: PoolGraph, Z: Float32) -> Seats:
        """Return the seats of centred unit vectors ``Z`` (n, d) in this pool's graph."""
        if self._of is not pool:
            self._of, self._kept = pool, {}
        keys = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in Z]
        fresh = [row for row, key in enumerate(keys) if key not in self._kept]
        if fresh:
            seated = pool.seats(Z[fresh])
            arrived = zip(seated.node, seated.columns, seated.weights, strict=True)
            self._kept |= dict(zip((keys[row] for row in fresh), arrived, strict=True))
        node, columns, weights = zip(*(self._kept[key] for key in keys), strict=True)
        return Seats(np.array(node), np.array(columns), np.array(weights))


def _solve(S: Any, B: Float32) -> Float32:
    """Return F with F = alpha S F + B, each column by conjugate gradients."""
    F, R = np.zeros_like(B), B.copy()
    direction, square = R.copy(), np.einsum("ij,ij->j", R, R)
    for _ in range(_ITERATIONS):
        image = direction - np.float32(_ALPHA) * (S @ direction)
        step = square / np.maximum(np.einsum("ij,ij->j", direction, image), _TINY)
        F += step * direction
        R -= step * image
        before, square = square, np.einsum("ij,ij->j", R, R)
        direction = R + square / np.maximum(before, _TINY) * direction
    return F


class TransductiveHead(LinearClassifier):
    """Logistic regression on labels, and on what is likely of samples without one.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty, above 0.
    pool : PoolGraph or None
        Of the embeddings that the head is for, around ``pool_mean``; without it the head is like a `LogisticHead`.
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    temperature : float or None
        Divides the logits, above 0; None = found by cross-validation in every fit of 50 labels or more.
    tol : float
        As in `LogisticHead`; looser with a pool, for what is likely of the unlabelled is no more exact than that.

    Attributes
    ----------
    classes_, coef_, intercept_, center_, temperature_
        As in `LogisticHead`.
    n_iter_ : int
        Iterations of the last fit of two classes or more.

    References
    ----------
    Iscen, Tolias, Avrithis, Chum: Label propagation for deep semi-supervised learning, arXiv 1904.04717.
    """

    def __init__(
        self,
        C: float = 30.0,
        pool: PoolGraph | None = None,
        pool_mean: NDArray[Any] | None = None,
        temperature: float | None = 1.0,
        tol: float = 1e-4,
    ) -> None:
        self.C = C
        self.pool = pool
        self.pool_mean = pool_mean
        self.temperature = temperature
        self.tol = tol

    def _weights(
        self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32
    ) -> tuple[Float32, Float32]:
        Y = one_hot(codes, len(classes))
        start = start_values(Z, Y, classes, self._last())
        Q, C, tol, max_iter = Y.astype(np.float32), self.C / 2 if len(classes) == 2 else self.C, self.tol, 300
        if self.pool is not None:
            rows, likely = self._likely(self.pool, Z, Q * weight[:, None], classes, codes, weight)
            Z, Q, weight = self.pool.joined(Z, Q, weight, rows, likely)
            tol, max_iter = 3 * tol, MAX_ITER
        loss = soft_cross_entropy(Q)
        coef, intercept, self.n_iter_ = descend(loss, Z, weight, start, C=C, tol=tol, max_iter=max_iter)
        return coef, intercept

    def _likely(
        self,
        pool: PoolGraph,
        Z: Float32,
        Y: Float32,
        classes: NDArray[Any],
        codes: NDArray[np.intp],
        weight: Float32,
    ) -> tuple[NDArray[np.intp], Float32]:
        """Return nodes without a label, and shares of the classes at each, (m, c)."""
        if not hasattr(self, "_seating"):
            self._seating = Seating()
        seats = self._seating.seats(pool, Z)
        rows = pool.unlabelled(seats)
        if not hasattr(self, "_base"):
            self._base = LogisticHead(C=BASE_C, logit_adjustment=_BASE_ADJUSTMENT, tol=2 * self.tol)
        self._base.set_params(pool_mean=np.zeros(Z.shape[1], np.float32)).fit(Z, classes[codes], weight)
        Q = (pool.spread(seats, Y)[rows] + self._base.predict_proba(pool.Z[rows])) ** np.float32(SHARPENED)
        return rows, Q / Q.sum(axis=1, keepdims=True)
