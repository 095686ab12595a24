"""Open a file as an image, or say why it is none. Decodes no pixels itself."""

import io
import os
import re
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from tl_core.images import containers, raw
from tl_core.images.containers.base import Contents
from tl_core.images.refusals import BROKEN, CameraRaw, ImageRefused
from tl_core.images.sniffing import HEAD_BYTES, sniff
from tl_core.notices import Code, notice
from tl_core.store import storage

MAX_PIXELS = 120_000_000
MAX_BYTES = 1 << 30
MAX_MEMORY = 410_000_000  # bytes that decoding takes: a hundred megapixels of Pillow's RGB
# Formats that are read whole into memory: no photograph comes near.
_MAX_BYTES = {"JPEG": 150_000_000, "WEBP": 100_000_000, "AVIF": 100_000_000, "HEIF": 100_000_000, "GIF": 250_000_000}
# Bytes a pixel of an image in Pillow's memory.
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
# Bytes a pixel that a decoder needs before Pillow has its image, measured.
_DECODER_BYTES = {"AVIF": 6, "HEIF": 4}
_SMALLEST_PREVIEW = 1000  # pixels at the long side; below it isn't the photograph but a stamp
_NAMES = {"HEIF": "HEIC", "WEBP": "WebP"}
_PILLOW_MODULES = re.compile(r"PIL\.")


@dataclass
class Opened:
    """A file that is an image, as far as its header tells.

    Attributes
    ----------
    original : BinaryIO
        The whole file.
    file : BinaryIO
        The file with the picture: the same, but of a camera raw file its preview.
    image : PIL.Image.Image or None
        Not loaded yet; None where Pillow doesn't know this kind of pixel and `deep.decode` has to.
    kind : str
        ``"JPEG"``, ``"PNG"``, …
    contents : Contents
        What is around the pixels.
    size : tuple of int
        Width and height as stored, pixels.
    """

    original: BinaryIO
    file: BinaryIO
    image: Image.Image | None
    kind: str
    contents: Contents
    size: tuple[int, int]


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
        raise ImageRefused("missing", notice(Code.NO_FILE)) from error
    _refuse_by_size(len(content), max_bytes)
    return content


def is_url(location: Path | str) -> bool:
    """Return whether this names an object in a store rather than a file of this machine."""
    return isinstance(location, str) and "://" in location


@contextmanager
def opened(source: Path | str | bytes, max_pixels: int, max_bytes: int) -> Iterator[Opened]:
    """Yield the unloaded image and what is around it; turn every failure, the body's too, into ImageRefused."""
    _silence_pillow()
    if not isinstance(source, bytes) and is_url(source):
        source = read(source, max_bytes)
    with io.BytesIO(source) if isinstance(source, bytes) else _open_file(Path(source), max_bytes) as original:
        file: BinaryIO = original
        kind = ""
        try:
            file, kind, contents = _around(original, max_bytes)
            _refuse_by_size_of_image(contents.size, max_pixels)
            _refuse_by_memory(max(contents.working, contents.unpacked))
            with _pillow(contents, kind) as image:
                if contents.deep and image is not None and _deep_memory(contents) > MAX_MEMORY:
                    contents.deep, contents.coarse = False, True
                size = contents.size if image is None or contents.deep else image.size
                _refuse_by_size_of_image(size, max_pixels)
                _refuse_by_memory(_memory(contents, kind, image))
                if file is not original and max(size) < _SMALLEST_PREVIEW:
                    raise CameraRaw
                yield Opened(original, file, image, kind, contents, size)
        except ImageRefused:
            raise
        except Image.DecompressionBombError as error:
            raise ImageRefused("too-large", notice(Code.MORE_PIXELS, limit=max_pixels)) from error
        except MemoryError as error:
            raise ImageRefused("out-of-memory", notice(Code.NO_MEMORY)) from error
        except BROKEN as error:
            raise _refusal(error, file, kind) from error


def _around(file: BinaryIO, max_bytes: int) -> tuple[BinaryIO, str, Contents]:
    """Return the file with the picture, its format, and what is around the pixels."""
    kind = _sniff(file)
    _refuse_by_size(file.seek(0, os.SEEK_END), min(max_bytes, _MAX_BYTES.get(kind, max_bytes)))
    if kind != "RAW":
        try:
            return file, kind, containers.read(file, kind)
        except CameraRaw:
            pass
        except BROKEN as error:
            raise _refusal(error, file, kind) from error
    preview = raw.preview(file)
    if preview is None or not preview.startswith(b"\xff\xd8\xff"):
        raise CameraRaw
    inner = io.BytesIO(preview)
    return inner, "JPEG", containers.read(inner, "JPEG")


