"""Which columns of somebody's table say what: guessed by their names, and corrected by whoever sees the guess."""

from collections.abc import Sequence

from django.utils.translation import gettext_noop

from labeller.exchange.importers import sheets
from labeller.exchange.importers.base import Option
from labeller.exchange.importers.inputs import Input
from labeller.exchange.importers.sheets import Sheet
from labeller.samples.tables import CLASSES, FOLDERS, PATHS, RANKS

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
TABLES = (".csv", ".tsv", ".txt", ".tab")
CLASS = (
    "classes", "predictedclass", "prediction", "predictedlabel", "predlabel", "predicted", *CLASSES, "name",
)  # fmt: skip
PREDICTED = ("predictedclass", "prediction", "predictedlabel", "predlabel", "predicted")
SCORE = (
    "probability", "score", "confidence", "conf", "prob", "predictedprobability", "predictionscore", "cvconfidence",
    "certainty", "p",
)  # fmt: skip
MODEL = ("model", "classifier", "detector", "modelversion", "modelname")
DEPLOYMENT = ("deployment", "deploymentid", "deploymentname", "camera", "cameraid", "station", "site", "location")
TIME = ("takenat", "datetime", "timestamp", "date", "captured", "datetimeoriginal", "eventdate")
PERSON = ("annotator", "labelledby", "labeledby", "identifiedby", "classifiedby", "decidedby", "reviewer", "user")
SAID_AT = ("labelledat", "labeledat", "dateidentified", "classificationtimestamp", "decidedat")
FURTHER = {"score": SCORE, "model": MODEL, "deployment": DEPLOYMENT, "time": TIME, "by": PERSON, "at": SAID_AT}
BOXES = {
    "left": ("bboxx", "boxleft", "left", "xmin", "x1", "x"),
    "top": ("bboxy", "boxtop", "top", "ymin", "y1", "y"),
    "width": ("bboxwidth", "boxwidth", "width", "w"),
    "height": ("bboxheight", "boxheight", "height", "h"),
}


def first(keys: Sequence[str], names: Sequence[str], besides: Sequence[str] = ()) -> str:
    """The first of these names that is a column's, none of `besides`."""
    return next((name for name in names if name in keys and name not in besides), "")


def table_of(given: Input) -> str:
    """The one table in it; empty where there is none, or several."""
    return given.only(*TABLES)


def roles(keys: Sequence[str]) -> dict[str, str]:
    """What each column that is needed is, by its role; empty where there is none."""
    path = first(keys, [each for each in PATHS if each not in FOLDERS]) or first(keys, ("name", "id", "url"))
    folder = first(keys, FOLDERS, (path,))
    taken = [path, folder]
    names: Sequence[str] = CLASS
    if set(keys) & RANKS and {"commonname", "species"} & set(keys):
        names = ("commonname", "species")
    found = {"path": path, "folder": "" if "path" in path else folder, "class": first(keys, names, taken)}
    for role, known in FURTHER.items():
        found[role] = first(keys, known, [*taken, *found.values()])
    boxes = {role: first(keys, known) for role, known in BOXES.items()}
    return found | (boxes if all(boxes.values()) and len(set(boxes.values())) == 4 else dict.fromkeys(boxes, ""))


TITLES = {
    "path": gettext_noop("Column of the path"),
    "folder": gettext_noop("Column of the folder"),
    "class": gettext_noop("Column of the class"),
    "score": gettext_noop("Column of the probability"),
    "model": gettext_noop("Column of the model"),
    "deployment": gettext_noop("Column of the deployment"),
    "time": gettext_noop("Column of the time"),
    "by": gettext_noop("Column of who said it"),
    "at": gettext_noop("Column of when it was said"),
    "left": gettext_noop("Column of the box’s left"),
    "top": gettext_noop("Column of the box’s top"),
    "width": gettext_noop("Column of the box’s width"),
    "height": gettext_noop("Column of the box’s height"),
}


def options(given: Input, table: Sheet, wanted: Sequence[str] = tuple(TITLES)) -> list[Option]:
    """How a table is laid out, to be corrected."""
    keys = table.keys
    guessed = roles(keys)
    choices = ("", *dict.fromkeys(filter(None, keys)))
    delimiter = next(name for name, sign in DELIMITERS.items() if sign == table.delimiter)
    return [
        *(Option(role, TITLES[role], guessed[role], choices) for role in wanted),
        Option(
            "encoding",
            gettext_noop("Encoding"),
            table.encoding,
            tuple(dict.fromkeys((table.encoding, *sheets.ENCODINGS))),
        ),
        Option("delimiter", gettext_noop("Between cells"), delimiter, tuple(DELIMITERS)),
    ]
