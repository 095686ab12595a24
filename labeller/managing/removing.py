"""Deleting a project, a source, a question, a class without labels, or an account, for good.

Whoever asks sees before what goes. From then on it is hidden; a job does the work once a moment has passed in which
they may think better of it. The job deletes files before the rows that tell of them, and the row itself last: killed
anywhere it begins again, and finds less.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from labeller.accounts import forgetting
from labeller.accounts.models import User
from labeller.codes import WorkerCode
from labeller.exchange import making
from labeller.exchange.models import Export, Import, files_of
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels.models import LabelledClass
from labeller.learning import seeing
from labeller.learning.models import Acceptance, Round
from labeller.managing import removing_sources, traces
from labeller.managing.closure import let_go, tied
from labeller.managing.emptying import Emptying
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples.models import File, HiddenTruth, Sample, Source
from tl_core.notices import notice

KIND = "remove"
GRACE = 30.0  # seconds in which it can be cancelled; work that was under way ends meanwhile
AGAIN_AFTER = timedelta(minutes=10)  # after the last of several attempts
ATTEMPTS = 5  # of a row that somebody adds something to at that moment

PROJECT, SOURCE, QUESTION, CLASS, ACCOUNT = "project", "source", "question", "class", "account"
Removable = Project | Source | Question | LabelClass | User


class Refused(Exception):
    """It cannot be deleted; the message says why, and what to do."""


# --- asking ---------------------------------------------------------------------------------------


def what_is(row: Removable) -> str:
    """The word for what a row is."""
    return {Project: PROJECT, Source: SOURCE, Question: QUESTION, LabelClass: CLASS, User: ACCOUNT}[type(row)]


def ask(row: Removable, by: User | None) -> Job:
    """Have it deleted, and hide it at once. Raises Refused where it must stay."""
    check(row)
    what = what_is(row)
    payload = {"what": what, "id": row.pk, "by": by.pk if by else None}
    with transaction.atomic():
        if isinstance(row, User):
            payload["was_active"] = row.is_active
        for closing in _closing(what, row.pk):
            closing.filter(closing_at=None).update(closing_at=timezone.now())
        if isinstance(row, User):
            User.objects.filter(pk=row.pk).update(is_active=False, session_epoch=F("session_epoch") + 1)
        delay = 0.0 if isinstance(row, LabelClass) else GRACE
        return jobs.enqueue(KIND, key=f"{what}:{row.pk}", payload=payload, delay=delay)


def _closing(what: str, pk: int) -> list["models.QuerySet[Any]"]:
    """The rows that are hidden while that is being deleted; a class, without labels, is in nobody's way."""
    found: dict[str, list[models.QuerySet[Any]]] = {
        PROJECT: [Project.everything.filter(pk=pk)],
        SOURCE: [Source.everything.filter(pk=pk)],
        QUESTION: [Question.everything.filter(Q(pk=pk) | Q(follows=pk))],
        CLASS: [],
        ACCOUNT: [User.objects.filter(pk=pk)],
    }
    return found[what]


def cancel(job: Job) -> bool:
    """Keep it after all; False where the work has begun."""
    payload = job.payload
    with transaction.atomic():
        waiting = Job.objects.filter(pk=job.pk, kind=KIND, state=Job.State.QUEUED, started_at=None)
        if not waiting.update(state=Job.State.CANCELLED, finished_at=timezone.now()):
            return False
        for closing in _closing(payload["what"], payload["id"]):
            closing.update(closing_at=None)
        if payload["what"] == ACCOUNT:
            User.objects.filter(pk=payload["id"]).update(is_active=payload["was_active"])
    return True


def under_way(person: User) -> "models.QuerySet[Job]":
    """Deletions that are not done yet: one's own, and to administrators all."""
    found = Job.objects.filter(kind=KIND, project=None, state__in=Job.OPEN).order_by("pk")
    return found if person.is_superuser else found.filter(payload__by=person.pk)


def name_of(job: Job) -> str:
    """What is being deleted, by the name it had; empty where its row is gone."""
    pk = job.payload["id"]
    found: dict[str, models.QuerySet[Any]] = {
        PROJECT: Project.everything.filter(pk=pk).values_list("name", flat=True),
        SOURCE: Source.everything.filter(pk=pk).values_list("path", flat=True),
        QUESTION: Question.everything.filter(pk=pk).values_list("text", flat=True),
        CLASS: LabelClass.objects.filter(pk=pk).values_list("name", flat=True),
        ACCOUNT: User.objects.filter(pk=pk).values_list("username", flat=True),
    }
    return str(found[job.payload["what"]].first() or "")


