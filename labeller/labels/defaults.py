"""What people let stand of predictions while they answered another question: kept apart from labels."""

from collections.abc import Collection
from typing import Any

from labeller.labels.models import Answer, Default
from labeller.labels.recording import Judgement, Recorded, Written, record_together
from labeller.projects.models import Question


def record(judgements: Collection[Judgement], probabilities: dict[Any, float]) -> list[Recorded]:
    """Store what one person let stand, or takes back; `probabilities` by UUID. The same UUID again changes nothing."""

    def row(judgement: Judgement, supersedes: Any) -> Default:
        return Default(
            uuid=judgement.uuid,
            project_id=judgement.question.project_id,
            question=judgement.question,
            sample_id=judgement.sample_id,
            annotator=judgement.annotator,
            verdict=judgement.verdict,
            label_class_id=next(iter(judgement.class_ids), None),
            probability=probabilities.get(judgement.uuid),
            head_version=judgement.head_version,
            supersedes=supersedes,
        )

    return record_together(list(judgements), Written(Default, row))


def let_stand(question: Question, sample_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """For those of these samples that nobody has answered: the class that was let stand last, and by whom."""
    answered = Answer.objects.of(question).settled().filter(sample__in=sample_ids)
    standing = Default.objects.standing().filter(question=question, sample__in=sample_ids)
    standing = standing.exclude(sample__in=answered.values("sample")).order_by("pk")
    rows = standing.values_list("sample", "label_class", "annotator__username")
    return {sample_id: (class_id, name) for sample_id, class_id, name in rows}
