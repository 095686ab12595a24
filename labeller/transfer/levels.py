"""Whether intermediate levels of the network are kept beside its last layer, and what each question sees of them.

They cost no time, for they come in the same pass, and a third more room. Where no question gains by them they go.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from labeller.embedding import runs, tidying
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning.models import Head
from labeller.projects.models import Project, Question

KIND = "levels"
ENOUGH_TO_LEAVE = 400  # labels of a full refit that prefers the last layer: it speaks for good


@dataclass(frozen=True)
class Seen:
    """What a question's heads see: shares of the parts by their name, and at how many labels that was chosen."""

    question: Question
    labels: int
    parts: list[tuple[str, float]]


@dataclass(frozen=True)
class Levels:
    """What a page shows of them."""

    kept: bool
    job: Job | None
    run: EmbeddingRun | None
    missing: int
    megabytes: float
    seen: list[Seen]


def shown(project: Project) -> Levels:
    """What is kept, what is lacking, the room it takes, and what each question sees."""
    job = Job.objects.filter(project=project, kind=KIND, state__in=Job.OPEN).first()
    run = EmbeddingRun.in_use(project)
    companion = _companion(run) if run else None
    rows, missing = 0, 0
    if run is not None and companion is not None:
        embedded = {each.pk: each.shards.aggregate(n=Sum("embedded"))["n"] or 0 for each in (run, companion)}
        rows, missing = embedded[companion.pk], max(0, embedded[run.pk] - embedded[companion.pk])
    room = 2 * rows * companion.dimension / 1e6 if companion else 0.0
    seen_by = [seen(question, run) for question in project.questions.order_by("position", "pk")] if run else []
    return Levels(project.keeps_levels, job, companion, missing, room, seen_by)


def ask(project: Project, *, keeps: bool) -> None:
    """Have them kept from now on, and those made that are lacking; or have them deleted."""
    Project.objects.filter(pk=project.pk).update(keeps_levels=keeps)
    jobs.cancel(Job.objects.filter(project=project, kind=KIND))
    jobs.enqueue(KIND, key=f"project:{project.pk}", project=project)


def settle(progress: jobs.Progress) -> None:
    """Do as the project says; done twice it changes nothing."""
    project = Project.objects.get(pk=progress.project.pk)  # as it is now: the last wish counts
    run = runs.current_run(project)
    if project.keeps_levels:
        companion = runs.accompany(run)
        if companion is not None:
            runs.resume(companion)
        return
    for companion in run.companions.select_related("beside"):
        if runs.in_one_pass(companion):
            tidying.remove(companion)


def leave_unused(sender: Any, *, question: Question, **kwargs: Any) -> None:
    """After a refit: where every question's labels speak for the last layer alone, the levels go."""
    project = question.project
    if not project.keeps_levels or Head.objects.filter(question=question).order_by("-version").first() is None:
        return
    run = EmbeddingRun.in_use(project)
    if run is None or _companion(run) is None:
        return
    full = [Head.last_full(each) for each in project.questions.all()]
    if all(head and head.run_id == run.pk and not head.mix and head.n_labels >= ENOUGH_TO_LEAVE for head in full):
        ask(project, keeps=False)


def _companion(run: EmbeddingRun) -> EmbeddingRun | None:
    companions = run.companions.select_related("beside")
    return next((each for each in companions if runs.in_one_pass(each)), None)


def seen(question: Question, run: EmbeddingRun) -> Seen:
    """What a question's last full refit chose of this run and its companions."""
    head = question.heads.filter(run=run, is_full=True).order_by("-version").first()
    if head is None:
        return Seen(question, 0, [])
    total = sum(weight for _, weight in head.weights)
    return Seen(question, head.n_labels, [(name, weight / total) for name, weight in head.weights])
