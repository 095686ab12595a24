"""Reading a table of paths and classes, as spreadsheets, scripts and this program's own exports write them.

What a row means must be certain: what is not taken is collected as a problem, with its line, and told.
"""

import csv
import hashlib
import io
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from django.core.exceptions import ValidationError

from labeller.codes import WorkerCode
from labeller.projects.making import tidy_class_name
from labeller.samples.cells import arm, split_names
from labeller.samples.scanning import FolderError
from labeller.text import fold
from tl_core.notices import notice

# Names of columns in lower case without blanks, signs and accents; of several the earliest here is meant.
PATHS = (
    "path", "filepath", "imagepath", "relpath", "relativepath", "file", "filename", "imagefilename", "imagefile",
    "image", "images", "imagename", "img", "imgname", "photo", "photograph", "photoname", "picture", "media",
    "mediapath", "sample", "imageid", "imgid", "fileid", "photoid", "bestand", "bestandsnaam", "pad", "foto",
    "afbeelding", "datei", "dateiname", "dateipfad", "pfad", "bild", "bildname", "bilddatei", "aufnahme", "fichier",
    "nomfichier", "nomdufichier", "chemin", "archivo", "nombredearchivo", "ruta", "imagen", "arquivo", "imagem",
    "percorso", "immagine",
)  # fmt: skip
FOLDERS = ("relativepath", "folder", "directory", "dir", "subfolder", "map", "ordner", "dossier", "carpeta")
CLASSES = (
    "classes", "class", "label", "labels", "answer", "answers", "category", "categories", "classname", "labelname",
    "categoryname", "commonname", "species", "speciesname", "commonnames", "animal", "taxon", "taxonname",
    "scientificname", "truth", "groundtruth", "target", "tag", "tags", "breed", "klasse", "klas", "soort", "naam",
    "dier", "diersoort", "etiket", "categorienaam", "kategorie", "klassenname", "art", "artname", "tierart", "tier",
    "vogelart", "pflanzenart", "spezies", "classe", "categorie", "etiquette", "espece", "clase", "categoria",
    "etiqueta", "especie", "specie", "classid", "labelid", "categoryid",
)  # fmt: skip
LAST_RESORT = {"path": ("name", "id", "url", "uri"), "class": ("name",)}  # each means a path here and a class there
RANKS = {"order", "family", "genus"}  # beside these a column “class” is a rank, such as Mammalia
OWN = {"path", "question", "classes", "verdict"}  # the columns of this program's export of labels
DEFUSED = "defused"  # the column that says so in an export for spreadsheets
DELIMITERS = ",;\t|"
NO_TABLE = {
    b"PK\x03\x04": "Excel, LibreOffice",
    b"\xd0\xcf\x11\xe0": "Excel",
    b"%PDF": "PDF",
    b"PAR1": "Parquet",
    b"SQLite format 3": "SQLite",
}
FILE_NAME = re.compile(r".\.[A-Za-z0-9]{2,5}$")
LONGEST_NAME = 200
LOOKED_AT = 50  # rows that tell what a table without a header is


class Row(NamedTuple):
    """A path and what it is said to show."""

    line: int
    path: str
    classes: tuple[str, ...]
    question: str = ""


class Problem(NamedTuple):
    """Something that is not taken: a code, the line it stands in (0 = none) and what it is about."""

    kind: str
    line: int
    path: str = ""
    text: str = ""


@dataclass
class Table:
    """What a table says, and what in it could not be taken."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    n_rows: int = 0  # all that hold anything, but those that are no answers in an export of ours
    digest: str = ""  # of the file as it was read


@dataclass(frozen=True)
class _Columns:
    """Which cells of a row say what; None = there is no such column."""

    count: int
    path: int
    name: int
    file: int | None = None
    folder: int | None = None
    question: int | None = None
    verdict: int | None = None
    overruled: int | None = None
    defused: int | None = None
    part: int | None = None


# --- reading --------------------------------------------------------------------------------------


def read(path: Path, *, several: bool = False) -> Table:
    """The rows of a table; with `several`, a cell may hold more classes than one, with | between them.

    Raises FolderError in one line where it is no table, or where its columns say neither path nor class.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FolderError(
            notice(WorkerCode.TABLE_UNREADABLE, path=str(path), error=error.strerror or str(error))
        ) from error
    text = _decoded(path, content)
    delimiter, text, skipped = _announced(text)
    if not text.strip():
        raise FolderError(notice(WorkerCode.TABLE_EMPTY, path=str(path)))
    columns, delimiter, has_header = _layout(path, text, delimiter)
    table = _rows(text, delimiter, columns, skipped, has_header=has_header, several=several)
    table.digest = hashlib.sha256(content).hexdigest()
    return table


