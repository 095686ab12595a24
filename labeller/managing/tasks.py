"""Jobs that delete for good, and what was given up looked for periodically."""

from celery import shared_task

from labeller.jobs.registry import handler
from labeller.managing import removing

handler("remove")(removing.remove)


@shared_task
def go_on_removing() -> None:
    """Begin deletions again that nobody is at work on."""
    removing.go_on()
