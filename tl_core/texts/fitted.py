"""What featurisers of texts learnt from a pool: arrays in files that are named by the digest of their content.

A spec ``KIND/DIGEST`` never comes to mean something else, and the same arrays saved twice are one file.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as arrays_to_bytes

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.store.storage import Storage

_FORMAT = "fitted-1"
_SPEC = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)/([0-9a-f]{16})")
_storage: Callable[[], Storage] | None = None  # specs are strings: what resolves them has no other way to know


class FittedCorrupt(Exception):
    """A file is not what was saved. The message names it; fit again."""


def configure(storage: Callable[[], Storage]) -> None:
    """Say where fitted arrays lie, for specs ``KIND/DIGEST`` to be found.

    Parameters
    ----------
    storage : callable
        Returns the storage; asked each time.
    """
    global _storage
    _storage = storage


def configured() -> Storage:
    """Return the storage that `configure` named.

    Raises
    ------
    FeaturiserUnavailable
        None was named.
    """
    if _storage is None:
        raise FeaturiserUnavailable("Nobody has said where fitted featurisers of texts lie.")
    return _storage()


def save(kind: str, arrays: Mapping[str, NDArray[Any]], storage: Storage | None = None) -> str:
    """Write arrays as ``<kind>-<digest>.safetensors``.

    Parameters
    ----------
    kind : str
        What made them, as `Fittable.kind` says.
    arrays : mapping of str to ndarray
        Of numbers; at least one.
    storage : Storage or None
        Where; None = where `configure` said. The same arrays are the same file.

    Returns
    -------
    str
        ``KIND/DIGEST``: a spec, for `load` and for `tl_core.texts.registry.make`.

    Raises
    ------
    ValueError
        The kind is no word of small letters, digits and hyphens.
    OSError
        From writing.
    """
    plain = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    spec = spec_of(kind, plain)
    name = file_name(spec)
    (storage or configured()).write(name, arrays_to_bytes(plain, {"format": _FORMAT, "kind": kind}))
    return spec


def spec_of(kind: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the spec that `save` gives to arrays, without writing them."""
    return f"{kind}/{_digest(kind, arrays)}"


def load(spec: str, storage: Storage | None = None) -> dict[str, NDArray[Any]]:
    """Read arrays.

    Parameters
    ----------
    spec : str
        From `save`.
    storage : Storage or None
        As given to `save`.

    Returns
    -------
    dict of str to ndarray
        Equal to those saved.

    Raises
    ------
    FeaturiserUnavailable
        There are none here.
    ValueError
        That is no such spec.
    FittedCorrupt
        The file is damaged.
    OSError
        From fetching it.
    """
    storage, name = storage or configured(), file_name(spec)
    try:
        return _read(storage.local(name).read_bytes(), spec)
    except FittedCorrupt:
        return _read(storage.local(name, fresh=True).read_bytes(), spec)  # a cached copy may be damaged
    except FileNotFoundError as error:
        raise FeaturiserUnavailable(
            f"There is no {spec} here: it was removed, or was fitted on another site. Fit it again."
        ) from error


def file_name(spec: str) -> str:
    """Return what the file of a spec ``KIND/DIGEST`` is called. Raises ValueError where it is none."""
    match = _SPEC.fullmatch(spec)
    if not match:
        raise ValueError(f"{spec!r} is nothing fitted: KIND/DIGEST is, the digest of 16 hexadecimal digits")
    return f"{match[1]}-{match[2]}.safetensors"


def packed(words: list[str]) -> NDArray[np.uint8]:
    """Return strings as an array that `save` takes.

    Parameters
    ----------
    words : list of str
        None holds a line break; there may be none at all.

    Returns
    -------
    ndarray of uint8, shape (n,)
        UTF-8, a line each. For `unpacked`.
    """
    return np.frombuffer("".join(f"{word}\n" for word in words).encode("utf-8", "surrogatepass"), np.uint8)


def unpacked(array: NDArray[np.uint8]) -> list[str]:
    """Return the strings that `packed` was given."""
    return array.tobytes().decode("utf-8", "surrogatepass").split("\n")[:-1]


def _digest(kind: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    sha256 = hashlib.sha256(f"{_FORMAT} {kind}".encode())
    for name, array in sorted(arrays.items()):
        sha256.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        sha256.update(np.ascontiguousarray(array).data)
    return sha256.hexdigest()[:16]


def _read(content: bytes, spec: str) -> dict[str, NDArray[Any]]:
    kind, _, digest = spec.partition("/")
    try:
        arrays: dict[str, NDArray[Any]] = arrays_from_bytes(content)
    except (SafetensorError, ValueError) as error:
        raise FittedCorrupt(f"{file_name(spec)} is damaged: {error}") from error
    if _digest(kind, arrays) != digest:
        raise FittedCorrupt(f"{file_name(spec)} is damaged: its digest is {_digest(kind, arrays)}")
    return arrays
