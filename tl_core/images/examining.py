"""Look at an image file in full, once, when it is imported."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.images import times, turbo
from tl_core.images.colour import Decoded, decode, to_rgb
from tl_core.images.loading import loaded
from tl_core.images.opening import MAX_BYTES, MAX_PIXELS, Opened, opened
from tl_core.images.ranges import Range
from tl_core.images.shrinking import shrunk
from tl_core.images.turning import SIDEWAYS, exif, turn_upright
from tl_core.notices import Code, Notice, notice


@dataclass(frozen=True)
class Examined:
    """What one full look at an image file found.

    Attributes
    ----------
    image : PIL.Image.Image
        Mode RGB, upright, no metadata, long side at most the ``max_side`` asked for, in pixels.
    width, height : int
        Of the original once upright, in pixels.
    format : str
        ``"JPEG"``, ``"PNG"``, ``"WEBP"``, ``"TIFF"``, ``"BMP"``, ``"GIF"``, ``"HEIF"`` or ``"AVIF"``: what the
        content is, whatever its name.
    sha256 : str
        Hexadecimal digest of the file's bytes.
    taken_at : datetime or None
        By the camera's clock, so without a time zone.
    frames : int
        Frames or pages in the file, thumbnails not counted; only the first is decoded.
    stretched : tuple of float or None
        Which of the file's values are shown as black and as white, where that isn't what such numbers usually mean.
    is_preview : bool
        It is a camera raw file, and this is the preview in it.
    pixels : ndarray of uint8, shape (height, width, 3), or None
        What `load` returns with the ``min_side`` asked for; None where none was, or where it has to open the file.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    sha256: str
    taken_at: datetime | None
    frames: int
    stretched: tuple[float, float] | None = None
    is_preview: bool = False
    pixels: NDArray[np.uint8] | None = None

    @property
    def notes(self) -> list[Notice]:
        """What a person should know about the picture."""
        notes: list[Notice] = []
        if self.stretched is not None:
            low, high = (float(f"{value:.6g}") for value in sorted(self.stretched))
            notes.append(notice(Code.STRETCHED, low=low, high=high))
        if self.is_preview:
            notes.append(notice(Code.PREVIEW))
        if self.frames > 1:
            notes.append(notice(Code.PAGES, n=self.frames))
        return notes


def examine(
    source: Path | str | bytes,
    *,
    max_side: int = 1280,
    min_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> Examined:
    """Decode the whole of an image file, so that what is broken is found now and not under an annotator's eyes.

    Parameters
    ----------
    source : Path, str or bytes
        A file, the URL of an object in a store, or a file's content, which decides what it is; its name doesn't.
    max_side : int
        Longest side of the returned image, pixels.
    min_side : int or None
        Short side that an embedding needs, pixels: what `load` would give comes of the same look at the file.
    max_pixels : int
        Larger images are refused by their header, before any pixel is decoded.
    max_bytes : int
        Larger files are refused unread.

    Returns
    -------
    Examined
        The upright RGB image and what is worth storing about the file.

    Raises
    ------
    ImageRefused
        Whatever is wrong with the file.
    """
    with opened(source, max_pixels, max_bytes) as picture:
        sha256 = _sha256(picture.original)
        width, height = picture.size
        scale = max_side / max(width, height)
        turn = turn_upright(picture)
        # What was taken is read before the pixels: some decoders let go of the file with them.
        taken_at = times.taken_at(exif(picture), picture.contents.info)
        decoded = _decoded(picture, min(scale, 1.0))
        pixels = None if min_side is None else loaded(picture, min_side, turn, decoded, min(scale, 1.0))
        rgb, limits = _rgb(decoded, max_side)
    if scale < 1:
        rgb = shrunk(rgb, (max(1, round(width * scale)), max(1, round(height * scale))))
    if turn is not None:
        rgb = rgb.transpose(turn)
        if turn in SIDEWAYS:
            width, height = height, width
    unit = 256 if picture.contents.coarse else 1  # of a value, where only the upper 8 of its 16 bits were decoded
    stretched = (limits.low * unit, limits.high * unit) if limits is not None and limits.is_stretched else None
    return Examined(
        _without_metadata(rgb),
        width,
        height,
        picture.kind,
        sha256,
        taken_at,
        picture.contents.pages,
        stretched,
        picture.file is not picture.original,
        pixels,
    )


def _decoded(picture: Opened, scale: float) -> NDArray[np.uint8] | Decoded:
    """Decode a JPEG at no less than that share of its size, anything else whole."""
    pixels = turbo.decode(picture, scale)
    if pixels is not None:
        return pixels
    image = picture.image
    if picture.kind == "JPEG" and scale < 1 and image is not None:
        image.draft(image.mode, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
    return decode(picture)


def _rgb(decoded: NDArray[np.uint8] | Decoded, max_side: int) -> tuple[Image.Image, Range | None]:
    """Return it as an image that people can look at, and which of its values are black and white."""
    if isinstance(decoded, Decoded):
        return to_rgb(decoded, shrink=max(decoded.size) // (2 * max_side)), decoded.range
    return Image.fromarray(decoded), None


def _sha256(file: BinaryIO) -> str:
    """Digest the whole file and leave the reading position where the decoder expects it."""
    position = file.tell()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(position)
    return digest


def _without_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
