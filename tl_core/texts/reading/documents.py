"""Documents as plain text with their paragraphs: .txt, .md, .html, .eml, .docx, .pdf, also in folders or zipped."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tl_core.notices import Code, Notice, notice
from tl_core.texts.reading.archives import MAX_TOTAL, member_name, members_of, refused_member
from tl_core.texts.reading.limited import LimitedReader
from tl_core.texts.reading.opening import BROKEN, is_litter, other_kind, refuse_unless_regular
from tl_core.texts.reading.refusals import TextRefused

MAX_BYTES = 100_000_000  # of one file; a PDF with pictures is much larger than its text
SUPPORTED = ".txt, .md, .html, .eml, .docx, .pdf"
_BY_SUFFIX = {".html": "html", ".htm": "html", ".xhtml": "html", ".eml": "mail"}
_PAGE = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype html|html)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Document:
    """The text of a document.

    Attributes
    ----------
    text : str
        With "\\n" between lines and an empty line between paragraphs; places of parts count in its characters.
    encoding : str
        What its bytes were in, as Python calls it; empty where the format settles it.
    title : str
        Empty where it says none.
    notes : tuple of Notice
        What a person should know about it.
    """

    text: str
    encoding: str
    title: str
    notes: tuple[Notice, ...] = ()


def read_document(path: Path | str, reader: LimitedReader | None = None) -> Document:
    """Read a document.

    Parameters
    ----------
    path : Path or str
        A file of this machine. What it holds decides what it is; its name only between kinds of plain text.
    reader : LimitedReader, optional
        One that reads many; a process is started for this document otherwise.

    Returns
    -------
    Document

    Raises
    ------
    TextRefused
        Whatever is wrong with it.
    """
    path = Path(path)
    size = refuse_unless_regular(path)
    if size > MAX_BYTES:
        raise TextRefused("too-large", notice(Code.TOO_MANY_BYTES, bytes=size, limit=MAX_BYTES))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TextRefused("unreadable", notice(Code.CANNOT_BE_READ, error=error.strerror or str(error))) from error
    return read_content(path.name, content, reader)


def read_content(name: str, content: bytes, reader: LimitedReader | None = None) -> Document:
    """Read a document that is in memory.

    Parameters
    ----------
    name : str
        What it is called.
    content : bytes
        All of it.
    reader : LimitedReader, optional
        As of `read_document`.

    Returns
    -------
    Document

    Raises
    ------
    TextRefused
        Whatever is wrong with it.
    """
    kind = _kind(name, content)
    if reader is None:
        with LimitedReader() as reader:
            answer = reader.read(kind, content)
    else:
        answer = reader.read(kind, content)
    notes = tuple(Notice(**each) for each in answer["notes"])
    return Document(answer["text"], answer["encoding"], answer["title"], notes)


def read_documents(path: Path | str) -> Iterator[tuple[str, Document | TextRefused]]:
    """Read all documents of a folder or a zip file, one after the other in one process.

    Parameters
    ----------
    path : Path or str
        A folder, or a file.

    Yields
    ------
    tuple of str and Document, or of str and TextRefused
        The path inside, with "/" between folders, and the document or why it is none. Hidden files are left out.

    Raises
    ------
    TextRefused
        The folder or the archive cannot be read at all.
    """
    path = Path(path)
    with LimitedReader() as reader:
        for name, content in _of_folder(path) if path.is_dir() else _of_zip(path):
            try:
                if isinstance(content, TextRefused):
                    raise content
                document = (
                    read_content(name, content, reader)
                    if isinstance(content, bytes)
                    else read_document(content, reader)
                )
            except TextRefused as refused:
                yield name, refused
            else:
                yield name, document


def _kind(name: str, content: bytes) -> str:
    """What a document is by its first bytes, and by its name where those are plain text."""
    if not content:
        raise TextRefused("empty", notice(Code.EMPTY))
    head = content[:4096]
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "docx"
    if other := other_kind(head):
        raise TextRefused("unsupported-format", notice(Code.OTHER_FORMAT, name=other, supported=SUPPORTED))
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) and _zeros_tell(head):
        raise TextRefused("not-a-text", notice(Code.BINARY))
    suffix = PurePosixPath(name).suffix.lower()
    return _BY_SUFFIX.get(suffix) or ("html" if _PAGE.match(head) else "plain")


def _zeros_tell(head: bytes) -> bool:
    """Zeros in no order: neither one that slipped in, nor the regular ones of UTF-16."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    return even + odd > len(head) / 100 and min(even, odd) > 0.1 * max(even, odd)


def _of_folder(folder: Path) -> Iterator[tuple[str, Path | TextRefused]]:
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or is_litter(name) or any(part.startswith(".") for part in PurePosixPath(name).parts):
            continue
        if not path.resolve().is_relative_to(root):
            yield name, TextRefused("leads-out", notice(Code.LEADS_OUT_OF_ARCHIVE))
        else:
            yield name, path


def _of_zip(path: Path) -> Iterator[tuple[str, Path | bytes | TextRefused]]:
    """The files of a zip, each in memory and none on the disk. One that is no zip stands for itself."""
    refuse_unless_regular(path)
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                yield path.name, path
                return
        with zipfile.ZipFile(path) as archive:
            members = members_of(archive)
            if any(each.filename == "word/document.xml" for each in members):
                yield path.name, path
                return
            left = MAX_TOTAL
            for member in members:
                content = _member(archive, member, min(MAX_BYTES, left))
                left -= len(content) if isinstance(content, bytes) else 0
                yield member_name(member), content
    except zipfile.BadZipFile as error:
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind="zip", error=str(error))) from error
    except OSError as error:
        raise TextRefused("unreadable", notice(Code.CANNOT_BE_READ, error=error.strerror or str(error))) from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes | TextRefused:
    if refused := refused_member(member):
        return refused
    try:
        with archive.open(member) as file:
            content = file.read(limit + 1)
    except BROKEN as error:
        said = str(error) or type(error).__name__
        return TextRefused("unreadable", notice(Code.DAMAGED, kind="zip", error=said))
    if len(content) > limit:  # whatever its header says
        return TextRefused("too-large", notice(Code.UNPACKS_TO_TOO_MUCH, limit=limit))
    if PurePosixPath(member.filename).suffix.lower() in {".zip", ".gz", ".tar", ".xz", ".bz2", ".7z", ".rar"}:
        return TextRefused("unsupported-format", notice(Code.ARCHIVE_INSIDE))
    return content
