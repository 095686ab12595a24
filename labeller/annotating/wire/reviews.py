"""Samples as the review screen is told of them."""

from labeller.accounts.models import User
from labeller.annotating.handing.review import Reason
from labeller.annotating.models import Assignment
from labeller.annotating.wire import pages
from labeller.annotating.wire.samples import Told, samples_json
from labeller.labels import flags
from labeller.labels.models import Label
from labeller.learning.models import RoundEntry
from labeller.projects.models import Question


def reviews_json(user: User, question: Question, held: list[tuple[Assignment, Reason]]) -> list[Told]:
    """What the review screen is told of these samples: as any screen, and who said what, and what the head thinks."""
    sample_ids = [assignment.sample_id for assignment, _ in held]
    given, predicted = _given(question, sample_ids), _predicted(question, sample_ids)
    notes = _notes(question, sample_ids)
    rows = samples_json(user, question, [assignment for assignment, _ in held])
    return [
        {
            **row,
            "why": reason.why,
            "suggested": None if reason.suggested is None else sorted(reason.suggested),
            "suggestions": predicted.get(row["sample"], []),
            "given": [_given_json(label, user) for label in given.get(row["sample"], [])],
            "flags": notes.get(row["sample"], []),
        }
        for row, (_, reason) in zip(rows, held, strict=True)
    ]


def _given(question: Question, sample_ids: list[int]) -> dict[int, list[Label]]:
    """What people say of these samples now, in the order in which they said it."""
    standing = Label.objects.standing().of_samples(question, sample_ids)
    standing = standing.exclude(verdict=Label.Verdict.SKIP)
    found: dict[int, list[Label]] = {}
    for label in standing.select_related("annotator").prefetch_related("labelled_classes").order_by("pk"):
        found.setdefault(label.sample_id, []).append(label)
    return found


def _given_json(label: Label, user: User) -> Told:
    return {
        "annotator": label.annotator.get_username() if label.annotator else "",
        "mine": label.annotator_id == user.pk,
        "mode": label.mode,
        "at": label.created_at.isoformat(),
        **(pages.label_json(label) or {}),
    }


def _predicted(question: Question, sample_ids: list[int]) -> dict[int, list[list[float]]]:
    """What the last head that ranked a sample thought of it, before anybody labelled it."""
    entries = RoundEntry.objects.filter(sample__in=sample_ids, round__question=question)
    return dict(entries.order_by("round").values_list("sample", "suggestions"))


def _notes(question: Question, sample_ids: list[int]) -> dict[int, list[Told]]:
    """The open flags on these samples."""
    found: dict[int, list[Told]] = {}
    open_now = flags.open_flags(question.project).filter(question=question, sample__in=sample_ids)
    for flag in open_now.select_related("author").order_by("pk"):
        row = {"author": flag.author.get_username(), "note": flag.note, "uuid": str(flag.uuid)}
        found.setdefault(flag.sample_id, []).append(row)
    return found
