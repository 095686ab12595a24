"""Walking a folder: which files are new."""

import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from labeller.codes import WorkerCode
from labeller.messages import Explained
from labeller.samples import names
from labeller.samples.models import File, Refusal, Source
from labeller.samples.walking import ABOUT, LEADS_OUT, Found, walk
from tl_core.images import is_url
from tl_core.notices import Notice, notice

READER = 1  # raised when more kinds of files can be read: what was refused before is looked at once more
# Reasons that lie around a file, not in it, and that may pass without its changing.
RETRIED = {"missing", "no-permission", "failed", "link", "unreadable-folder", "name-too-long"}
SOME = 5  # names in a message
PAGE = 5_000  # rows read at once


class FolderError(Explained):
    """The folder can't be used; the reason says why in one line."""


def tidy_folder(folder: Path | str) -> Path | str:
    """The folder in full: an absolute path, or a URL without a slash at its end."""
    return str(folder).rstrip("/") if is_url(folder) else Path(folder).expanduser().resolve()


def check_folder(folder: Path | str, *, follows_links: bool | None = None, may_be_file: bool = False) -> None:
    """Raises FolderError for a folder that can't be opened: see `check_readable`, and not one in DATA."""
    if not is_url(folder):
        _check_place(Path(folder).resolve())
    follows_links = settings.FOLLOW_LINKS if follows_links is None else follows_links
    check_readable(folder, follows_links=follows_links, may_be_file=may_be_file)


def _check_place(path: Path) -> None:
    data = Path(settings.DATA).resolve()
    if path.is_relative_to(data) and not path.is_relative_to(data / "demo"):
        detail = _("%(path)s lies in %(data)s, where this program keeps its own files: set DATA to another folder.")
        raise FolderError(detail % {"path": names.shown(path), "data": names.shown(data)})


def check_readable(folder: Path | str, *, follows_links: bool = False, may_be_file: bool = False) -> None:
    """Raises FolderError for a folder that is missing, no folder, unreadable or without a single file to look at.

    With `may_be_file`, a file that can be read will do, but nothing in an object store.
    """
    if is_url(folder):
        if may_be_file:
            raise FolderError(notice(WorkerCode.TEXTS_ARE_LOCAL, url=str(folder)))
        _check_url(str(folder))
        return
    path = Path(folder)
    shown = names.shown(path)
    if not path.exists():
        raise FolderError(notice(WorkerCode.FOLDER_MISSING, path=shown))
    if may_be_file and path.is_file():
        if not os.access(path, os.R_OK):
            raise FolderError(notice(WorkerCode.FOLDER_FORBIDDEN, path=shown))
        return
    if not path.is_dir():
        raise FolderError(notice(WorkerCode.NO_FOLDER, path=shown))
    if not os.access(path, os.R_OK | os.X_OK):
        raise FolderError(notice(WorkerCode.FOLDER_FORBIDDEN, path=shown))
    problems = []
    for found in walk(path, follows_links=follows_links):
        if not found.reason:
            return
        problems.append(found)
    raise FolderError(_nothing_in(path, problems))


def _nothing_in(path: Path, problems: list[Found]) -> Notice:
    """Why nothing in the folder can be looked at, and what to do about it."""
    some = ", ".join(found.path for found in problems[:SOME]) + (", …" if len(problems) > SOME else "")
    shown = names.shown(path)
    if not problems:
        return notice(WorkerCode.FOLDER_EMPTY, path=shown)
    if all(found.detail == LEADS_OUT for found in problems):
        return notice(WorkerCode.ONLY_LINKS, path=shown, n=len(problems), some=some)
    return notice(WorkerCode.NOTHING_READABLE, path=shown, some=some, detail=problems[0].detail or "")


def _check_url(url: str) -> None:
    """An object store is read only where the operator says so: else anybody's server could be asked for files."""
    if not any(url == allowed or url.startswith(f"{allowed}/") for allowed in settings.IMAGE_URLS):
        detail = _("%(url)s may not be imported: name it, or a folder above it, in IMAGE_URLS or STORAGE_URL.")
        raise FolderError(detail % {"url": url})
    try:
        first = next(walk(url), None)
    except OSError as error:
        raise FolderError(notice(WorkerCode.URL_UNREADABLE, url=url, error=str(error))) from error
    if first is None:
        raise FolderError(notice(WorkerCode.FOLDER_EMPTY, path=url))


