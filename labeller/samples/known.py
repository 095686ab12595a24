"""What is known of samples beforehand: labels, or hidden truth, from the names of folders or from a table.

A job applies it to everything that has been imported, as often as it likes: after each shard, and whenever another
table is given. It looks at what stands and writes the difference, so a table that changes or goes away in between
stops nothing, and what is given at a later run is applied like what was given at the first.
"""

import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.messages import as_json
from labeller.projects import making as projects
from labeller.projects.models import Project, Question
from labeller.samples import archives, known_columns, known_writing, layouts, levels, matching, tables, told
from labeller.samples.bursts import pages
from labeller.samples.models import File, Refusal, Sample, Source, TextCopy
from labeller.samples.scanning import FolderError
from labeller.samples.tables import Problem, Row
from labeller.samples.walking import walk
from labeller.text import fold
from tl_core.images import is_url

FOLDERS = "folders"
COLUMN = layouts.COLUMN
PURPOSES = ("labels", "truth")
REST = 5  # while an import goes on, a run waits so many times as long as the last one took


@dataclass(frozen=True)
class Given:
    """What somebody says of a folder's classes: “folders”, or the path of a table. Empty = as it was before.

    Where samples are rows of a table, “column”: the one that the source's layout names.
    """

    labels: str = ""
    truth: str = ""
    level: int | None = None

    @classmethod
    def of(cls, meaning: str, table: str = "", level: int | None = None) -> "Given":
        """One meaning alone."""
        named = {meaning: table or FOLDERS} if meaning in PURPOSES else {}
        return cls(level=level, **named)

    def tables(self) -> Iterator[Path]:
        named = dict.fromkeys((self.labels, self.truth))
        yield from (Path(each) for each in named if each not in {"", FOLDERS, COLUMN})

    def store(self, source: Source) -> None:
        """Keep with the source what is given; what is not stays as it was."""
        fields: dict[str, str | int | None] = {
            "labels_from": self.labels,
            "truth_from": self.truth,
            "class_level": self.level,
        }
        changed: dict[str, str | int | None] = {
            name: value for name, value in fields.items() if value and value != getattr(source, name)
        }
        if FOLDERS in changed.values() and FOLDERS not in {source.labels_from, source.truth_from}:
            changed["class_level"] = self.level  # not one that was meant for something else
        for name, value in changed.items():
            setattr(source, name, value)
        if changed:
            source.save(update_fields=list(changed))


@dataclass
class NamedClasses:
    """The classes of each file that is named, and what could not be taken."""

    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    n_rows: int = 0
    level: int | None = None
    digest: str = ""  # of the table


# --- what names say -------------------------------------------------------------------------------


def by_folders(paths: list[str], level: int | None, *, of_texts: bool = False) -> NamedClasses:
    """The classes that folders name. Raises FolderError where no folder can."""
    said = NamedClasses(level=levels.chosen(levels.counts(paths, of_texts=of_texts), level))
    for path in paths:
        text = levels.name(path, said.level or 1)
        problem = Problem("no-folder", 0, path)
        if text is not None:
            name, wrong = tables.class_name(text)
            if not wrong:
                said.names[path] = (name,)
                continue
            problem = Problem(wrong, 0, path, text)
        said.problems.append(problem)
    return said


def by_table(path: Path, files: Iterable[str], root: str, question: Question | None) -> NamedClasses:
    """The classes that a table names. Raises FolderError where it can't be read."""
    several = bool(question and question.multi_label)
    table = tables.read(path, several=several)
    if question is not None:
        table = tables.of_question(table, question.key)
    matched = matching.match(table.rows, files, root)
    said = NamedClasses(problems=table.problems + matched.problems, n_rows=table.n_rows, digest=table.digest)
    for file, rows in matched.rows.items():
        names = _one_answer(rows, several)
        if names is None:
            said.problems.append(Problem("two-answers", rows[1].line, file, " / ".join(_texts(rows))))
        else:
            said.names[file] = names
    return said


def _one_answer(rows: list[Row], several: bool) -> tuple[str, ...] | None:
    """What the rows of one file say together; None where they contradict each other."""
    if len(rows) == 1:
        return rows[0].classes
    if several:
        return tuple({fold(name): name for row in rows for name in row.classes}.values())
    answers = {frozenset(map(fold, row.classes)) for row in rows}
    return rows[0].classes if len(answers) == 1 else None


