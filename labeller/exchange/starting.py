"""Beginning an import: which file, of a project's folders or uploaded, and for which question."""

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from labeller.accounts.access import Member
from labeller.exchange.models import Import, upload_folder
from labeller.projects.models import Project, Question
from labeller.samples import names
from labeller.samples.ingesting import check_disk
from labeller.samples.scanning import FolderError
from labeller.text import clean

LONGEST = 300  # characters of a name


def may_read(member: Member, path: Path) -> bool:
    """Whether this person may name a file of this machine: an administrator any, others those in their folders."""
    if member.person.is_superuser:
        return True
    folders = (source.folder for source in member.project.sources.all())
    return any(isinstance(each, Path) and path.is_relative_to(each.resolve()) for each in folders)


def of_path(question: Question, path: Path, member: Member | None = None, **said: str) -> Import:
    """An import of a file, or a folder, of this machine. Raises FolderError where it may not be, or is not there."""
    path = path.expanduser().resolve()
    shown = {"path": names.shown(path)}
    if member is not None and not may_read(member, path):
        raise FolderError(_("%(path)s lies in none of this project’s folders: upload the file instead.") % shown)
    if path.is_relative_to(Path(settings.DATA).resolve()) and not path.is_relative_to(Path(settings.DATA, "demo")):
        raise FolderError(_("%(path)s lies where this program keeps its own files.") % shown)
    if not path.exists() or not os.access(path, os.R_OK):
        raise FolderError(_("%(path)s is not there, or cannot be read.") % shown)
    return Import.objects.create(
        project=question.project,
        question=question,
        path=names.encode(str(path)),
        name=names.encode(path.name)[:LONGEST],
        format=said.pop("format", ""),
        options=said,
    )


def of_upload(question: Question, file: BinaryIO, name: str, **said: str) -> Import:
    """An import of a file that came with a form. Raises NoSpace where there is no room for it."""
    check_disk()
    name = clean(Path(name.replace("\\", "/")).name)[-LONGEST:].strip(". ") or "file"
    with transaction.atomic():
        made = Import.objects.create(
            project=question.project,
            question=question,
            path="",
            name=name,
            is_upload=True,
            format=said.pop("format", ""),
            options=said,
        )
        folder = upload_folder(made.pk)
        Import.objects.filter(pk=made.pk).update(path=names.encode(str(folder / name)))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.part").open("wb") as target:
        shutil.copyfileobj(file, target, 1 << 20)
    (folder / f"{name}.part").rename(folder / name)
    made.refresh_from_db()
    return made


def forget(wanted: Import) -> None:
    """Delete an import with its files; what it brought stays."""
    for path in (wanted.list_path, wanted.list_path.with_suffix(".part")):
        path.unlink(missing_ok=True)
    shutil.rmtree(upload_folder(wanted.pk), ignore_errors=True)
    wanted.delete()


def of_project(project: Project) -> list[Import]:
    """The newest imports of a project."""
    return list(Import.objects.filter(project=project).select_related("question").order_by("-pk")[:50])
