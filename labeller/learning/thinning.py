"""Thinning what refits leave behind: rounds, heads and their files, assessments.

Full refits stay, what an acceptance, an assessment, a round in use or a hunt names, the newest, and now and then one in
between, so that curves and comparisons go back to the beginning. What a label came of stays as a row: the label names
it. A head's files, which weigh most, stay with heads that may still be used, and not with all that a label names.

Rows go before files, in transactions of a few rows: whatever dies in between leaves files that no row names, and these
are deleted an hour later. Two processes may thin at once.
"""

import contextlib
import logging
import math
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from labeller.jobs import thinning as of_jobs
from labeller.jobs.models import Kept
from labeller.labels.models import Label
from labeller.learning.models import Assessment, Head, Round, RoundEntry, TileGroup
from labeller.projects.models import Project, Question

log = logging.getLogger(__name__)

NEWEST_ROUNDS = 50  # of a question that stay whatever they are
NEWEST_HEADS = 20
NEWEST_ASSESSMENTS = 3
ROUND_STEP = 1.02  # between two old rounds that stay labels grew by that factor
HEAD_STEP = 1.1  # the same of heads: kappa compares with one that knew a tenth fewer labels
BATCH = 100  # rows in one transaction
BUDGET = 30.0  # seconds until a worker does something else; the next time it goes on
ORPHANED = 3600.0  # seconds after which files without a row are nobody's: a refit writes them just before its row


def thin(budget: float = BUDGET) -> int:
    """Periodic: delete what nothing needs any more, in all projects; returns how many rows went."""
    until = time.monotonic() + budget
    gone = of_jobs.thin(None, until)
    for project in Project.objects.order_by("pk"):
        gone += of_jobs.thin(project, until)
        for question in project.questions.order_by("pk"):
            gone += _thin(question, until)
        _look(project)
    if time.monotonic() < until:
        remove_orphans()
    return gone


def _thin(question: Question, until: float) -> int:
    """What goes of one question. In this order: an assessment names a head, and so does a round."""
    what, project = Kept.What, question.project_id
    gone = _delete(project, what.ASSESSMENTS, old_assessments(question), until)
    gone += _delete(project, what.ROUNDS, old_rounds(question), until)
    _forget_files(question, until)
    return gone + _delete(project, what.HEADS, old_heads(question), until)


def _delete(project_id: int, what: str, rows: "QuerySet[Model]", until: float) -> int:
    """Delete the rows in batches. Each batch asks anew which go: people and refits go on meanwhile."""
    gone, model = 0, rows.model
    while time.monotonic() < until:
        with transaction.atomic():
            batch = list(rows.values_list("pk", flat=True)[:BATCH])
            _, by_model = model._default_manager.filter(pk__in=batch).delete()
            n = by_model.get(model._meta.label, 0)
            Kept.thin(project_id, what, n)
        gone += n
        if not n:
            break
    return gone


# --- which go -------------------------------------------------------------------------------------


def old_assessments(question: Question) -> "QuerySet[Assessment]":
    """All but the newest."""
    of_question = Assessment.objects.filter(question=question)
    newest = list(of_question.order_by("-pk").values_list("pk", flat=True)[:NEWEST_ASSESSMENTS])
    return of_question.exclude(pk__in=newest).order_by("pk")


def old_rounds(question: Question) -> "QuerySet[Round]":
    """Rounds that nobody was served from, that are neither new nor a step of the curve."""
    of_question = Round.objects.filter(question=question).order_by("number")
    numbers = of_question.order_by("-number").values_list("number", flat=True)
    newest = numbers[NEWEST_ROUNDS - 1 : NEWEST_ROUNDS].first()
    if newest is None:
        return of_question.none()
    entries = RoundEntry.objects.filter(round=OuterRef("pk"))
    groups = TileGroup.objects.filter(round=OuterRef("pk"))
    unserved = of_question.filter(~Exists(entries), ~Exists(groups), number__lt=newest, is_current=False)
    return unserved.exclude(pk__in=_steps(of_question.values_list("pk", "n_labels"), ROUND_STEP))


