"""What was found in somebody's file, or done with it: numbers, the first of what is wrong, and a list of all of that.

The list is a table to download. It grows as records are read; where a run goes on after it broke off, it is cut to what
it was at the last record that was applied.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labeller.exchange.importers.base import NotTaken
from labeller.exchange.importers.reasons import REPAIRED, words
from labeller.samples import names
from labeller.samples.cells import defuse
from labeller.text import storable

FIRST = 5  # rows that are told of each kind
SHOWN = 12  # pictures of a preview
COLUMNS = ("line", "path", "taken", "reason", "words", "text")
COUNTED = (
    "records", "pictures", "labels", "boxes", "predictions", "blanks", "failures", "deployments", "placed", "changed",
)  # fmt: skip


class Account:
    """Counts, and the list. `report` is what is stored and shown."""

    def __init__(self, path: Path, report: dict[str, Any] | None = None, size: int = 0) -> None:
        self.numbers: dict[str, int] = {each: (report or {}).get(each, 0) for each in COUNTED}
        self._kinds: dict[str, dict[str, Any]] = {each["reason"]: each for each in (report or {}).get("wrong", ())}
        self._preview: list[Any] = list((report or {}).get("preview", ()))
        self._part = path.with_suffix(".part")
        self._path = path
        path.parent.mkdir(exist_ok=True)
        self._file = self._part.open("r+" if size and self._part.exists() else "w", newline="", encoding="utf-8")
        if size:
            self._file.truncate(size)
            self._file.seek(size)
        self._writer = csv.writer(self._file)
        if not size:
            self._writer.writerow(COLUMNS)

    def add(self, what: str, n: int = 1) -> None:
        self.numbers[what] += n

    def note(self, *problems: NotTaken) -> None:
        """Tell of rows that are not taken, or were put right."""
        for line, path, reason, text in problems:
            kind = self._kinds.setdefault(reason, {"reason": reason, "taken": reason in REPAIRED, "n": 0, "first": []})
            kind["n"] += 1
            path, text = storable(names.plain(path)), storable(names.plain(text))
            if len(kind["first"]) < FIRST:
                kind["first"].append([line, path[:300], text[:300]])
            said = words(reason, text)
            self._writer.writerow((line, defuse(path), int(kind["taken"]), reason, defuse(said), defuse(text)))

    @property
    def wants_preview(self) -> bool:
        return len(self._preview) < SHOWN

    def show(self, sample_id: int, path: str, said: Iterable[tuple[Any, str]]) -> None:
        """Keep a picture for the preview: its sample, and what is said of it or of boxes in it."""
        self._preview.append([sample_id, path[:300], [[box, storable(text)[:120]] for box, text in said]])

    def size(self) -> int:
        """Bytes of the list, all of which are on the disk's way."""
        self._file.flush()
        return self._file.tell()

    def report(self) -> dict[str, Any]:
        return {**self.numbers, "wrong": list(self._kinds.values()), "preview": self._preview}

    def close(self, *, is_whole: bool) -> None:
        """Put the list in sight, where all was gone through."""
        self._file.close()
        if is_whole:
            self._part.replace(self._path)
