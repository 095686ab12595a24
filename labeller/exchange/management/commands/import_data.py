"""Bring labels, predictions, boxes or deployments of somebody's file into a project: looked at first, then applied."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from labeller.config.commands import SiteCommand
from labeller.exchange import importers, importing, starting
from labeller.exchange.importers.reasons import words
from labeller.exchange.models import Import
from labeller.projects import commands
from labeller.samples.scanning import FolderError

TOLD = ("pictures", "labels", "boxes", "predictions", "blanks", "failures", "deployments", "placed")


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a file, a folder, or a zip of either")
        commands.add_arguments(parser)
        parser.add_argument("--format", choices=sorted(importers.IMPORTERS), default="", help="default: recognised")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE", help="what is guessed wrongly; several times"
        )
        parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        said = dict(each.partition("=")[::2] for each in options["option"])
        try:
            wanted = starting.of_path(commands.asked(options), options["file"], format=options["format"], **said)
        except FolderError as error:
            raise CommandError(str(error)) from error
        try:
            self._do(wanted, options)
        finally:
            if options["dry_run"]:
                starting.forget(wanted)

    def _do(self, wanted: Import, options: dict[str, Any]) -> None:
        with tqdm(unit=" records", disable=options["json"] or None) as bar:
            importing.look(wanted, lambda done, _total: bar.update(done - bar.n))
        self._check(wanted)
        if not options["dry_run"]:
            with tqdm(unit=" records", total=(wanted.look or {})["records"], disable=options["json"] or None) as bar:
                importing.apply(wanted, lambda done, _total: bar.update(done - bar.n))
            wanted.refresh_from_db()
            self._check(wanted)
        self._tell(wanted, options)

    def _check(self, wanted: Import) -> None:
        if wanted.problem:
            raise CommandError(words(*wanted.problem))

    def _tell(self, wanted: Import, options: dict[str, Any]) -> None:
        report = (wanted.look if options["dry_run"] else wanted.report) or {}
        said = {each["name"]: each["value"] for each in wanted.guesses}
        if options["json"]:
            self.stdout.write(json.dumps({"format": wanted.format, "options": said, **report}))
            return
        self.stdout.write(f"{wanted.name}: {wanted.format}, " + ", ".join(f"{k}={v}" for k, v in said.items() if v))
        self.stdout.write(f"  {report['records']} records: " + ", ".join(f"{report[each]} {each}" for each in TOLD))
        if new := [name for name, _n, is_new in report["classes"] if is_new]:
            self.stdout.write(f"  new classes: {', '.join(new)}")
        for kind in report["wrong"]:
            line, path, text = kind["first"][0]
            what = "put right" if kind["taken"] else "not taken"
            self.stdout.write(f"  {what}: {kind['n']}: {words(kind['reason'], text)}; first line {line}, {path}")
        self.stdout.write("Nothing was written." if options["dry_run"] else f"All of it: {wanted.list_path}")
