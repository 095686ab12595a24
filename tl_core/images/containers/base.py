"""What the readers of all formats return."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

LARGEST_NOTE = 4_000_000  # bytes of a profile, EXIF or XMP: larger ones are hostile or none
MAX_PAGES = 10_000  # counting more would take as long as somebody likes


@dataclass
class Contents:
    """What is around the pixels of a file.

    Attributes
    ----------
    view : BinaryIO
        What Pillow is to read: the file, or a `Spliced` of it.
    info : dict
        For Pillow's ``image.info``: ``icc_profile``, ``exif`` and ``xmp`` (bytes), ``created`` (str).
    pages : int
        Pages of a document, or frames of an animation, thumbnails not counted.
    first : int
        Which of Pillow's frames is the first page.
    size : tuple of int
        Width and height in pixels, where they are known before Pillow looks; else zeros.
    unpacked : int
        Bytes that come out of unpacking.
    working : int
        Bytes of memory that unpacking takes beside the pixels it returns.
    deep : bool
        More than 8 bits a colour, to be decoded in full: Pillow would drop the lower ones, or refuse.
    coarse : bool
        More than 8 bits a colour, of which Pillow's 8 have to do: all of them would take too much memory.
    white_is_zero : bool
        Values mean how dark it is.
    low, high : float or None
        The range of values that the file declares.
    nodata : float or None
        The value that the file declares to be none.
    planes : list of callable
        Where a deep image keeps its colours in planes of their own: what returns a file (bytes) of each in grey.
    """

    view: BinaryIO
    info: dict[str, Any] = field(default_factory=dict)
    pages: int = 1
    first: int = 0
    size: tuple[int, int] = (0, 0)
    unpacked: int = 0
    working: int = 0
    deep: bool = False
    coarse: bool = False
    white_is_zero: bool = False
    low: float | None = None
    high: float | None = None
    nodata: float | None = None
    planes: list[Callable[[], bytes]] = field(default_factory=list)
