"""Jobs on the queues embed, train and io, and the periodic retraining."""

from celery import shared_task

from labeller.jobs.registry import handler
from labeller.learning import assessing, embedding, hunting, neighbours, rounds, services

handler("plan")(embedding.plan)
handler("embed")(embedding.embed_shard)
handler("index")(neighbours.build)
handler("refit")(rounds.refit)
handler("retrain")(rounds.retrain)
handler("assess")(assessing.reassess)
handler("hunt")(hunting.hunt)


@shared_task
def retrain_stale() -> None:
    """Refit where labels wait that were too few to trigger a refit of their own."""
    services.retrain_stale()


@shared_task
def retrain_due() -> None:
    """Full refits of the projects whose time of day for it has passed."""
    services.retrain_due()


@shared_task
def retry_missing() -> None:
    """Queue again the shards that are missing and that nobody works on."""
    embedding.retry_missing()
