"""Features that have learnt from no pictures: what a pretrained network must beat to be worth its time.

They are runtimes as networks have, so that one pass over the files computes them all: see `together`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers import registry
from tl_core.featurisers.base import FeaturiserUnavailable, Picture, as_image
from tl_core.featurisers.networks import Network
from tl_core.featurisers.spec import canonical, parse

PIXELS = "pixels"
GRADIENTS = "gradients and colours"
UNTRAINED = "random weights"


class SmallPicture:
    """The pixels of a small copy: 16 by 16, squashed.

    Attributes
    ----------
    name : str
        For people and rows.
    image_size, decode_side : int
        Side of the copy, and what it is made from, pixels.
    dimension : int
        768.
    parts : tuple of (slice, bool)
        As for `tl_core.evaluation.transferability.mixed`.
    featuriser : SmallPicture
        Itself: it prepares pictures and computes.
    threads, batch_size, in_flight : int
        See `tl_core.pipeline.Runtime`.
    """

    name = PIXELS
    image_size = decode_side = 16
    dimension = 768
    parts: tuple[tuple[slice, bool], ...] = ((slice(0, 768), False),)
    threads = batch_size = in_flight = 1

    @property
    def featuriser(self) -> "SmallPicture":
        """What prepares pictures for it."""
        return self

    def preprocess(self, image: Picture) -> NDArray[np.uint8]:
        """Make the small copy of an RGB image: uint8 (image_size, image_size, 3)."""
        side = self.image_size
        return np.asarray(as_image(image).resize((side, side), reducing_gap=3.0), np.uint8)

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn small copies (n, image_size, image_size, 3) into features: float32 (n, dimension)."""
        return batch.reshape(len(batch), -1).astype(np.float32) / np.float32(255)


class Gradients(SmallPicture):
    """Histograms of oriented gradients of a 64-pixel copy, and a histogram of its colours. Imports scikit-image.

    References
    ----------
    Dalal, Triggs: Histograms of oriented gradients for human detection, 2005.
    """

    name = GRADIENTS
    image_size = decode_side = 64
    dimension = 1632
    parts = ((slice(0, 1568), False), (slice(1568, 1632), True))

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn copies (n, 64, 64, 3) into features: float32 (n, 1632)."""
        from skimage.feature import hog

        features = np.empty((len(batch), self.dimension), np.float32)
        for row, picture in zip(features, batch, strict=True):
            grey = picture @ np.array([0.299, 0.587, 0.114], np.float32)
            row[:1568] = hog(grey, orientations=8, pixels_per_cell=(8, 8), cells_per_block=(2, 2))
            # Four steps of each channel: 64 colours, as shares of the picture.
            levels = (picture >> 6).reshape(-1, 3).astype(np.intp)
            row[1568:] = np.bincount(levels @ np.array([16, 4, 1]), minlength=64) / len(levels)
        return features


def untrained(spec: str, folder: Path, seed: int = 0) -> str:
    """Return the spec of the same network with random weights, which are written where they are missing.

    Parameters
    ----------
    spec : str
        Of a network, as for `tl_core.featurisers.get`.
    folder : Path
        Keeps the weights; made where missing.
    seed : int
        Of the weights.

    Returns
    -------
    str
        For `tl_core.featurisers.get`, with the options of ``spec``.

    Raises
    ------
    FeaturiserUnavailable
        The featuriser is no network whose weights can be given.
    """
    network = registry.make(spec)
    if not isinstance(network, Network):
        raise FeaturiserUnavailable(f"{spec} is no network of a library: random weights of it cannot be made.")
    name, options = parse(spec)
    word = "".join(letter if letter.isalnum() else "-" for letter in name)
    path = folder / f"untrained-{word}-{network.image_size}-{seed}.safetensors"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        network.write_untrained(path, seed)
    return canonical(name, {**options, "weights": str(path.absolute())})