def shown(job: Job) -> dict[str, Any]:
    """A deletion as the page of projects shows it."""
    can_cancel = job.state == Job.State.QUEUED and job.started_at is None
    return {"job": job, "name": name_of(job), "can_cancel": can_cancel}


def go_on() -> int:
    """Periodic: what is hidden but nobody is at work on was given up, or lost its job: it is begun again."""
    recent = Q(finished_at=None) | Q(finished_at__gt=timezone.now() - AGAIN_AFTER)
    at_work = Job.objects.filter(recent, kind=KIND, project=None).exclude(state=Job.State.CANCELLED)
    busy = set(at_work.values_list("key", flat=True))
    begun = 0
    hidden = {
        PROJECT: Project.everything.exclude(closing_at=None),
        SOURCE: Source.everything.exclude(closing_at=None),
        QUESTION: Question.everything.filter(Q(follows=None) | Q(follows__closing_at=None)).exclude(closing_at=None),
        ACCOUNT: User.objects.exclude(closing_at=None).exclude(password=forgetting.FORGOTTEN),
    }
    for what, rows in hidden.items():
        for pk in rows.values_list("pk", flat=True):
            if f"{what}:{pk}" not in busy:
                jobs.enqueue(KIND, key=f"{what}:{pk}", payload={"what": what, "id": pk, "by": None})
                begun += 1
    return begun


# --- what must stay -------------------------------------------------------------------------------


def check(row: Removable) -> None:
    """Raises Refused where it must stay."""
    if isinstance(row, Question):
        others = Question.objects.filter(project=row.project_id).exclude(Q(pk=row.pk) | Q(follows=row.pk))
        if not others.exists():
            raise Refused(_("A project needs at least one question: delete the project instead."))
    elif isinstance(row, LabelClass):
        _check_class(row)
    elif isinstance(row, User) and (problem := forgetting.problem(row)) is not None:
        raise Refused(problem)


def _check_class(row: LabelClass) -> None:
    if LabelledClass.objects.filter(label_class=row).exists():
        raise Refused(_("Labels name this class, and labels are kept. Put it below another class instead."))
    if row.children.exists():
        raise Refused(_("Other classes lie below this one: put them elsewhere first."))
    if HiddenTruth.objects.filter(label_class=row).exists():
        raise Refused(_("The hidden truth of photographs names this class: it is needed for simulations."))
    for question in Question.objects.filter(only_for=row):
        if question.only_for.count() == 1:
            raise Refused(_("“%(question)s” is asked after this class only.") % {"question": question.text})
    if _knows(row):
        raise Refused(_("The head knows this class still: wait for the next ranking."))


def _knows(row: LabelClass) -> bool:
    """Whether predictions may name the class."""
    current = Round.objects.filter(question=row.question_id, is_current=True).select_related("head").first()
    heads = [current.head if current else None, *(each.head for each in _standing(row.question_id))]
    return any(head is not None and row.pk in head.class_ids for head in heads)


def _standing(question_id: int) -> "models.QuerySet[Acceptance]":
    return Acceptance.objects.filter(question=question_id, revoked_at=None).exclude(head=None).select_related("head")


# --- doing it -------------------------------------------------------------------------------------


def remove(progress: jobs.Progress) -> None:
    """Delete what a job names."""
    payload = progress.job.payload
    _DOING[payload["what"]](progress, payload["id"])


class Counting:
    """Tells how many samples and labels are gone, of those that there were."""

    def __init__(self, progress: jobs.Progress, total: int) -> None:
        self.progress, self.done = progress, 0
        self.total = total
        progress(0, total, now=True)

    def __call__(self, model: type[models.Model], n: int) -> None:
        self.done += n if model._meta.label in {"samples.Sample", "labels.Label"} else 0
        self.progress(min(self.done, self.total), self.total)


