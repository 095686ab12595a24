"""What MegaDetector found, and what classifiers said of it: JSON of the versions 1.x, and a list with boxes in pixels.

A picture with an empty list was looked at and is blank; one without a list was not looked at; a failure is kept.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_noop

from labeller.exchange.importers import jsons
from labeller.exchange.importers.base import (
    Importer,
    NotTaken,
    Option,
    Options,
    Pictured,
    Record,
    Remark,
    Taxon,
    Unreadable,
)
from labeller.exchange.importers.boxes import box_of, from_corners, sticks_out, wrong
from labeller.exchange.importers.inputs import Input
from labeller.projects.states import State

LEAST = 0.1  # confidence from which on a detection becomes a box
NOTHING = Taxon("", state=State.BLANK)


class MegaDetector(Importer):
    """Of each picture its boxes, and of the whole what is likeliest."""

    def __init__(self) -> None:
        super().__init__("megadetector", gettext_noop("MegaDetector (JSON)"), makes_classes=False)

    def refusal(self, given: Input) -> str:
        member = given.only(".json")
        if not member:
            return "no single .json file"
        found = jsons.outline(given, member)
        if "" in found:
            return "" if _is_listed(found[""]) else "a list, but not of files with detections"
        first = found.get("images")
        if not isinstance(first, Mapping) or "file" not in first:
            return "no list “images” of objects with “file”"
        if not first.keys() & {"detections", "failure"}:
            return "its images have neither “detections” nor “failure”"
        return ""

    def options(self, given: Input) -> list[Option]:
        return [
            Option("least", gettext_noop("Boxes from this confidence on"), str(LEAST)),
            Option("model", gettext_noop("Name of the model"), self._model(given)),
        ]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        member = given.only(".json")
        least = float(options.get("least") or LEAST)
        if "" in jsons.outline(given, member):
            model = options.get("model") or "detector"
            for line, item in enumerate(jsons.items(given, member, "item"), start=1):
                yield from _Entry(line, model, least, {}, {}).records(item, in_pixels=True)
            return
        info = jsons.value(given, member, "info") or {}
        _check(info)
        detected = _names(jsons.value(given, member, "detection_categories"))
        classified = _names(jsons.value(given, member, "classification_categories"))
        model = options.get("model") or _named(info)
        for line, item in enumerate(jsons.items(given, member, "images.item"), start=1):
            yield from _Entry(line, model, least, detected, classified).records(item)

    def _model(self, given: Input) -> str:
        member = given.only(".json")
        found = jsons.outline(given, member)
        return "detector" if "" in found else _named(jsons.value(given, member, "info"))


def _is_listed(first: Any) -> bool:
    return isinstance(first, Mapping) and "file" in first and "detections" in first


def _check(info: Any) -> None:
    version = str(info.get("format_version", "")) if isinstance(info, Mapping) else ""
    if not version:
        raise Unreadable("no-version")
    if not version.startswith("1."):
        raise Unreadable("wrong-version", version)


def _named(info: Any) -> str:
    info = info if isinstance(info, Mapping) else {}
    return " + ".join(str(info[each]) for each in ("detector", "classifier") if info.get(each)) or "MegaDetector"


def _names(given: Any) -> dict[str, Taxon]:
    """Categories by their ids."""
    if not isinstance(given, Mapping):
        return {}
    return {str(each): _taxon(str(name)) for each, name in given.items()}


def _taxon(name: str) -> Taxon:
    return Taxon(name.strip())


class _Entry:
    """One picture's entry."""

    def __init__(
        self, line: int, model: str, least: float, detected: dict[str, Taxon], classified: dict[str, Taxon]
    ) -> None:
        self.line, self.model, self.least = line, model, least
        self.detected, self.classified = detected, classified

    def records(self, item: Any, *, in_pixels: bool = False) -> Iterator[Record]:
        path = item.get("file") if isinstance(item, Mapping) else None
        if not isinstance(path, str) or not path.strip():
            yield NotTaken(self.line, "", "no-path" if isinstance(item, Mapping) else "bad-row", str(item)[:80])
            return
        failure = item.get("failure")
        found = item.get("detections")
        if failure:
            yield Pictured(self.line, path, (Remark(self.line, model=self.model, failure=str(failure)[:500]),))
        elif found is None:
            yield NotTaken(self.line, path, "not-run")
        elif not isinstance(found, list):
            yield NotTaken(self.line, path, "bad-row", str(found)[:80])
        else:
            remarks: list[Remark] = []
            for each in found:
                made = self._remark(path, each, in_pixels)
                if isinstance(made, NotTaken):
                    yield made
                else:
                    remarks.append(made)
                    if not in_pixels and made.box and sticks_out(made.box):
                        yield NotTaken(self.line, path, "box-cut")
            boxes = [each for each in remarks if (each.confidence or 0.0) >= self.least]
            yield Pictured(self.line, path, (self._whole(remarks), *boxes), pixels=in_pixels)

    def _whole(self, remarks: list[Remark]) -> Remark:
        """Of the picture: what the surest detection is of, and that nothing is there as far as none is sure."""
        surest = max(remarks, key=lambda each: each.confidence or 0.0, default=None)
        sure = (surest.confidence or 0.0) if surest else 0.0
        if surest is None or sure < self.least:
            return Remark(self.line, (NOTHING,), (round(1 - sure, 6),), model=self.model)
        return surest._replace(box=None)

    def _remark(self, path: str, each: Any, in_pixels: bool) -> Remark | NotTaken:
        if not isinstance(each, Mapping):
            return NotTaken(self.line, path, "bad-row", str(each)[:80])
        confidence = each.get("conf", each.get("confidence"))
        if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
            return NotTaken(self.line, path, "bad-number", f"conf {confidence}")
        box = (from_corners if in_pixels else box_of)(each.get("bbox"))
        if box is None:
            return NotTaken(self.line, path, "bad-box", str(each.get("bbox"))[:80])
        if not in_pixels and (problem := wrong(box)):
            return NotTaken(self.line, path, problem, str(list(box)))
        category = str(each.get("category", ""))
        taxon = self.detected.get(category) or _taxon(category)
        classes, scores = self._classes(each.get("classifications"))
        if not classes:
            classes, scores = (taxon,), (float(confidence),)
        return Remark(self.line, classes, scores, box, self.model, category=taxon.name, confidence=float(confidence))

    def _classes(self, given: Any) -> tuple[tuple[Taxon, ...], tuple[float, ...]]:
        """What a classifier said of what is in the box, the likeliest first."""
        pairs = [
            (self.classified[str(each[0])], float(each[1]))
            for each in (given if isinstance(given, list) else ())
            if isinstance(each, list) and len(each) == 2 and str(each[0]) in self.classified
            if isinstance(each[1], int | float) and 0 <= each[1] <= 1
        ]
        pairs.sort(key=lambda pair: -pair[1])
        return tuple(taxon for taxon, _p in pairs), tuple(p for _taxon, p in pairs)