def _used(question: Question) -> "QuerySet[Head]":
    """Heads of the question that stay with their files: few, for steps grow with the logarithm of the labels."""
    of_question = Head.objects.filter(question=question)
    newest = list(of_question.order_by("-version").values_list("pk", flat=True)[:NEWEST_HEADS])
    whole = of_question.filter(acceptances=None).exclude(directory="").order_by("version")
    steps = _steps(whole.values_list("pk", "n_labels"), HEAD_STEP)
    return of_question.filter(
        Q(is_full=True)
        | Q(pk__in=newest)
        | Q(pk__in=steps)
        | Exists(Round.objects.filter(head=OuterRef("pk"), is_current=True))
        | Exists(Assessment.objects.filter(head=OuterRef("pk")))
        | Exists(question.acceptances.filter(head=OuterRef("pk")))
        | Exists(TileGroup.objects.filter(question=question, head_version=OuterRef("version")))
    )


def spare_files(question: Question) -> "QuerySet[Head]":
    """Heads that nothing will be predicted with any more, with files still."""
    used = list(_used(question).values_list("pk", flat=True))
    return Head.objects.filter(question=question).exclude(directory="").exclude(pk__in=used).order_by("pk")


def old_heads(question: Question) -> "QuerySet[Head]":
    """Heads without files that no label and no round names."""
    used = list(_used(question).values_list("pk", flat=True))
    named = Label.objects.filter(question=question, head_version=OuterRef("version"))
    ranked = Round.objects.filter(head=OuterRef("pk"))
    spare = Head.objects.filter(~Exists(named), ~Exists(ranked), question=question, directory="")
    return spare.exclude(pk__in=used).order_by("pk")


def _steps(rows: Iterable[tuple[int, int]], factor: float) -> list[int]:
    """Of rows in their order, as id and number of labels, the first one of each step by that factor."""
    found: dict[int, int] = {}
    for pk, n_labels in rows:
        found.setdefault(math.floor(math.log(max(1, n_labels)) / math.log(factor)), pk)
    return list(found.values())


# --- files ----------------------------------------------------------------------------------------


def _forget_files(question: Question, until: float) -> None:
    """Delete files of heads that stay as a row at most."""
    while time.monotonic() < until:
        batch = dict(spare_files(question).values_list("pk", "directory")[:BATCH])
        if not batch:
            return
        Head.objects.filter(pk__in=batch).update(directory="")
        for directory in batch.values():
            _remove(settings.HEADS / directory)


def remove_orphans() -> int:
    """Delete files of heads that no row names, and let rows forget files that are gone; returns how many of both."""
    found = 0
    for folder in _folders(settings.HEADS):
        named = set(Head.objects.filter(directory__startswith=f"{folder.name}/").values_list("directory", flat=True))
        there = {f"{folder.name}/{each.name}": each for each in _folders(folder)}
        for directory in there.keys() - named:
            if _is_old(there[directory]):
                _remove(there[directory])
                found += 1
        # Read before the rows: what was written in between is in `there` only if its row isn't asked for.
        lost = [each for each in named - there.keys() if not (settings.HEADS / each).exists()]
        for start in range(0, len(lost), BATCH):
            found += Head.objects.filter(directory__in=lost[start : start + BATCH], acceptances=None).update(
                directory=""
            )
        if not named and not there:
            _remove_empty(folder)
    return found


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())
    except FileNotFoundError:
        return []


def _is_old(folder: Path) -> bool:
    try:
        return time.time() - folder.stat().st_mtime > ORPHANED
    except FileNotFoundError:
        return False


def _remove(folder: Path) -> None:
    """Another process may delete the same; what can't be deleted now is found again as nobody's."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        log.warning("%s could not be deleted: %s", folder, error)


def _remove_empty(folder: Path) -> None:
    if _is_old(folder):
        with contextlib.suppress(OSError):  # something may have been written there in between
            folder.rmdir()


# --- figures --------------------------------------------------------------------------------------


def _look(project: Project) -> None:
    """Keep how much there is now, for the page."""
    heads = Head.objects.filter(question__project=project)
    size = sum(_size(settings.HEADS / f"question-{pk}") for pk in project.questions.values_list("pk", flat=True))
    Kept.look(project.pk, Kept.What.HEADS, heads.count(), size)
    Kept.look(project.pk, Kept.What.ROUNDS, Round.objects.filter(project=project).count())
    Kept.look(project.pk, Kept.What.ASSESSMENTS, Assessment.objects.filter(question__project=project).count())


def _size(folder: Path) -> int:
    """Bytes of the files below a folder, as far as they are there still."""
    total = 0
    for each in folder.rglob("*"):
        try:
            total += each.stat().st_size if each.is_file() else 0
        except FileNotFoundError:
            continue
    return total