def _decoded(path: Path, content: bytes) -> str:
    for start, name in NO_TABLE.items():
        if content.startswith(start):
            raise FolderError(notice(WorkerCode.NO_TABLE, path=str(path), name=name))
    text = _text(content)
    if "\0" in text:
        raise FolderError(notice(WorkerCode.NUL_IN_TABLE, path=str(path)))
    return text


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return content.decode("utf-32", "replace")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    head = content[:200]
    if len(head) > 3 and head[1::2].count(0) > len(head) // 4:  # UTF-16 that does not say so
        return content.decode("utf-16-le", "replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _announced(text: str) -> tuple[str, str, int]:
    """The delimiter that a first line “sep=;” names, the text after it, and how many lines it took."""
    found = re.match(r'\s*"?sep=(.)"?[^\r\n]*(\r\n|\r|\n|$)', text, re.IGNORECASE)
    return (found[1], text[found.end() :], 1) if found else ("", text, 0)


def _records(text: str, delimiter: str, skipped: int = 0) -> Iterator[tuple[int, list[str], str]]:
    """Each record with the number of its first line, and what is wrong with it where it is no CSV."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, [], str(error)
            continue
        yield line, cells, ""


def _layout(path: Path, text: str, announced: str) -> tuple[_Columns, str, bool]:
    """The columns, the delimiter, and whether a header says so."""
    delimiters = announced or DELIMITERS
    found = []
    for delimiter in delimiters:
        filled = (cells for _line, cells, _wrong in _records(text, delimiter) if any(map(str.strip, cells)))
        header = next(filled, [])
        if columns := _named(header):
            found.append((columns.count, columns, delimiter))
    if found:
        _count, columns, delimiter = max(found, key=lambda each: each[0])
        return columns, delimiter, True
    for delimiter in delimiters:
        filled = (cells for _line, cells, _wrong in _records(text, delimiter) if any(map(str.strip, cells)))
        if columns := _guessed(list(itertools.islice(filled, LOOKED_AT))):
            return columns, delimiter, False
    raise FolderError(notice(WorkerCode.NO_COLUMNS, path=str(path)))


def _named(header: list[str]) -> _Columns | None:
    """The columns that a header names; None where it names no path or no class."""
    # Signs and accents fall away: “Nom du fichier”, “Espèce”, “file_name”.
    names = [re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKD", cell).lower()) for cell in header]
    while names and not names[-1]:
        names.pop()
    at = {name: number for number, name in reversed(list(enumerate(names)))}
    classes: Iterable[str] = CLASSES
    if at.keys() & RANKS and at.keys() & {"commonname", "species"}:
        classes = ("commonname", "species")
    path = _first(at, PATHS)
    name = _first(at, classes)
    if path is None:
        path = _first(at, [each for each in LAST_RESORT["path"] if at.get(each) != name])
    if name is None:
        name = _first(at, [each for each in LAST_RESORT["class"] if at.get(each) != path])
    if path is None or name is None or path == name:
        return None
    is_own = at.keys() >= OWN
    file = _first(at, [each for each in PATHS if each not in FOLDERS and at.get(each) != path])
    if names[path] not in FOLDERS and "path" in names[path]:
        file = None  # a whole path needs nothing beside it
    folder = _first(at, [each for each in FOLDERS if at.get(each) != path])
    return _Columns(
        count=len(names),
        path=path,
        name=name,
        file=file,
        folder=folder if names[path].startswith(("file", "image", "name")) else None,
        question=at.get("question") if is_own else None,
        verdict=at.get("verdict") if is_own else None,
        overruled=at.get("overruled") if is_own else None,
        defused=at.get(DEFUSED) if is_own else None,
        part=at.get("part") if is_own else None,
    )


def _first(at: dict[str, int], names: Iterable[str]) -> int | None:
    return next((at[name] for name in names if name in at), None)


def _guessed(records: list[list[str]]) -> _Columns | None:
    """Two columns of which one holds nothing but names of files, and the other none."""
    pairs = [cells for cells in records if len(cells) == 2]
    if not pairs or len(pairs) < len(records):
        return None
    files = [all(FILE_NAME.search(cells[number].strip()) for cells in pairs) for number in (0, 1)]
    if files == [True, False]:
        return _Columns(2, 0, 1)
    return _Columns(2, 1, 0) if files == [False, True] else None


# --- rows -----------------------------------------------------------------------------------------


def _rows(text: str, delimiter: str, columns: _Columns, skipped: int, *, has_header: bool, several: bool) -> Table:
    table = Table()
    tidied: dict[str, tuple[str, str]] = {}
    for line, cells, wrong in _records(text, delimiter, skipped):
        if wrong:
            table.n_rows += 1
            table.problems.append(Problem("not-csv", line, text=wrong))
        elif not any(map(str.strip, cells)):
            continue
        elif has_header:
            has_header = False
        else:
            _take(table, columns, line, cells, several, tidied)
    return table


def _take(
    table: Table, columns: _Columns, line: int, cells: list[str], several: bool, tidied: dict[str, tuple[str, str]]
) -> None:
    if any(map(str.strip, cells[columns.count :])):
        table.n_rows += 1
        table.problems.append(Problem("more-cells", line, _cell(cells, columns.path)))
        return
    if _cell(cells, columns.defused) == "1":
        cells = [arm(cell) for cell in cells]
    if not _is_answer(columns, cells):
        return
    table.n_rows += 1
    path = _path(columns, cells)
    if not path.strip():
        table.problems.append(Problem("no-path", line))
        return
    names, problem = _names(_cell(cells, columns.name), several, tidied)
    problem = "of-part" if _cell(cells, columns.part).strip() else problem
    if problem:
        table.problems.append(Problem(problem, line, path, _cell(cells, columns.name)[:80]))
        return
    table.rows.append(Row(line, path, names, _cell(cells, columns.question)))


def _cell(cells: list[str], number: int | None) -> str:
    return "" if number is None or number >= len(cells) else cells[number]


def _is_answer(columns: _Columns, cells: list[str]) -> bool:
    """Whether a row of our own export says what a sample is, and still stands."""
    if columns.verdict is None:
        return True
    return _cell(cells, columns.verdict).strip() == "answer" and _cell(cells, columns.overruled).strip() != "1"


def _path(columns: _Columns, cells: list[str]) -> str:
    """The path of a row, put together where folder and file stand in columns of their own."""
    path = _cell(cells, columns.path)
    file = _cell(cells, columns.file).strip()
    if file and FILE_NAME.search(file) and not path.strip().endswith(file) and not FILE_NAME.search(path.strip()):
        return "/".join(filter(None, (path.strip().rstrip("/\\"), file)))
    folder = _cell(cells, columns.folder).strip().rstrip("/\\")
    if folder and not re.search(r"[/\\]", path):
        return f"{folder}/{path.strip()}"
    return path or file


def _names(cell: str, several: bool, tidied: dict[str, tuple[str, str]]) -> tuple[tuple[str, ...], str]:
    """The classes of a cell, or the code of what is wrong with one of them."""
    found = {}
    for text in split_names(cell) if several else [cell]:
        if text not in tidied:
            tidied[text] = class_name(text)
        name, problem = tidied[text]
        if problem:
            return (), problem
        found[fold(name)] = name
    return (tuple(found.values()), "") if found else ((), "no-class")


def class_name(text: str) -> tuple[str, str]:
    """The text as a class's name, or the code of why it can be none."""
    if not text.strip():
        return "", "no-class"
    if len(" ".join(text.split())) > LONGEST_NAME:
        return "", "long-name"
    try:
        return tidy_class_name(text), ""
    except ValidationError:
        return "", "bad-name"


def of_question(table: Table, key: str) -> Table:
    """The rows of one question, where an export of ours holds those of several; the others are a problem each."""
    named = Counter(row.question for row in table.rows)
    if len(named) < 2:
        return table
    kept = [row for row in table.rows if row.question == key]
    others = [Problem("other-question", row.line, row.path, row.question) for row in table.rows if row.question != key]
    return Table(kept, table.problems + others, table.n_rows, table.digest)
