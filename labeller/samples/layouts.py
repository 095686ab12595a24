"""How the texts of a source are laid out: which columns of its tables say what, and how its documents are cut.

A source's `layout` holds `is_file` (it is one table, not a folder), `columns` (as `tl_core.texts.reading.Layout` has
them; none = each table's are guessed) and `cut` (whole, paragraph or sentence).
"""

import itertools
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from labeller.codes import WorkerCode
from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.samples import archives, names
from labeller.samples.models import Source
from labeller.samples.scanning import FolderError
from labeller.samples.walking import Found, walk
from tl_core.images import is_url
from tl_core.notices import notice

if TYPE_CHECKING:
    from tl_core.texts.reading import Layout, RefusedRow, TextRow

TABLES = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow")
PACKED = (".gz", ".xz", ".bz2")
LOOKED_AT = 2_000  # files that a table is looked for among, where a person waits for it
CUTS = ("whole", "paragraph", "sentence")
COLUMN = "column"  # what labels or the truth come from: the column that the layout names


@dataclass(frozen=True)
class TextLayout:
    """What somebody says of a source's texts; nothing = what is guessed."""

    columns: dict[str, Any] | None = None
    cut: str = CUTS[0]

    def store(self, source: Source, folder: Path | str) -> None:
        """Keep it with the source, the columns as they were where nothing is said of them."""
        is_zip = is_archive(folder)
        layout: dict[str, Any] = {"is_file": Path(folder).is_file() and not is_zip, "cut": self.cut}
        if is_zip:
            layout["is_archive"] = True
        columns = source.layout.get("columns") if self.columns is None else self.columns
        if columns is not None:
            layout["columns"] = columns
        if layout != source.layout:
            source.layout = layout
            source.save(update_fields=["layout"])


def is_archive(folder: Path | str) -> bool:
    """Whether a source is a zip of documents or tables."""
    from tl_core.texts import reading

    return Path(folder).is_file() and reading.is_archive(Path(folder))


def of_dataset(source: Source) -> set[str] | None:
    """The tables of a data set as Hugging Face keeps them, where the source is one: all else is about them."""
    from tl_core.texts import reading

    if source.project.kind != Project.Kind.TEXT or is_url(source.root) or not reading.is_dataset(Path(source.root)):
        return None
    root = Path(source.root)
    return {names.encode(table.relative_to(root).as_posix()) for table in _tables_of(root)} or None


def is_table(path: str) -> bool:
    """Whether a file of that name holds rows, each of them a text."""
    from tl_core.texts import reading

    name = path.lower()
    if reading.is_about(name.rpartition("/")[2]):
        return False
    packed = next((suffix for suffix in PACKED if name.endswith(suffix)), "")
    return name.removesuffix(packed).endswith(TABLES)


def tables(source: Source, files: list[Found]) -> tuple[list[Found], list[Found]]:
    """Those of these files that are tables of texts, and the documents; a table of labels or truth is neither."""
    named = {source.labels_from, source.truth_from}
    left = [found for found in files if str(source.location(found.path)) not in named]
    rows = [found for found in left if is_table(found.path)]
    return rows, [found for found in left if not is_table(found.path)]


def label_column(source: Source) -> str:
    """What the column of labels is called that was chosen; "" where each table's is guessed, or has no name."""
    columns = source.layout.get("columns") or {}
    return ", ".join(columns["columns"][at] for at in columns.get("labels", ())) if columns else ""


def rows(source: Source, path: str) -> "Iterator[TextRow | RefusedRow]":
    """The rows of a table of the source, one after the other. Raises TextRefused where it can't be read."""
    from tl_core.texts import reading

    columns = source.layout.get("columns")
    layout = None if columns is None else reading.Layout.from_json(columns)
    location = _here(source.location(path))
    class_names = reading.class_names_beside(location, _here(source.root))
    yield from reading.open_table(location, layout, class_names)


def taken(source: Source, path: str) -> "Iterator[TextRow]":
    """The rows of a table that are texts."""
    from tl_core.texts import reading

    yield from (row for row in rows(source, path) if isinstance(row, reading.TextRow))


def _here(location: Path | str) -> Path:
    if is_url(location):
        raise FolderError(notice(WorkerCode.TEXTS_ARE_LOCAL, url=str(location)))
    return Path(location)


@contextmanager
def first_table(folder: Path | str) -> Iterator[Path | None]:
    """The table that stands for a source: itself, or the first one in the folder or zip; None where there is none.

    Raises FolderError where a zip can't be read.
    """
    from tl_core.texts import reading

    path = _here(folder)
    if is_archive(path):
        with archives.beginning(path, is_table) as table:
            yield table
    elif not path.is_dir():
        yield path if path.is_file() else None
    elif reading.is_dataset(path):
        yield next(iter(_tables_of(path)), None)
    else:
        found = (each.path for each in itertools.islice(walk(path), LOOKED_AT) if not each.reason)
        yield next((path / names.decode(each) for each in found if is_table(each)), None)


