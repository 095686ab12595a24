"""Try ways to adapt a project's embeddings to its pictures or texts, without labels, and say which of them help."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.config.commands import SiteCommand
from labeller.messages import Explained, sentence
from labeller.projects.models import Project
from labeller.transfer import adapting, training_vectors, vocabulary
from labeller.transfer.models import AdaptingResult
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
            "--kind",
            action="append",
            choices=names,
            metavar="NAME",
            help=f"of pictures one of {', '.join(names)}; default: all",
        )
        parser.add_argument(
            "--source", default="", metavar="VECTORS", help="of texts: go on from these word vectors, a name or a file"
        )
        parser.add_argument("--use", action="store_true", help="let the project learn from the best that helps")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        try:
            results = self._tried(project, options)
        except (FeaturiserUnavailable, DeviceUnavailable, StorageUnavailable, Explained) as error:
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

    def _tried(self, project: Project, options: dict[str, Any]) -> list[AdaptingResult]:
        def quiet(*told: Any, **how: Any) -> None:
            pass

        if project.kind == Project.Kind.TEXT:
            if options["kind"]:
                raise CommandError(
                    f"{project.name} is of texts, for which word vectors are trained: leave --kind away."
                )
            source = vocabulary.resolved(options["source"]) if options["source"] else ""
            return [training_vectors.train_on(project, source, quiet, uses=False)]
        if options["source"]:
            raise CommandError(f"{project.name} is of photographs: --source is for texts.")
        return adapting.try_ways(project, options["kind"] or [way.name for way in ways.ways()], quiet)

    def _use(self, results: list[AdaptingResult]) -> str | None:
        helpful = [each for each in results if each.made and each.report.get("is_better", True)]
        best = max(helpful, key=_gained, default=None)
        if best is None:
            return None
        adapting.use(best)
        return best.way


def _gained(result: AdaptingResult) -> float:
    first = next(iter(result.report["gains"]), None)
    return float(first["adapted"] - first["base"]) if first else 0.0


def _line(result: AdaptingResult) -> dict[str, Any]:
    reason = result.report["reason"]
    return {
        **result.report,
        "way": result.way,
        "helps": result.report.get("is_better", bool(result.made)),
        "goes_beside": result.is_beside,
        "made": result.made,
        "reason": sentence(reason) if reason else None,
    }


def _words(result: AdaptingResult) -> str:
    if result.report["reason"]:
        return f"not possible here: {sentence(result.report['reason'])}"
    told = _figures(result.report["gains"]) or "nothing to judge it by"
    if result.report.get("beside"):
        told += f"; beside what is in use {_figures(result.report['beside'])}"
    helps = result.report.get("is_better", bool(result.made)) and result.report["gains"]
    return f"{told}{'; it helps' if helps else ''}"


def _figures(gains: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{gain['measure']} {100 * (gain['adapted'] - gain['base']):+.1f} points "
        f"({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
        for gain in gains
    )
