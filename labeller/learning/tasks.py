"""Jobs on the queues embed and train, and the periodic retraining."""

from celery import shared_task

from labeller.jobs.registry import handler
from labeller.learning import rounds, services

handler("embed")(services.embed_shard)
handler("refit")(rounds.refit)


@shared_task
def retrain_stale() -> None:
    """Refit where labels wait that were too few to trigger a refit of their own."""
    services.retrain_stale()
