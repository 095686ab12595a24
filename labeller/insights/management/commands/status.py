"""Print how every project stands."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labeller.insights import selectors
from labeller.projects.models import Project


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="SLUG", help="this project only")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = Project.objects.order_by("pk")
        if options["project"]:
            found = found.filter(slug=options["project"])
            if not found:
                raise CommandError(f"There is no project {options['project']!r}.")
        statuses = [selectors.status(project) for project in found]
        if options["json"]:
            self.stdout.write(json.dumps({"projects": statuses}))
            return
        for status in statuses:
            self._print(status)

    def _print(self, status: dict[str, Any]) -> None:
        audit = status["audit"]
        self.stdout.write(f"{status['slug']}: {status['samples']:,} samples, {status['embedded']:,} embedded")
        self.stdout.write(f"  refused   {_pairs(status['quarantined'])}")
        self.stdout.write(f"  labels    {sum(status['labels'].values()):,}: {_pairs(status['labels'])}")
        self.stdout.write(f"  rounds    {status['rounds']}, {status['queue']} samples queued")
        self.stdout.write(f"  jobs      {_pairs(status['jobs'])}")
        if audit["n"]:
            claim = (
                f"{audit['accuracy']:.0%} (95 % interval {audit['low']:.0%} to {audit['high']:.0%}, n = {audit['n']})"
            )
            self.stdout.write(f"  accuracy  {claim}")
        else:
            self.stdout.write("  accuracy  nothing to claim yet: no audit sample has been labelled")


def _pairs(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in numbers.items()) or "none"
