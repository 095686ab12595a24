"""TIFF files that keep each colour in a plane of its own, shown a plane at a time.

Pillow refuses such files where a colour has more than 8 bits, and OpenCV takes the planes for interleaved colours.
"""

import struct
from typing import BinaryIO

from PIL import TiffImagePlugin

_SHORT, _LONG = 3, 4
_COPIED = (256, 257, 259, 266, 278, 317, 322, 323)  # size, compression, pieces, predictor
_PER_PLANE = (273, 279, 324, 325)  # where the pieces are, and how long
_BITS, _PHOTOMETRIC, _SAMPLES, _PLANES, _FORMAT = 258, 262, 277, 284, 339
_BLACK_IS_ZERO, _APART = 1, 2


def count(tags: TiffImagePlugin.ImageFileDirectory_v2, samples: int) -> int:
    """Return how many planes there are; 0 where colours stand side by side."""
    return samples if samples > 1 and tags.get(_PLANES, 1) == _APART else 0


def plane(file: BinaryIO, tags: TiffImagePlugin.ImageFileDirectory_v2, number: int) -> bytes:
    """Return a TIFF file that shows one plane in grey: the same file, with a directory of its own at the end."""
    samples = int(tags[_SAMPLES])
    entries = {tag: [int(tags[tag])] for tag in _COPIED if tag in tags}
    entries |= {tag: [_each(tags, tag, samples)[number]] for tag in (_BITS, _FORMAT) if tag in tags}
    entries |= {_PHOTOMETRIC: [_BLACK_IS_ZERO], _SAMPLES: [1]}
    for tag in _PER_PLANE:
        if tag in tags:
            places = [int(place) for place in tags[tag]]
            pieces = len(places) // samples
            entries[tag] = places[number * pieces : (number + 1) * pieces]
    order = "<" if tags.prefix == b"II" else ">"
    file.seek(0)
    content = bytearray(file.read())
    content += b"\0" * (len(content) % 2)
    content[:8] = struct.pack(f"{order}2sHL", tags.prefix, 42, len(content))  # a large one's pieces stay where they are
    return bytes(content) + _directory(order, len(content), entries)


def _each(tags: TiffImagePlugin.ImageFileDirectory_v2, tag: int, samples: int) -> list[int]:
    value = tags[tag]
    values = [int(each) for each in (value if isinstance(value, tuple) else (value,))]
    return values if len(values) == samples else values[:1] * samples


def _directory(order: str, at: int, entries: dict[int, list[int]]) -> bytes:
    table, after = struct.pack(f"{order}H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, values in sorted(entries.items()):
        data = struct.pack(f"{order}{len(values)}L", *values)
        if len(values) > 1:
            data, after = struct.pack(f"{order}L", behind + len(after)), after + data
        if tag in (_BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT, 259, 266, 317):
            table += struct.pack(f"{order}HHLHH", tag, _SHORT, 1, values[0], 0)
        else:
            table += struct.pack(f"{order}HHL", tag, _LONG, len(values)) + data
    return table + b"\0" * 4 + after
