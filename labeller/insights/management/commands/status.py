"""Print how every project stands."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.config.commands import SiteCommand
from labeller.insights import selectors
from labeller.labels.lacking import narrowed_by
from labeller.projects.models import Project
from labeller.samples import refused


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="SLUG", help="this project only")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--refused", action="store_true", help="list every file that was refused, and why")

    def handle(self, *args: Any, **options: Any) -> None:
        found = Project.objects.order_by("pk")
        if options["project"]:
            found = found.filter(slug=options["project"])
            if not found:
                raise CommandError(f"There is no project {options['project']!r}.")
        if options["refused"]:
            self._list_refused(list(found), options["json"])
            return
        statuses = [selectors.status(project) for project in found]
        if options["json"]:
            self.stdout.write(json.dumps({"projects": statuses}))
            return
        for status in statuses:
            self._print(status)

    def _list_refused(self, projects: list[Project], as_json: bool) -> None:
        """A line a file, separated by tabs, which no name has; or JSON, a line an object."""
        for project in projects:
            lines = refused.rows(project)
            columns = next(lines)
            for row in lines:
                line = {"project": project.slug, **dict(zip(columns, row, strict=True))}
                words = "\t".join((project.slug, line["path"], refused.words(line["reason"]), line["detail"]))
                self.stdout.write(json.dumps(line) if as_json else words)

    def _print(self, status: dict[str, Any]) -> None:
        self.stdout.write(f"{status['slug']}: {status['samples']:,} samples, {status['embedded']:,} embedded")
        self.stdout.write(f"  refused   {_pairs(status['quarantined'])}")
        left_out = {refused.left_out_words(kind): n for kind, n in status["left_out"].items()}
        self.stdout.write(f"  left out  {_pairs(left_out)}")
        if status["missing"]:
            self.stdout.write(f"  missing   {status['missing']:,} files are not where they were")
        for known in status["known"]:
            self.stdout.write(f"  known     {known['purpose']}: {known['outcome']}")
            for sentence in known["sentences"]:
                self.stdout.write(f"            {sentence}")
        self.stdout.write(f"  jobs      {_pairs(status['jobs'])}")
        for question in status["questions"]:
            self._print_question(question)

    def _print_question(self, status: dict[str, Any]) -> None:
        self.stdout.write(f"  question  {status['question']}, asked of {status['asked_of']:,} samples")
        self.stdout.write(f"  labels    {sum(status['labels'].values()):,}: {_pairs(status['labels'])}")
        self.stdout.write(f"  rounds    {status['rounds']}, {status['queue']} samples queued")
        audit = status["audit"]
        if audit["n"]:
            claim = (
                f"{audit['accuracy']:.0%} (95 % interval {audit['low']:.0%} to {audit['high']:.0%}, n = {audit['n']})"
            )
            self.stdout.write(f"  accuracy  {claim}")
            if lacks := audit["lacks"]:
                self.stdout.write(f"            {narrowed_by(lacks)}")
        else:
            self.stdout.write("  accuracy  nothing to claim yet: no audit sample has been labelled")
        self.stdout.write(f"  advice    {'you may stop labelling' if status['stop']['advised'] else 'keep labelling'}")
        for check in status["stop"]["checks"]:
            self.stdout.write(f"            {'[x]' if check['met'] else '[ ]'} {check['reason']}")
        missing, coverage = status["missing_classes"], status["coverage"]
        if missing:
            classes = f"{missing['observed']} seen, {missing['low']} to {missing['high']} estimated"
            self.stdout.write(f"  classes   {classes}; those seen make up {coverage['low']:.0%} of the pool or more")
        self.stdout.write(f"  forecast  for {status['forecast']['target']:.1%}: {status['forecast']['reason']}")
        if accepted := status["accepted"]:
            rule = f"head {accepted['head']}, error <= {accepted['epsilon']:.1%}"
            self.stdout.write(f"  accepted  {accepted['n']:,} predictions of {rule}")


def _pairs(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in numbers.items()) or "none"
