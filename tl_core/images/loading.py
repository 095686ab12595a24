"""Decode an image as fast as its format allows, for embedding: no larger than needed."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.images import turbo
from tl_core.images.colour import Decoded, Rectangle, decode, to_rgb
from tl_core.images.opening import MAX_BYTES, MAX_MEMORY, MAX_PIXELS, Opened, opened
from tl_core.images.turning import SIDEWAYS, turn_upright, turned

Box = tuple[float, float, float, float]
MARGIN = 0.1
_Turn = Image.Transpose
# Turned so, what was at the right, or below, comes first.
_FROM_RIGHT = {_Turn.FLIP_LEFT_RIGHT, _Turn.ROTATE_180, _Turn.TRANSVERSE, _Turn.ROTATE_90}
_FROM_BELOW = {_Turn.FLIP_TOP_BOTTOM, _Turn.ROTATE_180, _Turn.TRANSVERSE, _Turn.ROTATE_270}


def load(
    source: Path | str | bytes,
    *,
    min_side: int,
    box: Box | None = None,
    margin: float = MARGIN,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> NDArray[np.uint8]:
    """Decode an image, or a box of it.

    JPEGs are decoded at a fraction of their size by libjpeg-turbo, straight into the array that is returned; where it
    finds anything odd, and for all other formats, Pillow does it, which opened the file.

    Parameters
    ----------
    source : Path, str or bytes
        A file, the URL of an object in a store, or a file's content.
    min_side : int
        The short side that is needed, pixels. Larger images may come back smaller than they are, never below this
        (but for boxes of JPEGs so large that all their pixels don't fit in `opening.MAX_MEMORY`).
    box : tuple of float or None
        Left, top, width, height in the upright image, as fractions of its width and height. None = all of it.
    margin : float
        What is kept around the box, as a fraction of its longer side, where the image has it.
    max_pixels, max_bytes : int
        As for `examine`.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        RGB, upright, the same colours as from `examine`.

    Raises
    ------
    ImageRefused
        Whatever is wrong with the file, a missing end included.
    OSError
        An object store doesn't answer.
    """
    with opened(source, max_pixels, max_bytes) as picture:
        turn = turn_upright(picture)
        short = _short_side(picture.size[::-1] if turn in SIDEWAYS else picture.size, box)
        scale = _scale(picture, min_side, short)
        pixels = turbo.decode(picture, scale)
        if pixels is not None:
            pixels = turned(pixels, turn)
            return pixels if box is None else _cut(pixels, box, margin)
        image = picture.image
        if image is not None and scale < 1:
            image.draft(image.mode, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
        decoded = decode(picture)
        part = None if box is None else _stored(box, margin, decoded.size, turn)
        pixels = np.asarray(to_rgb(decoded, shrink=_shrink(picture, decoded, min_side, short), part=part))
    return turned(pixels, turn)


def loaded(
    picture: Opened,
    min_side: int,
    turn: Image.Transpose | None,
    seen: NDArray[np.uint8] | Decoded,
    scale_seen: float,
) -> NDArray[np.uint8] | None:
    """Return what `load` makes of an image that was decoded for another purpose, decoding again only where it must.

    Parameters
    ----------
    picture : Opened
        The file, still open.
    min_side : int
        As for `load`.
    turn : PIL.Image.Transpose or None
        From `turning.turn_upright`.
    seen : ndarray of uint8, or Decoded
        What `turbo.decode` gave for ``scale_seen``, or else what `colour.decode` gave.
    scale_seen : float
        At most 1.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3), or None
        None where the file has to be opened once more: a JPEG that only Pillow can decode.
    """
    short = float(min(picture.size))
    if isinstance(seen, Decoded):
        if picture.kind == "JPEG":
            return None
        return turned(np.asarray(to_rgb(seen, shrink=_shrink(picture, seen, min_side, short))), turn)
    scale = _scale(picture, min_side, short)
    is_same = turbo.eighths(picture.size, scale) == turbo.eighths(picture.size, scale_seen)
    pixels = seen if is_same else turbo.decode(picture, scale)
    return None if pixels is None else turned(pixels, turn)


def _scale(picture: Opened, min_side: int, short: float) -> float:
    """Return at what share of its size an image is decoded of which ``short`` pixels are the short side wanted."""
    return min(min_side / short, _affordable(picture)) if picture.kind == "JPEG" else 1.0


def _shrink(picture: Opened, decoded: Decoded, min_side: int, short: float) -> int:
    """Return by boxes of how many pixels what was decoded may be averaged."""
    return int(short * max(decoded.size) / max(picture.size)) // (2 * min_side)


def _short_side(size: tuple[int, int], box: Box | None) -> float:
    """Return the short side of what is wanted, pixels, at least 1."""
    width, height = size
    return float(min(size)) if box is None else max(1.0, min(box[2] * width, box[3] * height))


def _affordable(picture: Opened) -> float:
    """Return the scale at which decoding a JPEG fits in memory; below 1 only for the very largest."""
    left = MAX_MEMORY - picture.contents.working
    return math.sqrt(max(left, MAX_MEMORY // 20) / (4 * picture.size[0] * picture.size[1]))


def _window(box: Box, margin: float, width: int, height: int) -> Rectangle:
    """Return the box and its margin in an image of that size, pixels; at least one."""
    left, top, right, bottom = box[0] * width, box[1] * height, (box[0] + box[2]) * width, (box[1] + box[3]) * height
    around = margin * max(right - left, bottom - top)
    x = min(max(0, math.floor(left - around)), width - 1)
    y = min(max(0, math.floor(top - around)), height - 1)
    return x, y, min(width, max(x + 1, math.ceil(right + around))), min(height, max(y + 1, math.ceil(bottom + around)))


def _stored(box: Box, margin: float, size: tuple[int, int], turn: Image.Transpose | None) -> Rectangle:
    """Return where a box of the upright image and its margin lie in the image as it is stored, pixels."""
    width, height = size
    x, y, right, bottom = _window(box, margin, *(size[::-1] if turn in SIDEWAYS else size))
    if turn in SIDEWAYS:
        x, y, right, bottom = y, x, bottom, right
    if turn in _FROM_RIGHT:
        x, right = width - right, width - x
    if turn in _FROM_BELOW:
        y, bottom = height - bottom, height - y
    return x, y, right, bottom


def _cut(pixels: NDArray[np.uint8], box: Box, margin: float) -> NDArray[np.uint8]:
    """Cut the box and its margin out of the upright image."""
    x, y, right, bottom = _window(box, margin, pixels.shape[1], pixels.shape[0])
    return pixels[y:bottom, x:right]
