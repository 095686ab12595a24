"""Try ways to adapt a project's embeddings to its pictures, without labels, and say which of them help."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.config.commands import SiteCommand
from labeller.messages import sentence
from labeller.projects.models import Project
from labeller.transfer import adapting
from labeller.transfer.models import AdaptingResult
from labeller.transfer.preparing import NothingToAdapt
from tl_core.adaptation import base as ways
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.torch_runtime import DeviceUnavailable
from tl_core.store.storage import StorageUnavailable


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        names = [way.name for way in ways.ways()]
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument(
            "--kind", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}; default: all"
        )
        parser.add_argument("--use", action="store_true", help="let the project learn from the best that helps")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        names = options["kind"] or [way.name for way in ways.ways()]
        try:
            results = adapting.try_ways(project, names, lambda *told, **how: None)
        except (FeaturiserUnavailable, DeviceUnavailable, StorageUnavailable, NothingToAdapt) as error:
            raise CommandError(str(error)) from error
        used = self._use(results) if options["use"] else None
        if options["json"]:
            lines = [_line(each) for each in results]
            self.stdout.write(json.dumps({"project": project.slug, "ways": lines, "used": used}))
            return
        for each in results:
            self.stdout.write(f"{each.way}: {_words(each)}")
        if used:
            self.stdout.write(f"{used} is used once everything is embedded by it.")

    def _use(self, results: list[AdaptingResult]) -> str | None:
        best = max((each for each in results if each.made), key=_gained, default=None)
        if best is None:
            return None
        adapting.use(best)
        return best.way


def _gained(result: AdaptingResult) -> float:
    first = result.report["gains"][0]
    return float(first["adapted"] - first["base"])


def _line(result: AdaptingResult) -> dict[str, Any]:
    reason = result.report["reason"]
    return {
        **result.report,
        "way": result.way,
        "helps": bool(result.made),
        "made": result.made,
        "reason": sentence(reason) if reason else None,
    }


def _words(result: AdaptingResult) -> str:
    if result.report["reason"]:
        return f"not possible here: {sentence(result.report['reason'])}"
    told = [
        f"{gain['measure']} {100 * (gain['adapted'] - gain['base']):+.1f} points "
        f"({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
        for gain in result.report["gains"]
    ]
    return f"{', '.join(told) or 'nothing to judge it by'}{'; it helps' if result.made else ''}"
