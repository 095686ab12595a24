"""The Job row: the truth about every piece of work; a Celery message only wakes a worker up."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from labeller.projects.models import Project


class Job(models.Model):
    """One piece of queued, running or finished work."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (State.QUEUED, State.RUNNING)  # what is still to be done, or being done

    project = models.ForeignKey(Project, models.CASCADE, null=True, related_name="jobs")
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=200, help_text="Same kind and key: the same work.")
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Single-flight: the same work is pending at most once and running at most once.
            models.UniqueConstraint(fields=["kind", "key"], condition=Q(state="queued"), name="one_job_pending"),
            models.UniqueConstraint(fields=["kind", "key"], condition=Q(state="running"), name="one_job_running"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "done", "failed", "cancelled"]), name="job_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "heartbeat_at"], name="job_by_state"),
            models.Index(fields=["project", "state"], name="job_by_project"),
            models.Index(fields=["project", "finished_at"], name="job_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} ({self.state})"


class Kept(models.Model):
    """How much of what piles up a project keeps, and how much was deleted because nothing needs it any more."""

    class What(models.TextChoices):
        JOBS = "jobs", _("finished work")
        ROUNDS = "rounds", _("rounds")
        HEADS = "heads", _("heads")
        ASSESSMENTS = "assessments", _("assessments")

    project = models.ForeignKey(Project, models.CASCADE, related_name="kept")
    what = models.CharField(max_length=12, choices=What)
    n = models.BigIntegerField(default=0, help_text="Rows at the last look.")
    bytes = models.BigIntegerField(default=0, help_text="In files, at the last look.")
    thinned = models.BigIntegerField(default=0, help_text="Rows deleted, all times together.")
    thinned_at = models.DateTimeField(null=True, help_text="When rows were deleted last.")
    looked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "kept"
        constraints = [models.UniqueConstraint(fields=["project", "what"], name="one_count_per_kept")]

    def __str__(self) -> str:
        return f"{self.n} {self.what}"

    @classmethod
    def thin(cls, project_id: int, what: str, n: int) -> None:
        """Add to what was deleted, inside the transaction that deletes it."""
        if n:
            cls._row(project_id, what).update(thinned=models.F("thinned") + n, thinned_at=timezone.now())

    @classmethod
    def look(cls, project_id: int, what: str, n: int, size: int = 0) -> None:
        """Note how much there is now."""
        cls._row(project_id, what).update(n=n, bytes=size, looked_at=timezone.now())

    @classmethod
    def _row(cls, project_id: int, what: str) -> "models.QuerySet[Kept]":
        row, _ = cls.objects.get_or_create(project_id=project_id, what=what)
        return cls.objects.filter(pk=row.pk)
