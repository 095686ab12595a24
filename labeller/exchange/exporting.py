"""Exports: labels, and predictions for the whole pool, as rows that stream.

Rows are read a page at a time, each page whole: while a client reads, or pauses, no cursor and no transaction is open
that would keep others from saving. Labels are those that stood when the export began, whatever is saved meanwhile.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db.models import Max, Q, QuerySet

from labeller.embedding import loading
from labeller.labels import applying, defaults, flags
from labeller.labels.models import Answer, Label, LabelledClass
from labeller.learning import accepting
from labeller.learning.models import Acceptance, Head
from labeller.projects.models import LabelClass, Project, Question
from labeller.samples.cells import join_names
from labeller.samples.models import Refusal, Sample, Text, TextCopy
from tl_core.heads import files as head_files

LABEL_COLUMNS = (
    "path", "question", "classes", "verdict", "overruled", "annotator", "decided_by", "labelled_at", "mode", "strategy",
    "propensity", "suggestion_shown", "head_version", "dwell_ms", "flag", "uuid", "duplicates",
    "part", "deployment", "taken_at", "clock_time",
)  # fmt: skip
PREDICTION_COLUMNS = (
    "path",
    "question",
    "predicted_class",
    "probability",
    "decided_by",
    "labelled_class",
    "is_labelled",
    "duplicate_of",
    "part",
    "deployment",
    "taken_at",
    "clock_time",
)
TEXT_COLUMN = "text"  # the last one, where texts are asked for
DEPLOYMENT_COLUMNS = (
    "deployment", "location_name", "latitude", "longitude", "camera", "start", "end", "time_zone", "clock_shift",
    "clock_shift_end", "keeps_offset",
)  # fmt: skip
PAGE = 1000


def newest_label(question: Question) -> int:
    """The label up to which an export that begins now goes."""
    return Label.objects.filter(question=question).aggregate(newest=Max("pk"))["newest"] or 0


def standing(question: Question, until: int) -> QuerySet[Label]:
    """The labels that stood, and weren't taken back, when that one was the newest; none of boxes that are gone."""
    stood = Q(is_current=True) | Q(superseded_by__gt=until)
    found = Label.objects.filter(stood, question=question, pk__lte=until, sample__taken_away_at=None)
    return found.exclude(verdict=Label.Verdict.WITHDRAW)


def label_rows(question: Question, until: int, *, with_text: bool = False) -> Iterator[tuple[Any, ...]]:
    """The labels up to that one, oldest first; those that a review has overruled say so."""
    yield (*LABEL_COLUMNS, *([TEXT_COLUMN] if with_text else []))
    beside = ("sample__file__deployment", "annotator", "attribution")
    rows = standing(question, until).select_related(*beside).order_by("pk")
    last = 0
    while page := list(rows.filter(pk__gt=last)[:PAGE]):
        yield from _label_page(question, page, until, with_text)
        last = page[-1].pk


def _label_page(question: Question, page: list[Label], until: int, with_text: bool) -> Iterator[tuple[Any, ...]]:
    samples = {label.sample_id for label in page}
    classes: dict[int, list[str]] = {}
    named = LabelledClass.objects.filter(label__in=[label.pk for label in page]).order_by("label_class__position", "pk")
    for label_id, name in named.values_list("label", "label_class__name"):
        classes.setdefault(label_id, []).append(name)
    decided = _deciding(question, samples, until)
    notes = flags.notes(question, among=samples)
    about = About(question.project, [label.sample for label in page], with_text)
    for label in page:
        told = getattr(label, "attribution", None)
        yield (
            label.sample.file.path,
            question.key,
            _names(question, classes.get(label.pk, [])),
            label.verdict,
            int(decided.get(label.sample_id, label.pk) != label.pk),
            label.annotator.username if label.annotator else told.by if told else "",
            _who(label),
            (told.at if told and told.at else label.created_at).isoformat(),
            label.mode,
            label.strategy,
            "" if label.propensity is None else f"{label.propensity:.6g}",
            int(label.suggestion_shown),
            "" if label.head_version is None else label.head_version,
            "" if label.dwell_ms is None else label.dwell_ms,
            " | ".join(note or "flagged" for note in notes.get(label.sample_id, [])),
            label.uuid,
            join_names(" ".join(filter(None, place)) for place in about.copies(label.sample)),
            *about.columns(label.sample),
        )


