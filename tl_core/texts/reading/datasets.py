"""Folders with a data set, as Hugging Face's `datasets` saves them or as their repositories hold them."""

import itertools
import json
import re
from pathlib import Path

from tl_core.notices import Code, notice
from tl_core.texts.reading.opening import is_litter
from tl_core.texts.reading.records import Names, class_names
from tl_core.texts.reading.refusals import TextRefused

_ABOUT = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
_PACKED = {".gz", ".xz", ".bz2", ".zip"}
# Where a folder holds several kinds, the earliest: the others are usually the same rows again.
_KINDS = (".arrow", ".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
_MOST_ABOUT = 10 << 20  # bytes of a file about the data set
_SHARD = re.compile(r"-\d{5}-of-\d{5}\b")
_LOOKED_INTO = 200  # folders right below


def tables_of(path: Path) -> list[Path]:
    """Return the files in which the rows of a table are.

    Parameters
    ----------
    path : Path
        A file, or a folder.

    Returns
    -------
    list of Path
        The file itself; or all files of one kind in the folder and those below it, in the order of their paths, but
        those whose names begin with a dot or with "cache-".

    Raises
    ------
    TextRefused
        There is no table in the folder.
    """
    if not path.is_dir():
        return [path]
    by_kind: dict[str, list[Path]] = {}
    for each in sorted(path.rglob("*")):
        inside = each.relative_to(path)
        if each.name in _ABOUT or each.name.startswith("cache-") or is_litter(inside.as_posix()):
            continue
        if any(part.startswith(".") for part in inside.parts) or not each.resolve().is_relative_to(path.resolve()):
            continue
        if (kind := _kind(each)) and each.is_file():
            by_kind.setdefault(kind, []).append(each)
    for kind in _KINDS:
        if kind in by_kind:
            return by_kind[kind]
    raise TextRefused("unsupported-format", notice(Code.NO_TABLE_IN_FOLDER))


def is_about(name: str) -> bool:
    """Return whether a file of that name tells about a data set, and holds none of its rows.

    Parameters
    ----------
    name : str
        Without folders.

    Returns
    -------
    bool
    """
    return name in _ABOUT


def is_dataset(path: Path) -> bool:
    """Return whether a folder is one with a data set: files about it, or shards of tables, in it or right below.

    Parameters
    ----------
    path : Path
        A folder of this machine; anything else is none.

    Returns
    -------
    bool
    """
    if not path.is_dir():
        return False
    below = itertools.islice((each for each in path.iterdir() if each.is_dir()), _LOOKED_INTO)
    for folder in (path, *sorted(below)):
        if any((folder / name).is_file() for name in _ABOUT):
            return True
        if any(_SHARD.search(each.name) and _kind(each) for each in folder.iterdir()):
            return True
    return False


def _kind(path: Path) -> str:
    """As what its name says a file holds rows; empty where it says nothing of that kind."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in _KINDS else ""


def class_names_beside(path: Path, root: Path) -> Names:
    """Return the names of classes for one table of a data set, by what lies beside it or in a folder above it.

    Parameters
    ----------
    path : Path
        The table.
    root : Path
        The folder of the data set: nothing above it is looked at.

    Returns
    -------
    dict of str to list of str
        By column; empty where nothing is said.
    """
    names: Names = {}
    above = [each for each in path.parents if each.is_relative_to(root)]
    for folder in reversed(above):
        names.update(_said_in(folder / "dataset_infos.json") | _said_in(folder / "dataset_info.json"))
    return names


def _said_in(about: Path) -> Names:
    try:
        if not about.is_file() or about.stat().st_size > _MOST_ABOUT:
            return {}
        stored = json.loads(about.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(stored, dict):
        return {}
    names = class_names(stored.get("features"))
    for each in stored.values():  # by the names of configurations, in the older file
        if isinstance(each, dict):
            names.update(class_names(each.get("features")))
    return names


def class_names_of(path: Path) -> Names:
    """Return the names of classes that a data set says its numbers stand for.

    Parameters
    ----------
    path : Path
        As of `tables_of`. A single file has none beside it.

    Returns
    -------
    dict of str to list of str
        By column; empty where nothing is said.
    """
    names: Names = {}
    for about in sorted(path.rglob("dataset_info.json")) if path.is_dir() else []:
        names.update(_said_in(about))
    return names
