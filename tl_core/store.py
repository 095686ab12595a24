"""Embeddings as plain files: one shard a file, written whole or not at all, memory-mapped by readers.

A shard is a safetensors file with three arrays and a checksum of each in its header:

========  =======  ========================================================
ids       int64    (n,), sample ids
vectors   float32  (n, dimension); rows that are not valid are zero
valid     bool     (n,), False where a sample has no embedding (broken file)
========  =======  ========================================================
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core import files

_VERSION = "1"
_NAME = re.compile(r"shard-(\d{6,})\.safetensors")
# Widest first, so that every array is aligned to its own items in the memory map.
_LAYOUT = (
    ("ids", "I64", np.dtype("<i8")),
    ("vectors", "F32", np.dtype("<f4")),
    ("valid", "BOOL", np.dtype("?")),
)
_MAX_HEADER = 1 << 20


class StoreCorrupt(Exception):
    """A shard's file is not what was written. The message names it; delete it and embed its samples again."""


@dataclass(frozen=True)
class Shard:
    """What identifies a written shard.

    Attributes
    ----------
    number : int
        Its place in the store.
    count : int
        Its rows, valid or not.
    sha256 : str
        Over its three arrays; the same arrays give the same digest.
    """

    number: int
    count: int
    sha256: str


@dataclass(frozen=True)
class ShardArrays:
    """The content of one shard, memory-mapped: ``ids`` (n,), ``vectors`` (n, dimension), ``valid`` (n,)."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    valid: NDArray[np.bool_]


@dataclass(frozen=True)
class Embeddings:
    """The valid rows of several shards.

    Attributes
    ----------
    ids : ndarray of int64, shape (N,)
        Sample ids, in the order of the shards.
    vectors : ndarray of float32, shape (N, dimension)
        Row ``i`` belongs to ``ids[i]``. Read-only where it is the memory map itself.
    """

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]


class EmbeddingStore:
    """The shards of one featuriser fingerprint in one directory.

    Writers need no lock: each shard number is one writer's business, and writing the same number twice replaces it.

    Parameters
    ----------
    directory : Path
        Root of all stores; this one lives in ``<directory>/<fingerprint>``. Made on the first write.
    fingerprint : str
        Of the featuriser that made the vectors. Recorded in every shard and checked on reading.
    dimension : int
        Length of a vector.
    """

    def __init__(self, directory: Path, fingerprint: str, dimension: int) -> None:
        self.directory = Path(directory) / fingerprint
        self.fingerprint = fingerprint
        self.dimension = dimension

    def path(self, number: int) -> Path:
        """Return where shard ``number`` (0 or more) is or would be."""
        return self.directory / f"shard-{number:06d}.safetensors"

    def numbers(self) -> list[int]:
        """Return the numbers of the shards that exist, ascending."""
        found = (_NAME.fullmatch(path.name) for path in self.directory.glob("shard-*.safetensors"))
        return sorted(int(match[1]) for match in found if match)

    def write_shard(
        self, number: int, ids: NDArray[np.int64], vectors: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> Shard:
        """Write one shard, durably, whole or not at all.

        Parameters
        ----------
        number : int
            0 or more. An existing shard of that number is replaced.
        ids : ndarray of int64, shape (n,)
            Sample ids, unique.
        vectors : ndarray of float32, shape (n, dimension)
            Embeddings; rows that are not valid are stored as zeros whatever they hold.
        valid : ndarray of bool, shape (n,)
            Which rows are embeddings.

        Returns
        -------
        Shard
            Count and checksum, for the caller's records.

        Raises
        ------
        ValueError
            Shapes disagree, ids repeat, or a valid vector is not finite.
        OSError
            From writing, for instance a full disk. No partial file is left and an older shard stays.
        """
        arrays = self._checked(number, ids, vectors, valid)
        parts = [_content(arrays[name]) for name, _, _ in _LAYOUT]
        digests = {name: hashlib.sha256(part).hexdigest() for (name, _, _), part in zip(_LAYOUT, parts, strict=True)}
        self.directory.mkdir(parents=True, exist_ok=True)
        files.remove_abandoned(self.directory)
        files.write_bytes(self.path(number), self._header(arrays, digests), *parts)
        return Shard(number, len(ids), _combined(digests))

    def read_shard(self, number: int, *, verify: bool = False) -> ShardArrays:
        """Memory-map one shard.

        Parameters
        ----------
        number : int
            One of `numbers`.
        verify : bool
            Read it all and compare the checksums. Without, the header and the length are checked, which finds a file
            that is cut short but not a flipped bit.

        Returns
        -------
        ShardArrays
            Views of the file.

        Raises
        ------
        FileNotFoundError
            There is no such shard.
        StoreCorrupt
            It is damaged, or belongs to another fingerprint or dimension.
        """
        path = self.path(number)
        metadata, arrays = _map(path)
        shapes = {name: array.shape for name, array in arrays.items()}
        count = len(arrays["ids"])
        if shapes != {"ids": (count,), "valid": (count,), "vectors": (count, self.dimension)}:
            raise StoreCorrupt(f"{path} has unexpected shapes: {shapes}")
        if metadata.get("fingerprint") != self.fingerprint:
            raise StoreCorrupt(f"{path} was made by another featuriser: {metadata.get('fingerprint')}")
        if verify:
            for name, array in arrays.items():
                if hashlib.sha256(_content(array)).hexdigest() != metadata.get(name):
                    raise StoreCorrupt(f"{path} is damaged: the checksum of its {name} does not match")
        return ShardArrays(arrays["ids"], arrays["vectors"], arrays["valid"])

    def open(self, numbers: Iterable[int] | None = None) -> Embeddings:
        """Return the valid rows of several shards.

        One shard without invalid rows comes back as the memory map; otherwise rows are copied once, N x dimension x 4
        bytes.

        Parameters
        ----------
        numbers : iterable of int or None
            Which shards, in this order; None = all, ascending.

        Returns
        -------
        Embeddings
            Ids and vectors.

        Raises
        ------
        FileNotFoundError, StoreCorrupt
            As from `read_shard`.
        """
        shards = [self.read_shard(number) for number in (self.numbers() if numbers is None else numbers)]
        if len(shards) == 1 and shards[0].valid.all():
            return Embeddings(shards[0].ids, shards[0].vectors)
        counts = [int(shard.valid.sum()) for shard in shards]
        ids = np.empty(sum(counts), np.int64)
        vectors = np.empty((sum(counts), self.dimension), np.float32)
        start = 0
        for shard, count in zip(shards, counts, strict=True):
            rows = slice(start, start + count)
            whole = count == len(shard.valid)  # a plain copy is several times faster than a masked one
            ids[rows] = shard.ids if whole else shard.ids[shard.valid]
            vectors[rows] = shard.vectors if whole else shard.vectors[shard.valid]
            start += count
        return Embeddings(ids, vectors)

    def _checked(
        self, number: int, ids: NDArray[np.int64], vectors: NDArray[np.float32], valid: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        n = len(ids)
        if number < 0:
            raise ValueError("a shard's number must be 0 or more")
        if ids.shape != (n,) or valid.shape != (n,) or vectors.shape != (n, self.dimension):
            raise ValueError(
                f"expected ids (n,), vectors (n, {self.dimension}), valid (n,); "
                f"got {ids.shape}, {vectors.shape}, {valid.shape}"
            )
        if valid.dtype != np.bool_ or not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f"expected integer ids and boolean valid, got {ids.dtype} and {valid.dtype}")
        if len(np.unique(ids)) != n:
            raise ValueError("ids repeat within the shard")
        if not np.isfinite(vectors[valid]).all():
            raise ValueError("a valid vector is not finite")
        clean = np.where(valid[:, None], vectors, 0)
        by_name = {"ids": ids, "valid": valid, "vectors": clean}
        return {name: np.ascontiguousarray(by_name[name], dtype=dtype) for name, _, dtype in _LAYOUT}

    def _header(self, arrays: dict[str, NDArray[Any]], digests: dict[str, str]) -> bytes:
        metadata = {"version": _VERSION, "fingerprint": self.fingerprint, **digests}
        header: dict[str, Any] = {"__metadata__": metadata}
        end = 0
        for name, kind, _ in _LAYOUT:
            start, end = end, end + arrays[name].nbytes
            header[name] = {"dtype": kind, "shape": arrays[name].shape, "data_offsets": [start, end]}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return struct.pack("<Q", len(text)) + text


def _content(array: NDArray[Any]) -> memoryview:
    """Return a contiguous array's bytes without copying them."""
    return array.reshape(-1).view(np.uint8).data


def _combined(digests: dict[str, str]) -> str:
    return hashlib.sha256("".join(digests[name] for name, _, _ in _LAYOUT).encode()).hexdigest()


def _map(path: Path) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Return a shard file's metadata and its memory-mapped arrays; check that nothing is missing at its end."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, _MAX_HEADER)))
        start = 8 + length
        arrays: dict[str, NDArray[Any]] = {}
        end = 0
        for name, kind, dtype in _LAYOUT:
            entry = header[name]
            shape, (low, end) = tuple(entry["shape"]), entry["data_offsets"]
            if entry["dtype"] != kind or end - low != dtype.itemsize * int(np.prod(shape)):
                raise StoreCorrupt(f"{path} is damaged: its header contradicts itself")
            arrays[name] = (
                np.memmap(path, dtype, "r", start + low, shape).view(np.ndarray)
                if end > low
                else np.empty(shape, dtype)
            )
        if path.stat().st_size != start + end:
            raise StoreCorrupt(f"{path} is damaged: {path.stat().st_size} bytes instead of {start + end}")
        return header["__metadata__"], arrays
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise StoreCorrupt(f"{path} is damaged: {error}") from error
