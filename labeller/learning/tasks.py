"""Jobs on the queue train, who sees people in pictures, and the periodic retraining."""

from celery import shared_task

from labeller.jobs.registry import handler
from labeller.learning import asking, assessing, helping, hunting, rounds, seeing, thinning

handler("refit")(rounds.refit)
handler("retrain")(rounds.retrain)
handler("assess")(assessing.reassess)
handler("hunt")(hunting.hunt)
handler("help")(helping.compare)
handler(seeing.KIND)(seeing.look)


@shared_task
def retrain_stale() -> None:
    """Refit where labels wait that were too few to trigger a refit of their own."""
    asking.retrain_stale()


@shared_task
def retrain_due() -> None:
    """Full refits of the questions whose time of day for it has passed."""
    asking.retrain_due()


@shared_task
def thin() -> None:
    """Delete old jobs, rounds, heads and files that nothing needs any more."""
    thinning.thin()
