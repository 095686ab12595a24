"""Exports are made by a job: written into a folder under another name, packed, and renamed once they are whole.

Whatever stops it, nothing lies where an export is looked for that isn't one; done again it begins anew.
"""

import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from labeller.accounts.models import User
from labeller.codes import WorkerCode
from labeller.exchange.exporters import EXPORTERS
from labeller.exchange.exporters.base import Exporter, ExportWanted, Impossible
from labeller.exchange.exporters.folder import BLOCK, Folder, synced
from labeller.exchange.models import Export, folder_of
from labeller.jobs import queueing as jobs
from labeller.projects.models import Question
from labeller.samples import bursts
from tl_core.notices import notice

KIND = "export"
KEPT = 20  # whole exports of a project; the oldest go
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every file in a zip, which is the same for the same content
Progress = Callable[..., None]  # as jobs.Progress is called
PACKED = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".avif", ".gif", ".parquet"}  # can't be made smaller


# --- asking ---------------------------------------------------------------------------------------


def ask(
    exporter: Exporter, questions: Sequence[Question], options: Mapping[str, Any], person: User | None = None
) -> Export:
    """Have these questions of a project exported. Raises ValueError for options that the format doesn't take."""
    project = questions[0].project
    with transaction.atomic():
        export = Export.objects.create(
            project=project, format=exporter.name, options=exporter.filled(options), asked_by=person
        )
        export.questions.set(questions)
        export.job = jobs.enqueue(KIND, key=f"export:{export.pk}", project=project, payload={"export": export.pk})
        export.save(update_fields=["job"])
    return export


def remove(export: Export) -> None:
    """Stop it where it is being made, and delete what there is of it."""
    if export.job_id is not None:
        jobs.cancel(export.project.jobs.filter(pk=export.job_id))
    path = export.path
    export.delete()
    path.unlink(missing_ok=True)


def asked(exporter: Exporter, chosen: Sequence[Question]) -> tuple[Question, ...]:
    """The questions that an export of these holds: a format that is about one has those about it besides."""
    if exporter.several:
        return tuple(chosen)
    first = chosen[0]
    followers = Question.objects.filter(follows=first).select_related("follows").order_by("position", "pk")
    return first, *followers


# --- making ---------------------------------------------------------------------------------------


def make(progress: jobs.Progress) -> None:
    """Make the export that a job names; nothing where it is gone, or was made by a worker that was thought dead."""
    export = Export.objects.select_related("project", "asked_by").filter(pk=progress.job.payload["export"]).first()
    if export is None or export.finished_at is not None:
        return
    exporter = EXPORTERS[export.format]
    chosen = export.questions.select_related("project", "follows").order_by("position", "pk")
    by = (export.asked_by.get_full_name() or export.asked_by.username) if export.asked_by else ""
    wanted = ExportWanted(
        export.project, asked(exporter, list(chosen)), exporter.filled(export.options), export.created_at, by
    )
    place = folder_of(export.project_id)
    for left in place.glob(f"export-{export.pk}.*.part"):  # by an attempt that was killed
        shutil.rmtree(left, ignore_errors=True)
    part = place / f"export-{export.pk}.{uuid4().hex[:8]}.part"
    try:
        manifest = write(exporter, wanted, part / "files", progress, is_zipped=True)
        packed = part / "export.zip"
        _pack(part / "files", packed, export.name, progress)
        progress(1, 1, now=True)  # whoever lost the job keeps nothing
        size = packed.stat().st_size
        packed.replace(export.path)
        rows = Export.objects.filter(pk=export.pk, finished_at=None)
        if not rows.update(manifest=manifest, bytes=size, finished_at=timezone.now()) and not _is_whole(export):
            export.path.unlink(missing_ok=True)  # it was removed meanwhile
    finally:
        shutil.rmtree(part, ignore_errors=True)
    for old in Export.objects.filter(project=export.project, finished_at__isnull=False).order_by("-pk")[KEPT:]:
        remove(old)


def _is_whole(export: Export) -> bool:
    return Export.objects.filter(pk=export.pk, finished_at__isnull=False).exists()


def write(
    exporter: Exporter, wanted: ExportWanted, path: Path, tell: Progress, *, is_zipped: bool = False
) -> dict[str, Any]:
    """Write an export into a new folder; returns its manifest, which is written last.

    Raises Impossible, with the reason, where there is nothing to write or the format can't hold what there is.
    """
    if wanted.project.kind not in exporter.kinds:
        raise Impossible(notice(WorkerCode.EXPORT_OF_PICTURES))
    total = wanted.contents.count()
    if not total:
        raise Impossible(notice(WorkerCode.EXPORT_OF_NOTHING))
    grouping = bursts.newest_grouping(wanted.project.pk)
    said = notice(WorkerCode.EXPORTING)
    tell(0, total, said, now=True)
    folder = Folder(path, is_zipped=is_zipped)
    exporter.write(wanted, folder, lambda done: tell(done, total, said))
    if bursts.newest_grouping(wanted.project.pk) != grouping:
        raise Impossible(notice(WorkerCode.EXPORT_REGROUPED))
    return folder.manifest(
        format=exporter.name,
        project=wanted.project.slug,
        questions=[each.key for each in wanted.questions],
        options=dict(wanted.options),
        made_at=wanted.made_at.isoformat(),
    )


def _pack(folder: Path, to: Path, name: str, tell: Progress) -> None:
    """Pack a folder, in the order of names; links are followed."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as packed:
        for number, path in enumerate(paths):
            tell(number, len(paths), notice(WorkerCode.PACKING))
            about = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", EPOCH)
            is_small = path.suffix.lower() in PACKED
            about.compress_type = zipfile.ZIP_STORED if is_small else zipfile.ZIP_DEFLATED
            about.external_attr = 0o644 << 16
            about.file_size = path.stat().st_size  # beyond 2 GB it says so in advance
            with path.open("rb") as source, packed.open(about, "w") as target:
                while block := source.read(BLOCK):
                    target.write(block)
                    tell(number, len(paths), notice(WorkerCode.PACKING))
    synced(to)
