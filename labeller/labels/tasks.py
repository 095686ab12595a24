"""Work on counts."""

from celery import shared_task

from labeller.jobs.queueing import Progress
from labeller.jobs.registry import handler
from labeller.labels import tallies


@handler("count")
def count(progress: Progress) -> None:
    """Count a project anew: a question follows another, or is asked of other samples than before."""
    tallies.recount(progress.project)


@shared_task
def fold_tallies() -> None:
    """Put rows of the same count together."""
    tallies.fold()
