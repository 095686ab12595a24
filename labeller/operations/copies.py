"""Copies of the SQLite file from before upgrades, to go back to.

A copy has its name once it is whole. The one from before an upgrade that has not come to its end is named in a file
beside: an upgrade that ends in the middle goes on at the next start, and then the database is no longer what it was.
"""

import contextlib
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

from labeller.operations.supervisor import StartError
from tl_core.store import files

KEPT = 3
UNFINISHED = "unfinished"
SPARE = 20_000_000  # bytes that stay free
STEP = 5_000  # pages copied between two looks at what else is up, such as Ctrl-C


def set_aside(database: Path, folder: Path, version: str) -> Path:
    """Copy the database, as it is before an upgrade to that version, into the folder. Raises StartError without room.

    In the place of a copy from before an upgrade that has changed nothing yet; the oldest beyond those kept go.
    """
    files.make_directory(folder)
    files.remove_abandoned(folder, older_than_seconds=0)  # nobody else works on a DATA that is being upgraded
    _check_room(database, folder)
    needless = _unfinished(folder)
    copy = folder / f"labeller-{datetime.now():%Y-%m-%d-%H%M%S-%f}-before-{version}.sqlite3"
    with files.replacing(copy) as part:
        _copy(database, part)
    files.write_bytes(folder / UNFINISHED, copy.name.encode())
    if needless:
        needless.unlink(missing_ok=True)
    for old in sorted(folder.glob("labeller-*-before-*.sqlite3"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return copy


def of_begun(database: Path, folder: Path) -> Path | None:
    """The copy from before the upgrade that this database is in the middle of, if it is."""
    copy = _unfinished(folder)
    return copy if copy and _migrations(copy) < _migrations(database) else None


def finish(folder: Path) -> None:
    """The upgrade has come to its end."""
    (folder / UNFINISHED).unlink(missing_ok=True)


def _unfinished(folder: Path) -> Path | None:
    try:
        copy = folder / (folder / UNFINISHED).read_text()
    except FileNotFoundError:
        return None
    return copy if copy.is_file() else None


def _check_room(database: Path, folder: Path) -> None:
    # Once for the copy, once for a migration that writes its table anew.
    needed, free = 2 * database.stat().st_size + SPARE, shutil.disk_usage(folder).free
    if free < needed:
        raise StartError(
            f"Bringing this site up to date takes {needed // 1_000_000} MB, half of it for a copy of the database, and "
            f"{free // 1_000_000} MB are free at {folder}: make room, then start again."
        )


def _copy(database: Path, target: Path) -> None:
    """By SQLite itself: it takes back what a process that was killed has left half-written."""
    with contextlib.closing(_open(database)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy, pages=STEP, progress=lambda *progress: _look_up(*progress))


def _look_up(status: int, remaining: int, total: int) -> None:
    """Called now and then while the database is copied: signals are heard while Python runs."""


def _migrations(database: Path) -> frozenset[tuple[str, str]]:
    with contextlib.closing(_open(database)) as opened:
        return frozenset(opened.execute("SELECT app, name FROM django_migrations").fetchall())


def _open(database: Path) -> sqlite3.Connection:
    """The database; writable, for what is half-written can't be taken back otherwise."""
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True, timeout=20)
