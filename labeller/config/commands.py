"""What the commands of manage.py that work on a site have in common."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from labeller.config import schema


class SiteCommand(BaseCommand):
    """A command on a site that is there: where none is, or one of another version, it says so in one line."""

    def execute(self, *args: Any, **options: Any) -> Any:
        if problem := _problem():
            raise CommandError(problem)
        return super().execute(*args, **options)


def _problem() -> str:
    if not schema.is_there():
        return f"There is no site in {schema.place()}: set DATA to the folder of one, or run `make run` first."
    try:
        found = schema.look()
    except DatabaseError as error:
        return f"The database of the site cannot be used: {str(error).strip().splitlines()[0]}"
    return found.problem if found.applied else f"There is no site in {schema.place()}: run `make run` first."


def end_quietly() -> None:
    """Whoever read our output has gone, as `head` does: what is left to print goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
