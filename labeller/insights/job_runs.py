"""The newest jobs for the progress page: of one kind that went alike, one after the other, they are one row."""

from dataclasses import dataclass
from itertools import groupby

from django.db.models import F

from labeller.jobs.models import Job
from labeller.projects.models import Project

LOOKED_AT = 200
SHOWN = 12


@dataclass(frozen=True)
class Run:
    """Jobs that differ in nothing but their time; `job` is the newest."""

    job: Job
    count: int
    done: int
    total: int


def newest(project: Project) -> list[Run]:
    """What is open, then what ended last. A job with an error stands alone: it is to be read."""
    jobs = project.jobs.order_by(F("finished_at").desc(nulls_first=True), "-pk").defer("payload")[:LOOKED_AT]
    alike = [list(run) for _, run in groupby(jobs, lambda job: (job.kind, job.state, job.error and job.pk))]
    return [Run(run[0], len(run), sum(job.done for job in run), sum(job.total for job in run)) for run in alike[:SHOWN]]
