"""Working out what was seen at which deployment on which day: the tables that occupancy and activity are modelled from.

A class is there on a day where people say so of a picture, or the head of one nobody looked at. How many of such days
are right follows from audit samples alone. A worker goes through all samples; pages read the rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from labeller.embedding import loading
from labeller.insights.models import SiteDay, SiteDays
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import applying
from labeller.labels import selectors as labels
from labeller.labels.models import Answer
from labeller.labels.selectors import Audited
from labeller.learning import accepting
from labeller.learning.models import Head
from labeller.projects.models import Question
from labeller.samples.models import Sample
from tl_core import evaluation
from tl_core.heads import files as head_files

KIND = "site_days"
PAGE = 5_000  # samples read at once
BATCH = 2_000  # rows written at once

Place = tuple[int, int]  # deployment, day
Cell = tuple[int, int, int]  # class, 0 = all pictures; deployment; day


@dataclass
class _Tally:
    by_people: int = 0
    by_head: int = 0
    predicted: int = 0
    events: int = 0
    surest: tuple[float, int] | None = None  # how sure, and which sample


@dataclass
class _Walked:
    """What the samples that were gone through say so far."""

    cells: dict[Cell, _Tally] = field(default_factory=dict)
    events: set[int] = field(default_factory=set)  # cells and the events in them, hashed: there may be millions
    pictures: int = 0
    placeless: int = 0
    audited: dict[int, Place] = field(default_factory=dict)  # audit samples, and where and when they were taken

    def cell(self, class_id: int, place: Place, event: int) -> _Tally:
        """The tally of a class on a day, with this event counted."""
        tally = self.cells.setdefault((class_id, *place), _Tally())
        seen = hash((class_id, *place, event))
        if seen not in self.events:
            self.events.add(seen)
            tally.events += 1
        return tally


def ask(question: Question) -> None:
    """Have a worker work it out anew."""
    jobs.enqueue(KIND, key=_key(question), project=question.project, payload={"question": question.pk})


def is_under_way(question: Question) -> bool:
    """Whether that was asked for, and isn't done."""
    return Job.objects.filter(kind=KIND, key=_key(question), state__in=Job.OPEN).exists()


def _key(question: Question) -> str:
    return f"question:{question.pk}"


def work_out(progress: jobs.Progress) -> None:
    """The job: written aside first, and shown once it is whole."""
    question = Question.objects.select_related("project").get(pk=progress.job.payload["question"])
    SiteDays.objects.filter(question=question, is_whole=False).delete()  # of one that broke off
    head = Head.latest(question)
    window = {each.sample_id: each for each in labels.trail(question).window}
    found = _gone_through(question, _Predictions(question, head), window.keys(), progress)
    made = SiteDays.objects.create(
        question=question,
        head_version=head.version if head else None,
        pictures=found.pictures,
        placeless=found.placeless,
        shares=_shares(window, found),
    )
    rows = list(_rows(made, found))
    for at in range(0, len(rows), BATCH):
        SiteDay.objects.bulk_create(rows[at : at + BATCH])
        progress(found.pictures, found.pictures)
    SiteDays.objects.filter(pk=made.pk).update(is_whole=True)
    SiteDays.objects.filter(question=question, pk__lt=made.pk).delete()


class _Predictions:
    """What the head says of each sample: the classes, and how sure it is."""

    def __init__(self, question: Question, head: Head | None) -> None:
        self._sets: list[tuple[int, ...]] = []
        parts = list(self._of_shards(question, head)) if head else []
        ids = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, np.int64)
        order = np.argsort(ids)
        self._ids = ids[order]
        self._codes = np.concatenate([part[1] for part in parts])[order] if parts else np.empty(0, np.int32)
        self._sure = np.concatenate([part[2] for part in parts])[order] if parts else np.empty(0, np.float32)

    def _of_shards(self, question: Question, head: Head) -> Iterator[tuple[NDArray[Any], ...]]:
        stored, codes = head_files.load(settings.HEADS / head.directory), dict[tuple[int, ...], int]()
        for number in head.run.shards.order_by("number").values_list("number", flat=True):
            shard = loading.read_shard(head.run, head.mix, number)
            if not len(shard.ids):
                continue
            said = accepting.predicted(question, stored, head.class_ids, shard.vectors)
            code = np.array([codes.setdefault(classes, len(codes)) for classes, _sure in said], np.int32)
            yield shard.ids, code, np.array([sure for _classes, sure in said], np.float32)
        self._sets = list(codes)

    def of(self, sample_ids: list[int]) -> Iterator[tuple[tuple[int, ...], float]]:
        """Of each of these samples; nothing of those that the head has not seen."""
        at = np.searchsorted(self._ids, sample_ids)
        for place, sample_id in zip(at.tolist(), sample_ids, strict=True):
            if place < len(self._ids) and self._ids[place] == sample_id:
                yield self._sets[self._codes[place]], float(self._sure[place])
            else:
                yield (), 0.0