@dataclass
class Look:
    """What a walk through a source's folder found, against what is known of it."""

    fresh: list[Found] = field(default_factory=list)  # not known yet, and no refusal that still holds
    changed: list[Found] = field(default_factory=list)  # known, but not as it was then
    problems: list[Found] = field(default_factory=list)  # can't be looked at, and why
    gone: set[str] = field(default_factory=set)  # known paths at which there is no file any more
    settled: set[str] = field(default_factory=set)  # paths of refusals of which nothing is left
    left_out: Counter[str] = field(default_factory=Counter)


def look(source: Source, *, only: Collection[str] | None = None, problems: Iterable[Found] = ()) -> Look:
    """Compare the folder with the rows by path, size and time of change: no file is opened.

    With `only`, of the files in it just these are meant. `problems` is what else is known not to be usable.
    """
    found = Look()
    known = {path: stamp for path, *stamp in _stamps(File.objects.filter(source=source))}
    refusals = Refusal.objects.filter(source=source, row=None)
    refused = {path: rest for path, *rest in _stamps(refusals, "reason")}
    has_all_looked = source.reader == READER
    again: list[Found] = []  # duplicates, of what may be gone now
    walked = walk(source.root, follows_links=source.follows_links, left_out=found.left_out)
    for file in itertools.chain(problems, walked):
        if only is not None and not file.reason and file.path not in only:
            found.left_out[ABOUT] += 1
            continue
        stamp = known.pop(file.path, None)
        refusal = refused.pop(file.path, None)
        holds = _holds(refusal, file) and (has_all_looked or stamp is not None)
        if file.reason:
            found.problems.append(file)
        elif stamp is not None:
            if (stamp != [file.bytes, file.modified_ns] and not holds) or (refusal and refusal[2] in RETRIED):
                found.changed.append(file)
        elif not holds:
            found.fresh.append(file)
        elif refusal and refusal[2] == "duplicate":
            again.append(file)
    found.gone = known.keys() - {file.path for file in found.problems}
    found.settled = refused.keys() - found.gone
    sizes = {known[path][0] for path in found.gone} | {file.bytes for file in found.changed}
    found.fresh += [file for file in again if file.bytes in sizes or found.changed]
    found.fresh = spread(found.fresh)
    return found


def _stamps(rows: QuerySet[Any], *fields: str) -> Iterator[tuple[Any, ...]]:
    """Path, size, time of change and these fields of all rows, a page at a time: an open read keeps others waiting."""
    last = 0
    while page := list(
        rows.filter(pk__gt=last).order_by("pk").values_list("pk", "path", "bytes", "modified_ns", *fields)[:PAGE]
    ):
        for _pk, *row in page:
            yield tuple(row)
        last = page[-1][0]


def _holds(refusal: list[Any] | None, file: Found) -> bool:
    """Whether the file is as it was when it was refused, for something that only another file would mend."""
    return refusal is not None and refusal[:2] == [file.bytes, file.modified_ns] and refusal[2] not in RETRIED


def spread(files: list[Found]) -> list[Found]:
    """Order files so that any first part of them is a fair picture of the whole, and the same on every run.

    A folder stands for a camera's deployment, and the order of names in it for time. From each folder every prefix
    takes its share, at places that lie evenly in time (the van der Corput sequence): a systematic sample, which strays
    less from the whole than a random one. A folder's phase is a hash, so small folders come in as often as is fair.
    """
    folders: dict[str, list[Found]] = {}
    for found in sorted(files, key=lambda found: found.path):
        folders.setdefault(found.path.rpartition("/")[0], []).append(found)
    keyed = []
    for folder, members in folders.items():
        phase = int.from_bytes(hashlib.sha256(folder.encode()).digest()[:6], "big") / 2**48
        halving = sorted(range(len(members)), key=_van_der_corput)
        keyed += [((turn + phase) / len(members), members[place]) for turn, place in enumerate(halving)]
    return [found for _, found in sorted(keyed, key=lambda pair: (pair[0], pair[1].path))]


def _van_der_corput(place: int) -> float:
    """The binary digits of a number, mirrored at the point: 0, 1/2, 1/4, 3/4, 1/8, …"""
    return int(f"{place:b}"[::-1], 2) / (1 << place.bit_length()) if place else 0.0
