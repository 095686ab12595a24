"""Write a file so that a reader sees all of it or nothing, whatever dies on the way; map files by the thousand."""

import ctypes
import mmap
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TEMPORARY_SUFFIX = ".tmp"
ABANDONED_AFTER_SECONDS = 3600.0
_libc = ctypes.CDLL(None, use_errno=True)


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
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Hand out a temporary name; on leaving, make what was written there durable and call it ``path``.

    Parameters
    ----------
    path : Path
        The file to write or replace. Its directory must exist.
    durable : bool
        Whether it survives a power cut from now on. Where many files are written, `sync` makes all of them durable in
        the time that a few would take.

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
        if durable:
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_directory(path.parent)


def sync(directory: Path) -> None:
    """Make all that was written to the file system of ``directory`` survive a power cut.

    Parameters
    ----------
    directory : Path
        May be missing: then nothing was written there.

    Raises
    ------
    OSError
        Something could not be written after all, for instance on a full disk.
    """
    if not directory.is_dir():
        return
    if not hasattr(_libc, "syncfs"):  # not Linux
        os.sync()
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        if _libc.syncfs(descriptor):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(directory))
    finally:
        os.close(descriptor)


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


def make_directory(directory: Path) -> None:
    """Make ``directory`` and what is missing above it, durably.

    Parameters
    ----------
    directory : Path
        May exist.

    Raises
    ------
    OSError
        It cannot be made.
    """
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for each in missing:
        sync_directory(each.parent)


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


class _Mapping:
    """The pages of a file, for numpy to look at. `mmap.mmap` would keep a descriptor open for each (before 3.13)."""

    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.mmap.restype = ctypes.c_void_p
    _libc.mmap.argtypes = (
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_ssize_t,
    )
    _libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    _failed = ctypes.c_void_p(-1).value

    def __init__(self, descriptor: int, size: int) -> None:
        address = self._libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address == self._failed:
            code = ctypes.get_errno()
            raise OSError(code, f"cannot map a file: {os.strerror(code)}")
        self._place = address, size
        self.__array_interface__: dict[str, Any] = {
            "version": 3,
            "typestr": "|u1",
            "shape": (size,),
            "data": (address, True),
        }

    def __del__(self) -> None:
        if hasattr(self, "_place"):
            self._libc.munmap(*self._place)


def mapped(descriptor: int, size: int) -> NDArray[np.uint8]:
    """Map a file's first bytes.

    The map outlives the descriptor and holds none, so that thousands of files can be mapped whatever the limit of open
    files. Linux allows a process some 65,000 maps (``vm.max_map_count``).

    Parameters
    ----------
    descriptor : int
        Of a file open for reading.
    size : int
        How many bytes, at least 1 and at most the file's length: to read beyond the end kills a process.

    Returns
    -------
    ndarray of uint8, shape (size,)
        Read-only. The map lasts as long as this array or any view of it. Whoever truncates the file in place, rather
        than replacing it, kills the reader; nothing here does.

    Raises
    ------
    OSError
        The system refuses.
    """
    return np.asarray(_Mapping(descriptor, size))
