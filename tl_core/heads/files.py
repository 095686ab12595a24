"""Keep a head as two plain files, and use it without scikit-learn, torch or pickle.

``head.safetensors`` holds the numbers, ``head.json`` the classes and whatever the caller records about the head.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as arrays_to_bytes

from tl_core.heads.plain import LinearHead, NearestHead
from tl_core.notices import Code, Notice, notice
from tl_core.store import files

ARRAYS_FILE = "head.safetensors"
META_FILE = "head.json"
_FORMAT = 2
_FORMATS = (1, _FORMAT)  # 1 has no kind: it is always linear

StoredHead = LinearHead | NearestHead
Arrays = dict[str, NDArray[Any]]


class HeadCorrupt(Exception):
    """A head's files are missing a part or contradict each other. The message names the directory."""


class HeadNotStorable(Exception):
    """A head cannot be written as plain numbers.

    Parameters
    ----------
    reason : Notice
        Which head, and which can.
    """

    def __init__(self, reason: Notice) -> None:
        super().__init__(reason)
        self.reason = reason


def save(head: Any, directory: Path, meta: dict[str, Any]) -> None:
    """Write a head into its own directory.

    Each file is written whole or not at all; the JSON comes last and names the digest of the numbers, so a reader
    never takes one half of a head with the other half of another.

    Parameters
    ----------
    head : fitted head
        With a method ``linear()`` or ``nearest()`` that gives its plain form, as all of ours have.
    directory : Path
        Made where missing; a head in it is replaced.
    meta : dict
        Anything JSON can hold: fingerprint, round, counts of labels.

    Raises
    ------
    HeadNotStorable
        The head has neither: a classifier of another library that is not linear could only be pickled, and what is
        unpickled can run anything.
    TypeError, ValueError
        ``meta`` or the classes cannot be written as JSON.
    OSError
        From writing, for instance a full disk.
    """
    kind, arrays, settings, classes = _taken_apart(_plain(head))
    content = arrays_to_bytes(arrays)
    record = {
        "format": _FORMAT,
        "kind": kind,
        "sha256": hashlib.sha256(content).hexdigest(),
        "classes": classes.tolist(),
        "settings": settings,
        "meta": meta,
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    directory.mkdir(parents=True, exist_ok=True)
    files.remove_abandoned(directory)
    files.write_bytes(directory / ARRAYS_FILE, content)
    files.write_bytes(directory / META_FILE, text.encode())


def load(directory: Path) -> StoredHead:
    """Read a head.

    Parameters
    ----------
    directory : Path
        As given to `save`.

    Returns
    -------
    LinearHead or NearestHead
        Ready to predict, as the head that was saved did.

    Raises
    ------
    FileNotFoundError
        There is no head.
    HeadCorrupt
        The files are damaged, or from a later version of this program.
    """
    content = (directory / ARRAYS_FILE).read_bytes()
    text = (directory / META_FILE).read_bytes()
    try:
        record = json.loads(text)
        if record["format"] not in _FORMATS:
            raise HeadCorrupt(f"the head in {directory} has format {record['format']}, this program reads {_FORMATS}")
        if hashlib.sha256(content).hexdigest() != record["sha256"]:
            raise HeadCorrupt(f"the head in {directory} is damaged: {ARRAYS_FILE} and {META_FILE} do not match")
        kind = record["kind"] if record["format"] > 1 else "linear"
        if kind not in _kinds:
            raise HeadCorrupt(f"the head in {directory} is of kind {kind!r}, this program reads {', '.join(_kinds)}")
        return _kinds[kind](arrays_from_bytes(content), record)
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise HeadCorrupt(f"the head in {directory} is damaged: {error}") from error


def _plain(head: Any) -> StoredHead:
    for form in ("linear", "nearest"):
        if hasattr(head, form):
            plain: StoredHead = getattr(head, form)()
            return plain
    raise HeadNotStorable(notice(Code.HEAD_NOT_STORABLE, name=type(head).__name__))


def _taken_apart(head: StoredHead) -> tuple[str, Arrays, dict[str, Any], NDArray[Any]]:
    """Return a head's kind, its arrays, its other settings and its classes."""
    if isinstance(head, LinearHead):
        kind = "multi-label linear" if head.multilabel else "linear"
        named: Arrays = {"coef": head.coef, "intercept": head.intercept}
        settings: dict[str, Any] = {}
    else:
        kind = "nearest"
        named = {"vectors": head.vectors, "weights": head.weights}
        settings = {"k": head.k, "temperature": head.temperature}
    named["center"] = head.center
    arrays: Arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in named.items()}
    if isinstance(head, NearestHead):
        arrays["codes"] = np.ascontiguousarray(head.codes, np.int32)
    return kind, arrays, settings, np.asarray(head.classes)


def _linear(arrays: Arrays, record: dict[str, Any]) -> LinearHead:
    classes, multilabel = np.asarray(record["classes"]), record.get("kind") == "multi-label linear"
    if arrays["coef"].shape != (len(classes), len(arrays["center"])) or arrays["intercept"].shape != classes.shape:
        raise ValueError("the numbers do not fit the classes")
    return LinearHead(
        classes, arrays["coef"], arrays["intercept"], arrays["center"], record["meta"], multilabel=multilabel
    )


def _nearest(arrays: Arrays, record: dict[str, Any]) -> NearestHead:
    classes, codes, settings = np.asarray(record["classes"]), arrays["codes"], record["settings"]
    if arrays["vectors"].shape != (len(codes), len(arrays["center"])) or arrays["weights"].shape != codes.shape:
        raise ValueError("the numbers do not fit each other")
    if codes.min() < 0 or codes.max() >= len(classes):
        raise ValueError("a label is of no class")
    return NearestHead(
        classes,
        arrays["vectors"],
        codes,
        arrays["weights"],
        arrays["center"],
        int(settings["k"]),
        float(settings["temperature"]),
        record["meta"],
    )


_kinds: dict[str, Callable[[Arrays, dict[str, Any]], StoredHead]] = {
    "linear": _linear,
    "multi-label linear": _linear,
    "nearest": _nearest,
}
