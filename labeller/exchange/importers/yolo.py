"""YOLO: a text file a picture with a line a box, and the names of classes beside, in a folder or a zip."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from django.utils.translation import gettext_noop

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
from labeller.exchange.importers.boxes import sticks_out, wrong
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.sheets import number
from labeller.projects.states import State
from labeller.samples.models import Box

NAMES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names")
LONGEST = 5_000_000  # bytes of the boxes of one picture


class Yolo(Importer):
    """Boxes by their middles. A picture with an empty file holds nothing; with a sixth number a box is predicted."""

    def __init__(self) -> None:
        super().__init__("yolo", gettext_noop("YOLO (text files)"))

    def refusal(self, given: Input) -> str:
        if given.is_single:
            return "a single file"
        if not _names_member(given):
            return f"no {', '.join(NAMES)}"
        return "" if next(_texts(given), None) else "no text files of boxes in a folder “labels”"

    def options(self, given: Input) -> list[Option]:
        return [Option("model", gettext_noop("Name of the model, where boxes are predicted"), "YOLO")]

    def read(self, given: Input, options: Options) -> Iterator[Record]:
        names = _class_names(given)
        if not names:
            raise Unreadable("no-member", ", ".join(NAMES))
        for member in given.left_out:
            yield NotTaken(0, member, "leads-out")
        for name in _texts(given):
            yield from _picture(given, name, names, options.get("model") or "YOLO")


def _names_member(given: Input) -> str:
    return next(filter(None, (given.find(each) for each in NAMES)), "")


def _texts(given: Input) -> Iterator[str]:
    beside = {"classes.txt", "readme.txt", "train.txt", "val.txt", "test.txt", "license.txt"}
    for name in given.names:
        path = PurePosixPath(name)
        if path.suffix.lower() == ".txt" and path.name.lower() not in beside:
            yield name


def _class_names(given: Input) -> list[str]:
    """Names by number: of a list, one a line, or of a YAML's list or mapping `names`."""
    member = _names_member(given)
    text = given.beginning(member, LONGEST).decode("utf-8-sig", "replace")
    if member.lower().endswith((".txt", ".names")):
        return [line.strip() for line in text.splitlines() if line.strip()]
    found = re.search(r"^names\s*:\s*\[(.*?)\]", text, re.DOTALL | re.MULTILINE)
    if found:
        return [each.strip().strip("'\"") for each in found[1].split(",") if each.strip()]
    after = re.search(r"^names\s*:[^\n]*\n((?:[ \t]+[^\n]*\n?|-[^\n]*\n?|\n)*)", text, re.MULTILINE)
    lines = re.findall(r"^[ \t]*(?:-|(\d+)\s*:)[ \t]*(.+?)[ \t]*$", after[1], re.MULTILINE) if after else []
    return [name.strip("'\"") for _number, name in sorted(lines, key=lambda each: int(each[0] or 0))]


def _picture(given: Input, member: str, names: list[str], model: str) -> Iterator[Record]:
    """What one file says of the picture of its name, whose suffix it doesn't tell."""
    path = re.sub(r"(^|/)labels/", r"\1images/", member).removesuffix(".txt")
    stem = path.rpartition("images/")[2]
    remarks: list[Remark] = []
    is_empty = True
    for line, text in enumerate(given.beginning(member, LONGEST).decode("utf-8", "replace").splitlines(), start=1):
        if not text.strip():
            continue
        is_empty = False
        made = _remark(line, path, text.split(), names, model)
        if isinstance(made, NotTaken):
            yield made
        else:
            remarks.append(made)
            if made.box and sticks_out(made.box):
                yield NotTaken(line, path, "box-cut")
    if is_empty:
        remarks = [Remark(1, (Taxon("", state=State.BLANK),))]
    yield Pictured(1, path, tuple(remarks), stem if stem != path else "")


def _remark(line: int, path: str, cells: list[str], names: list[str], model: str) -> Remark | NotTaken:
    numbers = [number(each) for each in cells]
    if len(cells) not in {5, 6} or None in numbers:
        return NotTaken(line, path, "bad-box", " ".join(cells)[:80])
    at, across, down, width, height, *score = (each or 0.0 for each in numbers)
    if at != int(at) or not 0 <= at < len(names):
        return NotTaken(line, path, "no-such-id", f"class {cells[0]}")
    box: Box = (across - width / 2, down - height / 2, width, height)
    if problem := wrong(box):
        return NotTaken(line, path, problem, " ".join(cells)[:80])
    taxa = (Taxon(names[int(at)]),)
    if not score:
        return Remark(line, taxa, box=box)
    if not 0 <= score[0] <= 1:
        return NotTaken(line, path, "bad-number", cells[5])
    return Remark(line, taxa, (score[0],), box, model, names[int(at)], score[0])
