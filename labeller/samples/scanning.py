"""Walking a folder: which files are new, and what their names say."""

import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError

from labeller.projects.services import tidy_class_name
from labeller.samples.models import Refusal, Sample, Source


class FolderError(Exception):
    """The folder can't be used; the message says why in one line."""


@dataclass(frozen=True)
class Found:
    """A file in the folder: path relative to it, with forward slashes."""

    path: str
    bytes: int
    modified_ns: int


def check_folder(path: Path) -> None:
    """Raises FolderError for a folder that is missing, no folder, unreadable or without a single file."""
    if not path.exists():
        raise FolderError(f"The folder {path} does not exist.")
    if not path.is_dir():
        raise FolderError(f"{path} is not a folder.")
    if not os.access(path, os.R_OK | os.X_OK):
        raise FolderError(f"The folder {path} cannot be read: its permissions do not allow it.")
    if next(walk(path), None) is None:
        raise FolderError(f"The folder {path} holds no files.")


def walk(root: Path) -> Iterator[Found]:
    """All files below the folder, hidden ones left out; links that lead out of it are not followed."""
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


def new_files(source: Source) -> list[Found]:
    """Files not imported yet, and refused ones that have changed since, in an order spread over the folder.

    The order is by hash of the path: any prefix is a fair sample of folders and times, and the same on every run.
    """
    imported = set(Sample.objects.filter(source=source).values_list("path", flat=True))
    refused = {
        path: (size, modified)
        for path, size, modified in Refusal.objects.filter(source=source).values_list("path", "bytes", "modified_ns")
    }
    fresh = [
        found
        for found in walk(Path(source.path))
        if found.path not in imported and refused.get(found.path) != (found.bytes, found.modified_ns)
    ]
    return sorted(fresh, key=lambda found: hashlib.sha256(found.path.encode()).digest())


def class_names(source: Source, paths: list[str]) -> dict[str, str]:
    """What the source's naming rule says the class of each path is; paths it says nothing about are left out."""
    if source.meaning == Source.Meaning.NOTHING:
        return {}
    if source.truth_file:
        named = read_truth_file(Path(source.truth_file))
    else:
        named = {path: path.split("/")[-2] for path in paths if "/" in path}
    names = {path: _class_name(named[path]) for path in paths if path in named}
    return {path: name for path, name in names.items() if name is not None}


def _class_name(text: str) -> str | None:
    """The text as it is stored as a class's name; None where it can't be one."""
    try:
        return tidy_class_name(text)
    except ValidationError:
        return None


def read_truth_file(path: Path) -> dict[str, str]:
    """A CSV with the columns `path` and `class`, as {path: class name}. Raises FolderError naming what is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"path", "class"} <= set(reader.fieldnames or ()):
                raise FolderError(f"{path} needs a header with the columns path and class.")
            return {row["path"]: row["class"] for row in reader if row["class"]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FolderError(f"{path} cannot be read as CSV: {error}") from error
