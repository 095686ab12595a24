"""Why a file isn't taken as an image."""

import struct
import zlib

# What Pillow raises on broken bytes. Not Exception: a worker's time limit is one, and says nothing about the file.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)


class ImageRefused(Exception):
    """A file is not taken as an image.

    Parameters
    ----------
    reason : str
        One of ``"empty"``, ``"truncated"``, ``"not-an-image"``, ``"unsupported-format"``, ``"too-large"``,
        ``"unreadable"``, ``"missing"``, ``"out-of-memory"``.
    detail : str
        One sentence for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that the exception survives pickling between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class CameraRaw(ImageRefused):
    """A camera raw file: refused, unless there is a preview in it that will do."""

    def __init__(self, *_: str) -> None:  # called with the reason and the detail when it is unpickled
        super().__init__("unsupported-format", "This is a camera raw file; convert it to JPEG or TIFF first.")
