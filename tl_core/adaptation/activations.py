"""What the fixed part of a network gives for each picture, computed once and read in every epoch.

Files of 256 pictures each, float16, written whole or not at all: a killed worker loses one of them. Reading maps them,
and lets go of what was read before it adds up, so that memory does not grow with the pictures.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.pipeline import Picture, Runtime, embed_images
from tl_core.store import files

SHARD = 256
MOST_MAPPED = 200_000_000  # bytes read before the maps are let go of
_LARGEST = float(np.finfo(np.float16).max)

Progress = Callable[[int], None]


@dataclass(eq=False)
class Activations:
    """Activations of pictures at a cut, in a directory.

    Attributes
    ----------
    directory : Path
        Holds these activations and nothing else.
    count : int
        How many pictures.
    views : int
        Views of each: the picture, and where there are 2 its mirror image.
    shape : tuple of int
        Of one view.
    dtype : str
        ``"float16"``; ``"uint8"`` for decoded pictures.
    """

    directory: Path
    count: int
    views: int
    shape: tuple[int, ...]
    dtype: str = "float16"
    _maps: dict[int, NDArray[Any]] = field(default_factory=dict, repr=False)
    _read: int = field(default=0, repr=False)

    @property
    def bytes_a_view(self) -> int:
        """Size of one view of one picture."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    @property
    def nbytes(self) -> int:
        """Size of them all."""
        return self.count * self.views * self.bytes_a_view

    def missing(self) -> list[int]:
        """Numbers of the files that are still to be computed, ascending."""
        return [number for number in range(-(-self.count // SHARD)) if not self._path(number).is_file()]

    def compute(self, pictures: Sequence[Picture], runtime: Runtime, progress: Progress = lambda done: None) -> None:
        """Compute what is missing.

        Parameters
        ----------
        pictures : sequence of Picture
            ``count`` of them, always in the same order.
        runtime : Runtime
            Of a `splitting.Below`, or for uint8 anything whose featuriser prepares pictures as the network's does.
        progress : callable
            Told how many pictures are done, now and then; at the end of a file once it is written. What it raises
            stops the work, what is written stays.

        Raises
        ------
        OSError
            From writing, or an object store does not answer.
        """
        files.make_directory(self.directory)
        files.remove_abandoned(self.directory)
        for number in self.missing():
            part = pictures[number * SHARD : (number + 1) * SHARD]
            values = np.zeros((len(part), self.views, *self.shape), self.dtype)
            refused = []
            for embedded in embed_images(part, runtime):
                if embedded.vector is None:
                    refused.append(embedded.index)
                else:
                    values[embedded.index] = self._fitting(embedded.vector).reshape(values.shape[1:])
                progress(number * SHARD + embedded.index)
            self._write(number, values, refused)
            progress(number * SHARD + len(part))

    def write(self, number: int, values: NDArray[Any]) -> None:
        """Write a file of activations that were computed elsewhere, (n, views, *shape). Raises OSError."""
        files.make_directory(self.directory)
        self._write(number, values, [])

    def usable(self) -> NDArray[np.bool_]:
        """Return for each picture whether it could be read, bool (count,)."""
        usable = np.ones(self.count, np.bool_)
        for number in range(-(-self.count // SHARD)):
            refused = np.load(self._path(number).with_suffix(".refused.npy"))
            usable[number * SHARD + refused] = False
        return usable

    def rows(self, at: NDArray[np.intp], view: NDArray[np.intp] | int = 0) -> NDArray[Any]:
        """Read activations.

        Parameters
        ----------
        at : ndarray of int, shape (n,)
            Which pictures.
        view : ndarray of int, shape (n,), or int
            Which view of each.

        Returns
        -------
        ndarray, shape (n, *shape)
            A copy, in the dtype of the files.

        Raises
        ------
        FileNotFoundError
            Some are not computed yet.
        """
        chosen = np.broadcast_to(np.asarray(view), at.shape)
        out = np.empty((len(at), *self.shape), self.dtype)
        for place, (row, side) in enumerate(zip(at.tolist(), chosen.tolist(), strict=True)):
            out[place] = self._map(row // SHARD)[row % SHARD, side]
        self._read += out.nbytes
        if self._read > MOST_MAPPED:
            self.release()
        return out

    def batches(self, at: NDArray[np.intp], size: int, view: int = 0) -> Iterator[NDArray[Any]]:
        """Read activations of pictures, ``size`` at a time."""
        for start in range(0, len(at), size):
            yield self.rows(at[start : start + size], view)

    def release(self) -> None:
        """Let go of what is mapped."""
        self._maps.clear()
        self._read = 0

    def _map(self, number: int) -> NDArray[Any]:
        if number not in self._maps:
            self._maps[number] = np.load(self._path(number), mmap_mode="r")
        return self._maps[number]

    def _fitting(self, vector: NDArray[Any]) -> NDArray[Any]:
        return np.clip(vector, -_LARGEST, _LARGEST) if self.dtype == "float16" else vector

    def _write(self, number: int, values: NDArray[Any], refused: list[int]) -> None:
        path = self._path(number)
        with files.replacing(path.with_suffix(".refused.npy")) as temporary, temporary.open("xb") as file:
            np.save(file, np.array(refused, np.intp))
        with files.replacing(path) as temporary, temporary.open("xb") as file:
            np.save(file, values)

    def _path(self, number: int) -> Path:
        return self.directory / f"activations-{number:05}.npy"
