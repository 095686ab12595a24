"""Decode plain JPEGs by libjpeg-turbo: at a fraction of their size, straight into an array."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.images.colour import finished
from tl_core.images.opening import Opened
from tl_core.images.profiles import transform


def eighths(size: tuple[int, int], scale: float) -> int:
    """Return at how many eighths of its size `decode` decodes an image of ``size`` (width, height), 1 to 8."""
    least = [math.ceil(side * scale) for side in size]
    enough = (n for n in range(1, 8) if all(-(-side * n // 8) >= at for side, at in zip(size, least, strict=True)))
    return next(enough, 8)


def decode(picture: Opened, scale: float) -> NDArray[np.uint8] | None:
    """Decode a grey or colour JPEG, at the smallest number of eighths of its size that is at least ``scale`` of it.

    Returns None where it is another kind, or where anything is odd about its data; Pillow can load it then.
    """
    image, file = picture.image, picture.file
    if picture.kind != "JPEG" or image is None or image.mode not in ("RGB", "L"):
        return None
    profile = transform(image.info.get("icc_profile"), image.mode)
    if image.mode == "L" and profile is not None:
        return None
    import simplejpeg

    least = {}
    if scale < 1:
        least = {"min_height": math.ceil(image.height * scale), "min_width": math.ceil(image.width * scale)}
    file.seek(0)
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(file.read(), "RGB", **least)
    except ValueError:  # cut short or damaged: Pillow tells which, or makes sense of it
        picture.contents.view.seek(0)
        return None
    return pixels if profile is None else np.asarray(finished(Image.fromarray(pixels), profile))
