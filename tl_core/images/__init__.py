"""Open photographs that strangers made: check, decode, orient, convert to RGB, and write smaller copies.

Everything that is wrong with a file ends in one exception, `ImageRefused`, with a reason a program can count and a
sentence a person can read. Pillow opens every file, behind an allowlist of formats.
"""

from tl_core.images.derivatives import DERIVATIVE_SIZES, derivative_path, derivative_sizes, write_derivatives
from tl_core.images.examining import Examined, examine
from tl_core.images.loading import MARGIN, Box, load
from tl_core.images.opening import MAX_BYTES, MAX_PIXELS, is_url, read
from tl_core.images.refusals import ImageRefused

__all__ = [
    "DERIVATIVE_SIZES",
    "MARGIN",
    "MAX_BYTES",
    "MAX_PIXELS",
    "Box",
    "Examined",
    "ImageRefused",
    "derivative_path",
    "derivative_sizes",
    "examine",
    "is_url",
    "load",
    "read",
    "write_derivatives",
]
