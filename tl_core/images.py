"""Open photographs that strangers made: check, decode, orient, convert to RGB, and write smaller copies.

Everything that is wrong with a file ends in one exception, `ImageRefused`, with a reason a program can count and a
sentence a person can read. Pillow is the only decoder, behind an allowlist of formats.
"""

import hashlib
import math
import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader
from pathlib import Path

import numpy as np
from PIL import Image

from tl_core import files

DERIVATIVE_SIZES = (256, 512, 1280)
MAX_PIXELS = 120_000_000
MAX_BYTES = 1 << 30
JPEG_QUALITY = 85

_ORIENTATION, _EXIF_IFD, _DATE_TIME_ORIGINAL = 0x0112, 0x8769, 0x9003
_TIFF_SUBFILE_TYPE, _DNG_VERSION = 254, 50706
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ALLOWED = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
# Files people do put beside photographs; the name makes the message useful. Anything else is "not-an-image".
_KNOWN_REFUSED = (
    (re.compile(rb"....ftyp(heic|heix|hevc|mif1|msf1)", re.DOTALL), "HEIC"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "AVIF"),
    (re.compile(rb"....ftyp", re.DOTALL), "video"),
    (re.compile(rb"RIFF....AVI ", re.DOTALL), "video"),
    (re.compile(rb"%PDF"), "PDF"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*(?=<)(?!<!doctype html|<html).*<svg[\s>]", re.DOTALL | re.IGNORECASE), "SVG"),
    (re.compile(rb"8BPS"), "Photoshop"),
    (re.compile(rb"(\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51)"), "JPEG 2000"),
    (re.compile(rb"(\x00\x00\x00\x0cJXL |\xff\x0a)"), "JPEG XL"),
    (re.compile(rb"\x00\x00\x01\x00"), "icon"),
    (re.compile(rb"PK\x03\x04"), "zip"),
    (re.compile(rb".{128}DICM", re.DOTALL), "DICOM"),
)
# What Pillow raises on broken bytes. Not Exception: a worker's time limit is one, and says nothing about the file.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_STRIP_PIXELS = 4_000_000
_PILLOW_MODULES = re.compile(r"PIL\.")


class ImageRefused(Exception):
    """A file is not taken as an image.

    Parameters
    ----------
    reason : str
        One of ``"empty"``, ``"truncated"``, ``"not-an-image"``, ``"unsupported-format"``, ``"too-large"``,
        ``"unreadable"``, ``"missing"``, ``"out-of-memory"``.
    detail : str
        One sentence for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that the exception survives pickling between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


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
        The file. Its content decides what it is, not its name.
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
    with _opened(Path(path), max_pixels, max_bytes) as (file, image, kind):
        sha256 = _sha256(file)
        width, height = image.size
        scale = max_side / max(width, height)
        if kind == "JPEG" and scale < 1:
            image.draft(image.mode, (math.ceil(width * scale), math.ceil(height * scale)))
        image.load()
        taken_at, turn = _taken_at(image), _turn(image)
        rgb = _to_rgb(image, shrink=max(image.size) // (2 * max_side))
        # Last: counting frames makes Pillow forget the pixels and, in a TIFF, that it has turned them.
        frames = _frames(image)
    if scale < 1:
        rgb = rgb.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.LANCZOS)
    if turn is not None:
        rgb = rgb.transpose(turn)
        if turn in (_TRANSPOSE[5], _TRANSPOSE[6], _TRANSPOSE[7], _TRANSPOSE[8]):
            width, height = height, width
    return Examined(_without_metadata(rgb), width, height, kind, sha256, taken_at, frames)


def load(path: Path | str, *, min_side: int, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Image.Image:
    """Decode an image as fast as its format allows, for embedding.

    Parameters
    ----------
    path : Path or str
        The file.
    min_side : int
        The short side that is needed, pixels. Larger images may come back smaller than they are, never below this.
    max_pixels, max_bytes : int
        As for `examine`.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, upright, the same colours as from `examine`.

    Raises
    ------
    ImageRefused
        Whatever is wrong with the file, a missing end included.
    """
    with _opened(Path(path), max_pixels, max_bytes) as (_, image, kind):
        scale = min_side / min(image.size)
        if kind == "JPEG" and scale < 1:
            image.draft(image.mode, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
        image.load()
        turn = _turn(image)
        rgb = _to_rgb(image, shrink=min(image.size) // (2 * min_side))
    return rgb if turn is None else rgb.transpose(turn)


def derivative_sizes(width: int, height: int, sizes: Sequence[int] = DERIVATIVE_SIZES) -> tuple[int, ...]:
    """Return which derivatives an image has, from its size alone.

    Every size below the long side, and the next one up, which then holds the image as large as it is. So there is
    always at least one, and a small image has exactly one.

    Parameters
    ----------
    width, height : int
        Of the original, pixels.
    sizes : sequence of int
        The ladder, ascending.

    Returns
    -------
    tuple of int
        Ascending part of ``sizes``.
    """
    long_side = max(width, height)
    return tuple(size for place, size in enumerate(sizes) if place == 0 or sizes[place - 1] < long_side)


def derivative_path(directory: Path, sha256: str, size: int, available: Iterable[int]) -> Path:
    """Return the file to show when an image of ``size`` is asked for.

    Parameters
    ----------
    directory : Path
        Where `write_derivatives` wrote.
    sha256 : str
        Of the original's bytes.
    size : int
        Wanted long side, pixels.
    available : iterable of int
        From `derivative_sizes`; not empty.

    Returns
    -------
    Path
        The smallest derivative that is large enough, else the largest.
    """
    ladder = sorted(available)
    best = next((step for step in ladder if step >= size), ladder[-1])
    return directory / sha256[:2] / f"{sha256}-{best}.jpg"


def write_derivatives(examined: Examined, directory: Path, sizes: Sequence[int] = DERIVATIVE_SIZES) -> list[int]:
    """Write the smaller copies that pages show: JPEG, upright, without metadata, named by content.

    Parameters
    ----------
    examined : Examined
        From `examine`, with ``max_side`` at least the largest of ``sizes``.
    directory : Path
        Made where missing.
    sizes : sequence of int
        The ladder of long sides, ascending, pixels.

    Returns
    -------
    list of int
        What was written; equals ``derivative_sizes(examined.width, examined.height, sizes)``.

    Raises
    ------
    OSError
        From writing, for instance a full disk. No partial file is left.
    """
    written = derivative_sizes(examined.width, examined.height, sizes)
    image = examined.image
    for size in sorted(written, reverse=True):  # each from the next larger one: cheaper, and looks the same
        if max(image.size) > size:
            scale = size / max(image.size)
            small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(small, Image.Resampling.LANCZOS)
        path = derivative_path(directory, examined.sha256, size, written)
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path) as temporary:
            image.save(temporary, format="JPEG", quality=JPEG_QUALITY)
    return list(written)


@contextmanager
def _opened(path: Path, max_pixels: int, max_bytes: int) -> Iterator[tuple[BufferedReader, Image.Image, str]]:
    """Yield the file, the unloaded image and its format; turn every failure, the body's too, into ImageRefused."""
    _silence_pillow()
    with _open_file(path, max_bytes) as file:
        kind = _sniff(file)
        try:
            with Image.open(file, formats=[kind]) as image:
                _refuse_by_header(image, kind, max_pixels)
                yield file, image, kind
        except ImageRefused:
            raise
        except Image.DecompressionBombError as error:
            raise ImageRefused("too-large", f"The image has more than {max_pixels:,} pixels.") from error
        except MemoryError as error:
            raise ImageRefused("out-of-memory", "There was not enough memory to decode the image.") from error
        except _BROKEN as error:
            raise _refusal(error, file, kind) from error


def _open_file(path: Path, max_bytes: int) -> BufferedReader:
    """Open a regular file that has a sensible size. Looks before opening: opening a pipe would block for ever."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageRefused("not-an-image", "This is not a file but a directory, a pipe or a device.")
        if status.st_size == 0:
            raise ImageRefused("empty", "The file is empty.")
        if status.st_size > max_bytes:
            raise ImageRefused("too-large", f"The file has {status.st_size:,} bytes, the limit is {max_bytes:,}.")
        return path.open("rb")
    except FileNotFoundError as error:
        raise ImageRefused("missing", "The file is not there.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ImageRefused("unreadable", f"The file cannot be opened ({error}).") from error


def _sniff(file: BufferedReader) -> str:
    """Return Pillow's name of the format the first bytes show, and rewind."""
    try:
        head = file.read(4096)
        file.seek(0)
    except OSError as error:
        raise ImageRefused("unreadable", f"The file cannot be read ({error}).") from error
    for magic, kind in _ALLOWED:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:  # many a text begins with BM
        return "BMP"
    for pattern, name in _KNOWN_REFUSED:
        if pattern.match(head):
            raise ImageRefused(
                "unsupported-format",
                f"This is a {name} file; supported are JPEG, PNG, WebP, TIFF, BMP and GIF.",
            )
    raise ImageRefused("not-an-image", "The content is not an image.")


def _refuse_by_header(image: Image.Image, kind: str, max_pixels: int) -> None:
    """Refuse by what the header says, before pixels are decoded."""
    width, height = image.size
    if width * height > max_pixels:
        raise ImageRefused("too-large", f"The image has {width:,} x {height:,} pixels, the limit is {max_pixels:,}.")
    if kind == "TIFF":
        # Camera raw files are TIFFs whose first picture is a thumbnail; taking that for the photograph would be wrong.
        tags = image.tag_v2  # type: ignore[attr-defined]
        if _DNG_VERSION in tags or int(tags.get(_TIFF_SUBFILE_TYPE, 0)) & 1:
            raise ImageRefused("unsupported-format", "This is a camera raw file; convert it to JPEG or TIFF first.")


def _sha256(file: BufferedReader) -> str:
    """Digest the whole file and leave the reading position where the decoder expects it."""
    position = file.tell()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(position)
    return digest


def _tail(file: BufferedReader) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65536))
    return file.read()


