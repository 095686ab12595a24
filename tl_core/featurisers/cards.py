"""What a network of one's own is, as the header of its file says, and where those files lie.

A file is named by the digest of its tensors and of what they are computed with: saved twice it is one network, and a
spec ``own/DIGEST`` never comes to mean another.
"""

import json
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tl_core.featurisers.base import FeaturiserUnavailable
from tl_core.featurisers.preprocessing import Preprocessing
from tl_core.store.storage import Storage

PREFIX = "own/"
BUILDER = "builder:"
CLIP = "clip"
ONNX = "onnx"
MADE_BY = ("upload", "tuning", "adaptation")
DIGEST = re.compile("[0-9a-f]{16}")
_MOST_HEADER = 100_000_000  # bytes; safetensors' own limit
_storage: Callable[[], Storage] | None = None  # specs are strings: what resolves them has no other way to know


@dataclass(frozen=True)
class Card:
    """What a network of one's own is.

    Attributes
    ----------
    name : str
        For people.
    architecture : str
        A spec, ``builder:NAME``, ``clip`` (described by the arguments) or ``onnx``.
    made_by : str
        One of `MADE_BY`.
    made_at : str
        When, ISO 8601.
    origin : str
        The spec of the network it was made from, or the name of the file it came in; empty where nobody knows.
    figures : dict
        What was measured, whatever it is; JSON.
    arguments : dict
        Those of the builder, or what `tl_core.featurisers.clip` calls a description; JSON.
    preprocessing : dict or None
        The fields of `Preprocessing`; None = as the architecture's own featuriser does it. `save` adds its words as
        ``applied``.
    dimension : int
        Length of an embedding; `save` finds it out.
    """

    name: str
    architecture: str
    made_by: str
    made_at: str
    origin: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] | None = None
    applied: str = ""
    dimension: int = 0


def configure(storage: Callable[[], Storage]) -> None:
    """Say where networks of one's own lie, for specs ``own/DIGEST`` to be found.

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
        raise FeaturiserUnavailable("Nobody has said where networks of one's own lie.")
    return _storage()


def preprocessing_of(fields: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing that a card describes.

    Parameters
    ----------
    fields : mapping
        Of `Preprocessing`, as JSON gave them.

    Raises
    ------
    FeaturiserUnavailable
        They are not that.
    """
    try:
        given = {**fields, "mean": tuple(fields["mean"]), "std": tuple(fields["std"])}
        return Preprocessing(**given)
    except (TypeError, KeyError) as error:
        raise FeaturiserUnavailable(f"This is no preprocessing: {dict(fields)}") from error


def name(digest: str) -> str:
    """Return what the file of a network is called in its storage. Raises ValueError where that is no digest."""
    if not DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is no network's digest: 16 hexadecimal digits are")
    return f"{digest}.safetensors"


def digest_of(spec: str) -> str | None:
    """Return the digest in a spec ``own/DIGEST``, whatever its options; None in any other."""
    plain = spec.partition(",")[0].strip()
    return plain.removeprefix(PREFIX) if plain.startswith(PREFIX) else None


def local(storage: Storage, digest: str) -> Path:
    """Return the local file of a network.

    Parameters
    ----------
    storage : Storage
        Where networks of one's own lie.
    digest : str
        From `save`.

    Raises
    ------
    FeaturiserUnavailable
        There is none.
    OSError
        From fetching it.
    """
    try:
        return storage.local(name(digest))
    except (FileNotFoundError, ValueError) as error:
        raise FeaturiserUnavailable(
            f"There is no network {PREFIX}{digest} here: it was removed, or was never uploaded to this site."
        ) from error


def card_of(path: Path) -> Card:
    """Read the card in a local file; only its header is read. Raises FeaturiserUnavailable where there is none."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= _MOST_HEADER else {}
        return Card(**json.loads(header["__metadata__"]["card"]))
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise FeaturiserUnavailable(f"{path} is no network that was saved here: {error}") from error
