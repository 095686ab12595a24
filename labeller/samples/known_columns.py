"""What a column of a table of texts says of its rows: labels, or hidden truth.

The table is gone through a row at a time. What a row says of its own sample goes before what it says of the sample of
another row with the same text; where two rows contradict each other, that is told.
"""

import time
from collections.abc import Iterator
from typing import Any

from labeller.jobs import queueing as jobs
from labeller.messages import as_json
from labeller.projects import making as projects
from labeller.projects.models import Question
from labeller.samples import known_writing, layouts, tables, told
from labeller.samples.cells import split_names
from labeller.samples.models import File, Sample, Source, TextCopy
from labeller.samples.scanning import FolderError
from labeller.samples.tables import Problem
from labeller.text import fold
from tl_core.texts.reading.refusals import TextRefused

MOST_PROBLEMS = 10_000  # that are listed; more are counted only in the first of these
Said = tuple[int, str, tuple[str, ...]]  # a row's number, its table, and the classes that its cell names


def apply(progress: jobs.Progress, source: Source, question: Question, purpose: str) -> dict[str, Any]:
    """Bring labels or truth of a source's rows to what the layout's column says; returns what is to be told."""
    found = _Found(question)
    # Till the end of a reading, which asks again, its rows may become copies of others.
    files = File.objects.filter(source=source, kind=File.Kind.TEXT).order_by("pk")
    try:
        for file in files if not source.readings.exists() else ():
            if layouts.is_table(file.path):
                _apply(progress, source, file, purpose, found)
    except (TextRefused, FolderError, OSError) as error:
        reason = getattr(error, "detail", None) or getattr(error, "reason", None) or str(error)
        return {"from": layouts.COLUMN, "error": as_json(reason), "digest": ""}
    told.write_list(told.list_path(source.pk, purpose), found.problems)
    return {
        "from": layouts.COLUMN,
        "name": layouts.label_column(source) or source.path.rpartition("/")[2],
        "digest": "",
        "rows": found.rows,
        "applied": found.applied,
        "problems": told.summed(found.problems),
    }


class _Found:
    """What was read so far, and the classes that there are."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.rows = self.applied = 0
        self.problems: list[Problem] = []
        self._classes: dict[str, tuple[int, str]] = {}

    def classes(self, cells: tuple[str, ...], line: int, path: str) -> frozenset[int]:
        """The classes that cells name, made where they are missing; none where one of them can't be a class."""
        found = set()
        for cell in cells:
            class_id, problem = self._class(cell)
            if problem:
                self.note(Problem(problem, line, path, cell[:80]))
                return frozenset()
            found.add(class_id)
        return frozenset(found)

    def _class(self, cell: str) -> tuple[int, str]:
        if cell not in self._classes:
            name, problem = tables.class_name(cell)
            class_id = 0 if problem else projects.ensure_class(self.question, name)[0].pk
            self._classes[cell] = class_id, problem
        return self._classes[cell]

    def note(self, *problems: Problem) -> None:
        self.problems += problems[: max(0, MOST_PROBLEMS - len(self.problems))]


def _apply(progress: jobs.Progress, source: Source, file: File, purpose: str, found: _Found) -> None:
    for said in _chunks(_said(source, file, found)):
        numbers = [float(number) for number, _path, _cells in said]
        own = _by_row(Sample.objects.filter(file=file, part=Sample.Part.ROW, end=None), numbers, "pk")
        twins = _by_row(TextCopy.objects.filter(file=file, part=Sample.Part.ROW), numbers, "original")
        wanted: dict[int, frozenset[int]] = {}
        for of_others, samples in ((False, own), (True, twins)):
            for number, path, cells in said:
                pk = samples.get(float(number))
                if pk is not None and (classes := found.classes(cells, number, path)):
                    _want(wanted, pk, classes, Problem("twins", number, path, "|".join(cells)), of_others, found)
        _write(found, purpose, wanted, set(own.values()))
        progress(found.rows, message="")
        time.sleep(known_writing.PAUSE)


def _want(
    wanted: dict[int, frozenset[int]], pk: int, classes: frozenset[int], other: Problem, of_others: bool, found: _Found
) -> None:
    if of_others and wanted.setdefault(pk, classes) != classes:
        found.note(other)
    wanted.setdefault(pk, classes)


def _write(found: _Found, purpose: str, wanted: dict[int, frozenset[int]], own: set[int]) -> None:
    if purpose == "truth":
        found.applied += known_writing.write_truth(found.question, wanted, own)
        return
    problems: list[Problem] = []
    found.applied += known_writing.write_labels(found.question, wanted, own, problems)
    found.note(*problems)


def _said(source: Source, file: File, found: _Found) -> Iterator[Said]:
    """The rows that name a class, each with its number."""
    several = found.question.multi_label
    for row in layouts.taken(source, file.path):
        found.rows += 1
        if cells := tuple(_cells(row.labels, several)):
            yield row.number, file.path, cells


def _cells(labels: tuple[str, ...], several: bool) -> Iterator[str]:
    """What a row's labels name, each once; of several, with | between them, where there may be several."""
    names = (name for cell in labels for name in (split_names(cell) if several else [cell]))
    yield from {fold(name): name for name in names if name.strip()}.values()


def _chunks(said: Iterator[Said]) -> Iterator[list[Said]]:
    chunk: list[Said] = []
    for each in said:
        chunk.append(each)
        if len(chunk) == known_writing.CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _by_row(rows: Any, numbers: list[float], field: str) -> dict[float, int]:
    return dict(rows.filter(start__in=numbers).values_list("start", field))
