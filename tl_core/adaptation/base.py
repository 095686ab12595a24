# ruff: noqa: N803 - what is mapped is X here, as in scikit-learn
"""One contract for all ways to adapt embeddings to a pool without labels.

A way is fitted on a sample of the pool and gives an adaptation, which maps vectors (what another network embedded) or
pictures (it is a network of its own). Whether it helps is never assumed: see `gains`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import Featuriser
from tl_core.notices import Notice
from tl_core.store.storage import Storage

if TYPE_CHECKING:
    from tl_core.adaptation.networks import AdaptedNetwork
    from tl_core.spaces.maps import VectorMap

Report = Callable[[float], None]
Pictures = Callable[[Featuriser, int], NDArray[np.uint8]]

CAMERAS, TWINS, PICTURES = "cameras", "twins", "pictures"
_ways: dict[str, "Way"] = {}


class CannotAdapt(Exception):
    """This pool, or this network, is nothing for that way.

    Parameters
    ----------
    reason : Notice
        Why.
    """

    def __init__(self, reason: Notice) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Adaptation(Protocol):
    """What a way makes: a `VectorMap` or an `AdaptedNetwork`.

    Attributes
    ----------
    dimension : int
        Length of what comes out.
    digest : str
        Of the content. What was adapted under different digests must not be mixed.
    """

    @property
    def dimension(self) -> int:
        """Length of what comes out."""

    @property
    def digest(self) -> str:
        """Of the content, hexadecimal."""

    def apply(self, X: Any) -> NDArray[np.float32]:
        """Map embeddings (n, width), or preprocessed pictures (n, size, size, 3), to float32 (n, dimension)."""

    def save(self, storage: Storage) -> str:
        """Write it, whole or not at all; return what it is found by."""


@dataclass(frozen=True)
class Pool:
    """A sample of the pool, as much of it as is known.

    Attributes
    ----------
    spec : str
        Of the featuriser that embedded it.
    vectors : ndarray of float32, shape (n, D)
        Its embeddings.
    cameras : ndarray of int, shape (n,), or None
        Which camera took each, below 0 = unknown; None where there are no cameras to tell apart.
    twins : ndarray of float32, shape (m, D), or None
        Embeddings of cut-outs of the first ``m`` of the sample.
    pictures : callable or None
        ``pictures(featuriser, most)`` gives that many of the sample at most, preprocessed for the featuriser: uint8
        (k, size, size, 3).
    """

    spec: str
    vectors: NDArray[np.float32]
    cameras: NDArray[np.int64] | None = None
    twins: NDArray[np.float32] | None = None
    pictures: Pictures | None = None

    @property
    def knows(self) -> frozenset[str]:
        """What ways may need that is here."""
        parts = {CAMERAS: self.cameras, TWINS: self.twins, PICTURES: self.pictures}
        return frozenset(name for name, part in parts.items() if part is not None)


@dataclass(frozen=True)
class Way:
    """A way to adapt.

    Attributes
    ----------
    name : str
        Short, for rows and options.
    fit : callable
        ``fit(pool, rng, report)``: the sample, where its chance comes from, and a function to be told from time to
        time which share (0 to 1) is done, which may raise to stop it. Raises `CannotAdapt`.
    needs : frozenset of str
        What it takes of a pool besides vectors: any of ``"cameras"``, ``"twins"``, ``"pictures"``.
    is_network : bool
        It maps pictures, not vectors.
    beside : bool
        Its vectors are a further block beside those of the network; else they stand in their place.
    """

    name: str
    fit: "Callable[[Pool, np.random.Generator, Report], VectorMap | AdaptedNetwork]"
    needs: frozenset[str] = frozenset()
    is_network: bool = False
    beside: bool = False


def register(way: Way) -> Way:
    """Add a way. Raises ValueError where its name is taken."""
    if way.name in _ways:
        raise ValueError(f"a way named {way.name!r} is registered already")
    _ways[way.name] = way
    return way


def ways() -> tuple[Way, ...]:
    """Return all registered ways, in order of registration."""
    return tuple(_ways.values())


def get(name: str) -> Way:
    """Return the way of that name. Raises KeyError, which lists those there are."""
    if name not in _ways:
        raise KeyError(f"no way to adapt is named {name!r}; there are: {', '.join(_ways)}")
    return _ways[name]
