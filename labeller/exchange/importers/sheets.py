"""Tables as others write them, a row at a time: separators, encodings and columns are seen from their beginning."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from labeller.exchange.importers.base import NotTaken, Unreadable
from labeller.exchange.importers.inputs import BEGINNING, Input
from labeller.samples.tables import DELIMITERS, NO_TABLE
from tl_core.texts.reading.records import MAX_CELL, has_too_large, let_cells_be_large

ENCODINGS = ("utf-8-sig", "utf-16", "cp1252")


class SheetRow(Mapping[str, str]):
    """The cells of a row by the keys of their columns; empty where the table has no such column."""

    __slots__ = ("_at", "_cells", "line")

    def __init__(self, line: int, at: dict[str, int], cells: list[str]) -> None:
        self.line, self._at, self._cells = line, at, cells

    def __getitem__(self, key: str) -> str:
        place = self._at.get(key)
        return self._cells[place].strip() if place is not None and place < len(self._cells) else ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)


@dataclass(frozen=True)
class Sheet:
    """How a table is read."""

    member: str
    encoding: str
    delimiter: str
    header: list[str]  # as it is written

    @property
    def keys(self) -> list[str]:
        return [key(each) for each in self.header]


def key(column: str) -> str:
    """What columns are compared by: lower case, without blanks, signs and accents."""
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKD", column).lower())


def sheet(given: Input, member: str, *, encoding: str = "", delimiter: str = "") -> Sheet:
    """See how a table is laid out; what is said goes before what is guessed. Raises Unreadable."""
    start = given.beginning(member)
    if not start.strip():
        raise Unreadable("empty", member)
    for mark, kind in NO_TABLE.items():
        if start.startswith(mark):
            raise Unreadable("no-table", kind)
    encoding = encoding or _encoding(start)
    text = start.decode(encoding, "replace")
    if "\0" in text:
        raise Unreadable("no-table", "NUL")
    said = re.match(r'\s*"?sep=(.)"?[^\r\n]*(\r\n|\r|\n|$)', text, re.IGNORECASE)
    first = _first_line(text)
    if not delimiter:
        delimiter = said[1] if said else max(DELIMITERS, key=first.count)
    header = next(csv.reader([first], delimiter=delimiter), [])
    while header and not header[-1].strip():
        header.pop()
    return Sheet(member, encoding, delimiter, [each.strip() for each in header])


def _first_line(text: str) -> str:
    """The header: the first line that says something, but for one that names the separator."""
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
    return lines[1] if len(lines) > 1 and re.match(r'\s*"?sep=', lines[0], re.IGNORECASE) else lines[0]


def _encoding(start: bytes) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(start) > 3 and start[1:200:2].count(0) > len(start[:200]) // 8:
        return "utf-16-le"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        # The beginning may end in the middle of a character.
        return "utf-8-sig" if len(start) == BEGINNING and error.start > len(start) - 4 else "cp1252"
    return "utf-8-sig"


def rows(given: Input, table: Sheet, columns: Iterable[str] | None = None) -> Iterator[SheetRow | NotTaken]:
    """The rows of a table; those that can't be read as problems, each with its line.

    `columns` are the keys by which cells are found, where not the header's own.
    """
    at = {name: place for place, name in reversed(list(enumerate(columns or table.keys))) if name}
    is_header = True
    for line, cells, wrong in _records(given, table):
        if wrong:
            yield NotTaken(line, "", "not-csv", wrong)
        elif not any(map(str.strip, cells)):
            continue
        elif is_header:
            is_header = re.match(r"sep=", cells[0], re.IGNORECASE) is not None
        elif any(map(str.strip, cells[len(table.header) :])):
            yield NotTaken(line, cells[0], "more-cells")
        elif (odd := next((cell for cell in cells if not _is_text(cell)), None)) is not None:
            yield NotTaken(line, cells[0].encode("utf-8", "replace").decode(), "wrong-encoding", repr(odd)[:80])
        else:
            yield SheetRow(line, at, cells)


def _is_text(cell: str) -> bool:
    return (cell.isascii() and "\0" not in cell) or not re.search("[\ud800-\udfff\0\ufffd]", cell)


def _records(given: Input, table: Sheet) -> Iterator[tuple[int, list[str], str]]:
    let_cells_be_large()
    with given.open(table.member) as stream:
        text = io.TextIOWrapper(stream, table.encoding, _ERRORS.get(table.encoding, "replace"), newline="")
        reader = csv.reader(text, delimiter=table.delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, [], str(error)
                continue
            yield line, cells, f"field larger than field limit ({MAX_CELL})" if has_too_large(cells) else ""


_ERRORS = {"utf-8-sig": "surrogateescape", "utf-8": "surrogateescape"}


def number(text: str) -> float | None:
    """A number as people write it, with a comma or a point; None where it is none."""
    try:
        found = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        return None
    return found if found == found and abs(found) != float("inf") else None
