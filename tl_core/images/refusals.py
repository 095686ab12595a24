"""Why a file isn't taken as an image."""

import struct
import zlib

from tl_core.notices import Code, Notice, notice

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
    detail : Notice
        What exactly is wrong.
    """

    def __init__(self, reason: str, detail: Notice) -> None:
        super().__init__(reason, detail)  # both, so that the exception survives pickling between processes
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return str(self.detail)


class CameraRaw(ImageRefused):
    """A camera raw file: refused, unless there is a preview in it that will do."""

    def __init__(self, *_: object) -> None:  # called with the reason and the detail when it is unpickled
        super().__init__("unsupported-format", notice(Code.CAMERA_RAW))
