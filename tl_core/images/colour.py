"""Turn whatever was decoded into RGB as a person would see it: white paper, no clipped greys, right colours.

One way for all: what people see and what networks see is the same.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.images import deep
from tl_core.images.opening import Opened
from tl_core.images.profiles import Transform, transform
from tl_core.images.ranges import Range, value_range
from tl_core.images.refusals import ImageRefused
from tl_core.notices import Code, notice

_STRIP_PIXELS = 1_000_000
_SAMPLED = 1024  # rows and columns that are looked at to find the range of values
_DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
Rectangle = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class Decoded:
    """Decoded pixels and what they mean.

    Attributes
    ----------
    pixels : PIL.Image.Image or ndarray of shape (height, width) or (height, width, 3 or 4)
        Of any kind.
    range : Range or None
        What is black and white; None for 8 bits.
    transform : Transform or None
        From the file's colours to sRGB.
    """

    pixels: Image.Image | NDArray[Any]
    range: Range | None
    transform: Transform | None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        if isinstance(self.pixels, Image.Image):
            return self.pixels.size
        return self.pixels.shape[1], self.pixels.shape[0]


def decode(picture: Opened) -> Decoded:
    """Decode the pixels, at the size that was asked for by ``draft``, and find out what they mean.

    Raises one of `refusals.BROKEN`, MemoryError or ImageRefused.
    """
    image, contents = picture.image, picture.contents
    pixels = deep.decode(picture) if contents.deep else None
    if pixels is not None:
        steps = [max(1, side // _SAMPLED) for side in pixels.shape[:2]]
        sample = pixels[:: steps[0], :: steps[1]]
        limits = value_range(sample if sample.ndim == 2 else sample[..., :3], contents)
        mode = "L" if pixels.ndim == 2 else "RGB"
        return Decoded(pixels, limits, transform(contents.info.get("icc_profile"), mode))
    if image is None or (contents.deep and picture.kind == "TIFF"):
        raise ImageRefused("unsupported-format", notice(Code.ODD_PIXELS))
    image.load()
    is_deep = image.mode in _DEEP_MODES or contents.coarse
    found_range = value_range(_sample(image), contents) if is_deep else None
    return Decoded(image, found_range, transform(image.info.get("icc_profile"), image.mode))


def _sample(image: Image.Image) -> NDArray[Any]:
    """Return an even sample of the pixels. A row at a time, for as an array the whole would take memory once more."""
    width, height = image.size
    down, across = max(1, height // _SAMPLED), max(1, width // _SAMPLED)
    rows = [np.asarray(image.crop((0, top, width, top + 1)))[0, ::across] for top in range(0, height, down)]
    sample = np.stack(rows)
    return sample if sample.ndim == 2 else sample[..., :3]


def to_rgb(decoded: Decoded, *, shrink: int, part: Rectangle | None = None) -> Image.Image:
    """Convert to RGB, averaging boxes of ``shrink`` x ``shrink`` pixels, in strips to bound memory.

    Parameters
    ----------
    decoded : Decoded
        From `decode`.
    shrink : int
        At most 1 = not at all.
    part : tuple of int or None
        The rectangle that is wanted, as stored, pixels; None = all.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, not turned.
    """
    shrink, pixels = max(1, shrink), decoded.pixels
    if part is None and isinstance(pixels, Image.Image) and pixels.mode == "RGB" and "transparency" not in pixels.info:
        return finished(pixels.reduce(shrink) if shrink > 1 else pixels, decoded.transform)
    left, top, right, bottom = part or (0, 0, *decoded.size)
    width, height = right - left, bottom - top
    rows = shrink * max(1, _STRIP_PIXELS // (width * shrink))
    target = Image.new("RGB", (math.ceil(width / shrink), math.ceil(height / shrink)))
    for place in range(top, bottom, rows):
        strip = _plain(_strip(decoded, (left, place, right, min(place + rows, bottom))))
        small = strip.reduce(shrink) if shrink > 1 else strip
        target.paste(finished(small, decoded.transform), (0, (place - top) // shrink))
    return target


def finished(image: Image.Image, profile: Transform | None) -> Image.Image:
    """Return RGB of what is RGB, grey or CMYK of 8 bits, by the file's profile."""
    return image.convert("RGB") if profile is None else profile(image)


def _strip(decoded: Decoded, where: Rectangle) -> Image.Image:
    """Cut a strip out, in 8 bits. Pillow's own ``convert`` would clip 16-bit and float greys to white."""
    pixels, limits = decoded.pixels, decoded.range
    if isinstance(pixels, Image.Image):
        strip = pixels.crop(where)
        if limits is None:
            return strip
        values = np.asarray(strip)
    else:
        left, top, right, bottom = where
        values = pixels[top:bottom, left:right]
    assert limits is not None  # noqa: S101
    alpha = values[..., 3:] if values.ndim == 3 and values.shape[2] == 4 else None
    grey = _scaled(values if alpha is None else values[..., :3], limits)
    if alpha is not None:
        top_value = np.iinfo(alpha.dtype).max if alpha.dtype.kind in "iu" else 1
        grey = np.concatenate([grey, _scaled(alpha, Range(0, float(top_value), False))], axis=-1)
    return Image.fromarray(grey)


def _scaled(values: NDArray[Any], limits: Range) -> NDArray[np.uint8]:
    kind = np.float32 if values.dtype.itemsize <= 2 else np.float64
    scaled: NDArray[Any] = values.astype(kind)
    scaled -= limits.low
    scaled *= 255.0 / (limits.high - limits.low)
    shades: NDArray[np.uint8] = np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255)).astype(np.uint8)
    return shades


def _plain(image: Image.Image) -> Image.Image:
    """Lay it on white paper where it is transparent: grey, RGB or CMYK."""
    if "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        straight = image.convert("LA") if image.mode == "La" else image
        layer = straight.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("L" if image.mode == "1" else "RGB")
