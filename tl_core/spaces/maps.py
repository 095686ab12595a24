# ruff: noqa: N803 - the matrix is X here, as in scikit-learn
"""Fitted maps of embeddings: from numbers of one kind to numbers of another, named by the digest of their content."""

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as arrays_to_bytes

from tl_core.geometry import blocks
from tl_core.store.storage import Storage

_CHUNK = 4096
_kinds: dict[str, type["VectorMap"]] = {}


class MapCorrupt(Exception):
    """A map's file is not what was saved. The message names it; fit again."""


@dataclasses.dataclass(frozen=True, eq=False)
class VectorMap(ABC):
    """A map of embeddings that was fitted once: a dataclass whose fields are arrays, and nothing else.

    Attributes
    ----------
    kind : str
        What the class is called in names of files; it registers itself under it.
    format : str
        Another word whenever the same arrays would mean something else.
    """

    kind: ClassVar[str]
    format: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let files of its kind be read."""
        super().__init_subclass__(**kwargs)
        _kinds[cls.kind] = cls

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers an embedding has before."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """How many it has afterwards."""

    @abstractmethod
    def _mapped(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map some rows (m, width) to (m, dimension)."""

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All it consists of, by name, in order."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal. Embeddings mapped under different digests must not be mixed."""
        sha256 = hashlib.sha256(self.format.encode())
        for name, array in self.arrays.items():
            sha256.update(json.dumps([name, array.dtype.str, array.shape]).encode())
            sha256.update(np.ascontiguousarray(array).data)
        return sha256.hexdigest()

    def affine(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Return the matrix (width, dimension) and the offset (dimension,) that it comes to; None where it isn't so."""
        return None

    @property
    def name(self) -> str:
        """Kind and digest, for `load`."""
        return f"{self.kind}-{self.digest}"

    def apply(self, X: Any) -> NDArray[np.float32]:
        """Map embeddings, a few thousand at a time, so that a memory-mapped pool is never copied whole.

        Parameters
        ----------
        X : array or Vectors of float32, shape (n, width)
            Not changed.

        Returns
        -------
        ndarray of float32, shape (n, dimension)
            Mapped.

        Raises
        ------
        ValueError
            Wrong shape, or a value that is not finite.
        """
        if len(X.shape) != 2 or X.shape[1] != self.width:
            raise ValueError(f"expected embeddings of shape (n, {self.width}), got {X.shape}")
        out = np.empty((len(X), self.dimension), np.float32)
        for start, block in blocks(X, _CHUNK):
            rows = slice(start, start + len(block))
            with np.errstate(invalid="ignore", over="ignore"):
                out[rows] = self._mapped(np.asarray(block, np.float32))
            # Also where the map would hide it, as one that cuts off what is below zero does.
            if not (np.isfinite(out[rows]).all() and np.isfinite(block).all()):
                raise ValueError("embeddings are not finite")
        return out

    def save(self, storage: Storage) -> str:
        """Write it as ``<kind>-<digest>.safetensors``.

        Parameters
        ----------
        storage : Storage
            Where. The same map is the same file.

        Returns
        -------
        str
            Its `name`, for `load`.

        Raises
        ------
        OSError
            From writing.
        """
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        storage.write(file_name(self.name), arrays_to_bytes(arrays, {"format": self.format}))
        return self.name


def load(storage: Storage, name: str) -> VectorMap:
    """Read a map of any kind.

    Parameters
    ----------
    storage : Storage
        As given to `VectorMap.save`.
    name : str
        As it returned.

    Returns
    -------
    VectorMap
        Equal to the one saved.

    Raises
    ------
    KeyError
        The name is of no kind that is known here.
    FileNotFoundError
        There is none.
    OSError
        From fetching it.
    MapCorrupt
        The file is damaged.
    """
    kind, _, digest = name.rpartition("-")
    if kind not in _kinds:
        raise KeyError(f"there is no kind of map called {kind!r}: {', '.join(sorted(_kinds))}")
    try:
        return _read(storage.local(file_name(name)).read_bytes(), kind, digest)
    except MapCorrupt:
        return _read(storage.local(file_name(name), fresh=True).read_bytes(), kind, digest)  # a copy may be damaged


def _read(content: bytes, kind: str, digest: str) -> VectorMap:
    file = file_name(f"{kind}-{digest}")
    try:
        read = _kinds[kind](**arrays_from_bytes(content))
        if read.digest == digest:
            return read
    except (SafetensorError, ValueError, TypeError) as error:
        raise MapCorrupt(f"{file} is damaged: {error}") from error
    raise MapCorrupt(f"{file} is damaged: its digest is {read.digest}")


def file_name(name: str) -> str:
    """Return what the file of a map of that name is called."""
    return f"{name}.safetensors"
