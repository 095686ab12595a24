"""Camtrap DP 1.0.2, the camera trap data package: deployments, media, observations, and what they are of.

https://camtrap-dp.tdwg.org. A picture's observations and those of its event are both written; GBIF takes the rows of
the level that is chosen. Suggestions are no observations: see `contents`.
"""

import mimetypes
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters.base import Exporter, ExportOption, ExportWanted, Tell
from labeller.exchange.exporters.contents import EventPictures
from labeller.exchange.exporters.folder import CsvFile, Folder
from labeller.exchange.exporters.observing import Observation, Observing
from labeller.exchange.exporters.places import COMPLETE, LICENCE, CameraPlaces, stamp
from labeller.exchange.exporters.telling import audited
from labeller.projects.states import State

VERSION = "1.0.2"
STANDARD = f"https://raw.githubusercontent.com/tdwg/camtrap-dp/{VERSION}"
DEPLOYMENTS = (
    "deploymentID", "locationID", "locationName", "latitude", "longitude", "coordinateUncertainty", "deploymentStart",
    "deploymentEnd", "setupBy", "cameraID", "cameraModel", "cameraDelay", "cameraHeight", "cameraDepth", "cameraTilt",
    "cameraHeading", "detectionDistance", "timestampIssues", "baitUse", "featureType", "habitat", "deploymentGroups",
    "deploymentTags", "deploymentComments",
)  # fmt: skip
MEDIA = (
    "mediaID", "deploymentID", "captureMethod", "timestamp", "filePath", "filePublic", "fileName", "fileMediatype",
    "exifData", "favorite", "mediaComments",
)  # fmt: skip
OBSERVATIONS = (
    "observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel",
    "observationType", "cameraSetupType", "scientificName", "count", "lifeStage", "sex", "behavior", "individualID",
    "individualPositionRadius", "individualPositionAngle", "individualSpeed", "bboxX", "bboxY", "bboxWidth",
    "bboxHeight", "classificationMethod", "classifiedBy", "classificationTimestamp", "classificationProbability",
    "observationTags", "observationComments",
)  # fmt: skip
DESIGNS = ("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic")
TYPES = {State.SETUP: "unclassified"}  # what is seen while a camera is put up nobody said; the column beside says so


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """The three tables, then the description, which says what is in them."""
    places = CameraPlaces(wanted, folder)
    seen = _Seen()
    done = 0
    with (
        folder.table("media.csv", MEDIA) as media,
        folder.table("observations.csv", OBSERVATIONS) as observations,
    ):
        writing = _CamtrapWriting(wanted, places, seen, media, observations)
        for event in wanted.contents.events():
            writing.event(places.placed(event))
            done += len(event.pictures)
            tell(done)
    with folder.table("deployments.csv", DEPLOYMENTS) as deployments:
        for row in _deployments(places):
            deployments(row)
    folder.json("datapackage.json", _package(wanted, places, seen))
    if seen.without_name:
        some = ", ".join(sorted(seen.without_name)[:20])
        folder.remark(f"Classes without a scientific name stand by the name they have: {some}.")


class _Seen:
    """What has to be told of all rows together."""

    def __init__(self) -> None:
        self.taxa: dict[str, int] = {}  # scientific name, and one of its classes
        self.without_name: set[str] = set()


class _CamtrapWriting:
    """Writes the media and the observations of events."""

    def __init__(
        self, wanted: ExportWanted, places: CameraPlaces, seen: _Seen, media: CsvFile, observations: CsvFile
    ) -> None:
        self.observing = Observing(wanted.contents, wanted.question)
        self.method = wanted.options["capture_method"]
        self.places, self.seen, self.media, self.observations = places, seen, media, observations

    def event(self, event: EventPictures) -> None:
        """The pictures of an event, what was seen in each, and what was seen in all of them."""
        observed = []
        times = []
        for picture in event.pictures:
            place = self.places.of(picture)
            at = place.stamp(picture.taken_at)
            times.append(at)
            found = self.observing.of_picture(picture)
            observed.append(found)
            key = picture.sha256[:16]
            is_public = picture.people is None and not any(each.state is State.HUMAN for each in found)
            name = picture.path.rpartition("/")[2]
            kind = _kind(name.rpartition(".")[2])
            path = self.places.path(picture)
            public = str(is_public).lower()
            self.media((key, place.name, self.method, at, path, public, name, kind, None, None, None))
            for number, each in enumerate(found):
                self._row(f"{key}_{number}", place.name, key, event.key, (at, at), each)
        if event.pictures:
            for number, each in enumerate(self.observing.of_event(observed)):
                where = (f"{event.key}_event_{number}", self.places.of(event.pictures[0]).name, None, event.key)
                self._row(*where, (times[0], times[-1]), each)

    def _row(
        self, key: str, place: str, media: str | None, event: str, times: tuple[str, str], found: Observation
    ) -> None:
        decision, box = found.decision, found.box
        by = ("", "", "", "") if decision is None else (
            "machine" if decision.how in {"machine", "simulated"} else "human",
            decision.by or decision.how,
            stamp(decision.at),
            "" if decision.probability is None else f"{decision.probability:.4g}",
        )  # fmt: skip
        self.observations(
            (
                key, place, media, event, *times, "event" if media is None else "media",
                TYPES.get(found.state, str(found.state)), "setup" if found.state is State.SETUP else None,
                self._name(found), found.individuals, found.traits.get("lifeStage"), found.traits.get("sex"),
                found.traits.get("behavior"), found.traits.get("individualID"), None, None, None,
                *(("",) * 4 if box is None else (f"{side:.6g}" for side in box)),
                *by, "|".join(found.tags), None,
            )
        )  # fmt: skip

    def _name(self, found: Observation) -> str:
        if found.state is State.HUMAN:
            return "Homo sapiens"
        if found.state is not State.ANIMAL or found.seen is None:
            return ""
        self.seen.taxa.setdefault(found.seen.taxon, found.seen.pk)
        if not found.seen.scientific_name:
            self.seen.without_name.add(found.seen.name)
        return found.seen.taxon


