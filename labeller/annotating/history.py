"""What one person said so far, newest first, and at what pace: for them and for managers, never beside others' numbers.

Answers to tiles whose answer was known are listed as labels are, or people would know which they were.
"""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from heapq import merge
from itertools import islice, pairwise
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Count, Q, QuerySet
from django.utils import timezone as clock

from labeller.accounts.access import Member
from labeller.accounts.models import User
from labeller.annotating import saving
from labeller.annotating.wire.shown import excerpts
from labeller.labels.models import Check, Label, LabelledClass, SaidQuerySet
from labeller.labels.recording import Judgement, Recorded
from labeller.projects.models import LabelClass, Project
from labeller.samples import hiding

PAGE = 50
DAYS = 14
PAUSE = timedelta(seconds=60)  # a longer gap between two decisions is a break, not slowness
FIRST = timedelta(seconds=3)  # what the first decision after a break is taken to have lasted
BAR_HEIGHT, STEP = 56, 20
FARTHEST = 14 * 60  # minutes from UTC

Said = Label | Check


# --- what was said --------------------------------------------------------------------------------


@dataclass(frozen=True)
class HistoryRow:
    """Something a person said, and the classes it named."""

    said: Said
    classes: list[LabelClass]
    excerpt: str = ""  # how the text begins, where it is of one
    undo: UUID = field(default_factory=uuid4)  # what taking it back is called: the same however often it is pressed

    @property
    def stands(self) -> bool:
        return self.said.is_current and self.said.verdict != Label.Verdict.WITHDRAW

    @property
    def day(self) -> date:
        return clock.localdate(self.said.created_at)


@dataclass(frozen=True)
class HistoryPage:
    """Some rows, and where those before them begin; empty where there are none."""

    rows: list[HistoryRow]
    older: str


def page(project: Project, person: User, before: str = "") -> HistoryPage:
    """A person's labels of a project, newest first; `before` is the `older` of another page.

    By primary key, never by counting rows: the last page of a million labels costs what the first one does.
    """
    last_label, last_check = _parse(before)
    labels, checks = _all(project, person)
    newest = merge(_before(labels, last_label), _before(checks, last_check), key=_when, reverse=True)
    found: list[Said] = list(islice(newest, PAGE + 1))
    shown = found[:PAGE]
    if len(found) <= PAGE:
        return HistoryPage(_rows(project, shown), "")
    # Each kind goes on after the last of its own that is shown.
    last_label = min((each.pk for each in shown if isinstance(each, Label)), default=last_label)
    last_check = min((each.pk for each in shown if isinstance(each, Check)), default=last_check)
    return HistoryPage(_rows(project, shown), f"{last_label}-{last_check}")


def _all(project: Project, person: User) -> tuple[SaidQuerySet[Label], SaidQuerySet[Check]]:
    of_person = {"project": project, "annotator": person}
    return Label.objects.filter(**of_person), Check.objects.filter(**of_person)


def _before(rows: QuerySet[Any], last: int) -> list[Any]:
    rows = rows.filter(pk__lt=last) if last else rows
    rows = rows.annotate(has_people=hiding.is_hidden("sample"))
    return list(rows.select_related("sample", "question").order_by("-pk")[: PAGE + 1])


def _when(said: Said) -> datetime:
    return said.created_at


def _parse(before: str) -> tuple[int, int]:
    """Primary keys of the label and the check that a page comes before; 0 = it begins with the newest."""
    label, check = ([int(each) for each in re.findall(r"[0-9]{1,18}", before)] + [0, 0])[:2]
    return label, check


def _rows(project: Project, shown: list[Said]) -> list[HistoryRow]:
    given = {each.uuid: set(each.given) for each in shown if isinstance(each, Check)}
    named = LabelledClass.objects.filter(label__in=[each.pk for each in shown if isinstance(each, Label)])
    for uuid, class_id in named.values_list("label__uuid", "label_class_id"):
        given.setdefault(uuid, set()).add(class_id)
    classes = LabelClass.objects.in_bulk(set().union(*given.values()))
    texts = excerpts(project, {each.sample_id for each in shown})
    return [
        HistoryRow(
            each,
            [classes[class_id] for class_id in sorted(given.get(each.uuid, ())) if class_id in classes],
            texts.get(each.sample_id, ""),
        )
        for each in shown
    ]


def find(project: Project, person: User, uuid: UUID) -> Said | None:
    """What this person said under that name."""
    rows = (each.filter(uuid=uuid).select_related("question").first() for each in _all(project, person))
    return next((each for each in rows if each is not None), None)


def withdraw(said: Said, member: Member, uuid: UUID) -> Recorded:
    """Take back what this person said, as the labelling screens do; the same UUID again changes nothing."""
    question = said.question
    question.project = member.project
    judgement = Judgement(
        uuid=uuid,
        question=question,
        sample_id=said.sample_id,
        annotator=said.annotator,
        verdict=Label.Verdict.WITHDRAW,
        supersedes=said.uuid,
        mode=said.mode,
    )
    return saving.save_judgement(member, question, judgement)


# --- pace -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pace:
    """How many labels of now a person made today, at how many a minute, and on each of the last days."""

    today: int
    per_minute: int | None  # None while there is too little to tell
    days: list[tuple[date, int]]

    @property
    def bars(self) -> list[dict[str, Any]]:
        """The days as bars of a picture BAR_HEIGHT high, a day STEP wide."""
        most = max(1, *(n for _day, n in self.days))
        heights = [max(2 if n else 1, round(BAR_HEIGHT * n / most)) for _day, n in self.days]
        return [
            {"day": day, "n": n, "x": STEP * number, "y": BAR_HEIGHT - height, "height": height}
            for number, ((day, n), height) in enumerate(zip(self.days, heights, strict=True))
        ]


def pace(project: Project, person: User, zone: tzinfo) -> Pace:
    """A person's pace by days as their own clock has them."""
    today = clock.now().astimezone(zone).date()
    days = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    starts = [datetime.combine(day, time(), zone) for day in [*days, today + timedelta(days=1)]]
    standing = [each.standing().filter(created_at__gte=starts[0]) for each in _all(project, person)]
    of_day = {
        f"n{number}": Count("pk", filter=Q(created_at__gte=start, created_at__lt=end))
        for number, (start, end) in enumerate(pairwise(starts))
    }
    counted = [each.aggregate(**of_day) for each in standing]
    made = sorted(
        at for each in standing for at in each.filter(created_at__gte=starts[-2]).values_list("created_at", flat=True)
    )
    sums = [sum(each[name] for each in counted) for name in of_day]
    return Pace(len(made), _per_minute(made), list(zip(days, sums, strict=True)))


def _per_minute(made: list[datetime]) -> int | None:
    gaps = [later - earlier for earlier, later in pairwise(made)]
    worked = sum((gap if gap < PAUSE else FIRST for gap in gaps), FIRST)
    return round(len(made) / (worked / timedelta(minutes=1))) if len(made) >= 3 else None


def zone(offset: str) -> tzinfo:
    """The time zone of a browser that says how many minutes its clock is behind UTC."""
    try:
        minutes = -int(offset)
    except ValueError:
        minutes = 0
    return timezone(timedelta(minutes=minutes)) if abs(minutes) <= FARTHEST else timezone(timedelta())
