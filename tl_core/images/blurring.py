"""Making parts of a picture unrecognisable, so that nothing of what was there can be had back."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tl_core.images.loading import Box

CELLS = 8  # along the longer side of a part: what is left of it are the mean colours of so many
MARGIN = 0.1  # around a box, as a share of its longer side: hair and hands stick out


def blurred(pixels: NDArray[np.uint8], boxes: Iterable[Box] = ()) -> NDArray[np.uint8]:
    """Blur boxes of a picture, or all of it.

    Each part is reduced to the mean colours of at most `CELLS` by `CELLS` cells, which is what cannot be undone, and
    these are blended by a Gaussian as wide as a cell.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB, upright. It is left as it is.
    boxes : iterable of tuple of float
        Left, top, width, height, as fractions of the picture's width and height. None at all = the whole picture.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    image = Image.fromarray(pixels)
    for box in list(boxes) or [(0.0, 0.0, 1.0, 1.0)]:
        where = _window(box, *image.size)
        part = image.crop(where)
        cell = max(part.size) / CELLS
        few = part.resize((math.ceil(part.width / cell), math.ceil(part.height / cell)), Image.Resampling.BOX)
        image.paste(few.resize(part.size, Image.Resampling.NEAREST).filter(ImageFilter.GaussianBlur(cell)), where)
    return np.asarray(image)


def _window(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a box with its margin, in pixels; at least one in either direction."""
    left, top, across, down = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    margin = MARGIN * max(across, down)
    first, above = max(0, math.floor(left - margin)), max(0, math.floor(top - margin))
    first, above = min(first, width - 1), min(above, height - 1)
    last = min(width, max(first + 1, math.ceil(left + across + margin)))
    return first, above, last, min(height, max(above + 1, math.ceil(top + down + margin)))
