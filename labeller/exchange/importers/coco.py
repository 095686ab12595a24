"""COCO and COCO Camera Traps: images, annotations and categories in one JSON, each a list of its own."""

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop

from labeller.exchange.importers import jsons, times
from labeller.exchange.importers.base import Importer, NotTaken, Option, Options, Pictured, Record, Remark, Taxon
from labeller.exchange.importers.boxes import box_of, sticks_out, wrong
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.spill import Spill, spilling

OF_CAMERAS = {"location", "seq_id", "seq_num_frames", "frame_num", "datetime"}  # keys of images
LISTS = ("images", "annotations", "categories")


class Coco(Importer):
    """Boxes in pixels, of pictures of any kind."""

    of_cameras = False

    def __init__(self) -> None:
        super().__init__("coco", gettext_noop("COCO (JSON)"))

    def refusal(self, given: Input) -> str:
        member = given.only(".json")
        if not member:
            return "no single .json file"
        found = jsons.outline(given, member)
        image = found.get("images")
        if not isinstance(image, Mapping) or not {"id", "file_name"} <= image.keys():
            return "no list “images” of objects with “id” and “file_name”"
        if bool(image.keys() & OF_CAMERAS) != self.of_cameras:
            return "images of cameras" if image.keys() & OF_CAMERAS else "images without location, sequence or datetime"
        return ""

    def options(self, given: Input) -> list[Option]:
        return (
            [Option("zone", gettext_noop("Time zone of the cameras, such as Europe/Amsterdam"))]
            if self.of_cameras
            else []
        )

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        member, zone = given.only(".json"), times.zone_of(options.get("zone", ""))
        names: dict[str, str] = {}
        for each in jsons.items(given, member, "categories.item"):
            if isinstance(each, Mapping) and "id" in each:
                names[str(each["id"])] = str(each.get("name", ""))
        with spilling() as spill:
            yield from _annotations(given, member, names, spill)
            yield from self._images(given, member, spill, zone)
            for key, line in spill.execute(
                "SELECT key, line FROM row WHERE kind = 'note' AND NOT EXISTS"
                " (SELECT 1 FROM known WHERE known.kind = 'image' AND known.key = row.key) ORDER BY line"
            ):
                yield NotTaken(line, "", "no-such-id", f"image_id {key}")

    def _images(self, given: Input, member: str, spill: Spill, zone: ZoneInfo | None) -> Iterator[Record]:
        for line, image in enumerate(jsons.items(given, member, "images.item"), start=1):
            path = image.get("file_name") if isinstance(image, Mapping) else None
            if not isinstance(path, str) or not path.strip() or "id" not in image:
                yield NotTaken(line, "", "no-path", str(image)[:80])
            elif not spill.is_new("image", str(image["id"])):
                yield NotTaken(line, path, "same-id", str(image["id"]))
            else:
                yield from self._image(line, path, image, spill, zone)

    def _image(
        self, line: int, path: str, image: Mapping[str, Any], spill: Spill, zone: ZoneInfo | None
    ) -> Iterator[Record]:
        size = image.get("width"), image.get("height")
        has_size = all(isinstance(each, int | float) and each > 0 for each in size)
        remarks = []
        for number, (name, box) in spill.get("note", str(image["id"])):
            place = box_of(box) if box else None
            if place and has_size:
                left, top, width, height = place
                across, down = float(size[0] or 1), float(size[1] or 1)
                place = (left / across, top / down, width / across, height / down)
                if problem := wrong(place):
                    yield NotTaken(number, path, problem, str(box))
                    continue
                if sticks_out(place):
                    yield NotTaken(number, path, "box-cut")
            remarks.append(Remark(number, (Taxon(name),), box=place))
        when = str(image.get("datetime") or "") if self.of_cameras else ""
        taken_at = times.local_time(when, zone)
        if when and taken_at is None:
            yield NotTaken(line, path, "bad-date", when)
        deployment = str(image.get("location") or "") if self.of_cameras else ""
        if any(each.box for each in remarks):  # of what has a box nothing is said of the whole
            remarks = [each for each in remarks if each.box]
        yield Pictured(line, path, tuple(remarks), "", deployment, taken_at, not has_size)


class CocoCameraTraps(Coco):
    """The same with cameras and times: annotations mostly without boxes, and a category for what is empty."""

    of_cameras = True

    def __init__(self) -> None:
        Importer.__init__(self, "coco-camera-traps", gettext_noop("COCO Camera Traps (JSON)"))


def _annotations(given: Input, member: str, names: dict[str, str], spill: Spill) -> Iterator[Record]:
    """Keep what is said of each image, by its id."""
    for line, note in enumerate(jsons.items(given, member, "annotations.item"), start=1):
        if not isinstance(note, Mapping) or "image_id" not in note or "category_id" not in note:
            yield NotTaken(line, "", "bad-row", str(note)[:80])
        elif "id" in note and not spill.is_new("annotation", str(note["id"])):
            yield NotTaken(line, "", "same-id", str(note["id"]))
        elif (name := names.get(str(note["category_id"]))) is None:
            yield NotTaken(line, "", "no-such-id", f"category_id {note['category_id']}")
        elif note.get("bbox") and box_of(note["bbox"]) is None:
            yield NotTaken(line, "", "bad-box", str(note["bbox"])[:80])
        else:
            spill.add("note", str(note["image_id"]), line, (name, note.get("bbox") or None))
    spill.ordered()
