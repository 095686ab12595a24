"""CSV with the columns that are wanted: a row a sample, an answer or a label, of one question or of several."""

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Any

from django.utils.translation import gettext_lazy as _

from labeller.codes import WorkerCode
from labeller.exchange import exporting
from labeller.exchange.exporters import splits
from labeller.exchange.exporters.base import Exporter, ExportOption, ExportWanted, Impossible, Tell
from labeller.exchange.exporters.folder import Folder
from labeller.exchange.exporters.sample_rows import SampleRows
from labeller.projects.models import Project
from labeller.samples.cells import defuse
from labeller.samples.tables import DEFUSED
from tl_core.notices import notice

LAYOUTS = (
    ("wide", _("a row for each sample, a column for each question")),
    ("long", _("a row for each answer")),
    ("labels", _("a row for each label, with those that do not stand")),
)


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """One table, named after what its rows are."""
    layout, with_text = wanted.options["rows"], wanted.options["text"] and wanted.project.kind == Project.Kind.TEXT
    if layout == "labels":
        columns, rows = _labels(wanted, tell, with_text)
    else:
        found = SampleRows(wanted, tell, is_long=layout == "long", with_text=with_text)
        columns, rows = found.columns, iter(found)
    at = _chosen(columns, wanted.options["columns"])
    pick = itemgetter(*at) if len(at) > 1 else lambda row: (row[at[0]],)
    is_defused = wanted.options["spreadsheet"]
    with folder.table(f"{layout}.csv", [*pick(columns), *([DEFUSED] if is_defused else [])]) as table:
        for row in rows:
            table(_defused(pick(row)) if is_defused else pick(row))
    if layout != "labels":
        found.splits.remark(folder)


def _labels(wanted: ExportWanted, tell: Tell, with_text: bool) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    """The labels of all questions, one after the other, those that stood when it began."""
    tables = [
        exporting.label_rows(question, exporting.newest_label(question), with_text=with_text)
        for question in wanted.questions
    ]
    columns = [next(table) for table in tables]

    def rows() -> Iterator[tuple[Any, ...]]:
        for row in chain.from_iterable(tables):
            tell(0)
            yield row

    return tuple(columns[0]), rows()


def _chosen(columns: tuple[str, ...], names: str) -> list[int]:
    """Where the columns are that were asked for, all where none was. Raises Impossible for one that there isn't."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in columns]:
        raise Impossible(notice(WorkerCode.EXPORT_NO_COLUMN, name=unknown[0], some=", ".join(columns)))
    return [columns.index(name) for name in wanted] if wanted else list(range(len(columns)))


def _defused(row: Iterable[Any]) -> tuple[Any, ...]:
    """No cell starts a formula; the last one says so, for reading the table in again."""
    return (*(defuse(cell) if isinstance(cell, str) else cell for cell in row), 1)


EXPORTER = Exporter(
    name="csv",
    title=_("CSV"),
    about=_("A table with the columns you choose, of one question or several."),
    lost="Nothing of what was decided; in rows of samples and answers, the labels that do not stand.",
    write=write,
    options=(
        ExportOption("rows", _("Rows"), "wide", LAYOUTS),
        ExportOption("columns", _("Columns"), "", help=_("With commas between them; empty: all of them.")),
        ExportOption("spreadsheet", _("For spreadsheets: no cell is computed"), False),
        ExportOption("text", _("With what the texts say"), False),
        *splits.OPTIONS,
    ),
    kinds=(Project.Kind.IMAGE, Project.Kind.TEXT),
    several=True,
)
