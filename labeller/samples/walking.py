"""All files below a folder: none is skipped without a word, none is seen twice, and nothing outside is read unasked.

What can't become a sample comes with its reason. What is left out on purpose (hidden files, what systems and this
program leave behind) is counted by its kind.
"""

import datetime
import errno
import os
import stat
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from labeller.codes import WorkerCode
from labeller.samples import names
from tl_core.images import is_url
from tl_core.notices import Notice, notice
from tl_core.store import storage

# What network drives, Windows, macOS and Linux leave in folders, without the difference of case.
LEFT_BEHIND = {
    *("@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot", "$recycle.bin", "recycler", "recycled"),
    *("system volume information", "lost+found", "__macosx", "found.000", "thumbs.db", "ehthumbs.db", "desktop.ini"),
}
HIDDEN, OWN, LINKS, ABOUT = "hidden", "own", "links", "about"
OWN_FILES = {"secret_key", "derivatives"}  # a folder that holds both is the data directory of a site
LEADS_OUT = notice(WorkerCode.LEADS_OUT)
TOO_LONG = notice(WorkerCode.PATH_TOO_LONG)


@dataclass(frozen=True, slots=True)
class Found:
    """A file in the folder, its path relative to it and as it is stored; with a reason, it can't be taken."""

    path: str
    bytes: int = 0
    modified_ns: int = 0
    reason: str = ""
    detail: Notice | None = None


def walk(root: Path | str, *, follows_links: bool = False, left_out: Counter[str] | None = None) -> Iterator[Found]:
    """All that is in the folder, in the same order each time; `left_out` is told how many of what were left out.

    A file is all that there is in itself.
    """
    counted = Counter[str]() if left_out is None else left_out
    if is_url(root):
        yield from _walk_url(str(root), counted)
    elif Path(root).is_file():
        yield _file(Path(root).name, Path(root).stat())
    else:
        yield from _Walk(Path(root), follows_links, counted).files()


def left_behind(name: str) -> str:
    """Of which kind that is left out a file or folder of this name is; "" where it isn't."""
    if name.startswith("."):
        return HIDDEN
    return name if name.casefold() in LEFT_BEHIND else ""


