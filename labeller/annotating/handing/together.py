"""Samples for all questions of a project in one queue: each is asked what is doubtful about it, and nothing else.

A sample comes for one question, by that question's own ranking. Others are asked about it where they rank it themselves
or are in much doubt; of the rest it is shown what their heads think, for the person to let stand. What is drawn for an
audit is asked as any audit sample is, blind; there nothing is let stand, and every question that follows the audited
one is asked: else these would be audited only where they are in doubt.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from labeller.accounts.models import User
from labeller.annotating.handing import single, state
from labeller.annotating.holding import Candidate, Holder, Wanted, hand_out, is_free_for
from labeller.annotating.models import Assignment
from labeller.deadlocks import again_on_deadlock
from labeller.labels import applying, tallies
from labeller.labels.selectors import AUDIT
from labeller.learning.models import Round, RoundEntry
from labeller.projects.models import Project, Question
from tl_core.query import questions as queueing
from tl_core.query.questions import Place

Found = dict[int, list[RoundEntry]]  # by the id of the question that ranks them, in rank order


@dataclass(frozen=True)
class Served:
    """A sample for one person: what they hold of it by question, and what is shown of the others."""

    sample_id: int
    asked: list[Assignment]  # the question it comes for first
    plan: dict[int, str] = field(default_factory=dict)  # by question what is done where its parent's answer asks for it


@dataclass(frozen=True)
class TogetherBatch:
    """Samples for one person, and where the project's questions stand together."""

    served: list[Served]
    kept: set[int]
    rounds: dict[int, Round]  # the current ones by question
    state: str


ASK, LET = "ask", "let"


def asked_together(project: Project) -> list[Question]:
    """The questions of a project in their order, each with what it is for."""
    found = list(project.questions.order_by("position", "pk").prefetch_related("only_for", "classes"))
    for each in found:
        each.project = project
    return found


@again_on_deadlock
def next_batch(user: User, questions: Sequence[Question], wanted: Wanted) -> TogetherBatch:
    """Up to `count` samples this person's tab holds for any of these questions, all of one project."""
    rounds = current_rounds(questions)
    holders = {each.pk: Holder(user, each, wanted.tab) for each in questions}
    keeps = {pk: _held(holder, wanted.keep) for pk, holder in holders.items()}
    found = _found(holders, wanted)
    free = _free(holders, found)
    counts = {each.pk: tallies.of(each) for each in questions}
    parts = _parts(questions, rounds, counts)
    start = sum(each.settled for each in counts.values()) + len(wanted.keep)
    turns = queueing.merge(_queues(questions, found, free), parts, start, wanted.count)
    entries = {(pk, entry.sample_id): entry for pk, rows in found.items() for entry in rows}
    candidates: dict[int, list[Candidate]] = defaultdict(list)
    for turn in turns:
        first = questions[turn.question].pk
        for at in (turn.question, *turn.others):
            pk = questions[at].pk
            entry = entries.get((pk, turn.sample)) or entries[first, turn.sample]
            candidates[pk].append(Candidate(turn.sample, entry.pk))
    held: dict[int, dict[int, Assignment]] = defaultdict(dict)
    kept: set[int] = set()
    for pk, holder in sorted(holders.items()):
        handed = hand_out(holder, Wanted(wanted.count, keeps[pk], wanted.tab), [candidates[pk]])
        kept |= handed.kept
        for each in handed.held:
            held[each.sample_id][pk] = each
    served = []
    for turn in turns:
        of_sample = [held[turn.sample].get(questions[at].pk) for at in (turn.question, *turn.others)]
        if asked := [each for each in of_sample if each is not None]:
            served.append(Served(turn.sample, asked, _plan(questions, parts, asked, free)))
    return TogetherBatch(served, kept, rounds, _state(questions, rounds, bool(served or wanted.keep)))


def current_rounds(questions: Sequence[Question]) -> dict[int, Round]:
    current = Round.objects.filter(question__in=[each.pk for each in questions], is_current=True)
    return {each.question_id: each for each in current.select_related("head")}


def _held(holder: Holder, sample_ids: Collection[int]) -> list[int]:
    """Of these samples those that the tab was given for the holder's question."""
    if not sample_ids:
        return []
    return list(holder.rows().filter(tab=holder.tab, sample__in=list(sample_ids)).values_list("sample", flat=True))


