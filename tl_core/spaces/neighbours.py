# ruff: noqa: N803, N806 - matrices are X, Z and S here, as in scikit-learn
"""Which embeddings are near each other: an index that grows with the store, a graph, near duplicates. For workers.

Near means a high cosine between embeddings that were centred, usually on the pool's mean.
"""

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.geometry import blocks, finite_unit_rows, rows_of
from tl_core.store.storage import Storage

if TYPE_CHECKING:
    from scipy.sparse import csr_array

EXACT_ROWS = 30_000
_FORMAT = "neighbours-1"
_BLOCK = 1024
_CHUNKS = 64
# Measured on 1,280 dimensions and two busy cores. 100,000 rows: built in 77 s, 276 MB, 730 searches a second, .96 of
# the ten nearest found. 20,000 rows: .985; float16 finds .007 more and takes twice as long, int8 finds .91; a
# projection to 256 main directions finds .82, unless whole vectors rank its candidates again.
_DTYPE = "bf16"
_CONNECTIVITY, _EXPANSION_ADD, _EXPANSION_SEARCH = 16, 64, 128
_THREADS = 0  # that link what is added: as many as there are cores

Float32 = NDArray[np.float32]


class NeighboursCorrupt(Exception):
    """The file of an index is not what was saved. The message names it; build the index again."""


