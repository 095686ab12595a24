"""Boxes as formats write them, as fractions of their pictures."""

import math
from collections.abc import Sequence
from typing import Any

from labeller.samples.models import Box


def box_of(numbers: Any) -> Box | None:
    """Left, top, width and height; None where these are not four finite numbers."""
    if not isinstance(numbers, Sequence) or isinstance(numbers, str) or len(numbers) != 4:
        return None
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in numbers):
        return None
    left, top, width, height = map(float, numbers)
    return left, top, width, height


def from_corners(numbers: Any) -> Box | None:
    """The box between two corners: left, top, right, bottom."""
    found = box_of(numbers)
    return found and (found[0], found[1], found[2] - found[0], found[3] - found[1])


def wrong(box: Box) -> str:
    """Why a box in fractions is none of its picture: the code of a refusal; empty where it is one."""
    left, top, width, height = box
    if width <= 0 or height <= 0:
        return "box-empty"
    if left >= 1 or top >= 1 or left + width <= 0 or top + height <= 0:
        return "box-outside"
    if width > 1.5 or height > 1.5:
        return "box-outside"
    return ""


def sticks_out(box: Box, slack: float = 0.001) -> bool:
    """Whether it goes beyond its picture by more than rounding explains."""
    left, top, width, height = box
    return min(left, top) < -slack or max(left + width, top + height) > 1 + slack