def _found(holders: dict[int, Holder], wanted: Wanted) -> Found:
    """The best-ranked samples that are open for this person, of each question so many as all could take."""
    if not wanted.count:
        return {pk: [] for pk in holders}
    keep = set(wanted.keep)
    return {
        pk: [each for each in single.open_entries(holder, wanted) if each.sample_id not in keep]
        for pk, holder in holders.items()
    }


def _free(holders: dict[int, Holder], found: Found) -> dict[int, tuple[set[int], set[int]]]:
    """By question the samples of all rankings on which nobody has decided, and of these those that it is asked of now.

    A question that follows is asked of a sample once its parent's answer says so.
    """
    everything = [entry.pk for rows in found.values() for entry in rows]
    free = {}
    for pk, holder in holders.items():
        ranked = RoundEntry.objects.filter(pk__in=everything)
        undecided = ranked.filter(is_free_for(holder, "sample"))
        own = set(undecided.values_list("sample", flat=True))
        now = own
        if holder.question.follows_id is not None:
            now = set(applying.limited(undecided, holder.question).values_list("sample", flat=True))
        free[pk] = (own, now)
    return free


def _queues(
    questions: Sequence[Question], found: Found, free: dict[int, tuple[set[int], set[int]]]
) -> list[list[Place]]:
    """The rankings as `tl_core` merges them."""

    def place(entry: RoundEntry, ranker: Question) -> Place:
        # The question before is answered already where one that follows ranks a sample.
        asked = [each.pk != ranker.follows_id and entry.sample_id in free[each.pk][1] for each in questions]
        doubts = (doubt(entry, each) if is_asked else math.nan for each, is_asked in zip(questions, asked, strict=True))
        return Place(entry.sample_id, tuple(doubts))

    return [[place(entry, each) for entry in found[each.pk]] for each in questions]


def doubt(entry: RoundEntry, question: Question) -> float:
    """Which share of its pool the head of another question is surer of; all of it where there is no head yet."""
    return float(entry.foreseen.get(str(question.pk), {}).get("doubt", 1.0))


def _parts(questions: Sequence[Question], rounds: dict[int, Round], counts: dict[int, tallies.Counts]) -> list[float]:
    """Which part of the queue each question has: the more the farther it is from its target."""
    far = [_distance(each, rounds.get(each.pk), counts[each.pk].labelled) for each in questions]
    parts: list[float] = queueing.shares(far).tolist()
    return parts


def _distance(question: Question, current: Round | None, labelled: int) -> float:
    if current is None:
        return queueing.distance(question.target_accuracy, labelled)
    return queueing.distance(question.target_accuracy, labelled, current.audit_n, current.audit_correct)


def _plan(
    questions: Sequence[Question],
    parts: Sequence[float],
    asked: Sequence[Assignment],
    free: dict[int, tuple[set[int], set[int]]],
) -> dict[int, str]:
    """What is done about the questions that a sample doesn't come for, once it is known that they apply."""
    entry = asked[0].entry
    if entry is None:
        return {}
    held = {each.question_id for each in asked}
    audited = {each.question_id for each in asked if each.entry and each.entry.strategy == AUDIT}
    plan: dict[int, str] = {}
    for each, part in zip(questions, parts, strict=True):
        own, now = free[each.pk]
        if each.pk in held or entry.sample_id not in own:
            continue
        if audited:
            if each.follows_id in audited:
                plan[each.pk] = ASK
        elif each.follows_id is not None and entry.sample_id not in now:
            plan[each.pk] = ASK if queueing.is_doubtful(doubt(entry, each), part) else _let(entry, each)
        else:
            plan[each.pk] = _let(entry, each)
    return {pk: how for pk, how in plan.items() if how}


def _let(entry: RoundEntry, question: Question) -> str:
    return LET if predicted(entry, question) else ""


def predicted(entry: RoundEntry, question: Question) -> tuple[int, float] | None:
    """The class of another question's head, and its probability, where it is sure enough to be let stand."""
    suggestions = entry.foreseen.get(str(question.pk), {}).get("suggestions", [])
    if entry.strategy == AUDIT or question.multi_label or not question.show_suggestions or not suggestions:
        return None
    class_id, probability = suggestions[0]
    return (int(class_id), float(probability)) if probability >= 1 - question.accept_error else None


def _state(questions: Sequence[Question], rounds: dict[int, Round], is_served: bool) -> str:
    """Ready where there is something; preparing while any question has more to come."""
    if is_served:
        return "ready"
    states = {state.of(each, rounds.get(each.pk), is_served=False) for each in questions}
    return "preparing" if "preparing" in states else "finished"
