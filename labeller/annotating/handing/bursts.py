"""Whole bursts of the newest ranking, held by one person, so that one decision covers all frames."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from django.db.models import Exists, F, OuterRef, Q, Subquery

from labeller.accounts.models import User
from labeller.annotating.handing import single
from labeller.annotating.handing.single import Batch
from labeller.annotating.holding import Candidate, Holder, Wanted, is_settled_for
from labeller.annotating.models import Assignment
from labeller.labels.selectors import AUDIT
from labeller.learning.models import RoundEntry
from labeller.projects.models import Question
from labeller.samples.models import Sample


def next_batch(user: User, question: Question, wanted: Wanted) -> Batch:
    """As `single.next_batch`, with the other open frames of each sample's burst; one assignment a burst, in order.

    A burst that is on the screen already comes no second time.
    """
    kept = Sample.objects.filter(pk__in=wanted.keep).exclude(sequence=None)
    on_screen = set(kept.values_list("sequence", flat=True)) if wanted.keep else set()

    def proposals(holder: Holder, wanted: Wanted) -> Iterator[list[Candidate]]:
        return _proposals(holder, wanted, on_screen)

    batch = single.next_batch(user, question, wanted, proposals)
    return replace(batch, assignments=_shown(batch.assignments, on_screen))


def _proposals(holder: Holder, wanted: Wanted, on_screen: Collection[int]) -> Iterator[list[Candidate]]:
    """The open frames of the burst that was asked for, and of the best-ranked samples' bursts."""
    asked = holder.in_tab().filter(sample=wanted.sample).exclude(sample__sequence=None)
    first = list(asked.values_list("sample", "entry", "sample__sequence")) if wanted.sample is not None else []
    entries = single.open_entries(holder, wanted, ~Q(sample__sequence__in=on_screen))
    while found := [*first, *entries.values_list("sample", "pk", "sample__sequence")]:
        frames = _frames(holder, {sequence for *_, sequence in found} - {None, *on_screen})
        yield [
            candidate
            for sample_id, entry_id, sequence in found
            for candidate in (frames.pop(sequence, []) if sequence else [Candidate(sample_id, entry_id)])
        ]


def _frames(holder: Holder, sequence_ids: Collection[int]) -> dict[int, list[Candidate]]:
    """Of these bursts the frames that this person has neither decided nor holds, those first that are ranked best."""
    found: dict[int, list[Candidate]] = {}
    if not sequence_ids:
        return found
    ranked = RoundEntry.objects.filter(round__question=holder.question, round__is_current=True, sample=OuterRef("pk"))
    own = holder.rows().filter(sample=OuterRef("pk"))
    frames = Sample.objects.filter(sequence__in=sequence_ids).exclude(Exists(own))
    frames = frames.exclude(is_settled_for(holder, "pk")).annotate(
        entry=Subquery(ranked.values("pk")[:1]), rank=Subquery(ranked.values("rank")[:1])
    )
    best_first = frames.order_by(F("rank").asc(nulls_last=True), "pk")
    for sequence, *place in best_first.values_list("sequence", "pk", "entry"):
        found.setdefault(sequence, []).append(Candidate(*place))
    return found


def _shown(held: list[Assignment], on_screen: Collection[int]) -> list[Assignment]:
    """One assignment a burst. An audit sample stands for its burst: whoever decides on any of it decides blind."""
    bursts: dict[int, list[Assignment]] = {}
    for each in held:
        if each.sample.sequence_id not in on_screen:
            bursts.setdefault(each.sample.sequence_id or -each.sample_id, []).append(each)
    return [min(frames, key=lambda each: not each.entry or each.entry.strategy != AUDIT) for frames in bursts.values()]
