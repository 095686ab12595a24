"""False boxes that come again and again in one place of a camera: gathered by a job, dismissed as one decision.

Dismissed boxes are taken away as one that somebody deleted is: nothing is labelled, and all come back together. What
somebody answered about stays. See docs/decisions/0043-boxes-by-hand.md.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from labeller.accounts.models import User
from labeller.jobs import queueing as jobs
from labeller.jobs.models import Job
from labeller.labels.models import Answer
from labeller.learning import asking as learning
from labeller.projects.models import Project
from labeller.samples import set_aside
from labeller.samples.likely_same import together
from labeller.samples.models import BoxEdit, Deployment, File, RepeatedBox, Sample

KIND = "repeats"
FEWEST = 10  # pictures that a place must be in
SHARE = 0.2  # of a camera's pictures that are enough, where they are all of one day
PAGE = 500  # samples changed in one statement
BOX = ("box_left", "box_top", "box_width", "box_height")


def ask(project: Project) -> Job:
    """Have the boxes of a project gathered anew."""
    return jobs.enqueue(KIND, key=f"project:{project.pk}", project=project)


def gather(progress: jobs.Progress) -> None:
    """Find the places of each camera that hold a box again and again; those that were dismissed stay as they are."""
    project = progress.project
    deployments = list(Deployment.objects.filter(project=project).order_by("pk"))
    for done, deployment in enumerate(deployments):
        progress(done, len(deployments))
        found = list(_of_deployment(project, deployment))
        with transaction.atomic():
            RepeatedBox.objects.filter(deployment=deployment, dismissed_at=None).delete()
            RepeatedBox.objects.bulk_create(found)


def dismiss(repeated: RepeatedBox, who: User) -> int:
    """Take its boxes away, but for those that somebody answered about; returns how many. Done twice it is done once."""
    now = timezone.now()
    with transaction.atomic():
        rows = RepeatedBox.objects.filter(pk=repeated.pk, dismissed_at=None)
        if not rows.update(dismissed_at=now, dismissed_by=who):
            return 0
        settled = Exists(Answer.objects.settled().filter(sample=OuterRef("pk")))
        edited = Exists(BoxEdit.objects.filter(sample=OuterRef("pk")))
        n = sum(
            some.filter(~settled, ~edited, taken_away_at=None).update(taken_away_at=now) for some in _samples(repeated)
        )
    learning.rank_anew(None, project=repeated.project)
    return n


def bring_back(repeated: RepeatedBox) -> int:
    """Put back what was taken away when it was dismissed, and nothing else; returns how many."""
    with transaction.atomic():
        rows = RepeatedBox.objects.filter(pk=repeated.pk, dismissed_at=repeated.dismissed_at)
        if repeated.dismissed_at is None or not rows.update(dismissed_at=None, dismissed_by=None):
            return 0
        same = (some.filter(taken_away_at=repeated.dismissed_at) for some in _samples(repeated))
        n = sum(some.update(taken_away_at=None) for some in same)
    learning.rank_anew(None, project=repeated.project)
    return n


def _samples(repeated: RepeatedBox) -> Iterator[QuerySet[Sample]]:
    for start in range(0, len(repeated.samples), PAGE):
        yield Sample.objects.filter(project=repeated.project_id, pk__in=repeated.samples[start : start + PAGE])


def _of_deployment(project: Project, deployment: Deployment) -> Iterator[RepeatedBox]:
    """What a detector found there, by places. What people drew, moved or answered about is none of them."""
    settled = Exists(Answer.objects.settled().filter(sample=OuterRef("pk")))
    boxes = set_aside.shown(project).filter(~settled, file__deployment=deployment, confidence__isnull=False, start=None)
    rows = list(boxes.order_by("file__taken_at", "pk").values_list("pk", *BOX, "file", "file__taken_at"))
    if len(rows) < FEWEST:
        return
    of_file: dict[int, tuple[int, datetime | None]] = {pk: (file_id, taken) for pk, *_box, file_id, taken in rows}
    total = File.objects.filter(deployment=deployment).count()
    for box, pks in together((pk, (left, top, width, height)) for pk, left, top, width, height, *_rest in rows):
        pictures = {of_file[pk][0] for pk in pks}
        days = _days(of_file[pk][1] for pk in pks)
        if len(pictures) >= FEWEST and (days >= 2 or len(pictures) >= SHARE * total):
            yield RepeatedBox(
                project=project, deployment=deployment, box=list(box), samples=pks, pictures=len(pictures), days=days
            )


def _days(times: "Iterator[datetime | None]") -> int:
    return len({each.date() for each in times if each is not None})


def shown_of(repeated: RepeatedBox, most: int) -> Sequence[int]:
    """So many of its boxes, spread over all of its time."""
    step = max(1, len(repeated.samples) // most)
    return list(repeated.samples[::step][:most])
