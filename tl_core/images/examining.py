"""Look at an image file in full, once, when it is imported."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from tl_core.images import times
from tl_core.images.colour import decode, to_rgb
from tl_core.images.opening import MAX_BYTES, MAX_PIXELS, Opened, opened
from tl_core.images.refusals import BROKEN
from tl_core.notices import Code, Notice, notice

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
    path: Path | str, *, max_side: int = 1280, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> Examined:
    """Decode the whole of an image file, so that what is broken is found now and not under an annotator's eyes.

    Parameters
    ----------
    path : Path or str
        The file, or the URL of an object in a store. Its content decides what it is, not its name.
    max_side : int
        Longest side of the returned image, pixels.
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
    with opened(path, max_pixels, max_bytes) as picture:
        sha256 = _sha256(picture.original)
        (width, height), image = picture.size, picture.image
        scale = max_side / max(width, height)
        if picture.kind == "JPEG" and scale < 1 and image is not None:
            image.draft(image.mode, (math.ceil(width * scale), math.ceil(height * scale)))
        turn = None if is_turned_by_pillow(picture) else turn_upright(picture)
        # What was taken is read before the pixels: some decoders let go of the file with them.
        taken_at = times.taken_at(exif(picture), picture.contents.info)
        decoded = decode(picture)
        rgb = to_rgb(decoded, shrink=max(decoded.size) // (2 * max_side))
    if scale < 1:
        rgb = rgb.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.LANCZOS)
    if turn is not None:
        rgb = rgb.transpose(turn)
        if turn in SIDEWAYS:
            width, height = height, width
    limits = decoded.range
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
    )


def _sha256(file: BinaryIO) -> str:
    """Digest the whole file and leave the reading position where the decoder expects it."""
    position = file.tell()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(position)
    return digest


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


def is_turned_by_pillow(picture: Opened) -> bool:
    """Return whether loading turns the image already: Pillow does so with TIFFs, and HEIC says it in its boxes."""
    return picture.kind == "HEIF" or (picture.kind == "TIFF" and not picture.contents.deep)


def turn_upright(picture: Opened) -> Image.Transpose | None:
    """Return how to turn the stored image upright."""
    try:
        tags = exif(picture)
        return None if tags is None else TRANSPOSE.get(tags.get(_ORIENTATION, 1))
    except BROKEN:
        return None


def _without_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
