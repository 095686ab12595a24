"""Turn whatever Pillow decoded into RGB as a person would see it: white paper, no clipped greys."""

import math

import numpy as np
from PIL import Image

_STRIP_PIXELS = 4_000_000


def to_rgb(image: Image.Image, *, shrink: int) -> Image.Image:
    """Convert a loaded image to RGB, averaging boxes of ``shrink`` x ``shrink`` pixels, in strips to bound memory."""
    shrink = max(1, shrink)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.reduce(shrink) if shrink > 1 else image.copy()
    value_range = _value_range(image) if image.mode in ("I", "F") else (0.0, 1.0)
    width, height = image.size
    rows = shrink * max(1, _STRIP_PIXELS // (width * shrink))
    if rows >= height:
        rgb = _strip_to_rgb(image, value_range)
        return rgb.reduce(shrink) if shrink > 1 else rgb
    target = Image.new("RGB", (math.ceil(width / shrink), math.ceil(height / shrink)))
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        target.paste(_strip_to_rgb(strip, value_range).reduce(shrink), (0, top // shrink))
    return target


def _strip_to_rgb(image: Image.Image, value_range: tuple[float, float]) -> Image.Image:
    """Convert one strip. Pillow's own ``convert`` would clip 16-bit and float greys to white."""
    if image.mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint32) + 128) // 257
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        low, high = value_range
        scaled = (np.nan_to_num(np.asarray(image, dtype=np.float32), nan=low) - low) * (255.0 / (high - low))
        return Image.fromarray(np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info or image.mode in ("RGBA", "RGBa", "LA", "La", "PA"):
        straight = image.convert("LA") if image.mode == "La" else image
        layer = straight.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _value_range(image: Image.Image) -> tuple[float, float]:
    """Return which values of an integer or float grey image mean black and white.

    Nothing in such files says so. 0..1 (float), 0..255 and 0..65535 are taken where the values fit; else the extremes.
    """
    array = np.asarray(image)
    low, high = math.inf, -math.inf
    for rows in np.array_split(array, max(1, array.size // _STRIP_PIXELS)):
        finite = rows[np.isfinite(rows)] if image.mode == "F" else rows
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:  # nothing finite
        return 0.0, 1.0
    whites = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    if low >= 0 and high <= whites[-1]:
        return 0.0, next(white for white in whites if high <= white)
    return low, (high if low < high else low + 1.0)
