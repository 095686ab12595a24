"""Embed a project's samples, sharing the work with all workers there are, until nothing is missing."""

import json
import logging
import time
from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db.models import Sum
from tqdm import tqdm

from labeller.config.commands import SiteCommand
from labeller.embedding import computing, deriving, runs
from labeller.embedding.models import EmbeddingRun
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.messages import sentence
from labeller.projects.models import Project
from tl_core.featurisers import FeaturiserUnavailable
from tl_core.featurisers.torch_runtime import DeviceUnavailable
from tl_core.store.storage import StorageUnavailable

PAUSE = 0.5  # seconds between two looks at what other workers do


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--featuriser", metavar="NAME", help="default: the project's; see manage.py featurisers")
        parser.add_argument(
            "--whiten", type=_dimension, metavar="DIMENSION", help="and PCA-whiten to so many dimensions"
        )
        parser.add_argument("--device", choices=["cpu", "cuda", "mps"], help="default: the fastest there is")
        parser.add_argument("--use", action="store_true", help="let the project learn from these embeddings afterwards")
        parser.add_argument("--json", action="store_true", help="print a line of JSON a second, and the outcome last")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        settings.DEVICE = options["device"] or settings.DEVICE
        # Without a broker nobody else is woken up, which is no worry here: this process does the work.
        logging.getLogger(jobs.__name__).setLevel(logging.ERROR)
        try:
            run = self._run(project, options)
        except (FeaturiserUnavailable, DeviceUnavailable, StorageUnavailable, KeyError, ValueError) as error:
            raise CommandError(str(error.args[0] if error.args else error)) from error
        if options["use"]:
            runs.use(run)
        if options["json"]:
            self.stdout.write(json.dumps({**_numbers(run), "finished": True, "used": options["use"]}))
            return
        numbers = _numbers(run)
        failed = f", {numbers['failed']:,} refused" if numbers["failed"] else ""
        self.stdout.write(f"{project.slug}: {numbers['embedded']:,} embedded by {run.featuriser}{failed}")
        if not options["use"] and run.featuriser != project.featuriser:
            self.stdout.write("The project still learns from its former embeddings; --use makes it learn from these.")

    def _run(self, project: Project, options: dict[str, Any]) -> EmbeddingRun:
        run = runs.run_of(project, options["featuriser"] or runs.underived(project.featuriser))
        computing.load(run)  # what can't be had is said now, not by every shard
        self._finish(run, options["json"])
        if options["whiten"]:
            run = deriving.whiten(run, options["whiten"])
            self._finish(run, options["json"])
        return run

    def _finish(self, run: EmbeddingRun, as_json: bool) -> None:
        """Do what is missing, as one worker among others, until nothing is open any more."""
        runs.resume(run)
        started, before = time.monotonic(), _numbers(run)["done"]
        with tqdm(total=run.project.samples.count(), initial=before, unit=" images", disable=None) as bar:
            while True:
                worked = self._work(run)
                numbers = _numbers(run)
                bar.update(numbers["done"] - bar.n)
                if as_json:
                    rate = (numbers["done"] - before) / (time.monotonic() - started)
                    left = (numbers["total"] - numbers["done"]) / rate if rate else None
                    self.stdout.write(json.dumps({**numbers, "rate": round(rate, 1), "eta": left and round(left)}))
                    self.stdout.flush()
                if not worked:
                    if not runs.shard_jobs(run).filter(state__in=Job.OPEN).exists():
                        break
                    jobs.sweep()
                    time.sleep(PAUSE)
        self._complain(run)

    def _work(self, run: EmbeddingRun) -> bool:
        """Do the next shard; False where nothing is waiting, or not yet."""
        waiting = runs.shard_jobs(run).filter(state=Job.State.QUEUED).order_by("not_before", "pk")
        return any(
            jobs.run(job_id, lambda kind: computing.embed_shard) for job_id in waiting.values_list("pk", flat=True)[:8]
        )

    def _complain(self, run: EmbeddingRun) -> None:
        left = runs.missing(run)
        if left:
            failed = runs.shard_jobs(run).filter(state=Job.State.FAILED).order_by("-finished_at").first()
            reason = sentence(failed.error) if failed else "it was stopped"
            raise CommandError(f"{sum(left.values()):,} samples are not embedded: {reason}")


def _dimension(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def _numbers(run: EmbeddingRun) -> dict[str, Any]:
    found = run.shards.aggregate(embedded=Sum("embedded"), failed=Sum("failed"))
    embedded, failed = found["embedded"] or 0, found["failed"] or 0
    return {
        "project": run.project.slug,
        "featuriser": run.featuriser,
        "fingerprint": run.fingerprint,
        "dimension": run.dimension,
        "embedded": embedded,
        "failed": failed,
        "done": embedded + failed,
        "total": run.project.samples.count(),
    }
