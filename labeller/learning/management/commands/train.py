"""A full refit: choose penalty and temperature anew by cross-validation on all labels, refit the head, rank anew."""

import json
import logging
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from labeller.config.commands import SiteCommand
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.learning import asking, rounds
from labeller.learning.models import Head
from labeller.messages import sentence
from labeller.projects.models import Project, Question

PAUSE = 0.5  # seconds between two looks at what a worker does


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        # Without a broker nobody is woken up, which is no worry here; and what fails is said once, below.
        logging.getLogger(jobs.__name__).setLevel(logging.CRITICAL)
        rows = []
        questions = project.questions.order_by("position", "pk")
        with tqdm(questions, unit="question", disable=options["json"] or None) as bar:
            for question in bar:
                bar.set_description(question.text)
                rows.append(self._train(question))
        if options["json"]:
            self.stdout.write(json.dumps({"project": project.slug, "questions": rows}))
            return
        for row in rows:
            self.stdout.write(
                f"{row['question']}: head {row['version']} ({row['head']}) on {row['labels']:,} labels "
                f"in {row['seconds']:.1f} s, penalty C {_text(row['C'])}, temperature {_text(row['temperature'])}"
            )
            self.stdout.write(
                f"  cross-validated on these labels: accuracy {_text(row['cv_accuracy'])}, "
                f"macro-F1 {_text(row['cv_macro_f1'])} (no claim about the pool: see manage.py evaluate)"
            )

    def _train(self, question: Question) -> dict[str, Any]:
        started, before = time.monotonic(), Head.last_full(question)
        self._finish(asking.request_retrain(question))
        head = Head.last_full(question)
        if head is None or head == before:
            raise CommandError(f"{question.text} Nothing to learn from: label samples of two classes or more first.")
        return {
            "question": question.key,
            "head": head.name,
            "version": head.version,
            "labels": head.n_labels,
            "C": head.C,
            "temperature": head.temperature,
            "cv_accuracy": head.cv_accuracy,
            "cv_macro_f1": head.cv_macro_f1,
            "seconds": round(time.monotonic() - started, 3),
        }

    def _finish(self, job: Job) -> None:
        """Do the job here, unless a worker was faster or is at the same work already: then wait for it."""
        while job.state in Job.OPEN:
            if not jobs.run(job.pk, lambda kind: rounds.retrain):
                time.sleep(PAUSE)
            job.refresh_from_db()
            if job.state == Job.State.QUEUED and job.error:
                jobs.cancel(Job.objects.filter(pk=job.pk))
        if job.state != Job.State.DONE:
            raise CommandError(sentence(job.error) or "It was cancelled.")


def _text(number: float | None) -> str:
    return "–" if number is None else f"{number:.3g}"
