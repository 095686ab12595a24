"""An import's jobs by what they import: photographs and documents file by file, tables row by row."""

from labeller.jobs import queueing as jobs
from labeller.projects.models import Project
from labeller.samples import ingesting, table_reading


def scan(progress: jobs.Progress) -> None:
    """Find what is new or has changed, and queue the jobs that import it."""
    if progress.project.kind == Project.Kind.TEXT:
        ingesting.scan(progress, table_reading.begin)
    else:
        ingesting.scan(progress)


def ingest(progress: jobs.Progress) -> None:
    """Import some files, or read tables."""
    if progress.job.payload.get("stage") == table_reading.STAGE:
        table_reading.read(progress)
    else:
        ingesting.ingest(progress)
