"""The smaller copies of an image that pages show, and where they are."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tl_core.images.examining import Examined
from tl_core.images.shrinking import shrunk
from tl_core.store import files

DERIVATIVE_SIZES = (256, 512, 1280)
JPEG_QUALITY = 85
WORTHWHILE = 0.75  # of the long side: what is hardly smaller saves nobody anything


def derivative_sizes(width: int, height: int, sizes: Sequence[int] = DERIVATIVE_SIZES) -> tuple[int, ...]:
    """Return which derivatives an image has, from its size alone.

    Every size that is noticeably smaller than the long side, and the next one up, which may hold the image as large as
    it is. So there is always at least one, and a small image has exactly one.

    Parameters
    ----------
    width, height : int
        Of the original, pixels.
    sizes : sequence of int
        The ladder, ascending.

    Returns
    -------
    tuple of int
        Ascending part of ``sizes``.
    """
    long_side = max(width, height)
    smaller = [size for size in sizes if size <= WORTHWHILE * long_side]
    top = next((size for size in sizes if size >= long_side), sizes[-1])
    return tuple(dict.fromkeys([*smaller, top]))


def derivative_path(directory: Path, sha256: str, size: int, available: Iterable[int]) -> Path:
    """Return the file to show when an image of ``size`` is asked for.

    Parameters
    ----------
    directory : Path
        Where `write_derivatives` wrote.
    sha256 : str
        Of the original's bytes.
    size : int
        Wanted long side, pixels.
    available : iterable of int
        From `derivative_sizes`; not empty.

    Returns
    -------
    Path
        The smallest derivative that is large enough, else the largest.
    """
    ladder = sorted(available)
    best = next((step for step in ladder if step >= size), ladder[-1])
    return directory / sha256[:2] / f"{sha256}-{best}.jpg"


def write_derivatives(examined: Examined, directory: Path, sizes: Sequence[int] = DERIVATIVE_SIZES) -> list[int]:
    """Write the smaller copies that pages show: JPEG, upright, without metadata, named by content.

    They are whole, but survive a power cut only after `tl_core.store.files.sync`: one each took longer than
    all else.

    Parameters
    ----------
    examined : Examined
        From `examine`, with ``max_side`` at least the largest of ``sizes``.
    directory : Path
        Made where missing.
    sizes : sequence of int
        The ladder of long sides, ascending, pixels.

    Returns
    -------
    list of int
        What was written; equals ``derivative_sizes(examined.width, examined.height, sizes)``.

    Raises
    ------
    OSError
        From writing, for instance a full disk. No partial file is left.
    """
    written = derivative_sizes(examined.width, examined.height, sizes)
    image = examined.image
    for size in sorted(written, reverse=True):  # each from the next larger one: cheaper, and looks the same
        if max(image.size) > size:
            scale = size / max(image.size)
            small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = shrunk(image, small)
        path = derivative_path(directory, examined.sha256, size, written)
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path, durable=False) as temporary:
            image.save(temporary, format="JPEG", quality=JPEG_QUALITY)
    return list(written)
