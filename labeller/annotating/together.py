"""Taking in what was said on the screen of all questions: labels by their question, and what was let stand apart."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from labeller.accounts.access import Member
from labeller.annotating import forms, saving
from labeller.annotating.forms import Event
from labeller.annotating.handing.together import predicted
from labeller.labels import defaults
from labeller.labels.models import Flag, Label
from labeller.labels.recording import Judgement, Recorded
from labeller.learning.models import RoundEntry
from labeller.projects.models import Question

Verdict = Label.Verdict


def save(member: Member, questions: Sequence[Question], events: Sequence[Event]) -> list[Recorded]:
    """Record events of any of these questions and return what became of each, in their order."""
    by_id = {each.pk: each for each in questions}
    by_id |= {event.judgement.question.pk: event.judgement.question for event in events if event.judgement}
    of_question: dict[int, list[int]] = defaultdict(list)
    let: list[int] = []
    for number, event in enumerate(events):
        if event.kind == forms.DEFAULT and not event.problem:
            let.append(number)
        else:
            of_question[_question_of(event, questions)].append(number)
    recorded: dict[int, Recorded] = {}
    for pk, numbers in sorted(of_question.items()):
        found = saving.save(member, by_id[pk], [events[number] for number in numbers])
        recorded |= dict(zip(numbers, found, strict=True))
    recorded |= _let_stand(member, events, let)
    return [recorded[number] for number in range(len(events))]


def _question_of(event: Event, questions: Sequence[Question]) -> int:
    """The question that an event is about: of a flag that is lowered, the one it was raised on."""
    if event.judgement:
        return event.judgement.question.pk
    if event.flag is not None and event.kind == "unflag":
        flag = Flag.objects.filter(uuid=event.flag, question__in=[each.pk for each in questions]).first()
        return flag.question_id if flag else questions[0].pk
    return questions[0].pk


def _let_stand(member: Member, events: Sequence[Event], numbers: Sequence[int]) -> dict[int, Recorded]:
    """Store what was let stand, where the server had shown that the head thinks so; the client's word doesn't count."""
    recorded: dict[int, Recorded] = {}
    entries = saving.entries_of(member.person, member.project, [events[number] for number in numbers])
    with transaction.atomic():
        for number in numbers:
            event = events[number]
            judgement = event.judgement
            shown = _shown(judgement, entries.get(event.entry or 0)) if judgement else None
            if judgement is None or shown is None:
                recorded[number] = Recorded(422, detail=_("Nothing was shown here that could be let stand."))
            else:
                told, probability = shown
                (recorded[number],) = defaults.record([told], {told.uuid: probability})
    return recorded


def _shown(judgement: Judgement, entry: RoundEntry | None) -> tuple[Judgement, float] | None:
    """The judgement with what the server knows of the head, and the probability; None where nothing was shown."""
    if entry is None or entry.sample_id != judgement.sample_id:
        return None
    found = predicted(entry, judgement.question)
    if found is None or judgement.verdict not in (Verdict.ANSWER, Verdict.WITHDRAW):
        return None
    if judgement.verdict == Verdict.ANSWER and judgement.class_ids != (found[0],):
        return None
    head = entry.foreseen[str(judgement.question.pk)].get("head")
    return replace(judgement, head_version=head), found[1]
