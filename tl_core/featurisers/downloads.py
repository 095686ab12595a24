"""Fetch a weights file once, whole, and checked."""

import contextlib
import hashlib
import os
import re
import urllib.request
from pathlib import Path

from tl_core.store import files

TIMEOUT_SECONDS = 20.0
_PIECE_BYTES = 1 << 20


def directory() -> Path:
    """Return where torch hub keeps checkpoints: ``$TORCH_HOME/hub/checkpoints``, by default below ``~/.cache``.

    Imports torch.

    Returns
    -------
    Path
        It may be missing.
    """
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


def fetch(url: str, path: Path) -> None:
    """Download a file, so that it is there whole or not at all.

    Parameters
    ----------
    url : str
        Starts with ``https://``.
    path : Path
        Written atomically; its directory is made where missing. Where its name carries a digest
        (``resnet50-11ad3fa6.pth``, torchvision's habit), the content must agree.

    Raises
    ------
    OSError
        ``HF_HUB_OFFLINE`` forbids it, no network, no such file, no space, fewer bytes than announced, or other content
        than the name promises.
    """
    if os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE"):
        raise OSError("HF_HUB_OFFLINE is set")
    path.parent.mkdir(parents=True, exist_ok=True)
    files.remove_abandoned(path.parent)
    expected = re.search(r"-([0-9a-f]{8,})\.", path.name)
    digest, size = hashlib.sha256(), 0
    # torch hub's own download waits for ever on a network that swallows packets.
    with (
        contextlib.closing(urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS)) as answer,  # noqa: S310 - https only
        files.replacing(path) as temporary,
    ):
        announced = answer.headers.get("Content-Length")
        with temporary.open("xb") as file:
            while piece := answer.read(_PIECE_BYTES):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
        if announced is not None and size != int(announced):
            raise OSError(f"{url} ended after {size} of {announced} bytes")
        if expected and not digest.hexdigest().startswith(expected[1]):
            raise OSError(f"{url} is not the file its name promises: its SHA-256 is {digest.hexdigest()}")
