"""Folders with a data set, as Hugging Face's `datasets` saves them or as their repositories hold them."""

import json
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
        suffixes = [suffix.lower() for suffix in each.suffixes]
        while suffixes and suffixes[-1] in _PACKED:
            suffixes.pop()
        if suffixes and suffixes[-1] in _KINDS and each.is_file():
            by_kind.setdefault(suffixes[-1], []).append(each)
    for kind in _KINDS:
        if kind in by_kind:
            return by_kind[kind]
    raise TextRefused("unsupported-format", notice(Code.NO_TABLE_IN_FOLDER))


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
        try:
            if about.stat().st_size > _MOST_ABOUT:
                continue
            stored = json.loads(about.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        names.update(class_names(stored.get("features")) if isinstance(stored, dict) else {})
    return names
