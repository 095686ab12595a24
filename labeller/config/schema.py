"""Whether the database is of this version of the program. A database of another version is
left alone: rows written without knowing its columns would lack something, and that would show much later."""

import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SqliteDatabase
from django.db.migrations.executor import MigrationExecutor

Migration = tuple[str, str]  # app and name


@dataclass(frozen=True)
class Schema:
    """Which migrations a database has had."""

    applied: frozenset[Migration]
    missing: tuple[Migration, ...]  # known to this program, in the order to come
    unknown: tuple[Migration, ...]  # of a later version

    @property
    def problem(self) -> str:
        """Why a site of that schema can't be worked on, in one line; empty where it can."""
        if self.unknown:
            app, name = self.unknown[0]
            return (
                f"The site in {place()} was used by a later version of this program, and this one does not know all of "
                f"it ({app} {name}): install that version again, or go back to a copy as docs/deployment.md says."
            )
        if self.missing:
            return (
                f"The site in {place()} is one of an earlier version: run `make run` once, which brings it up to date."
            )
        return ""


def look() -> Schema:
    """What the database says of itself. Raises DatabaseError where it can't be asked."""
    executor = MigrationExecutor(connection)
    loader = executor.loader
    replaced = {each for migration in loader.disk_migrations.values() for each in migration.replaces}
    return Schema(
        applied=frozenset(loader.applied_migrations),
        missing=tuple((each.app_label, each.name) for each, _ in executor.migration_plan(loader.graph.leaf_nodes())),
        unknown=tuple(sorted(loader.applied_migrations.keys() - loader.disk_migrations.keys() - replaced)),
    )


def place() -> str:
    """Where the site is, in words."""
    return str(settings.DATA) if connection.vendor == "sqlite" else f"the database {connection.settings_dict['NAME']}"


def is_there() -> bool:
    """Whether there is a database to look at; looking alone would make the file of one."""
    database = connections[DEFAULT_DB_ALIAS]  # itself: `connection` stands for it, and is an instance of nothing
    is_file = isinstance(database, SqliteDatabase) and not database.is_in_memory_db()
    return not is_file or Path(connection.settings_dict["NAME"]).exists()


def insist() -> None:
    """End this process with a line where the site is of another version. One that can't be asked now is waited for."""
    try:
        found = look() if is_there() else None
    except DatabaseError:
        return
    finally:
        connection.close()  # processes that are forked from this one need their own
    if found and found.applied and found.problem:
        sys.exit(found.problem)
