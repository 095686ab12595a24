# ruff: noqa: N803 - a matrix is X here
"""What a large pool is summed up by: written once as one file, which every process maps.

Its mean, the distances from it, its unit rows in a quarter of the size, and the graph that heads learn from. All of it
follows from the embeddings alone, and takes passes over all of them.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import geometry
from tl_core.query.base import Pool
from tl_core.query.units import Units, compact
from tl_core.store import arrays
from tl_core.store.storage import Storage

_GRAPH = "graph."  # what the names of the graph's arrays begin with


@dataclass(frozen=True, eq=False)
class PoolSummary:
    """A pool of n embeddings, summed up.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        As the file has them.
    """

    arrays: Mapping[str, NDArray[Any]]

    @property
    def mean(self) -> NDArray[np.float32]:
        """`geometry.mean_row` of the pool, (d,)."""
        return self.arrays["mean"]

    @property
    def norms(self) -> NDArray[np.float32]:
        """`geometry.lengths` around the mean, (n,)."""
        return self.arrays["norms"]

    @functools.cached_property
    def units(self) -> Units:
        """`query.compact` around the mean."""
        return Units(self.arrays["codes"], self.arrays["steps"], self.arrays["lost"], self.mean)

    @functools.cached_property
    def graph(self) -> Any:
        """`pool_graph` of the pool. Imports scikit-learn: workers only."""
        from tl_core.heads.transductive import PoolGraph

        return PoolGraph.of(
            {name.removeprefix(_GRAPH): each for name, each in self.arrays.items() if name.startswith(_GRAPH)}
        )


def way() -> str:
    """Return how a summary comes about: one that was written another way is not this program's."""
    from tl_core.heads.transductive import GRAPH_FORMAT

    return f"summary-1 {GRAPH_FORMAT}"


def pool_graph(X: Pool, mean: NDArray[np.float32]) -> Any:
    """Return the `PoolGraph` of a pool ``X`` (n, d), n at least 2: of the same pool the same one in every process."""
    from tl_core.heads.transductive import PoolGraph

    return PoolGraph(X, mean, np.random.default_rng(0))


def write(storage: Storage, name: str, X: Pool, done: Callable[[float], None] = lambda share: None) -> None:
    """Sum up a pool and keep that as one file. Reads the pool three times.

    Parameters
    ----------
    storage : Storage
        Where.
    name : str
        An existing file of that name is replaced.
    X : ndarray or Vectors, shape (n, d)
        The pool, at least two embeddings, finite.
    done : callable
        Called now and then with the share that is done; what it raises ends the work, and nothing is left of it.

    Raises
    ------
    ValueError
        Fewer than two embeddings, or one that is not finite.
    OSError
        From writing.
    """
    mean = geometry.mean_row(X)
    done(0.1)
    graph = {f"{_GRAPH}{key}": each for key, each in pool_graph(X, mean).arrays().items()}
    done(0.2)
    norms = geometry.lengths(X, mean)
    done(0.3)
    small = {"mean": mean, "norms": norms, **graph}
    n, d = X.shape
    shapes = {key: (each.dtype, each.shape) for key, each in small.items()}
    large = {"codes": (np.int8, (n, d)), "steps": (np.float32, (n,)), "lost": (np.float32, (n,))}
    with arrays.writing(storage, name, {**shapes, **large}) as out:
        for key, each in small.items():
            out[key][...] = each
        units = compact(X, mean, codes=out["codes"])
        out["steps"][...], out["lost"][...] = units.steps, units.lost
        done(0.9)


def read(storage: Storage, name: str) -> PoolSummary:
    """Map the summary of that name. Raises FileNotFoundError, OSError and `ArraysCorrupt` as `arrays.read` does."""
    return PoolSummary(arrays.read(storage, name))
