"""Where and when pictures were taken, as the formats of ecologists have it: each at a place, at a time with a zone."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Min
from django.utils.translation import gettext_lazy as _

from labeller.codes import WorkerCode
from labeller.exchange.exporters.base import ExportOption, ExportWanted, Impossible
from labeller.exchange.exporters.contents import PAGE, EventPictures, Shot
from labeller.exchange.exporters.folder import Folder
from labeller.labels.models import Answer
from labeller.samples.models import Deployment, File, Sample
from labeller.text import fold
from tl_core.notices import notice

LICENCES = ("", "CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0")
LICENCE = ExportOption("licence", _("Licence"), "", tuple((each, each or _("none yet")) for each in LICENCES))
COMPLETE = (  # for what can't do without times and places
    ExportOption("time_zone", _("Time zone"), "", help=_("Of cameras without one, as Europe/Amsterdam. Empty: UTC.")),
    ExportOption("incomplete", _("Leave out pictures without a time or a place"), False),
    ExportOption(
        "sensitive", _("Species whose places are coarsened"), "", help=_("Names of classes with commas between them.")
    ),
    ExportOption("coarse", _("Coarsened to"), "0.1", (("0.1", _("a tenth of a degree")), ("0.01", _("a hundredth")))),
)
METRES = 111_320  # of a degree along a meridian
SHOWN = 10  # deployments that are named where something is missing of many
_FORBIDDEN = re.compile(r"^[./~]|\.(?=\.)")  # what a path of a data package may not hold


def stamp(when: datetime | None) -> str:
    """A time with its offset from UTC, to the second."""
    return when.isoformat(timespec="seconds") if when is not None else ""


def local(when: datetime | None, zone: str) -> str:
    """A time by the clocks of a place, with its offset from UTC where the zone is known."""
    return stamp(when.replace(tzinfo=ZoneInfo(zone) if zone else None)) if when is not None else ""


@dataclass
class CameraPlace:
    """A deployment with pictures, from when to when it lasted, and what its clocks are by."""

    deployment: Deployment
    start: datetime | None
    end: datetime | None
    zone: tzinfo
    is_guessed: bool  # whether nobody said which zone it is
    is_used: bool = False
    coarse: float = 0.0  # degrees that its coordinates are rounded to; 0 = as they are

    @property
    def name(self) -> str:
        return self.deployment.name

    @property
    def latitude(self) -> float | None:
        return self._rounded(self.deployment.latitude)

    @property
    def longitude(self) -> float | None:
        return self._rounded(self.deployment.longitude)

    def _rounded(self, angle: float | None) -> float | None:
        if angle is None or not self.coarse:
            return angle
        return round(round(angle / self.coarse) * self.coarse, 6)

    @property
    def uncertainty(self) -> int | None:
        """How many metres the camera may stand from there, where that was coarsened."""
        return math.ceil(self.coarse / 2 * METRES * math.sqrt(2)) or None

    def stamp(self, when: datetime | None) -> str:
        """A time by the clocks of the place, with its offset from UTC."""
        return stamp(when.replace(tzinfo=self.zone)) if when is not None else ""


class CameraPlaces:
    """The deployments of an export. Raises Impossible where some lack what the format needs.

    With the option `incomplete` these are left out instead, and the manifest says how many.
    """

    def __init__(self, wanted: ExportWanted, folder: Folder) -> None:
        self.contents = wanted.contents
        self.first: datetime | None = None  # of all pictures that were asked about
        self.last: datetime | None = None
        zone = wanted.options["time_zone"]
        spans = self._spans(wanted)
        self._places = {
            pk: CameraPlace(
                each,
                *spans.get(pk, (each.start, each.end)),
                ZoneInfo(each.time_zone or zone) if each.time_zone or zone else UTC,
                is_guessed=not (each.time_zone or zone),
                is_used=pk not in spans,
            )
            for pk, each in self.contents.deployments.items()
            if pk in spans or _is_idle(each)
        }
        nowhere = [each for each in self._places.values() if each.deployment.latitude is None]
        if nowhere and not wanted.options["incomplete"]:
            some = ", ".join(each.name for each in nowhere[:SHOWN])
            raise Impossible(notice(WorkerCode.EXPORT_WITHOUT_PLACES, n=len(nowhere), some=some))
        for each in nowhere:
            del self._places[each.deployment.pk]
        self._coarsen(wanted, folder)
        self._say(wanted, folder, nowhere)

    def _spans(self, wanted: ExportWanted) -> dict[int, tuple[datetime, datetime]]:
        """The first and last picture of each deployment. Raises Impossible where pictures have no time, or no place."""
        files = File.objects.filter(project=wanted.project).order_by()
        by_place = files.values("deployment").annotate(
            n=Count("pk"), timed=Count("taken_at"), first=Min("taken_at"), last=Max("taken_at")
        )
        rows = list(by_place)
        self.untimed = sum(row["n"] - (row["timed"] if row["deployment"] else 0) for row in rows)
        if self.untimed and not wanted.options["incomplete"]:
            of_none = files.filter(deployment=None) | files.filter(taken_at=None)
            some = ", ".join(of_none.order_by("pk").values_list("path", flat=True)[:3])
            raise Impossible(notice(WorkerCode.EXPORT_WITHOUT_TIMES, n=self.untimed, some=some))
        found = {}
        for row in rows:
            if row["timed"] and (each := self.contents.deployments.get(row["deployment"])) is not None:
                found[each.pk] = each.start or row["first"], each.end or row["last"]
        return found

    def _say(self, wanted: ExportWanted, folder: Folder, nowhere: list[CameraPlace]) -> None:
        if nowhere:
            folder.remark(f"Left out, for want of coordinates: {', '.join(each.name for each in nowhere)}.")
        if self.untimed:
            folder.remark(f"Left out, for want of a time or a place: {self.untimed} pictures.")
        if guessed := [each.name for each in self._places.values() if each.is_guessed]:
            folder.remark(f"No time zone is known of these, so their times are given as UTC: {', '.join(guessed)}.")
        if ends := [
            each.name for each in self._places.values() if None in (each.deployment.start, each.deployment.end)
        ]:
            folder.remark(f"Start or end of these is that of their pictures: {', '.join(ends)}.")

    def _coarsen(self, wanted: ExportWanted, folder: Folder) -> None:
        """Round the coordinates of all deployments at which a sensitive species was seen, once and for all rows."""
        names = {fold(name) for name in wanted.options["sensitive"].split(",") if name.strip()}
        if not names:
            return
        classes = wanted.contents.of_question(wanted.question)
        sensitive = {each.pk for each in classes if fold(each.name) in names or fold(each.scientific_name) in names}
        known = {fold(name) for each in classes for name in (each.name, each.scientific_name)}
        if unknown := sorted(names - known):
            raise Impossible(notice(WorkerCode.EXPORT_NO_CLASS, name=unknown[0]))
        while below := {each.pk for each in classes if each.parent in sensitive} - sensitive:
            sensitive |= below
        seen = [self._places[pk] for pk in _seen_at(wanted, sensitive) if pk in self._places]
        for place in seen:
            place.coarse = float(wanted.options["coarse"])
        folder.remark(f"Coordinates of {len(seen)} deployments are rounded to {wanted.options['coarse']} degrees.")

    def placed(self, event: EventPictures) -> EventPictures:
        """The event without pictures that have no place or no time."""
        found = tuple(each for each in event.pictures if each.taken_at and each.deployment in self._places)
        return event if len(found) == len(event.pictures) else event._replace(pictures=found)

    def of(self, picture: Shot) -> CameraPlace:
        """The place of a picture that is `placed`."""
        place = self._places[picture.deployment or 0]
        place.is_used = True
        if picture.taken_at is not None:
            self.first = min(self.first or picture.taken_at, picture.taken_at)
            self.last = max(self.last or picture.taken_at, picture.taken_at)
        return place

    def path(self, picture: Shot) -> str:
        """Where the picture is, as a data package may say it."""
        return _FORBIDDEN.sub(lambda found: f"%{ord(found[0]):02X}", self.contents.path(picture))

    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east and north of all that were used."""
        across = [each.longitude for each in self.used() if each.longitude is not None] or [0.0]
        up = [each.latitude for each in self.used() if each.latitude is not None] or [0.0]
        return min(across), min(up), max(across), max(up)

    def used(self) -> list[CameraPlace]:
        """The deployments that pictures were written of, and those that took none while they stood, by name."""
        return [each for each in self._places.values() if each.is_used]


def _is_idle(deployment: Deployment) -> bool:
    """Whether, if it took no pictures, it is known where and how long it stood: that is effort, too."""
    return None not in (deployment.start, deployment.end, deployment.latitude)


def _seen_at(wanted: ExportWanted, classes: set[int]) -> set[int]:
    """The deployments at which any of these classes was seen, by what people said or by what was accepted."""
    answers = Answer.objects.of(wanted.question).answered().filter(label__classes__in=classes).order_by()
    found = set(answers.values_list("sample__file__deployment", flat=True).distinct())
    accepted = wanted.contents.accepted.get(wanted.question.pk, {})
    samples = [pk for pk, (named, _sure) in accepted.items() if not classes.isdisjoint(named)]
    for start in range(0, len(samples), PAGE):
        of_page = Sample.objects.filter(pk__in=samples[start : start + PAGE]).order_by()
        found |= set(of_page.values_list("file__deployment", flat=True).distinct())
    return found - {None}
