"""Named arrays in one file, which is written whole or not at all and which readers map.

The arrays come first, each where a cache line begins; then JSON that says what they are; then the length of that.
"""

import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tl_core.store import files
from tl_core.store.storage import Storage

_FORMAT = "arrays-1"
_ALIGNED = 64
_LENGTH = struct.Struct("<Q")

Shapes = Mapping[str, tuple[DTypeLike, tuple[int, ...]]]


class ArraysCorrupt(Exception):
    """A file of arrays is not what was written. The message names it; write it again."""


@contextmanager
def writing(storage: Storage, name: str, shapes: Shapes) -> Iterator[dict[str, NDArray[Any]]]:
    """Hand out arrays that lie in a new file, to be filled inside a ``with`` statement.

    Parameters
    ----------
    storage : Storage
        Where.
    name : str
        An existing file of that name is replaced. Of two writers at once the later one's stays.
    shapes : mapping of str to (dtype, tuple of int)
        What each array is.

    Yields
    ------
    dict of str to ndarray
        Zeros. Mapped: what is written goes to the disk, not into memory. Not to be used after the statement.

    Raises
    ------
    ValueError
        The name is not one.
    OSError
        From writing, for instance a full disk, before anything is filled. What was there before stays.
    """
    places, size = _places({each: (np.dtype(dtype), tuple(shape)) for each, (dtype, shape) in shapes.items()})
    with storage.writing(name) as path:
        _allocate(path, size)
        content = np.memmap(path, np.uint8, "r+", shape=(size,))
        yield {each: content[low:high].view(dtype).reshape(shape) for each, (dtype, shape, low, high) in places.items()}
        header = {
            "format": _FORMAT,
            "arrays": {each: [dtype.str, shape] for each, (dtype, shape, _, _) in places.items()},
            "sums": {each: _sum(content, low, high) for each, (_, _, low, high) in places.items()},
        }
        content.flush()
        text = json.dumps(header).encode()
        with path.open("ab") as file:
            file.write(text + _LENGTH.pack(len(text)))


def read(storage: Storage, name: str) -> dict[str, NDArray[Any]]:
    """Map a file of arrays, and compare its checksums, which reads it once.

    Parameters
    ----------
    storage : Storage
        As given to `writing`.
    name : str
        As given to `writing`.

    Returns
    -------
    dict of str to ndarray
        Read-only. They stay what they are, even where the file is replaced or deleted since.

    Raises
    ------
    FileNotFoundError
        There is none.
    OSError
        From fetching or mapping it.
    ArraysCorrupt
        It is damaged: cut short, a bit flipped, a page lost.
    """
    try:
        return _read(storage.local(name))
    except ArraysCorrupt:
        return _read(storage.local(name, fresh=True))  # a copy may be damaged


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size - _LENGTH.size
            file.seek(max(end, 0))
            (length,) = _LENGTH.unpack(file.read())
            file.seek(max(end - length, 0))
            header = json.loads(file.read(min(length, max(end, 0))))
            if header["format"] != _FORMAT:
                raise ArraysCorrupt(f"{path} has format {header['format']}, this program reads {_FORMAT}")
            places, size = _places(
                {each: (np.dtype(dtype), tuple(shape)) for each, (dtype, shape) in header["arrays"].items()}
            )
            if size != end - length:
                raise ArraysCorrupt(f"{path} is damaged: {end - length} bytes of arrays instead of {size}")
            content = files.mapped(file.fileno(), size)
        for each, (_, _, low, high) in places.items():
            if _sum(content, low, high) != header["sums"][each]:
                raise ArraysCorrupt(f"{path} is damaged: the checksum of its {each} does not match")
    except (struct.error, ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        raise ArraysCorrupt(f"{path} is damaged: {error}") from error
    return {each: content[low:high].view(dtype).reshape(shape) for each, (dtype, shape, low, high) in places.items()}


def _places(
    shapes: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]],
) -> tuple[dict[str, tuple[np.dtype[Any], tuple[int, ...], int, int]], int]:
    """Return each array's dtype, shape, and first and last byte, and how long they are together."""
    places, low = {}, 0
    for name, (dtype, shape) in shapes.items():
        high = low + dtype.itemsize * math.prod(shape)
        places[name] = (dtype, shape, low, high)
        low = math.ceil(high / _ALIGNED) * _ALIGNED
    return places, max(low, _ALIGNED)


def _allocate(path: Path, size: int) -> None:
    """Make a file of zeros. Its room is taken now: a disk that is full when a map is written to kills the process."""
    with path.open("xb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)


def _sum(content: NDArray[np.uint8], low: int, high: int) -> int:
    """Return the sum of an array's bytes, eight at a time, with the zeros after it: as fast as they can be read."""
    words = content[low : math.ceil(high / 8) * 8].view("<u8")
    return int(np.add.reduce(words, dtype=np.uint64)) if len(words) else 0
