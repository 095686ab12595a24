"""The two Celery functions of the job machinery."""

from celery import shared_task

from labeller.jobs import queueing, registry


@shared_task
def run(job_id: int) -> None:
    """Do one job, whatever its kind."""
    queueing.run(job_id, registry.get)


@shared_task
def sweep() -> None:
    """Re-enqueue what dead workers and lost messages left."""
    queueing.sweep()
