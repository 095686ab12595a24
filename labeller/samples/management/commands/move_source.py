"""Tell a project that its folder of photographs lies elsewhere now; samples and labels stay as they are."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.config.commands import SiteCommand
from labeller.samples import moving, names
from labeller.samples.models import Source
from labeller.samples.scanning import FolderError, tidy_folder


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("old", help="the folder as it was named so far")
        parser.add_argument("new", help="the folder as it is now")
        parser.add_argument("--project", metavar="SLUG", help="this project only, where several use the folder")
        parser.add_argument("--anyway", action="store_true", help="although the photographs are not found there")

    def handle(self, *args: Any, **options: Any) -> None:
        sources = moving.at(options["old"])
        if options["project"]:
            sources = sources.filter(project__slug=options["project"])
        if not sources:
            known = ", ".join(Source.objects.order_by("pk").values_list("path", flat=True)[:20]) or "none"
            raise CommandError(f"No project uses the folder {options['old']}. Folders in use: {known}")
        new = tidy_folder(options["new"])
        for source in sources:
            try:
                moving.repoint(source, self._checked(source, new, options["anyway"]))
            except FolderError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"{source.project.slug} now looks in {source.path}; new files there are being imported.")

    @staticmethod
    def _checked(source: Source, new: Path | str, anyway: bool) -> Path | str:
        if not anyway and not moving.holds(source, new):
            raise CommandError(
                f"{names.shown(new)} does not hold the photographs of {source.project.slug}: of a few looked for, most "
                "are not there or are others. Add --anyway where you know better."
            )
        return new
