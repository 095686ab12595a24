"""What pages and tables tell of the site-days that were worked out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum

from labeller.accounts.access import Member
from labeller.insights.models import SiteDay, SiteDays
from labeller.projects.models import LabelClass
from labeller.samples import hiding
from labeller.samples.models import Deployment

PAGE = 60  # deployments on a page
TO_LOOK_AT = 24  # pictures of days that rest on the head alone
MOST_DAYS = 366  # of the picture; where there are more, a column stands for several
COLUMNS = (
    "deployment", "location_name", "latitude", "longitude", "day", "class", "scientific_name", "events",
    "pictures_by_people", "pictures_by_head_alone", "decided_by", "head_version",
)  # fmt: skip
SEEN = Q(by_people__gt=0) | Q(by_head__gt=0)
UNKNOWN = "NA"  # as the packages that model occupancy read it


@dataclass(frozen=True)
class Claim:
    """How many days there are of a class, and how many of them are right."""

    by_people: int
    by_head: int  # those that rest on the head alone
    deployments: int
    audited: int
    low: int  # of all those days
    high: int

    @property
    def days(self) -> int:
        return self.by_people + self.by_head


def classes(made: SiteDays) -> list[dict[str, Any]]:
    """The classes there are days of, the one with most days first."""
    days = Count("pk", filter=SEEN)
    rows = SiteDay.objects.filter(of=made, label_class__isnull=False).values("label_class").annotate(days=days)
    known = LabelClass.objects.in_bulk([row["label_class"] for row in rows])
    found = [{"class": known[row["label_class"]], "days": row["days"]} for row in rows if row["days"]]
    return sorted(found, key=lambda row: (-row["days"], row["class"].name))


def claim(made: SiteDays, label_class: LabelClass) -> Claim:
    """What can be said of the days of a class.

    Right are at least those that people saw, and at least the audited share of all days that the head speaks of.
    """
    days = _of(made, label_class)
    numbers = days.aggregate(
        people=Count("pk", filter=Q(by_people__gt=0)),
        alone=Count("pk", filter=Q(by_people=0, by_head__gt=0)),
        predicted=Count("pk", filter=Q(predicted__gt=0)),
        deployments=Count("deployment", filter=SEEN, distinct=True),
    )
    audited, low, _high = made.shares.get(str(label_class.pk), (0, 0.0, 1.0))
    by_people, by_head = numbers["people"], numbers["alone"]
    least = min(max(by_people, int(low * numbers["predicted"])), by_people + by_head)
    return Claim(by_people, by_head, numbers["deployments"], audited, least, by_people + by_head)


def effort(made: SiteDays) -> dict[str, int]:
    """Deployments, days on which their cameras took a picture, and all events."""
    found = _of(made, None).aggregate(
        deployments=Count("deployment", distinct=True), days=Count("pk"), events=Sum("events")
    )
    return {name: n or 0 for name, n in found.items()}


def to_look_at(made: SiteDays, label_class: LabelClass, member: Member) -> list[dict[str, Any]]:
    """Days that rest on the head alone, those with the fewest pictures first: a look at one picture decides a day.

    Without those whose picture this member must not see.
    """
    alone = _of(made, label_class).filter(by_people=0, by_head__gt=0, surest__isnull=False)
    alone = alone.filter(hiding.shown_to(member.person, member.project, "surest"))
    rows = alone.order_by("by_head", "pk").values("day", "surest", "by_head", name=F("deployment__name"))
    return [dict(row) for row in rows[:TO_LOOK_AT]]


# --- the chart ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChartRow:
    """A deployment in the picture: where its bars lie, in columns of days."""

    deployment: Deployment
    days: int  # with pictures
    by_people: int
    by_head: int
    effort: list[tuple[int, int]]  # first column and how many
    seen: list[tuple[int, str]]  # column, and who says so


@dataclass(frozen=True)
class Chart:
    """The deployments of a page, a day or a few of them a column."""

    rows: list[ChartRow]
    first: date
    last: date
    step: int  # days a column
    months: list[tuple[int, date]]
    more: str

    @property
    def width(self) -> int:
        return (self.last - self.first).days // self.step + 1


def chart(made: SiteDays, label_class: LabelClass, after: str = "") -> Chart | None:
    """Where the class was on which day; None where no picture has a place and a time."""
    first, last = _span(made)
    if first is None or last is None:
        return None
    step = -(-((last - first).days + 1) // MOST_DAYS)
    with_days = Deployment.objects.filter(pk__in=_of(made, None).values("deployment"), name__gt=after)
    found = list(with_days.order_by("name")[: PAGE + 1])
    shown = found[:PAGE]
    taken, seen = (
        {key: list(days) for key, days in groupby(rows, key=lambda row: row.deployment_id)}
        for rows in (
            of_these.filter(deployment__in=shown).order_by("deployment", "day")
            for of_these in (_of(made, None), _of(made, label_class).filter(SEEN))
        )
    )
    rows = [_row(each, taken.get(each.pk, []), seen.get(each.pk, []), first, step) for each in shown]
    more = shown[-1].name if len(found) > PAGE else ""
    return Chart(rows, first, last, step, list(_months(first, last, step)), more)


def _row(deployment: Deployment, taken: list[SiteDay], seen: list[SiteDay], first: date, step: int) -> ChartRow:
    columns: dict[int, str] = {}
    for each in seen:
        column = (each.day - first).days // step
        columns[column] = "people" if each.by_people or columns.get(column) == "people" else "head"
    by_people = sum(each.by_people > 0 for each in seen)
    return ChartRow(
        deployment,
        len(taken),
        by_people,
        len(seen) - by_people,
        _runs(sorted({(each.day - first).days // step for each in taken})),
        sorted(columns.items()),
    )


def _runs(columns: list[int]) -> list[tuple[int, int]]:
    """Columns that follow each other, as first one and how many."""
    found: list[tuple[int, int]] = []
    for column in columns:
        if found and sum(found[-1]) == column:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((column, 1))
    return found


def _months(first: date, last: date, step: int) -> Iterator[tuple[int, date]]:
    month = first.replace(day=1)
    while month <= last:
        yield max(0, (month - first).days // step), month
        month = (month + timedelta(days=32)).replace(day=1)


# --- tables ---------------------------------------------------------------------------------------


def day_rows(made: SiteDays) -> Iterator[tuple[Any, ...]]:
    """Every day of every class, one row each."""
    yield COLUMNS
    rows = SiteDay.objects.filter(SEEN, of=made, label_class__isnull=False)
    last = 0
    while page := list(rows.filter(pk__gt=last).select_related("deployment", "label_class").order_by("pk")[:1000]):
        for each in page:
            place, what = each.deployment, each.label_class
            yield (
                place.name,
                place.location_name,
                "" if place.latitude is None else place.latitude,
                "" if place.longitude is None else place.longitude,
                each.day.isoformat(),
                what.name if what else "",
                what.scientific_name if what else "",
                each.events,
                each.by_people,
                each.by_head,
                "people" if each.by_people else "head",
                "" if made.head_version is None else made.head_version,
            )
        last = page[-1].pk


def history_rows(made: SiteDays, label_class: LabelClass, *, by_people_only: bool = False) -> Iterator[tuple[Any, ...]]:
    """The detection history of a class: a row a deployment, a column a day; 1 seen, 0 not seen, NA no picture taken."""
    first, last = _span(made)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)] if first and last else []
    yield ("deployment", *(day.isoformat() for day in days))
    is_seen = Q(by_people__gt=0) if by_people_only else SEEN
    after = ""
    places = Deployment.objects.filter(pk__in=_of(made, None).values("deployment")).order_by("name")
    while page := list(places.filter(name__gt=after)[:PAGE]):
        cells = {(row.deployment_id, row.day): 0 for row in _of(made, None).filter(deployment__in=page)}
        seen = _of(made, label_class).filter(is_seen, deployment__in=page)
        cells |= {(row.deployment_id, row.day): 1 for row in seen}
        for each in page:
            yield (each.name, *(cells.get((each.pk, day), UNKNOWN) for day in days))
        after = page[-1].name


def _of(made: SiteDays, label_class: LabelClass | None) -> QuerySet[SiteDay]:
    rows = SiteDay.objects.filter(of=made)
    return rows.filter(label_class=label_class) if label_class else rows.filter(label_class__isnull=True)


def _span(made: SiteDays) -> tuple[date | None, date | None]:
    """The first day of which there are pictures, and the last."""
    span = _of(made, None).aggregate(first=Min("day"), last=Max("day"))
    return span["first"], span["last"]
