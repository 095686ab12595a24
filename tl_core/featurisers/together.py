"""Several featurisers over the same files: each picture is read and decoded once, then all of them compute."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import Picture, as_image

SMALLEST_CROP = 0.7  # of each side of a picture


class Prepares(Protocol):
    """What a runtime's featuriser does before anything is computed.

    Attributes
    ----------
    decode_side : int
        Short side that the decoder should keep, pixels.
    dimension : int
        Numbers a picture.
    """

    @property
    def decode_side(self) -> int: ...
    @property
    def dimension(self) -> int: ...
    def preprocess(self, image: Picture) -> NDArray[np.uint8]: ...


class Computes(Protocol):
    """What computes features: a runtime of networks, or a baseline. See `tl_core.pipeline.Runtime`."""

    @property
    def featuriser(self) -> Prepares: ...
    @property
    def threads(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]: ...


class Together:
    """A runtime made of several: prepares a picture for each, and gives what all of them compute, side by side.

    Parameters
    ----------
    members : mapping of str to Computes
        By any names, at least one.
    change : callable or None
        From the decoded picture to the one that is looked at; None = as it is.

    Attributes
    ----------
    columns : dict of str to slice
        Where each member's features are.
    """

    def __init__(self, members: Mapping[str, Computes], change: Callable[[Picture], Picture] | None = None) -> None:
        self.members = dict(members)
        self._change = change
        self.columns: dict[str, slice] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._spent: dict[str, list[float]] = {name: [] for name in members}
        start = 0
        for name, member in self.members.items():
            self.columns[name] = slice(start, start + member.featuriser.dimension)
            start = self.columns[name].stop

    @property
    def featuriser(self) -> "Together":
        """What prepares pictures for it: itself."""
        return self

    @property
    def dimension(self) -> int:
        """Numbers a picture, of all members."""
        return max(int(columns.stop) for columns in self.columns.values())

    @property
    def decode_side(self) -> int:
        """Short side the decoder should keep, pixels: enough for each member, also once a part of it is cut off."""
        side: int = max(member.featuriser.decode_side for member in self.members.values())
        return side if self._change is None else math.ceil(side / SMALLEST_CROP)

    @property
    def threads(self) -> int:
        """Threads that decode."""
        return max(member.threads for member in self.members.values())

    @property
    def batch_size(self) -> int:
        """Pictures at a time: as many as any member likes."""
        return max(member.batch_size for member in self.members.values())

    @property
    def in_flight(self) -> int:
        """Batches at a time."""
        return max(member.in_flight for member in self.members.values())

    def preprocess(self, image: Picture) -> NDArray[np.uint8]:
        """Prepare an RGB picture for every member: uint8, one long row."""
        picture = image if self._change is None else self._change(image)
        prepared = []
        for name, member in self.members.items():
            started = time.perf_counter()
            pixels = member.featuriser.preprocess(picture)
            self._spent[name].append(time.perf_counter() - started)  # appending is safe from several threads
            self._shapes[name] = pixels.shape
            prepared.append(pixels.ravel())
        return np.concatenate(prepared)

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute prepared pictures (n, …): float32 (n, dimension)."""
        features = np.empty((len(batch), self.dimension), np.float32)
        start = 0
        for name, member in self.members.items():
            stop = start + math.prod(self._shapes[name])
            pixels = np.ascontiguousarray(batch[:, start:stop]).reshape(len(batch), *self._shapes[name])
            start = stop
            began = time.perf_counter()
            for first in range(0, len(batch), member.batch_size):
                few = slice(first, first + member.batch_size)
                features[few, self.columns[name]] = member.embed(pixels[few])
            self._spent[name].append(time.perf_counter() - began)
        return features

    def seconds(self, name: str) -> float:
        """Return what a member took in all, divided by how many calls run side by side."""
        return sum(self._spent[name]) / self.in_flight


def twin(picture: Picture) -> Picture:
    """Return an altered copy of a picture: most of it, mirrored half the time, lighter or darker, with other contrast.

    Parameters
    ----------
    picture : PIL.Image.Image of mode RGB, or ndarray of uint8, shape (height, width, 3)
        Not changed.

    Returns
    -------
    ndarray of uint8, shape (about 0.7 to 0.9 of each side, 3)
        The same for the same pixels.
    """
    pixels = np.asarray(as_image(picture))
    height, width = pixels.shape[:2]
    rng = np.random.default_rng(int(pixels[:: max(1, height // 16), :: max(1, width // 16)].sum()))
    share = rng.uniform(SMALLEST_CROP, 0.9, 2)
    kept_height, kept_width = max(1, math.ceil(height * share[0])), max(1, math.ceil(width * share[1]))
    top, left = int(rng.integers(height - kept_height + 1)), int(rng.integers(width - kept_width + 1))
    cut = pixels[top : top + kept_height, left : left + kept_width]
    if rng.random() < 0.5:
        cut = cut[:, ::-1]
    contrast, light = rng.uniform(0.8, 1.25), rng.uniform(-25, 25)
    changed = np.clip((cut.astype(np.float32) - 128) * contrast + 128 + light, 0, 255)
    return np.asarray(changed, np.uint8)
