"""Try every network at hand on some of a project's pictures, and say which one serves and whether any does."""

import json
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from labeller.config.commands import SiteCommand
from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.transfer import advising
from labeller.transfer.bars import Bar
from labeller.transfer.models import Advice
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.torch_runtime import DeviceUnavailable
from tl_core.store.storage import StorageUnavailable


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument(
            "--samples", type=_count, default=advising.SAMPLES, metavar="N", help="pictures to look at, at most"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        with tqdm(total=options["samples"], unit=" images", disable=options["json"] or None) as bar:
            try:
                advice = advising.measure(project, options["samples"], Bar(bar))
            except (FeaturiserUnavailable, DeviceUnavailable, StorageUnavailable, advising.NothingToTry) as error:
                raise CommandError(str(error)) from error
        if options["json"]:
            report = {**advice.report, "verdict": sentence(advice.report["sentence"]), "seconds": advice.seconds}
            self.stdout.write(json.dumps({"project": project.slug, **report}))
            return
        self._print(project, advice)

    def _print(self, project: Project, advice: Advice) -> None:
        report = advice.report
        what = f"{report['n']:,} labels" if report["labelled"] else "likeness, without labels"
        self.stdout.write(f"{project.slug}: by {what}, in {advice.seconds:.0f} s")
        titles = [sentence(line["title"]) for line in report["candidates"]]
        width = max(map(len, titles))
        self.stdout.write(f"  {'':{width}}  score  95 % interval  behind the best     dim  images/s  min. for all")
        for number in sorted(range(len(titles)), key=lambda each: -report["candidates"][each]["score"]):
            line = report["candidates"][number]
            mark = ">" if number == report["pick"] else "*" if number == report["in_use"] else " "
            rate, minutes = (f"{line[each]:.1f}" if line[each] else "–" for each in ("rate", "minutes"))
            self.stdout.write(
                f"{mark} {titles[number]:{width}}  {line['score']:5.3f}  {line['low']:5.3f} – {line['high']:5.3f}  "
                f"{line['behind']:+.3f} ({line['behind_low']:+.3f} to {line['behind_high']:+.3f})  "
                f"{line['dimension']:5}  {rate:>8}  {minutes:>12}"
            )
        for line in report["missing"]:
            self.stdout.write(f"  not tried: {line['name']}: {line['reason']}")
        self.stdout.write(sentence(report["sentence"]))
        if report["pick"] is not None:
            pick = report["candidates"][report["pick"]]
            levels = " with its levels" if pick["levels"] else ""
            self.stdout.write(
                f"Use {pick['spec']}{levels}" + (", as now." if report["pick"] == report["in_use"] else ".")
            )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise ArgumentTypeError("must be a whole number, 2 or more")
    return int(text)
