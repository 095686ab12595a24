"""Holding samples: who may look at what until when. Everything that is handed out is handed out here.

Two people must never hold the same slot of a sample. The unique constraint on (question, sample, kind, slot) decides:
taking inserts rows and ignores conflicts, then reads which ones became this person's. A person's tabs are told apart
by name, so two of them never show the same sample either.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now
from django.db.models.lookups import LessThan
from django.utils.translation import gettext as _

from labeller.accounts.models import User
from labeller.annotating.models import Assignment
from labeller.labels.models import Answer, Label
from labeller.projects.models import Question
from labeller.samples import hiding, set_aside
from labeller.samples.models import Sample

HOLD = timedelta(minutes=10)
MOST_AT_ONCE = 60
# Undecided samples of one question for one person, in all tabs. The longest bursts that one page holds come to 360.
MOST_HELD = 400

Kind = Assignment.Kind


class HoldsEnough(Exception):
    """This person has all the samples they may hold; the message says so."""


@dataclass(frozen=True)
class Holder:
    """One browser tab of a person who labels, or reviews, the samples of a question."""

    person: User
    question: Question
    tab: str = ""
    kind: Kind = Kind.LABEL

    def rows(self) -> QuerySet[Assignment]:
        """All that this person has or had, in any tab."""
        mine = Assignment.objects.filter(question=self.question, annotator=self.person)
        return mine.filter(kind=Kind.REVIEW) if self.kind == Kind.REVIEW else mine.exclude(kind=Kind.REVIEW)

    def undecided(self) -> QuerySet[Assignment]:
        """Of this what may still be given back. Checks never are: what is said late must still be known for one."""
        return self.rows().filter(is_done=False).exclude(kind=Kind.CHECK)

    def may_see(self, sample: str) -> Q:
        """Whether this person may see the sample that rows name in that field."""
        return hiding.shown_to(self.person, self.question.project, sample)

    def in_tab(self) -> QuerySet[Assignment]:
        return self.undecided().filter(tab=self.tab)


@dataclass(frozen=True)
class Wanted:
    """What a page asks for: so many samples, besides those it keeps; or audit samples only."""

    count: int
    keep: Collection[int] = ()
    tab: str = ""
    only_audit: bool = False
    sample: int | None = None  # this one first, whatever its rank


@dataclass(frozen=True)
class Candidate:
    """A sample that may be handed out, and what chose it."""

    sample_id: int
    entry_id: int | None = None
    group_id: int | None = None
    is_check: bool = False


@dataclass(frozen=True)
class Handed:
    """What a tab was given, in the order it was proposed in, and of the samples to keep those that still are its."""

    held: list[Assignment]
    kept: set[int]


def hand_out(holder: Holder, wanted: Wanted, proposals: Iterable[Sequence[Candidate]]) -> Handed:
    """Let a tab hold what it asked for by name, and what is proposed first; whoever is faster has it.

    Those in `keep` (samples on the person's screen) stay theirs and don't count; others the tab holds are given back,
    so that a fresh ranking takes effect. After a reload nothing is kept and all come again. What was to be kept and
    has run out (a laptop slept) is taken again, unless somebody else has it by now.

    Proposals are asked for once all that is done; a further one only where others were faster with all of the one
    before. Raises HoldsEnough where nothing can come for this tab, because this person's tabs together hold all they
    may.
    """
    with transaction.atomic():
        kept = _keep(holder, wanted.keep)
        _give_back(holder, wanted.keep)
        places: dict[int, int] = {}  # by sample
        if wanted.sample is not None and _take_asked(holder, wanted.sample) and wanted.sample not in wanted.keep:
            places[wanted.sample] = 0
        held: list[Assignment] | None = None
        for candidates in proposals:
            take(holder, candidates)
            for candidate in candidates:
                places.setdefault(candidate.sample_id, len(places))
            held = _read(holder, places)
            if any(each.kind != Kind.CHECK for each in held):
                break
        held = _read(holder, places) if held is None else held
        return Handed(_within_share(held, keeps=bool(wanted.keep)), kept)


def release(person: User, question: Question, tab: str, samples: Collection[int] | None = None) -> None:
    """Give back what a tab holds and has not decided: all of it, or these samples."""
    mine = Assignment.objects.filter(question=question, annotator=person, tab=tab, is_done=False)
    mine = mine.exclude(kind=Kind.CHECK)
    (mine if samples is None else mine.filter(sample__in=samples)).delete()


def take(holder: Holder, candidates: Collection[Candidate], kind: Kind | None = None, **fields: Any) -> None:
    """Insert an assignment in a free slot of each of these samples.

    A sample without a free slot is left out, and so is one that somebody else takes at the same moment.
    """
    kind = kind or holder.kind
    slot_of = _slots(holder, kind, [each.sample_id for each in candidates if not each.is_check])
    Assignment.objects.bulk_create(
        (
            Assignment(
                question=holder.question,
                sample_id=each.sample_id,
                kind=Kind.CHECK if each.is_check else kind,
                slot=slot_of.get(each.sample_id),
                annotator=holder.person,
                tab=holder.tab,
                entry_id=each.entry_id,
                group_id=each.group_id,
                expires_at=Now() + HOLD,
                **fields,
            )
            for each in candidates
            if each.is_check or each.sample_id in slot_of
        ),
        ignore_conflicts=True,
    )


def _slots(holder: Holder, kind: Kind, sample_ids: list[int]) -> dict[int, int | None]:
    """A slot that is free for each of these samples; those without one are left out."""
    if kind == Kind.AGAIN:
        return dict.fromkeys(sample_ids)
    slots = range(holder.question.redundancy if kind == Kind.LABEL else 1)
    if len(slots) == 1:
        return dict.fromkeys(sample_ids, 0)  # whether it is free tells the insertion
    used: dict[int, set[int | None]] = {each: set() for each in sample_ids}
    rows = Assignment.objects.filter(question=holder.question, kind=kind, sample__in=sample_ids)
    for sample_id, slot in rows.values_list("sample", "slot"):
        used[sample_id].add(slot)
    return {each: min(free) for each in used if (free := set(slots) - used[each])}


def _read(holder: Holder, places: dict[int, int]) -> list[Assignment]:
    """Of these samples what the tab holds, by their places."""
    if not places:
        return []
    mine = holder.rows().filter(holder.may_see("sample"), is_done=False, tab=holder.tab, sample__in=places)
    told = mine.select_related("sample__file__source", "sample__file__deployment", "entry__round__head")
    told = told.annotate(in_all=_in_all(holder), has_people=hiding.is_hidden("sample"))
    return sorted(told, key=lambda each: places[each.sample_id])


# --- keeping and giving back ----------------------------------------------------------------------


def _keep(holder: Holder, sample_ids: Collection[int]) -> set[int]:
    """Hold these samples longer, and those again whose time had run out; returns which are this tab's, or decided."""
    if not sample_ids:
        return set()
    mine = holder.rows().filter(Q(tab=holder.tab) | Q(is_done=True), holder.may_see("sample"), sample__in=sample_ids)
    wanted = set(sample_ids)
    if mine.filter(is_done=False).update(expires_at=Now() + HOLD) == len(wanted):
        return wanted
    kept = set(mine.values_list("sample_id", flat=True))
    if not (lost := wanted - kept):
        return kept
    again = _to_be_had(holder, lost)[: max(0, MOST_HELD - _held(holder).count())]
    if not again:
        return kept
    take(holder, [Candidate(each) for each in again])
    return set(mine.values_list("sample_id", flat=True))


def _give_back(holder: Holder, keep: Collection[int]) -> None:
    """Give back what the tab holds beside `keep`, and what anybody's tab held too long. Those to keep were extended."""
    kinds = [Kind.REVIEW] if holder.kind == Kind.REVIEW else [Kind.LABEL, Kind.AGAIN]
    left = Q(annotator=holder.person, tab=holder.tab) & ~Q(sample__in=keep)
    undecided = Assignment.objects.filter(question=holder.question, is_done=False, kind__in=kinds)
    undecided.filter(left | Q(expires_at__lt=Now())).delete()


def _take_asked(holder: Holder, sample_id: int) -> bool:
    """Hold a sample that this person asked for by name: a label of their own to change, say."""
    if not _to_be_had(holder, [sample_id]):
        return False
    mine = holder.rows().filter(sample=sample_id)
    if mine.exclude(kind=Kind.CHECK).update(is_done=False, tab=holder.tab, expires_at=Now() + HOLD):
        return True
    take(holder, [Candidate(sample_id)])
    if holder.kind == Kind.LABEL and not mine.exists() and _said(holder, sample_id):
        # Every place is somebody else's, as after a review or a late save: one's own label can be changed all the same.
        take(holder, [Candidate(sample_id)], Kind.AGAIN)
    return True


def _said(holder: Holder, sample_id: int) -> bool:
    own = Label.objects.filter(question=holder.question, sample=sample_id, annotator=holder.person, is_current=True)
    return own.exists()


def _to_be_had(holder: Holder, sample_ids: Iterable[int]) -> list[int]:
    """Of these samples those that are the project's, and that this person may see; boxes taken away are not there."""
    there = Sample.objects.filter(project=holder.question.project, pk__in=sample_ids, taken_away_at=None)
    found = there.filter(holder.may_see("pk"))
    return list(found.values_list("pk", flat=True))


# --- a person's share -----------------------------------------------------------------------------


def _held(holder: Holder) -> QuerySet[Assignment]:
    return holder.undecided().filter(expires_at__gte=Now())


def _in_all(holder: Holder) -> Subquery:
    """How many samples this person's tabs hold together, to be asked along with what was handed out."""
    return Subquery(_held(holder).values("annotator").annotate(n=Count("pk")).values("n"))


def _within_share(held: list[Any], keeps: bool) -> list[Assignment]:
    """Of what was handed out, told with `in_all`, the first that make up this person's share; the rest goes back.

    Raises HoldsEnough where that leaves a tab with nothing that keeps nothing either.
    """
    counted = [each for each in held if each.kind != Kind.CHECK]
    over = max(0, held[0].in_all - MOST_HELD) if counted else 0
    share = counted[: max(0, len(counted) - over)]
    gone = counted[len(share) :] if share else held  # checks come among others only
    if gone:
        Assignment.objects.filter(pk__in=[each.pk for each in gone]).delete()
    if counted and not share and not keeps:
        text = _(
            "You hold %(n)d undecided photographs already, in all your tabs: decide on some first, or close a tab."
        )
        raise HoldsEnough(text % {"n": MOST_HELD})
    return [each for each in held if each not in gone]


# --- which samples are open -----------------------------------------------------------------------


def is_free_for(holder: Holder, sample: str) -> Q:
    """Whether a place to label is left and this person may see the sample, and neither has nor had it, nor is it
    settled.

    `sample` is the field that names it.
    """
    slots = Assignment.objects.filter(question=holder.question, sample=OuterRef(sample), kind=Kind.LABEL)
    own = holder.rows().filter(sample=OuterRef(sample))
    redundancy = holder.question.redundancy
    if redundancy == 1:
        has_place = ~Q(Exists(slots))
    else:
        taken = Subquery(slots.values("sample").annotate(n=Count("pk")).values("n"))
        has_place = Q(LessThan(Coalesce(taken, 0), redundancy))
    is_asked = holder.may_see(sample) & ~set_aside.is_set_aside(holder.question.project, sample)
    return has_place & ~Q(Exists(own)) & ~is_settled_for(holder, sample) & is_asked


def is_settled_for(holder: Holder, sample: str) -> Q:
    """Whether a sample is answered already (by an import), decided by a reviewer, or decided by this person.

    Each by an Exists: an IN over all of them would be gone through for every sample.
    """
    question = holder.question
    answers = Answer.objects.of(question).closed().filter(sample=OuterRef(sample))
    own = Label.objects.standing().filter(question=question, annotator=holder.person, sample=OuterRef(sample))
    return Q(Exists(answers)) | Q(Exists(own))
