"""Groups of tiles: which samples are shown side by side because they probably are of one class.

By the class that the head takes them for, the surest first; by likeness while nothing is predicted yet. The groups are
told by positions in the pool: `listing` knows the samples.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labeller.embedding.loading import Embedded
from labeller.learning.fitting import Fitted
from tl_core.query import likeliest

PAGE = 60  # tiles that people have before them at a time
MOST = 240  # of a group
MOST_OF_ALL = 6000
MOST_CLUSTERS = 60
# Seconds that a practised person needs: to look at a tile, to class one that is no such thing, to turn the page.
_LOOK, _CORRECT, _TURN = 0.25, 1.2, 1.3

Taken = tuple[NDArray[np.intp], NDArray[np.float32]]  # a column of the head's classes for each sample, and how sure


@dataclass(frozen=True, eq=False)
class Tiles:
    """One group: `n` samples of the pool belong to it, the best at `positions` are listed with their `numbers`."""

    n: int
    positions: NDArray[np.intp]
    numbers: NDArray[np.float32]  # probabilities, or cosines
    class_id: int | None = None

    @property
    def pace(self) -> float:
        """Labels a second that its first page is likely to bring: pure pages bring more, and full ones."""
        page = self.numbers[:PAGE]
        wrong = len(page) - float(page.sum(dtype=np.float64))
        return len(page) / (_LOOK * len(page) + _CORRECT * wrong + _TURN)


@dataclass(frozen=True, eq=False)
class Likeness:
    """Which cluster each sample is in, the first of each the most typical: kept while nothing is embedded."""

    order: NDArray[np.intp]  # positions, by cluster, the nearest to its middle first
    cluster: NDArray[np.intp]  # of each of these
    numbers: NDArray[np.float32]


def taken_for(fitted: Fitted, embeddings: Embedded) -> Taken:
    """What the head takes every sample for, as a column of its classes, and how sure it is; see `likeliest`."""
    return likeliest.likeliest(fitted.learner, embeddings.vectors, norms=embeddings.norms, units=embeddings.units)


def predicted(fitted: Fitted, taken: Taken, free: NDArray[np.bool_], starred: Collection[int]) -> list[Tiles]:
    """Groups by predicted class among what is free, the ones that bring labels fastest first.

    There is room for `MOST_OF_ALL` tiles: starred classes have theirs first, then those that most are taken for.
    """
    columns, sure = taken
    positions = np.flatnonzero(free & (columns >= 0))
    columns, sure = columns[positions], sure[positions]
    sizes = np.bincount(columns, minlength=len(fitted.class_ids))
    ends = np.cumsum(sizes)
    by_column = np.argsort(columns, kind="stable")
    wanted = np.flatnonzero(sizes).tolist()
    wanted.sort(key=lambda column: (fitted.class_ids[column] not in starred, -sizes[column]))
    most = min(MOST, max(PAGE, MOST_OF_ALL // max(1, len(wanted))))
    groups = []
    for column in wanted[: MOST_OF_ALL // most]:
        members = by_column[ends[column] - sizes[column] : ends[column]]
        best = members[_highest(sure[members], most)]
        groups.append(Tiles(len(members), positions[best], sure[best], fitted.class_ids[column]))
    return sorted(groups, key=lambda group: -group.pace)


def _highest(numbers: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Places of the `k` highest, the highest first."""
    if k < len(numbers):
        best = np.argpartition(-numbers, k)[:k]
        return best[np.argsort(-numbers[best], kind="stable")]
    return np.argsort(-numbers, kind="stable")


def likeness(embeddings: Embedded, middles: NDArray[np.intp]) -> Likeness:
    """Which of these samples each one looks most like."""
    vectors = embeddings.vectors
    places, cosines = likeliest.most_alike(vectors, vectors[middles], embeddings.mean, norms=embeddings.norms)
    order = np.lexsort((-cosines, places))
    order = order[np.searchsorted(places[order], 0) :]  # without what isn't finite
    return Likeness(order, places[order], cosines[order])


def clusters(found: Likeness, free: NDArray[np.bool_]) -> list[Tiles]:
    """Groups by likeness among what is free, the largest first."""
    is_free = free[found.order]
    order, cluster, numbers = found.order[is_free], found.cluster[is_free], found.numbers[is_free]
    sizes = np.bincount(cluster)
    starts = np.cumsum(sizes) - sizes
    largest = np.argsort(-sizes, kind="stable")[:MOST_CLUSTERS]
    listed = [
        (size, slice(start, start + min(size, MOST)))
        for size, start in zip(sizes[largest], starts[largest], strict=True)
    ]
    return [Tiles(int(size), order[where], numbers[where]) for size, where in listed if size]
