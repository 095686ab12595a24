"""Labels that are probably wrong, by the latest assessment."""

from dataclasses import dataclass

from labeller.labels import selectors as labels
from labeller.learning.models import Assessment
from labeller.projects.models import Question


@dataclass(frozen=True)
class Suspect:
    """A label that heads fitted without it firmly contradict."""

    sample_id: int
    given: int
    suggested: int


def suspects(question: Question, assessment: Assessment | None) -> list[Suspect]:
    """Those that still stand and that no reviewer has looked at, the most suspicious first."""
    errors = assessment.report["label_errors"] if assessment else []
    if not errors:
        return []
    sample_ids = [each["sample"] for each in errors]
    given = labels.consensus(question, sample_ids)
    reviewed = set(labels.reviews(question).filter(sample__in=sample_ids).values_list("sample", flat=True))
    return [
        Suspect(each["sample"], each["given"], each["suggested"])
        for each in errors
        if given.get(each["sample"]) == frozenset([each["given"]]) and each["sample"] not in reviewed
    ]
