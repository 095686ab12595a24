"""Open a file of texts: what kind it is by its first bytes, and what is packed around it."""

import bz2
import gzip
import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from tl_core.notices import Code, notice
from tl_core.texts.reading.refusals import TextRefused

MAX_UNPACKED = 64 << 30  # bytes: a table of hundreds of millions of short texts
_XZ_MEMORY = 256 << 20  # bytes of the decoder; what `xz -9` makes takes 65 MB
_BUFFER = 1 << 20
# What unpacking raises on broken bytes.
BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)
_OTHERS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel, Word (97–2003)"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89HDF", "HDF5"),
    (b"\x93NUMPY", "NumPy"),
    (b"%PDF-", "PDF"),
)
_OTHER_PARTS = (("xl/", "Excel"), ("word/", "Word"), ("ppt/", "PowerPoint"), ("content.xml", "LibreOffice"))


def other_kind(head: bytes) -> str:
    """Return the name of a format that holds no table and no plain text, or nothing.

    Parameters
    ----------
    head : bytes
        The first bytes of a file.

    Returns
    -------
    str
        Such as ``"Excel"``.
    """
    return next((name for magic, name in _OTHERS if head.startswith(magic)), "")


def refuse_unless_regular(path: Path) -> int:
    """Look at a file before it is opened: opening a pipe would block for ever.

    Parameters
    ----------
    path : Path
        A file of this machine.

    Returns
    -------
    int
        Its size in bytes, at least 1.

    Raises
    ------
    TextRefused
        It is missing, empty, no regular file, or cannot be looked at.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise TextRefused("missing", notice(Code.NO_FILE)) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise TextRefused("unreadable", notice(Code.CANNOT_BE_OPENED, error=_said(error))) from error
    if not stat.S_ISREG(status.st_mode):
        raise TextRefused("not-a-text", notice(Code.NO_REGULAR_FILE))
    if status.st_size == 0:
        raise TextRefused("empty", notice(Code.EMPTY))
    return status.st_size


@contextmanager
def unpacked(path: Path, max_bytes: int = MAX_UNPACKED) -> Iterator[BinaryIO]:
    """Open a file, taking off gzip, bzip2, xz or a zip around it, without writing anything.

    Parameters
    ----------
    path : Path
        A file of this machine. A zip must hold one file.
    max_bytes : int
        Reading raises beyond so many bytes of content.

    Yields
    ------
    BinaryIO
        The content, to be read from the beginning to the end. Reading raises `TextRefused` where it is damaged.

    Raises
    ------
    TextRefused
        It cannot be opened, or there is not one file in it.
    """
    refuse_unless_regular(path)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            inner, kind = _inner(file, stack)
        except BROKEN as error:
            raise TextRefused("unreadable", notice(Code.CANNOT_BE_OPENED, error=_said(error))) from error
        watched = cast("io.RawIOBase", _Watched(inner, kind, max_bytes))
        yield cast("BinaryIO", stack.enter_context(io.BufferedReader(watched, _BUFFER)))


def _inner(file: BinaryIO, stack: ExitStack) -> tuple[Any, str]:
    head = file.read(16)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file), "gzip"
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file), "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return _Xz(file), "xz"
    if head.startswith(b"PK\x03\x04"):
        archive = stack.enter_context(zipfile.ZipFile(file))
        return stack.enter_context(archive.open(_only_file(archive))), "zip"
    if name := other_kind(head):
        raise TextRefused("unsupported-format", notice(Code.OTHER_FORMAT, name=name, supported=SUPPORTED))
    return file, ""


SUPPORTED = "CSV, TSV, JSON, JSON Lines, Parquet, Arrow"


def _only_file(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file of a zip; what systems put beside it doesn't count."""
    members = [each for each in archive.infolist() if not is_litter(each.filename)]
    for start, name in _OTHER_PARTS:
        if any(each.filename.startswith(start) for each in members):
            raise TextRefused("unsupported-format", notice(Code.OTHER_FORMAT, name=name, supported=SUPPORTED))
    if len(members) != 1:
        raise TextRefused("unsupported-format", notice(Code.NOT_ONE_FILE, n=len(members)))
    if members[0].flag_bits & 1:
        raise TextRefused("encrypted", notice(Code.ENCRYPTED))
    return members[0]


def is_litter(name: str) -> bool:
    """Return whether a file in an archive is a folder, or something that a system put there unasked.

    Parameters
    ----------
    name : str
        With "/" between folders.

    Returns
    -------
    bool
    """
    parts = PurePosixPath(name).parts
    return name.endswith("/") or not parts or "__MACOSX" in parts or parts[-1] in {".DS_Store", "Thumbs.db"}


class _Watched(io.RawIOBase):
    """Counts what is read, and says in our words what is wrong with it."""

    def __init__(self, inner: Any, kind: str, max_bytes: int) -> None:
        self._inner, self._kind, self._left, self._max = inner, kind, max_bytes, max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            read = self._inner.read(len(buffer))
        except EOFError as error:
            raise TextRefused("truncated", notice(Code.ENDS_EARLY)) from error
        except BROKEN as error:
            if not self._kind:
                raise TextRefused("unreadable", notice(Code.CANNOT_BE_READ, error=_said(error))) from error
            raise TextRefused("unreadable", notice(Code.DAMAGED, kind=self._kind, error=_said(error))) from error
        self._left -= len(read)
        if self._left < 0:
            raise TextRefused("too-large", notice(Code.UNPACKS_TO_TOO_MUCH, limit=self._max))
        buffer[: len(read)] = read
        return len(read)


class _Xz:
    """xz with a limit to the memory that a file can make its decoder take, which `lzma.open` lacks."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = self._new()
        self._packed = b""

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(memlimit=_XZ_MEMORY)

    def read(self, size: int) -> bytes:
        while True:
            if self._decoder.eof:
                self._packed = self._decoder.unused_data.lstrip(b"\0") or self._file.read(_BUFFER).lstrip(b"\0")
                if not self._packed:
                    return b""
                self._decoder = self._new()
            if self._decoder.needs_input and not self._packed:
                self._packed = self._file.read(_BUFFER)
                if not self._packed:
                    raise EOFError
            content = self._decoder.decompress(self._packed, size)
            self._packed = b""
            if content:
                return content


def _said(error: BaseException) -> str:
    """What an error says, without a path on this machine."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__
