"""YOLO: a text file a picture, with a line a box; and data.yaml, as Ultralytics reads it.

https://docs.ultralytics.com/datasets/detect. Each box is also a row of boxes.csv, which says who decided.
"""

import json
from contextlib import ExitStack
from functools import partial

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters import shots, splits
from labeller.exchange.exporters.base import Exporter, ExportWanted, Tell
from labeller.exchange.exporters.coco import is_labelled
from labeller.exchange.exporters.folder import Folder
from labeller.exchange.exporters.pictures import PICTURES, take
from labeller.exchange.exporters.shots import Categories, SeenShot

COLUMNS = ("path", "split", "class", "left", "top", "width", "height", *shots.WHO)
ALL = "all"  # the folder where no parts are asked for


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """Labels by part, pictures beside them where they are asked for, and what the classes are called."""
    categories, parts = Categories(wanted, 0), splits.Splits(wanted)
    with ExitStack() as stack:
        many = stack.enter_context(folder.many())
        table = stack.enter_context(folder.table("boxes.csv", COLUMNS))
        for seen in shots.chosen(wanted, folder, tell, parts):
            if not is_labelled(seen):
                continue
            part, path = seen.split or ALL, wanted.contents.path(seen.shot)
            name = many.free(f"images/{part}/{path}", partial(_label_file, part))
            take(wanted, many, seen.shot, name)
            many.text(_label_file(part, name.rpartition(".")[0]), _lines(categories, seen))
            for each in seen.observed:
                if each.box is not None and each.seen is not None:
                    by = shots.who(each.decision).values()
                    table((path, seen.split, each.seen.name, *each.box, *by))
    folder.text("data.yaml", _described(categories, parts.names or (ALL,)))


def _label_file(part: str, stem: str) -> str:
    """Where Ultralytics looks for the boxes of a picture with that stem."""
    return f"labels/{part}/{stem.removeprefix(f'images/{part}/')}.txt"


def _lines(categories: Categories, seen: SeenShot) -> str:
    """A line a box: its class, its centre, and its size, as shares of the picture."""
    lines = []
    for each in seen.observed:
        number = categories.number(each.seen) if each.seen is not None else None
        if each.box is not None and number is not None:
            left, top, width, height = each.box
            lines.append(f"{number} {left + width / 2:.6f} {top + height / 2:.6f} {width:.6f} {height:.6f}\n")
    return "".join(lines)


def _described(categories: Categories, parts: tuple[str, ...]) -> str:
    """data.yaml, which lies where its paths begin; every JSON string is a YAML one."""
    paths = {"train": parts[0], "val": parts[1] if len(parts) > 1 else parts[0]}
    paths |= {"test": "test"} if "test" in parts else {}
    lines = [f"{name}: images/{part}" for name, part in paths.items()]
    names = [f"  {number}: {json.dumps(each.name)}" for number, each in categories.listed()]
    return "\n".join([*lines, "names:", *names]) + "\n"


EXPORTER = Exporter(
    name="yolo",
    title=_("YOLO"),
    about=_("A text file of boxes for each picture, for training detectors with Ultralytics."),
    lost="Answers about whole pictures but blanks, places and times, events, questions that follow, doubts; who "
    "decided stands in a table beside.",
    write=write,
    options=(PICTURES, *splits.OPTIONS, shots.OF_PEOPLE),
)
