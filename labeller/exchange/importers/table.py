"""A table of labels or of predictions, whoever made it, and this program's own: a row a picture, or a box in it."""

from collections.abc import Iterator
from pathlib import PurePath

from django.utils.translation import gettext_noop

from labeller.exchange.importers import columns, sheets, times
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
from labeller.exchange.importers.boxes import wrong
from labeller.exchange.importers.gathering import gathered
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.sheets import SheetRow
from labeller.samples.cells import arm, split_names
from labeller.samples.models import Box
from labeller.samples.tables import DEFUSED

LABELS, PREDICTIONS = "labels", "predictions"
OWN_LABELS, OWN_PREDICTIONS = {"path", "question", "classes", "verdict"}, {"path", "predictedclass", "decidedby"}


class LabelTable(Importer):
    """CSV, with whatever between its cells."""

    def __init__(self) -> None:
        super().__init__("csv", gettext_noop("Table of labels or predictions (CSV)"))

    def refusal(self, given: Input) -> str:
        member = columns.table_of(given)
        if not member:
            return "no single table"
        try:
            guessed = columns.roles(sheets.sheet(given, member).keys)
        except Unreadable as error:
            return error.reason
        missing = [role for role in ("path", "class") if not guessed[role]]
        return f"no column of a {' and of a '.join(missing)}" if missing else ""

    def options(self, given: Input) -> list[Option]:
        member = columns.table_of(given)
        table = sheets.sheet(given, member)
        guessed, keys = columns.roles(table.keys), set(table.keys)
        is_predicted = bool(guessed["score"] or guessed["class"] in columns.PREDICTED) and not keys >= OWN_LABELS
        bars = any("|" in cells for cells in _first_classes(given, member, guessed["class"]))
        return [
            Option(
                "meaning", gettext_noop("Its rows are"), PREDICTIONS if is_predicted else LABELS, (LABELS, PREDICTIONS)
            ),
            Option(
                "several",
                gettext_noop("Several classes in a cell, | between them"),
                "yes" if bars else "no",
                ("yes", "no"),
            ),
            *columns.options(given, table),
            Option("name", gettext_noop("Name of the model"), PurePath(member).stem),
            Option("zone", gettext_noop("Time zone of the cameras, such as Europe/Amsterdam")),
            Option(
                "key",
                gettext_noop("Rows of this question only"),
                _question(given, member) if keys >= OWN_LABELS else "",
            ),
        ]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        yield from gathered(self._rows(given, options))

    def _rows(self, given: Input, options: Options) -> Iterator[Record]:
        member = columns.table_of(given)
        delimiter = columns.DELIMITERS.get(options.get("delimiter", ""), "")
        table = sheets.sheet(given, member, encoding=options.get("encoding", ""), delimiter=delimiter)
        keys = set(table.keys)
        if missing := [role for role in ("path", "class") if options.get(role) not in keys]:
            raise Unreadable("no-columns", ", ".join(missing))
        reading = _Row(options, is_own=keys >= OWN_LABELS)
        for row in sheets.rows(given, table):
            yield from [row] if isinstance(row, NotTaken) else reading.records(row)


def _first_classes(given: Input, member: str, column: str) -> Iterator[str]:
    table = sheets.sheet(given, member)
    for number, row in enumerate(sheets.rows(given, table)):
        if number >= 50:
            return
        if isinstance(row, SheetRow):
            yield row[column]


def _question(given: Input, member: str) -> str:
    """The question whose rows come first, in an export of this program."""
    for row in sheets.rows(given, sheets.sheet(given, member)):
        if isinstance(row, SheetRow):
            return row["question"]
    return ""


class _Row:
    """Reads rows of one table."""

    def __init__(self, options: Options, *, is_own: bool) -> None:
        self.at = {role: options.get(role, "") for role in columns.TITLES}
        self.is_own, self.several, self.key = is_own, options.get("several") == "yes", options.get("key", "")
        self.is_predicted = options.get("meaning") == PREDICTIONS
        self.name = options.get("name") or "model"
        self.zone = times.zone_of(options.get("zone", ""))

    def records(self, row: SheetRow) -> Iterator[Record]:
        if self.is_own and not self._counts(row):
            return
        cell = arm if row[DEFUSED] == "1" else str
        path, folder = cell(row[self.at["path"]]), cell(row[self.at["folder"]])
        if folder:
            path = folder.rstrip("/\\") + "/" + path
        names = cell(row[self.at["class"]])
        box, problem = self._box(row)
        score = sheets.number(row[self.at["score"]].rstrip("%"))
        if not path.strip():
            problem = "no-path"
        elif not names:
            problem = "no-class"
        elif self.is_predicted and row[self.at["score"]] and not _is_share(score, row[self.at["score"]]):
            problem = "bad-number"
        if problem:
            yield NotTaken(row.line, path, problem, row[self.at["score"]] if problem == "bad-number" else names[:80])
            return
        taken_at = times.local_time(row[self.at["time"]], self.zone)
        if row[self.at["time"]] and taken_at is None:
            yield NotTaken(row.line, path, "bad-date", row[self.at["time"]])
        remark = self._remark(row, names, box, _share(score, row[self.at["score"]]))
        pixels = box is not None and max(box) > 1.5
        yield Pictured(row.line, path, (remark,), "", cell(row[self.at["deployment"]]), taken_at, pixels)

    def _counts(self, row: SheetRow) -> bool:
        """Whether a row of our own export says what a sample is, and still stands."""
        is_asked = not self.key or row["question"] == self.key
        return is_asked and row["verdict"] == "answer" and row["overruled"] != "1"

    def _box(self, row: SheetRow) -> tuple[Box | None, str]:
        if row["part"].startswith("box "):
            cells = row["part"].split()[1:]
        elif row["part"]:
            return None, "bad-box"
        else:
            cells = [row[self.at[each]] for each in columns.BOXES] if self.at["left"] else []
        if not any(cells):
            return None, ""
        numbers = [sheets.number(each) for each in cells]
        if len(numbers) != 4 or None in numbers:
            return None, "bad-box"
        box: Box = tuple(numbers)  # type: ignore[assignment]
        return box, "" if max(box) > 1.5 else wrong(box)

    def _remark(self, row: SheetRow, names: str, box: Box | None, score: float | None) -> Remark:
        taxa = tuple(Taxon(name.strip()) for name in (split_names(names) if self.several else [names]))
        if not self.is_predicted:
            by, at = row[self.at["by"]], times.instant(row[self.at["at"]], self.zone)
            return Remark(row.line, taxa, box=box, by=by, at=at)
        model = row[self.at["model"]] or self.name
        return Remark(row.line, taxa, (1.0 if score is None else score,) * len(taxa), box, model, confidence=score)


def _share(number: float | None, text: str) -> float | None:
    """A probability: a percentage is one as well."""
    return number / 100 if number is not None and (text.endswith("%") or 1 < number <= 100) else number


def _is_share(number: float | None, text: str) -> bool:
    share = _share(number, text)
    return share is not None and 0 <= share <= 1
