"""Write a project in one of the formats of others into a folder."""

import json
import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from labeller.config.commands import SiteCommand
from labeller.exchange import making
from labeller.exchange.exporters import EXPORTERS
from labeller.exchange.exporters.base import Exporter, ExportWanted, Impossible
from labeller.projects.models import Project, Question
from labeller.transfer.bars import Bar


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--format", required=True, choices=sorted(EXPORTERS), metavar="FORMAT")
        parser.add_argument(
            "--question", action="append", metavar="KEY", default=[], help="may be repeated; default: the first one"
        )
        parser.add_argument(
            "--option", action="append", metavar="NAME=VALUE", default=[], help="may be repeated; see docs/formats.md"
        )
        parser.add_argument("--out", metavar="FOLDER", help="a new folder; default: ./PROJECT-FORMAT")
        parser.add_argument("--json", action="store_true", help="print the manifest as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        exporter = EXPORTERS[options["format"]]
        questions = _questions(options["project"], options["question"])
        project = questions[0].project
        out = Path(options["out"] or f"{project.slug}-{exporter.name}").absolute()
        if out.exists():
            raise CommandError(f"{out} is there already: name a new folder with --out.")
        chosen = making.asked(exporter, questions)
        wanted = ExportWanted(project, chosen, _options(exporter, options["option"]), timezone.now())
        part = out.with_name(f"{out.name}.part")
        shutil.rmtree(part, ignore_errors=True)  # of one that was killed
        try:
            with tqdm(total=1, unit=" files", disable=options["json"] or None) as bar:
                manifest = making.write(exporter, wanted, part, Bar(bar))
            part.rename(out)
        except Impossible as error:
            raise CommandError(str(error)) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
        self._print(out, manifest, options["json"])

    def _print(self, out: Path, manifest: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({**manifest, "folder": str(out)}))
            return
        for each in manifest["files"]:
            self.stdout.write(f"{each['rows']:>10,} rows  {each['name']}")
        for note in manifest["notes"]:
            self.stdout.write(note)
        self.stdout.write(str(out))


def _questions(slug: str, keys: list[str]) -> list[Question]:
    """The questions that are meant, in their order. Raises CommandError where there is none of such a key."""
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise CommandError(f"There is no project {slug!r}.")
    known = {each.key: each for each in project.questions.select_related("project").order_by("position", "pk")}
    for key in keys:
        if key not in known:
            raise CommandError(f"{slug} has no question {key!r}; there are: {', '.join(known)}.")
    found = [each for key, each in known.items() if key in keys] or list(known.values())[:1]
    if not found:
        raise CommandError(f"{slug} asks no question yet.")
    return found


def _options(exporter: Exporter, given: list[str]) -> dict[str, Any]:
    pairs = [each.partition("=") for each in given]
    try:
        return exporter.filled({name: value for name, _, value in pairs})
    except ValueError as error:
        raise CommandError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
