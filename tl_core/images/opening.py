"""Open a file as an image, or say why it is none. Decodes no pixels itself."""

import io
import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from tl_core import storage

MAX_PIXELS = 120_000_000
MAX_BYTES = 1 << 30

_TIFF_SUBFILE_TYPE, _DNG_VERSION = 254, 50706
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
BROKEN = (
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


def read(location: Path | str, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a whole file, from this machine or from an object store.

    Parameters
    ----------
    location : Path or str
        A path, or any URL that fsspec opens (``s3://bucket/a.jpg``).
    max_bytes : int
        Larger files are refused unread.

    Returns
    -------
    bytes
        Its content, not looked at.

    Raises
    ------
    ImageRefused
        It is missing, empty, too large, or no regular file.
    OSError
        The object store doesn't answer: that says nothing about the file, so it is not a refusal.
    """
    if not is_url(location):
        with _open_file(Path(location), max_bytes) as file:
            return file.read()
    try:
        with storage.remote(str(location)) as (store, path):
            content: bytes = store.cat_file(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ImageRefused("missing", "The file is not there.") from error
    _refuse_by_size(len(content), max_bytes)
    return content


def is_url(location: Path | str) -> bool:
    """Return whether this names an object in a store rather than a file of this machine."""
    return isinstance(location, str) and "://" in location


@contextmanager
def opened(source: Path | str | bytes, max_pixels: int, max_bytes: int) -> Iterator[tuple[BinaryIO, Image.Image, str]]:
    """Yield the file, the unloaded image and its format; turn every failure, the body's too, into ImageRefused."""
    _silence_pillow()
    if not isinstance(source, bytes) and is_url(source):
        source = read(source, max_bytes)
    with io.BytesIO(source) if isinstance(source, bytes) else _open_file(Path(source), max_bytes) as file:
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
        except BROKEN as error:
            raise _refusal(error, file, kind) from error


def _open_file(path: Path, max_bytes: int) -> BufferedReader:
    """Open a regular file that has a sensible size. Looks before opening: opening a pipe would block for ever."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageRefused("not-an-image", "This is not a file but a directory, a pipe or a device.")
        _refuse_by_size(status.st_size, max_bytes)
        return path.open("rb")
    except FileNotFoundError as error:
        raise ImageRefused("missing", "The file is not there.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ImageRefused("unreadable", f"The file cannot be opened ({error}).") from error


def _refuse_by_size(size: int, max_bytes: int) -> None:
    if size == 0:
        raise ImageRefused("empty", "The file is empty.")
    if size > max_bytes:
        raise ImageRefused("too-large", f"The file has {size:,} bytes, the limit is {max_bytes:,}.")


def _sniff(file: BinaryIO) -> str:
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


def _tail(file: BinaryIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65536))
    return file.read()


def _refusal(error: Exception, file: BinaryIO, kind: str) -> ImageRefused:
    """Tell a file that was cut short from one that is broken otherwise."""
    text = str(error).lower()
    if "out of memory" in text:
        return ImageRefused("out-of-memory", "There was not enough memory to decode the image.")
    if "truncated" in text or _is_cut_short(file, kind):
        return ImageRefused("truncated", "The file ends before the image is complete.")
    return ImageRefused("unreadable", f"The {kind} data is damaged ({error or type(error).__name__}).")


def _is_cut_short(file: BinaryIO, kind: str) -> bool:
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
