"""From a folder to a project that is being imported: for the web form and for `manage.py up` alike."""

import csv
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.managing import demo_texts
from labeller.projects import making as projects
from labeller.projects.models import Project
from labeller.samples import ingesting as samples
from labeller.samples import known, layouts, moving, names, scanning
from labeller.samples.known import COLUMN, FOLDERS, Given
from labeller.samples.layouts import TextLayout
from labeller.samples.models import Source
from labeller.samples.scanning import FolderError

QUESTION = "What is in the picture?"
TEXT_QUESTION = "What is this text about?"
LOOKED_AT = 20_000  # files that a preview looks at: a person waits for it
NOT_MOVED = "no"
DEMO_SLUG, TEXT_DEMO_SLUG = "demo", "demo-texts"
DEMO_RARE = {3: 12, 7: 12}  # digit: how many of it are left


def layout_of(said: Mapping[str, str]) -> TextLayout:
    """How texts are read, as the form says; what it leaves open is guessed. Raises scanning.FolderError."""
    columns = [said.get(name, "").strip() for name in ("text_columns", "label_column", "group_column")]
    corrected = layouts.corrected(said["folder"], *columns) if any(columns) else None
    return TextLayout(corrected, said.get("cut") or "whole")


def given_of(said: Mapping[str, Any], layout: TextLayout | None) -> Given:
    """What the form says of classes: for a table of texts, that a column of its own has them."""
    table = table_path(said["table"])
    if layout is not None and not table:
        with layouts.first_table(scanning.tidy_folder(said["folder"])) as found:
            table = COLUMN if found else ""
    return Given.of(said["folder_meaning"], table, said["class_level"])


def preview(folder: Path | str, given: Given, layout: TextLayout | None = None) -> list[str]:
    """What a person is to see before a folder is imported: which level names the classes, what of a table fits.

    Of texts, how their table is read. Empty where there is nothing to choose and nothing wrong. Raises
    scanning.FolderError as `open_new` does.
    """
    folder = scanning.tidy_folder(folder)
    scanning.check_folder(folder, may_be_file=layout is not None)
    if layout is not None:
        layouts.check(folder, layout)
        return layouts.described(folder, layout) + known.check(folder, given, most=LOOKED_AT, of_texts=True)
    lines = known.check(folder, given, most=LOOKED_AT, hint=_("choose above"))
    return lines if len(lines) > 1 or " · " in "".join(lines) else []


def open_new(
    *,
    folder: Path | str,
    owner: User | None,
    name: str = "",
    question_text: str = QUESTION,
    multi_label: bool = False,
    class_names: list[str] | None = None,
    given: Given = Given(),  # noqa: B008 - it is frozen
    slug: str | None = None,
    layout: TextLayout | None = None,
) -> Project:
    """A new project on a folder, its import under way: with a layout, of texts, and then it may be a table.

    Raises scanning.FolderError where the folder can't be used.
    """
    folder = scanning.tidy_folder(folder)
    scanning.check_folder(folder, may_be_file=layout is not None)
    with transaction.atomic():
        project = projects.create_project(
            name=name or names.shown(Path(str(folder)).name) or ("photographs" if layout is None else "texts"),
            owner=owner,
            question_text=question_text,
            multi_label=multi_label,
            class_names=class_names or [],
            slug=slug,
            kind=Project.Kind.IMAGE if layout is None else Project.Kind.TEXT,
        )
        samples.add_source(project, folder, given=given, layout=layout)
    return project


def open_folder(
    folder: Path | str,
    meaning: str = Source.Meaning.NOTHING,
    table: str = "",
    *,
    given: Given | None = None,
    moved_from: str = "",
    ask: Callable[[str], bool] | None = None,
    layout: TextLayout | None = None,
) -> Project:
    """The project on that folder, made on first use; with a layout, of the texts in it.

    On later uses what is new in the folder is imported, and labels and truth that are given then are applied. A folder
    that moved is found again: `moved_from` says from where ("no": from nowhere), else `ask` is asked. Raises
    FolderError where it can't be used, or where it has moved and nobody can be asked.
    """
    given = given or Given.of(meaning, table)
    folder = scanning.tidy_folder(folder)
    moved_from = moved_from or settings.MOVED_FROM
    source = _said_to_have_moved(moved_from, folder)
    kind = Project.Kind.IMAGE if layout is None else Project.Kind.TEXT
    if source is None:
        source = moving.at(folder).filter(project__kind=kind).first()
    if source is None:
        scanning.check_folder(folder, may_be_file=layout is not None)
        source = None if moved_from == NOT_MOVED or layout is not None else _found_elsewhere(folder, ask)
    if source is None:
        owner = User.objects.filter(is_superuser=True).order_by("pk").first()
        question = QUESTION if layout is None else TEXT_QUESTION
        return open_new(folder=folder, owner=owner, question_text=question, given=given, layout=layout)
    samples.add_source(source.project, folder, given=given, layout=layout)
    return source.project


def _said_to_have_moved(old: str, folder: Path | str) -> Source | None:
    """The source that was in the folder `old`, told where it is now; in all projects that used it."""
    sources = list(moving.at(old)) if old and old != NOT_MOVED else []
    for source in sources:
        moving.repoint(source, folder)
    if old and old != NOT_MOVED and not sources and not moving.at(folder):  # else it was told at an earlier start
        raise FolderError(_("No project uses the folder %(old)s (MOVED_FROM).") % {"old": old})
    return sources[0] if sources else None


