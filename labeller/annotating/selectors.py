"""What the labelling page is told, as plain values for JSON."""

from typing import Any

from django.db.models import Sum

from labeller.accounts.models import User
from labeller.annotating.models import Assignment
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.labels.models import Label
from labeller.labels.services import Recorded
from labeller.learning.models import EmbeddingShard, Round
from labeller.projects.models import LabelClass, Question
from labeller.samples.models import Sample, Source


def classes_json(question: Question) -> list[dict[str, Any]]:
    """The question's classes, each with how many labels name it."""
    counted = labels.class_counts(question)
    return [{**class_json(each), "count": counted.get(each.pk, 0)} for each in question.classes.all()]


def class_json(label_class: LabelClass) -> dict[str, Any]:
    return {
        "id": label_class.pk,
        "name": label_class.name,
        "key": label_class.key,
        "colour": label_class.colour,
    }


def label_json(label: Label | None) -> dict[str, Any] | None:
    if label is None:
        return None
    return {
        "uuid": str(label.uuid),
        "verdict": label.verdict,
        "classes": sorted(label.labelled_classes.values_list("label_class_id", flat=True)),
    }


def result_json(uuid: str, recorded: Recorded) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "status": recorded.status,
        "label": label_json(recorded.label),
        "current": label_json(recorded.current),
        "detail": recorded.detail,
    }


def round_json(current: Round | None) -> dict[str, Any] | None:
    if current is None:
        return None
    return {"number": current.number, "strategy": current.strategy, "n_labels": current.n_labels}


def samples_json(user: User, question: Question, assignments: list[Assignment]) -> list[dict[str, Any]]:
    """The samples of assignments; audit samples come blind, without the suggestions the database knows."""
    ids = [assignment.sample_id for assignment in assignments]
    previous = {
        label.sample_id: label
        for label in Label.objects.filter(question=question, annotator=user, sample__in=ids, is_current=True)
    }
    return [_sample_json(assignment, previous.get(assignment.sample_id)) for assignment in assignments]


def _sample_json(assignment: Assignment, previous: Label | None) -> dict[str, Any]:
    sample, entry = assignment.sample, assignment.entry
    blind = entry is not None and entry.strategy == labels.AUDIT
    head = entry.round.head if entry else None
    return {
        "sample": sample.pk,
        "width": sample.width,
        "height": sample.height,
        # Where folders are the truth, the path would give the answer away.
        "path": "" if sample.source.meaning != Source.Meaning.NOTHING else sample.path,
        "entry": entry.pk if entry else None,
        "round": entry.round.number if entry else None,
        "reason": entry.reason if entry else "",
        "blind": blind,
        "head_version": head.version if head and not blind else None,
        "suggestions": entry.suggestions if entry and not blind else [],
        "previous": label_json(previous),
    }


def counts(question: Question) -> dict[str, Any]:
    """Labels by class id, and how many samples are labelled."""
    return {
        "counts": {str(class_id): n for class_id, n in labels.class_counts(question).items()},
        "labelled": _labelled(question),
    }


def _labelled(question: Question) -> int:
    return labels.answers(question).values("sample").distinct().count()


def pool(question: Question) -> dict[str, int]:
    embedded = EmbeddingShard.objects.filter(run__project=question.project, run__featuriser=question.project.featuriser)
    return {
        "labelled": _labelled(question),
        "total": Sample.objects.filter(project=question.project).count(),
        "embedded": embedded.aggregate(n=Sum("embedded"))["n"] or 0,
    }


def preparing_message(question: Question) -> str:
    """What the person is waiting for, in words."""
    work = Job.objects.filter(project=question.project)
    failed = work.filter(state=Job.State.FAILED).order_by("-finished_at").first()
    open_kinds = set(work.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).values_list("kind", flat=True))
    numbers = pool(question)
    if open_kinds & {"scan", "ingest"}:
        return f"Importing: {numbers['total']:,} photographs so far."
    if "embed" in open_kinds:
        return f"Looking at the photographs: {numbers['embedded']:,} of {numbers['total']:,}."
    if failed is not None and not open_kinds:
        return f"The work stopped: {failed.error.splitlines()[-1] if failed.error else failed}"
    return "Ranking the photographs."
