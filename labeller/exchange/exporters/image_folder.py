"""A folder a class, with the pictures in it: what nearly every program that trains on pictures reads."""

import re
from contextlib import ExitStack

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters import shots, splits
from labeller.exchange.exporters.base import Exporter, ExportWanted, Tell
from labeller.exchange.exporters.contents import KnownClass
from labeller.exchange.exporters.folder import Folder
from labeller.exchange.exporters.pictures import OWN, take
from labeller.exchange.exporters.shots import WHO

COLUMNS = ("file_name", "path", "class", "split", *WHO)
LONGEST = 150  # characters of a name, the end of it: file systems take 255 bytes
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f]|^\.+|[. ]+$')  # in names on any system


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """Pictures with one answer, or, where a question takes several, in the folder of each; beside them who decided."""
    parts, names = splits.Splits(wanted), _Names()
    several = 0
    with ExitStack() as stack:
        table = stack.enter_context(folder.table("metadata.csv", COLUMNS))
        many = stack.enter_context(folder.many())
        for seen in shots.chosen(wanted, folder, tell, parts):
            found = {each.seen.pk: each for each in seen.observed if each.seen is not None}
            if len(found) > 1 and not wanted.question.multi_label:
                several += 1
                continue
            path = wanted.contents.path(seen.shot)
            for each in found.values():
                if each.seen is None:
                    continue
                place = "/".join(filter(None, (seen.split, names.of(each.seen))))
                name = many.free(f"{place}/{_tidied(path.replace('/', '__'))[-LONGEST:]}")
                take(wanted, many, seen.shot, name)
                table((name, path, each.seen.name, seen.split, *shots.who(each.decision).values()))
    if several:
        folder.remark(f"Left out, for they show several classes, and a picture lies in one folder: {several} pictures.")


class _Names:
    """What the folders of classes are called: each its own, however alike the classes are."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def of(self, seen: KnownClass) -> str:
        if seen.pk not in self._names:
            name = found = _tidied(seen.name)[:LONGEST] or "_"
            number = 1
            taken = {each.casefold() for each in self._names.values()}
            while found.casefold() in taken:
                number += 1
                found = f"{name} {number}"
            self._names[seen.pk] = found
        return self._names[seen.pk]


def _tidied(name: str) -> str:
    """A name that any file system takes."""
    return _FORBIDDEN.sub(lambda found: "_" * len(found[0]), name)


EXPORTER = Exporter(
    name="image-folder",
    title=_("A folder for each class"),
    about=_("Pictures by class, as links or copies, as torchvision, Keras and many others read them."),
    lost="Boxes, questions that follow, events, places and times; who decided stands in a table beside.",
    write=write,
    options=(OWN, *splits.OPTIONS, shots.OF_PEOPLE),
)
