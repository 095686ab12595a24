"""What the labelling page is told, as plain values for JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Sum, prefetch_related_objects
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from labeller.accounts.access import Member
from labeller.embedding.models import EmbeddingShard
from labeller.jobs.models import Job
from labeller.labels import tallies
from labeller.labels.models import Check, Default, Label
from labeller.labels.recording import Recorded, Row
from labeller.learning.models import Round
from labeller.messages import sentence
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples import refused
from labeller.samples.models import BoxEdit


def questions_json(question: Question) -> dict[str, Any]:
    """The question, its classes, and the questions asked in the same pass after it, in their order."""
    return {
        "question": {"key": question.key, "text": question.text, "multi_label": question.multi_label},
        "classes": classes_json(question),
        "followers": [
            {
                "key": each.key,
                "text": each.text,
                "multi_label": each.multi_label,
                "only_for": [label_class.pk for label_class in each.only_for.all()],
                "classes": classes_json(each),
            }
            for each in followers(question)
        ],
    }


def followers(question: Question) -> list[Question]:
    """The questions that follow this one directly."""
    return list(question.followers.order_by("position", "pk").prefetch_related("only_for"))


def classes_json(question: Question) -> list[dict[str, Any]]:
    """The question's classes, each with how many labels name it."""
    counted = tallies.of(question).classes
    return [{**class_json(each), "count": counted.get(each.pk, 0)} for each in question.classes.all()]


def class_json(label_class: LabelClass) -> dict[str, Any]:
    """A class; what it doesn't have is left out, for there may be 5,000."""
    row = {
        "id": label_class.pk,
        "name": label_class.name,
        "key": label_class.key,
        "colour": label_class.colour,
    }
    more = {
        "scientific": label_class.scientific_name,
        "local": label_class.local_name,
        "code": label_class.code,
        "parent": label_class.parent_id,
        "blank": label_class.is_blank,
        "starred": label_class.is_starred,
    }
    return {**row, **{name: value for name, value in more.items() if value}}


def may_add_classes(member: Member) -> bool:
    """Whether this person makes classes while labelling."""
    return member.project.annotators_add_classes or member.manages


def label_json(label: Row | BoxEdit | None) -> dict[str, Any] | None:
    """What stands. A known answer's check looks like any label, or people would know which samples are checks."""
    if label is None:
        return None
    if isinstance(label, BoxEdit):
        return {"uuid": str(label.uuid), "sample": label.sample_id, "box": label.after}
    if isinstance(label, Default):
        classes = [] if label.label_class_id is None else [label.label_class_id]
        return {"uuid": str(label.uuid), "verdict": label.verdict, "classes": classes}
    return {
        "uuid": str(label.uuid),
        "verdict": label.verdict,
        "classes": sorted(
            label.given if isinstance(label, Check) else (each.label_class_id for each in label.labelled_classes.all())
        ),
    }


def results_json(uuids: Iterable[str], recorded: Sequence[Recorded]) -> list[dict[str, Any]]:
    """What became of events, each by its UUID."""
    told = [label for each in recorded for label in (each.label, each.current) if isinstance(label, Label)]
    prefetch_related_objects(told, "labelled_classes")
    return [_result_json(uuid, each) for uuid, each in zip(uuids, recorded, strict=True)]


def _result_json(uuid: str, recorded: Recorded) -> dict[str, Any]:
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


def counts(question: Question) -> dict[str, Any]:
    """Labels by class id, and how many samples are labelled."""
    found = tallies.of(question)
    return {"counts": {str(class_id): n for class_id, n in found.classes.items()}, "labelled": found.labelled}


def pool(question: Question) -> dict[str, int]:
    embedded = EmbeddingShard.objects.filter(run__project=question.project, run__featuriser=question.project.featuriser)
    found = tallies.of(question)
    return {
        "labelled": found.labelled,
        "total": found.samples,
        "embedded": embedded.aggregate(n=Sum("embedded"))["n"] or 0,
    }


def preparing_message(question: Question) -> str:
    """What the person is waiting for, in words."""
    work = Job.objects.filter(project=question.project)
    failed = work.filter(state=Job.State.FAILED).order_by("-finished_at").first()
    open_kinds = set(work.filter(state__in=Job.OPEN).values_list("kind", flat=True))
    numbers = pool(question)
    done, total = (number_format(numbers[name], 0, force_grouping=True) for name in ("embedded", "total"))
    is_text = question.project.kind == Project.Kind.TEXT
    if open_kinds & {"scan", "ingest"}:
        importing = _("Importing: %(n)s texts so far.") if is_text else _("Importing: %(n)s photographs so far.")
        return importing % {"n": total}
    if "embed" in open_kinds:
        reading = _("Reading the texts: %(done)s of %(total)s.")
        looking = _("Looking at the photographs: %(done)s of %(total)s.")
        return (reading if is_text else looking) % {"done": done, "total": total}
    if failed is not None and not open_kinds:
        return _("The work stopped: %(error)s") % {
            "error": sentence(failed.error.splitlines()[-1]) if failed.error else str(failed)
        }
    ranking = _("Ranking the texts.") if is_text else _("Ranking the photographs.")
    return refused.nothing_usable(question.project) or ranking