def _texts(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys("|".join(row.classes) for row in rows))


def check(
    folder: Path | str, given: Given, *, most: int | None = None, hint: str = "", of_texts: bool = False
) -> list[str]:
    """What will be done with what is given, in lines to be told before anything starts.

    With `most`, so many files of the folder are looked at. `hint` says how another folder level is chosen.
    Raises FolderError, in one line, where it can't be used, or where nothing of it fits the folder.
    """
    named = [each for each in dict.fromkeys((given.labels, given.truth)) if each not in {"", COLUMN}]
    if not named:
        return []
    files = list(itertools.islice(_paths(folder), most))
    is_all = most is None or len(files) < most
    lines = []
    for each in named:
        if each == FOLDERS:
            lines += levels.described(files, given.level, hint, of_texts=of_texts)
        else:
            lines += _check_table(Path(each), files, folder, is_all)
    return lines


def _paths(folder: Path | str) -> Iterator[str]:
    if not is_url(folder) and layouts.is_archive(folder):
        return iter(archives.paths(Path(folder)))
    return (found.path for found in walk(folder, follows_links=settings.FOLLOW_LINKS))


def _check_table(path: Path, files: list[str], folder: Path | str, is_all: bool) -> list[str]:
    said = by_table(path, files, str(folder), None)
    if not said.n_rows:
        raise FolderError(_("The table %(path)s has no rows.") % {"path": path})
    if not is_all:
        return []
    wrong = told.sentences({"rows": said.n_rows, "problems": told.summed(said.problems)})
    if not said.names:
        raise FolderError(_("%(path)s: %(problems)s") % {"path": path, "problems": "; ".join(wrong)})
    line = ngettext(
        "%(path)s (rows: %(rows)d) names %(n)d file of this folder",
        "%(path)s (rows: %(rows)d) names %(n)d files of this folder",
        len(said.names),
    )
    return [line % {"path": path, "rows": said.n_rows, "n": len(said.names)}, *(f"  {each}" for each in wrong)]


def missing_tables(source: Source) -> list[str]:
    """Tables that are not there any more: what they said stays, and nothing new is labelled by them."""
    lost = [each for each in Given(source.labels_from, source.truth_from).tables() if not each.is_file()]
    line = _("The table %(path)s is not there any more: what it said stays. Name where it is now in LABELS or TRUTH.")
    return [line % {"path": path} for path in lost]


# --- the job --------------------------------------------------------------------------------------


def request(source: Source, *, amid_import: bool = False) -> Job | None:
    """Ask for what is known of a source's samples to be applied, where anything is."""
    if not (source.labels_from or source.truth_from):
        return None
    delay = 0.0
    if amid_import:
        last = Source.objects.values_list("known", flat=True).get(pk=source.pk)
        delay = min(600.0, REST * float(last.get("seconds", 0.0)))
    return jobs.enqueue(
        "known", key=f"source:{source.pk}", project=source.project, payload={"source": source.pk}, delay=delay
    )


