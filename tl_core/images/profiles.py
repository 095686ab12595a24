"""Colour profiles: what a file's numbers mean as colours, as sRGB, which screens and networks expect."""

import functools
import io

import numpy as np
from PIL import Image, ImageCms

from tl_core.images.refusals import BROKEN

LARGEST = 4_000_000  # bytes
_SAME = 3  # of 255: what differs from sRGB by no more is taken for sRGB, at no cost
_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}


class Transform:
    """Turns an image's colours into sRGB."""

    def __init__(self, profile: ImageCms.ImageCmsProfile, mode: str) -> None:
        self.mode = mode
        self._transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")

    def __call__(self, image: Image.Image) -> Image.Image:
        """Return a new image, mode RGB."""
        changed = ImageCms.applyTransform(
            image if image.mode == self.mode else image.convert(self.mode), self._transform
        )
        assert changed is not None  # noqa: S101
        return changed


def transform(profile: bytes | None, mode: str) -> Transform | None:
    """Return what an embedded profile asks for.

    Parameters
    ----------
    profile : bytes or None
        As embedded.
    mode : str
        Pillow's mode of the image.

    Returns
    -------
    Transform or None
        None where there is nothing to do: no profile, a broken one, one for other colours than the image has, or sRGB.
    """
    if not isinstance(profile, bytes) or not 128 <= len(profile) <= LARGEST:
        return None
    if mode == "CMYK":
        spaces = "CMYK"
    else:
        spaces = "RGB" if mode in ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "YCbCr") else "GRAY RGB"
    return _transform(profile, spaces)


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, spaces: str) -> Transform | None:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = opened.profile.xcolor_space.strip()
        if space not in spaces.split():
            return None
        transform = Transform(opened, _MODES[space])
        return None if _is_srgb(transform) else transform
    except (*BROKEN, ImageCms.PyCMSError):  # a broken profile is no reason to refuse pixels
        return None


def _is_srgb(transform: Transform) -> bool:
    """Try out whether it changes anything."""
    if transform.mode == "CMYK":
        return False
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    image = Image.fromarray(colours if transform.mode == "RGB" else np.ascontiguousarray(colours[..., 0]))
    expected = np.asarray(image.convert("RGB"), dtype=int)
    return bool(np.abs(np.asarray(transform(image), dtype=int) - expected).max() <= _SAME)