class _Walk:
    """One walk: where it has been, and which linked folders are still to be looked at."""

    def __init__(self, root: Path, follows_links: bool, left_out: Counter[str]) -> None:
        self.root, self.home = root, root.resolve()
        self.follows_links, self.left_out = follows_links, left_out
        self.own = [path.resolve() for path in (settings.DATA, settings.RUNTIME)]
        self.seen: set[tuple[int, int]] = set()
        # Last, so that what a link within the folder leads to is found at its own place first.
        self.links: deque[tuple[str, str]] = deque()

    def files(self) -> Iterator[Found]:
        yield from self._tree(str(self.root), "")
        while self.links:
            yield from self._tree(*self.links.popleft())

    def _tree(self, top: str, path: str) -> Iterator[Found]:
        """A folder and all below it, links to folders left for later. A stack: folders may nest deeper than calls."""
        waiting = [(top, path)]
        while waiting:
            folder, path = waiting.pop()
            try:
                entries = self._entries(folder)
            except OSError as error:
                yield _problem(path or ".", "unreadable-folder", error)
                continue
            inner = []
            for entry in entries:
                inside = f"{path}/{entry.name}" if path else entry.name
                try:
                    if entry.is_dir(follow_symlinks=False):
                        inner.append((entry.path, inside))
                    else:
                        yield from self._file(entry, inside)
                except FileNotFoundError:
                    continue  # gone between the listing and now
                except OSError as error:
                    yield _problem(inside, "no-permission", error)
            waiting += reversed(inner)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        """What is in the folder and not left out, by name; nothing of one that was looked at already."""
        status = Path(folder).stat()
        place = (status.st_dev, status.st_ino)
        if place in self.seen:
            self.left_out[LINKS] += 1
            return []
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        self.seen.add(place)
        if self._is_own(folder, entries):
            self.left_out[OWN] += 1
            return []
        kept = []
        for entry in entries:
            if kind := left_behind(entry.name):
                self.left_out[kind] += 1
            else:
                kept.append(entry)
        return kept

    def _is_own(self, folder: str, entries: list[os.DirEntry[str]]) -> bool:
        """Whether this program keeps its own files there, this site's or another one's."""
        if any(own.name == Path(folder).name and own == Path(folder).resolve() for own in self.own):
            return True
        return len(OWN_FILES & {entry.name for entry in entries}) == len(OWN_FILES)

    def _file(self, entry: os.DirEntry[str], path: str) -> Iterator[Found]:
        if entry.is_symlink():
            yield from self._link(entry, path)
        elif entry.is_file(follow_symlinks=False):
            yield _file(path, entry.stat(follow_symlinks=False))
        else:
            yield _special(path)

    def _link(self, entry: os.DirEntry[str], path: str) -> Iterator[Found]:
        """A link is followed to what lies in the folder, and further only where that was asked for."""
        target = Path(os.path.realpath(entry.path))
        try:
            status = Path(entry.path).stat()
        except FileNotFoundError:
            yield _named(path, "missing", notice(WorkerCode.DEAD_LINK))
            return
        except OSError as error:
            is_circle = error.errno == errno.ELOOP
            circle = notice(WorkerCode.LINK_CIRCLE)
            yield _named(path, "link", circle) if is_circle else _problem(path, "link", error)
            return
        if any(target.is_relative_to(own) for own in self.own):
            self.left_out[OWN] += 1
        elif not (self.follows_links or target.is_relative_to(self.home)):
            yield _named(path, "link", LEADS_OUT)
        elif stat.S_ISDIR(status.st_mode):
            self.links.append((entry.path, path))
        elif stat.S_ISREG(status.st_mode):
            yield _file(path, status)
        else:
            yield _special(path)


def _file(path: str, status: os.stat_result) -> Found:
    stored = names.encode(path)
    short = names.shortened(stored)
    reason, detail = ("name-too-long", TOO_LONG) if short != stored else ("", None)
    return Found(short, status.st_size, status.st_mtime_ns, reason, detail)


def _named(path: str, reason: str, detail: Notice) -> Found:
    return Found(names.shortened(names.encode(path)), reason=reason, detail=detail)


def _special(path: str) -> Found:
    return _named(path, "not-an-image", notice(WorkerCode.SPECIAL_FILE))


def _problem(path: str, reason: str, error: OSError) -> Found:
    if isinstance(error, PermissionError):
        return _named(path, reason, notice(WorkerCode.NO_PERMISSION))
    return _named(path, reason, notice(WorkerCode.UNREADABLE, error=error.strerror or str(error)))


# --- object stores --------------------------------------------------------------------------------


def _walk_url(url: str, left_out: Counter[str]) -> Iterator[Found]:
    with storage.remote(url) as (store, top):
        found = store.find(top, detail=True)
    for name, entry in sorted(found.items()):
        path = name.removeprefix(top).strip("/")
        kind = next(filter(None, map(left_behind, path.split("/"))), "")
        if kind:
            left_out[kind] += 1
            continue
        stored = names.encode(path)
        short = names.shortened(stored)
        reason, detail = ("name-too-long", TOO_LONG) if short != stored else ("", None)
        yield Found(short, entry["size"] or 0, _modified_ns(entry), reason, detail)


def _modified_ns(entry: dict[str, Any]) -> int:
    """When an object was last written, in nanoseconds; each kind of store calls it otherwise."""
    for name in ("LastModified", "last_modified", "updated", "mtime", "created"):
        if isinstance(when := entry.get(name), datetime.datetime):
            when = when.timestamp()
        if isinstance(when, int | float):
            return int(when * 1e9)
    return 0
