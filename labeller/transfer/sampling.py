"""Which of a project's pictures featurisers are tried on: labelled ones, spread over classes and cameras, else any."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeller.labels import selectors as labels
from labeller.labels import tallies
from labeller.projects.models import Project, Question
from labeller.samples.groups import placed
from labeller.samples.models import File, Sample

PAGE = 2000
LEAST = 30  # labels by which embeddings are judged; with fewer they are judged without
LEAST_OF_CLASS = 3  # of a class: one is held out, and others must be left to know it by
MATES = 500  # bursts of which another frame is looked at, where there are no labels
DRAWN = 1000  # pictures looked at where there are no labels, besides these


@dataclass(frozen=True, eq=False)
class Drawn:
    """Samples in an order of which any beginning is spread alike, with what is known of each; -1 = nothing."""

    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    cameras: NDArray[np.int64]
    events: NDArray[np.int64]

    @property
    def is_labelled(self) -> bool:
        """Whether they were drawn for their labels."""
        return bool(len(self.ids)) and bool((self.classes >= 0).all())

    def first(self, rows: NDArray[np.intp]) -> "Drawn":
        """Those rows alone."""
        return Drawn(self.ids[rows], self.classes[rows], self.cameras[rows], self.events[rows])


def question_of(project: Project) -> Question | None:
    """The question whose answers tell most: that with the most of them; None while there are none."""
    counts = {each: tallies.of(each).answers for each in project.questions.order_by("position", "pk")}
    best = max(counts, key=lambda each: counts[each], default=None)
    return best if best is not None and counts[best] else None


def draw(project: Project, question: Question | None, most: int, rng: np.random.Generator) -> Drawn:
    """At most so many samples: labelled ones where there are enough, else any, with burst mates among them."""
    known = labelled(question, most, rng) if question else None
    return known if known is not None else unlabelled(project, min(most, DRAWN), rng)


def labelled(question: Question, most: int, rng: np.random.Generator) -> Drawn | None:
    """Samples with one class each, in turns by class and, within it, by camera; None where there are too few."""
    answers = labels.consensus(question)
    single = {sample: next(iter(classes)) for sample, classes in answers.items() if len(classes) == 1}
    rows = np.array([(pk, single[pk], *where) for pk, *where in _places(single)], np.int64).reshape(-1, 4)
    if len(rows):
        _, inverse, counts = np.unique(rows[:, 1], return_inverse=True, return_counts=True)
        rows = rows[counts[inverse] >= LEAST_OF_CLASS]
    if len(rows) < LEAST or len(np.unique(rows[:, 1])) < 2:
        return None
    rows = rows[rng.permutation(len(rows))]
    by_camera = rows[np.argsort(_turns(rows[:, 1:3]), kind="stable")]
    in_turns = by_camera[np.argsort(_turns(by_camera[:, 1:2]), kind="stable")]
    return Drawn(*in_turns[:most].T)


def unlabelled(project: Project, most: int, rng: np.random.Generator) -> Drawn:
    """Samples of random shards, which are spread over the whole folder, and one more frame of some of their bursts."""
    ids: list[int] = []
    for number in rng.permutation(project.next_shard or 1):
        of_shard = Sample.objects.filter(project=project, shard=int(number), file__kind=File.Kind.IMAGE)
        ids += of_shard.values_list("pk", flat=True)
        if len(ids) >= most:
            break
    drawn = [ids[at] for at in rng.permutation(len(ids))[:most]]
    rows = list(_places(drawn))
    bursts = [event for _, _, event in rows if event >= 0][:MATES]
    mates = Sample.objects.filter(project=project, file__sequence__in=bursts, part=Sample.Part.WHOLE)
    more = dict(mates.exclude(pk__in=drawn).order_by("pk").values_list("file__sequence", "pk"))  # one of each burst
    known = {pk: (camera, event) for pk, camera, event in [*rows, *_places(more.values())]}
    # A mate right behind its burst's first frame: in any beginning they are together.
    order = list(dict.fromkeys(each for pk, _, event in rows for each in (pk, more.get(event)) if each is not None))
    if not order:
        return Drawn(*np.zeros((4, 0), np.int64))
    return Drawn(*np.array([(pk, -1, *known[pk]) for pk in order], np.int64).T)


def _places(ids: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Id, camera and burst of those of these samples that are pictures; -1 = none."""
    wanted = list(ids)
    for start in range(0, len(wanted), PAGE):
        rows = placed(Sample.objects.filter(pk__in=wanted[start : start + PAGE], file__kind=File.Kind.IMAGE))
        for pk, part, camera, event in rows.values_list("pk", "part", "group", "event"):
            yield pk, camera or -1, (event or -1) if part == Sample.Part.WHOLE else -1


def _turns(keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """How many rows before it have the same key."""
    _, codes = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    turns = np.empty(len(codes), np.intp)
    turns[order] = np.arange(len(codes)) - np.repeat(starts, np.diff(np.r_[starts, len(codes)]))
    return turns
