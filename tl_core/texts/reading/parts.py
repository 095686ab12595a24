"""Parts of a document: the whole, its paragraphs or its sentences, as places in its text."""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

WAYS = ("whole", "paragraph", "sentence")
LONGEST_SENTENCE = 1000  # characters; longer ones are cut where a comma or a blank is
_TOGETHER = 20_000  # characters of a list or a table in pieces that are put together again
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_ITEM = re.compile(r"([-*+•‣–◦▪]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_TABLE = re.compile(r"\|.*\||[^\t]*\t|.* \| .* \| |[-+=|: ]{5,}$")
_CODE = re.compile(r"( {4}|\t)\s*\S")
_HEADING = re.compile(r"#{1,6} ")
_ENDS = tuple(".!?…:;。！？｡।॥؟۔।”»\"')")
# After these a point ends no sentence. The segmenter knows others by language, but not all of these.
_SHORTENED = {
    language: re.compile(rf"(?:^|[\s(«'’])(?:{words})\.\s*$")
    for language, words in {
        "fr": r"M|MM|Mme|Mmes|Mlle|Me|Dr|Pr|[Aa]rt|al|[Nn]o|p|pp|cf|Cf|fig|éd|vol|chap|av|bd|réf|tél|env|ex",
        "de": r"bzw|Nr|Abs|Art|Bd|S|vgl|Vgl|ca|evtl|usw|z\.\s?B|d\.\s?h",
        "nl": r"dhr|mevr|nr|blz|bijv|resp|art|lid",
        "es": r"Sr|Sra|Dr|Dra|núm|pág|art|ej",
    }.items()
}


class PartRange(NamedTuple):
    """Where a part is: ``text[start:end]``.

    Attributes
    ----------
    start, end : int
        Characters of the text, counted from 0; the end is the first that is not in it.
    """

    start: int
    end: int


class _Piece(NamedTuple):
    """Lines of one kind that follow each other."""

    start: int
    end: int
    kind: str  # "prose", "list", "table", "code" or "heading"


def places(text: str, way: str = "paragraph", language: str = "") -> list[PartRange]:
    """Cut a text into parts.

    Tables, code and lists stay whole, in sentences as in paragraphs; a heading (``#``) is in one paragraph with what
    follows it.

    Parameters
    ----------
    text : str
        A document's.
    way : str
        ``"whole"``, ``"paragraph"`` or ``"sentence"``.
    language : str
        ISO 639-1, for abbreviations; without one, those of English and the commonest of others.

    Returns
    -------
    list of PartRange
        In order, never overlapping, without white space at their ends; together they hold all that is no white space.

    Raises
    ------
    ValueError
        There is no such way.
    """
    if way not in WAYS:
        raise ValueError(f"{way!r} is none of {WAYS}")
    if way == "whole":
        whole = _trimmed(text, 0, len(text))
        return [whole] if whole else []
    parts: list[PartRange | None] = []
    for paragraph in _paragraphs(text):
        if way == "paragraph":
            parts.append(_trimmed(text, paragraph[0].start, paragraph[-1].end))
            continue
        for piece in paragraph:
            if _is_prose(text, piece):
                parts.extend(_sentences(text, piece, language))
            else:
                parts.append(_trimmed(text, piece.start, piece.end))
    return [part for part in parts if part is not None]


def _trimmed(text: str, start: int, end: int) -> PartRange | None:
    """The same without white space at its ends; None where nothing is left."""
    inner = text[start:end]
    length = len(inner.rstrip())
    if not length:
        return None
    return PartRange(start + len(inner) - len(inner.lstrip()), start + length)


def _is_prose(text: str, piece: _Piece) -> bool:
    """One line with a tab in it is no table."""
    return piece.kind == "prose" or (piece.kind == "table" and "\n" not in text[piece.start : piece.end].strip())


# --- paragraphs -----------------------------------------------------------------------------------


def _paragraphs(text: str) -> Iterator[list[_Piece]]:
    """Blocks; headings with what follows, and lists that only empty lines part, together."""
    held: list[_Piece] = []
    for block in _blocks(text):
        if held and held[-1].kind == block[0].kind == "list" and block[0].end - held[0].start <= _TOGETHER:
            held[-1] = _Piece(held[-1].start, block[0].end, "list")
            held.extend(block[1:])
        elif held and held[-1].kind == "heading":
            held.extend(block)
        else:
            if held:
                yield held
            held = block
    if held:
        yield held


def _blocks(text: str) -> Iterator[list[_Piece]]:
    """What empty lines part, each as pieces of one kind; fenced code may have empty lines in it."""
    every_line = _lines_are_paragraphs(text)
    block: list[_Piece] = []
    at, fence = 0, ""
    for line in text.splitlines(keepends=True):
        start, at = at, at + len(line)
        fenced = _FENCE.match(line)
        if fence or fenced:
            if not fence and fenced:
                fence, first = fenced[1], True
            else:
                first = False
            _add(block, _Piece(start, at, "code"))
            if fenced and not first and fenced[1] == fence:
                fence = ""
        elif line.isspace():
            if block:
                yield block
            block = []
        else:
            kind = _kind(line, block)
            if block and every_line and kind == block[-1].kind == "prose":
                yield block
                block = []
            _add(block, _Piece(start, at, kind))
    if block:
        yield block


def _add(block: list[_Piece], piece: _Piece) -> None:
    if block and block[-1].kind == piece.kind and block[-1].end == piece.start:
        block[-1] = _Piece(block[-1].start, piece.end, piece.kind)
    else:
        block.append(piece)


def _kind(line: str, block: list[_Piece]) -> str:
    """What a line is part of, given the lines before it in the block."""
    stripped = line.strip()
    if _HEADING.match(stripped):
        return "heading"
    if _ITEM.match(stripped):
        return "list"
    before = block[-1].kind if block else ""
    if before == "list":  # its item goes on
        return "list"
    if _TABLE.match(stripped):
        return "table"
    if _CODE.match(line) and before in ("", "code"):
        return "code"
    return "prose"


def _lines_are_paragraphs(text: str) -> bool:
    """Whether there are no empty lines, and lines end as sentences do: then each is a paragraph."""
    lines = text.strip().splitlines()
    if len(lines) < 2 or any(not line.strip() for line in lines):
        return False
    return sum(line.rstrip().endswith(_ENDS) for line in lines[:-1]) > (len(lines) - 1) / 2


# --- sentences ------------------------------------------------------------------------------------


def _sentences(text: str, piece: _Piece, language: str) -> Iterator[PartRange]:
    """The sentences of prose."""
    import sentencex

    prose = text[piece.start : piece.end]
    language = language[:2].lower() or "en"
    shortened = _SHORTENED.get(language)
    start = piece.start
    for each in sentencex.get_sentence_boundaries(language, prose):
        end = piece.start + each["end_index"]
        if end < piece.end and shortened is not None and shortened.search(text[max(start, end - 20) : end]):
            continue
        yield from _cut(text, start, end)
        start = end
    if start < piece.end:
        yield from _cut(text, start, piece.end)


def _cut(text: str, start: int, end: int) -> Iterator[PartRange]:
    """A sentence, or what a very long one is cut into: after a comma or the like, at a blank, or within a word."""
    while end - start > LONGEST_SENTENCE:
        limit = start + LONGEST_SENTENCE
        half = start + LONGEST_SENTENCE // 2
        stops = [each.end() for each in re.finditer(r"[;:,—，、；：،]\s*|\n", text[half:limit])]
        blank = max(text.rfind(" ", half, limit), text.rfind("\u3000", half, limit))
        place = half + stops[-1] if stops else blank + 1 if blank > 0 else _between_characters(text, half, limit)
        if (part := _trimmed(text, start, place)) is not None:
            yield part
        start = place
    if (part := _trimmed(text, start, end)) is not None:
        yield part


def _between_characters(text: str, least: int, limit: int) -> int:
    """A place before which no accent or half of an emoji is torn off."""
    at = limit
    while at > least and (
        unicodedata.combining(text[at]) or text[at] in "\u200d\ufe0e\ufe0f" or text[at - 1] == "\u200d"
    ):
        at -= 1
    return at
