"""Asking for refits: quick ones after some labels, full ones every night and on demand."""

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Max, OuterRef
from django.utils import timezone

from labeller.embedding import mixing
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.labels.models import Label
from labeller.learning.models import Head, Round
from labeller.projects.models import Project, Question
from tl_core.heads.weighing import ENOUGH_LABELS

FIRST_FULL_REFIT = 50  # labels; from then on whenever they have doubled, and every night
RETRY_AFTER = timedelta(hours=1)
REFIT_DEBOUNCE = 0.05  # seconds in which labels that arrive together share one refit


def request_refit(question: Question, *, at_once: bool = False) -> None:
    """Ask for a refit once enough labels are new: debounced, and one pending at most."""
    every = question.refit_every
    if at_once or new_labels(question, every) >= every:
        jobs.enqueue(
            "refit",
            key=_key(question),
            project=question.project,
            payload={"question": question.pk},
            delay=REFIT_DEBOUNCE,
        )


def rank_anew(sender: Any, *, project: Project, **kwargs: Any) -> None:
    """Ask for a refit of every question of a project: what they are ranked by has changed."""
    for question in project.questions.all():
        request_refit(question, at_once=True)


def ask_anew(question: Question) -> None:
    """Have counted and ranked what the questions that follow this one are asked of: one is new, or classes changed."""
    following = list(question.followers.select_related("project"))
    if following:
        jobs.enqueue("count", key=f"project:{question.project_id}", project=question.project)
    for each in following:
        request_refit(each, at_once=True)


def new_labels(question: Question, most: int = 1) -> int:
    """Labels the current round doesn't know of, counted up to `most`: after an import there may be very many."""
    known = Round.objects.filter(question=question, is_current=True).aggregate(known=Max("last_label"))["known"] or 0
    return Label.objects.filter(question=question, pk__gt=known)[:most].count()


def retrain_stale() -> int:
    """Periodic: ask for a refit wherever labels wait that no round knows, however few, and none is under way."""
    latest = Round.objects.filter(question=OuterRef("pk"), is_current=True).values("last_label")
    newest = Label.objects.filter(question=OuterRef("pk")).order_by("-pk").values("pk")
    # By an answer to the question before, one that follows is asked of another sample, or of one less.
    before = Label.objects.filter(question=OuterRef("follows")).order_by("-pk").values("pk")
    stale = Question.objects.filter(project__closing_at=None).annotate(
        known=latest[:1], newest=newest[:1], before=before[:1]
    )
    under_way = set(Job.objects.filter(kind="refit", state=Job.State.RUNNING).values_list("key", flat=True))
    found = [
        question
        for question in stale.select_related("project")
        if max(question.newest or 0, question.before or 0) > (question.known or 0) and _key(question) not in under_way
    ]
    for question in found:
        request_refit(question, at_once=True)
    return len(found)


def request_retrain(question: Question) -> Job:
    """Ask for a full refit; where one is pending already, that is the one."""
    job = jobs.enqueue("retrain", key=_key(question), project=question.project, payload={"question": question.pk})
    Question.objects.filter(pk=question.pk).update(retrain_asked_at=job.created_at)
    return job


def retrain_due() -> int:
    """Periodic: ask for a full refit where its time of day has passed and labels from before are new to it.

    Nights on which nothing ran are made up for once. What failed is not tried again before the next night. While labels
    are few, a full refit also comes whenever they have doubled: C, temperature and what is known of the head would
    otherwise be those of a much smaller set all day. So it does once embeddings beside those in use have become whole:
    only a full refit weighs them.
    """
    due = [
        question
        for question in Question.objects.filter(project__closing_at=None).select_related("project")
        if (question.retrain_at is not None and _is_due(question, _last_passed(question.retrain_at)))
        or _has_doubled(question)
        or _has_more_to_see(question)
    ]
    for question in due:
        request_retrain(question)
    return len(due)


def _has_doubled(question: Question) -> bool:
    full = Head.last_full(question)
    if _was_asked_since(question, full):
        return False
    # Samples are compared, not labels: two people who agree on a sample teach no more than one of them does.
    return tallies.of(question).labelled >= (2 * full.n_labels if full else FIRST_FULL_REFIT)


def _has_more_to_see(question: Question) -> bool:
    """Whether a companion of the run in use lacked shards at the last full refit, and knows all of them now."""
    full, run = Head.last_full(question), EmbeddingRun.in_use(question.project)
    if full is None or run is None or full.n_labels < ENOUGH_LABELS or _was_asked_since(question, full):
        return False
    return any(mixing.lacked_shards(run, each, full.created_at) for each in mixing.companions(run))


def _was_asked_since(question: Question, full: Head | None) -> bool:
    """Whether a full refit was asked for after the last one that there is: it runs, or failed, or found one class."""
    since = timezone.now() - RETRY_AFTER
    since = max(since, full.created_at) if full else since
    return question.retrain_asked_at is not None and question.retrain_asked_at >= since


def _key(question: Question) -> str:
    return f"question:{question.pk}"


def _last_passed(time_of_day: time) -> datetime:
    """When it was that time of day last."""
    now = timezone.localtime()
    passed = datetime.combine(now.date(), time_of_day, now.tzinfo)
    return passed if passed <= now else passed - timedelta(days=1)


def _is_due(question: Question, passed: datetime) -> bool:
    if question.retrain_asked_at is not None and question.retrain_asked_at >= passed:
        return False
    full = Head.last_full(question)
    known = full.last_label if full else 0
    # Labels given since then wait for the next night: a full refit is not for the middle of the day.
    return Label.objects.filter(question=question, pk__gt=known, created_at__lt=passed).exists()
