"""Bringing the database up to date: it is looked at first, copied aside where it is a file, and then migrated.

Whatever ends this, at any moment, the next start goes on from there: each migration is one transaction.
"""

import tomllib
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from labeller.config import schema
from labeller.operations import copies
from labeller.operations.supervisor import StartError


def upgrade(say: Callable[[str], None]) -> None:
    """Make the database one of this version. Raises StartError where it is of a later one."""
    found = schema.look()
    if found.unknown:
        raise StartError(found.problem)
    if found.applied and found.missing:
        say(f"This site is one of an earlier version and is brought up to date now.{_set_aside()}")
    call_command("migrate", verbosity=0, interactive=False)
    if connection.vendor == "sqlite":
        copies.finish(_folder())


def _set_aside() -> str:
    """Copy a database that is a file, unless there is a copy from before this upgrade; returns where, in words."""
    if connection.vendor != "sqlite":
        return ""
    database = settings.DATABASES["default"]["NAME"]
    copy = copies.of_begun(database, _folder()) or copies.set_aside(database, _folder(), _version())
    return f" Its database, as it was, is kept in {copy} ({copy.stat().st_size / 1_000_000:.1f} MB)."


def _folder() -> Path:
    return Path(settings.DATA, "copies")


def _version() -> str:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    return str(project["version"])
