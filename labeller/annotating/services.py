"""Handing out the samples of the newest ranking, one person's tab at a time."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from labeller.accounts.models import User
from labeller.annotating import sequences
from labeller.annotating.holding import HOLD, open_assignments, room, say_enough, settled_for, take
from labeller.annotating.models import CHECK_SLOT, REVIEW_SLOT, Assignment
from labeller.labels.models import Label
from labeller.labels.selectors import AUDIT
from labeller.learning import services as learning
from labeller.learning.models import Round
from labeller.projects.models import Question
from labeller.samples.models import Sample

MOST_AT_ONCE = 50


@dataclass(frozen=True)
class Wanted:
    """What a page asks for: so many samples, besides those it keeps; whole bursts, or audit samples only."""

    count: int
    keep: Collection[int] = ()
    tab: str = ""
    bursts: bool = False
    only_audit: bool = False
    sample: int | None = None  # this one first, whatever its rank


@dataclass(frozen=True)
class Batch:
    """Samples for one person, and where the project stands: ready, preparing (nothing ranked yet) or finished."""

    assignments: list[Assignment]
    kept: set[int]  # of the samples to keep those that still are this tab's
    round: Round | None
    state: str


def current_round(question: Question) -> Round | None:
    return Round.objects.filter(question=question, is_current=True).select_related("head").first()


def next_batch(user: User, question: Question, wanted: Wanted) -> Batch:
    """Up to `count` samples this person's tab holds, newest ranking first.

    Those in `keep` (sample ids on the person's screen) stay theirs and don't count; others the tab holds are
    given back, so that a fresh ranking takes effect. After a reload nothing is kept and all come again. What was to be
    kept and has run out (a laptop slept) is taken again, unless somebody else has it by now.

    Raises HoldsEnough where nothing can come for this tab, because this person's tabs together hold all they may.
    """
    current = current_round(question)
    with transaction.atomic():
        mine = open_assignments(question).filter(annotator=user, tab=wanted.tab)
        mine.exclude(sample__in=wanted.keep).delete()
        kept = keep(user, question, wanted)
        open_assignments(question).filter(expires_at__lt=Now()).delete()
        most = room(user, question)
        if not most and not wanted.keep and (wanted.count or wanted.sample is not None):
            raise say_enough()
        if most and wanted.sample is not None:
            _take_asked(user, question, wanted.tab, wanted.sample)
        if current is not None:
            _take(user, question, current, wanted, most)
        held = list(
            mine.exclude(sample__in=wanted.keep)
            .select_related("sample__source", "sample__deployment", "entry__round__head")
            .order_by("entry__rank", "pk")
        )
        if wanted.sample is not None:
            held.sort(key=lambda assignment: assignment.sample_id != wanted.sample)
        if wanted.bursts:
            held = sequences.hold_bursts(user, question, held, wanted.tab)
    return Batch(held, kept, current, _state(question, current, held, wanted))


def keep(user: User, question: Question, wanted: Wanted) -> set[int]:
    """Hold these samples longer, and those again whose time had run out; returns which are this tab's, or decided."""
    if not wanted.keep:
        return set()
    mine = Assignment.objects.filter(question=question, annotator=user, sample__in=wanted.keep)
    mine = mine.filter(Q(tab=wanted.tab) | Q(is_done=True))
    mine.filter(is_done=False).update(expires_at=Now() + HOLD)
    kept = set(mine.values_list("sample_id", flat=True))
    lost = set(wanted.keep) - kept
    if not lost:
        return kept
    again = _existing(question, lost)[: room(user, question)]
    if not again or not take(user, question, wanted.tab, {each: {} for each in again}):
        return kept
    return set(mine.values_list("sample_id", flat=True))


def _existing(question: Question, sample_ids: Collection[int]) -> list[int]:
    found = Sample.objects.filter(project=question.project, pk__in=sample_ids)
    return list(found.values_list("pk", flat=True))


def _take(user: User, question: Question, current: Round, wanted: Wanted, most: int) -> None:
    """Insert assignments for the best-ranked samples that have a free slot; whoever is faster has them."""
    missing = min(wanted.count, MOST_AT_ONCE, most)
    entries = current.entries.filter(strategy=AUDIT) if wanted.only_audit else current.entries
    while missing > 0:
        free = list(
            entries.annotate(taken=_slots_taken(question))
            .filter(taken__lt=question.project.redundancy)
            .exclude(sample__in=Assignment.objects.filter(question=question, annotator=user).values("sample"))
            .exclude(sample__in=settled_for(user, question))
            .order_by("rank")[:missing]
        )
        if not free:
            return
        missing -= take(user, question, wanted.tab, {entry.sample_id: {"entry": entry} for entry in free})


def _slots_taken(question: Question) -> Count:
    of_people = Q(sample__assignments__question=question, sample__assignments__slot__lt=REVIEW_SLOT)
    return Count("sample__assignments", filter=of_people, distinct=True)


def _take_asked(user: User, question: Question, tab: str, sample_id: int) -> None:
    """Hold a sample that this person asked for by name: a label of their own to change, say."""
    if not Sample.objects.filter(pk=sample_id, project=question.project).exists():
        return
    again = Assignment.objects.filter(question=question, sample=sample_id, annotator=user)
    if again.update(is_done=False, tab=tab, expires_at=Now() + HOLD):
        return
    if not take(user, question, tab, {sample_id: {}}) and _said(user, question, sample_id):
        # Every place is somebody else's, as after a review or a late save: one's own label can be changed all the same.
        take(user, question, tab, {sample_id: {}}, range(REVIEW_SLOT, CHECK_SLOT))


def _said(user: User, question: Question, sample_id: int) -> bool:
    return Label.objects.filter(question=question, sample=sample_id, annotator=user, is_current=True).exists()


def _state(question: Question, current: Round | None, held: list[Assignment], wanted: Wanted) -> str:
    if current is None:
        return "preparing"
    if held or wanted.keep:
        return "ready"
    if wanted.only_audit or not has_open_samples(question):
        return "finished"
    # Ranked but used up, or all held by others: a fresh round brings more.
    learning.request_refit(question, at_once=True)
    return "preparing"


def has_open_samples(question: Question) -> bool:
    standing = Label.objects.filter(question=question, is_current=True).exclude(verdict=Label.Verdict.WITHDRAW)
    return Sample.objects.filter(project=question.project).exclude(labels__in=standing).exists()
