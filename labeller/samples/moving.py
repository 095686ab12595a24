"""A folder of photographs that lies elsewhere now: recognised by its content, and the source told where it is."""

import hashlib
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from labeller.projects.models import Project
from labeller.samples import ingesting, names, scanning
from labeller.samples.models import File, Source
from labeller.samples.scanning import FolderError
from tl_core.images import is_url

LOOKED_AT = 20  # files, spread over the source, that are looked for
HASHED = 5  # of those that are there, how many have their content compared
ENOUGH = 0.5  # of those looked at: some may have been deleted or renamed meanwhile


def candidate(folder: Path | str) -> Source | None:
    """The source whose photographs are in this folder now and not where they were; None where there is none."""
    if is_url(folder):
        return None
    for source in _in_open_projects().exclude(path=names.shown(folder)).order_by("-pk"):
        if is_url(source.path):
            continue
        some = _some(source)
        if some and _share(some, Path(folder)) >= ENOUGH and not _share(some, Path(source.folder)):
            return source
    return None


def _some(source: Source) -> list[File]:
    """A few files from all over the source, at places that lie evenly between its first and last."""
    files = File.objects.filter(source=source).order_by("pk")
    first, last = files.first(), files.last()
    if first is None or last is None:
        return []
    step = max(1, (last.pk - first.pk) // LOOKED_AT)
    found = (files.filter(pk__gte=at).first() for at in range(first.pk, last.pk + 1, step))
    return list({file.pk: file for file in found if file}.values())


def _share(files: list[File], folder: Path) -> float:
    """The part of these files that are in that folder; 0 where one is there by its name and size only."""
    there = [file for file in files if _has_size(file, folder)]
    compared = there[:: max(1, len(there) // HASHED)]
    return len(there) / len(files) if all(_has_content(file, folder) for file in compared) else 0.0


def _has_size(file: File, folder: Path) -> bool:
    path = folder / names.decode(file.path)
    try:
        return path.is_file() and path.stat().st_size == file.bytes
    except OSError:
        return False


def _has_content(file: File, folder: Path) -> bool:
    try:
        with (folder / names.decode(file.path)).open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def repoint(source: Source, folder: Path | str) -> None:
    """Tell the source that its photographs are in that folder now, and look through it for what else changed.

    Raises FolderError where the folder can't be used, or is another source of the project already.
    """
    folder = scanning.tidy_folder(folder)
    scanning.check_folder(folder, follows_links=source.follows_links)
    stored = names.shown(folder)
    if source.project.sources.exclude(pk=source.pk).filter(path=stored).exists():
        detail = _("%(path)s is another folder of the project %(project)s already.")
        raise FolderError(detail % {"path": stored, "project": source.project.slug})
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(
            path=stored,
            labels_from=_table(source, source.labels_from, folder),
            truth_from=_table(source, source.truth_from, folder),
        )
        source.refresh_from_db()
        ingesting.ask_for_scan(source)


def _table(source: Source, table: str, folder: Path | str) -> str:
    """Where a table is now: one that lay in the source's folder has moved with it."""
    if not table or is_url(source.path) or is_url(folder) or not Path(table).is_relative_to(source.folder):
        return table
    new = Path(folder, Path(table).relative_to(source.folder))
    return str(new) if new.exists() else table


def at(folder: Path | str, project: Project | None = None) -> QuerySet[Source]:
    """The sources of that folder, in all projects or in one."""
    found = _in_open_projects().filter(path=names.shown(scanning.tidy_folder(folder)))
    return (found.filter(project=project) if project else found).order_by("pk")


def _in_open_projects() -> QuerySet[Source]:
    """The sources that nobody has asked to be deleted, alone or with their project."""
    return Source.objects.filter(project__closing_at=None).select_related("project")


def holds(source: Source, folder: Path | str) -> bool:
    """Whether the source's photographs are in that folder, as far as a look at a few tells."""
    some = _some(source)
    return is_url(folder) or not some or _share(some, Path(folder)) >= ENOUGH
