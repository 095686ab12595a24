"""Samples of the newest ranking, one after the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from labeller.accounts.models import User
from labeller.annotating.handing import state
from labeller.annotating.holding import MOST_AT_ONCE, Candidate, Holder, Wanted, hand_out, is_free_for
from labeller.annotating.models import Assignment
from labeller.deadlocks import again_on_deadlock
from labeller.labels import applying
from labeller.labels.selectors import AUDIT
from labeller.learning.models import Round, RoundEntry
from labeller.projects.models import Question

Proposals = Callable[[Holder, Wanted], Iterator[list[Candidate]]]


@dataclass(frozen=True)
class Batch:
    """Samples for one person, and where the question stands: ready, preparing (nothing ranked yet) or finished."""

    assignments: list[Assignment]
    kept: set[int]  # of the samples to keep those that still are this tab's
    round: Round | None
    state: str


def proposals(holder: Holder, wanted: Wanted) -> Iterator[list[Candidate]]:
    """The best-ranked samples that are open for this person."""
    rows = open_entries(holder, wanted).values_list("sample", "pk")
    while found := [Candidate(sample_id, entry_id) for sample_id, entry_id in rows.all()]:
        yield found


def open_entries(holder: Holder, wanted: Wanted, *conditions: Q) -> QuerySet[RoundEntry]:
    """So many places of the current ranking whose samples are open for this person, the first first."""
    entries = RoundEntry.objects.filter(round__question=holder.question, round__is_current=True)
    entries = entries.filter(strategy=AUDIT) if wanted.only_audit else entries
    entries = applying.limited(entries, holder.question)
    best_first = entries.filter(*conditions, is_free_for(holder, "sample")).order_by("rank")
    return best_first[: min(wanted.count, MOST_AT_ONCE)]


@again_on_deadlock
def next_batch(user: User, question: Question, wanted: Wanted, proposals: Proposals = proposals) -> Batch:
    """Up to `count` samples this person's tab holds, newest ranking first."""
    holder = Holder(user, question, wanted.tab)
    handed = hand_out(holder, wanted, proposals(holder, wanted))
    ranked = (each.entry.round for each in handed.held if each.entry and each.entry.round.is_current)
    current = next(ranked, None) or state.current_round(question)
    is_served = bool(handed.held or wanted.keep)
    return Batch(
        handed.held, handed.kept, current, state.of(question, current, is_served, only_audit=wanted.only_audit)
    )
