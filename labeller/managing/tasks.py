"""Jobs that delete for good, fold texts again, tidy up or gather boxes; and what was given up looked for anew."""

from celery import shared_task

from labeller.jobs.registry import handler
from labeller.managing import folding, removing, repeating, tidying

handler("remove")(removing.remove)
handler("fold")(folding.fold)
handler("tidy")(tidying.tidy)
handler("repeats")(repeating.gather)


@shared_task
def go_on_removing() -> None:
    """Begin deletions again that nobody is at work on."""
    removing.go_on()
