"""Bring answers and counts to what the labels say."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from labeller.config.commands import SiteCommand
from labeller.labels import answering
from labeller.projects.models import Project


class Command(SiteCommand):
    help = "Bring answers and counts of all projects to what the labels say, and tell what was off."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="tell what is off, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        look = answering.check if options["check"] else answering.recount
        for project in Project.objects.order_by("pk"):
            off = look(project)
            numbers = {"answers": off.answers, "counts": off.counts}
            said = (
                _("%(answers)d answers and %(counts)d counts were off") % numbers
                if off
                else _("all answers and counts were right")
            )
            self.stdout.write(f"{project.slug}: {said}")
            for line in off.told:
                self.stdout.write(f"  {line}")
