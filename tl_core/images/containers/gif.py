"""GIF: the first frame; comments and the other frames are left out, the frames counted."""

from typing import BinaryIO, cast

from tl_core.images.containers.base import MAX_PAGES, Contents
from tl_core.images.spliced import Part, Spliced

_EXTENSION, _IMAGE, _CONTROL = b"!", b",", b"\xf9"
_MAX_BLOCKS = 2_000_000  # of 255 bytes at most


def read(file: BinaryIO) -> Contents:
    """Find the first frame and what belongs to it."""
    head = file.read(13)
    screen_end = 13 + _palette_bytes(head[10]) if len(head) == 13 else len(head)
    file.seek(screen_end)
    first: list[Part] = [(0, screen_end)]
    control: list[Part] = []
    frames = 0
    blocks = [_MAX_BLOCKS]
    while frames < MAX_PAGES and blocks[0] > 0:
        start = file.tell()
        mark = file.read(1)
        if mark == _EXTENSION:
            label = file.read(1)
            _skip(file, blocks)
            control = [(start, file.tell())] if label == _CONTROL else control
        elif mark == _IMAGE:
            frame = file.read(9)
            if len(frame) < 9:
                break
            file.seek(_palette_bytes(frame[8]) + 1, 1)
            _skip(file, blocks)
            if not frames:
                first += [*control, (start, file.tell())]
            frames += 1
        else:
            break
    size = file.seek(0, 2)
    # Cut short: what there is, and nothing that says it is complete.
    ends = [(part[0], min(part[1], size)) if isinstance(part, tuple) else part for part in first]
    whole = not isinstance(first[-1], tuple) or first[-1][1] <= size
    return Contents(cast(BinaryIO, Spliced(file, [*ends, *([b";"] if whole else [])])), pages=max(1, frames))


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _skip(file: BinaryIO, blocks: list[int]) -> None:
    """Pass over blocks that begin with their length each, up to the empty one; count them down."""
    while blocks[0] > 0 and (length := file.read(1)) and length[0]:
        file.seek(length[0], 1)
        blocks[0] -= 1
