"""Darwin Core archive: occurrences of animals, with meta.xml and eml.xml, as GBIF and others read it.

https://dwc.tdwg.org/text/. Occurrences are of events, or of single pictures; only animals go out.
"""

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters.base import Exporter, ExportOption, ExportWanted, Tell
from labeller.exchange.exporters.contents import Shot
from labeller.exchange.exporters.folder import Folder
from labeller.exchange.exporters.observing import Observation, Observing
from labeller.exchange.exporters.places import COMPLETE, LICENCE, CameraPlaces, stamp
from labeller.exchange.exporters.telling import audited
from labeller.projects.states import State

DWC = "http://rs.tdwg.org/dwc/terms/"
DC = "http://purl.org/dc/terms/"
COLUMNS = (
    "occurrenceID", "basisOfRecord", "eventID", "eventDate", "scientificName", "vernacularName", "taxonRank", "kingdom",
    "individualCount", "sex", "lifeStage", "behavior", "organismID", "occurrenceStatus", "decimalLatitude",
    "decimalLongitude", "coordinateUncertaintyInMeters", "geodeticDatum", "locationID", "locality", "samplingProtocol",
    "identifiedBy", "dateIdentified",
    "identificationVerificationStatus", "identificationRemarks", "associatedMedia", "occurrenceRemarks", "license",
)  # fmt: skip
LICENCES = {
    "CC0-1.0": "http://creativecommons.org/publicdomain/zero/1.0/legalcode",
    "CC-BY-4.0": "http://creativecommons.org/licenses/by/4.0/legalcode",
    "CC-BY-NC-4.0": "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
}


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """The occurrences, then what their columns mean, and what the dataset is."""
    places, observing = CameraPlaces(wanted, folder), Observing(wanted.contents, wanted.question)
    of_events, done = wanted.options["level"] == "event", 0
    with folder.table("occurrence.csv", COLUMNS) as occurrences:
        for event in wanted.contents.events():
            shots = places.placed(event).pictures
            observed = [observing.of_picture(shot) for shot in shots]
            groups: list[tuple[tuple[Shot, ...], list[Observation]]] = [(shots, observing.of_event(observed))]
            if not of_events or not shots:
                groups = [((shot,), found) for shot, found in zip(shots, observed, strict=True)]
            for group, found in groups:
                for number, each in enumerate(each for each in found if each.state is State.ANIMAL):
                    occurrences(_row(wanted, places, group, number, each))
            done += len(event.pictures)
            tell(done)
    folder.text("meta.xml", _meta())
    folder.text("eml.xml", _eml(wanted, places))


def _row(
    wanted: ExportWanted, places: CameraPlaces, shots: tuple[Shot, ...], number: int, found: Observation
) -> tuple[Any, ...]:
    place, seen, decision = places.of(shots[0]), found.seen, found.decision
    key = shots[0].event if len(shots) > 1 else shots[0].sha256[:16]
    start, end = place.stamp(shots[0].taken_at), place.stamp(shots[-1].taken_at)
    name = seen.taxon if seen is not None else ""
    words = len(seen.scientific_name.split()) if seen is not None else 0
    row = place.deployment
    is_sure = decision is not None and decision.how == "human" and decision.probability == 1
    said = (
        (decision.by or decision.how, stamp(decision.at), "verified" if is_sure else "unverified", _how(decision))
        if decision is not None
        else (None,) * 4
    )
    traits = (found.traits.get(each) for each in ("sex", "lifeStage", "behavior", "individualID"))
    return (
        f"{wanted.project.slug}:{key}_{number}", "MachineObservation", shots[0].event,
        start if start == end else f"{start}/{end}", name, seen.name if seen is not None else "",
        {1: "genus", 2: "species", 3: "subspecies"}.get(words), "Animalia", found.individuals, *traits, "present",
        place.latitude, place.longitude, place.uncertainty, "EPSG:4326", place.name, row.location_name, "camera trap",
        *said,
        " | ".join(wanted.contents.path(shot) for shot in shots), "; ".join(found.tags),
        LICENCES.get(wanted.options["licence"]),
    )  # fmt: skip


def _how(decision: Any) -> str:
    sure = "" if decision.probability is None else f", probability {decision.probability:.4g}"
    return f"{decision.how}{sure}"


def _meta() -> str:
    fields = "".join(
        f'    <field index="{index}" term={quoteattr((DC if name == "license" else DWC) + name)}/>\n'
        for index, name in enumerate(COLUMNS)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">\n'
        '  <core encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\r\\n" fieldsEnclosedBy="&quot;" '
        f'ignoreHeaderLines="1" rowType="{DWC}Occurrence">\n'
        "    <files><location>occurrence.csv</location></files>\n"
        f'    <id index="0"/>\n{fields}  </core>\n</archive>\n'
    )


def _eml(wanted: ExportWanted, places: CameraPlaces) -> str:
    times = zip(("beginDate", "endDate"), (places.first, places.last), strict=True)
    span = "".join(f"<{tag}><calendarDate>{when.date()}</calendarDate></{tag}>" for tag, when in times if when)
    who = f"<individualName><surName>{escape(wanted.asked_by or 'not named')}</surName></individualName>"
    west, south, east, north = places.extent()
    about = escape(" ".join([wanted.question.text, *audited(wanted.contents)]))
    licence = escape(wanted.options["licence"] or "not chosen yet")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<eml:eml xmlns:eml="eml://ecoinformatics.org/eml-2.1.1" system="labeller" scope="system" '
        f"packageId={quoteattr(wanted.project.slug)}>\n<dataset>\n"
        f"  <title>{escape(wanted.project.name)}</title>\n  <creator>{who}</creator>\n"
        f"  <metadataProvider>{who}</metadataProvider>\n  <pubDate>{wanted.made_at.date().isoformat()}</pubDate>\n"
        f"  <language>en</language>\n  <abstract><para>{about}</para></abstract>\n"
        f"  <intellectualRights><para>{licence}</para></intellectualRights>\n"
        "  <coverage>\n    <geographicCoverage><geographicDescription>All cameras</geographicDescription>"
        f"<boundingCoordinates><westBoundingCoordinate>{west}</westBoundingCoordinate>"
        f"<eastBoundingCoordinate>{east}</eastBoundingCoordinate>"
        f"<northBoundingCoordinate>{north}</northBoundingCoordinate>"
        f"<southBoundingCoordinate>{south}</southBoundingCoordinate></boundingCoordinates></geographicCoverage>\n"
        + (f"    <temporalCoverage><rangeOfDates>{span}</rangeOfDates></temporalCoverage>\n" if span else "")
        + f"  </coverage>\n  <contact>{who}</contact>\n</dataset>\n</eml:eml>\n"
    )


EXPORTER = Exporter(
    name="darwin-core",
    title=_("Darwin Core archive"),
    about=_("Occurrences of animals for GBIF and other collections, with meta.xml and eml.xml."),
    lost="Everything but animals (blanks, people, unknown, set-up), boxes, and effort: when cameras stood without "
    "seeing anything.",
    write=write,
    options=(
        ExportOption(
            "level", _("One occurrence for"), "event", (("event", _("each event")), ("media", _("each picture")))
        ),
        LICENCE,
        *COMPLETE,
    ),
)
