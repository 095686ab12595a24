"""Count labels and samples anew."""

from typing import Any

from django.utils.translation import gettext as _

from labeller.config.commands import SiteCommand
from labeller.labels import tallies
from labeller.projects.models import Project


class Command(SiteCommand):
    help = "Count the labels and samples of all projects anew, and say which counts were off."

    def handle(self, *args: Any, **options: Any) -> None:
        for project in Project.objects.order_by("pk"):
            off = tallies.recount(project)
            said = _("%(n)d counts were off") % {"n": len(off)} if off else _("all counts were right")
            self.stdout.write(f"{project.slug}: {said}")