def _found_elsewhere(folder: Path | str, ask: Callable[[str], bool] | None) -> Source | None:
    """The source whose photographs are in this folder now, told so where the person at the terminal agrees."""
    source = moving.candidate(folder)
    if source is None:
        return None
    words = {"old": source.path, "new": names.shown(folder), "project": source.project.name}
    if ask is None:
        detail = _(
            "The photographs of the project “%(project)s”, once in %(old)s, are in %(new)s now. To go on with that "
            "project, start with MOVED_FROM=%(quoted)s; to begin a new one on the same photographs, with MOVED_FROM=no."
        )
        raise FolderError(detail % {**words, "quoted": shlex.quote(source.path)})
    question = _("The photographs of the project “%(project)s”, once in %(old)s, are in %(new)s now. Go on with it?")
    if not ask(question % words):
        return None
    moving.repoint(source, folder)
    return source


def given(folder: str, labels: str, truth: str, level: str) -> Given:
    """What the knobs LABELS, TRUTH and LEVEL say of a folder. Raises scanning.FolderError where they can't be meant."""
    if (labels or truth) and not folder:
        raise FolderError(_("LABELS and TRUTH say what the folder IMAGES, or TEXTS, holds: name that as well."))
    found = Given(labels=_named(labels), truth=_named(truth), level=_level(level))
    if found.level is not None and FOLDERS not in {found.labels, found.truth}:
        raise FolderError(_("LEVEL says which folders name the classes: give LABELS=folders or TRUTH=folders with it."))
    return found


def texts_given(folder: str, labels: str, truth: str, level: str) -> tuple[Given, TextLayout]:
    """As `given`, of texts: LABELS or TRUTH may name the column of the table that has the labels."""
    columns = {each for each in (labels, truth) if each and _named(each) not in {FOLDERS, COLUMN}}
    columns = {each for each in columns if not Path(table_path(each)).is_file()}
    tidied = scanning.tidy_folder(folder)
    if len(columns) > 1 and layouts.guessed(tidied) is not None:
        raise FolderError(_("LABELS and TRUTH name two columns of the table: the labels are in one."))
    layout = layouts.labelled_by(tidied, *columns) if len(columns) == 1 else None
    if layout is None:
        return given(folder, labels, truth, level), TextLayout()
    labels, truth = (COLUMN if each in columns else each for each in (labels, truth))
    return given(folder, labels, truth, level), layout


def _named(text: str) -> str:
    if text.lower() == COLUMN and not Path(text).is_file():
        return COLUMN
    is_folders = text.lower() in {FOLDERS, "folder"} and not Path(text).is_file()
    return FOLDERS if is_folders else table_path(text)


def table_path(text: str) -> str:
    """Where a table is, as it is stored; empty for none."""
    try:
        return str(Path(text).expanduser().resolve()) if text else ""
    except RuntimeError:  # ~ of somebody who has no home here
        return text


def _level(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"-?[1-9]\d?", text, re.ASCII):
        detail = _("LEVEL must be a number: 1 for the first folder level, -1 for the last, not “%(level)s”.")
        raise FolderError(detail % {"level": text})
    return int(text)


def open_demo() -> Project:
    """The demo project: scikit-learn's handwritten digits, with two classes thinned to a dozen each."""
    project = Project.objects.filter(slug=DEMO_SLUG).first()
    folder = settings.DATA / "demo"
    truth = folder / "truth.csv"
    if not truth.exists():
        _write_digits(folder / "digits", truth)
    if project is not None:
        return project
    owner = User.objects.filter(is_superuser=True).order_by("pk").first()
    return open_new(
        folder=folder / "digits",
        owner=owner,
        name="Demo: handwritten digits",
        question_text="Which digit is this?",
        given=Given(truth=str(truth)),
        slug=DEMO_SLUG,
    )


def open_text_demo() -> Project:
    """The demo project of texts: messages to a shop that a small grammar makes, of a dozen kinds, one of them rare."""
    table = settings.DATA / "demo" / "messages.csv"
    if not table.exists():
        demo_texts.write(table)
    project = Project.objects.filter(slug=TEXT_DEMO_SLUG).first()
    if project is not None:
        return project
    return open_new(
        folder=table,
        owner=User.objects.filter(is_superuser=True).order_by("pk").first(),
        name="Demo: messages to a shop",
        question_text="What is this message about?",
        given=Given(truth=COLUMN),
        slug=TEXT_DEMO_SLUG,
        layout=TextLayout(),
    )


def _write_digits(folder: Path, truth: Path) -> None:
    """Write the digits as PNG files named without their answer, and the answers into a CSV beside."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    left = dict(DEMO_RARE)
    rows = []
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target.tolist(), strict=True)):
        if digit in left and not left[digit]:
            continue
        if digit in left:
            left[digit] -= 1
        name = f"{number:04}.png"
        grey = (255 - pixels * 255 / 16).astype(np.uint8)
        Image.fromarray(grey).resize((128, 128), Image.Resampling.BICUBIC).save(folder / name)
        rows.append({"path": name, "class": digit})
    temporary = truth.with_suffix(".part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["path", "class"])
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(truth)
