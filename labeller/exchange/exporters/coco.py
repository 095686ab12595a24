"""COCO: boxes of objects in pictures, for training and judging detectors.

https://cocodataset.org/#format-data.
"""

from contextlib import ExitStack
from typing import Any

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters import shots, splits
from labeller.exchange.exporters.base import Exporter, ExportWanted, Tell
from labeller.exchange.exporters.folder import Arrays, Folder
from labeller.exchange.exporters.shots import Categories, SeenShot
from labeller.projects.states import State


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """A JSON file a part, of pictures that have boxes, and of those that are blank: of others nobody knows enough."""
    categories, parts = Categories(wanted, 1), splits.Splits(wanted)
    info = {
        "description": wanted.project.name,
        "version": "1.0",
        "year": wanted.made_at.year,
        "contributor": wanted.asked_by,
        "date_created": wanted.made_at.date().isoformat(),
    }
    with ExitStack() as stack:
        files = {
            part: stack.enter_context(
                folder.arrays(f"annotations/instances{part and f'_{part}'}.json", {"info": info}, *KEYS)
            )
            for part in parts.names or ("",)
        }
        for seen in shots.chosen(wanted, folder, tell, parts):
            if is_labelled(seen):
                _add(files[seen.split], wanted, categories, seen)
        for arrays in files.values():
            arrays.last["licenses"] = []
            arrays.last["categories"] = [
                {"id": number, "name": each.name, "supercategory": categories.parent(each)}
                for number, each in categories.listed()
            ]


KEYS = ("images", "annotations")


def is_labelled(seen: SeenShot) -> bool:
    """Whether all there is to see is in boxes, or there is nothing to see."""
    return any(each.box is not None and each.seen is not None for each in seen.observed) or (
        [each.state for each in seen.observed] == [State.BLANK]
    )


def _add(arrays: Arrays, wanted: ExportWanted, categories: Categories, seen: SeenShot) -> None:
    shot, image = seen.shot, arrays.counts["images"] + 1
    arrays.add(
        "images",
        {"id": image, "file_name": wanted.contents.path(shot), "width": shot.width, "height": shot.height},
    )
    for each in seen.observed:
        category = categories.number(each.seen) if each.seen is not None else None
        if each.box is None or category is None:
            continue
        box = shots.pixels(each.box, shot)
        found: dict[str, Any] = {
            "id": arrays.counts["annotations"] + 1,
            "image_id": image,
            "category_id": category,
            "bbox": box,
            "area": round(box[2] * box[3], 2),
            "iscrowd": 0,
            "segmentation": [],
        }
        arrays.add("annotations", {**found, **each.traits, **shots.who(each.decision)})


EXPORTER = Exporter(
    name="coco",
    title=_("COCO"),
    about=_("Boxes of objects as JSON, for training detectors; with parts for training, validation and testing."),
    lost="Answers about whole pictures but blanks, places and times, events, questions that follow, doubts.",
    write=write,
    options=(*splits.OPTIONS, shots.PEOPLE),
)
