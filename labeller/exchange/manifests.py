"""What a whole download held: how many rows, and its hash, to compare with the file one has.

Kept for the last whole one of each kind. One that breaks off leaves no manifest, and keeps the one before.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

log = logging.getLogger(__name__)


def noted(blocks: Iterator[tuple[bytes, int]], name: str) -> Iterator[bytes]:
    """Pass on the blocks, each with how many lines it holds; once the last one is taken, write the manifest of all."""
    digest, lines, size = hashlib.sha256(), 0, 0
    for block, n in blocks:
        digest.update(block)
        lines, size = lines + n, size + len(block)
        yield block
    manifest = {
        "file": name,
        "rows": lines - 1,  # the first one names the columns
        "bytes": size,
        "sha256": digest.hexdigest(),
        "finished_at": timezone.now().isoformat(),
    }
    try:
        _write(_path(name), manifest)
    except OSError as error:  # the download itself is whole all the same
        log.warning("no manifest of %s: %s", name, error)


def read(name: str) -> dict[str, Any] | None:
    """The manifest of the last whole download of that name; None where there was none."""
    try:
        manifest: dict[str, Any] = json.loads(_path(name).read_text())
        return manifest
    except FileNotFoundError:
        return None


def _path(name: str) -> Path:
    return Path(settings.DATA, "exports", f"{name}.json")


def _write(path: Path, manifest: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(f".{os.urandom(4).hex()}.part")
    part.write_text(json.dumps(manifest))
    part.replace(path)
