"""Whole bursts of the newest ranking, held by one person, so that one decision covers all frames."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When

from labeller.accounts.models import User
from labeller.annotating.handing import single
from labeller.annotating.handing.single import Batch
from labeller.annotating.holding import Candidate, Holder, Wanted, is_settled_for
from labeller.annotating.models import Assignment
from labeller.labels import applying
from labeller.labels.selectors import AUDIT
from labeller.learning.models import RoundEntry
from labeller.projects.models import Question
from labeller.samples.models import Sample

WHOLE = Sample.Part.WHOLE
BURST = Case(When(sample__part=WHOLE, then=F("sample__file__sequence")))  # that is decided about at once


def next_batch(user: User, question: Question, wanted: Wanted) -> Batch:
    """As `single.next_batch`, with the other open frames of each sample's burst; one assignment a burst, in order.

    A burst that is on the screen already comes no second time.
    """
    kept = Sample.objects.filter(pk__in=wanted.keep, part=WHOLE).exclude(file__sequence=None)
    on_screen = set(kept.values_list("file__sequence", flat=True)) if wanted.keep else set()

    def proposals(holder: Holder, wanted: Wanted) -> Iterator[list[Candidate]]:
        return _proposals(holder, wanted, on_screen)

    batch = single.next_batch(user, question, wanted, proposals)
    return replace(batch, assignments=_shown(batch.assignments, on_screen))


def _proposals(holder: Holder, wanted: Wanted, on_screen: Collection[int]) -> Iterator[list[Candidate]]:
    """The open frames of the burst that was asked for, and of the best-ranked samples' bursts."""
    asked = holder.in_tab().filter(holder.may_see("sample"), sample=wanted.sample, sample__part=WHOLE)
    asked = asked.exclude(sample__file__sequence=None)
    first = list(asked.values_list("sample", "entry", BURST)) if wanted.sample is not None else []
    entries = single.open_entries(holder, wanted, ~Q(sample__part=WHOLE, sample__file__sequence__in=on_screen))
    while found := [*first, *entries.values_list("sample", "pk", BURST)]:
        frames = _frames(holder, {sequence for *_, sequence in found} - {None, *on_screen})
        yield [
            candidate
            for sample_id, entry_id, sequence in found
            for candidate in (frames.pop(sequence, []) if sequence else [Candidate(sample_id, entry_id)])
        ]


def frames_of(sequence_ids: Collection[int]) -> QuerySet[Sample]:
    """The frames of these bursts: whole ones, for boxes show what is not the same in all."""
    return Sample.objects.filter(file__sequence__in=sequence_ids, part=WHOLE)


def _frames(holder: Holder, sequence_ids: Collection[int]) -> dict[int, list[Candidate]]:
    """Of these bursts the frames that this person has neither decided nor holds, those first that are ranked best."""
    found: dict[int, list[Candidate]] = {}
    if not sequence_ids:
        return found
    ranked = RoundEntry.objects.filter(round__question=holder.question, round__is_current=True, sample=OuterRef("pk"))
    own = holder.rows().filter(sample=OuterRef("pk"))
    frames = (
        applying.limited(frames_of(sequence_ids), holder.question, "pk")
        .filter(holder.may_see("pk"))
        .exclude(Exists(own))
        .exclude(is_settled_for(holder, "pk"))
    )
    frames = frames.annotate(entry=Subquery(ranked.values("pk")[:1]), rank=Subquery(ranked.values("rank")[:1]))
    best_first = frames.order_by(F("rank").asc(nulls_last=True), "pk")
    for sequence, *place in best_first.values_list("file__sequence", "pk", "entry"):
        found.setdefault(sequence, []).append(Candidate(*place))
    return found


def _shown(held: list[Assignment], on_screen: Collection[int]) -> list[Assignment]:
    """One assignment a burst. An audit sample stands for its burst: whoever decides on any of it decides blind."""
    bursts: dict[int, list[Assignment]] = {}
    for each in held:
        if each.sample.sequence_id not in on_screen:
            bursts.setdefault(each.sample.sequence_id or -each.sample_id, []).append(each)
    return [min(frames, key=lambda each: not each.entry or each.entry.strategy != AUDIT) for frames in bursts.values()]
