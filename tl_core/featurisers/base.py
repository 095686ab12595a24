"""What every featuriser offers."""

import functools
import hashlib
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.store import files

if TYPE_CHECKING:
    import torch

OUTPUT_DTYPE = "float32"
_exporting = threading.Lock()  # torch's exporter keeps its state in globals


Picture = Image.Image | NDArray[np.uint8]


class FeaturiserUnavailable(Exception):
    """A featuriser's weights or code are not installed. The message says what to install."""


@dataclass(frozen=True)
class Block:
    """A named part of an embedding: what is weighed as one.

    Attributes
    ----------
    name : str
        ``"last"``, or where in the network it comes from.
    start, stop : int
        Its columns.
    """

    name: str
    start: int
    stop: int


class Featuriser(ABC):
    """Backbone + preprocessing + pooling: what makes an image's embedding, whichever runtime computes it.

    Attributes
    ----------
    name : str
        The canonical spec: equal for equal featurisers. `tl_core.featurisers.get` sets it.
    dimension : int
        Length of an embedding.
    image_size : int
        Side of the square image the backbone sees, pixels.
    decode_side : int
        Short side the decoder should keep, pixels; at least ``image_size``.
    preprocessing, pooling : str
        Words that change whenever the computation does: part of the fingerprint.
    precision : str
        ``"float32"`` or ``"int8"``: what the runtime should compute in. Part of the fingerprint where not float32.
    source : str
        Where the weights come from, for people.
    digest : str
        Of the weights, where something else than their file's bytes identifies them; else empty.
    reads_texts : bool
        Whether texts can be compared with its embeddings: see `tl_core.featurisers.clip`.
    """

    name: str
    image_size: int
    preprocessing: str
    pooling: str
    precision: str = "float32"
    source: str = "this project"
    digest: str = ""
    reads_texts: bool = False

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length of an embedding. A plain attribute of the class will do."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What an embedding is made of, in the order of its columns."""
        return (Block("last", 0, self.dimension),)

    @property
    def decode_side(self) -> int:
        """Short side the decoder should keep, pixels: where the backbone sees all of the image, its own side."""
        return self.image_size

    @property
    def megabytes(self) -> float | None:
        """Size of the weights in megabytes (10^6 bytes); None where that cannot be told without them."""
        local = self.local_weights()
        return None if local is None else local.stat().st_size / 1e6

    @property
    @abstractmethod
    def weights_file(self) -> Path:
        """Path of the weights.

        Raises
        ------
        FeaturiserUnavailable
            The package with the weights is not installed.
        """

    def local_weights(self) -> Path | None:
        """Path of the weights where they are on this machine, else None; asks no network."""
        try:
            return self.weights_file if self.weights_file.is_file() else None
        except FeaturiserUnavailable:
            return None

    @property
    def remedy(self) -> str:
        """What to do where the weights are missing, for people."""
        try:
            return f"Put the weights at {self.weights_file}."
        except FeaturiserUnavailable as missing:
            return str(missing)

    @abstractmethod
    def preprocess(self, image: Picture) -> NDArray[np.uint8]:
        """Turn an upright RGB image into the array the exported graph takes.

        Parameters
        ----------
        image : PIL.Image.Image of mode RGB, or ndarray of uint8, shape (height, width, 3)
            Any size; `as_image` makes one of either. From `tl_core.images.load` with ``min_side=decode_side``.

        Returns
        -------
        ndarray of uint8, shape (image_size, image_size, 3)
            0..255; the graph normalises.
        """

    @property
    def recipe(self) -> dict[str, Any] | None:
        """How `preprocess` goes about it, for programs that do the same; None where none is described."""
        return None

    def check(self, batch: NDArray[np.uint8]) -> None:
        """Refuse what is no batch of preprocessed images.

        Parameters
        ----------
        batch : ndarray
            Should be uint8 of shape (n, image_size, image_size, 3).

        Raises
        ------
        ValueError
            It has another shape or dtype.
        """
        side = self.image_size
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != (side, side, 3):
            raise ValueError(f"expected uint8 (n, {side}, {side}, 3), got {batch.dtype} {batch.shape}")

    @abstractmethod
    def module(self) -> "torch.nn.Module":
        """Build the torch module: uint8 (n, image_size, image_size, 3) in, float32 (n, dimension) out, eval mode.

        Imports torch.

        Raises
        ------
        FeaturiserUnavailable
            A package it needs is not installed.
        """

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits. Embeddings with equal fingerprints may be mixed; others must not be.

        Hashes the weights file and the words that describe the rest; imports torch only where finding the weights does.

        Raises
        ------
        FeaturiserUnavailable
            There is no weights file to hash.
        """
        digest = self.digest
        if not digest:
            weights = self.weights_file
            status = weights.stat()
            digest = _digest(weights, status.st_mtime_ns, status.st_size)
        words = [digest, str(self.image_size), self.preprocessing, self.pooling, OUTPUT_DTYPE]
        if self.precision != "float32":
            words.append(self.precision)
        return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]

    def export_onnx(self, path: Path) -> None:
        """Write the graph: input ``image`` uint8 (n, size, size, 3), output ``embedding`` float32 (n, dimension).

        Parameters
        ----------
        path : Path
            Written atomically, so processes may export at the same time; the last one wins and all wrote the same.

        Raises
        ------
        FeaturiserUnavailable
            A package it needs is not installed.
        OSError
            From writing.
        """
        import torch

        module = self.module()
        example = torch.zeros((2, self.image_size, self.image_size, 3), dtype=torch.uint8)
        axes = {"image": {0: "n"}, "embedding": {0: "n"}}
        with _exporting, files.replacing(path) as temporary, torch.no_grad(), _traceable_attention():
            # The older exporter: 0.6 s and no further package; the newer one needs onnxscript for the same graph.
            torch.onnx.export(
                module,
                (example,),
                str(temporary),
                dynamo=False,
                opset_version=17,
                input_names=["image"],
                output_names=["embedding"],
                dynamic_axes=axes,
            )


def as_image(picture: Picture) -> Image.Image:
    """Return a picture as Pillow's.

    Parameters
    ----------
    picture : PIL.Image.Image of mode RGB, or ndarray of uint8, shape (height, width, 3)
        What `Featuriser.preprocess` is given.

    Returns
    -------
    PIL.Image.Image
        The picture itself where it is one, else a copy of the array.
    """
    return picture if isinstance(picture, Image.Image) else Image.fromarray(picture)


@contextmanager
def _traceable_attention() -> Iterator[None]:
    """Have attention computed by operators ONNX knows, and the exporter say nothing of being deprecated."""
    import torch

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        # Whether the graph is right, a test tells.
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@functools.lru_cache(maxsize=16)
def _digest(path: Path, mtime_ns: int, size: int) -> str:
    """Digest a weights file, again only once it has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
