"""The preview that cameras put into their raw files."""

import os
from typing import BinaryIO

from tl_core.images.refusals import BROKEN

_LARGEST = 250_000_000  # bytes: it is read whole


def preview(file: BinaryIO) -> bytes | None:
    """Return the largest preview of a camera raw file.

    Parameters
    ----------
    file : BinaryIO
        The raw file.

    Returns
    -------
    bytes or None
        A JPEG, with the camera's orientation and time in its EXIF; None where there is none, or LibRaw doesn't know
        the camera.
    """
    if file.seek(0, os.SEEK_END) > _LARGEST:
        return None
    import rawpy  # costs time that few files need

    file.seek(0)
    try:
        with rawpy.imread(file) as opened:
            thumbnail = opened.extract_thumb()
    except (rawpy.LibRawError, *BROKEN):
        return None
    return bytes(thumbnail.data) if thumbnail.format == rawpy.ThumbFormat.JPEG else None
