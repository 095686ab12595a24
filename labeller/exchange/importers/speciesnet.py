"""What SpeciesNet predicts: JSON with a list of predictions, each with taxa as strings and boxes."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_noop

from labeller.exchange.importers import jsons, taxonomy
from labeller.exchange.importers.base import Importer, NotTaken, Option, Options, Pictured, Record, Remark, Taxon
from labeller.exchange.importers.boxes import box_of, sticks_out, wrong
from labeller.exchange.importers.inputs import Input

LEAST = 0.1  # confidence from which on a detection becomes a box
MOST = 5  # classes that are kept of a picture


class SpeciesNet(Importer):
    """Of each picture what the ensemble says, and a box where the detector saw something."""

    def __init__(self) -> None:
        super().__init__("speciesnet", gettext_noop("SpeciesNet (JSON)"))

    def refusal(self, given: Input) -> str:
        member = given.only(".json")
        if not member:
            return "no single .json file"
        first = jsons.outline(given, member).get("predictions")
        return "" if isinstance(first, Mapping) and "filepath" in first else "no list “predictions” with “filepath”"

    def options(self, given: Input) -> list[Option]:
        first = jsons.outline(given, given.only(".json")).get("predictions") or {}
        version = str(first.get("model_version", "")).strip()
        return [
            Option("least", gettext_noop("Boxes from this confidence on"), str(LEAST)),
            Option("model", gettext_noop("Name of the model"), f"SpeciesNet {version}".strip()),
        ]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        least, model = float(options.get("least") or LEAST), options.get("model") or "SpeciesNet"
        for line, item in enumerate(jsons.items(given, given.only(".json"), "predictions.item"), start=1):
            path = item.get("filepath") if isinstance(item, Mapping) else None
            if not isinstance(path, str) or not path.strip():
                yield NotTaken(line, "", "no-path", str(item)[:80])
                continue
            yield from _records(line, path, item, least, model)


def _records(line: int, path: str, item: Mapping[str, Any], least: float, model: str) -> Iterator[Record]:
    failures = item.get("failures")
    whole = _whole(line, item, model)
    if whole is None:
        if not failures:
            yield NotTaken(line, path, "not-run")
            return
        whole = Remark(line, model=model, failure=", ".join(map(str, failures)))
    boxes: list[Remark] = []
    for each in item.get("detections") or ():
        made = _box(line, path, each, whole, model)
        if isinstance(made, NotTaken):
            yield made
        elif (made.confidence or 0.0) >= least:
            boxes.append(made)
            if made.box and sticks_out(made.box):
                yield NotTaken(line, path, "box-cut")
    if len(boxes) > 1:  # the classes are of the picture: which of its boxes they are of is not said
        boxes = [each._replace(classes=(Taxon(each.category),), scores=(each.confidence or 0.0,)) for each in boxes]
    yield Pictured(line, path, (whole, *boxes))


def _whole(line: int, item: Mapping[str, Any], model: str) -> Remark | None:
    """What is said of the picture: the ensemble's word first, then what the classifier holds for likely."""
    pairs: dict[Taxon, float] = {}
    said, score = item.get("prediction"), item.get("prediction_score")
    if isinstance(said, str) and isinstance(score, int | float) and (taxon := taxonomy.of_string(said)):
        pairs[taxon] = float(score)
    told = item.get("classifications") or {}
    names, scores = (told.get("classes"), told.get("scores")) if isinstance(told, Mapping) else (None, None)
    for name, p in zip(names or (), scores or (), strict=False):
        taxon = taxonomy.of_string(str(name))
        if taxon is not None and isinstance(p, int | float) and 0 <= p <= 1:
            pairs.setdefault(taxon, float(p))
    if not pairs:
        return None
    return Remark(line, tuple(pairs)[:MOST], tuple(pairs.values())[:MOST], model=model)


def _box(line: int, path: str, each: Any, whole: Remark, model: str) -> Remark | NotTaken:
    if not isinstance(each, Mapping) or (box := box_of(each.get("bbox"))) is None:
        return NotTaken(line, path, "bad-box", str(each)[:80])
    if problem := wrong(box):
        return NotTaken(line, path, problem, str(list(box)))
    confidence = each.get("conf")
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        return NotTaken(line, path, "bad-number", f"conf {confidence}")
    return Remark(line, whole.classes, whole.scores, box, model, str(each.get("label", "")), float(confidence))
