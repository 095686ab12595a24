"""What lies around the pixels of each format, read by hand: bounded, and forgiving where pixels don't depend on it.

Pillow reads a file's texts, animations and pages in ways that a small file can make endless, and refuses pictures for
what stands beside their pixels. So each reader here finds what is wanted (profile, EXIF, pages, declared ranges) and
gives Pillow a view of the file in which the rest isn't there.
"""

from collections.abc import Callable
from typing import BinaryIO

from tl_core.images.containers import boxes, gif, jpeg, png, tiff, webp
from tl_core.images.containers.base import Contents

_READERS: dict[str, Callable[[BinaryIO], Contents]] = {
    "PNG": png.read,
    "GIF": gif.read,
    "TIFF": tiff.read,
    "JPEG": jpeg.read,
    "WEBP": webp.read,
    "AVIF": boxes.read,
    "HEIF": boxes.read,
}


def read(file: BinaryIO, kind: str) -> Contents:
    """Look at what lies around the pixels.

    Parameters
    ----------
    file : BinaryIO
        Rewound before and after.
    kind : str
        From `sniffing.sniff`.

    Returns
    -------
    Contents
        What Pillow is to be given, and what was found.

    Raises
    ------
    ImageRefused, or one of `refusals.BROKEN`
        The file can't hold a picture that is worth decoding.
    """
    file.seek(0)
    reader = _READERS.get(kind)
    contents = reader(file) if reader else Contents(file)
    contents.view.seek(0)
    return contents
