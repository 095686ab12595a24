"""Jobs that delete for good, or fold texts again, and what was given up looked for periodically."""

from celery import shared_task

from labeller.jobs.registry import handler
from labeller.managing import folding, removing

handler("remove")(removing.remove)
handler("fold")(folding.fold)


@shared_task
def go_on_removing() -> None:
    """Begin deletions again that nobody is at work on."""
    removing.go_on()
