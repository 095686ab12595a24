"""A file that leaves parts of another one out, so that Pillow never sees them."""

import bisect
import io
from collections.abc import Iterable
from typing import BinaryIO

Part = tuple[int, int] | bytes  # where it begins and ends in the file, or what stands there instead


class Spliced(io.RawIOBase):
    """Pieces of a file in a row, read as if they were a file. Nothing is copied.

    Parameters
    ----------
    file : BinaryIO
        Where the pieces are.
    parts : iterable of (int, int) or bytes
        Start and end of each piece, bytes; or literal content.
    """

    def __init__(self, file: BinaryIO, parts: Iterable[Part]) -> None:
        self._file = file
        self._parts: list[Part] = []
        self._starts: list[int] = []
        self._size = self._place = 0
        for part in parts:
            last = self._parts[-1] if self._parts else None
            if isinstance(part, tuple) and isinstance(last, tuple) and last[1] == part[0]:
                self._parts[-1] = (last[0], part[1])
            else:
                self._starts.append(self._size)
                self._parts.append(part)
            self._size += len(part) if isinstance(part, bytes) else part[1] - part[0]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end."""
        wanted = self._size - self._place if size is None or size < 0 else size
        pieces = []
        while wanted > 0 and self._place < self._size:
            at = bisect.bisect_right(self._starts, self._place) - 1
            part, offset = self._parts[at], self._place - self._starts[at]
            if isinstance(part, bytes):
                piece = part[offset : offset + wanted]
            else:
                self._file.seek(part[0] + offset)
                piece = self._file.read(min(wanted, part[1] - part[0] - offset))
            if not piece:
                break
            pieces.append(piece)
            self._place += len(piece)
            wanted -= len(piece)
        return b"".join(pieces)
