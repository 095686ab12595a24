"""The Celery application. Celery only wakes workers up: the jobs themselves are database rows."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeller.config.settings")

app = Celery("labeller")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
