"""TIFF: its pages without thumbnails, what kind of numbers its pixels are, and whether a camera wrote it raw."""

import struct
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from PIL import TiffImagePlugin

from tl_core.images.containers import planes
from tl_core.images.containers.base import MAX_PAGES, Contents
from tl_core.images.refusals import CameraRaw, ImageRefused
from tl_core.notices import Code, notice

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LARGEST_DIRECTORY = 64_000_000  # bytes of tags: Pillow reads them all
_MAX_NUMBERS = 2_000_000  # in one tag: Pillow makes an object of each
_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _MIN, _MAX = 273, 274, 277, 278, 280, 281
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _SUB_IFDS, _FORMAT, _SMIN, _SMAX = 322, 323, 324, 330, 339, 340, 341
_PROFILE, _NODATA, _DNG = 34675, 42113, 50706
_NUMBERS = {_STRIPS, 279, _TILES, 325}
_RAW_COMPRESSIONS = {32767, 32769, 32770, 34713, 34892, 65000, 65535}
_RAW_PHOTOMETRICS = {32803, 34892}  # a colour filter array; linear raw


@dataclass
class _Page:
    """One directory of tags: where, how many bytes its values take, and the kind of picture."""

    offset: int
    is_thumbnail: bool


def read(file: BinaryIO) -> Contents:
    """Walk the directories, refuse what Pillow would choke on, and look at the first page."""
    pages = _TiffWalk(file).pages()
    whole = [number for number, page in enumerate(pages) if not page.is_thumbnail]
    first = whole[0] if whole else 0
    tags = _tags(file, pages[first].offset)
    opening = _tags(file, pages[0].offset) if first else tags
    _refuse_raw(opening, is_only_thumbnails=not whole)
    if first:
        _refuse_raw(tags, is_only_thumbnails=False)
    contents = Contents(file, pages=max(1, len(whole)), first=first)
    contents.size = (int(tags[_WIDTH]), int(tags[_HEIGHT]))
    _look_at_pixels(contents, tags)
    if isinstance(profile := tags.get(_PROFILE), bytes):
        contents.info["icc_profile"] = profile
    return contents


