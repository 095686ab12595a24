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


def thin(project: Project | None, until: float = float("inf")) -> int:
    """Delete old finished jobs of a project (None: of none) in batches until then; returns how many went."""
    gone, of_project = 0, Job.objects.filter(project=project)
    while time.monotonic() < until:
        batch = list(_old(of_project).values_list("pk", flat=True)[:BATCH])
        if not batch:
            break
        with transaction.atomic():
            n, _ = Job.objects.filter(pk__in=batch, finished_at__isnull=False).delete()
            if project is not None:
                Kept.thin(project.pk, Kept.What.JOBS, n)
        gone += n
    if project is not None:
        Kept.look(project.pk, Kept.What.JOBS, of_project.count())
    return gone


def _old(jobs: QuerySet[Job]) -> QuerySet[Job]:
    finished = jobs.filter(finished_at__isnull=False).order_by("-finished_at", "-pk")
    edge = finished.values_list("finished_at", flat=True)[NEWEST - 1 : NEWEST].first()
    if edge is None:
        return finished.none()
    failed = finished.filter(state=Job.State.FAILED).values_list("pk", flat=True)[:FAILED]
    old = finished.filter(finished_at__lt=edge).exclude(pk__in=list(failed))
    is_importing = jobs.filter(finished_at=None, kind__in=IMPORTING).exists()
    return old.exclude(kind__in=IMPORTING) if is_importing else old
