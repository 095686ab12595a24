"""How the tables of a source are read: seen with their first rows, corrected, and read anew.

What is read anew is followed as a table that changed: a text that is still said keeps its sample and labels, wherever
it is now. Texts that nobody finds in the table any more are parked, and go unless somebody said something of them.
Where only the encoding was wrong, each row's sample stays, and says what it says now.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from labeller.codes import WorkerCode
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.samples import ingesting, layouts
from labeller.samples.bursts import pages
from labeller.samples.known import PURPOSES, Given
from labeller.samples.models import File, Refusal, Source
from labeller.samples.scanning import FolderError
from tl_core.notices import notice
from tl_core.texts.reading.refusals import TextRefused

if TYPE_CHECKING:
    from tl_core.texts.reading import Layout

KIND = "reread"
FIRST_ROWS = 10
TEXT, LABEL, GROUP = "text", "label", "group"
NO_DELIMITER = "none"


@dataclass(frozen=True)
class Correction:
    """What somebody says of a table; what is left empty is guessed. `roles` has one for each column, or none at all."""

    encoding: str = ""
    delimiter: str = ""
    header: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableLook:
    """A source's first table: how it is read, and its first rows so."""

    layout: "Layout"
    rows: list[list[str]]

    @property
    def roles(self) -> list[tuple[str, str]]:
        """Each column's name, and what it is taken for."""
        found = []
        for at, name in enumerate(self.layout.columns):
            is_label, is_group = at in self.layout.labels, at == self.layout.group
            role = TEXT if at in self.layout.text else LABEL if is_label else GROUP if is_group else ""
            found.append((name, role))
        return found


class Reading(jobs.Postponed):
    """What is being read is read to its end first."""

    seconds = 2.0


def look(source: Source, said: Correction | None = None) -> TableLook | None:
    """The first table of a source as it is read, or as it would be; None where there is none.

    Raises FolderError where it can't be read so.
    """
    from tl_core.texts import reading

    stored = source.layout.get("columns")
    root = source.root if Path(source.root).exists() else source.folder  # a zip that is still to be unpacked
    with layouts.first_table(root) as table:
        if table is None:
            return None
        try:
            if said is None and stored is not None:
                layout = reading.Layout.from_json(stored)
            else:
                layout = _corrected(table, said or Correction())
            return TableLook(layout, reading.first_cells(table, layout, FIRST_ROWS))
        except TextRefused as refused:
            raise FolderError(refused.detail) from refused
        except OSError as error:
            raise FolderError(
                notice(WorkerCode.TABLE_UNREADABLE, path=table.name, error=error.strerror or str(error))
            ) from error


def _corrected(table: Path, said: Correction) -> "Layout":
    from tl_core.texts import reading

    delimiter = {"": None, NO_DELIMITER: ""}.get(said.delimiter, said.delimiter)
    header = {"yes": True, "no": False}.get(said.header)
    layout = reading.guess(table, encoding=said.encoding or None, delimiter=delimiter, has_header=header)
    if len(said.roles) != len(layout.columns):
        return layout
    return replace(
        layout,
        text=_having(said.roles, TEXT),
        labels=_having(said.roles, LABEL),
        group=next(iter(_having(said.roles, GROUP)), None),
    )


def _having(roles: Sequence[str], role: str) -> tuple[int, ...]:
    return tuple(at for at, each in enumerate(roles) if each == role)


def ask(source: Source, seen: TableLook, meaning: str) -> None:
    """Have the source's tables read anew as they were seen. Raises FolderError where no column is the text."""
    if not seen.layout.text:
        raise FolderError(_("Say which column is the text."))
    columns = replace(seen.layout, reasons=()).as_json()
    keeps_rows = _keeps_rows(source, seen.layout)
    with transaction.atomic():
        source.layout = {**source.layout, "columns": columns, "is_corrected": True, "keeps_rows": keeps_rows}
        source.save(update_fields=["layout"])
        if meaning in PURPOSES and seen.layout.labels:
            Given.of(meaning, layouts.COLUMN).store(source)
        jobs.enqueue(KIND, key=_key(source), project=source.project, payload={"source": source.pk})


def _keeps_rows(source: Source, layout: "Layout") -> bool:
    """Whether each row stays the same one, and only its characters are read otherwise."""
    try:
        before = look(source)
    except FolderError:
        return False
    if before is None or len(before.layout.columns) != len(layout.columns):
        return False
    same = ("kind", "text", "delimiter", "quote", "has_header", "skipped")
    return all(getattr(before.layout, name) == getattr(layout, name) for name in same)


def is_under_way(source: Source) -> bool:
    """Whether its tables are being read, or are about to be."""
    asked = Job.objects.filter(kind=KIND, key=_key(source), state__in=Job.OPEN)
    return source.readings.exists() or asked.exists()


def _key(source: Source) -> str:
    return f"source:{source.pk}"


def reread(progress: jobs.Progress) -> None:
    """Have the tables taken for changed ones, once nothing is being read any more; done twice it changes nothing."""
    source = Source.objects.filter(pk=progress.job.payload["source"]).first()
    if source is None:
        return
    imports = Job.objects.filter(project=source.project_id, kind__in=["scan", "ingest"], state__in=Job.OPEN)
    if source.readings.exists() or imports.exists():
        raise Reading(notice(WorkerCode.READ_BEFORE_FIRST))
    for rows in (
        File.objects.filter(source=source, kind=File.Kind.TEXT),
        Refusal.objects.filter(source=source, row=None),
    ):
        for pk, path in pages(rows, "path"):
            if layouts.is_table(path):
                rows.filter(pk=pk).update(modified_ns=-1)  # not as it was then: looked at again
    ingesting.ask_for_scan(source)