class _TiffWalk:
    """From directory to directory."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        file.seek(0)
        head = file.read(16)
        self.order = "<" if head[:2] == b"II" else ">"
        self.is_big = head[2:4] in (b"+\0", b"\0+")
        self.count, self.entry = ("Q", "HHQQ") if self.is_big else ("H", "HHLL")
        self.pointer = "Q" if self.is_big else "L"
        self.next = struct.unpack_from(self.order + self.pointer, head, 8 if self.is_big else 4)[0]

    def pages(self) -> list[_Page]:
        pages: list[_Page] = []
        seen: set[int] = set()
        while self.next and self.next not in seen and len(pages) < MAX_PAGES:
            seen.add(self.next)
            try:
                page = self._directory(self.next)
            except struct.error:  # a later page is cut short: the first isn't
                break
            pages.append(page)
        if not pages:
            raise EOFError("truncated: no directory of tags")
        return pages

    def _read(self, form: str) -> tuple[int, ...]:
        form = self.order + form
        return struct.unpack(form, self.file.read(struct.calcsize(form)))

    def _directory(self, offset: int) -> _Page:
        self.file.seek(offset)
        (count,) = self._read(self.count)
        size = struct.calcsize("=" + self.entry)
        table = self.file.read(min(count, 65_535) * size)
        total, is_thumbnail = 0, False
        for tag, kind, number, value in struct.iter_unpack(self.order + self.entry, table[: len(table) // size * size]):
            total += number * _TYPE_BYTES.get(kind, 1)
            if tag in _NUMBERS and number > _MAX_NUMBERS:
                raise ImageRefused("too-large", notice(Code.TOO_MANY_PIECES, n=number))
            if kind in (3, 4) and tag in (_SUBFILE, _OLD_SUBFILE):
                first = self._first(kind, value)
                is_thumbnail |= bool(first & 1) if tag == _SUBFILE else first == 2
        if total > _LARGEST_DIRECTORY:
            place = self.file.tell()
            if self.file.seek(0, 2) < total:
                raise EOFError("truncated: there are more tags than bytes")
            self.file.seek(place)
            raise ImageRefused("too-large", notice(Code.TOO_MANY_NOTES, bytes=total))
        (self.next,) = self._read(self.pointer)
        return _Page(offset, is_thumbnail)

    def _first(self, kind: int, value: int) -> int:
        """Undo the reading of a short number as a long one."""
        if kind == 4:
            return value & 0xFFFFFFFF if self.order == "<" else value >> (32 if self.is_big else 0)
        return value & 0xFFFF if self.order == "<" else value >> (48 if self.is_big else 16)


def _tags(file: BinaryIO, offset: int) -> TiffImagePlugin.ImageFileDirectory_v2:
    file.seek(0)
    head = file.read(8)
    if head[2:4] in (b"+\0", b"\0+"):
        head += file.read(8)
    tags = TiffImagePlugin.ImageFileDirectory_v2(head)
    file.seek(offset)
    tags.load(file)
    return tags


def _refuse_raw(tags: TiffImagePlugin.ImageFileDirectory_v2, *, is_only_thumbnails: bool) -> None:
    """Taking the thumbnail that a raw file begins with for the photograph would be wrong."""
    is_raw = _DNG in tags or tags.get(_COMPRESSION) in _RAW_COMPRESSIONS or tags.get(_PHOTOMETRIC) in _RAW_PHOTOMETRICS
    if is_raw or is_only_thumbnails or (int(tags.get(_SUBFILE, 0)) & 1 and _SUB_IFDS in tags):
        raise CameraRaw


def _look_at_pixels(contents: Contents, tags: TiffImagePlugin.ImageFileDirectory_v2) -> None:
    bits = [int(number) for number in _numbers(tags, _BITS)] or [1]
    samples = int(tags.get(_SAMPLES, len(bits)))
    form = (_numbers(tags, _FORMAT) or [1])[0]
    photometric = tags.get(_PHOTOMETRIC, 1)
    deepest = max(bits)
    width, height = contents.size
    row = width * samples * deepest // 8
    contents.unpacked = row * height
    if _TILE_WIDTH in tags:
        contents.working = int(tags[_TILE_WIDTH]) * int(tags.get(_TILE_HEIGHT, 1)) * samples * deepest // 8
    else:
        contents.working = row * min(int(tags.get(_ROWS, height)), height)
    if tags.get(_ORIENTATION, 1) not in (0, 1):
        contents.working += 4 * width * height  # Pillow turns what it decoded into a copy
    is_grey = samples == 1 and photometric in (0, 1)
    # Of colours Pillow keeps 8 bits; greys it decodes in full, but for these, which it refuses or takes for others.
    is_odd_grey = (
        deepest > 32
        or (deepest, form) in ((32, 1), (16, 3), (8, 2))
        or (deepest == 16 and photometric == 0 and tags.prefix == b"MM")
    )
    contents.deep = is_odd_grey if is_grey else deepest > 8 and photometric in (0, 1, 2)
    if contents.deep:
        numbers = range(planes.count(tags, samples))
        contents.planes = [partial(planes.plane, contents.view, tags, number) for number in numbers]
    contents.white_is_zero = photometric == 0 and deepest > 8
    contents.low, contents.high = _range(tags, deepest if is_grey and form == 1 else 0)
    try:
        contents.nodata = float(str(tags.get(_NODATA, "")).strip("\0 "))
    except ValueError:
        contents.nodata = None


def _numbers(tags: TiffImagePlugin.ImageFileDirectory_v2, tag: int) -> list[float]:
    value = tags.get(tag, ())
    values = value if isinstance(value, tuple) else (value,)
    return [number for number in values if isinstance(number, int | float)]


def _range(tags: TiffImagePlugin.ImageFileDirectory_v2, bits: int) -> tuple[float | None, float | None]:
    """Return what the file says black and white are; None, None where it says nothing."""
    for low, high in ((_SMIN, _SMAX), (_MIN, _MAX)):
        if highs := _numbers(tags, high):
            return min(_numbers(tags, low) or [0]), max(highs)
    return (0, (1 << bits) - 1) if 8 < bits < 16 else (None, None)
