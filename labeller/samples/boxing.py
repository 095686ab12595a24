"""Boxes that people draw, move, and take away: each time an edit that names the one before, so that none is lost.

A box that is put elsewhere stays the sample that it was, with its labels, and is embedded anew. One that is taken away
stays, too, and is set aside. See docs/decisions/0043-boxes-by-hand.md.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.projects.models import Project
from labeller.samples import hiding, parts
from labeller.samples.models import Box, BoxEdit, File, Sample
from labeller.samples.signals import content_changed

LEAST = 8  # pixels of the upright photograph that a box is wide and high: static/js/core/boxes.js has the same


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Where somebody wants a box to be; None = nowhere.

    Which one: the sample `of`; else that of the edit it supersedes; where both are None it is a new one.
    """

    uuid: UUID
    project: Project
    author: User
    beside: int  # a sample of the photograph that it is in
    box: Box | None
    of: int | None = None
    supersedes: UUID | None = None


@dataclass(frozen=True)
class Fulfilled:
    """The answer to a wish: 200 with the edit, 409 with the one that stands instead, 404 or 422 with the reason."""

    status: int
    edit: BoxEdit | None = None
    current: BoxEdit | None = None
    detail: str = ""


def fulfil(wish: Wish) -> Fulfilled:
    """Draw, move or take away a box; the same UUID again gets the same answer and changes nothing."""
    try:
        with transaction.atomic():
            return _already(wish) or _fulfil(wish)
    except IntegrityError:
        # Somebody was faster between our read and our write: what they wrote decides what the answer is.
        return _already(wish) or _conflict(_named(wish))


def _fulfil(wish: Wish) -> Fulfilled:
    file = File.objects.filter(project=wish.project, kind=File.Kind.IMAGE, samples=wish.beside).first()
    if file is None or not hiding.shown_among(wish.author, wish.project, [wish.beside]):
        return Fulfilled(404, detail=_("There is no such photograph in this project."))
    box = None
    if wish.box is not None:
        try:
            box = parts.tidied(wish.box)
        except ValueError:
            return Fulfilled(422, detail=_("The box holds nothing of its photograph."))
        if box[2] * (file.width or 0) < LEAST or box[3] * (file.height or 0) < LEAST:
            text = _("A box is at least %(n)d pixels of the photograph wide and high.")
            return Fulfilled(422, detail=text % {"n": LEAST})
    if wish.of is None and wish.supersedes is None:
        if box is None:
            return Fulfilled(422, detail=_("Say which box, or where it is."))
        return _drawn(wish, file, box)
    sample = _named(wish)
    if sample is None or sample.file_id != file.pk:
        return Fulfilled(404, detail=_("There is no such box in this photograph."))
    current = _current(sample)
    if (current.uuid if current else None) != wish.supersedes:
        return _conflict(sample)
    if box is not None and _is_taken(sample, box):
        return Fulfilled(422, detail=_("There is a box in this very place already."))
    return Fulfilled(200, edit=_put(wish, sample, current, box))


def _drawn(wish: Wish, file: File, box: Box) -> Fulfilled:
    """A new box; in the very place of one that there is, or was, that one."""
    there = Sample.objects.filter(file=file, part=Sample.Part.BOX).values_list("pk", flat=True)
    known = set(there)
    (pk,) = parts.add_boxes(wish.project, [(file.pk, box)])
    sample = Sample.objects.get(pk=pk)
    if pk not in known:
        return Fulfilled(200, edit=_write(wish, sample, None, None, box))
    return Fulfilled(200, edit=_put(wish, sample, _current(sample), box))


def _put(wish: Wish, sample: Sample, current: BoxEdit | None, box: Box | None) -> BoxEdit:
    """Let the sample lie there from now on, or nowhere."""
    before = None if sample.taken_away_at else sample.box
    edit = _write(wish, sample, current, before, box)
    rows = Sample.objects.filter(pk=sample.pk)
    if box is None:
        rows.update(taken_away_at=timezone.now())
        return edit
    left, top, width, height = box
    place = {"box_left": left, "box_top": top, "box_width": width, "box_height": height}
    rows.update(taken_away_at=None, confidence=_confidence(sample, box), **place)
    if sample.box != box:  # until it is embedded anew the old embedding serves, as that of an edited photograph does
        count = Sample.objects.filter(project=wish.project, shard=sample.shard).count()
        content_changed.send(Sample, project=wish.project, shard=sample.shard, count=count)
    return edit


def _write(wish: Wish, sample: Sample, current: BoxEdit | None, before: Box | None, after: Box | None) -> BoxEdit:
    if current and not BoxEdit.objects.filter(pk=current.pk, is_current=True).update(is_current=False):
        raise IntegrityError("the box was changed meanwhile")
    return BoxEdit.objects.create(
        uuid=wish.uuid,
        project=wish.project,
        sample=sample,
        author=wish.author,
        before=None if before is None else list(before),
        after=None if after is None else list(after),
        confidence=sample.confidence,
        supersedes=current,
    )


def _confidence(sample: Sample, box: Box) -> float | None:
    """A detector's of the place that it found; where a person put it somewhere else, nobody's doubt counts."""
    first = BoxEdit.objects.filter(sample=sample).order_by("pk").first()
    if first is not None and first.before is not None and tuple(first.before) == box:
        return first.confidence
    return None


def _is_taken(sample: Sample, box: Box) -> bool:
    left, top, width, height = box
    place = {"box_left": left, "box_top": top, "box_width": width, "box_height": height}
    others = Sample.objects.filter(file=sample.file_id, part=Sample.Part.BOX, start=sample.start, **place)
    return others.exclude(pk=sample.pk).exists()


def _named(wish: Wish) -> Sample | None:
    """The box that is spoken of."""
    boxes = Sample.objects.filter(project=wish.project, part=Sample.Part.BOX)
    if wish.of is not None:
        return boxes.filter(pk=wish.of).first()
    return boxes.filter(box_edits__uuid=wish.supersedes).first() if wish.supersedes else None


def _current(sample: Sample) -> BoxEdit | None:
    return BoxEdit.objects.filter(sample=sample, is_current=True).first()


def _already(wish: Wish) -> Fulfilled | None:
    """The answer given the first time this UUID came; one of somebody else tells nothing but that it is taken."""
    edit = BoxEdit.objects.filter(uuid=wish.uuid).first()
    if edit is None:
        return None
    is_same = (edit.author_id, edit.project_id) == (wish.author.pk, wish.project.pk)
    return Fulfilled(200, edit=edit) if is_same else Fulfilled(409, detail=_("This UUID has been used."))


def _conflict(sample: Sample | None) -> Fulfilled:
    return Fulfilled(409, current=_current(sample) if sample else None, detail=_("This box was changed elsewhere."))
