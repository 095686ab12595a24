"""The small pictures that pages show, made anew from the photographs where they are gone: a backup may lack them."""

import io
import math
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from PIL import Image

from labeller.jobs import queueing as jobs
from labeller.samples import ingesting, refusing
from labeller.samples.models import Box, File, Refusal
from tl_core.images import ImageRefused, derivative_path, derivative_sizes, examine, is_url, load

QUALITY = 85  # of a JPEG
PATIENCE = 20  # seconds until the same file is asked for once more


def picture(file: File, size: int, box: Box | None = None) -> Path | None:
    """Where the picture is in which the file, or a box of it, has so many pixels on its long side, if it ever has."""
    if not file.width or not file.height:
        return None
    if box is not None:
        share = max(box[2] * file.width, box[3] * file.height) / max(file.width, file.height)
        size = math.ceil(size / share)
    return derivative_path(settings.MEDIA, file.sha256, size, derivative_sizes(file.width, file.height))


def cut(path: Path, box: Box, size: int) -> bytes:
    """The box out of such a picture, and a little around it, as a JPEG. Raises FileNotFoundError."""
    with path.open("rb") as file:
        found = Image.fromarray(load(file.read(), min_side=size, box=box))
    found.thumbnail((size, size))
    content = io.BytesIO()
    found.save(content, format="JPEG", quality=QUALITY)
    return content.getvalue()


def ask(file: File) -> None:
    """Have a file's pictures made anew; cheap to call at every request that misses one."""
    if cache.add(f"derive:{file.pk}", True, PATIENCE):
        jobs.enqueue("derive", key=f"file:{file.pk}", project=file.project, payload={"file": file.pk}, total=1)


def is_gone(file: File) -> bool:
    """Whether the photograph itself was not there when its pictures were to be made."""
    return Refusal.objects.filter(source=file.source_id, path=file.path, reason="missing").exists()


def _file(payload: dict[str, int]) -> File:
    """The file of a job; jobs of earlier versions name a sample."""
    files = File.objects.select_related("source", "project")
    return files.get(pk=payload["file"]) if "file" in payload else files.get(samples=payload["sample"])


def derive(progress: jobs.Progress) -> None:
    """Make one file's missing pictures; where the photograph is not what it was, say so or look what became of it."""
    file = _file(progress.job.payload)
    source = file.source
    sizes = derivative_sizes(file.width or 1, file.height or 1)
    if all(derivative_path(settings.MEDIA, file.sha256, size, sizes).exists() for size in sizes):
        return
    if not is_url(source.path) and not Path(source.folder).is_dir():
        return  # a disk was taken out: that is no file's fault
    ingesting.check_disk()
    try:
        examined = examine(source.location(file.path))
    except ImageRefused as refused:
        refusing.note(file, refused.reason, refused.detail)
        return
    if examined.sha256 == file.sha256:
        ingesting.write_pictures(examined)
        ingesting.sync_pictures()
        Refusal.objects.filter(source=source, path=file.path, reason="missing").delete()
    else:
        ingesting.ask_for_scan(source)
