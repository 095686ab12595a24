"""Bring answers and counts to what the labels say."""

from typing import Any

from django.utils.translation import gettext as _

from labeller.config.commands import SiteCommand
from labeller.labels import answering
from labeller.projects.models import Project


class Command(SiteCommand):
    help = "Bring answers and counts of all projects to what the labels say, and tell how many were off."

    def handle(self, *args: Any, **options: Any) -> None:
        for project in Project.objects.order_by("pk"):
            off = answering.recount(project)
            numbers = {"answers": off.answers, "counts": off.counts}
            said = (
                _("%(answers)d answers and %(counts)d counts were off") % numbers
                if off
                else _("all answers and counts were right")
            )
            self.stdout.write(f"{project.slug}: {said}")
