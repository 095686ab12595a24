"""HEIC and AVIF: boxes in boxes. The outermost must be there in full."""

from typing import BinaryIO

from tl_core.images.containers.base import Contents

_MAX_BOXES = 10_000


def read(file: BinaryIO) -> Contents:
    """Walk the outermost boxes. Raises EOFError where the last one ends behind the file's end."""
    size, place = file.seek(0, 2), 0
    for _ in range(_MAX_BOXES):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            break
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:  # 0: up to the end
            break
        place += length
        if place > size:
            raise EOFError("truncated: a box ends behind the file")
    return Contents(file)
