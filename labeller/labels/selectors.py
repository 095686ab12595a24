"""Reads over many labels."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from labeller.labels.models import Label, LabelledClass
from labeller.projects.models import Question
from tl_core.evaluation import binomial_interval

AUDIT = "audit"  # the strategy name of audit samples
AUDIT_WINDOW = 100  # audit samples an accuracy claim rests on: the latest, since older heads were weaker


def answers(question: Question) -> QuerySet[Label]:
    """Labels that stand: current, and neither skipped nor taken back."""
    return Label.objects.filter(question=question, is_current=True, verdict=Label.Verdict.ANSWER)


def consensus(question: Question) -> dict[int, frozenset[int]]:
    """For every answered sample the ids of its classes: the answer most annotators gave, the latest on a tie."""
    chosen: dict[int, set[int]] = defaultdict(set)
    sample_of: dict[int, int] = {}
    rows = LabelledClass.objects.filter(
        label__question=question, label__is_current=True, label__verdict=Label.Verdict.ANSWER
    )
    for label_id, sample_id, class_id in rows.order_by("label_id").values_list(
        "label_id", "label__sample_id", "label_class_id"
    ):
        chosen[label_id].add(class_id)
        sample_of[label_id] = sample_id
    votes: dict[int, list[frozenset[int]]] = defaultdict(list)
    for label_id, classes in chosen.items():
        votes[sample_of[label_id]].append(frozenset(classes))
    return {sample_id: _majority(given) for sample_id, given in votes.items()}


def _majority(given: list[frozenset[int]]) -> frozenset[int]:
    counts = Counter(given)
    return max(reversed(given), key=lambda answer: counts[answer])


def settled(question: Question) -> set[int]:
    """Samples that need no ranking any more: answered or skipped by somebody."""
    found = Label.objects.filter(question=question, is_current=True).exclude(verdict=Label.Verdict.WITHDRAW)
    return set(found.values_list("sample_id", flat=True))


def class_counts(question: Question) -> dict[int, int]:
    """How many standing labels name each class, by class id."""
    rows = LabelledClass.objects.filter(label__in=answers(question))
    return dict(rows.values_list("label_class").annotate(n=Count("pk")))


@dataclass(frozen=True)
class Audit:
    """Accuracy on audit samples: drawn uniformly, labelled blind, predicted before they were trained on."""

    n: int
    correct: int

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Clopper-Pearson interval; (0, 1) while there is nothing to go by."""
        return binomial_interval(self.correct, self.n)


def audit(question: Question) -> Audit:
    """The latest audit labels against what the head said before it saw them.

    Only those in the later half of all labels count: what a head said that knew less than half of today's labels
    says little about today's head.
    """
    standing = answers(question).order_by("-pk").values_list("pk", flat=True)
    middle = next(iter(standing[standing.count() // 2 :][:1]), 0)
    rows = list(
        answers(question)
        .filter(strategy=AUDIT, predicted__isnull=False, pk__gte=middle)
        .order_by("-pk")
        .values_list("pk", "predicted_id")[:AUDIT_WINDOW]
    )
    given: dict[int, set[int]] = defaultdict(set)
    for label_id, class_id in LabelledClass.objects.filter(label__in=[pk for pk, _ in rows]).values_list(
        "label_id", "label_class_id"
    ):
        given[label_id].add(class_id)
    return Audit(n=len(rows), correct=sum(predicted in given[pk] for pk, predicted in rows))