class NeighbourIndex:
    """Approximate nearest neighbours among a growing number of embeddings.

    Half-precision vectors in a hierarchical navigable small world graph: 2.6 kB an embedding of 1,280 numbers. Adding
    and searching use all cores; how rows that are added together are linked depends on the threads' timing, so two
    indices of the same rows may differ in a few neighbours.

    Parameters
    ----------
    dimension : int
        Length of an embedding, at least 1.
    center : ndarray, shape (d,), or None
        Subtracted from embeddings; None = the mean of the first that are added. It stays what it is, for all that
        follow are compared under it.

    References
    ----------
    Malkov, Yashunin: Efficient and robust approximate nearest neighbor search using hierarchical navigable small world
    graphs, arXiv 1603.09320.
    """

    def __init__(self, dimension: int, center: ArrayLike | None = None) -> None:
        self._index = _usearch().Index(
            ndim=dimension,
            metric="cos",
            dtype=_DTYPE,
            connectivity=_CONNECTIVITY,
            expansion_add=_EXPANSION_ADD,
            expansion_search=_EXPANSION_SEARCH,
        )
        self.dimension = dimension
        self.center: Float32 | None = None
        if center is not None:
            self.center = np.asarray(center, np.float32)
            if self.center.shape != (dimension,):
                raise ValueError(f"expected a centre of {dimension} numbers, got shape {self.center.shape}")

    def __len__(self) -> int:
        """Return how many embeddings are in it."""
        return len(self._index)

    def add(self, ids: ArrayLike, X: Any) -> int:
        """Add embeddings; those whose ids are there already are left out, so that a repeated shard does no harm.

        Parameters
        ----------
        ids : array-like of int, shape (n,)
            0 or more, no id twice.
        X : array-like or Vectors, shape (n, d)
            Their embeddings, finite. Read block by block.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        ValueError
            Shapes disagree, an id is negative or comes twice, or a value is not finite; blocks before it stay added.
        """
        ids, X = np.asarray(ids), self._checked(X)
        if ids.shape != (X.shape[0],) or (len(ids) and (ids.dtype.kind not in "iu" or ids.min() < 0)):
            raise ValueError(f"expected an id of 0 or more for each of the {X.shape[0]} embeddings")
        if len(np.unique(ids)) < len(ids):
            raise ValueError("an id comes twice")
        if not len(ids):
            return 0
        if self.center is None:
            self.center = np.asarray(X.mean(axis=0, dtype=np.float64), np.float32)
        before = len(self)
        for start, block in blocks(X, _BLOCK):
            keys = ids[start : start + len(block)].astype(np.uint64)
            fresh = ~np.asarray(self._index.contains(keys))
            if fresh.any():
                self._index.add(keys[fresh], finite_unit_rows(block[fresh], self.center), threads=_THREADS)
        return len(self) - before

    def search(self, queries: Any, k: int) -> tuple[NDArray[np.int64], Float32]:
        """Find the nearest embeddings.

        Parameters
        ----------
        queries : array-like or Vectors, shape (n, d)
            Embeddings, whether they are in the index (each then finds itself first) or not. Read block by block.
        k : int
            How many for each, at least 1.

        Returns
        -------
        ids : ndarray of int64, shape (n, min(k, len(index)))
            The nearest first.
        cosines : ndarray of float32, of the same shape
            To within some thousandths.

        Raises
        ------
        ValueError
            ``queries`` is not (n, d) or not finite, or ``k`` is below 1.
        """
        queries = self._checked(queries)
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        k = min(k, len(self))
        ids, cosines = np.zeros((queries.shape[0], k), np.int64), np.zeros((queries.shape[0], k), np.float32)
        if self.center is None or not k:
            return ids, cosines
        for start, block in blocks(queries, _BLOCK):
            rows = slice(start, start + len(block))
            ids[rows], cosines[rows] = self._nearest(finite_unit_rows(block, self.center), k)
        return ids, cosines

    def save(self, storage: Storage, name: str) -> None:
        """Write it as one file, whole or not at all.

        Parameters
        ----------
        storage : Storage
            Where.
        name : str
            An existing file of that name is replaced.

        Raises
        ------
        ValueError
            Nothing was added yet, or the name is not one.
        OSError
            From writing.
        """
        if self.center is None or not len(self):
            raise ValueError("an empty index cannot be saved: add embeddings first")
        content = self._index.save() or b""
        center = self.center.astype("<f4").tobytes()
        sha256 = hashlib.sha256(center)
        sha256.update(content)
        header = {"format": _FORMAT, "dimension": self.dimension, "sha256": sha256.hexdigest()}
        storage.write(name, json.dumps(header).encode() + b"\n", center, content)

    @classmethod
    def load(cls, storage: Storage, name: str) -> Self:
        """Read an index.

        Parameters
        ----------
        storage : Storage
            As given to `save`.
        name : str
            As given to `save`.

        Returns
        -------
        NeighbourIndex
            It finds what the saved one found, and can be added to.

        Raises
        ------
        FileNotFoundError
            There is none.
        OSError
            From fetching it.
        NeighboursCorrupt
            The file is damaged.
        """
        try:
            return cls._read(storage.local(name, fresh=True).read_bytes(), name)
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            raise NeighboursCorrupt(f"{name} is damaged: {error}") from error

    @classmethod
    def _read(cls, content: bytes, name: str) -> Self:
        end = content.index(b"\n") + 1
        header = json.loads(content[:end])
        if header["format"] != _FORMAT:
            raise NeighboursCorrupt(f"{name} has format {header['format']}, this program reads {_FORMAT}")
        body = memoryview(content)[end:]
        if hashlib.sha256(body).hexdigest() != header["sha256"]:  # usearch itself would read anything
            raise NeighboursCorrupt(f"{name} is damaged: its digest is another")
        dimension = int(header["dimension"])
        loaded = cls(dimension, np.frombuffer(body[: 4 * dimension], "<f4"))
        loaded._index.load(bytes(body[4 * dimension :]))
        return loaded

    def _nearest(self, Z: Float32, k: int) -> tuple[NDArray[np.int64], Float32]:
        ids, cosines, counts = self._searched(Z, k)
        short = np.flatnonzero(counts < k)
        if len(short):  # many copies of one embedding can cut the graph into pieces
            ids[short], cosines[short], _ = self._searched(Z[short], k, exact=True)
        return ids, cosines

    def _searched(
        self, Z: Float32, k: int, *, exact: bool = False
    ) -> tuple[NDArray[np.int64], Float32, NDArray[np.intp]]:
        """Return ids and cosines (n, k), and how many of each row were found."""
        n = len(Z)
        several = Z if n > 1 else np.repeat(Z, 2, axis=0)  # for one row usearch has another kind of result
        hits: Any = self._index.search(several, k, exact=exact)
        with np.errstate(invalid="ignore"):  # beyond the counts nothing is defined
            cosines = 1 - np.asarray(hits.distances)[:n]
        return np.asarray(hits.keys)[:n].astype(np.int64), cosines, np.asarray(hits.counts)[:n].astype(np.intp)

    def _checked(self, X: Any) -> Any:
        X = rows_of(X)
        if len(X.shape) != 2 or X.shape[1] != self.dimension:
            raise ValueError(f"expected embeddings of shape (n, {self.dimension}), got {X.shape}")
        return X


