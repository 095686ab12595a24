"""What reviewers look at again: disagreements and likely label errors, then what people were unsure of or flagged."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from labeller.accounts.models import User
from labeller.annotating.holding import MOST_AT_ONCE, Candidate, Holder, Wanted, hand_out
from labeller.annotating.models import Assignment
from labeller.deadlocks import again_on_deadlock
from labeller.labels import flags
from labeller.labels.models import Answer
from labeller.learning.models import Assessment
from labeller.learning.suspects import suspects
from labeller.projects.models import Question
from labeller.samples import set_aside

DISAGREEMENT, SUSPECT, BURST, UNSURE, FLAG, ASKED = "disagreement", "suspect", "burst", "unsure", "flag", "asked"


@dataclass(frozen=True)
class Reason:
    """Why a sample waits for a reviewer, and the classes that heads suggest instead where that is why."""

    why: str
    suggested: frozenset[int] | None = None


@dataclass(frozen=True)
class ReviewBatch:
    """Samples for one reviewer, each with its reason, those of `keep` that stay theirs, and how many wait in all."""

    held: list[tuple[Assignment, Reason]]
    kept: set[int]
    left: int


def waiting(question: Question) -> dict[int, Reason]:
    """Every sample that waits for a reviewer by its id, the most urgent first."""
    answers = Answer.objects.of(question).order_by("sample")
    found = dict.fromkeys(answers.disputed().values_list("sample", flat=True), Reason(DISAGREEMENT))
    for each in suspects(question, Assessment.latest(question)):
        why = found[each.sample_id].why if each.sample_id in found else BURST if each.burst else SUSPECT
        found[each.sample_id] = Reason(why, each.suggested)
    flagged = flags.open_flags(question.project).filter(question=question).order_by("pk")
    for why, rows in ((UNSURE, answers.doubted()), (FLAG, flagged)):
        for sample_id in rows.values_list("sample", flat=True):
            found.setdefault(sample_id, Reason(why))
    taken_away, _unsure = set_aside.rows(question.project)
    gone = set(taken_away.values_list("pk", flat=True))
    return {sample_id: reason for sample_id, reason in found.items() if sample_id not in gone}


@again_on_deadlock
def next_reviews(user: User, question: Question, wanted: Wanted, passed: Collection[int] = ()) -> ReviewBatch:
    """Up to `count` samples for this reviewer's tab, besides those it keeps; none that another reviewer looks at.

    Those in `passed` are left for later, or for others.
    """
    # Before the transaction: looking takes a while in a large project, and people's labels mustn't wait for it.
    reasons = waiting(question)
    holder = Holder(user, question, wanted.tab, Assignment.Kind.REVIEW)
    handed = hand_out(holder, wanted, _proposals(question, wanted, reasons, {*passed, *wanted.keep}))
    held = [(each, reasons.get(each.sample_id, Reason(ASKED))) for each in handed.held]
    return ReviewBatch(held, handed.kept, len(reasons))


def _proposals(
    question: Question, wanted: Wanted, reasons: Collection[int], without: Collection[int]
) -> Iterator[list[Candidate]]:
    """The most urgent samples that no reviewer looks at."""
    looked_at = Assignment.objects.filter(question=question, kind=Assignment.Kind.REVIEW, is_done=False)
    while wanted.count:
        taken = {*without, *looked_at.values_list("sample", flat=True)}
        free = (Candidate(each) for each in reasons if each not in taken)
        if not (found := list(islice(free, min(wanted.count, MOST_AT_ONCE)))):
            return
        yield found
