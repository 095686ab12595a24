# ruff: noqa: N806 - matrices are X here, as in scikit-learn
"""How much each part of an embedding counts: parts side by side, each brought to one scale and given a weight.

A weight is a number that columns are multiplied by. So a linear head stays linear, and whatever reads embeddings
reads a mix as it reads any other.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as arrays_to_bytes

from tl_core.store.mixed import Mixed
from tl_core.store.storage import Storage
from tl_core.store.vectors import Vectors

_FORMAT = "mix-1"
ENOUGH = 20_000  # rows tell a deviation well enough
_TINY = 1e-6


class MixCorrupt(Exception):
    """A mix's file is not what was saved. The message names it; choose again."""


@dataclass(frozen=True, eq=False)
class Mix:
    """What the parts of an embedding are multiplied by.

    Attributes
    ----------
    fingerprints : tuple of str
        Of the featurisers that made the parts, in the order of the columns.
    weights : tuple of float
        How long a part's rows are on average, above 0: for people, and for exports.
    scales : tuple of ndarray of float32, shape (d_i,)
        What each part's columns are multiplied by; the weight is in it.
    """

    fingerprints: tuple[str, ...]
    weights: tuple[float, ...]
    scales: tuple[NDArray[np.float32], ...]

    @property
    def dimension(self) -> int:
        """Columns of all parts together."""
        return sum(len(scale) for scale in self.scales)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal. What was mixed under different digests must not be compared."""
        sha256 = hashlib.sha256(json.dumps([_FORMAT, self.fingerprints, self.weights]).encode())
        for scale in self.scales:
            sha256.update(np.ascontiguousarray(scale).data)
        return sha256.hexdigest()

    def apply(self, parts: Sequence[Vectors]) -> Mixed:
        """Read parts as this mix.

        Parameters
        ----------
        parts : sequence of Vectors, shapes (N, d_i)
            Of the same samples, in the order of ``fingerprints``.

        Returns
        -------
        Mixed
            Shape (N, dimension); nothing is read yet.

        Raises
        ------
        ValueError
            The parts don't fit.
        """
        return Mixed(parts, self.scales)

    def beside(self, other: "Mix") -> "Mix":
        """Return the parts of both, each weighing what it weighs."""
        return Mix(self.fingerprints + other.fingerprints, self.weights + other.weights, self.scales + other.scales)

    def weighted(self, weights: Sequence[float]) -> "Mix":
        """Return the same parts with other weights; one of weight 0 is left out."""
        kept = [at for at, weight in enumerate(weights) if weight > 0]
        return Mix(
            tuple(self.fingerprints[at] for at in kept),
            tuple(float(weights[at]) for at in kept),
            tuple(self.scales[at] * np.float32(weights[at] / self.weights[at]) for at in kept),
        )

    def save(self, storage: Storage) -> str:
        """Write it as ``mix-<digest>.safetensors``; the same mix is the same file. Raises OSError.

        Parameters
        ----------
        storage : Storage
            Where.

        Returns
        -------
        str
            The digest, for `load`.
        """
        about = {"format": _FORMAT, "fingerprints": json.dumps(self.fingerprints), "weights": json.dumps(self.weights)}
        arrays = {f"{at}": np.ascontiguousarray(scale) for at, scale in enumerate(self.scales)}
        storage.write(file_name(self.digest), arrays_to_bytes(arrays, about))
        return self.digest


def fit(parts: Sequence[tuple[str, Any, bool]], rng: np.random.Generator) -> Mix:
    """Bring parts to one scale: rows of each part, about its mean, are of length one on average, and so each weighs 1.

    Parameters
    ----------
    parts : sequence of (str, ndarray or Vectors of shape (N, d_i), bool)
        Fingerprint; the pool's embeddings; whether its columns are of different kinds, so that each is first divided by
        its own deviation: those of intermediate levels are, those of a last layer are not.
    rng : numpy.random.Generator
        Draws the rows that are looked at, where there are many.

    Returns
    -------
    Mix
        All weights 1. A column that never changes is multiplied by 0.

    Raises
    ------
    ValueError
        There are no parts, or no rows.
    """
    if not parts or not len(parts[0][1]):
        raise ValueError("a mix needs a part, and a row to measure it by")
    n = len(parts[0][1])
    rows = np.sort(rng.permutation(n)[:ENOUGH])
    scales = []
    for _, X, by_column in parts:
        some = np.asarray(X[rows], np.float64)
        deviations = some.std(axis=0)
        if by_column:
            varies = deviations > _TINY
            inverse = np.divide(1.0, deviations, out=np.zeros_like(deviations), where=varies)
            scale = inverse / np.sqrt(max(1, varies.sum()))
        else:
            length = np.sqrt(np.square(deviations).sum())
            scale = np.full(len(deviations), 1 / length if length > 0 else 0.0)
        scales.append(scale.astype(np.float32))
    return Mix(tuple(name for name, _, _ in parts), (1.0,) * len(parts), tuple(scales))


def load(storage: Storage, digest: str) -> Mix:
    """Read a mix.

    Parameters
    ----------
    storage : Storage
        Where it was saved.
    digest : str
        From `Mix.save`.

    Returns
    -------
    Mix
        Equal to the one that was saved.

    Raises
    ------
    FileNotFoundError, OSError
        It is not there, or can't be read.
    MixCorrupt
        It is damaged.
    """
    try:
        return _load(storage.local(file_name(digest)).read_bytes(), digest)
    except MixCorrupt:
        return _load(storage.local(file_name(digest), fresh=True).read_bytes(), digest)  # a cached copy may be damaged


def file_name(digest: str) -> str:
    """Return what the file of a mix is called."""
    return f"mix-{digest}.safetensors"


def _load(content: bytes, digest: str) -> Mix:
    name = file_name(digest)
    try:
        (length,) = np.frombuffer(content[:8], "<u8").tolist()
        about = json.loads(content[8 : 8 + length])["__metadata__"]
        arrays = arrays_from_bytes(content)
        scales = tuple(arrays[str(at)] for at in range(len(arrays)))
        mix = Mix(tuple(json.loads(about["fingerprints"])), tuple(json.loads(about["weights"])), scales)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise MixCorrupt(f"{name} is damaged: {error}") from error
    if mix.digest != digest:
        raise MixCorrupt(f"{name} is damaged: its content is another one's")
    return mix