def _project(progress: jobs.Progress, pk: int) -> None:
    project = Project.everything.filter(pk=pk).first()
    if project is None:
        return
    jobs.cancel(project.jobs.all())
    questions = list(Question.everything.filter(project=pk).select_related("project"))
    source_ids = list(Source.everything.filter(project=pk).values_list("pk", flat=True))
    total = Sample.objects.filter(project=pk).count() + project.labels.count()
    emptying = Emptying(Counting(progress, total), {File: lambda pks: _delete_pictures(pk, pks)})
    # Twice: the rows tell which files there are, and somebody may have been writing still.
    traces.delete_of_project(pk, questions, source_ids)
    _empty(emptying, Project, [pk])
    traces.delete_of_project(pk, questions, source_ids)
    _delete_row(emptying, Project, [pk])


def _delete_pictures(project_id: int, pks: list[int]) -> None:
    contents = File.objects.filter(pk__in=pks).values_list("sha256", flat=True)
    traces.delete(traces.of_pictures(project_id, list(contents)))


def _empty(emptying: Emptying, model: type[models.Model], pks: list[int]) -> None:
    """Delete what hangs on these rows; once more where something was added meanwhile."""
    for attempt in range(ATTEMPTS):
        try:
            emptying.everything_of(model, pks)
            return
        except IntegrityError:
            if attempt == ATTEMPTS - 1:
                raise


def _delete_row(emptying: Emptying, model: type[models.Model], pks: list[int]) -> None:
    """Delete the rows themselves, and what was added to them in the last moment."""
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                let_go(model, pks)
                model._base_manager.filter(pk__in=pks).delete()
            return
        except (models.ProtectedError, IntegrityError):
            if attempt == ATTEMPTS - 1:
                raise
            _empty(emptying, model, pks)


def _question(progress: jobs.Progress, pk: int) -> None:
    """With the questions that follow it."""
    questions = list(Question.everything.filter(Q(pk=pk) | Q(follows=pk)).select_related("project"))
    pks = [each.pk for each in questions]
    if pk not in pks:
        return
    of_questions = Job.objects.filter(project=questions[0].project_id, payload__question__in=pks)
    jobs.cancel(of_questions)
    for export in Export.objects.filter(questions__in=pks).select_related("project").distinct():
        making.remove(export)  # what was said goes with the question
    total = sum(each.labels.count() for each in questions)
    emptying = Emptying(Counting(progress, total))
    traces.delete(files_of(Import.objects.filter(question__in=pks)))
    _empty(emptying, Question, pks)
    for each in questions:
        traces.delete([traces.of_heads(each.pk), *traces.of_exports(each)])
    emptying.all_of(of_questions.order_by())
    _delete_row(emptying, Question, pks)
    seeing.ask(questions[0].project)  # its labels and models may have been all that said where people are


def _source(progress: jobs.Progress, pk: int) -> None:
    source = Source.everything.select_related("project").filter(pk=pk).first()
    if source is None or source.project.closing_at is not None:
        return  # it goes with its project
    of_source = Job.objects.filter(project=source.project_id, payload__source=pk)
    jobs.cancel(of_source)
    emptying = Emptying(Counting(progress, 2 * Sample.objects.filter(file__source=pk).count()))
    removing_sources.remove(source, emptying)
    _empty(emptying, Source, [pk])
    traces.delete(traces.of_source(pk))
    emptying.all_of(of_source.order_by())
    _delete_row(emptying, Source, [pk])


def _class(progress: jobs.Progress, pk: int) -> None:
    """All at once: there are few rows, and either all go or, where somebody has labelled with it meanwhile, none."""
    label_class = LabelClass.objects.select_related("question").filter(pk=pk).first()
    if label_class is None:
        return
    try:
        with transaction.atomic():
            Question.everything.select_for_update(no_key=True).get(pk=label_class.question_id)
            _check_class(label_class)
            for each in tied(LabelClass):
                if each.model is not LabelledClass:
                    each.rows(each.lookups[0], [pk]).delete()
            label_class.delete()
    except (Refused, models.ProtectedError, IntegrityError):
        progress(0, 0, notice(WorkerCode.CLASS_KEPT), now=True)


def _account(progress: jobs.Progress, pk: int) -> None:
    user = User.objects.filter(pk=pk).first()
    if user is not None:
        forgetting.forget(user)


_DOING: dict[str, Callable[[jobs.Progress, int], None]] = {
    PROJECT: _project,
    SOURCE: _source,
    QUESTION: _question,
    CLASS: _class,
    ACCOUNT: _account,
}
