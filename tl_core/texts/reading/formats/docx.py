"""Word's documents (.docx): a zip with XML in it, of which the text is read and nothing else."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from tl_core.notices import Code, notice
from tl_core.texts.reading.formats.base import Extracted, Paragraphs
from tl_core.texts.reading.refusals import TextRefused

_MOST_BYTES = 200 << 20  # of one part once unpacked
_NOT_SHOWN = {"del", "moveFrom", "Fallback", "instrText", "delText"}  # Fallback says again what is there already
_AS_TEXT = {"t": "", "tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")


def read(content: bytes) -> Extracted:
    """Return the text of a document, its notes at the end."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):  # what Word makes of a document with a password; or .doc
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise TextRefused("encrypted", notice(Code.ENCRYPTED))
        raise TextRefused("unsupported-format", notice(Code.OTHER_FORMAT, name="Word (97–2003)", supported=".docx"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        if "word/document.xml" not in names:
            raise TextRefused("unsupported-format", notice(Code.OTHER_FORMAT, name="zip", supported=".docx"))
        paragraphs = Paragraphs()
        for name in ("word/document.xml", *_NOTES):
            if name in names:
                _read_part(_part(archive, name), paragraphs)
        title = _title(archive) if "docProps/core.xml" in names else ""
    return Extracted(paragraphs.text(), "", title)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        part = file.read(_MOST_BYTES + 1)
    if len(part) > _MOST_BYTES:
        raise TextRefused("too-large", notice(Code.UNPACKS_TO_TOO_MUCH, limit=_MOST_BYTES))
    # Word writes no document types; entities that unfold without end need one.
    if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind="Word", error="DOCTYPE"))
    return part


def _title(archive: zipfile.ZipFile) -> str:
    try:
        core = ElementTree.fromstring(_part(archive, "docProps/core.xml"))  # noqa: S314 - no document type, see above
    except ElementTree.ParseError:
        return ""
    title = next((each.text or "" for each in core.iter() if _local(each) == "title"), "")
    return " ".join(title.split())


class _Body:
    """Takes the elements of a part in order."""

    def __init__(self, paragraphs: Paragraphs) -> None:
        self._paragraphs = paragraphs
        self._tables = 0
        self._is_item = self._was_item = False  # of a list: items have no empty line between them

    def start(self, tag: str) -> None:
        if tag == "tbl":
            self._paragraphs.paragraph()
            self._tables += 1

    def end(self, tag: str, text: str) -> None:
        if tag in _AS_TEXT:
            self._paragraphs.exactly(text if tag == "t" else _AS_TEXT[tag])
        elif tag == "numPr":
            if self._was_item:
                self._paragraphs.closer()
            self._paragraphs.exactly("- ")
            self._is_item = True
        elif tag == "p":
            self._end_of_paragraph()
        elif tag == "tc":
            self._paragraphs.cell()
        elif tag == "tr":
            self._paragraphs.line()
        elif tag == "tbl":
            self._tables -= 1
            self._paragraphs.paragraph()

    def _end_of_paragraph(self) -> None:
        if self._tables:
            self._paragraphs.words(" ")
        else:
            self._paragraphs.paragraph()
        self._was_item, self._is_item = self._is_item, False


def _read_part(part: bytes, paragraphs: Paragraphs) -> None:
    body = _Body(paragraphs)
    for event, element in _events(part):
        tag = _local(element)
        if event == "start":
            body.start(tag)
        else:
            body.end(tag, element.text or "")
            if tag == "p":
                element.clear()


def _events(part: bytes) -> Iterator[tuple[str, Any]]:
    """Starts and ends of elements, without those inside of what is not shown."""
    hidden = 0
    for event, element in ElementTree.iterparse(io.BytesIO(part), events=("start", "end")):  # noqa: S314
        if _local(element) in _NOT_SHOWN:
            hidden += 1 if event == "start" else -1
        elif not hidden:
            yield event, element


def _local(element: Any) -> str:
    """A tag without its name space, of which there are two: transitional and strict."""
    return str(element.tag).rpartition("}")[2]
