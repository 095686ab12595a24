"""Periodic work on counts."""

from celery import shared_task

from labeller.labels import tallies


@shared_task
def fold_tallies() -> None:
    """Put rows of the same count together."""
    tallies.fold()
