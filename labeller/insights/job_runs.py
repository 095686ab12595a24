"""The newest jobs for the progress page: jobs of one kind that follow each other and ended alike share a row."""

from dataclasses import dataclass
from itertools import groupby

from labeller.jobs.models import Job
from labeller.projects.models import Project

LOOKED_AT = 200
SHOWN = 12


@dataclass(frozen=True)
class Run:
    """Jobs of one kind that follow each other and ended alike; `job` is the newest."""

    job: Job
    count: int
    done: int
    total: int


def newest(project: Project) -> list[Run]:
    """What is open, then what ended last. A job with an error stands alone: it is to be read."""
    jobs = project.jobs.defer("payload")
    # Two queries, for no index of SQLite knows "nulls first".
    still_open = jobs.filter(finished_at=None).order_by("-pk")[:LOOKED_AT]
    ended = jobs.filter(finished_at__isnull=False).order_by("-finished_at", "-pk")[:LOOKED_AT]
    found = [*still_open, *ended][:LOOKED_AT]
    alike = [list(run) for _, run in groupby(found, lambda job: (job.kind, job.state, job.error and job.pk))]
    return [Run(run[0], len(run), sum(job.done for job in run), sum(job.total for job in run)) for run in alike[:SHOWN]]
