"""Bursts: the frames around a sample, and whole bursts held by one person, so that one decision covers all frames."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from labeller.accounts.models import User
from labeller.annotating.holding import is_settled_for, open_assignments, room, take
from labeller.annotating.models import Assignment
from labeller.labels.models import Label
from labeller.labels.selectors import AUDIT
from labeller.learning.models import RoundEntry
from labeller.projects.models import Question
from labeller.samples.bursts import in_time
from labeller.samples.models import Sample

FRAME = ("file__taken_at", "file__path", "file__sequence", "pk")


def burst_json(
    user: User, question: Question, samples: Iterable[Sample], tab: str = ""
) -> dict[int, list[dict[str, Any]]]:
    """For each sample that has a burst all frames of it in time order, and which of them this tab may label now."""
    wanted = {sample.pk: sample.sequence_id for sample in samples if sample.sequence_id is not None}
    if not wanted:
        return {}
    mine = open_assignments(question).filter(sample=OuterRef("pk"), annotator=user, tab=tab)
    frames = sorted(
        _frames(set(wanted.values()))
        .select_related("file")
        .annotate(mine=Exists(mine), entry=Subquery(mine.values("entry")[:1])),
        key=lambda frame: in_time(frame.file.taken_at, frame.file.path),
    )
    previous = _previous(user, question, [frame.pk for frame in frames])
    found: dict[int, list[dict[str, Any]]] = {}
    for frame in frames:
        if frame.sequence_id is not None:
            found.setdefault(frame.sequence_id, []).append(_frame_json(frame, previous.get(frame.pk)))
    return {sample_id: found.get(sequence_id, []) for sample_id, sequence_id in wanted.items()}


def _frames(sequence_ids: Collection[int]) -> QuerySet[Sample]:
    """The frames of these sequences: whole ones, for boxes show what is not the same in all."""
    return Sample.objects.filter(file__sequence__in=sequence_ids, part=Sample.Part.WHOLE)


def _frame_json(frame: Any, previous: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "sample": frame.pk,
        "width": frame.file.width,
        "height": frame.file.height,
        "box": frame.box,
        "taken_at": frame.file.taken_at.isoformat() if frame.file.taken_at else None,
        "entry": frame.entry,
        "mine": frame.mine,
        "previous": previous,
    }


def _previous(user: User, question: Question, sample_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """This person's standing labels, in one query."""
    standing = Label.objects.filter(annotator=user, question=question, sample__in=sample_ids, is_current=True)
    found: dict[int, dict[str, Any]] = {}
    rows = standing.order_by("labelled_classes__label_class").values_list(
        "sample", "uuid", "verdict", "labelled_classes__label_class"
    )
    for sample_id, uuid, verdict, class_id in rows:
        label = found.setdefault(sample_id, {"uuid": str(uuid), "verdict": verdict, "classes": []})
        label["classes"] += [class_id] if class_id is not None else []
    return found


# --- holding --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _HandedFrame:
    """A frame of a burst that somebody is handed."""

    sample_id: int
    is_mine: bool  # this tab holds it
    is_open: bool  # this person has neither decided it nor holds it
    entry: int | None  # in the current round
    is_audit: bool


def hold_bursts(user: User, question: Question, held: list[Assignment], tab: str) -> list[Assignment]:
    """Hold the other open frames of each held sample's burst too, and return one assignment a burst, in order.

    An audit sample stands for its burst: whoever decides about it, with whatever other frames, decides blind.
    """
    bursts = _bursts(user, question, [each.sample.sequence_id for each in held if each.sample.sequence_id], tab)
    given = {each.sample_id for each in held}
    shown: dict[int, Assignment] = {}  # by sequence
    for each in held:
        sequence = each.sample.sequence_id
        # A burst that is on the screen already comes no second time.
        if sequence and not any(frame.is_mine and frame.sample_id not in given for frame in bursts[sequence]):
            shown.setdefault(sequence, each)
    _take(user, question, [frame for sequence in shown for frame in bursts[sequence]], tab)
    blind = _audits(user, question, [frame for sequence in shown for frame in bursts[sequence]], tab)
    return [
        blind.get(each.sample.sequence_id or 0, each)
        for each in held
        if each.sample.sequence_id is None or shown.get(each.sample.sequence_id) is each
    ]


def _bursts(user: User, question: Question, sequence_ids: Collection[int], tab: str) -> dict[int, list[_HandedFrame]]:
    """The frames of these sequences."""
    found: dict[int, list[_HandedFrame]] = {sequence_id: [] for sequence_id in sequence_ids}
    if not found:
        return {}
    own = Assignment.objects.filter(question=question, annotator=user, sample=OuterRef("pk"))
    ranked = RoundEntry.objects.filter(round__question=question, round__is_current=True, sample=OuterRef("pk"))
    rows = (
        _frames(found)
        .annotate(
            is_mine=Exists(own.filter(tab=tab, is_done=False)),
            is_own=Exists(own),
            is_settled=is_settled_for(user, question, "pk"),
            entry=Subquery(ranked.values("pk")[:1]),
            strategy=Subquery(ranked.values("strategy")[:1]),
        )
        .values_list(*FRAME, "is_mine", "is_own", "is_settled", "entry", "strategy")
    )
    for row in sorted(rows, key=lambda row: in_time(*row[:2])):
        sequence, pk, is_mine, is_own, is_settled, entry, strategy = row[2:]
        found[sequence].append(_HandedFrame(pk, is_mine, not (is_own or is_settled), entry, strategy == AUDIT))
    return found


def _take(user: User, question: Question, frames: Iterable[_HandedFrame], tab: str) -> None:
    """Hold what is open, each with its place in the current round if it has one."""
    fields: dict[int, dict[str, Any]] = {
        frame.sample_id: {"entry_id": frame.entry} for frame in frames if frame.is_open
    }
    if fields:
        take(user, question, tab, dict(islice(fields.items(), room(user, question))))


def _audits(user: User, question: Question, frames: Iterable[_HandedFrame], tab: str) -> dict[int, Assignment]:
    """Of each sequence the first audit sample that this tab holds."""
    audits = [frame.sample_id for frame in frames if frame.is_audit]
    if not audits:
        return {}
    held = open_assignments(question).filter(annotator=user, tab=tab, sample__in=audits, entry__strategy=AUDIT)
    held = held.select_related("sample__file__source", "sample__file__deployment", "entry__round__head")
    ordered = held.order_by("-entry__rank")
    return {each.sample.sequence_id: each for each in ordered if each.sample.sequence_id is not None}
