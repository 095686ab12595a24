"""Which file of a folder a path in a table means: only where that is certain.

Certain is the path itself; the same but for slashes, upper case, blanks and the form of accents; one below a folder
that all rows share, or that is the folder itself; and the end of a path that one file alone has. Files and rows are
indexed once, so that a million of each takes seconds.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from labeller.samples import names
from labeller.samples.tables import FILE_NAME, Problem, Row
from labeller.text import fold

SEVERAL = ""  # stands in an index for a key of several files
DEEPEST = 12  # folders that a table's paths may lack or have above the source's


@dataclass
class Matched:
    """The rows of each file that is named, and the rows that name none, or several."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def match(rows: list[Row], files: Iterable[str], root: str) -> Matched:
    """Find the file of each row; `files` are paths relative to the folder `root`, with forward slashes."""
    index = _Index(files)
    found = Matched()
    left: list[tuple[Row, str]] = []
    for row in rows:
        if file := index.find(row.path):
            found.rows.setdefault(file, []).append(row)
        else:
            left.append((row, _key(row.path)))
    if left:
        _match_rest(left, len(left) == len(rows), index, root, found)
    return found


def _match_rest(left: list[tuple[Row, str]], is_all: bool, index: "_Index", root: str, found: Matched) -> None:
    prefixes = _prefixes([key for _row, key in left], is_all, index, root)
    for row, key in left:
        file = next(
            (hit for prefix in prefixes if key.startswith(prefix) and (hit := index.folded_at(key[len(prefix) :]))),
            None,
        )
        if file is None:
            file = index.ending(key)
        if file:
            found.rows.setdefault(file, []).append(row)
        else:
            kind = "no-file" if file is None else "several-files"
            found.problems.append(Problem(kind, row.line, row.path.strip()))


def _key(path: str) -> str:
    """The path as it is compared: forward slashes, no blanks around names, no `./`, no upper case."""
    key = fold(path.replace("\\", "/").strip().strip("\"'"))
    key = re.sub(r" ?/ ?", "/", key) if " " in key else key
    if "//" in key or "./" in key:
        parts = [part for part in key.split("/") if part not in {"", "."}]
        key = ("/" if key.startswith("/") else "") + "/".join(parts)
    return key


class _Index:
    """The files of a folder, by what a table may call them."""

    def __init__(self, files: Iterable[str]) -> None:
        self.exact = set(files)
        self._folded: dict[str, str] = {}
        self._ends: dict[tuple[int, bool], dict[str, str]] = {}

    @property
    def folded(self) -> dict[str, str]:
        if not self._folded:
            self._folded = _by_key((_key(name), file) for file in self.exact for name in (file, *_otherwise(file)))
        return self._folded

    def find(self, path: str) -> str | None:
        """The file of exactly that path, or the one whose path looks the same."""
        if path in self.exact:
            return path
        slashed = path.replace("\\", "/").strip()
        if slashed in self.exact:
            return slashed
        return self.folded.get(_key(path)) or None

    def folded_at(self, key: str) -> str | None:
        return self.folded.get(key) or None

    def ending(self, key: str) -> str | None:
        """The file whose path ends so; SEVERAL where more do, None where none does."""
        key = key.strip("/")
        depth, has_suffix = key.count("/") + 1, bool(FILE_NAME.search(key))
        if depth > DEEPEST:
            return None
        if (depth, has_suffix) not in self._ends:
            pairs = ((file_key.split("/"), file) for file_key, file in self.folded.items())
            ends = (("/".join(parts[-depth:]), file) for parts, file in pairs if len(parts) >= depth)
            if not has_suffix:
                ends = ((end.rpartition(".")[0], file) for end, file in ends)
            self._ends[depth, has_suffix] = _by_key(ends)
        return self._ends[depth, has_suffix].get(key)


def _otherwise(file: str) -> Iterator[str]:
    """What a table may call a file whose name is stored escaped: the name itself, or as Latin-1 where it is that."""
    if "%" in file and (name := names.decode(file)) != file:
        is_text = not any("\ud800" <= character <= "\udfff" for character in name)
        yield name if is_text else os.fsencode(name).decode("latin-1")


def _by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, file in pairs:
        found[key] = file if found.get(key, file) == file else SEVERAL
    return found


def _prefixes(keys: list[str], is_all: bool, index: _Index, root: str) -> list[str]:
    """What may be cut off from the beginnings of these paths, the longest first.

    A folder above counts where its end is that of the source itself, or where every row of the table lies in it.
    """
    votes: Counter[str] = Counter()
    for key in keys:
        for place, character in enumerate(key):
            if character == "/" and index.folded_at(key[place + 1 :]):
                votes[key[: place + 1]] += 1
                break
    root_parts = _key(root).strip("/").split("/")
    return [
        prefix
        for prefix, _count in sorted(votes.items(), key=lambda vote: -len(vote[0]))
        if (is_all and all(key.startswith(prefix) for key in keys)) or _is_of_root(prefix, root_parts)
    ]


def _is_of_root(prefix: str, root: list[str]) -> bool:
    """Whether a prefix ends with the folder's own name: `season/`, `D:/backup/season/`, `/data/season/`."""
    return prefix.strip("/").split("/")[-1] == root[-1]
