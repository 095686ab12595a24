"""Parts of files: boxes of photographs become samples of their own, beside the sample of the whole.

They are embedded, ranked, labelled and exported as any sample is: nothing else knows of them.
"""

import math
from collections.abc import Iterator, Sequence

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from labeller.projects.models import Project
from labeller.samples import bulk, ingesting
from labeller.samples.models import Box, BoxEdit, File, Sample
from labeller.samples.signals import content_changed, shard_known

CHUNK = 500  # boxes looked at in one transaction
DIGITS = 6  # of a fraction: a tenth of a pixel in the widest picture
Place = tuple[int, Box]
BOX = Sample.Part.BOX.value
FIELDS = ("id", "project", "file", "part", "shard", "created_at", "box_left", "box_top", "box_width", "box_height")


def add_boxes(project: Project, boxes: Sequence[Place]) -> list[int]:
    """The samples of these boxes, each of a file by its id, in their order; what there is not yet is made.

    A box as large as its picture is a box all the same. Raises ValueError where a box holds nothing of its picture, or
    where a file is no picture of the project; boxes before it may have been made.
    """
    wanted = [(file_id, tidied(box)) for file_id, box in boxes]
    found: list[int] = []
    for start in range(0, len(wanted), CHUNK):
        with transaction.atomic():
            found += _add(project, wanted[start : start + CHUNK])
    return found


def tidied(box: Box) -> Box:
    """The box as far as it lies in its picture, and so written that the same one is the same. Raises ValueError."""
    left, top, width, height = box
    if not all(map(math.isfinite, box)):
        raise ValueError(f"A box is of four numbers: {box}")
    left, right = _inside(left), _inside(left + width)
    top, bottom = _inside(top), _inside(top + height)
    across, down = round(right - left, DIGITS), round(bottom - top, DIGITS)
    if across <= 0 or down <= 0:
        raise ValueError(f"The box holds nothing of its picture: {box}")
    return left, top, across, down


def _inside(share: float) -> float:
    return round(min(max(share, 0.0), 1.0), DIGITS)


def _add(project: Project, wanted: Sequence[Place]) -> list[int]:
    # Folders that are looked through at the same moment take shards as well: one after the other.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    file_ids = {file_id for file_id, _ in wanted}
    pictures = File.objects.filter(project=project, kind=File.Kind.IMAGE, pk__in=file_ids)
    if unknown := file_ids.difference(pictures.values_list("pk", flat=True)):
        raise ValueError(f"{project.slug} has no such pictures: {sorted(unknown)}")
    known = _known(file_ids)
    fresh = [place for place in dict.fromkeys(wanted) if place not in known]
    for shard, held, places in _shared_out(project, fresh):
        made = bulk.new_ids(Sample, len(places))
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        rows = zip(made, places, strict=True)
        bulk.insert(Sample, FIELDS, ((pk, project.pk, file, BOX, shard, now, *box) for pk, (file, box) in rows))
        known |= dict(zip(places, made, strict=True))
        shard_known.send(Sample, project=project, shard=shard, count=len(made))
        if held:
            content_changed.send(Sample, project=project, shard=shard, count=held + len(made))
    return [known[place] for place in wanted]


def _known(file_ids: set[int]) -> dict[Place, int]:
    """The boxes that there are of these files; one that somebody has moved also by where it was."""
    rows = Sample.objects.filter(file__in=file_ids, part=Sample.Part.BOX, start=None)
    names = ("file", "box_left", "box_top", "box_width", "box_height", "pk")
    now = {(file_id, tuple(box)): pk for file_id, *box, pk in rows.values_list(*names)}
    moved = BoxEdit.objects.filter(sample__file__in=file_ids, before__isnull=False).order_by("pk")
    told = moved.values_list("sample__file", "before", "sample")
    before = {(file_id, tuple(box)): pk for file_id, box, pk in told if box is not None}
    return before | now


def _shared_out(project: Project, places: Sequence[Place]) -> Iterator[tuple[int, int, Sequence[Place]]]:
    """These places by shards: the last one is filled up first, for boxes may come one at a time.

    Yields a shard, how many samples it holds already, and its places.
    """
    if not places:
        return
    samples = Sample.objects.filter(project=project)
    last = samples.aggregate(last=Max("shard"))["last"]
    held = samples.filter(shard=last).count()
    if 0 < held < ingesting.SHARD_SIZE:
        fitting = ingesting.SHARD_SIZE - held
        yield last, held, places[:fitting]
        places = places[fitting:]
    shard = ingesting.next_shard(project)
    for start in range(0, len(places), ingesting.SHARD_SIZE):
        yield shard, 0, places[start : start + ingesting.SHARD_SIZE]
        shard += 1
