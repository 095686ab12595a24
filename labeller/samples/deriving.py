"""The small pictures that pages show, made anew from the photographs where they are gone: a backup may lack them."""

from pathlib import Path

from django.conf import settings
from django.core.cache import cache

from labeller.jobs import queueing as jobs
from labeller.samples import ingesting, refusing
from labeller.samples.models import Refusal, Sample
from tl_core.images import ImageRefused, derivative_path, derivative_sizes, examine, is_url

PATIENCE = 20  # seconds until the same sample is asked for once more


def ask(sample: Sample) -> None:
    """Have a sample's pictures made anew; cheap to call at every request that misses one."""
    if cache.add(f"derive:{sample.pk}", True, PATIENCE):
        jobs.enqueue(
            "derive", key=f"sample:{sample.pk}", project=sample.project, payload={"sample": sample.pk}, total=1
        )


def is_gone(sample: Sample) -> bool:
    """Whether the photograph itself was not there when its pictures were to be made."""
    return Refusal.objects.filter(source=sample.source_id, path=sample.path, reason="missing").exists()


def derive(progress: jobs.Progress) -> None:
    """Make one sample's missing pictures; where the photograph is not what it was, say so or look what became of it."""
    sample = Sample.objects.select_related("source", "project").get(pk=progress.job.payload["sample"])
    source = sample.source
    sizes = derivative_sizes(sample.width or 1, sample.height or 1)
    if all(derivative_path(settings.MEDIA, sample.sha256, size, sizes).exists() for size in sizes):
        return
    if not is_url(source.path) and not Path(source.folder).is_dir():
        return  # a disk was taken out: that is no file's fault
    ingesting.check_disk()
    try:
        examined = examine(source.location(sample.path))
    except ImageRefused as refused:
        refusing.note(sample, refused.reason, refused.detail)
        return
    if examined.sha256 == sample.sha256:
        ingesting.write_pictures(examined)
        Refusal.objects.filter(source=source, path=sample.path, reason="missing").delete()
    else:
        ingesting.ask_for_scan(source)
