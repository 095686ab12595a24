"""Classes from a file: a table of names with their parents, codes and keys, read whole or not at all."""

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from labeller.accounts.keymap import class_key_problem
from labeller.projects.making import ATTEMPTS, BLANK_NAMES, classes_by_name, tidy_class_name
from labeller.projects.models import PALETTE, LabelClass, Question
from labeller.text import clean, fold

COLUMNS = ("name", "scientific_name", "local_name", "code", "parent", "key", "blank")
TEXTS = ("scientific_name", "local_name", "code")
MAX_BYTES = 5_000_000
MAX_ROWS = 20_000
TOLD = 10  # mistakes; more would only hide the first
YES, NO = {"yes", "1", "true"}, {"no", "0", "false"}


@dataclass
class ClassRow:
    """One class as the file has it; what is empty is to stay as it is."""

    line: int
    name: str
    parent: str = ""
    fields: dict[str, str | bool] = field(default_factory=dict)

    @cached_property
    def folded(self) -> str:
        return fold(self.name)

    @cached_property
    def folded_parent(self) -> str:
        return fold(self.parent)


@dataclass(frozen=True)
class TaxonomyChanges:
    """How many classes a file added and changed, and how many of these have another parent now."""

    made: int
    changed: int
    moved: int = 0


class _Mistakes(list[str]):
    def add(self, line: int, column: str, sentence: str) -> None:
        self.append(
            _("Line %(line)d, column “%(column)s”: %(problem)s") % {"line": line, "column": column, "problem": sentence}
        )

    def raise_any(self) -> None:
        if not self:
            return
        more = len(self) - TOLD
        told = self[:TOLD] + ([_("…and %(n)d more.") % {"n": more}] if more > 0 else [])
        raise ValidationError([*told, _("Nothing was changed.")])


# --- reading --------------------------------------------------------------------------------------


def read(content: bytes) -> list[ClassRow]:
    """The classes of a file. Raises ValidationError that names lines and columns."""
    mistakes = _Mistakes()
    rows: list[ClassRow] = []
    seen: dict[str, int] = {}
    lines = _lines(content)
    columns = _columns(next(lines, (1, [])))
    for line, cells in lines:
        if not any(cells):
            continue
        if len(rows) == MAX_ROWS:
            raise ValidationError(_("The file has more than %(n)d classes.") % {"n": MAX_ROWS})
        if any(cells[len(columns) :]):
            mistakes.append(_("Line %(line)d has more cells than there are columns.") % {"line": line})
            continue
        row = _row(line, dict(zip(columns, cells, strict=False)), mistakes)
        if row is None:
            continue
        if row.folded in seen:
            mistakes.add(line, "name", _("“%(name)s” is in line %(line)d already.") % {
                "name": row.name, "line": seen[row.folded]
            })  # fmt: skip
        seen.setdefault(row.folded, line)
        rows.append(row)
    mistakes.raise_any()
    if not rows:
        raise ValidationError(_("The file has no classes."))
    return rows


