# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Keep a linear head as two plain files, and use it without scikit-learn, torch or pickle.

``head.safetensors`` holds the numbers, ``head.json`` the classes and whatever the caller records about the head.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as arrays_to_bytes

from tl_core import files

ARRAYS_FILE = "head.safetensors"
META_FILE = "head.json"
_FORMAT = 1
_CHUNK = 16384


class HeadCorrupt(Exception):
    """A head's files are missing a part or contradict each other. The message names the directory."""


class FittedHead(Protocol):
    """What `save` needs of a head: the attributes of a fitted `tl_core.heads.logistic.LogisticHead`."""

    classes_: NDArray[Any]
    coef_: NDArray[Any]
    intercept_: NDArray[Any]
    center_: NDArray[Any]


def unit_rows(X: ArrayLike, center: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centre embeddings and scale them to length one.

    Parameters
    ----------
    X : array-like, shape (n, d)
        Embeddings. Not changed.
    center : ndarray of float32, shape (d,)
        Usually the pool's mean.

    Returns
    -------
    ndarray of float32, shape (n, d)
        Rows of length 1; a row equal to the centre stays zero.
    """
    Z = np.asarray(X, dtype=np.float32) - center
    norms = np.sqrt(np.einsum("ij,ij->i", Z, Z))
    Z /= np.where(norms > 0, norms, 1)[:, None]
    return Z


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits into probabilities, row by row.

    Parameters
    ----------
    logits : ndarray of float32, shape (n, c)
        ``c`` at least 1.

    Returns
    -------
    ndarray of float32, shape (n, c)
        Rows sum to 1.
    """
    P: NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return P


@dataclass(frozen=True)
class LinearHead:
    """A head read from its files. Gives the probabilities the fitted head gave.

    Attributes
    ----------
    classes : ndarray, shape (c,)
        Class ids (int64) or keys (str), in the order of the columns of the probabilities.
    coef : ndarray of float32, shape (c, d)
        Weights on centred unit vectors.
    intercept : ndarray of float32, shape (c,)
        Added to the logits.
    center : ndarray of float32, shape (d,)
        Subtracted from embeddings.
    meta : dict
        What was given to `save`.
    """

    classes: NDArray[Any]
    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    center: NDArray[np.float32]
    meta: dict[str, Any] = field(default_factory=dict)

    def logits(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return logits of embeddings, in chunks, so that a memory-mapped pool is never copied whole.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Embeddings.

        Returns
        -------
        ndarray of float32, shape (n, c)
            One column a class, also where there are one or two.

        Raises
        ------
        ValueError
            ``X`` is not (n, d).
        """
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != len(self.center):
            raise ValueError(f"expected embeddings of shape (n, {len(self.center)}), got {X.shape}")
        logits = np.empty((len(X), len(self.classes)), np.float32)
        for start in range(0, len(X), _CHUNK):
            rows = slice(start, start + _CHUNK)
            np.matmul(unit_rows(X[rows], self.center), self.coef.T, out=logits[rows])
        return logits + self.intercept

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Return class probabilities of embeddings ``X`` (n, d): float32 (n, c). Raises as `logits`."""
        return softmax(self.logits(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the likeliest class of each embedding in ``X`` (n, d). Raises as `logits`."""
        best: NDArray[Any] = self.classes[self.logits(X).argmax(axis=1)]
        return best


def save(head: FittedHead, directory: Path, meta: dict[str, Any]) -> None:
    """Write a head into its own directory.

    Each file is written whole or not at all; the JSON comes last and names the digest of the numbers, so a reader
    never takes one half of a head with the other half of another.

    Parameters
    ----------
    head : FittedHead
        Fitted.
    directory : Path
        Made where missing; a head in it is replaced.
    meta : dict
        Anything JSON can hold: fingerprint, round, counts of labels.

    Raises
    ------
    TypeError
        ``meta`` or the classes cannot be written as JSON.
    OSError
        From writing, for instance a full disk.
    """
    arrays = {
        "coef": np.ascontiguousarray(head.coef_, np.float32),
        "intercept": np.ascontiguousarray(head.intercept_, np.float32),
        "center": np.ascontiguousarray(head.center_, np.float32),
    }
    content = arrays_to_bytes(arrays)
    record = {
        "format": _FORMAT,
        "sha256": hashlib.sha256(content).hexdigest(),
        "classes": np.asarray(head.classes_).tolist(),
        "meta": meta,
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    directory.mkdir(parents=True, exist_ok=True)
    files.remove_abandoned(directory)
    files.write_bytes(directory / ARRAYS_FILE, content)
    files.write_bytes(directory / META_FILE, text.encode())


def load(directory: Path) -> LinearHead:
    """Read a head.

    Parameters
    ----------
    directory : Path
        As given to `save`.

    Returns
    -------
    LinearHead
        Ready to predict.

    Raises
    ------
    FileNotFoundError
        There is no head.
    HeadCorrupt
        The files are damaged.
    """
    content = (directory / ARRAYS_FILE).read_bytes()
    text = (directory / META_FILE).read_bytes()
    try:
        record = json.loads(text)
        if record["format"] != _FORMAT:
            raise HeadCorrupt(f"the head in {directory} has format {record['format']}, this program reads {_FORMAT}")
        if hashlib.sha256(content).hexdigest() != record["sha256"]:
            raise HeadCorrupt(f"the head in {directory} is damaged: {ARRAYS_FILE} and {META_FILE} do not match")
        arrays = arrays_from_bytes(content)
        classes = np.asarray(record["classes"])
        return LinearHead(classes, arrays["coef"], arrays["intercept"], arrays["center"], record["meta"])
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise HeadCorrupt(f"the head in {directory} is damaged: {error}") from error