def _refusal(error: Exception, file: BufferedReader, kind: str) -> ImageRefused:
    """Tell a file that was cut short from one that is broken otherwise."""
    text = str(error).lower()
    if "out of memory" in text:
        return ImageRefused("out-of-memory", "There was not enough memory to decode the image.")
    if "truncated" in text or _is_cut_short(file, kind):
        return ImageRefused("truncated", "The file ends before the image is complete.")
    return ImageRefused("unreadable", f"The {kind} data is damaged ({error or type(error).__name__}).")


def _is_cut_short(file: BufferedReader, kind: str) -> bool:
    try:
        tail = _tail(file)
        size = file.tell()
        file.seek(0)
        head = file.read(8)
    except (OSError, ValueError):
        return False
    if kind in ("WEBP", "BMP"):
        offset, extra = (4, 8) if kind == "WEBP" else (2, 0)
        return len(head) < offset + 4 or struct.unpack_from("<I", head, offset)[0] + extra > size
    marker = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "GIF": b"\x3b"}.get(kind)
    return marker is not None and marker not in (tail[-1:] if kind == "GIF" else tail)


def _silence_pillow() -> None:
    """Keep Pillow's warnings about other people's files out of the logs; what matters becomes an exception here.

    A filter, because ``warnings.catch_warnings`` is not safe with threads; looked for on every call, because test
    runners and others who do use it drop filters that were added meanwhile.
    """
    if not any(entry[3] == _PILLOW_MODULES for entry in warnings.filters):
        warnings.filterwarnings("ignore", module=_PILLOW_MODULES.pattern)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return how to turn a loaded image upright. Pillow turns TIFFs itself on loading and drops the tag."""
    try:
        return _TRANSPOSE.get(image.getexif().get(_ORIENTATION, 1))
    except _BROKEN:  # broken EXIF is no reason to refuse the pixels
        return None


def _taken_at(image: Image.Image) -> datetime | None:
    try:
        text = image.getexif().get_ifd(_EXIF_IFD).get(_DATE_TIME_ORIGINAL)
        return datetime.strptime(str(text).strip("\x00 "), "%Y:%m:%d %H:%M:%S") if text else None
    except _BROKEN:  # cameras write all sorts of things, "0000:00:00 00:00:00" for one
        return None


def _frames(image: Image.Image) -> int:
    if image.format == "MPO":  # a JPEG with previews or a second eye behind it
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except _BROKEN:  # a later frame is broken; the first, which we use, is not
        return 1


def _without_metadata(image: Image.Image) -> Image.Image:
    image.info = {}
    return image


def _to_rgb(image: Image.Image, *, shrink: int) -> Image.Image:
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
