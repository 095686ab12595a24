"""Zip files of documents or tables: which of their files are safe to take, and taking them out."""

import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from tl_core.notices import Code, notice
from tl_core.texts.reading.opening import BROKEN, is_litter, refuse_unless_regular
from tl_core.texts.reading.refusals import TextRefused

MAX_MEMBERS = 200_000  # files in a zip
MAX_TOTAL = 20_000_000_000  # bytes of all files in a zip
_LINKED = 0o120000  # the type of a symbolic link, in the upper half of a zip member's attributes
_ZIP = b"PK\x03\x04"
_AT_ONCE = 1 << 20
_LONGEST_PART = 200  # bytes of a file's or a folder's name
_ARCHIVES = {".zip", ".tar", ".tgz", ".7z", ".rar"}
# A zip in which one of these lies is a document, whatever it is called.
_OF_DOCUMENTS = ("word/document.xml", "xl/workbook.xml", "ppt/presentation.xml", "content.xml")


def is_archive(path: Path) -> bool:
    """Tell a zip file of documents or tables from a document that happens to be one, such as Word's.

    Parameters
    ----------
    path : Path
        A file of this machine.

    Returns
    -------
    bool
        False also where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != _ZIP:
                return False
        with zipfile.ZipFile(path) as archive:
            return not _is_document(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def _is_document(names: list[str]) -> bool:
    return any(name in _OF_DOCUMENTS for name in names)


def refused_member(member: zipfile.ZipInfo) -> TextRefused | None:
    """Why a file of a zip is not to be taken, as far as its entry says: a link, a way out, encryption.

    Parameters
    ----------
    member : zipfile.ZipInfo
        Its entry.

    Returns
    -------
    TextRefused or None
    """
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if ".." in parts or parts[0] == "/" or re.match(r"[A-Za-z]:", parts[0]):
        return TextRefused("leads-out", notice(Code.LEADS_OUT_OF_ARCHIVE))
    if member.external_attr >> 16 & 0o170000 == _LINKED:
        return TextRefused("leads-out", notice(Code.LEADS_OUT_OF_ARCHIVE))
    if member.flag_bits & 1:
        return TextRefused("encrypted", notice(Code.ENCRYPTED))
    return None


def member_name(member: zipfile.ZipInfo) -> str:
    """Return the path of a file in its zip; without the flag for UTF-8 it is often UTF-8 all the same.

    Parameters
    ----------
    member : zipfile.ZipInfo
        Its entry.

    Returns
    -------
    str
        With "/" between folders.
    """
    name = member.filename.replace("\\", "/")
    if not member.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name


def members_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the entries of the files in a zip, without what systems put beside them.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Open.

    Returns
    -------
    list of zipfile.ZipInfo

    Raises
    ------
    TextRefused
        There are too many.
    """
    members = [each for each in archive.infolist() if not is_litter(each.filename)]
    if len(members) > MAX_MEMBERS:
        raise TextRefused("too-large", notice(Code.TOO_MANY_MEMBERS, n=len(members), limit=MAX_MEMBERS))
    return members


def paths_of(path: Path) -> list[str]:
    """Return the paths of the files in a zip that may be taken.

    Parameters
    ----------
    path : Path
        The zip.

    Returns
    -------
    list of str
        With "/" between folders.

    Raises
    ------
    TextRefused
        It is damaged, or there are too many files in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [member_name(each) for each in members_of(archive) if refused_member(each) is None]
    except BROKEN as error:
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind="zip", error=_said(error))) from error


def _said(error: BaseException) -> str:
    """What an error says, without a path on this machine."""
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def unpack(
    path: Path, folder: Path, tell: Callable[[int, int], None] = lambda done, total: None, max_bytes: int = MAX_TOTAL
) -> Iterator[tuple[str, TextRefused]]:
    """Take all files out of a zip, into a folder of ours; never to a place outside it, whatever their names say.

    Parameters
    ----------
    path : Path
        The zip.
    folder : Path
        Where they go; it is there, and empty.
    tell : callable
        Told how many files are done, and of how many, at least once for each megabyte; what it raises stops the work.
    max_bytes : int
        Of all of them together, unpacked; those beyond are refused.

    Yields
    ------
    tuple of str and TextRefused
        The path of each file that is not taken, and why.

    Raises
    ------
    TextRefused
        It is no zip, or there are too many files in it.
    """
    refuse_unless_regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members, left = members_of(archive), max_bytes
            for number, member in enumerate(members):
                tell(number, len(members))
                try:
                    left -= _take(archive, member, folder, left, partial(tell, number, len(members)))
                except TextRefused as refused:
                    yield member_name(member), refused
    except zipfile.BadZipFile as error:
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind="zip", error=_said(error))) from error


def _take(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, limit: int, tell: Callable[[], None]) -> int:
    """Write one file; how many bytes it has. What is refused half-way is taken back."""
    if refused := refused_member(member):
        raise refused
    name = PurePosixPath(member_name(member))
    if name.suffix.lower() in _ARCHIVES:
        raise TextRefused("unsupported-format", notice(Code.ARCHIVE_INSIDE))
    if "\0" in str(name) or ".." in name.parts or any(len(os.fsencode(part)) > _LONGEST_PART for part in name.parts):
        raise TextRefused("leads-out", notice(Code.LEADS_OUT_OF_ARCHIVE))
    target = folder.joinpath(*name.parts)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with archive.open(member) as source, target.open("xb") as file:
            while piece := source.read(min(_AT_ONCE, limit - written + 1)):
                written += len(piece)
                if written > limit:  # whatever its header says
                    raise TextRefused("too-large", notice(Code.UNPACKS_TO_TOO_MUCH, limit=MAX_TOTAL))
                file.write(piece)
                tell()
    except TextRefused:
        target.unlink(missing_ok=True)
        raise
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:  # another file of the zip is in the way
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind="zip", error=_said(error))) from error
    except BROKEN as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's trouble, not the file's
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind="zip", error=_said(error))) from error
    _date(target, member)
    return written


def _date(target: Path, member: zipfile.ZipInfo) -> None:
    """The time that the zip says: unpacked once more, what has not changed looks as before."""
    with suppress(ValueError, OverflowError, OSError):
        when = time.mktime((*member.date_time, 0, 0, -1))
        os.utime(target, (when, when))


def first_member(path: Path, folder: Path, is_wanted: Callable[[str], bool], max_bytes: int) -> Path | None:
    """Take the beginning of the first file of a kind out of a zip, to see how it is to be read.

    Parameters
    ----------
    path : Path
        The zip.
    folder : Path
        Where it goes.
    is_wanted : callable
        Told the path of a file in the zip, says whether it is of the kind.
    max_bytes : int
        What is longer is cut, at the end of a line.

    Returns
    -------
    Path or None
        The file; none where there is no such file in it.

    Raises
    ------
    TextRefused
        The zip is damaged, or that file is not to be taken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(members_of(archive), key=lambda each: (each.filename.count("/"), each.filename))
            for member in members:
                name = member_name(member)
                if is_wanted(name) and refused_member(member) is None:
                    target = folder / PurePosixPath(name).name
                    with archive.open(member) as source:
                        target.write_bytes(_beginning(source, max_bytes))
                    return target
    except BROKEN as error:
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind="zip", error=_said(error))) from error
    return None


def _beginning(file: IO[bytes], max_bytes: int) -> bytes:
    content = file.read(max_bytes + 1)
    if len(content) <= max_bytes:
        return content
    return content[: content.rfind(b"\n", 0, max_bytes) + 1] or content[:max_bytes]
