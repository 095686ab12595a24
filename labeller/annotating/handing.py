"""Handing out the samples of the newest ranking, one person's tab at a time."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now

from labeller.accounts.models import User
from labeller.annotating import sequences
from labeller.annotating.holding import HOLD, in_all, is_settled_for, open_assignments, place, room, take, within_share
from labeller.annotating.models import CHECK_SLOT, REVIEW_SLOT, Assignment
from labeller.deadlocks import again_on_deadlock
from labeller.labels import applying, tallies
from labeller.labels.models import Label
from labeller.labels.selectors import AUDIT
from labeller.learning import asking as learning
from labeller.learning.models import Round, RoundEntry
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


@again_on_deadlock
def next_batch(user: User, question: Question, wanted: Wanted) -> Batch:
    """Up to `count` samples this person's tab holds, newest ranking first.

    Those in `keep` (sample ids on the person's screen) stay theirs and don't count; others the tab holds are
    given back, so that a fresh ranking takes effect. After a reload nothing is kept and all come again. What was to be
    kept and has run out (a laptop slept) is taken again, unless somebody else has it by now.

    Raises HoldsEnough where nothing can come for this tab, because this person's tabs together hold all they may.
    """
    with transaction.atomic():
        kept = keep(user, question, wanted)
        give_back(user, question, wanted)
        if wanted.sample is not None:
            _take_asked(user, question, wanted.tab, wanted.sample)
        held, current = _take(user, question, wanted)
        if wanted.sample is not None:
            held.sort(key=lambda assignment: assignment.sample_id != wanted.sample)
        held = within_share(held, keeps=bool(wanted.keep))
        if wanted.bursts:
            held = sequences.hold_bursts(user, question, held, wanted.tab)
    return Batch(held, kept, current, _state(question, current, held, wanted))


def give_back(user: User, question: Question, wanted: Wanted) -> None:
    """Give back what the tab holds beside `keep`, and what anybody's tab held too long. Those to keep were extended."""
    left = Q(annotator=user, tab=wanted.tab) & ~Q(sample__in=wanted.keep)
    open_assignments(question).filter(left | Q(expires_at__lt=Now())).delete()


def keep(user: User, question: Question, wanted: Wanted) -> set[int]:
    """Hold these samples longer, and those again whose time had run out; returns which are this tab's, or decided."""
    if not wanted.keep:
        return set()
    mine = Assignment.objects.filter(question=question, annotator=user, sample__in=wanted.keep)
    mine = mine.filter(Q(tab=wanted.tab) | Q(is_done=True))
    wanted_ids = set(wanted.keep)
    if mine.filter(is_done=False).update(expires_at=Now() + HOLD) == len(wanted_ids):
        return wanted_ids
    kept = set(mine.values_list("sample_id", flat=True))
    lost = wanted_ids - kept
    if not lost:
        return kept
    again = _existing(question, lost)[: room(user, question)]
    if not again or not take(user, question, wanted.tab, {each: {} for each in again}):
        return kept
    return set(mine.values_list("sample_id", flat=True))


def _existing(question: Question, sample_ids: Collection[int]) -> list[int]:
    found = Sample.objects.filter(project=question.project, pk__in=sample_ids)
    return list(found.values_list("pk", flat=True))


def _take(user: User, question: Question, wanted: Wanted) -> tuple[list[Assignment], Round | None]:
    """Insert assignments for the best-ranked samples that have a free slot; whoever is faster has them.

    Returns what the tab holds then, beside what it keeps, and the current round.
    """
    missing = min(wanted.count, MOST_AT_ONCE)
    held: list[Assignment] = []
    current = None
    while missing > 0 and (free := _free(user, question, wanted.only_audit, missing)):
        current = free[-1].round
        fields_of = {entry.sample_id: {"entry": entry} for entry in free}
        # With one person a sample, one that has a free slot has no other.
        place(user, question, wanted.tab, fields_of, are_free=question.redundancy == 1)
        held = _held(user, question, wanted)
        missing -= sum(each.sample_id in fields_of for each in held)
    return held or _held(user, question, wanted), current or current_round(question)


def _free(user: User, question: Question, only_audit: bool, count: int) -> list[RoundEntry]:
    """So many samples of the current ranking that have a free slot and are open for this person, the first first."""
    entries = RoundEntry.objects.filter(round__question=question, round__is_current=True)
    entries = entries.filter(strategy=AUDIT) if only_audit else entries
    entries = applying.limited(entries, question)
    of_sample = Assignment.objects.filter(question=question, sample=OuterRef("sample"))
    slots = of_sample.filter(slot__lt=REVIEW_SLOT)
    if question.redundancy == 1:
        entries = entries.exclude(Exists(slots))
    else:
        taken = Subquery(slots.values("sample").annotate(n=Count("pk")).values("n"))
        entries = entries.annotate(taken=Coalesce(taken, 0)).filter(taken__lt=question.redundancy)
    entries = entries.exclude(Exists(of_sample.filter(annotator=user)))
    entries = entries.exclude(is_settled_for(user, question, "sample"))
    return list(entries.select_related("round__head").order_by("rank")[:count])


def _held(user: User, question: Question, wanted: Wanted) -> list[Assignment]:
    """What this person's tab holds, beside what it keeps, in the order of the ranking."""
    mine = open_assignments(question).filter(annotator=user, tab=wanted.tab).exclude(sample__in=wanted.keep)
    told = mine.select_related("sample__file__source", "sample__file__deployment", "entry__round__head")
    return list(told.order_by("entry__rank", "pk").annotate(in_all=in_all(user, question)))


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
    if current is None and (question.follows_id is None or has_open_samples(question)):
        return "preparing"
    if held or wanted.keep:
        return "ready"
    if wanted.only_audit or not has_open_samples(question):
        return "finished"
    # Ranked but used up, or all held by others: a fresh round brings more.
    learning.request_refit(question, at_once=True)
    return "preparing"


def has_open_samples(question: Question) -> bool:
    """Whether there is a sample on which nobody has decided yet; imports and labels keep the counts."""
    counts = tallies.of(question)
    return counts.settled < counts.samples
