"""What is written to be taken away, and files of others that are brought in."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models

from labeller.jobs.models import Job
from labeller.projects.models import Project, Question
from labeller.samples import names


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


class Import(models.Model):
    """A file of labels, predictions, boxes or deployments: looked at first, then applied; see `importing`."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="imports")
    question = models.ForeignKey(Question, models.CASCADE, related_name="imports", help_text="What its classes answer.")
    path = models.CharField(max_length=4000, help_text="As names.encode writes it.")
    name = models.CharField(max_length=300, help_text="What the file is called.")
    is_upload = models.BooleanField(default=False, help_text="Whether the file is this site's own, and goes with it.")
    format = models.SlugField(blank=True, help_text="Empty until it is recognised.")
    options = models.JSONField(default=dict, help_text="What was said of how it is read; what is missing is guessed.")
    guesses = models.JSONField(default=list, help_text="What may be said: name, title, guess and choices of each.")
    stamp = models.JSONField(default=list, help_text="Size and time of change of the file that was looked at.")
    look = models.JSONField(null=True, help_text="What would be done: see `counting`. Null = not looked at yet.")
    report = models.JSONField(null=True, help_text="What was done so far, as above; null = nothing.")
    problem = models.JSONField(default=list, help_text="Why it can't be read: a code of `reasons` and a text.")
    position = models.JSONField(default=list, help_text="Records that were applied, and bytes of the list then.")
    created_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True, help_text="When all of it was applied.")

    class Meta:
        indexes = [models.Index(fields=["project", "created_at"], name="import_by_project")]

    def __str__(self) -> str:
        return f"{self.name} into {self.project}"

    @property
    def file(self) -> Path:
        """Where it is on this machine."""
        return Path(names.decode(self.path))

    @property
    def list_path(self) -> Path:
        """The table of what was not taken, or put right."""
        return list_path(self.pk)

    def stamped(self) -> list[int]:
        """Size and time of change of the file now; nothing of a folder, or of a file that is not there."""
        try:
            status = self.file.stat()
        except OSError:
            return []
        return [status.st_size, status.st_mtime_ns] if self.file.is_file() else []


def list_path(pk: int) -> Path:
    """The table of what was not taken of an import."""
    return Path(settings.DATA, "reports", f"import-{pk}.csv")


def upload_folder(pk: int) -> Path:
    """Where a file lies that was uploaded for an import."""
    return Path(settings.DATA, "imports", str(pk))


def files_of(imports: "models.QuerySet[Any]") -> list[Path]:
    """All files that this site keeps of these imports."""
    return [path for pk in imports.values_list("pk", flat=True) for path in (list_path(pk), upload_folder(pk))]
