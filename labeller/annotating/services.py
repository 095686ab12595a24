"""Handing out samples, and taking judgements in.

Two people must never hold the same slot of a sample. The unique constraint on (question, sample, slot) decides:
handing out inserts rows and ignores conflicts, then reads back which ones became this person's.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from labeller.accounts.models import User
from labeller.annotating.models import Assignment
from labeller.labels import services as labels
from labeller.labels.models import Label
from labeller.labels.selectors import AUDIT
from labeller.labels.services import Judgement, Recorded
from labeller.learning import services as learning
from labeller.learning.models import Round, RoundEntry
from labeller.projects.models import Question
from labeller.samples.models import Sample

HOLD = timedelta(minutes=10)
MOST_AT_ONCE = 50


@dataclass(frozen=True)
class Batch:
    """Samples for one person, and where the project stands: ready, preparing (nothing ranked yet) or finished."""

    assignments: list[Assignment]
    round: Round | None
    state: str


def current_round(question: Question) -> Round | None:
    return Round.objects.filter(question=question, is_current=True).select_related("head").first()


def next_batch(user: User, question: Question, count: int, keep: Collection[int] = ()) -> Batch:
    """Up to `count` samples this person holds, newest ranking first.

    Those in `keep` (sample ids on the person's screen) stay theirs and don't count; others still open are
    given back, so that a fresh ranking takes effect. After a reload nothing is kept and all come again.
    """
    current = current_round(question)
    count = min(count, MOST_AT_ONCE)
    with transaction.atomic():
        mine = _open(question).filter(annotator=user)
        mine.filter(sample__in=keep).update(expires_at=Now() + HOLD)
        mine.exclude(sample__in=keep).delete()
        if current is not None:
            _take(user, question, current, count)
        held = list(
            _open(question)
            .filter(annotator=user)
            .exclude(sample__in=keep)
            .select_related("sample__source", "entry__round__head")
            .order_by("entry__rank", "pk")
        )
    return Batch(held, current, _state(question, current, held, keep))


def _open(question: Question) -> models.QuerySet[Assignment]:
    return Assignment.objects.filter(question=question, is_done=False)


def _take(user: User, question: Question, current: Round, count: int) -> None:
    """Insert assignments for the best-ranked samples that have a free slot; whoever is faster has them."""
    redundancy = question.project.redundancy
    _open(question).filter(expires_at__lt=Now()).delete()
    wanted = count
    while wanted > 0:
        entries = list(
            current.entries.annotate(
                taken=Count("sample__assignments", filter=Q(sample__assignments__question=question), distinct=True)
            )
            .filter(taken__lt=redundancy)
            .exclude(sample__in=Assignment.objects.filter(question=question, annotator=user).values("sample"))
            .exclude(sample__in=_settled_for(user, question))
            .order_by("rank")[:wanted]
        )
        if not entries:
            return
        before = _open(question).filter(annotator=user).count()
        used = _slots(question, [entry.sample_id for entry in entries])
        Assignment.objects.bulk_create(
            (
                Assignment(
                    question=question,
                    sample_id=entry.sample_id,
                    slot=next(slot for slot in range(redundancy) if slot not in used.get(entry.sample_id, ())),
                    annotator=user,
                    entry=entry,
                    expires_at=Now() + HOLD,
                )
                for entry in entries
            ),
            ignore_conflicts=True,
        )
        wanted -= _open(question).filter(annotator=user).count() - before


def _settled_for(user: User, question: Question) -> models.QuerySet[Label, Any]:
    """Samples that are answered already (by an import), or that this person skipped."""
    standing = Label.objects.filter(question=question, is_current=True).exclude(verdict=Label.Verdict.WITHDRAW)
    return standing.filter(Q(annotator=None) | Q(annotator=user)).values("sample")


def _slots(question: Question, sample_ids: Sequence[int]) -> dict[int, set[int]]:
    used: dict[int, set[int]] = {}
    rows = Assignment.objects.filter(question=question, sample__in=sample_ids)
    for sample_id, slot in rows.values_list("sample_id", "slot"):
        used.setdefault(sample_id, set()).add(slot)
    return used


def _state(question: Question, current: Round | None, held: list[Assignment], keep: Collection[int]) -> str:
    if current is None:
        return "preparing"
    if held or keep:
        return "ready"
    open_samples = Sample.objects.filter(project=question.project).exclude(
        labels__in=Label.objects.filter(question=question, is_current=True).exclude(verdict=Label.Verdict.WITHDRAW)
    )
    if not open_samples.exists():
        return "finished"
    # Ranked but used up, or all held by others: a fresh round brings more.
    learning.request_refit(question, at_once=True)
    return "preparing"


def save(user: User, question: Question, judgements: Iterable[tuple[Judgement, int | None]]) -> list[Recorded]:
    """Record judgements in order, each with the id of the round entry it answers; then ask for a refit."""
    results = []
    for judgement, entry_id in judgements:
        if not Sample.objects.filter(pk=judgement.sample_id, project=question.project).exists():
            results.append(Recorded(404, detail="There is no such sample in this project."))
            continue
        with transaction.atomic():
            result = labels.record(_with_entry(judgement, user, entry_id))
            if result.is_new:
                _settle(user, question, judgement, entry_id)
        results.append(result)
    if any(result.is_new for result in results):
        learning.request_refit(question)
    return results


def _with_entry(judgement: Judgement, user: User, entry_id: int | None) -> Judgement:
    """Add what the server knows about why the sample was shown; the client's word doesn't count for that."""
    entry = (
        RoundEntry.objects.filter(
            pk=entry_id, sample=judgement.sample_id, round__question=judgement.question, assignments__annotator=user
        )
        .select_related("round__head")
        .first()
    )
    if entry is None:
        return replace(judgement, strategy="", propensity=None, predicted_id=None)
    blind = entry.strategy == AUDIT
    head = entry.round.head
    return replace(
        judgement,
        strategy=entry.strategy,
        propensity=entry.propensity,
        predicted_id=int(entry.suggestions[0][0]) if entry.suggestions else None,
        suggestion_shown=judgement.suggestion_shown and not blind and bool(entry.suggestions),
        head_version=head.version if head and not blind else None,
    )


def _settle(user: User, question: Question, judgement: Judgement, entry_id: int | None) -> None:
    """Close the assignment, open it again for a judgement taken back. A late save finds none and is kept anyway."""
    is_done = judgement.verdict != Label.Verdict.WITHDRAW
    mine = Assignment.objects.filter(question=question, sample=judgement.sample_id, annotator=user)
    mine.update(is_done=is_done, expires_at=Now() + HOLD)
