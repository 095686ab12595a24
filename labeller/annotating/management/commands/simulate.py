"""Let a simulated annotator label from hidden truth, through the same services as a person."""

import json
import time
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from labeller.accounts import services as accounts
from labeller.annotating import services
from labeller.annotating.models import Assignment
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.labels.services import Judgement
from labeller.learning.models import Round
from labeller.projects.models import Project, Question
from labeller.samples.models import HiddenTruth

PATIENCE = 120.0  # seconds to wait for a new round before giving up


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG")
        parser.add_argument("--labels", type=int, default=200, help="how many labels to give (default 200)")
        parser.add_argument("--pause", type=float, default=0.0, metavar="SECONDS", help="think time for each label")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']!r}.")
        question = project.first_question
        if question is None or not HiddenTruth.objects.filter(label_class__question=question).exists():
            raise CommandError(
                f"No hidden truth is known for {project.slug!r}: import its folder with TRUTH=folders, or use the demo."
            )
        given = self._play(project, question, options)
        audit = labels.audit(question)
        low, high = audit.interval
        outcome = {
            "project": project.slug,
            "labels": given,
            "classes_found": len(labels.class_counts(question)),
            "audit": {"n": audit.n, "accuracy": audit.accuracy, "low": low, "high": high},
        }
        if options["json"]:
            self.stdout.write(json.dumps(outcome))
        else:
            self.stdout.write(f"{given} labels given, {outcome['classes_found']} classes found")

    def _play(self, project: Project, question: Question, options: dict[str, Any]) -> int:
        oracle = accounts.simulated_annotator(project)
        given = 0
        with tqdm(total=options["labels"], unit="label", disable=options["json"] or None) as bar:
            while given < options["labels"]:
                count = min(project.refit_every, options["labels"] - given)
                batch = self._wait_for_batch(oracle, question, count)
                if not batch:
                    break
                for assignment in batch:
                    self._label(oracle, question, assignment)
                    time.sleep(options["pause"])
                given += len(batch)
                bar.update(len(batch))
        return given

    def _wait_for_batch(self, oracle: Any, question: Question, count: int) -> list[Assignment]:
        """The next samples of a ranking that knows the labels given so far; empty when the pool is used up."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            newest = Label.objects.filter(question=question).order_by("-pk").values_list("pk", flat=True).first() or 0
            current = Round.objects.filter(question=question, is_current=True).first()
            if current is not None and current.last_label >= newest:
                batch = services.next_batch(oracle, question, count)
                if batch.assignments or batch.state == "finished":
                    return batch.assignments
            time.sleep(0.05)
        raise CommandError("No new round came: are the workers running (manage.py up)?")

    def _label(self, oracle: Any, question: Question, assignment: Assignment) -> None:
        truth = HiddenTruth.objects.filter(sample=assignment.sample, label_class__question=question)
        classes = tuple(truth.values_list("label_class_id", flat=True))
        current = Label.objects.filter(
            question=question, sample=assignment.sample, annotator=oracle, is_current=True
        ).first()
        judgement = Judgement(
            uuid=uuid.uuid4(),
            question=question,
            sample_id=assignment.sample_id,
            annotator=oracle,
            verdict=Label.Verdict.ANSWER if classes else Label.Verdict.SKIP,
            class_ids=classes,
            supersedes=current.uuid if current else None,
            mode=Label.Mode.SIMULATED,
            suggestion_shown=False,
        )
        services.save(oracle, question, [(judgement, assignment.entry_id)])
