"""Rows on disk while they are put in order: what a file says of one picture may stand anywhere in it.

A database of SQLite without a name: what memory does not hold lies in a file that is gone with the process, even where
it is killed.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

TOGETHER = 1_000  # rows written at once


class Spill:
    """Things kept under a key, in the order in which they came."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -20000;"
            "CREATE TABLE row (kind TEXT, key TEXT, line INTEGER, content TEXT);"
            "CREATE TABLE known (kind TEXT, key TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID;"
        )
        self._waiting: list[tuple[str, str, int, str]] = []

    def add(self, kind: str, key: str, line: int, content: Any) -> None:
        self._waiting.append((kind, key, line, json.dumps(content, separators=(",", ":"))))
        if len(self._waiting) >= TOGETHER:
            self._write()

    def _write(self) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO row VALUES (?, ?, ?, ?)", self._waiting)
        self._database.execute("COMMIT")
        self._waiting.clear()

    def ordered(self) -> None:
        """All was added: from here on it can be looked up."""
        self._write()
        self._database.execute("CREATE INDEX by_key ON row (kind, key, line)")

    def is_new(self, kind: str, key: str) -> bool:
        """Whether an id did not come before."""
        statement = "INSERT OR IGNORE INTO known VALUES (?, ?) RETURNING 1"
        return self._database.execute(statement, (kind, key)).fetchone() is not None

    def get(self, kind: str, key: str) -> list[tuple[int, Any]]:
        """What was kept under a key, with the lines."""
        rows = self._database.execute(
            "SELECT line, content FROM row WHERE kind = ? AND key = ? ORDER BY line", (kind, key)
        )
        return [(line, json.loads(content)) for line, content in rows]

    def each(self, kind: str) -> Iterator[tuple[str, int, Any]]:
        """All of one kind with key and line, those of one key together."""
        rows = self._database.execute("SELECT key, line, content FROM row WHERE kind = ? ORDER BY key, line", (kind,))
        for key, line, content in rows:
            yield key, line, json.loads(content)

    def groups(self, kind: str) -> Iterator[tuple[str, list[tuple[int, Any]]]]:
        """What was kept under each key together, keys in their order."""
        last, gathered = None, list[tuple[int, Any]]()
        for key, line, content in self.each(kind):
            if key != last:
                if last is not None:
                    yield last, gathered
                last, gathered = key, []
            gathered.append((line, content))
        if last is not None:
            yield last, gathered

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """A statement of our own, for tables of an importer's own."""
        return iter(self._database.execute(statement, values))

    def insert(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """One statement with the values of many rows."""
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

    def close(self) -> None:
        self._database.close()


@contextmanager
def spilling() -> Iterator[Spill]:
    """A place for rows, as long as they are needed."""
    spill = Spill()
    try:
        yield spill
    finally:
        spill.close()
