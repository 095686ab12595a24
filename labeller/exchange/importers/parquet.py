"""Parquet of Hugging Face: pictures in a column with their paths, labels by number, whose names the file tells."""

import json
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_noop

from labeller.exchange.importers.base import (
    Importer,
    NotTaken,
    Option,
    Options,
    Pictured,
    Record,
    Remark,
    Taxon,
    Unreadable,
)
from labeller.exchange.importers.gathering import gathered
from labeller.exchange.importers.inputs import Input

TOGETHER = 1_000  # rows read at once
LABELS = ("label", "labels", "class", "species", "category")
PATHS = ("file_name", "image_path", "path", "filename", "file")


class HuggingFace(Importer):
    """One or several .parquet files; pictures themselves are not read."""

    def __init__(self) -> None:
        super().__init__("hugging-face", gettext_noop("Hugging Face (Parquet)"))

    def refusal(self, given: Input) -> str:
        members = _members(given)
        if not members:
            return "no .parquet file"
        try:
            found = _schema(given, members[0])
        except Unreadable as error:
            return f"{error.reason} {error.text}".strip()
        if not _path(found):
            return "no column of pictures with paths"
        return "" if any(each in found for each in LABELS) else "no column of labels"

    def options(self, given: Input) -> list[Option]:
        found = _schema(given, _members(given)[0])
        return [
            Option(
                "class",
                gettext_noop("Column of the class"),
                next(each for each in LABELS if each in found),
                tuple(found),
            )
        ]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        yield from gathered(self._rows(given, options))

    def _rows(self, given: Input, options: Options) -> Iterator[Record]:
        line = 0
        for member in _members(given):
            found = _schema(given, member)
            path, column = _path(found), options.get("class", "")
            if not path or column not in found:
                raise Unreadable("no-columns", "path, class")
            names = _names(given, member, column)
            for row in _read(given, member, [path, column]):
                line += 1
                yield from _record(line, row[path], row[column], names)


def _members(given: Input) -> list[str]:
    return sorted(each for each in given.names if each.lower().endswith(".parquet"))


def _file(given: Input, member: str) -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise Unreadable("no-package", "pyarrow") from error
    if given.is_zip:
        raise Unreadable("no-table", "Parquet in a zip: unpack it")  # it is read from its end
    try:
        return parquet.ParquetFile(given.location(member))
    except (OSError, ValueError) as error:
        raise Unreadable("cannot-be-read", str(error)[:200]) from error


def _schema(given: Input, member: str) -> dict[str, Any]:
    """The columns with their types."""
    return {field.name: field.type for field in _file(given, member).schema_arrow}


def _path(found: dict[str, Any]) -> str:
    """The column that tells paths: that of pictures, which has a field for it, or one by its name."""
    if "image" in found and "path" in str(found["image"]):
        return "image.path"
    return next((each for each in PATHS if each in found), "")


def _names(given: Input, member: str, column: str) -> list[str]:
    """The names of classes by their numbers, as the file's own description of itself has them."""
    told = (_file(given, member).schema_arrow.metadata or {}).get(b"huggingface", b"{}")
    try:
        feature = json.loads(told).get("info", {}).get("features", {}).get(column, {})
        names = feature.get("names") or feature.get("feature", {}).get("names") or []
    except (ValueError, AttributeError):
        return []
    return [str(each) for each in names]


def _read(given: Input, member: str, wanted: list[str]) -> Iterator[dict[str, Any]]:
    """These columns of all rows; of pictures only the path is read."""
    try:
        for batch in _file(given, member).iter_batches(TOGETHER, columns=wanted):
            for row in batch.to_pylist():
                image = row.get("image")
                yield {**row, "image.path": image.get("path") if isinstance(image, dict) else None}
    except (OSError, ValueError) as error:
        raise Unreadable("cannot-be-read", str(error)[:200]) from error


def _record(line: int, path: Any, said: Any, names: list[str]) -> Iterator[Record]:
    if not path:
        yield NotTaken(line, "", "no-path")
        return
    values = said if isinstance(said, list) else [] if said is None else [said]
    taxa = []
    for each in values:
        if isinstance(each, int) and not isinstance(each, bool) and names:
            if not 0 <= each < len(names):
                yield NotTaken(line, str(path), "no-such-id", f"class {each}")
                return
            taxa.append(Taxon(names[each]))
        else:
            taxa.append(Taxon(str(each)))
    if not taxa:
        yield NotTaken(line, str(path), "no-class")
        return
    yield Pictured(line, str(path), (Remark(line, tuple(taxa)),))