def _names(question: Question, names: list[str]) -> str:
    """Class names in one cell: as they are where there can be one only, else with | between them."""
    return join_names(names) if question.multi_label else "".join(names)


def _deciding(question: Question, samples: set[int], until: int) -> dict[int, int]:
    """For those of these samples that reviewers decided on the id of the label that counts: the latest review."""
    decided = [Label.Verdict.ANSWER, Label.Verdict.IGNORE]
    reviews = Label.objects.filter(question=question, is_current=True, mode=Label.Mode.REVIEW)
    now = reviews.filter(sample__in=samples, verdict__in=decided, pk__lte=until)
    # Those that stood then and have been superseded since; apart, for each part has an index of its own.
    since = Label.objects.filter(question=question, pk__gt=until, supersedes__lte=until)
    before = since.filter(
        supersedes__mode=Label.Mode.REVIEW, supersedes__verdict__in=decided, supersedes__sample__in=samples
    )
    found = [*now.values_list("pk", "sample"), *before.values_list("supersedes", "supersedes__sample")]
    return {sample_id: pk for pk, sample_id in sorted(found) if pk is not None}


class About:
    """What is said of the samples of a page beside labels and predictions, looked up at once.

    `samples` come with their files and these with their deployments; `with_text` asks for what texts say.
    """

    def __init__(self, project: Project, samples: Collection[Sample], with_text: bool) -> None:
        self.with_text = with_text
        self._twins: dict[int, list[tuple[str, str]]] = {}
        self._copies: dict[int, list[tuple[str, str]]] = {}
        self._texts: dict[int, tuple[str, str]] = {}
        refusals = Refusal.objects.filter(twin__in={sample.file_id for sample in samples}).order_by("pk")
        for file_id, path in refusals.values_list("twin", "path"):
            self._twins.setdefault(file_id, []).append((path, ""))
        if project.kind == Project.Kind.TEXT:
            self._look_up_texts([sample.pk for sample in samples])

    def _look_up_texts(self, ids: list[int]) -> None:
        for copy in TextCopy.objects.filter(original__in=ids).select_related("file").order_by("pk"):
            self._copies.setdefault(copy.original_id, []).append((copy.file.path, copy.place))
        texts = Text.objects.filter(sample__in=ids)
        for pk, group, *content in texts.values_list(
            "pk", "deployment__name", *(["content"] if self.with_text else [])
        ):
            self._texts[pk] = group or "", content[0] if content else ""

    def copies(self, sample: Sample) -> list[tuple[str, str]]:
        """Paths, and places in them, that were left out because the same content is there as this sample's."""
        return self._twins.get(sample.file_id, []) + self._copies.get(sample.pk, [])

    def columns(self, sample: Sample, place: str | None = None) -> tuple[str, ...]:
        """Which part of its file it is, what it belongs together with, and when it was taken, put right and as the
        camera said; what a text says, where that is asked for. A copy's is at another `place`.
        """
        file, deployment = sample.file, sample.file.deployment
        group, content = self._texts.get(sample.pk, ("", ""))
        taken_at = _local(file.taken_at, deployment.time_zone if deployment else "")
        return (
            sample.place if place is None else place,
            group or (deployment.name if deployment else ""),
            taken_at,
            _local(file.clock_time),
            *([content] if self.with_text else []),
        )


def _local(when: datetime | None, zone: str = "") -> str:
    """A time by the clocks of a place; with its offset from UTC where the zone is known."""
    return when.replace(tzinfo=ZoneInfo(zone) if zone else None).isoformat() if when else ""


