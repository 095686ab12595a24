"""Folders that name classes, or a table of `file_name` beside pictures, as a folder or a zip. Only names are read."""

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

from django.utils.translation import gettext_noop

from labeller.exchange.importers import columns, sheets
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
from labeller.samples.tables import CLASSES

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".heic", ".heif", ".avif"}
SPLITS = {"train", "val", "valid", "validation", "test", "training", "testing"}
TABLES = ("metadata.csv", "metadata.jsonl")
LONGEST_LINE = 1_000_000  # bytes


class ImageFolder(Importer):
    """`class/file` or `split/class/file`; or metadata.csv, metadata.jsonl with a column of labels."""

    def __init__(self) -> None:
        super().__init__("image-folder", gettext_noop("Folders by class (ImageFolder)"))

    def refusal(self, given: Input) -> str:
        member = self._table(given)
        if member:
            found = self._columns(given, member)
            return "" if "file_name" in found else f"{member} has no column file_name"
        if given.is_single:
            return "a single file"
        pictures = [each for each in given.names if PurePosixPath(each).suffix.lower() in SUFFIXES]
        if not pictures:
            return "no pictures in it"
        return "" if any(_class_of(each, 0) for each in pictures) else "pictures without folders"

    def _table(self, given: Input) -> str:
        return next(filter(None, (given.find(each) for each in TABLES)), "")

    def _columns(self, given: Input, member: str) -> list[str]:
        """The columns of the table beside; of JSON lines the keys of the first."""
        if member.endswith(".csv"):
            return sheets.sheet(given, member).header
        first = given.beginning(member, LONGEST_LINE).decode("utf-8-sig", "replace").split("\n")[0]
        try:
            told = json.loads(first)
        except ValueError:
            return []
        return list(told) if isinstance(told, dict) else []

    def options(self, given: Input) -> list[Option]:
        member = self._table(given)
        if not member:
            return [Option("level", gettext_noop("Level of the folders that name classes, 1 = the topmost"), "")]
        found = self._columns(given, member)
        by_key = {sheets.key(each): each for each in found}
        guess = by_key.get(columns.first(list(by_key), [each for each in CLASSES if each != "filename"]), "")
        return [Option("class", gettext_noop("Column of the class"), guess, ("", *found))]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        for member in given.left_out:
            yield NotTaken(0, member, "leads-out")
        member = self._table(given)
        if not member:
            yield from self._folders(given, options)
            return
        if options.get("class") not in self._columns(given, member):
            raise Unreadable("no-columns", "class")
        rows = self._of_csv if member.endswith(".csv") else self._of_lines
        yield from gathered(rows(given, member, options["class"]))

    def _folders(self, given: Input, options: Options) -> Iterator[Record]:
        level = int(options["level"]) if options.get("level", "").strip().isdecimal() else 0
        for line, name in enumerate(given.names, start=1):
            if PurePosixPath(name).suffix.lower() not in SUFFIXES:
                continue
            found = _class_of(name, level)
            remarks = (Remark(line, (Taxon(found),)),) if found else ()
            if not remarks:
                yield NotTaken(line, name, "no-class")
            yield Pictured(line, name, remarks, PurePosixPath(name).name)

    def _of_csv(self, given: Input, member: str, column: str) -> Iterator[Record]:
        for row in sheets.rows(given, sheets.sheet(given, member)):
            if isinstance(row, NotTaken):
                yield row
            else:
                yield from _row(row.line, member, row["filename"], row[sheets.key(column)])

    def _of_lines(self, given: Input, member: str, column: str) -> Iterator[Record]:
        with given.open(member) as stream:
            for line, content in enumerate(iter(lambda: stream.readline(LONGEST_LINE), b""), start=1):
                if not content.strip():
                    continue
                try:
                    told = json.loads(content)
                    path, name = told["file_name"], told.get(column)
                except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                    yield NotTaken(line, "", "bad-row", content[:80].decode("utf-8", "replace"))
                    continue
                yield from _row(line, member, str(path), "" if name is None else str(name))


def _row(line: int, member: str, path: str, name: str) -> Iterator[Record]:
    """A row of the table beside: paths are those from where it lies."""
    if not path or not name:
        yield NotTaken(line, path, "no-class" if path else "no-path")
        return
    folder = member.rpartition("/")[0]
    yield Pictured(line, f"{folder}/{path}" if folder else path, (Remark(line, (Taxon(name),)),), path)


def _class_of(path: str, level: int) -> str:
    """The folder that names the class: the one that is said, else the first that is no split."""
    parts = path.split("/")[:-1]
    if level:
        return parts[level - 1] if level <= len(parts) else ""
    if parts and parts[0].lower() in SPLITS:
        parts = parts[1:]
    return parts[0] if parts else ""