@lru_cache
def _kind(suffix: str) -> str:
    """The media type of files with that suffix."""
    found = mimetypes.guess_type(f"x.{suffix}")[0] or ""
    return found if found.startswith(("image/", "video/", "audio/")) else "image/jpeg"


def _deployments(places: CameraPlaces) -> Iterator[tuple[Any, ...]]:
    for place in places.used():
        row = place.deployment
        blank: list[Any] = [None] * 14
        blank[7] = "true" if place.is_guessed else None  # timestampIssues
        yield (
            place.name, None, row.location_name, place.latitude, place.longitude, place.uncertainty,
            place.stamp(place.start), place.stamp(place.end), None, row.camera or None, *blank,
        )  # fmt: skip


def _package(wanted: ExportWanted, places: CameraPlaces, seen: _Seen) -> dict[str, Any]:
    """The description of the package."""
    options, contents = wanted.options, wanted.contents
    tables = [
        {
            "name": name,
            "path": f"{name}.csv",
            "profile": "tabular-data-resource",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "schema": f"{STANDARD}/{name}-table-schema.json",
        }
        for name in ("deployments", "media", "observations")
    ]
    classes = [
        {
            "name": each.name,
            "scientificName": each.scientific_name,
            "parent": contents.classes[each.parent].name if each.parent in contents.classes else "",
            "state": str(each.state),
        }
        for each in contents.of_question(wanted.question)
    ]
    package: dict[str, Any] = {
        "resources": [*tables, {"name": "classes", "description": "Classes of the project.", "data": classes}],
        "profile": f"{STANDARD}/camtrap-dp-profile.json",
        "name": wanted.project.slug,
        "created": stamp(wanted.made_at),
        "title": wanted.project.name,
        "contributors": [{"title": options["contributor"] or wanted.asked_by or "not named", "role": "contact"}],
        "description": " ".join([wanted.question.text, *audited(contents)]),
        "version": "1.0",
        "project": {
            "title": wanted.project.name,
            "samplingDesign": options["sampling_design"],
            "captureMethod": [options["capture_method"]],
            "individualAnimals": False,
            "observationLevel": ["media", "event"],
        },
        "spatial": _spatial(places),
        "temporal": {"start": _day(places.first), "end": _day(places.last)},
        "taxonomic": [_taxon(wanted, name, pk) for name, pk in sorted(seen.taxa.items())],
        "gbifIngestion": {"observationLevel": options["gbif_level"]},
    }
    if options["licence"]:
        package["licenses"] = [{"name": options["licence"], "scope": scope} for scope in ("data", "media")]
    return package


def _day(when: datetime | None) -> str:
    return (when.date() if when else date(1970, 1, 1)).isoformat()


def _taxon(wanted: ExportWanted, name: str, pk: int) -> dict[str, str]:
    known = wanted.contents.classes[pk]
    return {"scientificName": name, **({"taxonID": known.code} if known.code.startswith("http") else {})}


def _spatial(places: CameraPlaces) -> dict[str, Any]:
    """A rectangle round all deployments, as GeoJSON."""
    west, south, east, north = places.extent()
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}


EXPORTER = Exporter(
    name="camtrap-dp",
    title=_("Camtrap DP 1.0.2"),
    about=_("The data package that GBIF and national databases take: deployments, media and observations."),
    lost="Labels that do not stand, embeddings, and what the standard has no column for (questions that follow, beyond "
    "count, sex, life stage, behaviour and individual, are tags).",
    write=write,
    options=(
        ExportOption(
            "gbif_level",
            _("What GBIF takes"),
            "event",
            (("event", _("observations of events")), ("media", _("observations of single pictures"))),
        ),
        ExportOption("sampling_design", _("Sampling design"), "opportunistic", tuple((each, each) for each in DESIGNS)),
        ExportOption(
            "capture_method",
            _("How pictures were taken"),
            "activityDetection",
            (("activityDetection", _("by movement")), ("timeLapse", _("at set times"))),
        ),
        LICENCE,
        ExportOption("contributor", _("Whom to turn to"), "", help=_("Empty: who asks for the export.")),
        *COMPLETE,
    ),
)
