"""Predictions of other people's models: kept beside the question, and shown until it has a head of its own.

They are suggestions and no more, as those by names are: no label is made of them, no head learns from them, and audit
samples are shown none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from labeller.learning.models import ForeignModel, ForeignPrediction
from labeller.projects.models import Question

FIELDS = ("category", "confidence", "suggestions", "failure")
MOST = 5  # classes that are kept of a prediction


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A prediction that is to be stored."""

    sample_id: int
    category: str = ""
    confidence: float | None = None
    suggestions: tuple[tuple[int, float], ...] = ()
    failure: str = ""


def model(question: Question, name: str) -> ForeignModel:
    """The model of that name, made where it is missing."""
    return ForeignModel.objects.get_or_create(question=question, name=name[:200])[0]


def store(by: ForeignModel, predictions: Sequence[Foreseen]) -> int:
    """Keep what a model says of samples, each named once; returns how many of these are new or say something else.

    Inside the transaction of whoever writes the samples.
    """
    known = {
        each.sample_id: each
        for each in ForeignPrediction.objects.filter(model=by, sample__in=[each.sample_id for each in predictions])
    }
    rows = [_row(by, each) for each in predictions]
    fresh = [row for row in rows if row.sample_id not in known]
    ForeignPrediction.objects.bulk_create(fresh)
    changed = []
    for row in rows:
        before = known.get(row.sample_id)
        if before is not None and _values(row) != _values(before):
            row.pk = before.pk
            changed.append(row)
    ForeignPrediction.objects.bulk_update(changed, FIELDS, batch_size=200)
    return len(fresh) + len(changed)


def _row(by: ForeignModel, each: Foreseen) -> ForeignPrediction:
    return ForeignPrediction(
        model=by,
        sample_id=each.sample_id,
        category=each.category[:200],
        confidence=each.confidence,
        suggestions=[[class_id, round(p, 6)] for class_id, p in each.suggestions[:MOST]],
        failure=each.failure[:500],
    )


def _values(row: ForeignPrediction) -> tuple[object, ...]:
    return row.category, row.confidence, row.suggestions, row.failure