def _lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """The file's records, each with the number of its first line."""
    if len(content) > MAX_BYTES:
        raise ValidationError(_("The file is larger than %(n)d MB.") % {"n": MAX_BYTES // 1_000_000})
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValidationError(
            _("Line %(line)d is not UTF-8: save the file as CSV in UTF-8.") % {"line": line}
        ) from error
    head = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, [clean(cell) for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValidationError(_("Line %(line)d is not CSV: %(error)s.") % {"line": line, "error": error}) from error


def _columns(head: tuple[int, list[str]]) -> list[str]:
    names = [cell.lower().replace(" ", "_") for cell in head[1]]
    while names and not names[-1]:
        names.pop()
    mistakes = _Mistakes()
    for number, name in enumerate(names):
        if name not in COLUMNS:
            shown = name or str(number + 1)
            mistakes.add(1, shown[:40], _("there is no such column: use %(names)s.") % {"names": ", ".join(COLUMNS)})
        elif name in names[:number]:
            mistakes.add(1, name, _("the column is there twice."))
    if "name" not in names:
        mistakes.append(_("Line 1 has no column “name”."))
    mistakes.raise_any()
    return names


def _row(line: int, cells: dict[str, str], mistakes: _Mistakes) -> ClassRow | None:
    name = _name(line, "name", cells.get("name", ""), mistakes)
    if not name:
        return None
    row = ClassRow(line, name)
    if cells.get("parent"):
        row.parent = _name(line, "parent", cells["parent"], mistakes)
    for column in TEXTS:
        if value := _text(line, column, cells.get(column, ""), mistakes):
            row.fields[column] = value
    key = unicodedata.normalize("NFC", cells.get("key", "")).lower()
    if problem := class_key_problem(key):
        mistakes.add(line, "key", problem)
    elif key:
        row.fields["key"] = key
    blank = cells.get("blank", "").lower()
    if blank in YES | NO:
        row.fields["is_blank"] = blank in YES
    elif blank:
        mistakes.add(line, "blank", _("write yes or no."))
    return row


def _text(line: int, column: str, cell: str, mistakes: _Mistakes) -> str:
    longest = getattr(LabelClass._meta.get_field(column), "max_length", None) or 0
    if len(cell) > longest:
        mistakes.add(line, column, _("longer than %(n)d characters.") % {"n": longest})
    return cell


def _name(line: int, column: str, cell: str, mistakes: _Mistakes) -> str:
    if not cell:
        mistakes.add(line, column, _("every class needs a name."))
        return ""
    try:
        return tidy_class_name(cell)
    except ValidationError as error:
        mistakes.add(line, column, error.messages[0])
        return ""


# --- storing --------------------------------------------------------------------------------------


def load(question: Question, content: bytes) -> TaxonomyChanges:
    """Add the file's classes to the question and change those it has already: all of it, or nothing.

    Raises ValidationError that names lines and columns.
    """
    rows = read(content)
    for _attempt in range(ATTEMPTS):
        try:
            return _store(question, rows)
        except IntegrityError:
            continue  # somebody made a class of that name or key in between: look again
    raise ValidationError(_("The classes are being changed by somebody else. Please try again."))


@transaction.atomic
def _store(question: Question, rows: list[ClassRow]) -> TaxonomyChanges:
    Question.objects.select_for_update(no_key=True).get(pk=question.pk)
    known = classes_by_name(question)
    before = {pk: _values(each) for each in known.values() if (pk := each.pk)}
    made = _missing(question, rows, known)
    for row in rows:
        label_class = known[row.folded]
        for name, value in row.fields.items():
            setattr(label_class, name, value)
    parents = {row.folded: known[row.folded_parent] for row in rows if row.parent}
    _check(rows, known, parents)
    taken_off = [each.pk for each in known.values() if each.pk and each.key != before[each.pk]["key"]]
    # All keys that move come off first: the database checks each row for itself.
    question.classes.filter(pk__in=taken_off).update(key="")
    LabelClass.objects.bulk_create(made, batch_size=500)
    for name, parent in parents.items():
        known[name].parent = parent
    new = {each.pk for each in made}
    changed = [each for each in known.values() if each.pk not in new and _values(each) != before[each.pk]]
    _write(changed + [known[name] for name in parents if known[name].pk in new])
    moved = sum(each.parent_id != before[each.pk]["parent_id"] for each in changed)
    return TaxonomyChanges(len(made), len(changed), moved)


def _values(label_class: LabelClass) -> dict[str, object]:
    names = (*TEXTS, "key", "is_blank", "parent_id")
    return {name: getattr(label_class, name) for name in names}


def _missing(question: Question, rows: list[ClassRow], known: dict[str, LabelClass]) -> list[LabelClass]:
    """The classes the file names that the question hasn't, parents before what first needs them; `known` gets them."""
    position = max((each.position for each in known.values()), default=-1) + 1
    of_file = {row.folded for row in rows}
    made: list[LabelClass] = []
    for row in rows:
        above = (row.folded_parent, row.parent) if row.parent and row.folded_parent not in of_file else None
        for folded, name in filter(None, (above, (row.folded, row.name))):
            if folded in known:
                continue
            number = position + len(made)
            known[folded] = LabelClass(
                question=question,
                name=name,
                colour=PALETTE[number % len(PALETTE)],
                position=number,
                is_blank=folded in BLANK_NAMES,
            )
            made.append(known[folded])
    return made


def _check(rows: list[ClassRow], known: dict[str, LabelClass], parents: dict[str, LabelClass]) -> None:
    """Keys belong to one class each, and nothing lies below itself, in what would be."""
    mistakes = _Mistakes()
    of_file = {row.folded for row in rows if "key" in row.fields}
    holders = {each.key: each for name, each in known.items() if each.key and name not in of_file}
    circling = _circling(_above(known, parents))
    for row in rows:
        key = str(row.fields.get("key", ""))
        holder = holders.setdefault(key, known[row.folded]) if key else None
        if holder and holder is not known[row.folded]:
            mistakes.add(row.line, "key", _("“%(key)s” is the key of “%(name)s” already.") % {
                "key": key, "name": holder.name
            })  # fmt: skip
        if row.parent and row.folded in circling:
            mistakes.add(row.line, "parent", _("“%(name)s” would lie below itself.") % {"name": row.name})
    mistakes.raise_any()


def _above(known: dict[str, LabelClass], parents: dict[str, LabelClass]) -> dict[str, str]:
    """From each class's name to its parent's, as the file would have it."""
    names = {each.pk: name for name, each in known.items() if each.pk}
    above = {name: names[each.parent_id] for name, each in known.items() if each.parent_id}
    return above | {name: fold(parent.name) for name, parent in parents.items()}


def _circling(above: dict[str, str]) -> set[str]:
    """The names that lie below themselves; each is walked past once."""
    found: set[str] = set()
    passed: set[str] = set()
    for name in above:
        path: dict[str, None] = {}
        while name in above and name not in passed:
            passed.add(name)
            path[name] = None
            name = above[name]
        if name in path:
            found.update(list(path)[list(path).index(name) :])
    return found


def _write(classes: list[LabelClass]) -> None:
    """Store what may have changed: as an upsert, for Django's bulk update takes seconds for 5,000 rows."""
    LabelClass.objects.bulk_create(
        classes,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[*TEXTS, "key", "is_blank", "parent"],
    )


# --- one class ------------------------------------------------------------------------------------


@transaction.atomic
def change(label_class: LabelClass) -> None:
    """Store a class as it was changed. Raises ValidationError, by field, where that can't be."""
    Question.objects.select_for_update(no_key=True).get(pk=label_class.question_id)
    others = label_class.question.classes.exclude(pk=label_class.pk)
    if others.filter(folded=LabelClass._meta.get_field("folded").of(label_class)).exists():
        raise ValidationError({"name": _("There is a class of that name already.")})
    holder = others.filter(key=label_class.key).first() if label_class.key else None
    if holder is not None:
        raise ValidationError(
            {"key": _("“%(key)s” is the key of “%(name)s” already.") % {"key": label_class.key, "name": holder.name}}
        )
    above = dict(others.exclude(parent=None).values_list("pk", "parent"))
    current, passed = label_class.parent_id, set()
    while current and current not in passed:
        if current == label_class.pk:
            raise ValidationError({"parent": _("“%(name)s” would lie below itself.") % {"name": label_class.name}})
        passed.add(current)
        current = above.get(current)
    try:
        with transaction.atomic():
            label_class.save()
    except IntegrityError as error:  # somebody took the name or the key in between
        raise ValidationError(_("The classes are being changed by somebody else. Please try again.")) from error
