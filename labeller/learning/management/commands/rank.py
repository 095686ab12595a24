"""Show what would come next: fit on all labels, rank the pool, and write nothing."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.config.commands import SiteCommand
from labeller.jobs.queueing import Postponed
from labeller.learning import reasons, rounds
from labeller.learning.choosing import Aim
from labeller.learning.fitting import CannotLearn
from labeller.learning.models import RoundEntry
from labeller.projects import commands
from labeller.projects.making import class_named
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples.models import Sample
from tl_core.featurisers import FeaturiserUnavailable


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        commands.add_arguments(parser)
        by = parser.add_mutually_exclusive_group()
        by.add_argument("--strategy", metavar="NAME", help="default: the question's; a name or a dotted path")
        by.add_argument("--like", nargs="+", metavar="PATH", help="hunt for what looks like these; paths as printed")
        by.add_argument("--class", dest="hunted", metavar="NAME", help="hunt for this class, the likeliest first")
        parser.add_argument("--n", type=int, default=20, help="how many samples (default 20)")
        parser.add_argument("--commit", action="store_true", help="make these the current round: people get them next")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        question = commands.asked(options)
        if options["n"] < 1:
            raise CommandError("--n must be 1 or more.")
        ranking = self._rank(question, options)
        if options["commit"]:
            rounds.switch(ranking)
        rows = _rows(ranking.entries)
        if options["json"]:
            outcome = {"project": question.project.slug, "question": question.key, "seed": ranking.round.seed}
            how = {"strategy": ranking.round.strategy, "committed": options["commit"]}
            self.stdout.write(json.dumps({**outcome, **how, "entries": rows}))
            return
        width = max((len(row["path"]) for row in rows), default=0)
        for row in rows:
            top = f"{row['suggestion']} {row['probability']:.0%}" if row["suggestion"] else ""
            why = f"{row['strategy']}: {row['reason']}"
            self.stdout.write(f"{row['rank']:4}  {row['path']:{width}}  {row['score']:10.4g}  {why}  {top}")
        if not rows:
            self.stdout.write("Nothing to rank: every embedded sample is labelled.")
        elif options["commit"]:
            self.stdout.write(f"This is round {ranking.round.number} now.")

    def _rank(self, question: Question, options: dict[str, Any]) -> rounds.Ranking:
        question.strategy = options["strategy"] or question.strategy
        aim = _aim(question, options)
        question.round_size = options["n"]
        try:
            ranking = rounds.rank(question, aim=aim)
        # A ValueError is a strategy's: a hunt named as --strategy has no aim.
        except (CannotLearn, FeaturiserUnavailable, Postponed, ValueError) as error:
            raise CommandError(str(error)) from error
        if ranking is None:
            raise CommandError(_why_nothing(question))
        return ranking


def _why_nothing(question: Question) -> str:
    if question.follows is not None:
        return f"{question.key} is asked of no embedded sample yet: it follows {question.follows.key}."
    return f"Nothing of {question.project.slug} is embedded yet: run manage.py embed, or wait for a worker."


def _aim(question: Question, options: dict[str, Any]) -> Aim | None:
    if options["like"]:
        return Aim(like=_like(question.project, options["like"]))
    if options["hunted"]:
        return Aim(class_id=_class_id(question, options["hunted"]))
    return None


def _like(project: Project, paths: list[str]) -> tuple[int, ...]:
    wholes = Sample.objects.filter(project=project, file__path__in=paths, part=Sample.Part.WHOLE)
    found = wholes.values_list("pk", "file__path")
    unknown = set(paths) - {path for _, path in found}
    if unknown:
        raise CommandError(f"{project.slug} has no sample {min(unknown)!r}: write paths as manage.py rank prints them.")
    return tuple(pk for pk, _ in found)


def _class_id(question: Question, name: str) -> int:
    found = class_named(question, name)
    if found is None:
        known = ", ".join(question.classes.values_list("name", flat=True)) or "none yet"
        raise CommandError(f"There is no class {name!r}; there are: {known}.")
    return found.pk


def _rows(entries: list[RoundEntry]) -> list[dict[str, Any]]:
    paths = dict(Sample.objects.filter(pk__in=[entry.sample_id for entry in entries]).values_list("pk", "file__path"))
    tops = [entry.suggestions[0] if entry.suggestions else (None, None) for entry in entries]
    names = dict(LabelClass.objects.filter(pk__in=[top for top, _ in tops if top]).values_list("pk", "name"))
    spoken_of = reasons.names(entries)
    return [
        {
            "rank": entry.rank,
            "path": paths[entry.sample_id],
            "score": entry.score,
            "strategy": entry.strategy,
            "reason": reasons.describe(entry, spoken_of),
            "suggestion": names.get(top) if top else None,
            "probability": probability,
        }
        for entry, (top, probability) in zip(entries, tops, strict=True)
    ]
