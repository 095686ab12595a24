"""What the labelling page is told, as plain values for JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import BigIntegerField, Q, Sum, Value, prefetch_related_objects
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from labeller.accounts.access import Member
from labeller.accounts.models import User
from labeller.annotating import sequences
from labeller.annotating.models import Assignment
from labeller.embedding.models import EmbeddingShard
from labeller.jobs.models import Job
from labeller.labels import selectors as labels
from labeller.labels import tallies
from labeller.labels.models import Check, Flag, Label
from labeller.labels.recording import Recorded
from labeller.learning import reasons
from labeller.learning.models import Round
from labeller.messages import sentence
from labeller.projects.models import LabelClass, Question
from labeller.samples import refused
from labeller.samples.models import Sample


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


def label_json(label: Label | Check | None) -> dict[str, Any] | None:
    """What stands. A known answer's check looks like any label, or people would know which samples are checks."""
    if label is None:
        return None
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


def samples_json(user: User, question: Question, assignments: list[Assignment]) -> list[dict[str, Any]]:
    """The samples of assignments; audit samples come blind, without the suggestions the database knows."""
    samples = [assignment.sample for assignment in assignments]
    ids = [sample.pk for sample in samples]
    said, flagged = _said(user, question, ids)
    bursts = sequences.burst_json(user, question, samples, assignments[0].tab if assignments else "")
    names = reasons.names(assignment.entry for assignment in assignments if assignment.entry)
    foreseen = _foreseen(question, assignments)
    return [
        {
            **sample_json(assignment.sample),
            **_why(question, assignment, names),
            "foreseen": foreseen.get(assignment.sample_id, {}),
            "previous": said.get((assignment.sample_id, question.key)),
            "followers": {
                key: label
                for (sample_id, key), label in said.items()
                if sample_id == assignment.sample_id and key != question.key
            },
            "burst": bursts.get(assignment.sample_id, []),
            "flag": flagged.get(assignment.sample_id),
        }
        for assignment in assignments
    ]


def _foreseen(question: Question, assignments: Iterable[Assignment]) -> dict[int, dict[str, Any]]:
    """By sample what the heads of following questions suggest, by their keys; nothing of what is labelled blind."""
    entries = [each.entry for each in assignments if each.entry and each.entry.foreseen]
    if not entries:
        return {}
    shown = question.followers.filter(show_suggestions=True).values_list("pk", "key")
    keys = {str(pk): key for pk, key in shown}
    return {
        entry.sample_id: {keys[pk]: told["suggestions"] for pk, told in entry.foreseen.items() if pk in keys}
        for entry in entries
        if entry.strategy != labels.AUDIT
    }


def _said(
    user: User, question: Question, sample_ids: list[int]
) -> tuple[dict[tuple[int, str], dict[str, Any]], dict[int, dict[str, Any]]]:
    """What this person said of these samples, in one statement.

    Their standing labels by sample and key of the question, of this one and those that follow it in their order; and
    their open flags by sample.
    """
    # By a subquery: SQLite takes the labels of one person for fewer than those of ten samples.
    asked = Question.objects.filter(Q(pk=question.pk) | Q(follows=question))
    labels_of = Label.objects.filter(question__in=asked, annotator=user, sample__in=sample_ids, is_current=True)
    flags_of = Flag.objects.filter(author=user, sample__in=sample_ids, closed_at=None)
    place = ("sample", "question__position", "question", "question__key", "uuid")
    rows = labels_of.values_list(*place, "verdict", "labelled_classes__label_class", Value("label")).union(
        flags_of.values_list(*place, "note", Value(None, BigIntegerField()), Value("flag")), all=True
    )
    said: dict[tuple[int, str], dict[str, Any]] = {}
    flagged: dict[int, dict[str, Any]] = {}
    for sample_id, _position, _question, key, uuid, word, class_id, kind in sorted(rows, key=lambda row: row[1:3]):
        if kind == "flag":
            flagged[sample_id] = {"uuid": str(uuid), "note": word}
            continue
        label = said.setdefault((sample_id, key), {"uuid": str(uuid), "verdict": word, "classes": []})
        label["classes"] = sorted([*label["classes"], *([] if class_id is None else [class_id])])
    return said, flagged


def sample_json(sample: Sample) -> dict[str, Any]:
    """A picture and where it comes from."""
    file = sample.file
    return {
        "sample": sample.pk,
        "width": file.width,
        "height": file.height,
        "box": sample.box,
        "path": file.path if file.source.is_open else "",
        "taken_at": file.taken_at.isoformat() if file.taken_at else None,
        "deployment": file.deployment.name if file.deployment else "",
        "notes": [sentence(note) for note in file.notes],
    }


def _why(question: Question, assignment: Assignment, names: Mapping[int, str]) -> dict[str, Any]:
    """Why the sample comes, and what the head thinks of it where the person may know."""
    entry = assignment.entry
    blind = entry is not None and entry.strategy == labels.AUDIT
    head = entry.round.head if entry else None
    shows = not blind and question.show_suggestions
    return {
        "entry": entry.pk if entry else None,
        "round": entry.round.number if entry else None,
        "reason": reasons.describe(entry, names if shows else {}) if entry else "",
        "blind": blind,
        "head_version": head.version if head and shows else None,
        "suggestions": entry.suggestions if entry and shows else [],
    }


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
    open_kinds = set(work.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).values_list("kind", flat=True))
    numbers = pool(question)
    done, total = (number_format(numbers[name], 0, force_grouping=True) for name in ("embedded", "total"))
    if open_kinds & {"scan", "ingest"}:
        return _("Importing: %(n)s photographs so far.") % {"n": total}
    if "embed" in open_kinds:
        return _("Looking at the photographs: %(done)s of %(total)s.") % {"done": done, "total": total}
    if failed is not None and not open_kinds:
        return _("The work stopped: %(error)s") % {
            "error": sentence(failed.error.splitlines()[-1]) if failed.error else str(failed)
        }
    return refused.nothing_usable(question.project) or _("Ranking the photographs.")