class _Files:
    """All files of a source: those with a sample of the whole, the twins of such files, and the others.

    What names and tables say of a file is said of the whole: a file of which there are only parts is passed over.
    """

    def __init__(self, source: Source) -> None:
        # Files first: by their samples, a database would sort all of them for each page.
        wholes = File.objects.filter(source=source, samples__part=Sample.Part.WHOLE)
        refusals = Refusal.objects.filter(source=source, row=None)
        ingests = Job.objects.filter(kind="ingest", key__startswith=f"source:{source.pk}:", state__in=Job.OPEN)
        self.own = {path: sample_id for _pk, path, sample_id in pages(wholes, "path", "samples")}
        self.twins: dict[str, int] = {}
        self.others: list[str] = []
        for _pk, path, twin in pages(refusals.annotate(whole=_whole_of_twin()), "path", "whole"):
            if twin is None:
                self.others.append(path)
            else:
                self.twins[path] = twin
        copies = TextCopy.objects.filter(file__source=source, part=Sample.Part.WHOLE)
        for _pk, path, original in pages(copies, "file__path", "original"):
            self.twins[path] = original
        # Not looked at yet, but there: a name without its folder may be one of these.
        for _pk, payload in pages(ingests, "payload", size=50):
            self.others += [each[0] for each in payload["files"]]

    def paths(self) -> list[str]:
        return [*self.own, *self.twins, *self.others]

    def by_sample(self, said: NamedClasses) -> dict[int, tuple[str, ...]]:
        """What is said of each sample, under its own name or that of a twin; contradictions become problems."""
        answers: dict[int, dict[frozenset[str], tuple[str, tuple[str, ...]]]] = {}
        for path, names in said.names.items():
            pk = self.own.get(path) or self.twins.get(path)
            if pk is not None:
                answers.setdefault(pk, {}).setdefault(frozenset(map(fold, names)), (path, names))
        found = {}
        for pk, given in answers.items():
            if len(given) == 1:
                found[pk] = next(iter(given.values()))[1]
                continue
            paths = [path for path, _names in given.values()]
            texts = ", ".join(f"{path}: {'|'.join(names)}" for path, names in given.values())
            said.problems.append(Problem("twins", 0, paths[0], texts))
        return found


def _whole_of_twin() -> Subquery:
    wholes = Sample.objects.filter(file=OuterRef("twin"), part=Sample.Part.WHOLE)
    return Subquery(wholes.values("pk")[:1])


def apply(progress: jobs.Progress) -> None:
    """Bring labels and hidden truth of a source's samples to what its folders or tables say now."""
    started = time.monotonic()
    source = Source.objects.select_related("project").get(pk=progress.job.payload["source"])
    question = source.project.first_question
    if question is None:
        return
    files = _Files(source)
    report: dict[str, Any] = {}
    for purpose in PURPOSES:
        if (named := getattr(source, f"{purpose}_from")) == COLUMN:
            report[purpose] = known_columns.apply(progress, source, question, purpose)
        elif named:
            report[purpose] = _apply(progress, source, question, purpose, named, files)
    report["seconds"] = round(time.monotonic() - started, 2)
    Source.objects.filter(pk=source.pk).update(known=report)
    applied = [told.applied(report[purpose]) for purpose in PURPOSES if purpose in report]
    progress(progress.job.done, message=applied, now=True)


def _apply(
    progress: jobs.Progress, source: Source, question: Question, purpose: str, named: str, files: _Files
) -> dict[str, Any]:
    last = source.known.get(purpose, {})
    try:
        if named == FOLDERS:
            of_texts = source.project.kind == Project.Kind.TEXT
            said = by_folders(files.paths(), source.class_level, of_texts=of_texts)
        else:
            said = by_table(Path(named), files.paths(), source.path, question)
    except FolderError as error:
        return {"from": named, "error": as_json(error.reason), "digest": last.get("digest", "")}
    answers = files.by_sample(said)
    gone = set()
    if named == FOLDERS == last.get("from") and last.get("level") != said.level:
        gone = set(files.own.values()) - answers.keys()  # they have no folder on the new level
    names = sorted({name for each in answers.values() for name in each})
    classes = {name: projects.ensure_class(question, name)[0].pk for name in names}
    wanted = {pk: frozenset(classes[name] for name in each) for pk, each in answers.items()}
    wanted |= dict.fromkeys(gone, frozenset())
    # A table that was applied as it is says nothing new of a photograph that has moved since to the path of another.
    own, moved = set(files.own.values()), set[int]()
    if said.digest and said.digest == last.get("digest"):
        own, moved = moved, own
    applied = 0
    for at, chunk in known_writing.chunks(wanted):
        progress(at, len(wanted))
        if purpose == "truth":
            applied += known_writing.write_truth(question, chunk, own)
        else:
            applied += known_writing.write_labels(question, chunk, own, said.problems, moved)
        time.sleep(known_writing.PAUSE)
    told.write_list(told.list_path(source.pk, purpose), said.problems)
    return {
        "from": named,
        "name": Path(named).name,
        "digest": said.digest,
        "level": said.level,
        "rows": said.n_rows,
        "applied": applied,
        "problems": told.summed(said.problems),
    }
