"""Folders as classes: which folder level names them."""

import mimetypes
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from django.utils.translation import gettext as _

from labeller.codes import WorkerCode
from labeller.samples.scanning import FolderError
from labeller.text import clean, fold
from tl_core.notices import notice

# A first level of nothing but these divides a data set, and names no classes.
PARTS = {
    "train", "training", "trainset", "test", "testing", "testset", "val", "valid", "validation", "dev", "eval",
    "evaluation", "holdout",
}  # fmt: skip
SHOWN = 8  # names of one level


def name(path: str, level: int) -> str | None:
    """The name of the folder on that level above a file: 1 = the first, -1 = the last; None where there is none."""
    folders = path.split("/")[:-1]
    place = level - 1 if level > 0 else level
    return folders[place] if -len(folders) <= place < len(folders) else None


def counts(paths: Iterable[str], *, of_texts: bool = False) -> list[Counter[str]]:
    """How many photographs, or texts, lie in the folders of each level, by the folders' names."""
    found: list[Counter[str]] = []
    for folders in _counted(paths, of_texts):
        for place, folder in enumerate(folders):
            if place == len(found):
                found.append(Counter())
            found[place][folder] += 1
    return found


def _counted(paths: Iterable[str], of_texts: bool) -> list[list[str]]:
    """The folders above each photograph, or above all else where texts are meant; of every file where there is none."""
    every, meant = [], []
    for path in paths:
        folders = path.split("/")[:-1]
        every.append(folders)
        if _is_picture(path.rpartition(".")[2].lower()) != of_texts:
            meant.append(folders)
    return meant or every


@lru_cache(maxsize=1000)
def _is_picture(suffix: str) -> bool:
    kind = mimetypes.guess_type(f"x.{suffix}")[0] or ""
    return kind.startswith("image/") or suffix in {"heic", "heif", "avif", "webp", "dng", "cr2", "cr3", "nef", "arw"}


def first_that_names(levels: list[Counter[str]]) -> int:
    """The level that names the class where nobody says which: the first, or what lies below train, val and test."""
    is_divided = len(levels) > 1 and all(folder.lower() in PARTS for folder in levels[0])
    return 2 if is_divided else 1


def chosen(levels: list[Counter[str]], level: int | None) -> int:
    """The level that is meant. Raises FolderError where there is none such."""
    if not levels:
        raise FolderError(notice(WorkerCode.NO_FOLDER_LEVELS))
    if level is None:
        return first_that_names(levels)
    if not 1 <= abs(level) <= len(levels):
        raise FolderError(notice(WorkerCode.NO_SUCH_LEVEL, level=level, levels=outline(levels)))
    return level


def outline(levels: list[Counter[str]]) -> str:
    """All levels with examples: “1 deer, fox · 2 cam1, cam2”."""
    return " · ".join(f"{number} {_examples(folders)}" for number, folders in enumerate(levels, 1))


def _examples(folders: Counter[str]) -> str:
    return ", ".join(sorted(folders)[:3]) + (" …" if len(folders) > 3 else "")


def described(paths: list[str], level: int | None, hint: str = "", *, of_texts: bool = False) -> list[str]:
    """What will be the classes, in sentences. Raises FolderError where there is no such level."""
    levels = counts(paths, of_texts=of_texts)
    is_chosen = level is not None
    level = chosen(levels, level)
    named = filter(None, (name("/".join([*folders, ""]), level) for folders in _counted(paths, of_texts)))
    spelled: dict[str, str] = {}  # two spellings of one look will be one class
    numbers = Counter(spelled.setdefault(fold(each), clean(each)) for each in named)
    shown = ", ".join(f"{folder} {n:,}" for folder, n in sorted(numbers.items())[:SHOWN])
    if len(numbers) > SHOWN:
        shown += " " + _("and %(n)d more") % {"n": len(numbers) - SHOWN}
    lines = []
    if not is_chosen and level == 2:
        parts = ", ".join(sorted(levels[0]))
        lines.append(_("%(parts)s are taken for parts of a data set, not for classes.") % {"parts": parts})
    values = {"level": level, "classes": shown, "levels": outline(levels), "hint": hint or _("choose with LEVEL=2")}
    if len(levels) > 1:
        detail = _("classes from folder level %(level)d: %(classes)s (levels: %(levels)s · %(hint)s)")
    else:
        detail = _("classes from folder level %(level)d: %(classes)s")
    return [*lines, detail % values]
