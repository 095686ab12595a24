"""People in pictures, as labels say: any that stands for itself, whether or not others agree."""

from collections.abc import Collection
from typing import Any

from labeller.labels.models import LabelledClass
from labeller.projects.states import humans
from labeller.samples import hiding
from labeller.samples.models import PeopleSeen, Sample

PLACE = ("sample__file", "sample__box_left", "sample__box_top", "sample__box_width", "sample__box_height")


def note(sample_ids: Collection[int], class_ids: Collection[int]) -> None:
    """Keep what is said of the files of these samples now that labels of them, which name these classes, are written.

    Inside the transaction that writes them.
    """
    marked = PeopleSeen.objects.filter(by_labels=True, file__samples__in=list(sample_ids))
    if not (class_ids and humans(class_ids)) and not marked.exists():
        return
    files = dict(Sample.objects.filter(pk__in=list(sample_ids)).values_list("file", "project"))
    for project_id in set(files.values()):
        of_project = [file_id for file_id, each in files.items() if each == project_id]
        hiding.note(project_id, hiding.BY_LABELS, of_project, in_files)


def in_files(file_ids: Collection[int]) -> set[int]:
    """In which of these files somebody's current label, of the whole or of a box, says that a person is."""
    return {file_id for file_id, *_box in places(file_ids)}


def places(file_ids: Collection[int]) -> list[tuple[Any, ...]]:
    """File and box, or None four times, of each label of these files that says that a person is there."""
    named = LabelledClass.objects.filter(label__is_current=True, label__sample__file__in=list(file_ids))
    rows = list(named.values_list("label_class", *(f"label__{name}" for name in PLACE)))
    people = humans({class_id for class_id, *_place in rows})
    return [tuple(place) for class_id, *place in rows if class_id in people]
