"""Near-copies: texts that are almost another one have its answers, and are no samples of their own.

Rows of tables are folded once all of them are written and before anybody else knows of them, passages of documents
before they are written. What is folded can be made a sample again, and be folded again.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from django.db import transaction

from labeller.jobs import queueing as jobs
from labeller.projects.models import Project
from labeller.samples import ingesting, likeness, storing
from labeller.samples.models import Sample, TableReading, Text, TextCopy
from labeller.samples.signals import shard_known
from labeller.samples.storing import Piece
from tl_core.texts.reading import near_copies

if TYPE_CHECKING:
    from labeller.samples.models import File

TOGETHER = 500  # samples folded in one transaction


def fold(reading: TableReading, progress: jobs.Progress) -> int:
    """Fold what a reading has written into what it is a near-copy of; returns how many. Done twice it finds no more.

    Who stands for others was there before, or comes earlier in the table.
    """
    project = reading.source.project
    texts = Text.objects.filter(project=project)
    fresh = texts.filter(sample__shard__gte=reading.first_shard)
    known = texts.filter(sample__shard__lt=reading.first_shard)
    new_ids, new = likeness.signed(fresh)
    known_ids, old = likeness.signed(known)
    if not len(new_ids):
        return 0
    standing = near_copies.representatives(new, old, tell=lambda share: progress(reading.done, reading.total))
    ids = np.concatenate([known_ids, new_ids])
    own = len(known_ids) + np.arange(len(new_ids))
    folded = np.flatnonzero(standing != own)
    pairs = [(int(new_ids[at]), int(ids[standing[at]])) for at in folded]
    for start in range(0, len(pairs), TOGETHER):
        _fold(dict(pairs[start : start + TOGETHER]))
        progress(reading.done, reading.total)
    return len(pairs)


@transaction.atomic
def _fold(stands: dict[int, int]) -> None:
    """Make copies of these samples: {its id: that of the one that stands for it}."""
    samples = Sample.objects.filter(pk__in=list(stands)).select_related("text")
    for copy in TextCopy.objects.filter(original__in=list(stands)):  # of a copy: of what stands for that
        TextCopy.objects.filter(pk=copy.pk).update(original=stands[copy.original_id])
    TextCopy.objects.bulk_create(
        (
            TextCopy(
                original_id=stands[sample.pk],
                file_id=sample.file_id,
                part=sample.part,
                start=sample.start,
                end=sample.end,
                content=sample.text.content,
            )
            for sample in samples
        ),
        ignore_conflicts=True,
    )
    Text.objects.filter(sample__in=list(stands)).delete()
    Sample.objects.filter(pk__in=list(stands)).delete()


def unfold(project: Project, copy_ids: Sequence[int]) -> int:
    """Make near-copies samples of their own again, without an answer; returns how many. The same text stays a copy."""
    wanted = TextCopy.objects.filter(pk__in=list(copy_ids), file__project=project).exclude(content="")
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        shard = ingesting.next_shard(project)
        copies = list(wanted.select_related("file").order_by("pk")[: ingesting.SHARD_SIZE])
        TextCopy.objects.filter(pk__in=[copy.pk for copy in copies]).delete()
        made = storing.store(project, [_piece(copy, copy.file, shard) for copy in copies])
        if made[shard]:
            Project.objects.filter(pk=project.pk).update(next_shard=shard + 1)
            shard_known.send(Sample, project=project, shard=shard, count=made[shard])
    return made[shard]


def _piece(copy: TextCopy, file: "File", shard: int) -> Piece:
    return Piece(file, copy.part, copy.start, copy.end, copy.content, shard)
