"""Asking for refits: quick ones after some labels, full ones every night and on demand."""

from datetime import datetime, timedelta

from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

from labeller.jobs import services as jobs
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.learning.models import Head, Round
from labeller.projects.models import Project, Question

FIRST_FULL_REFIT = 50  # labels; from then on whenever they have doubled, and every night
RETRY_AFTER = timedelta(hours=1)
REFIT_DEBOUNCE = 0.05  # seconds in which labels that arrive together share one refit


def request_refit(question: Question, *, at_once: bool = False) -> None:
    """Ask for a refit once enough labels are new: debounced, and one pending at most."""
    if at_once or new_labels(question) >= question.project.refit_every:
        jobs.enqueue(
            "refit",
            key=_key(question),
            project=question.project,
            payload={"question": question.pk},
            delay=REFIT_DEBOUNCE,
        )


def new_labels(question: Question) -> int:
    """Labels the current round doesn't know of."""
    known = Round.objects.filter(question=question, is_current=True).aggregate(known=Max("last_label"))["known"] or 0
    return Label.objects.filter(question=question, pk__gt=known).count()


def retrain_stale() -> int:
    """Periodic: ask for a refit wherever labels wait that no round knows, however few, and none is under way."""
    latest = Round.objects.filter(question=OuterRef("pk"), is_current=True).values("last_label")
    stale = Question.objects.filter(
        Exists(Label.objects.filter(question=OuterRef("pk"))),
    ).annotate(known=latest[:1], newest=Max("labels__pk"))
    under_way = set(Job.objects.filter(kind="refit", state=Job.State.RUNNING).values_list("key", flat=True))
    found = [
        question
        for question in stale.select_related("project")
        if question.newest > (question.known or 0) and _key(question) not in under_way
    ]
    for question in found:
        request_refit(question, at_once=True)
    return len(found)


def request_retrain(question: Question) -> Job:
    """Ask for a full refit; where one is pending already, that is the one."""
    return jobs.enqueue("retrain", key=_key(question), project=question.project, payload={"question": question.pk})


def retrain_due() -> int:
    """Periodic: ask for a full refit where its time of day has passed and labels from before are new to it.

    Nights on which nothing ran are made up for once. What failed is not tried again before the next night. While labels
    are few, a full refit also comes whenever they have doubled: C, temperature and what is known of the head would
    otherwise be those of a much smaller set all day.
    """
    due = [
        question
        for question in Question.objects.select_related("project")
        if (question.project.retrain_at is not None and _is_due(question, _last_passed(question.project)))
        or _has_doubled(question)
    ]
    for question in due:
        request_retrain(question)
    return len(due)


def _has_doubled(question: Question) -> bool:
    full = Head.last_full(question)
    tried = Job.objects.filter(kind="retrain", key=_key(question), created_at__gte=timezone.now() - RETRY_AFTER)
    if (tried.exclude(state=Job.State.DONE) if full else tried).exists():
        return False  # it runs, or failed, or found one class only
    return labels.answers(question).count() >= (2 * full.n_labels if full else FIRST_FULL_REFIT)


def _key(question: Question) -> str:
    return f"question:{question.pk}"


def _last_passed(project: Project) -> datetime:
    """When the project's time of day for a full refit was last."""
    now = timezone.localtime()
    passed = datetime.combine(now.date(), project.retrain_at, now.tzinfo)
    return passed if passed <= now else passed - timedelta(days=1)


def _is_due(question: Question, passed: datetime) -> bool:
    if Job.objects.filter(kind="retrain", key=_key(question), created_at__gte=passed).exists():
        return False
    full = Head.last_full(question)
    known = full.last_label if full else 0
    # Labels given since then wait for the next night: a full refit is not for the middle of the day.
    return Label.objects.filter(question=question, pk__gt=known, created_at__lt=passed).exists()
