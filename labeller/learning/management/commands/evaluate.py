"""Say how good the head is: on audit samples, and by cross-validation on the labels it learns from."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from labeller.config.commands import SiteCommand
from labeller.embedding import runs
from labeller.jobs.queueing import Postponed
from labeller.labels import selectors as labels
from labeller.labels.lacking import claim_json, narrowed_by
from labeller.learning import fitting, reading
from labeller.learning.fitting import CannotLearn, HeldOut
from labeller.projects import commands
from labeller.projects.models import LabelClass, Question
from tl_core.featurisers import FeaturiserUnavailable


class Command(SiteCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        commands.add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        question = commands.asked(options)
        outcome = {
            "project": question.project.slug,
            "question": question.key,
            "head": fitting.head_name(question),
            "audit": claim_json(labels.trail(question)),
            "cross_validation": self._cross_validation(question),
        }
        if options["json"]:
            self.stdout.write(json.dumps(outcome))
        else:
            self._print(outcome)

    def _cross_validation(self, question: Question) -> dict[str, Any] | None:
        try:
            run = runs.current_run(question.project)
            embeddings = reading.embeddings_of(question, run)
            held_out = fitting.cross_validate(question, run, embeddings, labels.consensus(question))
        except (CannotLearn, FeaturiserUnavailable, Postponed) as error:
            raise CommandError(str(error)) from error
        if held_out is None:
            return None
        return {
            "labels": len(held_out.true),
            "accuracy": held_out.accuracy,
            "macro_f1": held_out.macro_f1,
            "balanced_accuracy": held_out.balanced_accuracy,
            "classes": _classes(held_out),
        }

    def _print(self, outcome: dict[str, Any]) -> None:
        audit, found = outcome["audit"], outcome["cross_validation"]
        self.stdout.write("Accuracy on audit samples: drawn at random, the only claim about the whole pool")
        if audit["n"]:
            interval = f"95 % interval {audit['low']:.0%} to {audit['high']:.0%}, n = {audit['n']}"
            self.stdout.write(f"  {audit['accuracy']:.0%} ({interval})")
            if audit["lacks"]:
                self.stdout.write(f"  {narrowed_by(audit['lacks'])}")
        else:
            self.stdout.write("  nothing to claim yet: no audit sample has been labelled")
        self.stdout.write("\nCross-validation on the labels: chosen to be learnt from, so no accuracy of the pool")
        if found is None:
            self.stdout.write("  not yet: it takes labels of two classes, and three of them")
            return
        self.stdout.write(
            f"  macro-F1 {found['macro_f1']:.3f}, balanced accuracy {found['balanced_accuracy']:.3f}, "
            f"{found['labels']:,} labels, head {outcome['head']}"
        )
        width = max(len(row["name"]) for row in found["classes"])
        self.stdout.write(f"  {'class':{width}}  precision      n  recall      n")
        for row in found["classes"]:
            precision = "–" if row["precision"] is None else f"{row['precision']:.2f}"
            numbers = f"{precision:>9}  {row['n_predicted']:>5}  {row['recall']:>6.2f}  {row['n']:>5}"
            self.stdout.write(f"  {row['name']:{width}}  {numbers}")


def _classes(held_out: HeldOut) -> list[dict[str, Any]]:
    """Precision and recall of each class, with the number of labels each rests on."""
    names = dict(LabelClass.objects.filter(pk__in=held_out.class_ids).values_list("pk", "name"))
    n_predicted, n = held_out.predicted.sum(axis=0), held_out.true.sum(axis=0)
    return [
        {
            "name": names[class_id],
            "precision": float(hits / predicted) if predicted else None,
            "n_predicted": int(predicted),
            "recall": float(hits / true),
            "n": int(true),
        }
        for class_id, hits, predicted, true in zip(held_out.class_ids, held_out.hits, n_predicted, n, strict=True)
    ]
