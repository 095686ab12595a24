"""Write a file so that a reader sees all of it or nothing, whatever dies on the way."""

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"
ABANDONED_AFTER_SECONDS = 3600.0


def temporary_path(path: Path) -> Path:
    """Return a name beside ``path`` that no other writer, on any machine, uses.

    Parameters
    ----------
    path : Path
        The file to be written in the end.

    Returns
    -------
    Path
        Hidden, in the same directory (so that a rename is atomic), ending in ``TEMPORARY_SUFFIX``.
    """
    return path.parent / f".{path.name}.{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{TEMPORARY_SUFFIX}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Hand out a temporary name; on leaving, make what was written there durable and call it ``path``.

    Parameters
    ----------
    path : Path
        The file to write or replace. Its directory must exist.

    Yields
    ------
    Path
        Where the body of the ``with`` statement writes, and closes, one file.

    Raises
    ------
    OSError
        From writing, for instance ``ENOSPC``. The temporary file is gone then and ``path`` is as it was.
    """
    temporary = temporary_path(path)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def write_bytes(path: Path, *parts: bytes | memoryview) -> None:
    """Write ``parts`` one after the other to ``path``, atomically and durably.

    Parameters
    ----------
    path : Path
        The file to write or replace. Its directory must exist.
    *parts : bytes or memoryview
        The content, in order. Several parts spare joining large ones.

    Raises
    ------
    OSError
        From writing. ``path`` is as it was then.
    """
    with replacing(path) as temporary, temporary.open("xb") as file:
        for part in parts:
            file.write(part)


def sync_directory(directory: Path) -> None:
    """Make renames in ``directory`` survive a power cut, where the file system can (some network ones cannot).

    Parameters
    ----------
    directory : Path
        An existing directory.
    """
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_abandoned(directory: Path, *, older_than_seconds: float = ABANDONED_AFTER_SECONDS) -> int:
    """Delete what writers that were killed left in ``directory``.

    Age decides, not the process id: the writer may have been on another machine.

    Parameters
    ----------
    directory : Path
        Searched without its subdirectories; may be missing.
    older_than_seconds : float
        Younger temporary files may belong to a writer at work and stay.

    Returns
    -------
    int
        How many files were deleted.
    """
    removed = 0
    for path in directory.glob(f".*{TEMPORARY_SUFFIX}"):
        with suppress(OSError):  # another process cleans up at the same time
            if time.time() - path.stat().st_mtime > older_than_seconds:
                path.unlink()
                removed += 1
    return removed
