"""What became of a table or of folder names, in sentences: for the terminal, `status` and the progress page."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeller.codes import WorkerCode
from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.samples import names
from labeller.samples.tables import LONGEST_NAME, Problem
from tl_core.notices import Notice, notice

FIRST = 3  # problems of a kind that are kept with the source


def summed(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """How many problems there are of each kind, and the first of them."""
    found: dict[str, dict[str, Any]] = {}
    for problem in problems:
        kind = found.setdefault(problem.kind, {"kind": problem.kind, "n": 0, "first": []})
        kind["n"] += 1
        if len(kind["first"]) < FIRST:
            kind["first"].append([problem.line, problem.path, problem.text])
    return list(found.values())


def sentences(report: dict[str, Any]) -> list[str]:
    """What is to be said of one table, or of the folders: what is wrong with it, a sentence a kind."""
    if report.get("error"):
        return [sentence(report["error"])]
    return [_sentence(group, report) for group in report.get("problems", ())]


def _sentence(group: dict[str, Any], report: dict[str, Any]) -> str:
    line, path, text = group["first"][0]
    path, text = names.plain(path), names.plain(text)  # a table may hold anything
    values = {
        "n": group["n"],
        "rows": report.get("rows", 0),
        "path": path,
        "text": text,
        "line": line,
        "lines": ", ".join(str(first[0]) for first in group["first"]) + (" …" if group["n"] > FIRST else ""),
        "paths": ", ".join(names.plain(first[1]) for first in group["first"]) + (" …" if group["n"] > FIRST else ""),
        "most": LONGEST_NAME,
    }
    return (_of_lines(group) if group["kind"] in OF_LINES else _of_paths(group)) % values


OF_LINES = {"more-cells", "long-name", "bad-name", "no-class", "no-path", "not-csv", "other-question", "of-part"}


def _of_lines(group: dict[str, Any]) -> str:
    n = group["n"]
    return {
        "more-cells": ngettext(
            "line %(lines)s has more cells than columns: put a name with a comma in it between quotation marks",
            "lines %(lines)s have more cells than columns: put names with a comma in them between quotation marks",
            n,
        ),
        "long-name": ngettext(
            "line %(lines)s: name too long (more than %(most)d characters)",
            "lines %(lines)s: name too long (more than %(most)d characters)",
            n,
        ),
        "bad-name": ngettext(
            "line %(lines)s: this cannot be the name of a class", "lines %(lines)s: these cannot be names of classes", n
        ),
        "no-class": ngettext(
            "%(n)d row names no class, in line %(line)d", "%(n)d rows name no class, the first in line %(line)d", n
        ),
        "no-path": ngettext(
            "%(n)d row has an empty path, in line %(line)d",
            "%(n)d rows have an empty path, the first in line %(line)d",
            n,
        ),
        "not-csv": ngettext("line %(lines)s is no CSV: %(text)s", "lines %(lines)s are no CSV: %(text)s", n),
        "other-question": ngettext(
            "%(n)d row is of another question, “%(text)s”",
            "%(n)d rows are of another question, the first of “%(text)s”",
            n,
        ),
        "of-part": ngettext(
            "%(n)d row is of a part of a file, in line %(line)d; a table is of whole ones",
            "%(n)d rows are of parts of files, the first in line %(line)d; a table is of whole ones",
            n,
        ),
    }[group["kind"]]


def _of_paths(group: dict[str, Any]) -> str:
    n = group["n"]
    return {
        "no-file": _("%(n)d of %(rows)d rows name no file of this folder, the first: %(path)s"),
        "several-files": _("%(n)d of %(rows)d rows may mean several files of this folder, the first: %(path)s"),
        "two-answers": ngettext(
            "%(n)d path is there twice with other classes: %(paths)s",
            "%(n)d paths are there twice with other classes: %(paths)s",
            n,
        ),
        "twins": ngettext(
            "%(n)d file is there twice, with other classes: %(path)s (%(text)s)",
            "%(n)d files are there twice, with other classes, the first: %(path)s (%(text)s)",
            n,
        ),
        "moved": ngettext(
            "%(n)d file has moved to where the table tells of another one, and keeps its class: %(path)s",
            "%(n)d files have moved to where the table tells of others, and keep their classes, the first: %(path)s",
            n,
        ),
        "no-folder": ngettext(
            "%(n)d file lies in no folder of that level and gets no class: %(path)s",
            "%(n)d files lie in no folder of that level and get no class, the first: %(path)s",
            n,
        ),
        "people": ngettext(
            "%(n)d file was labelled by people, whose word stands: %(path)s",
            "%(n)d files were labelled by people, whose word stands, the first: %(path)s",
            n,
        ),
    }[group["kind"]]


def of_project(project: Project) -> list[dict[str, Any]]:
    """What became of the labels and the truth of each source, for a page or a terminal."""
    return [
        {
            "source": pk,
            "purpose": purpose,
            "outcome": outcome(report),
            "sentences": [] if report.get("error") else sentences(report),
            "list": bool(report.get("problems")),
        }
        for pk, known in project.sources.order_by("pk").values_list("pk", "known")
        for purpose, report in known.items()
        if isinstance(report, dict)
    ]


def outcome(report: dict[str, Any]) -> str:
    """One line on what was applied: “labels.csv (rows: 120): 117 samples have their class by it”."""
    return sentence(applied(report))


def applied(report: dict[str, Any]) -> Notice | str:
    """What was applied, or why nothing was."""
    if error := report.get("error"):
        return Notice(**error) if isinstance(error, dict) else error
    if level := report.get("level"):
        return notice(WorkerCode.FOLDERS_APPLIED, level=level, n=report["applied"])
    return notice(WorkerCode.TABLE_APPLIED, name=report["name"], rows=report["rows"], n=report["applied"])


def list_path(source_id: int, purpose: str) -> Path:
    """The file that lists everything that was not taken."""
    return Path(settings.DATA, "reports", f"source-{source_id}-{purpose}.csv")


def write_list(path: Path, problems: list[Problem]) -> None:
    """All of it, in sight only once it is whole."""
    if not problems:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow(("problem", "line", "path", "text"))
        writer.writerows(problems)
    part.replace(path)
