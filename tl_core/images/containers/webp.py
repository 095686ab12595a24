"""WebP: how large it is, before Pillow makes room for it."""

from typing import BinaryIO

from tl_core.images.containers.base import Contents


def read(file: BinaryIO) -> Contents:
    """Read the header."""
    head = file.read(30).ljust(30, b"\0")
    contents = Contents(file)
    if head[12:16] == b"VP8 ":
        contents.size = int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    elif head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        contents.size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif head[12:16] == b"VP8X":
        contents.size = int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    contents.working = 10 * contents.size[0] * contents.size[1]  # measured: the canvas, twice, and a copy for Pillow
    return contents
