"""E-mail: its subject and what was written, from whichever of its parts says it; attachments are left out."""

import re
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from tl_core.notices import Code, notice
from tl_core.texts.reading.encodings import DecodedText, decode
from tl_core.texts.reading.formats import html
from tl_core.texts.reading.formats.base import Extracted

_MOST_PARTS = 1000


def read(content: bytes) -> Extracted | None:
    """Return the text of a message: its subject, then its parts. None where there is no message in it."""
    message = message_from_bytes(re.sub(rb"\AFrom [^\n]*\n", b"", content, count=1))
    if not message.keys():
        return None
    parts = [part for part in _written(message) if part is not None]
    texts, encodings, n_replaced = [], [], 0
    for part in parts:
        decoded = _decoded(part)
        if decoded is None:
            n_replaced += 1
            continue
        n_replaced += decoded.n_replaced
        encodings.append(decoded.encoding)
        texts.append(html.of_text(decoded).text if part.get_content_type() == "text/html" else decoded.text)
    title = _subject(message)
    notes = []
    if n_replaced:
        notes.append(notice(Code.CHARACTERS_REPLACED, n=n_replaced))
    n_left = sum(1 for part in message.walk() if not part.is_multipart() and part not in parts and _is_attached(part))
    if n_left:
        notes.append(notice(Code.ATTACHMENTS_LEFT, n=n_left))
    whole = [each for each in (title, *(text.strip("\n") for text in texts)) if each.strip()]
    # The encoding told is the oddest one: what might have been taken wrongly.
    odd = [each for each in encodings if each not in ("utf-8", "cp1252")]
    return Extracted("\n\n".join(whole), next(iter([*odd, *encodings]), "utf-8"), title, notes)


def _written(message: Message) -> list[Message]:
    """The parts that say what was written; of alternatives the plain one. Without recursion."""
    waiting, parts, n_seen = [message], [], 0
    while waiting and n_seen < _MOST_PARTS:
        part = waiting.pop()
        n_seen += 1
        if part.is_multipart():
            inside = [each for each in part.get_payload() if isinstance(each, Message)]
            if part.get_content_subtype() == "alternative" and len(inside) > 1:
                inside = [_best(inside)]
            waiting.extend(reversed(inside))
        elif part.get_content_maintype() == "text" and not _is_attached(part):
            parts.append(part)
    return parts


def _best(alternatives: list[Message]) -> Message:
    for wanted in ("text/plain", "text/html"):
        for each in alternatives:
            if each.get_content_type() == wanted and str(each.get_payload() or "").strip():
                return each
    return next((each for each in alternatives if each.is_multipart()), alternatives[0])


def _is_attached(part: Message) -> bool:
    disposition = str(part.get("Content-Disposition", "")).lower()
    return disposition.startswith("attachment") or part.get_content_maintype() != "text"


def _decoded(part: Message) -> DecodedText | None:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return None
    if not payload.strip():
        return DecodedText("", "utf-8")
    try:
        declared = str(part.get_content_charset() or "")
    except (LookupError, ValueError):
        declared = ""
    return decode(payload, declared)


def _subject(message: Message) -> str:
    raw = next((value for name, value in message.raw_items() if name.lower() == "subject"), "")
    text = str(raw)
    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError):
        pieces = [(text, None)]
    subject = ""
    for piece, charset in pieces:
        content = piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogateescape")
        decoded = decode(content, charset or "") if content else None
        subject += decoded.text if decoded is not None else ""
    return " ".join(subject.split())