def _usearch() -> Any:
    """Import usearch where it is needed. ONNX Runtime imported after it kills the process; before it, both are fine."""
    with contextlib.suppress(ImportError):
        import onnxruntime  # noqa: F401
    import usearch.index

    return usearch.index


def graph(X: Any, k: int, center: ArrayLike | None = None) -> "csr_array":
    """Return each embedding's nearest others as a sparse matrix.

    Up to 30,000 rows all cosines are computed, a block at a time; beyond, the neighbours are those a `NeighbourIndex`
    finds, and so nearly all of the nearest.

    Parameters
    ----------
    X : array-like or Vectors, shape (n, d)
        Embeddings, finite. Up to 30,000 rows a centred copy is made of them, never of more.
    k : int
        How many neighbours, at least 1.
    center : array-like, shape (d,), or None
        Subtracted from embeddings; None = their mean.

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (n, n)
        min(k, n - 1) entries a row, in order of columns: cosines, 0 where they are negative; none on the diagonal. Not
        symmetric: ``G.maximum(G.T)`` links two if either is near the other.

    Raises
    ------
    ValueError
        ``X`` is not (n, d) or not finite, or ``k`` is below 1.
    """
    from scipy.sparse import csr_array  # here: every process of a site imports this module, and few need SciPy

    X = rows_of(X)
    if len(X.shape) != 2 or k < 1:
        raise ValueError(f"expected embeddings of shape (n, d) and k of 1 or more, got {X.shape} and {k}")
    n = X.shape[0]
    k = min(k, max(n - 1, 0))
    if not k:
        return csr_array((n, n), dtype=np.float32)
    middle = np.asarray(X.mean(axis=0, dtype=np.float64) if center is None else center, np.float32)
    columns, cosines = _exact(X, k, middle) if n <= EXACT_ROWS else _indexed(X, k, middle)
    order = np.argsort(columns, axis=1)
    columns, cosines = np.take_along_axis(columns, order, 1), np.take_along_axis(cosines, order, 1)
    return csr_array(
        (np.maximum(cosines, 0).ravel(), columns.astype(np.int32).ravel(), np.arange(0, n * k + 1, k)), shape=(n, n)
    )


def nearest(Q: Float32, Z: Float32, k: int) -> tuple[NDArray[np.intp], Float32]:
    """Return each query's nearest rows, of all cosines.

    Parameters
    ----------
    Q : ndarray of float32, shape (m, d)
        Unit vectors.
    Z : ndarray of float32, shape (n, d)
        Unit vectors, at least one.
    k : int
        How many, at least 1.

    Returns
    -------
    columns : ndarray of intp, shape (m, min(k, n))
        Rows of ``Z``, in no order.
    cosines : ndarray of float32, of the same shape
    """
    k = min(k, len(Z))
    columns, cosines = np.empty((len(Q), k), np.intp), np.empty((len(Q), k), np.float32)
    for start in range(0, len(Q), _BLOCK):
        rows = slice(start, start + _BLOCK)
        columns[rows], cosines[rows] = _highest(Q[rows] @ Z.T, k)
    return columns, cosines


