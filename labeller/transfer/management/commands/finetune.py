"""Train the project's network on with its answers; where it is better beyond doubt, the project changes to it."""

import json
import logging
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from labeller.config.commands import SiteCommand
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.messages import sentence
from labeller.projects.models import Project, Question
from labeller.transfer import foretelling, tuning
from labeller.transfer.models import FineTuning

PAUSE = 0.5  # seconds between two looks at what a worker does


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--question", metavar="KEY", help="whose answers (default: those worth most)")
        parser.add_argument("--minutes", type=int, default=10, help="that it may take (default: 10)")
        parser.add_argument("--quick", action="store_true", help="the uppermost layers alone")
        parser.add_argument("--no-mirror", action="store_true", help="mirror images are of another class")
        parser.add_argument("--joint", action="store_true", help="try one network for all questions")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        if not 1 <= options["minutes"] <= 24 * 60:
            raise CommandError(f"--minutes is 1 to 1440, not {options['minutes']}.")
        question = self._question(project, options["question"])
        foretold = foretelling.foretell(question)
        # Without a broker nobody is woken up, which is no worry here; and what fails is said once, below.
        logging.getLogger(jobs.__name__).setLevel(logging.CRITICAL)
        asked = tuning.ask(
            question,
            60 * options["minutes"],
            is_quick=options["quick"],
            is_mirrored=not options["no_mirror"],
            is_joint=options["joint"],
        )
        self._finish(tuning.of_project(project).order_by("-pk").first(), quiet=options["json"])
        asked.refresh_from_db()
        self._tell(asked, foretold, as_json=options["json"])

    def _question(self, project: Project, key: str | None) -> Question:
        if key is None:
            shown = foretelling.shown(project).question
            if shown is None:
                raise CommandError(f"{project.name} has no question.")
            return shown.question
        question = project.questions.filter(key=key).first()
        if question is None:
            there = ", ".join(project.questions.values_list("key", flat=True))
            raise CommandError(f"There is no question {key!r} in {project.slug}; there are: {there}.")
        return question

    def _finish(self, job: Job, *, quiet: bool) -> None:
        """Do the job here, unless a worker was faster or is at it already: then wait for it."""
        with tqdm(total=tuning.PARTS, unit="", disable=quiet or None, bar_format="{l_bar}{bar}| {elapsed}") as bar:
            while job.state in Job.OPEN:
                if not jobs.run(job.pk, lambda kind: tuning.finetune):
                    time.sleep(PAUSE)
                job.refresh_from_db()
                bar.update(job.done - bar.n)
                if job.state == Job.State.QUEUED and job.error:
                    jobs.cancel(Job.objects.filter(pk=job.pk))
        if job.state != Job.State.DONE:
            raise CommandError(sentence(job.error) or "It was cancelled.")

    def _tell(self, asked: FineTuning, foretold: foretelling.Foretold, *, as_json: bool) -> None:
        report = asked.report
        if as_json:
            found = {
                "question": asked.question.key,
                "advice": foretold.worth.verdict,
                "verdict": asked.verdict,
                "featuriser": asked.spec or None,
                **{key: report[key] for key in ("plan", "comparisons", "joint", "labels", "seconds")},
            }
            self.stdout.write(json.dumps(found))
            return
        first = report["comparisons"][0]
        self.stdout.write(
            f"{asked.question.text}: today's head {first['rival']:.3f}, tuned {first['tuned']:.3f}, difference "
            f"{first['gain']:+.3f} ({first['low']:+.3f} to {first['high']:+.3f}) on {first['n']:,} held out; "
            f"trained {_trained(asked)}, {report['seconds']:.0f} s"
        )
        if report["joint"]:
            kept = "kept" if report["joint"]["kept"] else "not better than one for each"
            self.stdout.write(f"One network for all questions: {kept}.")
        if asked.verdict == FineTuning.Verdict.BETTER:
            self.stdout.write(
                f"Better: the project changes to {asked.spec} once workers have embedded everything by it."
            )
        else:
            self.stdout.write("Not better beyond doubt: nothing was changed.")


def _trained(asked: FineTuning) -> str:
    cut = asked.report["plan"]["cut"]
    return f"the {cut}" if asked.project.kind == Project.Kind.TEXT else f"above {cut}"
