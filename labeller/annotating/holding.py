"""Holding samples: who may label what until when.

Two people must never hold the same slot of a sample. The unique constraint on (question, sample, slot) decides:
taking inserts rows and ignores conflicts, then counts which ones became this person's. A person's tabs are told apart
by name, so two of them never show the same sample either.
"""

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.annotating.models import Assignment
from labeller.labels.models import Answer, Label
from labeller.projects.models import Question

HOLD = timedelta(minutes=10)
# Undecided samples of one question for one person, in all tabs. The longest bursts that one page holds come to 360.
MOST_HELD = 400


class HoldsEnough(Exception):
    """This person has all the samples they may hold; the message says so."""


def _held(user: User, question: Question) -> models.QuerySet[Assignment]:
    return open_assignments(question).filter(annotator=user, expires_at__gte=Now())


def room(user: User, question: Question) -> int:
    """How many samples more this person may hold."""
    return max(0, MOST_HELD - _held(user, question).count())


def in_all(user: User, question: Question) -> Subquery:
    """How many samples this person's tabs hold together, to be asked along with what was handed out."""
    return Subquery(_held(user, question).values("annotator").annotate(n=Count("pk")).values("n"))


def within_share(handed_out: list[Any], keeps: bool) -> list[Any]:
    """Of what was handed out, annotated with `in_all`, the first that make up this person's share; the rest goes back.

    Raises HoldsEnough where that leaves a tab with nothing that keeps nothing either.
    """
    over = handed_out[0].in_all - MOST_HELD if handed_out else 0
    if over <= 0:
        return handed_out
    share = handed_out[: max(0, len(handed_out) - over)]
    Assignment.objects.filter(pk__in=[each.pk for each in handed_out[len(share) :]]).delete()
    if not share and not keeps:
        text = _(
            "You hold %(n)d undecided photographs already, in all your tabs: decide on some first, or close a tab."
        )
        raise HoldsEnough(text % {"n": MOST_HELD})
    return share


def release(user: User, question: Question, tab: str, samples: Collection[int] | None = None) -> None:
    """Give back what a tab holds and has not decided: all of it, or these samples."""
    mine = open_assignments(question).filter(annotator=user, tab=tab)
    (mine if samples is None else mine.filter(sample__in=samples)).delete()


def open_assignments(question: Question) -> models.QuerySet[Assignment]:
    """Assignments that may still be given back. Never those of checks: a late answer must still count as a check."""
    return Assignment.objects.filter(question=question, is_done=False, is_check=False)


def take(
    user: User,
    question: Question,
    tab: str,
    fields_of: dict[int, dict[str, Any]],
    slots: range | None = None,
    are_free: bool = False,
) -> int:
    """As `place`; returns how many were won."""
    placed = place(user, question, tab, fields_of, slots, are_free)
    return Assignment.objects.filter(question=question, annotator=user, sample__in=placed).count() if placed else 0


def place(
    user: User,
    question: Question,
    tab: str,
    fields_of: dict[int, dict[str, Any]],
    slots: range | None = None,
    are_free: bool = False,
) -> Collection[int]:
    """Insert an assignment in a free slot of each of these samples, with these fields; returns for which it tried to.

    A sample without a free slot is left out, and so is one that somebody else takes at the same moment. `are_free` says
    that none of their slots was used when they were found, a moment ago.
    """
    used = {} if are_free else _slots(question, fields_of)
    slots = range(question.redundancy) if slots is None else slots
    free = {
        sample_id: slot
        for sample_id in fields_of
        if user.pk not in (people := used.get(sample_id, {})).values()
        and (slot := _free_slot(people, slots)) is not None
    }
    if not free:
        return ()
    Assignment.objects.bulk_create(
        (
            Assignment(
                question=question,
                sample_id=sample_id,
                slot=slot,
                annotator=user,
                tab=tab,
                expires_at=Now() + HOLD,
                **fields_of[sample_id],
            )
            for sample_id, slot in free.items()
        ),
        ignore_conflicts=True,
    )
    return free.keys()


def _free_slot(used: Collection[int], slots: range) -> int | None:
    return next((slot for slot in slots if slot not in used), None)


def _slots(question: Question, sample_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """Of each sample the slots that are used, and by whom."""
    used: dict[int, dict[int, int]] = {}
    rows = Assignment.objects.filter(question=question, sample__in=sample_ids)
    for sample_id, slot, annotator_id in rows.values_list("sample_id", "slot", "annotator_id"):
        used.setdefault(sample_id, {})[slot] = annotator_id
    return used


def is_settled_for(user: User, question: Question, sample: str) -> Q:
    """Whether a sample is answered already (by an import), decided by a reviewer, or decided by this person.

    Each by an Exists: an IN over all of them would be gone through for every sample.
    """
    answers = Answer.objects.of(question).closed().filter(sample=OuterRef(sample))
    own = Label.objects.standing().filter(question=question, annotator=user, sample=OuterRef(sample))
    return Q(Exists(answers)) | Q(Exists(own))
