"""Say which words of a project's texts have no vector in given word vectors, and whether these know the field."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from labeller.config.commands import SiteCommand
from labeller.jobs.queueing import Postponed
from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.transfer import vocabulary
from labeller.transfer.bars import Bar
from labeller.transfer.models import WordReport
from tl_core.store.storage import StorageUnavailable

PRINTED = 20  # words of each list; all of them are in the JSON


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", metavar="PROJECT", help="its slug")
        parser.add_argument(
            "--vectors",
            default="",
            metavar="NAME",
            help="a file of word vectors (.vec, .bin, .kv), one in DATA/vectors, or an installed package; "
            "default: those the project learns from, else the first at hand",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        if project.kind != Project.Kind.TEXT:
            raise CommandError(f"{project.slug} is a project of photographs: there are no words in it.")
        source = vocabulary.resolved(options["vectors"]) if options["vectors"] else ""
        with tqdm(total=1, unit=" texts", disable=options["json"] or None) as bar:
            try:
                found = vocabulary.measure(project, source, Bar(bar))
            except (vocabulary.VectorsUnusable, Postponed, StorageUnavailable) as error:
                raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_told(project, found)))
        else:
            self._print(project, found)

    def _print(self, project: Project, found: WordReport) -> None:
        coverage = found.report["coverage"]
        self.stdout.write(f"{project.slug} in {found.name}, in {found.seconds:.0f} s")
        for title, lacking, count in (
            ("words said", "tokens", "n_tokens"),
            ("different words", "types", "n_types"),
            ("texts with such a word", "texts", "n_texts"),
            ("texts without any known word", "blank", "n_texts"),
        ):
            self.stdout.write(f"  unknown: {100 * coverage[lacking]:5.1f} % of {coverage[count]:,} ({title})")
        for title in ("frequent", "telling"):
            self._print_words(title, found.report[title][:PRINTED])
        self.stdout.write(vocabulary.verdict(found))
        for reason in found.report["verdict"]["reasons"]:
            self.stdout.write(sentence(reason))

    def _print_words(self, title: str, words: list[dict[str, Any]]) -> None:
        if not words:
            return
        self.stdout.write(f"The most {title} unknown words, how often, by what they get a vector, and near which:")
        width = max(len(each["word"]) for each in words)
        for each in words:
            near = ", ".join(each["like"])
            self.stdout.write(f"  {each['word']:{width}}  {each['count']:>7,}  {each['mapped_to']:8}  {near}".rstrip())


def _told(project: Project, found: WordReport) -> dict[str, Any]:
    judged = found.report["verdict"]
    told = {"sentence": vocabulary.verdict(found), "reasons": list(map(sentence, judged["reasons"]))}
    return {
        **found.report,
        "project": project.slug,
        "source": found.source,
        "seconds": found.seconds,
        "verdict": {**judged, **told},
    }
