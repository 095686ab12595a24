"""What every featuriser offers, and the registry of them."""

import functools
import hashlib
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core import files

if TYPE_CHECKING:
    import torch

DEFAULT = "efficientnet-lite0"
OUTPUT_DTYPE = "float32"
_exporting = threading.Lock()  # torch's exporter keeps its state in globals


class FeaturiserUnavailable(Exception):
    """A featuriser's weights or code are not installed. The message says what to install."""


class Featuriser(ABC):
    """Backbone + preprocessing + pooling: what makes an image's embedding, whichever runtime computes it.

    Attributes
    ----------
    name : str
        As in the registry.
    dimension : int
        Length of an embedding.
    image_size : int
        Side of the square image the backbone sees, pixels.
    preprocessing, pooling : str
        Words that change whenever the computation does: part of the fingerprint.
    """

    name: str
    dimension: int
    image_size: int
    preprocessing: str
    pooling: str

    @property
    @abstractmethod
    def weights_file(self) -> Path:
        """Path of the weights.

        Raises
        ------
        FeaturiserUnavailable
            The package with the weights is not installed.
        """

    @abstractmethod
    def preprocess(self, image: Image.Image) -> NDArray[np.uint8]:
        """Turn an upright RGB image into the array the exported graph takes.

        Parameters
        ----------
        image : PIL.Image.Image
            Mode RGB, any size; from `tl_core.images.load` with ``min_side=image_size``.

        Returns
        -------
        ndarray of uint8, shape (image_size, image_size, 3)
            0..255; the graph normalises.
        """

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

        Imports no torch: hashes the weights file and the words that describe the rest.

        Raises
        ------
        FeaturiserUnavailable
            There is no weights file to hash.
        """
        weights = self.weights_file
        status = weights.stat()
        digest = _digest(weights, status.st_mtime_ns, status.st_size)
        words = "\n".join([digest, str(self.image_size), self.preprocessing, self.pooling, OUTPUT_DTYPE])
        return hashlib.sha256(words.encode()).hexdigest()[:16]

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
        # The exporter warns that it is deprecated; whether its graph is right, a test tells.
        quiet = warnings.catch_warnings(action="ignore")
        with _exporting, files.replacing(path) as temporary, torch.no_grad(), quiet:
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


@functools.lru_cache(maxsize=16)
def _digest(path: Path, mtime_ns: int, size: int) -> str:
    """Digest a weights file, again only once it has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_registry: dict[str, Callable[[], Featuriser]] = {}


def register(name: str, make: Callable[[], Featuriser]) -> None:
    """Add a featuriser.

    Parameters
    ----------
    name : str
        Must be new.
    make : callable
        Builds it; must be cheap and import nothing heavy.

    Raises
    ------
    ValueError
        The name is taken.
    """
    if name in _registry:
        raise ValueError(f"a featuriser named {name!r} is registered already")
    _registry[name] = make


def names() -> tuple[str, ...]:
    """Return the registered names, the installed and the uninstalled alike, in order of registration."""
    return tuple(_registry)


def get(name: str = DEFAULT) -> Featuriser:
    """Return a featuriser whose weights are installed.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Featuriser
        Ready to use.

    Raises
    ------
    FeaturiserUnavailable
        It is known, but its weights are not installed; the message says how to install them.
    KeyError
        No such featuriser.
    """
    if name not in _registry:
        raise KeyError(f"no featuriser named {name!r}; there are: {', '.join(_registry)}")
    featuriser = _registry[name]()
    if not featuriser.weights_file.is_file():
        raise FeaturiserUnavailable(f"The weights of {name} are missing at {featuriser.weights_file}.")
    return featuriser
