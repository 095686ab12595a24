"""Export: what somebody had written in one of the formats, to be taken away."""

from pathlib import Path

from django.conf import settings
from django.db import models

from labeller.jobs.models import Job
from labeller.projects.models import Project, Question


class Export(models.Model):
    """A project in one format. It is whole once it has a manifest; how far it is until then its job says."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="exports")
    format = models.CharField(max_length=40, help_text="An exporter's name.")
    questions = models.ManyToManyField(Question, related_name="exports")
    options = models.JSONField(default=dict)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    manifest = models.JSONField(default=dict, help_text="Files with rows and hashes; empty until it is whole.")
    bytes = models.BigIntegerField(default=0, help_text="Of the zip.")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.format} of {self.project}"

    @property
    def name(self) -> str:
        """What the download is called, without its suffix."""
        return f"{self.project.slug}-{self.format}-{self.created_at:%Y%m%d-%H%M%S}"

    @property
    def path(self) -> Path:
        """Where the zip lies once it is whole."""
        return folder_of(self.project_id) / f"export-{self.pk}.zip"


def folder_of(project_id: int) -> Path:
    """Where the exports of a project lie."""
    return Path(settings.DATA, "exports", f"project-{project_id}")
