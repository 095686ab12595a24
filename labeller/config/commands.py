"""What the commands of manage.py that work on a site have in common."""

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


class SiteCommand(BaseCommand):
    """A command on a site that is there: where none is, or one of another version, it says so in one line."""

    def execute(self, *args: Any, **options: Any) -> Any:
        if problem := _problem():
            raise CommandError(problem)
        return super().execute(*args, **options)


def _problem() -> str:
    name, is_file = connection.settings_dict["NAME"], connection.vendor == "sqlite"
    place = str(settings.DATA) if is_file else f"the database {name}"
    if is_file and not connection.is_in_memory_db() and not Path(name).exists():
        return f"There is no site in {place}: set DATA to the folder of one, or run `make run` first."
    try:
        executor = MigrationExecutor(connection)
        if not executor.loader.applied_migrations:
            return f"There is no site in {place}: run `make run` first."
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return f"The site in {place} is one of an earlier version: run `make run` once, which brings it up to date."
    except DatabaseError as error:
        return f"The database of the site cannot be used: {str(error).strip().splitlines()[0]}"
    return ""


def end_quietly() -> None:
    """Whoever read our output has gone, as `head` does: what is left to print goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
