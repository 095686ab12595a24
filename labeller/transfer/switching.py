"""Changing a project's featuriser: the pool is embedded beside what is in use, and only then the project switches.

A wish is a job of kind `switch`. It waits until nothing is missing any more, so whatever dies meanwhile, the project
learns from the old run or from the new one, whole. The way back is the same with the former run. Whether heads see
the last layer, the levels beside it or both is theirs to choose, by a full refit; a wish only sees to it that they can.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Sum

from labeller.codes import WorkerCode
from labeller.embedding import runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.learning import asking
from labeller.projects.models import Project
from labeller.transfer.models import Switch
from tl_core.notices import notice

KIND = "switch"


class NotEmbedded(jobs.Postponed):
    """The other featuriser has not embedded everything yet."""


@dataclass(frozen=True)
class Switching:
    """What a page shows of it: the wish that is being fulfilled, and the run that one click goes back to."""

    wish: Job | None
    failed: Job | None
    former: EmbeddingRun | None


def ask(project: Project, *, spec: str = "", run: EmbeddingRun | None = None, levels: bool = False) -> Job:
    """Have the project learn from that run, or from that featuriser, once everything is embedded by it.

    With `levels`, the levels of the network are embedded beside its last layer.

    The last wish counts: one before it is given up. A spec must come from the program itself, for it may name files.
    """
    with transaction.atomic():
        keep(project)
        payload: dict[str, Any] = {"spec": spec} if run is None else {"run": run.pk}
        payload["levels"] = levels
        return jobs.enqueue(KIND, key=_key(project), project=project, payload=payload)


def keep(project: Project) -> None:
    """Give up a wish: the project keeps what it learns from. What was embedded already stays, and is gone on with."""
    jobs.cancel(_wishes(project))


def shown(project: Project) -> Switching:
    """What is under way, and what there was before."""
    wish, failed = jobs.under_way_or_failed(_wishes(project))
    return Switching(wish, failed, former(project))


def former(project: Project) -> EmbeddingRun | None:
    """The run that the project learnt from before the one in use, while it is still there."""
    current = EmbeddingRun.in_use(project)
    if current is None:
        return None
    last = project.switches.select_related("former").order_by("-pk").first()
    return last.former if last and last.run_id == current.pk else None


def switch(progress: jobs.Progress) -> None:
    """Embed what is missing and, once nothing is, let the project learn from it. Done twice it changes nothing."""
    project, has_levels = progress.project, progress.job.payload.get("levels", False)
    run = _run(project, progress.job.payload)
    wait_for(run, progress)
    before = EmbeddingRun.in_use(project)
    with transaction.atomic():
        if before is None or before.pk != run.pk:
            Switch.objects.create(project=project, run=run, former=before)
            runs.use(run)
        elif not has_levels:
            return
        for question in project.questions.all():
            asking.request_retrain(question)


def _run(project: Project, payload: dict[str, Any]) -> EmbeddingRun:
    """The run that is wished for, at work."""
    if payload.get("levels"):
        Project.objects.filter(pk=project.pk).update(keeps_levels=True)
        project.keeps_levels = True
    run = project.embedding_runs.get(pk=payload["run"]) if "run" in payload else runs.run_of(project, payload["spec"])
    beside = runs.accompany(run) if payload.get("levels") else None
    is_begun = run.state == EmbeddingRun.State.ACTIVE and _is_begun(run)
    # What comes in the same pass needs jobs of its own only for what was embedded before it was wished for.
    if not is_begun or (beside and run.shards.exists() and not _is_begun(beside)):
        runs.resume(run)  # what fails later is tried again by itself, later each time
    return run


def _is_begun(run: EmbeddingRun) -> bool:
    return bool(run.shards.exists() or runs.shard_jobs(run).exists())


def wait_for(run: EmbeddingRun, progress: jobs.Progress) -> None:
    """Return where everything is embedded; raises NotEmbedded where something is missing."""
    numbers = run.shards.aggregate(embedded=Sum("embedded"), failed=Sum("failed"))
    done = (numbers["embedded"] or 0) + (numbers["failed"] or 0)
    progress(done, tallies.samples(progress.project), now=True)
    for each in [run, *run.companions.filter(state=EmbeddingRun.State.ACTIVE).select_related("beside")]:
        if runs.shard_jobs(each).filter(state__in=Job.OPEN).exists() or runs.missing(each):
            raise NotEmbedded(notice(WorkerCode.EMBEDDED_FIRST, name=run.featuriser))


def _wishes(project: Project) -> Any:
    return Job.objects.filter(project=project, kind=KIND, key=_key(project))


def _key(project: Project) -> str:
    return f"project:{project.pk}"
