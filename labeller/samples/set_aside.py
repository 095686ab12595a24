"""Boxes that nobody is asked about: taken away by hand, or with a detector less sure of them than the project asks for.

Nothing of them is deleted: labels, embeddings and places stay. They are asked about again once they are put back, or
once the threshold is lowered.
"""

from collections.abc import Mapping

from django.db.models import Exists, OuterRef, Q, QuerySet

from labeller.projects.models import Project
from labeller.samples.models import BoxEdit, Sample

PAGE = 500  # samples whose confidence is looked up at once


def is_set_aside(project: Project, sample: str) -> Q:
    """Whether the sample that this field names is one of them: for a few rows, each found by its id."""
    return Q(Exists(Sample.objects.filter(_of(project), pk=OuterRef(sample))))


def shown(project: Project) -> QuerySet[Sample]:
    """The boxes of a project that are none of them."""
    return Sample.objects.filter(~_of(project), project=project, part=Sample.Part.BOX)


def taken_away(project: Project) -> QuerySet[Sample]:
    """Those that somebody took away: what was said of them before is kept, but says nothing of any box."""
    return Sample.objects.filter(project=project, taken_away_at__isnull=False)


def rows(project: Project) -> tuple[QuerySet[Sample], QuerySet[Sample]]:
    """All of them, as two queries, not one condition with an OR: each has an index of its own."""
    unsure = Sample.objects.filter(project=project, taken_away_at=None, confidence__lt=project.box_threshold)
    return taken_away(project), unsure


def ids(project: Project) -> set[int]:
    """All of them."""
    one, other = (each.values_list("pk", flat=True) for each in rows(project))
    return set(one.union(other, all=True))


def detected(confidences: Mapping[int, float]) -> None:
    """Keep how sure a detector is of boxes, by their samples; of several detectors the surest counts.

    What a person put somewhere is theirs, and stays as it is. In the transaction of whoever writes the boxes.
    """
    wanted = list(confidences)
    for start in range(0, len(wanted), PAGE):
        some = wanted[start : start + PAGE]
        edited = Exists(BoxEdit.objects.filter(sample=OuterRef("pk")))
        found = Sample.objects.filter(~Q(edited), pk__in=some, part=Sample.Part.BOX)
        changed = []
        for pk, before in found.values_list("pk", "confidence"):
            if before is None or before < confidences[pk]:
                changed.append(Sample(pk=pk, confidence=confidences[pk]))
        Sample.objects.bulk_update(changed, ["confidence"], batch_size=200)


def _of(project: Project) -> Q:
    # Not `confidence__lt` alone in the negation: what has none is asked about.
    unsure = Q(confidence__isnull=False, confidence__lt=project.box_threshold)
    return Q(taken_away_at__isnull=False) | unsure