def _gone_through(
    question: Question, predictions: _Predictions, audited: Iterable[int], progress: jobs.Progress
) -> _Walked:
    """Go through all samples that the question is asked of."""
    found, audited, last = _Walked(), set(audited), 0
    asked = applying.asked_ids(question)
    asked_of = None if asked is None else set(asked.tolist())
    blank = set(question.classes.filter(is_blank=True).values_list("pk", flat=True))
    columns = "pk", "file", "file__deployment", "file__taken_at", "file__sequence"
    samples = Sample.objects.filter(project=question.project_id).order_by("pk").values_list(*columns)
    while page := list(samples.filter(pk__gt=last)[:PAGE]):
        last = page[-1][0]
        ids = [pk for pk, *_ in page]
        answers = {each.sample_id: each for each in Answer.objects.of(question).filter(sample__in=ids)}
        for (pk, file_id, deployment, taken_at, sequence), said in zip(page, predictions.of(ids), strict=True):
            answer = answers.get(pk)
            if (asked_of is not None and pk not in asked_of) or (answer and answer.state == Answer.State.LEFT_OUT):
                continue
            found.pictures += 1
            if deployment is None or taken_at is None:
                found.placeless += 1
                continue
            place = deployment, taken_at.date().toordinal()
            if pk in audited:
                found.audited[pk] = place
            given = answer.class_ids if answer else frozenset()
            _count(found, place, 2 * file_id + 1 if sequence is None else 2 * sequence, pk, given, said, blank)
        progress(found.pictures)
    return found


def _count(
    found: _Walked,
    place: Place,
    event: int,
    sample_id: int,
    given: frozenset[int],
    said: tuple[tuple[int, ...], float],
    blank: set[int],
) -> None:
    """Count a picture where it belongs. A blank one is effort, and no detection."""
    classes, sure = said
    whole = found.cell(0, place, event)
    whole.by_people += bool(given)
    whole.by_head += not given
    for class_id in (given or set(classes)) - blank:
        tally = found.cell(class_id, place, event)
        if given:
            tally.by_people += 1
        else:
            tally.by_head += 1
            tally.surest = max(tally.surest or (0.0, 0), (sure, sample_id))
    for class_id in set(classes) - blank:
        found.cells.setdefault((class_id, *place), _Tally()).predicted += 1


def _shares(window: dict[int, Audited], found: _Walked) -> dict[str, list[float]]:
    """By class id: audit samples the head took for it, and which share of its days is right at least and at most.

    A picture counts for less the more pictures of its day the head takes for the class: it is days that are claimed.
    """
    drawn: dict[int, list[tuple[bool, float]]] = {}
    for sample_id, place in found.audited.items():
        each = window[sample_id]
        for class_id in each.classes:
            tally = found.cells.get((class_id, *place))
            pictures = max(1, tally.predicted if tally else 0)
            drawn.setdefault(class_id, []).append((class_id in each.given, 1 / pictures))
    shares = {}
    for class_id, pairs in drawn.items():
        right, weight = [is_right for is_right, _ in pairs], [weight for _, weight in pairs]
        shares[str(class_id)] = [len(pairs), *evaluation.weighted_share(right, weight)]
    return shares


def _rows(made: SiteDays, found: _Walked) -> Iterator[SiteDay]:
    for (class_id, deployment, day), tally in found.cells.items():
        yield SiteDay(
            of=made,
            deployment_id=deployment,
            day=date.fromordinal(day),
            label_class_id=class_id or None,
            by_people=tally.by_people,
            by_head=tally.by_head,
            predicted=tally.predicted,
            events=tally.events,
            surest_id=tally.surest[1] if tally.surest else None,
        )
