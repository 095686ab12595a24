"""Let a simulated annotator label from hidden truth, through the same services as a person."""

import json
import random
import time
import uuid
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from labeller.accounts import admitting as accounts
from labeller.accounts.access import Member
from labeller.accounts.models import Role, User
from labeller.annotating import saving
from labeller.annotating.handing import single
from labeller.annotating.holding import Wanted
from labeller.annotating.models import Assignment
from labeller.config.commands import SiteCommand
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.labels import tallies
from labeller.labels.models import Label
from labeller.labels.recording import Judgement
from labeller.learning import asking as learning
from labeller.learning.models import Round
from labeller.messages import sentence
from labeller.projects import commands
from labeller.projects.models import STRATEGIES, Project, Question
from labeller.samples.models import HiddenTruth

PATIENCE = 120.0  # seconds to wait for a new round before giving up


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        commands.add_arguments(parser)
        parser.add_argument("--labels", type=int, default=200, help="how many labels to give (default 200)")
        parser.add_argument("--pause", type=float, default=0.0, metavar="SECONDS", help="think time for each label")
        parser.add_argument("--strategy", metavar="NAME", help="the question's meanwhile: a name or a dotted path")
        parser.add_argument("--noise", type=_share, default=0.0, metavar="RATE", help="share of answers that are wrong")
        parser.add_argument("--seed", type=int, default=0, help="of which answers are wrong, and how (default 0)")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        question = commands.asked(options)
        project = question.project
        if not HiddenTruth.objects.filter(label_class__question=question).exists():
            raise CommandError(
                f"No hidden truth is known for {project.slug!r}: start it with its folder in IMAGES and "
                "TRUTH=folders, or TRUTH=table.csv with the columns path and class; or use the demo."
            )
        if options["noise"] and question.classes.count() < 2:
            raise CommandError("There is one class alone: no answer can be wrong.")
        given = self._play_by(project, question, options)
        audit = labels.audit(question)
        low, high = audit.interval
        outcome = {
            "project": project.slug,
            "labels": given,
            "classes_found": len(tallies.of(question).classes),
            "audit": {"n": audit.n, "accuracy": audit.accuracy, "low": low, "high": high},
        }
        if options["json"]:
            self.stdout.write(json.dumps(outcome))
        else:
            self.stdout.write(f"{given} labels given, {outcome['classes_found']} classes found")

    def _play_by(self, project: Project, question: Question, options: dict[str, Any]) -> int:
        """Play, by another strategy if one is asked for; afterwards the question has its own again."""
        name = options["strategy"]
        if name is None:
            return self._play(project, question, options)
        if name not in STRATEGIES and "." not in name:
            raise CommandError(f"There is no strategy {name!r}, but {', '.join(STRATEGIES)}, and any dotted path.")
        mine = Question.objects.filter(pk=question.pk)
        mine.update(strategy=name)
        try:
            self._rank_anew(question)
            return self._play(project, question, options)
        finally:
            mine.update(strategy=question.strategy)

    def _rank_anew(self, question: Question) -> None:
        current = Round.objects.filter(question=question, is_current=True)
        before = set(current.values_list("pk", flat=True))
        started = time.monotonic()
        learning.request_refit(question, at_once=True)
        while not current.exclude(pk__in=before).exists():
            self._give_up_after(question, started)

    def _give_up_after(self, question: Question, started: float) -> None:
        """Wait a moment for a worker; after too many of them say why it may be in vain."""
        if time.monotonic() - started < PATIENCE:
            time.sleep(0.05)
            return
        job = Job.objects.filter(kind="refit", project=question.project_id).order_by("-pk").first()
        error = sentence(job.error) if job else ""
        reason = f"the last refit failed: {error}" if error else "are the workers running (manage.py up)?"
        raise CommandError(f"No new round came: {reason}")

    def _play(self, project: Project, question: Question, options: dict[str, Any]) -> int:
        oracle = accounts.simulated_annotator(project)
        given = 0
        with tqdm(total=options["labels"], unit="label", disable=options["json"] or None) as bar:
            while given < options["labels"]:
                count = min(question.refit_every, options["labels"] - given)
                batch = self._wait_for_batch(oracle, question, count)
                if not batch:
                    break
                for assignment in batch:
                    self._label(oracle, question, assignment, options)
                    time.sleep(options["pause"])
                given += len(batch)
                bar.update(len(batch))
        return given

    def _wait_for_batch(self, oracle: User, question: Question, count: int) -> list[Assignment]:
        """The next samples of a ranking that knows the labels given so far; empty when the pool is used up."""
        started = time.monotonic()
        while True:
            newest = Label.objects.filter(question=question).order_by("-pk").values_list("pk", flat=True).first() or 0
            current = Round.objects.filter(question=question, is_current=True).first()
            if current is not None and current.last_label >= newest:
                batch = single.next_batch(oracle, question, Wanted(count))
                if batch.assignments or batch.state == "finished":
                    return batch.assignments
            self._give_up_after(question, started)

    def _label(self, oracle: User, question: Question, assignment: Assignment, options: dict[str, Any]) -> None:
        truth = HiddenTruth.objects.filter(sample=assignment.sample, label_class__question=question)
        classes = tuple(truth.values_list("label_class_id", flat=True))
        # Which answers are wrong depends on seed and sample only: the same ones whatever comes when.
        draw = random.Random(f"{options['seed']} {assignment.sample.file.path}")
        if classes and draw.random() < options["noise"]:
            wrong = list(question.classes.exclude(pk__in=classes).order_by("pk").values_list("pk", flat=True))
            classes = (draw.choice(wrong),) if wrong else classes  # of a sample that is of all classes none is wrong
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
        member = Member(oracle, question.project, Role.ANNOTATOR)
        saving.save_judgement(member, question, judgement, assignment.entry_id)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ArgumentTypeError("must be a number from 0 to 1")
    return share
