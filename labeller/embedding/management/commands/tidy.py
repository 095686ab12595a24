"""Delete embeddings that no project learns from any more."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Sum

from labeller.config.commands import SiteCommand
from labeller.embedding import tidying
from labeller.projects.models import Project


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="SLUG", help="this project only")
        parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        projects = Project.objects.order_by("pk")
        if options["project"]:
            projects = projects.filter(slug=options["project"])
            if not projects:
                raise CommandError(f"There is no project {options['project']!r}.")
        removed = [row for project in projects for row in self._tidy(project, options)]
        if not options["project"]:
            removed += self._sweep(options)
        if options["json"]:
            self.stdout.write(json.dumps({"removed": removed, "dry_run": options["dry_run"]}))
        elif not removed:
            self.stdout.write("Nothing to delete: every embedding is in use.")

    def _sweep(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        """What is left of projects that are gone."""
        rows = []
        for folder in tidying.orphans():
            if not options["dry_run"]:
                tidying.remove_orphan(folder)
            if not options["json"]:
                self.stdout.write(f"{folder}: belongs to no project, {_done(options)}")
            rows.append({"folder": folder})
        return rows

    def _tidy(self, project: Project, options: dict[str, Any]) -> list[dict[str, Any]]:
        rows = []
        for run in tidying.unused(project):
            count = run.shards.aggregate(n=Sum("embedded"))["n"] or 0
            row = {
                "project": project.slug,
                "featuriser": run.featuriser,
                "fingerprint": run.fingerprint,
                "embedded": count,
            }
            if not options["dry_run"]:
                tidying.remove(run)
            if not options["json"]:
                self.stdout.write(f"{project.slug}: {count:,} embeddings by {run.featuriser} {_done(options)}")
            rows.append(row)
        return rows


def _done(options: dict[str, Any]) -> str:
    return "would be deleted" if options["dry_run"] else "deleted"
