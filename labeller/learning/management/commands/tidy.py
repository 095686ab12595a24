"""Delete embeddings that no project learns from any more."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum

from labeller.learning import embedding
from labeller.projects.models import Project
from tl_core.featurisers import FeaturiserUnavailable


class Command(BaseCommand):
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
        if options["json"]:
            self.stdout.write(json.dumps({"removed": removed, "dry_run": options["dry_run"]}))
        elif not removed:
            self.stdout.write("Nothing to delete: every embedding is in use.")

    def _tidy(self, project: Project, options: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            runs = embedding.unused(project)
        except FeaturiserUnavailable as error:  # which run is in use can't be told without the weights: keep all
            self.stderr.write(f"{project.slug}: left alone. {error}")
            return []
        rows = []
        for run in runs:
            count = run.shards.aggregate(n=Sum("embedded"))["n"] or 0
            row = {
                "project": project.slug,
                "featuriser": run.featuriser,
                "fingerprint": run.fingerprint,
                "embedded": count,
            }
            if not options["dry_run"]:
                embedding.remove(run)
            if not options["json"]:
                done = "would be deleted" if options["dry_run"] else "deleted"
                self.stdout.write(f"{project.slug}: {count:,} embeddings by {run.featuriser} {done}")
            rows.append(row)
        return rows
