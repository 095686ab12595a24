"""JPEG: segments around the picture that are too many to be read, and scans that are too many to be decoded."""

from typing import BinaryIO, cast

from tl_core.images.containers.base import LARGEST_NOTE, Contents
from tl_core.images.refusals import ImageRefused
from tl_core.images.spliced import Spliced
from tl_core.notices import Code, notice

_MAX_SEGMENTS = 100_000
_MAX_SCANS = 100  # encoders make up to about 20
_SCANNED_PIXELS = 2_000_000_000  # pixels times scans
_SOS, _EOI = 0xDA, 0xD9
_FRAMES = {0xC0 + n for n in range(16)} - {0xC4, 0xC8, 0xCC}


def read(file: BinaryIO) -> Contents:
    """Leave notes out where there are too many of them, and bound what decoding costs."""
    size = file.seek(0, 2)
    contents = Contents(file)
    parts, kept, frame, scan = _segments(file, size)
    if kept > LARGEST_NOTE:
        contents.view = cast(BinaryIO, Spliced(file, parts))
    file.seek(scan)
    start = file.read(5)
    # What comes in one scan is decoded as it is read; of all else libjpeg keeps the whole in memory.
    if len(frame) > 9 and len(start) == 5 and (frame[1] not in (0xC0, 0xC1) or start[4] < frame[9]):
        _bound(contents, frame, _scans(file, scan))
    return contents


def _segments(file: BinaryIO, size: int) -> tuple[list[tuple[int, int]], int, bytes, int]:
    """Return what is worth keeping, how many bytes of notes there are, the frame's header, and where scans begin."""
    parts, place, kept, frame = [(0, 2)], 2, 0, b""
    for _ in range(_MAX_SEGMENTS):
        file.seek(place)
        head = file.read(4)
        if len(head) < 4 or (head[0] == 0xFF and head[1] in (_SOS, _EOI)):
            break
        if head[0] != 0xFF or head[1] in (0x00, 0xFF):  # padding, and what doesn't belong here
            place += 1
            continue
        end = min(place + 2 + int.from_bytes(head[2:], "big"), size)
        if head[1] in _FRAMES:
            frame = head + file.read(end - place - 4)
        is_note = 0xE0 <= head[1] <= 0xEF or head[1] == 0xFE
        kept += end - place if is_note else 0
        if not is_note or kept <= LARGEST_NOTE:
            parts.append((place, end))
        place = end
    return [*parts, (place, size)], kept, frame, place


def _scans(file: BinaryIO, place: int) -> int:
    """Count the scans: two bytes in a row that stand for nothing else there."""
    count, last = 0, b""
    file.seek(place)
    while piece := file.read(1 << 20):
        count += (last + piece).count(b"\xff\xda")
        last = piece[-1:]
    return count


def _bound(contents: Contents, frame: bytes, scans: int) -> None:
    height, width = int.from_bytes(frame[5:7], "big"), int.from_bytes(frame[7:9], "big")
    pixels = width * height
    if scans > _MAX_SCANS or scans * pixels > max(_SCANNED_PIXELS, 20 * pixels):
        raise ImageRefused("too-large", notice(Code.TOO_MANY_SCANS, scans=scans, pixels=pixels))
    factors = [divmod(frame[at], 16) for at in range(11, len(frame), 3)]
    widest, highest = max((h for h, _ in factors), default=1), max((v for _, v in factors), default=1)
    contents.working = 2 * pixels * sum(h * v for h, v in factors) // max(1, widest * highest)