def _tables_of(path: Path) -> list[Path]:
    from tl_core.texts import reading

    try:
        return reading.tables_of(path)
    except reading.TextRefused:
        return []


def guessed(folder: Path | str) -> "Layout | None":
    """How the first table of a source is laid out, as far as can be told; None where it has only documents.

    Raises FolderError where that table can't be read as one.
    """
    from tl_core.texts import reading

    with first_table(folder) as table:
        if table is None:
            return None
        try:
            return reading.guess(table)
        except reading.TextRefused as refused:
            raise FolderError(refused.detail) from refused


def corrected(folder: Path | str, text: str, labels: str, group: str) -> dict[str, Any] | None:
    """The guessed layout with columns that somebody names instead, by name or number; empty = as guessed, - = none.

    None where there is no table. Raises FolderError for a column that is not there, and as `guessed`.
    """
    layout = guessed(folder)
    return None if layout is None else _changed(layout, text, labels, group).as_json()


def labelled_by(folder: Path | str, column: str) -> TextLayout | None:
    """How texts are read where that column has their labels; nothing is said where it is the one that is guessed.

    So it can still be corrected on its page. None where there is no table; raises as `corrected`.
    """
    layout = guessed(folder)
    if layout is None:
        return None
    named = _changed(layout, "", column, "")
    return TextLayout(None if named.labels == layout.labels else named.as_json())


def _changed(layout: "Layout", text: str, labels: str, group: str) -> "Layout":
    changed: dict[str, Any] = {}
    for name, said in (("text", text), ("labels", labels), ("group", group)):
        if said:
            changed[name] = tuple(_column(layout, each) for each in said.split("|")) if said != "-" else ()
    if "group" in changed:
        changed["group"] = next(iter(changed["group"]), None)
    return replace(layout, **changed, reasons=())


def _column(layout: "Layout", said: str) -> int:
    said = said.strip()
    if said in layout.columns:
        return layout.columns.index(said)
    if said.isdecimal() and 0 < int(said) <= len(layout.columns):
        return int(said) - 1
    known = ", ".join(filter(None, layout.columns)) or str(len(layout.columns))
    raise FolderError(_("The table has no column “%(said)s”. There are: %(known)s") % {"said": said, "known": known})


def described(folder: Path | str, given: TextLayout | None = None) -> list[str]:
    """How the first table of a source is read, in lines, as it is guessed or said to be; empty where there is none.

    Raises as `guessed`.
    """
    from tl_core.texts import reading

    if given is not None and given.columns is not None:
        layout: Layout | None = reading.Layout.from_json(given.columns)
    else:
        layout = guessed(folder)
    if layout is None:
        return []
    said = [_("text: %(columns)s") % {"columns": _named(layout, layout.text)}]
    if layout.labels:
        columns = _named(layout, layout.labels)
        name = shlex.quote(layout.columns[layout.labels[0]]) if len(layout.labels) == 1 else COLUMN
        said.append(
            _("labels: %(columns)s (LABELS=%(name)s takes them, TRUTH=%(name)s keeps them hidden)")
            % {"columns": columns, "name": name if name.strip("'") else COLUMN}
        )
    if layout.group is not None:
        said.append(_("together by: %(columns)s") % {"columns": _named(layout, [layout.group])})
    return [" · ".join([*said, layout.encoding]), *(sentence(each) for each in layout.reasons)]


def _named(layout: "Layout", columns: Iterable[int]) -> str:
    """Columns by their names, or by their numbers where they have none."""
    return ", ".join(layout.columns[at] or _("column %(n)d") % {"n": at + 1} for at in columns)


def check(folder: Path | str, given: TextLayout) -> None:
    """Raises FolderError where a source of texts can't be read as it is said to be laid out."""
    from tl_core.texts import reading

    if given.cut not in CUTS:
        raise FolderError(_("Documents are taken whole, or cut by paragraph or by sentence."))
    with first_table(folder) as table:
        if table is None:
            return
        try:
            layout = None if given.columns is None else reading.Layout.from_json(given.columns)
            next(iter(reading.open_table(table, layout)), None)
        except reading.TextRefused as refused:
            raise FolderError(refused.detail) from refused
        except OSError as error:
            raise FolderError(
                notice(WorkerCode.TABLE_UNREADABLE, path=names.shown(table), error=error.strerror or str(error))
            ) from error
