"""The file of one shard: safetensors with three arrays, and a checksum of each in its header.

========  ==================  ========================================================
ids       int64               (n,), sample ids
vectors   float32 or float16  (n, dimension); rows that are not valid are zero
valid     bool                (n,), False where a sample has no embedding (broken file)
========  ==================  ========================================================
"""

import hashlib
import json
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.store import files
from tl_core.store.vectors import Stored

_VERSION = "1"
# Widest first, so that every array is aligned to its own items in the memory map.
_LAYOUT = ("ids", "vectors", "valid")
_KINDS: dict[str, dict[str, np.dtype[Any]]] = {
    "ids": {"I64": np.dtype("<i8")},
    "vectors": {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")},
    "valid": {"BOOL": np.dtype("?")},
}
_MAX_HEADER = 1 << 20


class StoreCorrupt(Exception):
    """A shard's file is not what was written. The message names it; delete it and embed its samples again."""


@dataclass(frozen=True)
class ShardArrays:
    """The content of one shard.

    Attributes
    ----------
    ids : ndarray of int64, shape (n,)
        Sample ids.
    vectors : ndarray of float32 or float16, shape (n, dimension)
        As stored, memory-mapped, read-only.
    valid : ndarray of bool, shape (n,)
        Which rows are embeddings.
    """

    ids: NDArray[np.int64]
    vectors: Stored
    valid: NDArray[np.bool_]


@dataclass(frozen=True)
class ShardFile:
    """A file that looks whole from outside.

    Attributes
    ----------
    path : Path
        Where it is.
    metadata : dict of str to str
        From its header: ``fingerprint``, ``version``, and the checksum of each array under the array's name.
    shapes : dict of str to tuple of int
        Of its arrays, by name.
    contents : dict of str to ndarray of uint8, shape (bytes,)
        The bytes of its arrays, by name.
    arrays : ShardArrays
        Views of them.
    """

    path: Path
    metadata: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    contents: dict[str, NDArray[np.uint8]]
    arrays: ShardArrays

    @property
    def sha256(self) -> str:
        """The digest `encoded` returned, from the header alone."""
        return _combined(self.metadata)

    def verify(self) -> None:
        """Read everything and compare the checksums. Raises StoreCorrupt where one differs."""
        for name, content in self.contents.items():
            if hashlib.sha256(content.data).hexdigest() != self.metadata.get(name):
                raise StoreCorrupt(f"{self.path} is damaged: the checksum of its {name} does not match")


def encoded(arrays: dict[str, NDArray[Any]], metadata: dict[str, str]) -> tuple[list[bytes | memoryview], str]:
    """Return the content of a shard's file.

    Parameters
    ----------
    arrays : dict of str to ndarray
        ``ids`` int64 (n,), ``vectors`` float32 or float16 (n, dimension), ``valid`` bool (n,).
    metadata : dict of str to str
        For the header, beside the checksums.

    Returns
    -------
    list of bytes or memoryview
        To be written one after the other. The views are of ``arrays`` where those are contiguous.
    str
        A digest over the three arrays.
    """
    header: dict[str, Any] = {}
    parts: list[memoryview] = []
    digests = {}
    end = 0
    for name in _LAYOUT:
        kind, dtype = next(each for each in _KINDS[name].items() if each[1] == arrays[name].dtype)
        content = np.ascontiguousarray(arrays[name], dtype).reshape(-1).view(np.uint8).data
        start, end = end, end + len(content)
        header[name] = {"dtype": kind, "shape": arrays[name].shape, "data_offsets": [start, end]}
        digests[name] = hashlib.sha256(content).hexdigest()
        parts.append(content)
    text = json.dumps({"__metadata__": {"version": _VERSION, **metadata, **digests}, **header}).encode()
    text += b" " * (-len(text) % 8)
    return [struct.pack("<Q", len(text)) + text, *parts], _combined(digests)


def opened(path: Path) -> ShardFile:
    """Map a shard's file and check that its header makes sense and nothing is missing at its end.

    Ids and ``valid`` are read; vectors are mapped. Through the map, the system would bring in the pages around the
    small arrays too: 128 KB a shard.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    ShardFile
        Its shapes may still be others than the caller expects.

    Raises
    ------
    StoreCorrupt
        It is not a whole shard.
    OSError
        It cannot be read or mapped.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, _MAX_HEADER)))
            metadata = dict(header["__metadata__"])
            places = _places(header, 8 + length)
            size, end = os.fstat(file.fileno()).st_size, places["valid"][3]
            if size != end:
                raise StoreCorrupt(f"{path} is damaged: {size} bytes instead of {end}")
            contents = {}
            for name, (_, _, low, high) in places.items():
                if name == "vectors":
                    contents[name] = files.mapped(file.fileno(), size)[low:high]
                else:
                    file.seek(low)
                    contents[name] = np.frombuffer(file.read(high - low), np.uint8)
        arrays = {name: contents[name].view(dtype).reshape(shape) for name, (dtype, shape, _, _) in places.items()}
    except (struct.error, ValueError, KeyError, TypeError, OverflowError) as error:
        raise StoreCorrupt(f"{path} is damaged: {error}") from error
    shapes = {name: shape for name, (_, shape, _, _) in places.items()}
    # A damaged byte of `valid` may be neither 0 nor 1.
    return ShardFile(
        path, metadata, shapes, contents, ShardArrays(arrays["ids"], arrays["vectors"], contents["valid"] != 0)
    )


def _places(header: dict[str, Any], start: int) -> dict[str, tuple[np.dtype[Any], tuple[int, ...], int, int]]:
    """Return each array's dtype and shape, and where in the file it lies. Raises ValueError where they contradict."""
    places = {}
    end = 0
    for name in _LAYOUT:
        entry = header[name]
        dtype, shape, (low, high) = _KINDS[name][entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        if low != end or high - low != dtype.itemsize * math.prod(shape):
            raise ValueError("its header contradicts itself")
        places[name] = (dtype, shape, start + low, start + high)
        end = high
    return places


def _combined(digests: dict[str, str]) -> str:
    return hashlib.sha256("".join(str(digests.get(name)) for name in _LAYOUT).encode()).hexdigest()
