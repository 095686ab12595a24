"""Fitting a featuriser of texts to a project's own: once there are some, and anew when they have doubled.

What is fitted anew is another run beside the one in use, and the project switches when it is whole.
"""

from dataclasses import dataclass

from labeller.codes import WorkerCode
from labeller.embedding import runs, text_featurisers
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.projects.models import Project
from labeller.samples.ingesting import check_disk
from labeller.samples.models import Text
from labeller.transfer import switching
from labeller.transfer.levels import Seen, seen
from tl_core.notices import notice
from tl_core.texts import fitted, registry, svd

ENOUGH = 500  # texts to fit to, while more are coming in


@dataclass(frozen=True)
class FittedToTexts:
    """What a page shows: the run in use, what it was fitted on, what stands beside it, what questions see."""

    run: EmbeddingRun | None
    fitted_on: int  # texts that there were
    read: int  # of these
    is_fitted_anew: bool
    companions: list[EmbeddingRun]
    seen: list[Seen]


def shown(project: Project) -> FittedToTexts:
    """What a project of texts learns from."""
    run = EmbeddingRun.in_use(project)
    if run is None:
        return FittedToTexts(None, 0, 0, False, [], [])
    questions = project.questions.order_by("position", "pk")
    by_itself = text_featurisers.is_fitted_by_itself(run.featuriser)
    return FittedToTexts(
        run,
        run.fitted_on,
        min(run.fitted_on, svd.SAMPLE) if by_itself else run.fitted_on,
        by_itself,
        list(run.companions.order_by("pk")),
        [seen(each, run) for each in questions],
    )


def fit(progress: jobs.Progress) -> None:
    """Fit what the project learns from to its texts; done twice it changes nothing."""
    project = Project.objects.get(pk=progress.project.pk)
    kind = project.featuriser.partition("/")[0]
    if project.kind != Project.Kind.TEXT or not text_featurisers.unfitted(kind):
        return  # somebody chose another one meanwhile
    # Rows of a table that is being read are not counted yet: they are no fair picture of it.
    known, run = tallies.samples(project), EmbeddingRun.in_use(project)
    if run is not None and (run.fitted_on * 2 > known or not text_featurisers.is_fitted_by_itself(run.featuriser)):
        return
    if is_importing(project) and (known < ENOUGH or run is not None):
        raise runs.NotFitted(notice(WorkerCode.TEXTS_FIRST))
    if not known:
        return  # the first shard asks again
    fittable = registry.fittable(kind)
    count = Text.objects.filter(project=project).count()
    read = min(count, fittable.sample or count)
    check_disk()
    said = notice(WorkerCode.FITTING_TEXTS, name=kind)
    progress(0, read, said, now=True)
    if not project.language:
        project.language = text_featurisers.tell_language(project)
    arrays = fittable.fit(
        lambda: text_featurisers.drawn(project, read), lambda done: progress(min(done, read), read, said)
    )
    spec = fitted.save(kind, arrays, runs.networks())
    progress(read, read, said, now=True)  # a worker that lost the job leaves the rest to the one that has it
    _begin(project, kind, spec, count, run)


def is_importing(project: Project) -> bool:
    """Whether more texts are coming in."""
    open_jobs = Job.objects.filter(project=project, state__in=Job.OPEN)
    return open_jobs.filter(kind__in=["scan", "ingest"]).exists()


def _begin(project: Project, kind: str, spec: str, count: int, before: EmbeddingRun | None) -> None:
    """Make the run of what was fitted; at once the one in use where there is none yet."""
    if before is None:
        Project.objects.filter(pk=project.pk, featuriser=kind).update(featuriser=spec)
        project.featuriser = spec
    run = runs.run_of(project, spec)
    EmbeddingRun.objects.filter(pk=run.pk).update(fitted_on=count)
    if before is None:
        runs.resume(run)
    elif before.pk != run.pk:
        switching.ask(project, run=run)
