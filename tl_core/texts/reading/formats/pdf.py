"""PDF: what PDFium, the reader in Chromium, finds of text on its pages."""

import ctypes
import itertools
import re
from statistics import median_low
from typing import Any

from tl_core.notices import Code, notice
from tl_core.texts.reading.formats.base import Extracted
from tl_core.texts.reading.refusals import TextRefused

_MOST_PAGES = 5000
_GAP = 1.45  # of the usual distance between two lines: where a paragraph ends
_PASSWORD = 4  # FPDF_ERR_PASSWORD


def read(content: bytes) -> Extracted:
    """Return the text of all pages: their paragraphs, as far as the distance between lines tells them."""
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if raw.FPDF_GetLastError() == _PASSWORD or "assword" in str(error):
            raise TextRefused("encrypted", notice(Code.ENCRYPTED)) from error
        raise TextRefused("unreadable", notice(Code.DAMAGED, kind="PDF", error=str(error))) from error
    n_pages = len(document)
    if n_pages > _MOST_PAGES:
        raise TextRefused("too-large", notice(Code.TOO_MANY_MEMBERS, n=n_pages, limit=_MOST_PAGES))
    pages = [_page(document, number) for number in range(n_pages)]
    n_bare = sum(not page.strip() for page in pages)
    if n_bare == n_pages:
        raise TextRefused("scanned", notice(Code.SCANNED, n=n_pages))
    notes = [notice(Code.PAGES_WITHOUT_TEXT, n=n_bare)] if n_bare else []
    title = " ".join(document.get_metadata_dict().get("Title", "").split())
    return Extracted(_joined(pages), "", title, notes)


def _page(document: Any, number: int) -> str:
    page = document[number]
    try:
        shown = page.get_textpage()
        text = shown.get_text_range().replace("\r\n", "\n").replace("\r", "\n")
        heights = _heights(shown)
    finally:
        page.close()
    lines = text.split("\n")
    # PDFium ends a hyphenated line with U+FFFE or U+0002 where the word goes on.
    if len(heights) != len(lines):
        heights = []
    parted = _parted(lines, heights)
    return re.sub("[\ufffe\x02]\n?", "", parted).replace("\0", "")


def _heights(shown: Any) -> list[float | None]:
    """Where on the page each line begins: the lower edge of its first letter, in points."""
    from pypdfium2 import raw

    heights: list[float | None] = []
    awaited = True
    edges = [ctypes.c_double() for _ in range(4)]
    for at in range(shown.count_chars()):
        letter = raw.FPDFText_GetUnicode(shown.raw, at)
        if letter == 10:
            if awaited:
                heights.append(None)
            awaited = True
        elif awaited and letter not in (13, 32):
            raw.FPDFText_GetCharBox(shown.raw, at, *map(ctypes.byref, edges))
            heights.append(edges[2].value)
            awaited = False
    if awaited:
        heights.append(None)
    return heights


def _parted(lines: list[str], heights: list[float | None]) -> str:
    """Lines with an empty one where there is more room between two than usual, or where the text goes up again."""
    steps = [
        above - below if above is not None and below is not None else None
        for above, below in itertools.pairwise(heights)
    ]
    down = [step for step in steps if step is not None and step > 1]
    usual = median_low(down) if down else 0.0
    parted = lines[:1]
    for at, line in enumerate(lines[1:]):
        step = steps[at] if at < len(steps) else None
        if step is not None and usual and (step > _GAP * usual or step < -usual):
            parted.append("")
        parted.append(line)
    return "\n".join(line.rstrip() for line in parted)


def _joined(pages: list[str]) -> str:
    """Pages one after the other; a paragraph that goes on overleaf is not parted."""
    whole = ""
    for page in (each.strip("\n") for each in pages):
        if not page.strip():
            continue
        goes_on = whole and whole[-1] not in ".!?:;”»\"')" and page[:1].islower()
        whole += ("\n" if goes_on else "\n\n") + page if whole else page
    return whole
