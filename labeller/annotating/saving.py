"""Taking judgements and flags in: a request's events in one transaction, each answered for itself."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from labeller.accounts import admitting as accounts
from labeller.accounts.access import Member
from labeller.accounts.models import User
from labeller.annotating.forms import Event
from labeller.annotating.holding import HOLD, Candidate, Holder, take
from labeller.annotating.models import Assignment
from labeller.deadlocks import again_on_deadlock
from labeller.labels import answering, checks, flags, recording
from labeller.labels.models import Label
from labeller.labels.recording import Judgement, Recorded
from labeller.labels.selectors import AUDIT
from labeller.learning import asking as learning
from labeller.learning.models import RoundEntry, TileGroup
from labeller.projects.models import Project, Question
from labeller.samples import boxing
from labeller.samples.boxing import Wish
from labeller.samples.models import Sample

Mode, Verdict = Label.Mode, Label.Verdict
# What chose a sample that was handed out in a group of tiles.
STRATEGY_OF = {TileGroup.Kind.PREDICTED: "grid", TileGroup.Kind.CLUSTER: "grid", TileGroup.Kind.HUNT: "hunt"}


@again_on_deadlock
def save(member: Member, question: Question, events: Sequence[Event]) -> list[Recorded]:
    """Record events and return what became of each; afterwards ask for a refit.

    Those on one sample are recorded as they come; boxes before all others, each in a transaction of its own: for a new
    one imports are kept waiting, which are not to wait for this person's labels, too.
    """
    boxes = [_boxed(event.box) if event.box else None for event in events]
    rest = _save(member, question, [event for event in events if not event.box])
    return [box or rest.pop(0) for box in boxes]


def _boxed(wish: Wish) -> Recorded:
    outcome = boxing.fulfil(wish)
    return Recorded(outcome.status, outcome.edit, outcome.current, outcome.detail)


def _save(member: Member, question: Question, events: Sequence[Event]) -> list[Recorded]:
    if not events:
        return []
    user = member.person
    sample_ids = {event.sample_id for event in events if event.sample_id is not None}
    with _turn(user), answering.kept(sample_ids):
        handed_out = _HandedOut(user, question, events)
        results = _record(events, member, question, handed_out)
        judged = [
            event.judgement
            for event, result in zip(events, results, strict=True)
            if event.judgement and event.judgement.question == question and result.is_new
        ]
        _settle(user, question, judged)
    if judged:
        learning.request_refit(question)
    for follower in _answered_besides(events, results, question):
        learning.request_refit(follower)
    return results


def _answered_besides(events: Sequence[Event], results: Sequence[Recorded], question: Question) -> list[Question]:
    """The other questions that were answered in the same pass."""
    asked = (
        event.judgement.question
        for event, result in zip(events, results, strict=True)
        if event.judgement and result.is_new
    )
    return list({each.pk: each for each in asked if each != question}.values())


@contextmanager
def _turn(user: User) -> Iterator[None]:
    """A transaction in which this person saves nothing else."""
    with transaction.atomic():
        accounts.take_turn(user)
        yield


def save_judgement(member: Member, question: Question, judgement: Judgement, entry: int | None = None) -> Recorded:
    """Record one judgement of a program, as a page would send it."""
    return save(member, question, [Event(str(judgement.uuid), judgement, entry, sample_id=judgement.sample_id)])[0]


class _HandedOut:
    """What the server knows of the samples in a request: that they exist, and why this person was shown them."""

    def __init__(self, user: User, question: Question, events: Sequence[Event]) -> None:
        sample_ids = {event.sample_id for event in events if event.sample_id is not None}
        samples = Sample.objects.filter(pk__in=sample_ids, project=question.project)
        self.samples = set(samples.values_list("pk", flat=True))
        mine = Holder(user, question).rows().filter(sample__in=sample_ids)
        self.assignments = {each.sample_id: each for each in mine.select_related("group")}
        self.entries = entries_of(user, question.project, events)


def entries_of(user: User, project: Project, events: Sequence[Event]) -> dict[int, RoundEntry]:
    """Of the places in rankings that these events name those that this person was really handed: no other counts."""
    named = {event.entry for event in events if event.entry is not None}
    if not named:
        return {}
    held = Assignment.objects.filter(entry=OuterRef("pk"), annotator=user)
    handed = Q(pk__in={event.entry for event in events if event.is_handed}) | Q(Exists(held))
    entries = RoundEntry.objects.filter(handed, pk__in=named, round__project=project)
    return entries.select_related("round__head").in_bulk()


def _record(events: Sequence[Event], member: Member, question: Question, handed_out: _HandedOut) -> list[Recorded]:
    """What becomes of each event. Labels that have nothing to do with another event are recorded together.

    Samples are gone through in the order of their ids, so that requests that speak of the same ones in different orders
    don't wait for each other.
    """
    by_sample = sorted(range(len(events)), key=lambda number: events[number].sample_id or 0)
    plain = {number: _plain(events[number], member, question, handed_out) for number in _apart(events, by_sample)}
    together = {number: judgement for number, judgement in plain.items() if judgement is not None}
    recorded = dict(zip(together, recording.record_together(list(together.values())), strict=True))
    for number in by_sample:
        if number not in recorded:
            recorded[number] = _apply(events[number], member, question, handed_out)
    return [recorded[number] for number in range(len(events))]


def _apart(events: Sequence[Event], numbers: Iterable[int]) -> list[int]:
    """Of these events the labels whose UUID is no other's, and whose sample no other event is about but follow-ups."""
    uuids = Counter(each.judgement.uuid for each in events if each.judgement)
    said = Counter((each.sample_id, each.judgement.question.pk) for each in events if each.judgement)
    flagged = {each.sample_id for each in events if not each.judgement}
    return [
        number
        for number in numbers
        if (judgement := events[number].judgement)
        and uuids[judgement.uuid] == said[judgement.sample_id, judgement.question.pk] == 1
        and judgement.sample_id not in flagged
    ]


