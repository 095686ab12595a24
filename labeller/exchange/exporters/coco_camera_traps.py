"""COCO Camera Traps 1.0: COCO with locations, sequences, and answers about whole pictures.

https://github.com/agentmorris/MegaDetector, data_management/README.md.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters import shots
from labeller.exchange.exporters.base import Exporter, ExportWanted, Tell
from labeller.exchange.exporters.folder import Arrays, Folder
from labeller.exchange.exporters.shots import Categories, SeenShot
from labeller.exchange.exporters.telling import audited
from labeller.projects.states import State

EMPTY = 0  # the category of blank pictures
KEYS = ("images", "annotations")


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """One JSON file of pictures and of what was said of each; of those nobody looked at nothing is said."""
    categories = Categories(wanted, EMPTY + 1, blank=EMPTY)
    info = {
        "version": "1.0",
        "description": " ".join([wanted.project.name, *audited(wanted.contents)]),
        "year": wanted.made_at.year,
        "contributor": wanted.asked_by,
        "date_created": wanted.made_at.date().isoformat(),
    }
    with folder.arrays("coco_camera_traps.json", {"info": info}, *KEYS) as arrays:
        for seen in shots.chosen(wanted, folder, tell):
            arrays.add("images", _image(wanted, seen))
            _annotate(arrays, categories, seen)
        arrays.last["categories"] = [
            {"id": EMPTY, "name": "empty"},
            *(
                {"id": number, "name": each.name, "scientific_name": each.scientific_name}
                for number, each in categories.listed()
            ),
        ]


def _image(wanted: ExportWanted, seen: SeenShot) -> dict[str, Any]:
    shot, place = seen.shot, wanted.contents.deployments.get(seen.shot.deployment or 0)
    found: dict[str, Any] = {
        "id": shot.sha256[:16],
        "file_name": wanted.contents.path(shot),
        "width": shot.width,
        "height": shot.height,
        "seq_id": shot.event,
        "seq_num_frames": seen.frames,
        "frame_num": seen.frame,
    }
    if shot.taken_at is not None:
        found["datetime"] = f"{shot.taken_at:%Y-%m-%d %H:%M:%S}"
    if place is not None:
        found["location"] = place.name
    return found


def _annotate(arrays: Arrays, categories: Categories, seen: SeenShot) -> None:
    image = seen.shot.sha256[:16]
    for number, each in enumerate(seen.observed):
        category = categories.number(each.seen) if each.seen is not None else None
        if category is None:  # nobody looked, or whoever did was not sure
            continue
        found: dict[str, Any] = {
            "id": f"{image}_{number}",
            "image_id": image,
            "category_id": category,
            "sequence_level_annotation": False,
        }
        if each.individuals is not None:
            found["count"] = each.individuals
        elif each.state is State.BLANK:
            found["count"] = 0
        if each.box is not None:
            found["bbox"] = shots.pixels(each.box, seen.shot)
        arrays.add("annotations", {**found, **each.traits, **shots.who(each.decision)})


EXPORTER = Exporter(
    name="coco-camera-traps",
    title=_("COCO Camera Traps"),
    about=_("One JSON file with locations and sequences, as LILA and most camera-trap software have it."),
    lost="Coordinates and time zones of cameras, questions that follow beyond count, sex, life stage, behaviour and "
    "individual, doubts.",
    write=write,
    options=(shots.PEOPLE,),
)
