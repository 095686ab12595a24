"""Training word vectors as a page shows it: what is offered, how far it is, and what came of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.projects.models import Project
from labeller.transfer import training_vectors, vocabulary
from labeller.transfer.adapting_shown import figures, span_of
from labeller.transfer.models import AdaptingResult
from tl_core.adaptation.gains import HEAD
from tl_core.texts.training_words import is_installed

WORDS = {
    training_vectors.FROM_NOTHING: gettext_noop("Word vectors trained on these texts"),
    training_vectors.CONTINUED: gettext_noop("Vectors at hand, trained on with these texts"),
}


@dataclass(frozen=True)
class TrainedLine:
    """What came of one way to train; figures of the head alone, for what decides."""

    name: str
    title: str
    result: AdaptingResult
    instead: list[dict[str, Any]]
    beside: list[dict[str, Any]]
    is_used: bool
    is_wished: bool


@dataclass(frozen=True)
class TrainingVectors:
    """What the page shows: whether it can be done here, vectors to go on from, work under way or failed, and lines."""

    is_installed: bool
    sources: list[str]
    job: Job | None
    failed: Job | None
    minutes: int | None  # to go
    lines: list[TrainedLine]
    is_changing: bool
    span: float


def shown(project: Project) -> TrainingVectors:
    """All of it."""
    job, failed = jobs.under_way_or_failed(training_vectors.of_project(project))
    wished = training_vectors.wished(project)
    results = AdaptingResult.objects.filter(project=project, way__in=WORDS).select_related("run", "project")
    gains = {each.way: (_of_head(each, "gains"), _of_head(each, "beside")) for each in results}
    span = span_of(gain for pair in gains.values() for part in pair for gain in part)
    lines = []
    for result in sorted(results, key=lambda each: list(WORDS).index(each.way)):
        instead, beside = ([figures(gain, span) for gain in part] for part in gains[result.way])
        lines.append(
            TrainedLine(
                result.way,
                _(WORDS[result.way]),
                result,
                instead,
                beside,
                training_vectors.is_used(project, result.made),
                result.made in wished,
            )
        )
    return TrainingVectors(
        is_installed(),
        [Path(each).name for each in vocabulary.at_hand(project)],
        job,
        failed,
        _minutes(job),
        lines,
        job is not None or any(each.is_wished for each in lines),
        100 * span,
    )


def _of_head(result: AdaptingResult, part: str) -> list[dict[str, Any]]:
    return [gain for gain in result.report[part] if gain["measure"] == HEAD]


def _minutes(job: Job | None) -> int | None:
    """How long it will take as fast as it went since it was begun or gone on with; None while that can't be told."""
    if job is None or job.state != Job.State.RUNNING or job.started_at is None:
        return None
    done = job.done - job.payload.get("begun", 0)
    if done <= 0:
        return None
    spent = (timezone.now() - job.started_at).total_seconds()
    return int(spent * max(job.total - job.done, 0) / done // 60) + 1
