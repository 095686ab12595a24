"""Which way is up: as EXIF says it, for images and for arrays."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.images.opening import Opened
from tl_core.images.refusals import BROKEN

_ORIENTATION = 0x0112
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {TRANSPOSE[5], TRANSPOSE[6], TRANSPOSE[7], TRANSPOSE[8]}
# What Pillow's transpositions are on arrays: views, so that turning costs nothing until the resizing reads them.
_TURNS: dict[Image.Transpose, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    Image.Transpose.FLIP_LEFT_RIGHT: lambda a: a[:, ::-1],
    Image.Transpose.ROTATE_180: lambda a: a[::-1, ::-1],
    Image.Transpose.FLIP_TOP_BOTTOM: lambda a: a[::-1],
    Image.Transpose.TRANSPOSE: lambda a: a.swapaxes(0, 1),
    Image.Transpose.ROTATE_270: lambda a: a.swapaxes(0, 1)[:, ::-1],
    Image.Transpose.TRANSVERSE: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    Image.Transpose.ROTATE_90: lambda a: a.swapaxes(0, 1)[::-1],
}


def turned(pixels: NDArray[np.uint8], turn: Image.Transpose | None) -> NDArray[np.uint8]:
    """Return the pixels as Pillow's ``transpose`` would turn them: a view."""
    return pixels if turn is None else _TURNS[turn](pixels)


def exif(picture: Opened) -> Image.Exif | None:
    """Return the file's EXIF as far as it can be read; broken EXIF is no reason to refuse the pixels."""
    try:
        if picture.image is not None:
            return picture.image.getexif()
        alone = Image.Exif()  # a TIFF is what EXIF is made of
        picture.file.seek(0)
        alone.load_from_fp(picture.file)
    except BROKEN:
        return None
    return alone


def _is_turned_by_pillow(picture: Opened) -> bool:
    """Return whether loading turns the image already: Pillow does so with TIFFs, and HEIC says it in its boxes."""
    return picture.kind == "HEIF" or (picture.kind == "TIFF" and not picture.contents.deep)


def turn_upright(picture: Opened) -> Image.Transpose | None:
    """Return how to turn the image upright once it is loaded; None where it is so already."""
    if _is_turned_by_pillow(picture):
        return None
    try:
        tags = exif(picture)
        return None if tags is None else TRANSPOSE.get(tags.get(_ORIENTATION, 1))
    except BROKEN:
        return None
