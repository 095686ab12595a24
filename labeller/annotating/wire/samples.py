"""Samples as a labelling screen is told of them: the picture, why it comes, its burst, and what this person said."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import BigIntegerField, Exists, OuterRef, Q, Subquery, Value
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.annotating import places
from labeller.annotating.handing.bursts import frames_of
from labeller.annotating.holding import Holder
from labeller.annotating.models import Assignment
from labeller.annotating.wire.shown import boxes_json, picture_json, shown_json
from labeller.labels.models import Flag, Label
from labeller.labels.selectors import AUDIT
from labeller.learning import reasons
from labeller.messages import sentence
from labeller.projects.models import Project, Question
from labeller.samples.bursts import in_time
from labeller.samples.models import File, Sample

Told = dict[str, Any]


def samples_json(user: User, question: Question, assignments: list[Assignment]) -> list[Told]:
    """The samples of assignments; audit samples come blind, without the suggestions the database knows."""
    samples = [assignment.sample for assignment in assignments]
    bursts = _bursts(Holder(user, question, assignments[0].tab), samples) if assignments else {}
    frames = [frame.pk for burst in bursts.values() for frame in burst]
    said, flagged = said_of(user, question, {*(each.pk for each in samples), *frames})
    names = reasons.names(assignment.entry for assignment in assignments if assignment.entry)
    foreseen = _foreseen(question, assignments)
    shown = shown_json(question.project, samples)
    boxes = boxes_json(question.project, samples)
    return [
        {
            "deployment": file.deployment.name if file.deployment else "",
            **shown[sample.pk],
            **boxes.get(sample.pk, {}),
            "path": _path(sample),
            "taken_at": _time(file),
            "notes": _notes(assignment, file),
            **_why(user, question, assignment, names),
            "foreseen": foreseen.get(sample.pk, {}),
            "previous": said.get((sample.pk, question.key)),
            "followers": {key: label for (pk, key), label in said.items() if pk == sample.pk and key != question.key},
            "burst": [
                {**_frame_json(user, frame), "previous": said.get((frame.pk, question.key))}
                for frame in bursts.get(sample.sequence_id or 0, [])
            ],
            "flag": flagged.get(sample.pk),
        }
        for assignment, sample, file in zip(assignments, samples, (each.file for each in samples), strict=True)
    ]


def _path(sample: Sample) -> str:
    """Where it comes from, unless that would tell its class; of a text also the row or the passage."""
    if not sample.file.source.is_open:
        return ""
    is_text = sample.file.kind == File.Kind.TEXT
    return f"{sample.file.path} {sample.place if is_text else ''}".rstrip()


def _notes(assignment: Assignment, file: File) -> list[str]:
    """What to know about the picture: also, for those who may see people, that it is hidden from others."""
    has_people = getattr(assignment, "has_people", False)  # told of what `holding` handed out
    people = [_("Person: hidden from those who must not see people.")] if has_people else []
    return [*people, *(sentence(note) for note in file.notes)]


def _time(file: File) -> str | None:
    return file.taken_at.isoformat() if file.taken_at else None


def said_of(
    user: User, question: Question, sample_ids: Collection[int]
) -> tuple[dict[tuple[int, str], Told], dict[int, Told]]:
    """What this person said of these samples, in one statement.

    Their standing labels by sample and key of the question, of this one and those that follow it in their order; and
    their open flags by sample.
    """
    # By a subquery: SQLite takes the labels of one person for fewer than those of ten samples.
    asked = Question.objects.filter(Q(pk=question.pk) | Q(follows=question))
    labels_of = Label.objects.filter(question__in=asked, annotator=user, sample__in=sample_ids, is_current=True)
    flags_of = Flag.objects.filter(author=user, sample__in=sample_ids, closed_at=None)
    place = ("sample", "question__position", "question", "question__key", "uuid")
    rows = labels_of.values_list(*place, "verdict", "labelled_classes__label_class", Value("label")).union(
        flags_of.values_list(*place, "note", Value(None, BigIntegerField()), Value("flag")), all=True
    )
    said: dict[tuple[int, str], Told] = {}
    flagged: dict[int, Told] = {}
    for sample_id, _position, _question, key, uuid, word, class_id, kind in sorted(rows, key=lambda row: row[1:3]):
        if kind == "flag":
            flagged[sample_id] = {"uuid": str(uuid), "note": word}
            continue
        label = said.setdefault((sample_id, key), {"uuid": str(uuid), "verdict": word, "classes": []})
        label["classes"] = sorted([*label["classes"], *([] if class_id is None else [class_id])])
    return said, flagged


def _why(user: User, question: Question, assignment: Assignment, names: Mapping[int, str]) -> Told:
    """Why the sample comes, and what the head thinks of it where the person may know."""
    entry = assignment.entry
    blind = entry is not None and entry.strategy == AUDIT
    head = entry.round.head if entry else None
    shows = not blind and question.show_suggestions
    is_text = question.project.kind == Project.Kind.TEXT
    return {
        "entry": places.named(assignment.entry_id, user),
        "round": entry.round.number if entry else None,
        "reason": reasons.describe(entry, names if shows else {}, is_text) if entry else "",
        "blind": blind,
        "head_version": head.version if head and shows else None,
        "suggestions": entry.suggestions if entry and shows else [],
        "by_names": bool(entry and shows and entry.suggestions and head is None and not entry.suggested_by),
        "by_model": entry.suggested_by if entry and shows else "",
    }


def _foreseen(question: Question, assignments: Iterable[Assignment]) -> dict[int, Told]:
    """By sample what the heads of following questions suggest, by their keys; nothing of what is labelled blind."""
    entries = [each.entry for each in assignments if each.entry and each.entry.foreseen]
    if not entries:
        return {}
    shown = question.followers.filter(show_suggestions=True).values_list("pk", "key")
    keys = {str(pk): key for pk, key in shown}
    return {
        entry.sample_id: {keys[pk]: told["suggestions"] for pk, told in entry.foreseen.items() if pk in keys}
        for entry in entries
        if entry.strategy != AUDIT
    }


# --- bursts ---------------------------------------------------------------------------------------


def _bursts(holder: Holder, samples: Iterable[Sample]) -> dict[int, list[Any]]:
    """By sequence all frames of these samples' bursts in time order, and which of them this tab may label now."""
    sequences = {sample.sequence_id for sample in samples if sample.sequence_id is not None}
    if not sequences:
        return {}
    mine = holder.in_tab().filter(sample=OuterRef("pk"))
    shown = frames_of(sequences).filter(holder.may_see("pk"))
    frames = shown.annotate(mine=Exists(mine), entry=Subquery(mine.values("entry")[:1]))
    found: dict[int, list[Any]] = {}
    for frame in sorted(frames.select_related("file"), key=lambda frame: in_time(frame.file.taken_at, frame.file.path)):
        found.setdefault(frame.sequence_id or 0, []).append(frame)
    return found


def _frame_json(user: User, frame: Any) -> Told:
    entry = places.named(frame.entry, user)
    return {**picture_json(frame), "taken_at": _time(frame.file), "entry": entry, "mine": frame.mine}
