"""Embeddings as plain files: one shard a file, written whole or not at all, memory-mapped by readers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tl_core.store import shards as shard_files
from tl_core.store import storage
from tl_core.store.shards import ShardArrays, StoreCorrupt
from tl_core.store.vectors import Vectors

_NAME = re.compile(r"shard-(\d{6,})\.safetensors")


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
class Embeddings:
    """The valid rows of several shards.

    Attributes
    ----------
    ids : ndarray of int64, shape (N,)
        Sample ids, in the order of the shards.
    vectors : Vectors of float32, shape (N, dimension)
        Row ``i`` belongs to ``ids[i]``. Memory-mapped: what the shards held when they were opened, even where they are
        replaced or deleted since.
    """

    ids: NDArray[np.int64]
    vectors: Vectors


class EmbeddingStore:
    """The shards of one featuriser fingerprint.

    Writers need no lock: each shard number is one writer's business, and writing the same number twice replaces it.

    Parameters
    ----------
    root : Storage or Path
        Of all stores; this one lives under ``<root>/<fingerprint>/``. A path is a directory, made on the first write.
    fingerprint : str
        Of the featuriser that made the vectors. Recorded in every shard and checked on reading.
    dimension : int
        Length of a vector.
    dtype : str
        What new shards hold: ``"float32"``, or ``"float16"``, which halves the bytes and costs a conversion at each
        reading. Each shard says what it is; both are read.

    Raises
    ------
    ValueError
        The fingerprint is no name for a `Storage`.
    """

    def __init__(
        self,
        root: storage.Storage | Path,
        fingerprint: str,
        dimension: int,
        *,
        dtype: Literal["float32", "float16"] = "float32",
    ) -> None:
        self.storage = _storage(root).child(fingerprint)
        self.fingerprint = fingerprint
        self.dimension = dimension
        self.dtype = dtype

    @staticmethod
    def name(number: int) -> str:
        """Return what the file of shard ``number`` (0 or more) is called in the storage."""
        return f"shard-{number:06d}.safetensors"

    def numbers(self) -> list[int]:
        """Return the numbers of the shards that exist, ascending. Raises OSError from looking."""
        matches = (_NAME.fullmatch(name) for name in self.storage.names("shard-"))
        return sorted(int(match[1]) for match in matches if match)

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
            Shapes disagree, ids repeat, or a valid vector is not finite (as float16 that begins at 65,520).
        OSError
            From writing, for instance a full disk. No partial file is left and an older shard stays.
        """
        arrays = self._checked(number, ids, vectors, valid)
        parts, sha256 = shard_files.encoded(arrays, {"fingerprint": self.fingerprint})
        self.storage.write(self.name(number), *parts)
        return Shard(number, len(ids), sha256)

    def read_shard(self, number: int, *, sha256: str | None = None, verify: bool = False) -> ShardArrays:
        """Memory-map one shard.

        Parameters
        ----------
        number : int
            One of `numbers`.
        sha256 : str or None
            What `write_shard` returned: an older shard is not taken for that one. On an object store a reader without
            it may see an older copy.
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
        OSError
            From fetching it.
        StoreCorrupt
            It is damaged, another one than ``sha256`` says, or belongs to another fingerprint or dimension.
        """
        try:
            return self._read(self.storage.local(self.name(number)), sha256, verify)
        except StoreCorrupt:
            # A copy in a cache may be of an older shard, or damaged itself.
            return self._read(self.storage.local(self.name(number), fresh=True), sha256, verify)

    def open(self, shards: Iterable[int | Shard] | None = None) -> Embeddings:
        """Map several shards and return their valid rows. Reads their headers and ids; vectors are read when used.

        Parameters
        ----------
        shards : iterable of int or Shard, or None
            Which shards, in this order; None = all, ascending. With a `Shard` its checksum is compared with the one
            in the header, see `read_shard`.

        Returns
        -------
        Embeddings
            Ids and vectors.

        Raises
        ------
        FileNotFoundError, OSError, StoreCorrupt
            As from `read_shard`.
        """
        wanted = [(each.number, each.sha256) if isinstance(each, Shard) else (each, None) for each in self._all(shards)]
        self.storage.fetch(self.name(number) for number, _ in wanted)
        opened = [self.read_shard(number, sha256=sha256) for number, sha256 in wanted]
        rows = [None if shard.valid.all() else np.flatnonzero(shard.valid) for shard in opened]
        ids = [shard.ids if valid is None else shard.ids[valid] for shard, valid in zip(opened, rows, strict=True)]
        vectors = Vectors([shard.vectors for shard in opened], rows, self.dimension)
        return Embeddings(np.concatenate([np.empty(0, np.int64), *ids]), vectors)

    def delete_shard(self, number: int) -> None:
        """Delete shard ``number``; a missing one is fine. Who has it open keeps it. Raises OSError."""
        self.storage.delete(self.name(number))

    def delete(self) -> None:
        """Delete all shards. Raises OSError."""
        for number in self.numbers():
            self.delete_shard(number)

    def _all(self, shards: Iterable[int | Shard] | None) -> Iterable[int | Shard]:
        return self.numbers() if shards is None else shards

    def _read(self, path: Path, sha256: str | None, verify: bool) -> ShardArrays:
        file = shard_files.opened(path)
        count = len(file.arrays.ids)
        if file.shapes != {"ids": (count,), "vectors": (count, self.dimension), "valid": (count,)}:
            raise StoreCorrupt(f"{path} has unexpected shapes: {file.shapes}")
        if file.metadata.get("fingerprint") != self.fingerprint:
            raise StoreCorrupt(f"{path} was made by another featuriser: {file.metadata.get('fingerprint')}")
        if sha256 is not None and file.sha256 != sha256:
            raise StoreCorrupt(f"{path} is another shard than the one on record: the checksums differ")
        if verify:
            file.verify()
        return file.arrays

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
        with np.errstate(over="ignore", invalid="ignore"):
            clean = np.where(valid[:, None], vectors, 0).astype(self.dtype)
        if not np.isfinite(clean).all():
            raise ValueError(f"a valid vector is not finite as {self.dtype}")
        return {"ids": ids.astype(np.int64), "vectors": clean, "valid": valid}


def _storage(root: storage.Storage | Path) -> storage.Storage:
    return root if isinstance(root, storage.Storage) else storage.at(root)
