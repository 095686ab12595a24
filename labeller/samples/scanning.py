"""Walking a folder: which files are new."""

import datetime
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from labeller.samples.models import Refusal, Sample, Source
from tl_core import storage
from tl_core.images import is_url


class FolderError(Exception):
    """The folder can't be used; the message says why in one line."""


@dataclass(frozen=True)
class Found:
    """A file in the folder: path relative to it, with forward slashes."""

    path: str
    bytes: int
    modified_ns: int


def tidy_folder(folder: Path | str) -> Path | str:
    """The folder as it is stored: absolute, or a URL without a slash at its end."""
    return str(folder).rstrip("/") if is_url(folder) else Path(folder).expanduser().resolve()


def check_folder(folder: Path | str) -> None:
    """Raises FolderError for a folder that is missing, no folder, unreadable or without a single file."""
    if is_url(folder):
        _check_url(str(folder))
        return
    path = Path(folder)
    if not path.exists():
        raise FolderError(_("The folder %(path)s does not exist.") % {"path": path})
    if not path.is_dir():
        raise FolderError(_("%(path)s is not a folder.") % {"path": path})
    if not os.access(path, os.R_OK | os.X_OK):
        detail = _("The folder %(path)s cannot be read: its permissions do not allow it.")
        raise FolderError(detail % {"path": path})
    if next(walk(path), None) is None:
        raise FolderError(_("The folder %(path)s holds no files.") % {"path": path})


def _check_url(url: str) -> None:
    """An object store is read only where the operator says so: else anybody's server could be asked for files."""
    if not any(url == allowed or url.startswith(f"{allowed}/") for allowed in settings.IMAGE_URLS):
        detail = _("%(url)s may not be imported: name it, or a folder above it, in IMAGE_URLS or STORAGE_URL.")
        raise FolderError(detail % {"url": url})
    try:
        first = next(_walk_url(url), None)
    except OSError as error:
        raise FolderError(_("%(url)s cannot be read: %(error)s") % {"url": url, "error": error}) from error
    if first is None:
        raise FolderError(_("The folder %(path)s holds no files.") % {"path": url})


def walk(root: Path | str) -> Iterator[Found]:
    """All files below the folder, hidden ones left out; links that lead out of it are not followed."""
    if is_url(root):
        yield from _walk_url(str(root))
        return
    root = Path(root)
    home = root.resolve()
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(directory, name)
            if name.startswith(".") or (file.is_symlink() and not file.resolve().is_relative_to(home)):
                continue
            try:
                stat = file.stat()
            except OSError:
                continue  # gone between the listing and now
            # A name that isn't UTF-8 can't be stored; with its odd bytes replaced it is refused by name later.
            path = os.fsencode(file.relative_to(root).as_posix()).decode("utf-8", "replace")
            yield Found(path, stat.st_size, stat.st_mtime_ns)


def _walk_url(url: str) -> Iterator[Found]:
    with storage.remote(url) as (store, top):
        found = store.find(top, detail=True)
    for name, entry in sorted(found.items()):
        path = name.removeprefix(top).strip("/")
        if not any(part.startswith(".") for part in path.split("/")):
            yield Found(path, entry["size"] or 0, _modified_ns(entry))


def _modified_ns(entry: dict[str, Any]) -> int:
    """When an object was last written, in nanoseconds; each kind of store calls it otherwise."""
    for name in ("LastModified", "last_modified", "updated", "mtime", "created"):
        if isinstance(when := entry.get(name), datetime.datetime):
            when = when.timestamp()
        if isinstance(when, int | float):
            return int(when * 1e9)
    return 0


def new_files(source: Source) -> list[Found]:
    """Files not imported yet, and refused ones that have changed since, spread over folders and time."""
    imported = set(Sample.objects.filter(source=source).values_list("path", flat=True))
    refused = {
        path: (size, modified)
        for path, size, modified in Refusal.objects.filter(source=source).values_list("path", "bytes", "modified_ns")
    }
    fresh = [
        found
        for found in walk(source.path)
        if found.path not in imported and refused.get(found.path) != (found.bytes, found.modified_ns)
    ]
    return spread(fresh)


def spread(files: list[Found]) -> list[Found]:
    """Order files so that any first part of them is a fair picture of the whole, and the same on every run.

    A folder stands for a camera's deployment, and the order of names in it for time. From each folder every prefix
    takes its share, at places that lie evenly in time (the van der Corput sequence): a systematic sample, which strays
    less from the whole than a random one. A folder's phase is a hash, so small folders come in as often as is fair.
    """
    folders: dict[str, list[Found]] = {}
    for found in sorted(files, key=lambda found: found.path):
        folders.setdefault(found.path.rpartition("/")[0], []).append(found)
    keyed = []
    for folder, members in folders.items():
        phase = int.from_bytes(hashlib.sha256(folder.encode()).digest()[:6], "big") / 2**48
        halving = sorted(range(len(members)), key=_van_der_corput)
        keyed += [((turn + phase) / len(members), members[place]) for turn, place in enumerate(halving)]
    return [found for _, found in sorted(keyed, key=lambda pair: (pair[0], pair[1].path))]


def _van_der_corput(place: int) -> float:
    """The binary digits of a number, mirrored at the point: 0, 1/2, 1/4, 3/4, 1/8, …"""
    return int(f"{place:b}"[::-1], 2) / (1 << place.bit_length()) if place else 0.0
