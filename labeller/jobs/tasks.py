"""The two Celery functions of the job machinery."""

from celery import shared_task

from labeller.jobs import registry, services


@shared_task
def run(job_id: int) -> None:
    """Do one job, whatever its kind."""
    services.run(job_id, registry.get)


@shared_task
def sweep() -> None:
    """Re-enqueue what dead workers and lost messages left."""
    services.sweep()