@contextmanager
def _pillow(contents: Contents, kind: str) -> Iterator[Image.Image | None]:
    """Open with Pillow, which is told what was found around the pixels, and nothing else about them."""
    if kind == "HEIF":
        _register_heif()
    try:
        image = Image.open(contents.view, formats=[kind])
    except UnidentifiedImageError:
        if kind == "TIFF" and contents.deep:
            yield None
            return
        if kind == "TIFF" and all(contents.size):
            raise ImageRefused("unsupported-format", notice(Code.ODD_PIXELS)) from None
        raise
    with image:
        if contents.first:
            image.seek(contents.first)
        # An orientation in XMP counts for Pillow and for nobody else: browsers go by EXIF.
        packets = {key: image.info.pop(key) for key in ("xmp", "XML:com.adobe.xmp") if key in image.info}
        contents.info.setdefault("xmp", next(iter(packets.values()), b""))
        if kind in ("WEBP", "AVIF", "HEIF"):
            contents.pages = int(getattr(image, "n_frames", 1))
        image.info.update((key, contents.info[key]) for key in ("icc_profile", "exif") if key in contents.info)
        yield image


def _register_heif() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def _open_file(path: Path, max_bytes: int) -> BufferedReader:
    """Open a regular file that has a sensible size. Looks before opening: opening a pipe would block for ever."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageRefused("not-an-image", notice(Code.NO_REGULAR_FILE))
        _refuse_by_size(status.st_size, max_bytes)
        return path.open("rb")
    except FileNotFoundError as error:
        raise ImageRefused("missing", notice(Code.NO_FILE)) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ImageRefused("unreadable", notice(Code.CANNOT_BE_OPENED, error=str(error))) from error


def _refuse_by_size(size: int, max_bytes: int) -> None:
    if size == 0:
        raise ImageRefused("empty", notice(Code.EMPTY))
    if size > max_bytes:
        raise ImageRefused("too-large", notice(Code.TOO_MANY_BYTES, bytes=size, limit=max_bytes))


def _sniff(file: BinaryIO) -> str:
    """Return Pillow's name of the format the first bytes show, and rewind."""
    try:
        head = file.read(HEAD_BYTES)
        file.seek(0)
    except OSError as error:
        raise ImageRefused("unreadable", notice(Code.CANNOT_BE_READ, error=str(error))) from error
    return sniff(head)


def _refuse_by_size_of_image(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        detail = notice(Code.TOO_MANY_PIXELS, width=width, height=height, limit=max_pixels)
        raise ImageRefused("too-large", detail)


def _memory(contents: Contents, kind: str, image: Image.Image | None) -> int:
    """Return what decoding takes, bytes, by what the header says."""
    if contents.deep:
        return _deep_memory(contents)
    if image is None:
        return max(contents.working, contents.unpacked)
    width, height = image.size
    a_pixel = _DECODER_BYTES.get(kind, 0)
    if kind != "JPEG":  # which is decoded at a fraction of its size
        a_pixel += _MODE_BYTES.get(image.mode, 4)
    if kind == "HEIF" and image.info.get("bit_depth", 8) > 8:
        a_pixel += 6
    return max(contents.working + width * height * a_pixel, contents.unpacked)


def _deep_memory(contents: Contents) -> int:
    """Measured: the values, a buffer as large, and the file or what is unpacked from it."""
    size = contents.view.seek(0, os.SEEK_END)
    contents.view.seek(0)
    return 2 * contents.unpacked + max(size, contents.unpacked * 6 // 10)


def _refuse_by_memory(memory: int) -> None:
    if memory > MAX_MEMORY:
        needed, limit = memory // 1_000_000, MAX_MEMORY // 1_000_000
        raise ImageRefused("too-large", notice(Code.TOO_MUCH_MEMORY, needed=needed, limit=limit))


def _tail(file: BinaryIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65536))
    return file.read()


def _refusal(error: Exception, file: BinaryIO, kind: str) -> ImageRefused:
    """Tell a file that was cut short from one that is broken otherwise."""
    text = str(error).lower()
    if isinstance(error, UnidentifiedImageError):
        error = ValueError("its header makes no sense")  # and not the path on this machine
    if "out of memory" in text:
        return ImageRefused("out-of-memory", notice(Code.NO_MEMORY))
    if "truncated" in text or _is_cut_short(file, kind):
        return ImageRefused("truncated", notice(Code.CUT_SHORT))
    what = str(error) or type(error).__name__
    return ImageRefused("unreadable", notice(Code.DAMAGED, kind=_NAMES.get(kind, kind), error=what))


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
