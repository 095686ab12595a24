"""Which values of a deep image mean black and white, so that people and networks see what is there.

A file of 16 or 32 bits rarely uses them all: cameras write 12 or 14 of them, thermal ones hundredths of a kelvin, and
science writes degrees. Shown as they are, such pictures are black.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.images.containers.base import Contents

_PERCENT = 0.1  # of pixels at either end that may be clipped: dead pixels and sparks
_FILL = 1e30  # larger numbers mean that there is none
_GAP = 3  # times the other values' range, by which values that stand for "none" lie below


@dataclass(frozen=True)
class Range:
    """What is black and what is white.

    Attributes
    ----------
    low, high : float
        The values shown as black and as white; low > high where the file counts darkness.
    is_stretched : bool
        Not what this kind of number would usually mean.
    """

    low: float
    high: float
    is_stretched: bool


def value_range(values: NDArray[Any], contents: Contents) -> Range:
    """Tell from a sample of an image's values which mean black and white.

    Parameters
    ----------
    values : ndarray, any shape
        Of all pixels, or an even sample of them.
    contents : Contents
        With what the file declares.

    Returns
    -------
    Range
        The declared range where the values make use of it; else all the type can hold where they use that; else where
        nearly all values lie.
    """
    whites = _whites(values.dtype)
    values = values.ravel().astype(np.float64)
    values = values[np.isfinite(values) & (np.abs(values) < _FILL)]
    if contents.nodata is not None and np.any(values != contents.nodata):
        values = values[values != contents.nodata]
    if not values.size:
        return Range(0.0, 1.0, False)
    limits = _range(values, whites, contents)
    return Range(limits.high, limits.low, limits.is_stretched) if contents.white_is_zero else limits


def _whites(dtype: np.dtype[Any]) -> tuple[float, ...]:
    """What white is in numbers of that kind, where nothing says otherwise."""
    if dtype.kind == "f":
        return (1.0, 255.0, 65535.0)
    return {"uint8": (255.0,), "uint16": (65535.0,)}.get(dtype.name, (255.0, 65535.0))


def _range(values: NDArray[np.float64], whites: tuple[float, ...], contents: Contents) -> Range:
    low, high = (float(value) for value in np.percentile(values, [_PERCENT, 100 - _PERCENT]))
    if low == high:
        low, high = float(values.min()), float(values.max())
    if contents.low is not None and contents.high is not None:
        declared = contents.high - contents.low
        if (
            contents.low <= low
            and high <= contents.high
            and high - contents.low >= declared / 4
            and declared > 0
            and declared not in whites
        ):
            return Range(contents.low, contents.high, True)
    if low == high:  # one value only: what it usually means
        white = next((white for white in whites if 0 <= low <= white), None)
        return Range(low, low + 1, True) if white is None else Range(0.0, white, False)
    low = _above_fill(values, low, high)
    for white in whites:
        if low >= 0 and white / 2 <= high <= white and high - low >= white / 4:
            return Range(0.0, white, False)
    return Range(low, high, True)


def _above_fill(values: NDArray[np.float64], low: float, high: float) -> float:
    """Pass over a value far below all others that stands for "none"."""
    above = values[values > low]
    following = float(above.min()) if above.size else low
    return following if following < high and following - low > _GAP * (high - following) else low
