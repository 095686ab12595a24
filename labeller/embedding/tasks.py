"""Jobs on the queues embed and io, and what is missing looked for periodically."""

from celery import shared_task

from labeller.embedding import computing, neighbours, runs, summing
from labeller.jobs.registry import handler

handler("plan")(computing.plan)
handler("embed")(computing.embed_shard)
handler("index")(neighbours.build)
handler("sum")(summing.build)


@shared_task
def retry_missing() -> None:
    """Queue again the shards that are missing and that nobody works on."""
    runs.retry_missing()