def near_duplicates(X: Any, picked: ArrayLike, center: ArrayLike, threshold: float = 0.98) -> NDArray[np.bool_]:
    """Say which picks are almost the same as one that comes before them and is kept.

    Parameters
    ----------
    X : array-like or Vectors, shape (n, d)
        Embeddings; only the picked rows are read.
    picked : array-like of int, shape (m,)
        Positions in ``X``, the most wanted first.
    center : array-like, shape (d,)
        Usually the pool's mean.
    threshold : float
        A cosine above this is a near duplicate.

    Returns
    -------
    ndarray of bool, shape (m,)
        True = leave it out. What is left out does not rule out others.

    Raises
    ------
    ValueError
        A picked embedding is not finite.
    """
    picked = np.asarray(picked, np.intp)
    X = rows_of(X)
    Z = finite_unit_rows(X[picked], np.asarray(center, np.float32))
    drop = np.zeros(len(picked), bool)
    for start in range(0, len(Z), _BLOCK):
        block = Z[start : start + _BLOCK]
        here = drop[start : start + _BLOCK]
        before = Z[:start][~drop[:start]]
        if len(before):
            here |= (block @ before.T).max(axis=1) > threshold
        near = np.triu(block @ block.T > threshold, 1)
        for row in np.flatnonzero(near.any(axis=1)):
            if not here[row]:
                here |= near[row]
    return drop


def _exact(X: Any, k: int, center: Float32) -> tuple[NDArray[np.intp], Float32]:
    """Return columns and cosines (n, k) of the nearest others, of all cosines."""
    n = X.shape[0]
    Z = np.empty(X.shape, np.float32)
    for start, block in blocks(X, _BLOCK):
        Z[start : start + len(block)] = finite_unit_rows(block, center)
    columns, cosines = np.empty((n, k), np.intp), np.empty((n, k), np.float32)
    for start in range(0, n, _BLOCK):
        S = Z[start : start + _BLOCK] @ Z.T
        S[np.arange(len(S)), start + np.arange(len(S))] = -np.inf
        rows = slice(start, start + len(S))
        columns[rows], cosines[rows] = _highest(S, k)
    return columns, cosines


def _highest(S: Float32, k: int) -> tuple[NDArray[np.intp], Float32]:
    """Return columns and values of the ``k`` highest of each row, in no order.

    k columns have values as high as the k-th highest of the maxima of as many groups of columns; so only values from
    there on are sorted. Three times as fast as partitioning rows of 20,000.
    """
    m, n = S.shape
    width = n // max(_CHUNKS, 4 * k)
    if width < 2:
        best = np.argpartition(-S, k - 1, axis=1)[:, :k]
        return best, np.take_along_axis(S, best, 1)
    groups = n // width
    maxima = S[:, : groups * width].reshape(m, width, groups).max(axis=1)
    least = np.partition(maxima, groups - k, axis=1)[:, groups - k]
    rows, columns = np.nonzero(least[:, None] <= S)
    values = S[rows, columns]
    order = np.lexsort((-values, rows))
    first = np.searchsorted(rows, np.arange(m))  # lexsort keeps rows in order
    best = order[(first[:, None] + np.arange(k)).ravel()]
    return columns[best].reshape(m, k), values[best].reshape(m, k)


def _indexed(X: Any, k: int, center: Float32) -> tuple[NDArray[np.intp], Float32]:
    """Return columns and cosines (n, k) of the nearest others that an index finds."""
    n = X.shape[0]
    index = NeighbourIndex(X.shape[1], center)
    index.add(np.arange(n), X)
    ids, cosines = index.search(X, k + 1)
    # Each row mostly finds itself; where copies crowd it out, the last of them goes instead.
    others = ids != np.arange(n)[:, None]
    others[others.all(axis=1), -1] = False
    return ids[others].reshape(n, k), cosines[others].reshape(n, k)
