"""What reviewers look at again: disagreements and likely label errors, then what people were unsure of or flagged."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from labeller.accounts.models import User
from labeller.annotating import selectors
from labeller.annotating.handing import Wanted
from labeller.annotating.holding import HOLD, MOST_HELD
from labeller.annotating.models import Assignment, ReviewAssignment
from labeller.deadlocks import again_on_deadlock
from labeller.labels import flags
from labeller.labels.models import Answer, Flag, Label
from labeller.learning.models import Assessment, RoundEntry
from labeller.learning.suspects import suspects
from labeller.projects.models import Question
from labeller.samples.models import Sample

DISAGREEMENT, SUSPECT, UNSURE, FLAG, ASKED = "disagreement", "suspect", "unsure", "flag", "asked"


@dataclass(frozen=True)
class Reason:
    """Why a sample waits for a reviewer, and the class that heads suggest instead where that is why."""

    why: str
    suggested: int | None = None


@dataclass(frozen=True)
class ReviewBatch:
    """Samples for one reviewer with the reasons, those of `keep` that stay theirs, and how many wait in all."""

    reasons: dict[int, Reason]
    kept: set[int]
    left: int


# --- what waits -----------------------------------------------------------------------------------


def waiting(question: Question) -> dict[int, Reason]:
    """Every sample that waits for a reviewer by its id, the most urgent first."""
    answers = Answer.objects.of(question).order_by("sample")
    found = dict.fromkeys(answers.disputed().values_list("sample", flat=True), Reason(DISAGREEMENT))
    for each in suspects(question, Assessment.latest(question)):
        why = found[each.sample_id].why if each.sample_id in found else SUSPECT
        found[each.sample_id] = Reason(why, each.suggested)
    flagged = flags.open_flags(question.project).filter(question=question).order_by("pk")
    for why, rows in ((UNSURE, answers.doubted()), (FLAG, flagged)):
        for sample_id in rows.values_list("sample", flat=True):
            found.setdefault(sample_id, Reason(why))
    return found


# --- handing out ----------------------------------------------------------------------------------


@again_on_deadlock
def next_reviews(user: User, question: Question, wanted: Wanted, passed: Collection[int] = ()) -> ReviewBatch:
    """Up to `count` samples for this reviewer's tab, besides those it keeps; none that another reviewer looks at.

    Those in `passed` are left for later, or for others.
    """
    # Before the transaction: looking takes a while in a large project, and people's labels mustn't wait for it.
    reasons = waiting(question)
    with transaction.atomic():
        held = ReviewAssignment.objects.filter(question=question)
        mine = held.filter(reviewer=user, tab=wanted.tab)
        mine.exclude(sample__in=wanted.keep).delete()
        mine.update(expires_at=Now() + HOLD)
        held.filter(expires_at__lt=Now()).delete()
        taken = set(held.values_list("sample_id", flat=True))
        free = [each for each in reasons if each not in taken and each not in passed and each not in wanted.keep]
        asked = [] if wanted.sample is None else [wanted.sample]
        lost = set(wanted.keep).difference(mine.values_list("sample_id", flat=True))  # a laptop slept
        _take(user, question, wanted.tab, [*asked, *free[: wanted.count], *lost])
        now_mine = set(mine.values_list("sample_id", flat=True))
    kept = now_mine & set(wanted.keep)
    fresh = now_mine - kept
    first = {each: reasons.get(each, Reason(ASKED)) for each in asked if each in fresh}
    return ReviewBatch({**first, **{each: reasons[each] for each in free if each in fresh}}, kept, len(reasons))


def _take(user: User, question: Question, tab: str, sample_ids: Collection[int]) -> None:
    """Hold these samples; whoever is faster has them."""
    room = max(0, MOST_HELD - ReviewAssignment.objects.filter(question=question, reviewer=user).count())
    existing = Sample.objects.filter(project=question.project, pk__in=list(sample_ids)[:room])
    ReviewAssignment.objects.bulk_create(
        (
            ReviewAssignment(question=question, sample_id=sample_id, reviewer=user, tab=tab, expires_at=Now() + HOLD)
            for sample_id in existing.values_list("pk", flat=True)
        ),
        ignore_conflicts=True,
    )


def release(user: User, question: Question, tab: str, samples: Collection[int] | None = None) -> None:
    """Give back what a reviewer's tab holds: all of it, or these samples."""
    mine = ReviewAssignment.objects.filter(question=question, reviewer=user, tab=tab)
    (mine if samples is None else mine.filter(sample__in=samples)).delete()


# --- as plain values ------------------------------------------------------------------------------


def reviews_json(user: User, question: Question, reasons: dict[int, Reason]) -> list[dict[str, Any]]:
    """What the review screen is told of these samples: as any screen, and who said what, and what the head thinks."""
    samples = Sample.objects.select_related("file__source", "file__deployment").in_bulk(list(reasons))
    given = _given(question, list(reasons))
    predicted = _predicted(question, list(reasons))
    notes = _notes(question, list(reasons))
    # Held for review, not by a slot: what the other screens tell of an assignment is told of one that isn't stored.
    seen = [Assignment(question=question, sample=samples[each]) for each in reasons if each in samples]
    return [
        {
            **row,
            "why": reasons[row["sample"]].why,
            "suggested": reasons[row["sample"]].suggested,
            "suggestions": predicted.get(row["sample"], []),
            "given": [_given_json(label, user) for label in given.get(row["sample"], [])],
            "flags": notes.get(row["sample"], []),
        }
        for row in selectors.samples_json(user, question, seen)
    ]


def _given(question: Question, sample_ids: list[int]) -> dict[int, list[Label]]:
    """What people say of these samples now, in the order in which they said it."""
    standing = Label.objects.standing().of_samples(question, sample_ids)
    standing = standing.exclude(verdict=Label.Verdict.SKIP)
    found: dict[int, list[Label]] = {}
    for label in standing.select_related("annotator").prefetch_related("labelled_classes").order_by("pk"):
        found.setdefault(label.sample_id, []).append(label)
    return found


def _given_json(label: Label, user: User) -> dict[str, Any]:
    return {
        "annotator": label.annotator.get_username() if label.annotator else "",
        "mine": label.annotator_id == user.pk,
        "mode": label.mode,
        "at": label.created_at.isoformat(),
        **(selectors.label_json(label) or {}),
    }


def _predicted(question: Question, sample_ids: list[int]) -> dict[int, list[list[float]]]:
    """What the last head that ranked a sample thought of it, before anybody labelled it."""
    entries = RoundEntry.objects.filter(sample__in=sample_ids, round__question=question)
    return dict(entries.order_by("round").values_list("sample", "suggestions"))


def _notes(question: Question, sample_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The open flags on these samples."""
    found: dict[int, list[dict[str, Any]]] = {}
    open_now: QuerySet[Flag] = flags.open_flags(question.project).filter(question=question, sample__in=sample_ids)
    for flag in open_now.select_related("author").order_by("pk"):
        row = {"author": flag.author.get_username(), "note": flag.note, "uuid": str(flag.uuid)}
        found.setdefault(flag.sample_id, []).append(row)
    return found
