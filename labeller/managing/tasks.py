"""Jobs that delete for good, fold texts again or tidy up after them, and what was given up looked for periodically."""

from celery import shared_task

from labeller.jobs.registry import handler
from labeller.managing import folding, removing, tidying

handler("remove")(removing.remove)
handler("fold")(folding.fold)
handler("tidy")(tidying.tidy)


@shared_task
def go_on_removing() -> None:
    """Begin deletions again that nobody is at work on."""
    removing.go_on()
