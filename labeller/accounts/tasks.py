"""What Celery calls on schedule."""

from celery import shared_task

from labeller.accounts import admitting


@shared_task
def clean() -> None:
    """Delete what is kept of sessions and logins once it is old."""
    admitting.clean()
