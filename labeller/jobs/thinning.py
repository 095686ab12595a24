"""Deleting finished work that nobody will look at any more: what later work must know lies on its owner."""

import time

from django.db import transaction
from django.db.models import QuerySet

from labeller.jobs.models import Job, Kept
from labeller.projects.models import Project

NEWEST = 200  # finished jobs of a project that stay: as many as its page looks at
FAILED = 50  # and of those that failed, however old
IMPORTING = ("scan", "ingest", "plan", "embed")  # while an import lasts, its progress is counted in all its jobs
BATCH = 500  # rows in one transaction


def thin(project: Project, until: float = float("inf")) -> int:
    """Delete old finished jobs of a project, in batches, until `time.monotonic` says so; returns how many went."""
    gone = 0
    while time.monotonic() < until:
        batch = list(_old(project).values_list("pk", flat=True)[:BATCH])
        if not batch:
            break
        with transaction.atomic():
            n, _ = Job.objects.filter(pk__in=batch, finished_at__isnull=False).delete()
            Kept.thin(project.pk, Kept.What.JOBS, n)
        gone += n
    Kept.look(project.pk, Kept.What.JOBS, project.jobs.count())
    return gone


def _old(project: Project) -> QuerySet[Job]:
    finished = project.jobs.filter(finished_at__isnull=False).order_by("-finished_at", "-pk")
    edge = finished.values_list("finished_at", flat=True)[NEWEST - 1 : NEWEST].first()
    if edge is None:
        return finished.none()
    old = finished.filter(finished_at__lt=edge)
    failed = finished.filter(state=Job.State.FAILED).values_list("pk", flat=True)[:FAILED]
    old = old.exclude(pk__in=list(failed))
    is_importing = project.jobs.filter(finished_at=None, kind__in=IMPORTING).exists()
    return old.exclude(kind__in=IMPORTING) if is_importing else old
