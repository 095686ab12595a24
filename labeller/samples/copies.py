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
from labeller.samples.models import PARKED, Sample, TableReading, Text, TextCopy
from labeller.samples.signals import shard_known
from labeller.samples.storing import Piece
from tl_core.texts.reading import near_copies
from tl_core.texts.reading.copies import digest

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
    # What is in an earlier version only stands for nothing: it may be that version that was read wrong.
    known = texts.filter(sample__shard__lt=reading.first_shard).exclude(sample__end__gte=PARKED)
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
    note(stands)
    Text.objects.filter(sample__in=list(stands)).delete()
    Sample.objects.filter(pk__in=list(stands)).delete()


def note(stands: dict[int, int]) -> None:
    """Write down these samples as copies, and copies of theirs as copies of the same; they themselves are to go."""
    samples = {sample.pk: sample for sample in Sample.objects.filter(pk__in=list(stands)).select_related("text")}
    for copy in TextCopy.objects.filter(original__in=list(stands)):
        content = copy.content or samples[copy.original_id].text.content
        TextCopy.objects.filter(pk=copy.pk).update(original=stands[copy.original_id], content=content)
    Text.objects.filter(like__in=list(stands)).update(like=None)
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
            for sample in samples.values()
        ),
        ignore_conflicts=True,
    )


def unfold(project: Project, copy_ids: Sequence[int]) -> int:
    """Make near-copies samples of their own again, without an answer; returns how many. The same text stays a copy."""
    wanted = TextCopy.objects.filter(pk__in=list(copy_ids), file__project=project).exclude(content="")
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        shard = ingesting.next_shard(project)
        copies = list(wanted.select_related("file").order_by("pk")[: ingesting.SHARD_SIZE])
        TextCopy.objects.filter(pk__in=[copy.pk for copy in copies]).delete()
        made = storing.store(project, [_piece(copy, copy.file, shard) for copy in copies])
        for copy in copies:
            _let_stand(project, copy)
        if made[shard]:
            Project.objects.filter(pk=project.pk).update(next_shard=shard + 1)
            shard_known.send(Sample, project=project, shard=shard, count=made[shard])
    return made[shard]


def _let_stand(project: Project, copy: TextCopy) -> None:
    """Have the sample of what was a copy remember of which, and what says just the same be its copy."""
    text = Text.objects.filter(project=project, digest=digest(copy.content)).first()
    if text is None or text.pk == copy.original_id:
        return
    Text.objects.filter(pk=text.pk).update(like=copy.original_id)
    same = TextCopy.objects.filter(original=copy.original_id, content=copy.content)
    same.update(original=text.pk, content="")


def _piece(copy: TextCopy, file: "File", shard: int) -> Piece:
    return Piece(file, copy.part, copy.start, copy.end, copy.content, shard)
