"""Log files that don't grow for ever."""

import contextlib
import logging
import os
import shutil
from pathlib import Path

MOST_BYTES = 10_000_000  # of one file; the oldest lines beyond KEPT such files go
KEPT = 4


def rotate(folder: Path) -> None:
    """Set aside each log of the folder that has grown too long, as NAME.log.1, .2 and so on.

    It is copied and emptied, not renamed: the processes that write it have it open, all of them to append.
    """
    for log in folder.glob("*.log"):
        with contextlib.suppress(OSError):  # a full disk above all: it stays as it is until there is room
            if log.stat().st_size > MOST_BYTES:
                _set_aside(log)


def _set_aside(log: Path) -> None:
    copy = log.with_name(f"{log.name}.part")
    try:
        shutil.copyfile(log, copy)
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    for number in range(KEPT - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            _numbered(log, number).replace(_numbered(log, number + 1))
    copy.replace(_numbered(log, 1))
    os.truncate(log, 0)


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


class LogFile(logging.FileHandler):
    """Appends to a file that is opened with the first line; what can't be written stops nobody."""

    def __init__(self, filename: str | Path) -> None:
        super().__init__(filename, delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            Path(self.baseFilename).parent.mkdir(exist_ok=True)
            super().emit(record)
        except OSError:
            self.handleError(record)
