"""Predictions of other people's models: kept beside the question, and shown until it has a head of its own.

They are suggestions and no more, as those by names are: no label is made of them, no head learns from them, and audit
samples are shown none.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from labeller.learning import seeing
from labeller.learning.models import ForeignModel, ForeignPrediction
from labeller.projects.models import Question
from labeller.samples import bulk

FIELDS = ("category", "confidence", "suggestions", "label_class_id", "clarity", "failure")
STRATEGY = "foreign"  # what chose a sample by these predictions
MOST = 5  # classes that are kept of a prediction


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction that is to be stored."""

    sample_id: int
    category: str = ""
    confidence: float | None = None
    suggestions: tuple[tuple[int, float], ...] = ()
    failure: str = ""


def model(question: Question, name: str) -> ForeignModel:
    """The model of that name, made where it is missing."""
    found = ForeignModel.objects.get_or_create(question=question, name=name[:200])[0]
    found.question = question
    return found


def store(by: ForeignModel, predictions: Sequence[Predicted]) -> int:
    """Keep what a model says of samples, each named once; returns how many of these are new or say something else.

    Inside the transaction of whoever writes the samples.
    """
    known = {
        each.sample_id: each
        for each in ForeignPrediction.objects.filter(model=by, sample__in=[each.sample_id for each in predictions])
    }
    rows = [_row(by, each) for each in predictions]
    fresh = [row for row in rows if row.sample_id not in known]
    values = ((by.pk, row.sample_id, *_written(row)) for row in fresh)
    bulk.insert(ForeignPrediction, ("model", "sample", *(name.removesuffix("_id") for name in FIELDS)), values)
    changed = []
    for row in rows:
        before = known.get(row.sample_id)
        if before is not None and _values(row) != _values(before):
            row.pk = before.pk
            changed.append(row)
    ForeignPrediction.objects.bulk_update(changed, [name.removesuffix("_id") for name in FIELDS], batch_size=200)
    seeing.note(by.question.project, [row.sample_id for row in (*fresh, *changed)])
    return len(fresh) + len(changed)


def suggestions(question: Question, sample_ids: Collection[int]) -> dict[int, tuple[str, list[list[float]]]]:
    """Of those samples of which there are any: a model's name, and pairs of class id and probability.

    Of several models the one that was brought in last.
    """
    known = set(question.classes.values_list("pk", flat=True))
    found: dict[int, tuple[str, list[list[float]]]] = {}
    rows = ForeignPrediction.objects.filter(model__question=question, sample__in=list(sample_ids))
    for sample_id, name, pairs in rows.order_by("model").values_list("sample", "model__name", "suggestions"):
        if kept := [pair for pair in pairs if pair[0] in known]:
            found[sample_id] = name, kept
    return found


def least_clear(question: Question, starred: Collection[int], most: int) -> list[tuple[int, float, int | None]]:
    """What is to be looked at while there is no head: (sample, clarity, the starred class that it may be of).

    What may be of a starred class comes first, then what is least clear; so many of either.
    """
    found = dict[int, tuple[int, float, int | None]]()
    # A model at a time, by its index: of all together a database would sort every row.
    tellings = [each.predictions.filter(clarity__isnull=False) for each in question.foreign_models.order_by("-pk")]
    of_starred = [rows.filter(label_class__in=list(starred)).order_by("-clarity", "pk") for rows in tellings if starred]
    for some in [*of_starred, *(rows.order_by("clarity", "pk") for rows in tellings)]:
        for sample_id, clarity, class_id in some.values_list("sample", "clarity", "label_class")[:most]:
            found.setdefault(sample_id, (sample_id, clarity or 0.0, class_id if class_id in starred else None))
    return list(found.values())


def _row(by: ForeignModel, each: Predicted) -> ForeignPrediction:
    first, second = (*each.suggestions[:2], None, None)[:2]
    rest = second[1] if second else 1 - first[1] if first else 0.0
    return ForeignPrediction(
        model=by,
        sample_id=each.sample_id,
        category=each.category[:200],
        confidence=each.confidence,
        suggestions=[[class_id, round(p, 6)] for class_id, p in each.suggestions[:MOST]],
        label_class_id=first[0] if first else None,
        clarity=round(abs(first[1] - rest), 6) if first else None,
        failure=each.failure[:500],
    )


def _written(row: ForeignPrediction) -> Iterator[object]:
    """The columns of a row as the database takes them."""
    return (json.dumps(value) if isinstance(value, list) else value for value in _values(row))


def _values(row: ForeignPrediction) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in FIELDS)
