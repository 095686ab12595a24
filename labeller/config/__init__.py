"""Settings, URLs and the Celery application."""

from labeller.config.celery import app as celery_app

__all__ = ["celery_app"]