def deployment_rows(project: Project) -> Iterator[tuple[Any, ...]]:
    """The project's deployments by name; what was wrong with its clock in seconds, as the times of the photographs
    were put right by it.
    """
    yield DEPLOYMENT_COLUMNS
    rows, last = project.deployments.order_by("name"), ""
    while page := list(rows.filter(name__gt=last)[:PAGE]):
        for each in page:
            start, end = (_local(when, each.time_zone) for when in (each.start, each.end))
            place = ("" if number is None else number for number in (each.latitude, each.longitude))
            clock = each.applied_clock
            shifts = (f"{clock.get('clock_shift', 0):g}", f"{clock['clock_shift_end']:g}" if "end" in clock else "")
            facts = (each.name, each.location_name, *place, each.camera, start, end, each.time_zone)
            yield *facts, *shifts, "yes" if "set_in" in clock else ""
        last = page[-1].name


def _who(label: Label) -> str:
    if label.annotator is None:
        return "imported"
    return "simulated" if label.annotator.is_simulated else "human"


def prediction_rows(question: Question, head: Head, *, with_text: bool = False) -> Iterator[tuple[Any, ...]]:
    """The head's top class for every photograph that the question is asked of and that isn't left out, and what people
    said where they did; with several classes a sample all that it finds, and how sure it is of all of that.

    Where a prediction has been accepted, it is that of the head it was accepted of. Files of the same content as a
    sample, and copies of its text, have its prediction.
    """
    yield (*PREDICTION_COLUMNS, *([TEXT_COLUMN] if with_text else []))
    stored = head_files.load(settings.HEADS / head.directory)
    names = dict(LabelClass.objects.filter(question=question).values_list("pk", "name"))
    rule = Acceptance.standing(question)
    accepted = accepting.accepted(rule)
    by_rule = f"{_machine(rule.head)}, accepted at error <= {rule.epsilon * 100:g} %" if rule and rule.head else ""
    asked_of = applying.asked_ids(question)
    for number in list(head.run.shards.order_by("number").values_list("number", flat=True)):
        shard = loading.read_shard(head.run, head.mix, number)
        chosen = slice(None) if asked_of is None else np.flatnonzero(np.isin(shard.ids, asked_of))
        ids = shard.ids[chosen].tolist()
        if not ids:
            continue
        predicted = accepting.predicted(question, stored, head.class_ids, shard.vectors[chosen])
        there = Sample.objects.filter(taken_away_at=None)
        samples = there.select_related("file__deployment").in_bulk(ids)
        answers = {each.sample_id: each for each in Answer.objects.of(question).filter(sample__in=ids)}
        let_stand = defaults.let_stand(question, ids)
        about = About(question.project, list(samples.values()), with_text)
        for row, sample_id in enumerate(ids):
            answer = answers.get(sample_id)
            if sample_id not in samples or (answer and answer.state == Answer.State.LEFT_OUT):
                continue
            given = answer.class_ids if answer else frozenset()
            classes, probability = accepted.get(sample_id, predicted[row])
            said = (
                question.key,
                _names(question, sorted(names[each] for each in classes)),
                f"{probability:.4f}",
                by_rule if sample_id in accepted else _machine(head) + _by(let_stand.get(sample_id), classes),
                _names(question, sorted(names[each] for each in given)),
                int(bool(given)),
            )
            sample = samples[sample_id]
            yield (sample.file.path, *said, "", *about.columns(sample))
            for path, place in about.copies(sample):
                original = " ".join(filter(None, (sample.file.path, sample.place if place else "")))
                yield (path, *said, original, *about.columns(sample, place or None))


def _by(let: tuple[int, str] | None, classes: tuple[int, ...]) -> str:
    """Who saw the prediction beside another question and let it stand; nobody where it was another class then."""
    return f", let stand by {let[1]}" if let is not None and (let[0],) == classes else ""


def _machine(head: Head) -> str:
    return f"machine: head {head.version}"
