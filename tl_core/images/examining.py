"""Look at an image file in full, once, when it is imported."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from tl_core.images.colour import to_rgb
from tl_core.images.opening import BROKEN, MAX_BYTES, MAX_PIXELS, opened

_ORIENTATION, _EXIF_IFD, _DATE_TIME_ORIGINAL = 0x0112, 0x8769, 0x9003
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
        ``"JPEG"``, ``"PNG"``, ``"WEBP"``, ``"TIFF"``, ``"BMP"`` or ``"GIF"``: what the content is, whatever its name.
    sha256 : str
        Hexadecimal digest of the file's bytes.
    taken_at : datetime or None
        EXIF DateTimeOriginal: the camera's clock, so without a time zone.
    frames : int
        Frames or pages in the file; only the first is decoded.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    sha256: str
    taken_at: datetime | None
    frames: int


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
    with opened(path, max_pixels, max_bytes) as (file, image, kind):
        sha256 = _sha256(file)
        width, height = image.size
        scale = max_side / max(width, height)
        if kind == "JPEG" and scale < 1:
            image.draft(image.mode, (math.ceil(width * scale), math.ceil(height * scale)))
        image.load()
        taken_at, turn = _taken_at(image), turn_upright(image)
        rgb = to_rgb(image, shrink=max(image.size) // (2 * max_side))
        # Last: counting frames makes Pillow forget the pixels and, in a TIFF, that it has turned them.
        frames = _frames(image)
    if scale < 1:
        rgb = rgb.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.LANCZOS)
    if turn is not None:
        rgb = rgb.transpose(turn)
        if turn in SIDEWAYS:
            width, height = height, width
    return Examined(_without_metadata(rgb), width, height, kind, sha256, taken_at, frames)


def _sha256(file: BinaryIO) -> str:
    """Digest the whole file and leave the reading position where the decoder expects it."""
    position = file.tell()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(position)
    return digest


def turn_upright(image: Image.Image) -> Image.Transpose | None:
    """Return how to turn a loaded image upright. Pillow turns TIFFs itself on loading and drops the tag."""
    try:
        return TRANSPOSE.get(image.getexif().get(_ORIENTATION, 1))
    except BROKEN:  # broken EXIF is no reason to refuse the pixels
        return None


def _taken_at(image: Image.Image) -> datetime | None:
    try:
        text = image.getexif().get_ifd(_EXIF_IFD).get(_DATE_TIME_ORIGINAL)
        return datetime.strptime(str(text).strip("\x00 "), "%Y:%m:%d %H:%M:%S") if text else None
    except BROKEN:  # cameras write all sorts of things, "0000:00:00 00:00:00" for one
        return None


def _frames(image: Image.Image) -> int:
    if image.format == "MPO":  # a JPEG with previews or a second eye behind it
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except BROKEN:  # a later frame is broken; the first, which we use, is not
        return 1


def _without_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image
