"""The output of MegaDetector, version 1.6, as Timelapse and AddaxAI open it.

https://github.com/agentmorris/MegaDetector, "MegaDetector batch output format". A picture that is listed without a
detection was looked at and is blank; one that isn't listed nobody looked at. Timelapse drops what is below .03, warns
where the first classification is called as a detection is, and chooses by taxonomy where classes are described.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters import shots
from labeller.exchange.exporters.base import Exporter, ExportWanted, Tell
from labeller.exchange.exporters.contents import KnownClass
from labeller.exchange.exporters.folder import Folder
from labeller.exchange.exporters.observing import Observation
from labeller.exchange.exporters.shots import Categories, SeenShot
from labeller.exchange.exporters.telling import audited
from labeller.projects.states import State
from labeller.text import fold

DETECTIONS = {"1": "animal", "2": "person", "3": "vehicle"}
KINDS = {State.ANIMAL: "1", State.HUMAN: "2", State.VEHICLE: "3"}
WHOLE = (0.0, 0.0, 1.0, 1.0)


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """One JSON file; an answer about a whole picture is a detection as large as the picture."""
    categories = Categories(wanted, 0)
    info = {
        "format_version": "1.6",
        "detector": "labeller",
        "detection_completion_time": f"{wanted.made_at:%Y-%m-%d %H:%M:%S}",
        "detector_metadata": {"description": " ".join([wanted.project.name, *audited(wanted.contents)])},
    }
    untold = 0
    with folder.arrays("megadetector.json", {"info": info}, "images") as arrays:
        for seen in shots.chosen(wanted, folder, tell):
            told = [each for each in seen.observed if each.state in KINDS]
            if told or [each.state for each in seen.observed] == [State.BLANK]:
                arrays.add("images", _image(wanted, categories, seen, told))
            elif seen.observed[0].state is not State.UNCLASSIFIED:
                untold += 1
        named = [(number, each) for number, each in categories.listed() if _is_named(each)]
        arrays.last["detection_categories"] = DETECTIONS
        arrays.last["classification_categories"] = {str(number): each.name for number, each in named}
        arrays.last["classification_category_descriptions"] = {str(number): described(each) for number, each in named}
    if untold:
        folder.remark(f"Left out, for the format has no word for unknown and set-up: {untold} pictures.")


def _image(wanted: ExportWanted, categories: Categories, seen: SeenShot, told: list[Observation]) -> dict[str, Any]:
    found: dict[str, Any] = {"file": wanted.contents.path(seen.shot), "detections": []}
    if seen.shot.taken_at is not None:
        found["datetime"] = f"{seen.shot.taken_at:%Y:%m:%d %H:%M:%S}"
    for each in told:
        sure = 1.0 if each.decision is None or each.decision.probability is None else each.decision.probability
        detection: dict[str, Any] = {
            "category": KINDS[each.state],
            "conf": round(sure, 4),
            "bbox": [round(side, 6) for side in each.box or WHOLE],
        }
        if each.seen is not None and _is_named(each.seen):
            detection["classifications"] = [[str(categories.number(each.seen)), round(sure, 4)]]
        found["detections"].append({**detection, **shots.who(each.decision)})
    return found


def _is_named(seen: KnownClass) -> bool:
    """Whether a class says more than the detection does."""
    return seen.state is State.ANIMAL and fold(seen.name) not in DETECTIONS.values()


def described(seen: KnownClass) -> str:
    """A class as SpeciesNet has it, from which Timelapse makes its tree: id;class;order;family;genus;species;name.

    As much as the scientific name tells: a genus, a species, or neither.
    """
    words = seen.scientific_name.lower().split()
    genus, species = [*words, "", ""][:2]
    return ";".join(part.replace(";", ",") for part in (seen.code, "", "", "", genus, species, seen.name.lower()))


EXPORTER = Exporter(
    name="megadetector",
    title=_("MegaDetector 1.6"),
    about=_("Boxes and classes as one JSON file, which Timelapse and AddaxAI open."),
    lost="Unknown and set-up, sequences, places, questions that follow, doubts.",
    write=write,
    options=(shots.PEOPLE,),
)
