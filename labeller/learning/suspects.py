"""Labels that are probably wrong, by the latest assessment."""

from dataclasses import dataclass

from labeller.labels.models import Answer
from labeller.learning.models import Assessment
from labeller.projects.models import Question


@dataclass(frozen=True)
class Suspect:
    """A label that heads fitted without it firmly contradict, or so many other frames of its burst."""

    sample_id: int
    given: frozenset[int]
    suggested: frozenset[int]
    burst: int = 0


def suspects(question: Question, assessment: Assessment | None) -> list[Suspect]:
    """Those that still stand and that no reviewer has looked at, the most suspicious first."""
    report = assessment.report if assessment else {}
    by_sample = {each["sample"]: each for each in report.get("odd_frames", ())}
    by_sample |= {each["sample"]: each for each in report.get("label_errors", ())}
    # What heads say comes first, and stands where both say something.
    errors = sorted(by_sample.values(), key=lambda each: "burst" in each)
    if not errors:
        return []
    sample_ids = [each["sample"] for each in errors]
    answered = Answer.objects.of(question).answered().filter(sample__in=sample_ids, reviewed_at=None)
    given = {answer.sample_id: answer.class_ids for answer in answered}
    found = (
        Suspect(each["sample"], _classes(each["given"]), _classes(each["suggested"]), each.get("burst", 0))
        for each in errors
    )
    return [each for each in found if given.get(each.sample_id) == each.given]


def _classes(told: int | list[int]) -> frozenset[int]:
    """One class, or several where a sample may have them."""
    return frozenset(told if isinstance(told, list) else [told])