def _plain(event: Event, member: Member, question: Question, handed_out: _HandedOut) -> Judgement | None:
    """The label to record, with what the server knows of it; None where the event is none, or is refused."""
    judgement = event.judgement
    if event.problem or judgement is None or event.sample_id not in handed_out.samples:
        return None
    if judgement.mode == Mode.REVIEW and not member.manages:
        return None
    entry = handed_out.entries.get(event.entry or 0)
    if judgement.question != question:  # one that follows: asked in passing, nothing was handed out for it
        return _in_passing(judgement, entry)
    if judgement.mode == Mode.REVIEW:
        return replace(judgement, strategy="review")
    assignment = handed_out.assignments.get(judgement.sample_id)
    if assignment is not None and assignment.kind == Assignment.Kind.CHECK:
        return None
    if entry is not None and entry.round.question_id != question.pk:  # another question ranked it
        return _in_passing(judgement, entry)
    return _with_reason(judgement, assignment, entry)


def _apply(event: Event, member: Member, question: Question, handed_out: _HandedOut) -> Recorded:
    if event.problem:
        return Recorded(422, detail=event.problem)
    if event.sample_id not in handed_out.samples:
        return Recorded(404, detail=_("There is no such sample in this project."))
    if event.flag is not None:
        if event.kind == "unflag":
            return flags.lower_flag(event.flag, question, member)
        return flags.raise_flag(event.flag, question, event.sample_id, member.person, event.note)
    if plain := _plain(event, member, question, handed_out):
        return recording.record_together([plain])[0]
    judgement = event.judgement
    if judgement is None:
        return Recorded(422)
    if judgement.mode == Mode.REVIEW and not member.manages:
        return Recorded(403, detail=_("Only managers review."))
    return checks.record(judgement, checks.known_answer(question, judgement.sample_id))


def _with_reason(judgement: Judgement, assignment: Assignment | None, entry: RoundEntry | None) -> Judgement:
    """Add what the server knows about why the sample was shown; the client's word doesn't count for that."""
    shows = judgement.question.show_suggestions
    if entry is not None and entry.sample_id == judgement.sample_id:
        blind = entry.strategy == AUDIT
        head = entry.round.head
        return replace(
            judgement,
            strategy=entry.strategy,
            propensity=entry.propensity,
            doubt=entry.doubt,
            pool_doubt=entry.pool_doubt,
            predicted_id=int(entry.suggestions[0][0]) if entry.suggestions else None,
            predicted_classes=entry.predicted_classes,
            suggestion_shown=judgement.suggestion_shown and shows and not blind and bool(entry.suggestions),
            head_version=head.version if head and not blind else None,
        )
    group = assignment.group if assignment else None
    plain = _untold(judgement)
    if group is None:
        return replace(plain, suggestion_shown=False)
    return replace(
        plain,
        strategy=STRATEGY_OF[TileGroup.Kind(group.kind)],
        predicted_id=group.label_class_id,
        suggestion_shown=group.label_class_id is not None and shows,
        head_version=group.head_version,
    )


def _untold(judgement: Judgement) -> Judgement:
    """Nothing is known of why the sample was shown, nor what a head thought of it."""
    return replace(
        judgement,
        strategy="",
        propensity=None,
        doubt=None,
        pool_doubt=None,
        predicted_id=None,
        predicted_classes=None,
        head_version=None,
    )


def _in_passing(judgement: Judgement, entry: RoundEntry | None) -> Judgement:
    """Add what the server knows of a sample that another question ranked: what the head of this one thought of it."""
    plain = _untold(judgement)
    if entry is None or entry.sample_id != judgement.sample_id:
        return replace(plain, suggestion_shown=False)
    told = entry.foreseen.get(str(judgement.question.pk), {})
    suggestions = told.get("suggestions", [])
    foreseen = replace(
        plain,
        predicted_id=int(suggestions[0][0]) if suggestions else None,
        predicted_classes=told.get("classes"),
    )
    if entry.strategy == AUDIT:  # drawn at random, and shown blind
        if judgement.question.follows_id != entry.round.question_id:  # but not from all that this one is asked of
            return replace(plain, suggestion_shown=False)
        return replace(foreseen, strategy=AUDIT, propensity=entry.propensity, suggestion_shown=False)
    shows = judgement.question.show_suggestions and bool(suggestions)
    return replace(
        foreseen,
        suggestion_shown=judgement.suggestion_shown and shows,
        head_version=told.get("head"),
    )


def _settle(user: User, question: Question, judged: Iterable[Judgement]) -> None:
    """Close the assignments of what was decided, open again those of what was taken back.

    A late save finds its assignment gone: the label is kept, and takes a slot if there still is one, so that
    nobody else is handed the sample.
    """
    last = {judgement.sample_id: judgement.verdict != Verdict.WITHDRAW for judgement in judged}
    holder = Holder(user, question)
    for is_done in (True, False):
        sample_ids = [sample_id for sample_id, done in last.items() if done == is_done]
        mine = holder.rows().filter(sample__in=sample_ids)
        if sample_ids and mine.update(is_done=is_done, expires_at=Now() + HOLD) < len(sample_ids) and is_done:
            held = set(mine.values_list("sample_id", flat=True))
            take(holder, [Candidate(each) for each in sample_ids if each not in held], is_done=True)
