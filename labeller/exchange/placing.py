"""Which picture of a project a path in somebody's file means, however many there are of either.

Certain is the path itself; the same below a folder that the file's paths have above the source's, or lack (both are
guessed from the first of them, shown, and may be corrected); the same but for upper case and the form of accents; and
the end of a path that one picture alone has. The last two are looked up in a file on disk, made when first needed.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import QuerySet

from labeller.exchange.importers.spill import Spill
from labeller.projects.models import Project
from labeller.samples import names
from labeller.samples.bursts import pages
from labeller.samples.models import File, Refusal, Sample
from labeller.text import fold

LOOKED_AT = 300  # paths that tell what all of them have above, or lack
ENDED = 10  # of them, whose ends are looked for where their beginnings are of no picture
PAGE = 400  # paths in one query: databases take only so many values


class Placed(NamedTuple):
    """A picture of the project, and the sample that is the whole of it (None: there are only parts)."""

    file_id: int
    width: int
    height: int
    sample_id: int | None
    deployment_id: int | None
    has_clock: bool


@dataclass(frozen=True)
class Shift:
    """How paths in a file become those of pictures: what is cut off from their beginnings, and what is put there."""

    cut: str = ""
    add: str = ""

    def __call__(self, path: str) -> str:
        return names.encode(self.add + tidied(path).removeprefix(self.cut))


def tidied(path: str) -> str:
    """The path with forward slashes, without quotation marks, blanks at its ends and `./`."""
    path = path.strip().strip("\"'").replace("\\", "/")
    if "//" in path.removeprefix("//").partition("://")[2 if "://" in path else 0] or "./" in path:
        scheme, mark, rest = path.rpartition("://")
        parts = [part for part in rest.split("/") if part not in {"", "."}]
        path = scheme + mark + ("/" if rest.startswith("/") else "") + "/".join(parts)
    return path


def guess(project: Project, paths: Sequence[str]) -> Shift:
    """What is to be cut off from paths such as these, or put in front, so that most of them are pictures."""
    looked = [tidied(path) for path in paths[:LOOKED_AT]]
    ends = {names.encode(end) for path in looked for end in _ends(path)}
    there = _there(project, ends)
    votes: Counter[str] = Counter()
    for path in looked:
        for end in _ends(path):
            if names.encode(end) in there:
                votes[path[: len(path) - len(end)]] += 1
                break
    if votes:
        cut, n = votes.most_common(1)[0]
        return Shift(cut=cut) if 2 * n >= len(looked) or not votes[""] else Shift()
    return Shift(add=_lacking(project, looked[:ENDED]))


def _ends(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[start:]) for start in range(len(parts)))


def _there(project: Project, paths: set[str]) -> set[str]:
    found: set[str] = set()
    wanted = sorted(paths)
    for start in range(0, len(wanted), PAGE):
        some = wanted[start : start + PAGE]
        found.update(_files(project).filter(path__in=some).values_list("path", flat=True))
    return found


def _lacking(project: Project, paths: Sequence[str]) -> str:
    """The folders that paths lack at their beginnings, where pictures end so."""
    votes: Counter[str] = Counter()
    for path in paths:
        end = f"/{names.encode(path)}"
        ended = _files(project).filter(path__endswith=end).values_list("path", flat=True)
        votes.update(each[: len(each) - len(end) + 1] for each in ended[:PAGE])
    return votes.most_common(1)[0][0] if votes else ""


def _files(project: Project) -> "QuerySet[File]":
    # By the sources: the index of paths begins with them.
    return File.objects.filter(source__in=list(project.sources.values_list("pk", flat=True)), kind=File.Kind.IMAGE)


class Finder:
    """Finds pictures by their paths, some hundred at a time."""

    def __init__(self, project: Project, shift: Shift, spill: Spill) -> None:
        self.project, self.shift, self._spill = project, shift, spill
        self._sources = list(project.sources.values_list("pk", flat=True))
        self._has_ends = False

    def find(self, paths: Sequence[tuple[str, str]]) -> list[Placed | str]:
        """The picture of each path, or of the other one beside it; else the code of why there is none."""
        keys = [tuple(self.shift(each) for each in pair if each) for pair in paths]
        exact = self._exact({spelt for pair in keys for key in pair for spelt in _spellings(key)})
        found: list[int | str] = []
        for pair in keys:
            hits = {pk for key in pair[:1] for spelt in _spellings(key) for pk in exact.get(spelt, ())}
            hits = hits or {pk for key in pair[1:] for spelt in _spellings(key) for pk in exact.get(spelt, ())}
            found.append(hits.pop() if len(hits) == 1 else "several-files" if hits else self._ending(pair))
        placed = self._placed({each for each in found if isinstance(each, int)})
        return [placed[each] if isinstance(each, int) else each for each in found]

    def _exact(self, paths: set[str]) -> dict[str, set[int]]:
        """Pictures by their paths, and those whose content lies under another path as well."""
        found: dict[str, set[int]] = {}
        wanted = sorted(paths)
        for start in range(0, len(wanted), PAGE):
            some = wanted[start : start + PAGE]
            files = File.objects.filter(source__in=self._sources, path__in=some, kind=File.Kind.IMAGE)
            for path, pk in files.values_list("path", "pk"):
                found.setdefault(path, set()).add(pk)
            left = [path for path in some if path not in found]
            twins = Refusal.objects.filter(source__in=self._sources, path__in=left, row=None, twin__isnull=False)
            for path, pk in twins.values_list("path", "twin") if left else ():
                found.setdefault(path, set()).add(pk)
        return found

    def _ending(self, pair: tuple[str, ...]) -> int | str:
        """The one picture whose path ends so, upper case and accents' form aside."""
        if not self._has_ends:
            self._index()
        for key in pair:
            rows = self._spill.execute("SELECT file FROM ending WHERE key = ?", (_end(key),))
            row = next(rows, None)
            if row is not None:
                return row[0] or "several-files"
        return "no-file"

    def _index(self) -> None:
        self._spill.execute("CREATE TABLE ending (key TEXT PRIMARY KEY, file INTEGER) WITHOUT ROWID")
        files = File.objects.filter(source__in=self._sources, kind=File.Kind.IMAGE)
        rows: list[tuple[str, int]] = []
        for pk, path in pages(files, "path"):
            parts = path.split("/")
            for depth in {1, 2, 3, len(parts)}:
                if depth <= len(parts):
                    end = _end("/".join(parts[-depth:]))
                    rows += [(end, pk), (end.rpartition(".")[0] or end, pk)]  # some formats leave suffixes out
            if len(rows) > 20_000:
                self._keep(rows)
        self._keep(rows)
        self._has_ends = True

    def _keep(self, rows: list[tuple[str, int]]) -> None:
        """Keep keys of pictures; 0 stands for one of several."""
        self._spill.insert(
            "INSERT INTO ending VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET file = 0 WHERE file <> excluded.file",
            rows,
        )
        rows.clear()

    def _placed(self, pks: set[int]) -> dict[int, Placed]:
        found: dict[int, Placed] = {}
        wanted = sorted(pks)
        for start in range(0, len(wanted), PAGE):
            some = wanted[start : start + PAGE]
            wholes = dict(Sample.objects.filter(file__in=some, part=Sample.Part.WHOLE).values_list("file", "pk"))
            files = File.objects.filter(pk__in=some)
            for pk, width, height, deployment, clock in files.values_list(
                "pk", "width", "height", "deployment", "clock_time"
            ):
                found[pk] = Placed(pk, width or 1, height or 1, wholes.get(pk), deployment, clock is not None)
        return found


def _spellings(path: str) -> set[str]:
    """The path, and the same with accents written the other way."""
    if path.isascii():
        return {path}
    return {path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path)}


def _end(path: str) -> str:
    return re.sub(r"^([a-z]:)?/+", "", fold(path))
