"""`migrate` as Django's, only that a database without a table gets all of them at once."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from labeller.operations import new_site


class Command(migrate.Command):
    """Django's command; its tests of how far it is to go and of what it is only to show come first."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the tables of a new site, then migrate as ever: which finds nothing left to do there."""
        is_all = not any(options[each] for each in ("app_label", "plan", "check_unapplied", "fake", "prune"))
        if is_all and not connections[options["database"]].introspection.table_names():
            new_site.make_tables(options["database"])
        super().handle(*args, **options)
