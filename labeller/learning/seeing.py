"""People in pictures, as detectors and classifiers of others say; and, for a whole project, as labels say too."""

from collections.abc import Collection
from functools import partial
from typing import Any

from django.db import transaction

from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels import people
from labeller.learning import asking
from labeller.learning.models import ForeignPrediction
from labeller.projects.models import Project
from labeller.projects.states import State, humans, state_of_name
from labeller.samples import hiding
from labeller.samples.models import Box, File, Sample

KIND = "people"
PAGE = 1000  # files that are looked at in one transaction


def note(project: Project, sample_ids: Collection[int]) -> None:
    """Keep what is said of the files of these samples now; in the transaction that writes predictions of them."""
    if project.kind != Project.Kind.IMAGE or not sample_ids:
        return
    files = set(Sample.objects.filter(pk__in=list(sample_ids)).values_list("file", flat=True))
    hiding.note(project.pk, hiding.BY_MODELS, files, partial(in_files, project))


def in_files(project: Project, file_ids: Collection[int]) -> set[int]:
    """In which of these files a model of others says that a person is, in the whole or in a box, as surely as asked."""
    return {file_id for file_id, *_box in _said(project, file_ids)}


def boxes(project: Project, file_ids: Collection[int]) -> dict[int, list[Box]]:
    """Where in these files people are, as models of others have it, and labels; of some there may be no box at all."""
    found: dict[int, list[Box]] = {}
    for file_id, left, top, width, height in [*_said(project, file_ids), *people.places(file_ids)]:
        if left is not None:
            found.setdefault(file_id, []).append((left, top, width, height))
    return found


def _said(project: Project, file_ids: Collection[int]) -> list[tuple[Any, ...]]:
    """File and box, or None four times, of each prediction that says that a person is there."""
    told = ForeignPrediction.objects.filter(sample__file__in=list(file_ids), model__question__project=project)
    rows = list(told.values_list("category", "confidence", "suggestions", "label_class", *people.PLACE))
    classes = humans({label_class for _, _, _, label_class, *_ in rows if label_class is not None})
    return [
        tuple(place)
        for category, confidence, suggestions, label_class, *place in rows
        if (state_of_name(category) is State.HUMAN or label_class in classes)
        and _sureness(confidence, suggestions) >= project.people_from
    ]


def _sureness(confidence: float | None, suggestions: list[list[float]]) -> float:
    """A detector's confidence, else a classifier's probability; who gives neither is believed."""
    if confidence is not None:
        return confidence
    return suggestions[0][1] if suggestions else 1.0


# --- a whole project ------------------------------------------------------------------------------


def ask(project: Project) -> Job | None:
    """Have a project looked at anew: what its classes mean has changed, or how sure models must be."""
    if project.kind != Project.Kind.IMAGE:
        return None
    return jobs.enqueue(KIND, key=f"project:{project.pk}", project=project)


def look(progress: jobs.Progress) -> None:
    """Work out for every file of a project what models and labels say, and have it ranked anew where that changed."""
    project = progress.project
    files = File.objects.filter(project=project).order_by("pk")
    total, done, changed, last = files.count(), 0, 0, 0
    while page := list(files.filter(pk__gt=last).values_list("pk", flat=True)[:PAGE]):
        with transaction.atomic():
            changed += hiding.note(project.pk, hiding.BY_MODELS, page, partial(in_files, project))
            changed += hiding.note(project.pk, hiding.BY_LABELS, page, people.in_files)
        last, done = page[-1], done + len(page)
        progress(done, total)
    if changed:
        asking.rank_anew(None, project=project)
