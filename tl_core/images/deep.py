"""Decode what has more than 8 bits a colour, of which Pillow keeps 8 or refuses the file."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.images.opening import Opened


def decode(picture: Opened) -> NDArray[Any] | None:
    """Decode all bits.

    Parameters
    ----------
    picture : Opened
        Whose ``contents.deep`` is true.

    Returns
    -------
    ndarray, shape (height, width) or (height, width, 3 or 4)
        Grey, RGB or RGBA as stored, in the file's own type; None where this decoder can't either.
    """
    if planes := picture.contents.planes:
        decoded = [_decode(plane(), picture.contents.size) for plane in planes[:4]]
        whole = [each for each in decoded if each is not None and each.ndim == 2]
        return np.stack(whole, axis=-1) if len(whole) == len(planes) in (3, 4) else None
    view = picture.contents.view
    view.seek(0)
    pixels = _decode(view.read(), picture.contents.size)
    if pixels is None or pixels.ndim == 2:
        return pixels
    if pixels.shape[2] == 4:
        import cv2

        return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA, dst=pixels)
    return pixels[..., ::-1] if pixels.shape[2] == 3 else None


def _decode(content: bytes, size: tuple[int, int]) -> NDArray[Any] | None:
    import cv2  # costs time that few files need

    # What is wrong with other people's files becomes a refusal here, not a line in the log.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    return None if pixels is None or pixels.shape[1::-1] != size else pixels
