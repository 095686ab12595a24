"""Boxes that lie in nearly the same place, found without comparing each with each."""

import math
from collections.abc import Iterable, Iterator
from itertools import product

from labeller.samples.models import Box

ALIKE = 0.85  # what two boxes share, as a share of what they cover together (IoU)
STEP = -math.log(ALIKE)  # two that are alike differ by no more in the logarithm of their width, nor of their height
Cell = tuple[int, int, int, int]
Row = tuple[int, Box]


def together(rows: Iterable[Row]) -> list[tuple[Box, list[int]]]:
    """The boxes of one camera by where they are: the first of each place, and the ids of all that are like it.

    Each box is compared with the places in its cell and those around. A cell is as fine as boxes of its size may
    differ, so it holds a few places at most: what is looked at grows with the boxes, not with their square.
    """
    places: list[tuple[Box, list[int]]] = []
    cells: dict[Cell, list[int]] = {}
    for pk, box in rows:
        near = [at for cell in _around(box) for at in cells.get(cell, ())]
        best = max(near, key=lambda at: overlap(places[at][0], box), default=None)
        if best is not None and overlap(places[best][0], box) >= ALIKE:
            places[best][1].append(pk)
            continue
        cells.setdefault(_cell(box, _size(box[2]), _size(box[3])), []).append(len(places))
        places.append((box, [pk]))
    return places


def overlap(one: Box, other: Box) -> float:
    """What two boxes share, as a share of what they cover together."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def _size(length: float) -> int:
    return math.floor(math.log(max(length, 1e-6)) / STEP)


def _cell(box: Box, width: int, height: int) -> Cell:
    """Its cell among boxes of that size. Middles of two that are alike differ by no more than (1 - ALIKE) of the larger
    one's width, and height: so wide is a cell.
    """
    across = (1 - ALIKE) * math.exp((width + 1) * STEP)
    down = (1 - ALIKE) * math.exp((height + 1) * STEP)
    return width, height, math.floor((box[0] + box[2] / 2) / across), math.floor((box[1] + box[3] / 2) / down)


def _around(box: Box) -> Iterator[Cell]:
    for wider, higher in product((-1, 0, 1), repeat=2):
        width, height, across, down = _cell(box, _size(box[2]) + wider, _size(box[3]) + higher)
        for right, lower in product((-1, 0, 1), repeat=2):
            yield width, height, across + right, down + lower
